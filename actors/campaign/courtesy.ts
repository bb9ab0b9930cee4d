/**
 * How often and when a user may be bothered: what caps, spacing and quiet hours say about one
 * moment, by distances in time and by the user's own calendar.
 *
 * Invariants:
 *   W1 Distances count either way, so an event that comes late is held to the same courtesy.
 *   W2 A full memory cannot tell what it has forgotten: nobody wins before it reaches back as far
 *      as the courtesy asks.
 *   W3 What all campaigns need is calculated once, and only if one of them needs it.
 */
import { type Courtesy, MAX_EXPOSURES, type QuietHours } from '../../protocols/courtesy.ts';
import type { Exclusion } from '../../protocols/decision.ts';
import type { Settings } from '../../protocols/settings.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import { type LocalTime, localTime } from '../calendar.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** However a zone's clocks change, a moment this far away is on another date. */
const DATE_MS_MAX = 2 * DAY_MS;
const HOUR_MINUTES = 60;

/** A courtesy in milliseconds. */
export interface CourtesyTerms {
  readonly spacingMs: number;
  /** The most wins within a time; the first of them is a day. */
  readonly caps: readonly { readonly max: number; readonly withinMs: number }[];
  /** The most wins on one date; undefined for any number. */
  readonly maxPerDate: number | undefined;
  /** How far back wins must be remembered to tell (W2). */
  readonly horizonMs: number;
}

/** Quiet hours in minutes since midnight. */
export interface QuietMinutes {
  readonly from: number;
  readonly until: number;
}

/** A courtesy's terms; O(its windows). */
export function courtesyTerms(courtesy: Courtesy): CourtesyTerms {
  const { max_per_day, max_per_calendar_day, windows = [], min_spacing_s } = courtesy;
  const spacingMs = min_spacing_s * SECOND_MS;
  const caps = windows.map(({ max, within_s }) => ({ max, withinMs: within_s * SECOND_MS }));
  caps.unshift({ max: max_per_day, withinMs: DAY_MS });
  const dateMs = max_per_calendar_day === undefined ? 0 : DATE_MS_MAX;
  const horizonMs = Math.max(spacingMs, dateMs, ...caps.map(({ withinMs }) => withinMs));
  return { spacingMs, caps, maxPerDate: max_per_calendar_day, horizonMs };
}

/** Quiet hours by the minute. */
export function quietMinutes({ from, until }: QuietHours): QuietMinutes {
  return { from: minuteOf(from), until: minuteOf(until) };
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * HOUR_MINUTES + Number(time.slice(3));
}

/** What one courtesy can be out for: too near, too many within a time, too many on one date. */
type Reasons = readonly [near: Exclusion, many: Exclusion, date: Exclusion];
const OWN: Reasons = ['min_spacing', 'frequency_cap', 'calendar_cap'];
const OVERALL: Reasons = ['overall_spacing', 'overall_cap', 'overall_calendar_cap'];

/** A moment at which a user may be bothered or not. Belongs to one auction. */
export class Moment {
  readonly #exposures: FusedState['exposures'];
  readonly #atMs: number;
  readonly #zone: string;
  readonly #settings: Pick<Settings, 'courtesy' | 'quiet_hours'>;
  /** Of each exposure. */
  readonly #distancesMs: readonly number[];
  readonly #isFull: boolean;
  /** Places of each campaign's wins in the exposures. */
  readonly #placesOf: ReadonlyMap<string, readonly number[]> | undefined;
  #now: LocalTime | undefined;
  #isQuiet: boolean | undefined;
  /** Whether each exposure is on the date of the moment. */
  #onDate: readonly boolean[] | undefined;
  #overall: Exclusion | null | undefined;

  /** @param zone of the user's calendar. O(exposures). */
  constructor(
    exposures: FusedState['exposures'],
    atMs: number,
    zone: string,
    settings: Pick<Settings, 'courtesy' | 'quiet_hours'>,
  ) {
    this.#exposures = exposures;
    this.#atMs = atMs;
    this.#zone = zone;
    this.#settings = settings;
    this.#distancesMs = exposures.map(({ t }) => Math.abs(atMs - t));
    this.#isFull = exposures.length >= MAX_EXPOSURES;
    this.#placesOf = exposures.length === 0 ? undefined : placesByCampaign(exposures);
  }

  /** Why a campaign must not bother the user now, or undefined if it may. */
  exclusion(
    id: string,
    courtesy: CourtesyTerms,
    quiet: QuietMinutes | undefined,
  ): Exclusion | undefined {
    this.#isQuiet ??= this.#isWithin(
      this.#settings.quiet_hours && quietMinutes(this.#settings.quiet_hours),
    );
    if (this.#isQuiet || (quiet !== undefined && this.#isWithin(quiet))) return 'quiet_hours';
    if (this.#placesOf === undefined) return undefined;
    const own = this.#placesOf.get(id);
    if (own !== undefined || this.#isFull) {
      const reason = this.#breach(courtesy, own ?? [], OWN);
      if (reason !== undefined) return reason;
    }
    if (this.#overall === undefined) {
      const all = this.#distancesMs.map((_, i) => i);
      this.#overall = this.#breach(courtesyTerms(this.#settings.courtesy), all, OVERALL) ?? null;
    }
    return this.#overall ?? undefined;
  }

  #isWithin(quiet: QuietMinutes | undefined): boolean {
    if (quiet === undefined) return false;
    const { from, until } = quiet;
    const { minute } = this.#localNow();
    return from < until ? from <= minute && minute < until : from <= minute || minute < until;
  }

  #localNow(): LocalTime {
    this.#now ??= localTime(this.#zone, this.#atMs);
    return this.#now;
  }

  /** @param places of the wins that count, in the exposures. */
  #breach(
    { spacingMs, caps, maxPerDate, horizonMs }: CourtesyTerms,
    places: readonly number[],
    [near, many, date]: Reasons,
  ): Exclusion | undefined {
    const distancesMs = this.#distancesMs;
    const within = (ms: number): number => {
      let count = 0;
      for (const place of places) if ((distancesMs[place] as number) < ms) count++;
      return count;
    };
    if (within(spacingMs) > 0) return near;
    for (const { max, withinMs } of caps) if (within(withinMs) >= max) return many;
    if (this.#isFull && (distancesMs[0] as number) < horizonMs) return many;
    if (maxPerDate === undefined || places.length < maxPerDate) return undefined;
    this.#onDate ??= this.#exposures.map(
      ({ t }) => localTime(this.#zone, t).day === this.#localNow().day,
    );
    let onDate = 0;
    for (const place of places) if (this.#onDate[place] === true) onDate++;
    return onDate >= maxPerDate ? date : undefined;
  }
}

function placesByCampaign(exposures: FusedState['exposures']): Map<string, number[]> {
  const places = new Map<string, number[]>();
  exposures.forEach(({ campaign }, place) => {
    const known = places.get(campaign);
    if (known === undefined) places.set(campaign, [place]);
    else known.push(place);
  });
  return places;
}
