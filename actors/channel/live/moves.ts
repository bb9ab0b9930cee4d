/**
 * How long users take from one funnel state to another: per UTC day and transition a DDSketch,
 * whose quantiles are within 1 % of an observed value (Masson, Rim & Lee 2019), and which days can
 * be added up by.
 *
 * Invariants:
 *   V1 A move of unknown time (-1) counts as a move, and in no quantile.
 *   V2 At most MAX_DAYS days are kept; what comes for one before them counts nowhere.
 */
import { DDSketch } from '@datadog/sketches-js';
import type { LiveMoves, StoredSketch } from '../../../protocols/live-snapshot.ts';
import { FUNNEL_STATES } from '../../../protocols/pulse.ts';

/** Quantiles are within this part of an observed value. */
export const RELATIVE_ERROR = 0.01;
export const MAX_DAYS = 32;
const DAY_SECONDS = 86_400;

interface Transition {
  count: number;
  readonly sketch: DDSketch;
}

/** The UTC day of a Unix second, yyyymmdd. */
export function dayOf(second: number): string {
  return new Date(second * 1_000).toISOString().slice(0, 10).replaceAll('-', '');
}

/** A sketch without any times. */
export function newSketch(): DDSketch {
  return new DDSketch({ relativeAccuracy: RELATIVE_ERROR });
}

/** A sketch as it is stored. O(bins). */
export function storedSketch({ store, zeroCount }: DDSketch): StoredSketch {
  const bins: [number, number][] = [];
  let previous = 0;
  store.bins.forEach((count, i) => {
    if (count === 0) return;
    const key = i + store.offset;
    bins.push([key - previous, count]);
    previous = key;
  });
  return { zeros: zeroCount, bins };
}

/** Adds a stored sketch to one, exactly as if it had seen the same times. O(bins). */
export function mergeSketch(into: DDSketch, { zeros, bins }: StoredSketch): void {
  let key = 0;
  for (const [distance, count] of bins) {
    key += distance;
    into.store.add(key, count);
    into.count += count;
  }
  into.zeroCount += zeros;
  into.count += zeros;
}

export class Moves {
  readonly #days = new Map<string, Map<string, Transition>>();
  readonly #dirty = new Set<string>();
  #forgotten: string[] = [];
  /** The day that was asked for last: days turn far less often than users move. */
  #latest: readonly [dayNumber: number, day: string] = [Number.NaN, ''];

  /** The days that are kept, the oldest first. */
  get days(): string[] {
    return [...this.#days.keys()].sort();
  }

  /** @param tookMs at least 0, or -1 where it is not known (V1). */
  add(second: number, from: number, to: number, tookMs: number): void {
    const day = this.#dayOf(second);
    const transitions = this.#kept(day);
    if (transitions === undefined) return;
    const name = `${FUNNEL_STATES[from]}>${FUNNEL_STATES[to]}`;
    const transition = transitions.get(name) ?? { count: 0, sketch: newSketch() };
    transitions.set(name, transition);
    transition.count++;
    if (tookMs >= 0) transition.sketch.accept(tookMs);
    this.#dirty.add(day);
  }

  /** A day's transitions by name, in the order of their names. */
  of(day: string): readonly (readonly [name: string, transition: Readonly<Transition>])[] {
    return [...(this.#days.get(day) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  load(day: string, { moves }: LiveMoves): void {
    const transitions = new Map<string, Transition>();
    for (const [name, { count, sketch }] of Object.entries(moves)) {
      const restored = newSketch();
      mergeSketch(restored, sketch);
      transitions.set(name, { count, sketch: restored });
    }
    this.#days.set(day, transitions);
  }

  /** The days that changed, and those that went (V2), since the last call. */
  takeChanges(): { moves: (readonly [string, LiveMoves])[]; forgottenDays: string[] } {
    const moves = [...this.#dirty].sort().map((day) => [day, this.#stored(day)] as const);
    const forgottenDays = this.#forgotten;
    this.#forgotten = [];
    this.#dirty.clear();
    return { moves, forgottenDays };
  }

  #stored(day: string): LiveMoves {
    const moves = this.of(day).map(([name, { count, sketch }]) => [
      name,
      { count, sketch: storedSketch(sketch) },
    ]);
    return { v: 1, moves: Object.fromEntries(moves) };
  }

  #kept(day: string): Map<string, Transition> | undefined {
    const known = this.#days.get(day);
    if (known !== undefined) return known;
    if (this.#days.size >= MAX_DAYS) {
      const oldest = this.days[0] as string;
      if (day < oldest) return undefined;
      this.#days.delete(oldest);
      this.#dirty.delete(oldest);
      this.#forgotten.push(oldest);
    }
    const transitions = new Map<string, Transition>();
    this.#days.set(day, transitions);
    return transitions;
  }

  #dayOf(second: number): string {
    const number = Math.floor(second / DAY_SECONDS);
    if (this.#latest[0] !== number) this.#latest = [number, dayOf(second)];
    return this.#latest[1];
  }
}
