/**
 * What an incident follows from. An outage shows in every figure that it touches; people are to
 * hear of it once, and of the group that it is in.
 *
 *   up      the same metric, in the same direction, of the group that it is part of
 *   across  events of the same group, or of one that it is part of: with them come conversions,
 *           revenue, decisions and spend; with conversions come revenue and the conversion rate;
 *           with lost events comes a fall of events, down to a part of what still arrives
 *   down    the one part of it that nearly all of the change is in; that part then has the incident
 *
 * Invariants:
 *   Q1 What an incident follows from explains it until QUIET_MS behind the end of that one: parts
 *      do not become calm in the same window.
 *   Q2 A series that something else is moving learns nothing meanwhile.
 */
import type { StoredIncident } from '../../../protocols/live-snapshot.ts';
import { ALL_NAMES } from '../../../protocols/pulse.ts';
import { countOf, FIGURE, type Sum } from './metrics.ts';
import type { Series } from './series.ts';

/** How long an incident that is over still explains others; two of the longest windows. */
const QUIET_MS = 120_000;
/** The share of the change that is in one part, for that part to be the reason. */
const CULPRIT_SHARE = 0.7;
/** The rest is as expected within these many Poisson deviations and this part of it. */
const REST_DEVIATIONS = 3;
const REST_PART = 0.25;
/** Parts in an incident are made up for while they are less than this share of what is expected. */
const MADE_UP_SHARE = 0.75;
/** From this share on a part is a large one. */
const LARGE_SHARE = 0.5;
/** Lost events explain a fall of events to no less than this part of the share that arrives. */
const LOSS_PART = 0.5;
/** A part with less than this share of the events hardly shows in anything else of the whole. */
const NOTED_SHARE = 0.1;
const MS_PER_SECOND = 1_000;
/** That events are lost, by gaps in their numbers. */
const LOSS = 'fill_rate';
/** What else moves a metric, the first cause first; of rates, in whichever direction. */
const EVENTS = ['event_rate', 'event_rate_minute'] as const;
const ACROSS: Readonly<Record<string, readonly string[]>> = {
  event_rate: ['event_rate_minute', LOSS],
  event_rate_minute: ['event_rate', LOSS],
  decision_rate: EVENTS,
  conversions: EVENTS,
  revenue: [...EVENTS, 'conversions', 'order_value'],
  order_value: [...EVENTS, 'conversions', 'revenue'],
  conversion_rate: [...EVENTS, 'conversions'],
};

const RATES: ReadonlySet<string> = new Set(['conversion_rate', 'order_value']);

export class Reasons {
  readonly #byId: ReadonlyMap<string, Series>;

  /** @param byId all series; it grows as they come. */
  constructor(byId: ReadonlyMap<string, Series>) {
    this.#byId = byId;
  }

  /** What an incident follows from; undefined if it stands for itself. O(parts). */
  of(series: Series, incident: StoredIncident, nowMs: number): string | undefined {
    const known = incident.follows === null ? undefined : this.#byId.get(incident.follows);
    if (known !== undefined && isActive(known, nowMs, QUIET_MS) && this.#isEnough(known, series)) {
      return known.id;
    }
    return (
      this.#above(series, incident.direction)?.id ??
      this.#across(series, incident.direction, nowMs, QUIET_MS)?.id ??
      culprit(series, incident, nowMs)?.id
    );
  }

  /** Whether something else moves a series in the window that ends now (Q2). */
  isMoved(series: Series, nowMs: number): boolean {
    if (this.#above(series) !== undefined) return true;
    const windowMs = series.metric.windowS * MS_PER_SECOND;
    if (this.#across(series, undefined, nowMs, windowMs) !== undefined) return true;
    return series.metric.name in ACROSS && this.#isPartMoved(series, nowMs, windowMs);
  }

  /** Whether a part of the group has an incident in its events that shows in this figure of it. */
  #isPartMoved({ metric, key }: Series, nowMs: number, windowMs: number): boolean {
    // Windows of 5 s are made up for (madeUp).
    if (metric.name === 'event_rate') return false;
    const least = metric.name === 'event_rate_minute' ? 0 : NOTED_SHARE;
    const expected = this.#expectedEvents(key, nowMs);
    for (const name of [...EVENTS, LOSS]) {
      for (const part of partsOf(this.#byId.get(`${name} ${key}`))) {
        if (!isActive(part, nowMs, windowMs)) continue;
        if (this.#expectedEvents(part.key, nowMs) >= least * expected) return true;
      }
    }
    return false;
  }

  #expectedEvents(key: string, nowMs: number): number {
    return countOf(this.#byId.get(`event_rate ${key}`)?.expectedAt(nowMs) ?? 0);
  }

  /** The group that it is part of, if that has an incident which is one of all its parts. */
  #above(series: Series, direction?: string): Series | undefined {
    for (let above = series.parent; above !== undefined; above = above.parent) {
      const { incident } = above;
      if (incident === null || !this.#explainsParts(above)) continue;
      if (direction === undefined || incident.direction === direction) return above;
    }
    return undefined;
  }

  #across(
    series: Series,
    direction: string | undefined,
    nowMs: number,
    quietMs: number,
  ): Series | undefined {
    const { name } = series.metric;
    if (series.level === 'campaign') return this.#busy(direction, nowMs, quietMs);
    for (const cause of ACROSS[name] ?? []) {
      for (let at: Series | undefined = series; at !== undefined; at = at.parent) {
        const other = this.#byId.get(`${cause} ${at.key}`);
        if (other === undefined || !isActive(other, nowMs, quietMs)) continue;
        if (!this.#isEnough(other, series)) continue;
        if (at !== series && !this.#explainsParts(other)) continue;
        const isAny = direction === undefined || RATES.has(name);
        if (isAny || (other.incident?.direction ?? direction) === direction) return other;
      }
    }
    return undefined;
  }

  /** What moves the spend of campaigns: all events, or those of a source that counts. */
  #busy(direction: string | undefined, nowMs: number, quietMs: number): Series | undefined {
    for (const name of EVENTS) {
      const all = this.#byId.get(`${name} ${ALL_NAMES}/${ALL_NAMES}`);
      if (all === undefined) continue;
      const least = NOTED_SHARE * countOf(all.expectedAt(nowMs) ?? 0);
      for (const each of [all, ...all.children]) {
        if (!isActive(each, nowMs, quietMs)) continue;
        const isSame = direction === undefined || each.incident?.direction !== 'low';
        if (isSame && countOf(each.expectedAt(nowMs) ?? 0) >= least) return each;
      }
    }
    return undefined;
  }

  /** Whether another one explains all of this incident: lost events only so much (LOSS_PART). */
  #isEnough(other: Series, { id, metric, incident }: Series): boolean {
    const follows = other.incident?.follows ?? null;
    if (follows === id) return false;
    const reason = follows === null ? undefined : this.#byId.get(follows);
    const by = reason?.metric.name === LOSS ? reason : other;
    const loss = by.metric.name === LOSS ? by.incident : null;
    if (loss === null || incident === null || metric.sum === null) return true;
    const arrived = by.metric.windowInUnits(loss.worst) / by.metric.inUnits(loss.before);
    const left = metric.sum.found(incident.worst) / metric.sum.expected(incident.before);
    return left >= LOSS_PART * arrived;
  }

  /** Whether its incident is one of all its parts, rather than of one of them. */
  #explainsParts({ metric, incident }: Series): boolean {
    const follows = incident?.follows ?? null;
    return follows === null || this.#byId.get(follows)?.metric !== metric;
  }
}

/** The parts of a group, and theirs. */
function partsOf(whole: Series | undefined): readonly Series[] {
  return (whole?.children ?? []).flatMap((part) => [part, ...part.children]);
}

function isActive({ incident, endedMs }: Series, nowMs: number, quietMs: number): boolean {
  return incident !== null || (endedMs > 0 && nowMs - endedMs < quietMs);
}

/**
 * A window as it would be if the parts that have an incident of their own were as before; they are
 * judged by themselves. Where they are most of it, or the rest of it is unusual too, the window is
 * left as it is. O(parts).
 */
export function madeUp(
  series: Series,
  window: readonly number[],
  total: readonly number[],
  nowMs: number,
): readonly number[] {
  const { sum } = series.metric;
  const level = series.expectedAt(nowMs);
  if (series.incident !== null || level === undefined) return window;
  if (sum === null) return withoutParts(series, window, total);
  const { before, found } = movedParts(series, sum);
  const expected = sum.expected(level);
  if (before === 0 || before >= MADE_UP_SHARE * expected) return window;
  const rest = (window[sum.figure] as number) - found;
  // Beside a large part the rest has less to show that it is going, too.
  const part = before >= LARGE_SHARE * expected ? 0 : REST_PART;
  const isUnusual = Math.abs(rest - expected + before) > noiseOf(series, expected - before, part);
  return isUnusual ? window : window.with(sum.figure, rest + before);
}

/** What parts with an incident of their own were before, and came to now, parts of parts too. */
function movedParts(series: Series, sum: Sum): { before: number; found: number } {
  let [before, found] = [0, 0];
  for (const child of series.children) {
    const { incident, latest } = child;
    if (incident?.follows === series.id) continue;
    if (incident === null) {
      const within = movedParts(child, sum);
      before += within.before;
      found += within.found;
    } else if (latest !== undefined) {
      before += sum.expected(incident.before);
      found += sum.found(latest);
    }
  }
  return { before, found };
}

/** Of a share or a mean: what is left without the parts that have an incident of their own. */
function withoutParts(
  { id, metric, children }: Series,
  window: readonly number[],
  total: readonly number[],
): readonly number[] {
  const moved = children.filter(({ incident }) => incident !== null && incident.follows !== id);
  if (moved.length === 0) return window;
  let rest = [...window];
  for (const { latestWindow } of moved) {
    rest = rest.map((figure, i) => figure - (latestWindow?.[i] ?? 0));
  }
  // Several parts that are most of it are no exceptions any more.
  const isMost =
    (rest[FIGURE.events] as number) < (1 - MADE_UP_SHARE) * (window[FIGURE.events] as number);
  if (moved.length > 1 && isMost) return window;
  return metric.read(rest, total) === undefined ? window : rest;
}

/** How far the rest of a group may be from what is expected of it, in the unit of its sum. */
function noiseOf({ metric }: Series, rest: number, part = REST_PART): number {
  // What a piece of money is worth is not known here: the part has to do.
  if (metric.kind === 'revenue') return REST_PART * rest;
  return part * rest + REST_DEVIATIONS * Math.sqrt(Math.max(0, rest));
}

/**
 * The part of a group that a change is in, if it is in one: it then has the incident. Only of sums,
 * and in the window in which the incident began. O(parts).
 */
function culprit(series: Series, incident: StoredIncident, nowMs: number): Series | undefined {
  const { metric, judgedMs, children } = series;
  const { sum } = metric;
  if (sum === null || judgedMs !== nowMs || incident.since_ms !== nowMs) return undefined;
  const expected = sum.expected(incident.before);
  const found = sum.found(incident.worst);
  for (const child of children) {
    const { latest, latestExpected: before } = child;
    if (before === undefined || latest === undefined || child.judgedMs !== nowMs) continue;
    const [own, ownFound] = [sum.expected(before), sum.found(latest)];
    if ((ownFound - own) / (found - expected) < CULPRIT_SHARE) continue;
    const rest = expected - own;
    const change = Math.abs(found - ownFound - rest);
    if (rest <= 0 || change > noiseOf(series, rest)) continue;
    if (child.incident === null) {
      const { direction, z } = incident;
      child.begin({ endMs: nowMs, direction, before, value: latest, z });
    }
    return child;
  }
  return undefined;
}
