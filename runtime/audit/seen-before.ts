/**
 * Which events of a user count as seen before, from docs/semantics.md ("Taking an event"): plain
 * sets of indices, with the documented bounds on what is remembered; and how many events the gaps
 * between indices show to be missing ("Live figures").
 */
import { hash64 } from '../../actors/hash.ts';
import type { Event } from '../../protocols/event.ts';
import type { DuplicateMemory } from '../../protocols/user-snapshot.ts';

const MAX_SERIES = 16;
const MAX_RANGES = 32;
const MAX_RECENT_IDS = 8;
/** A series that grows by more at once has been numbered anew: nothing is missing. */
const MAX_SPAN_GROWTH = 1_000;

interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The indices of one series: those in the set, and all in a closed interval. */
interface Series {
  lastMs: number;
  /** The least and the greatest index ever admitted. */
  first: number;
  last: number;
  readonly indices: Set<number>;
  /** How many runs of consecutive indices the series has. */
  runs: number;
  /** Where gaps were closed every index counts as seen. */
  closed: readonly Interval[];
}

export class SeenBefore {
  readonly #series = new Map<string, Series>();
  readonly #recentIds: string[] = [];
  #forgottenThroughMs = -1;

  has(event: Event): boolean {
    if (event.timestamp <= this.#forgottenThroughMs) return true;
    const series = this.#series.get(event.session_id ?? '');
    if (series !== undefined && isSeen(series, event.session_index)) return true;
    return this.#recentIds.includes(shortId(event.event_id));
  }

  /** Admits an event. @returns how many more of its series it shows to be missing; -1 in a gap. */
  admit(event: Event): number {
    this.#recentIds.push(shortId(event.event_id));
    if (this.#recentIds.length > MAX_RECENT_IDS) this.#recentIds.shift();
    const id = event.session_id ?? '';
    const { session_index: index } = event;
    const series: Series = this.#series.get(id) ?? {
      lastMs: 0,
      first: index,
      last: index - 1,
      indices: new Set(),
      runs: 0,
      closed: [],
    };
    this.#series.set(id, series);
    series.lastMs = Math.max(series.lastMs, event.timestamp);
    enter(series, index);
    if (this.#series.size > MAX_SERIES) this.#forgetOne();
    return missingBy(series, index);
  }

  /** As a snapshot stores it. */
  stored(): DuplicateMemory {
    return {
      series: [...this.#series].map(([id, series]) => ({
        id,
        lastMs: series.lastMs,
        ranges: runsOf(series),
      })),
      recentIds: this.#recentIds,
      forgottenThroughMs: this.#forgottenThroughMs,
    };
  }

  /** Forgets the series with the smallest lastMs; of equals, the one known longest. */
  #forgetOne(): void {
    let oldest = '';
    let lastMs = Number.POSITIVE_INFINITY;
    for (const [id, series] of this.#series) {
      if (series.lastMs >= lastMs) continue;
      oldest = id;
      lastMs = series.lastMs;
    }
    this.#series.delete(oldest);
    this.#forgottenThroughMs = Math.max(this.#forgottenThroughMs, lastMs);
  }
}

/** An event id as snapshots hold it. */
export function shortId(eventId: string): string {
  return hash64(eventId.toLowerCase()).slice(0, 12);
}

/** Widens a series' span to an index that came. */
function missingBy(series: Series, index: number): number {
  const before = series.last - series.first;
  series.first = Math.min(series.first, index);
  series.last = Math.max(series.last, index);
  const growth = series.last - series.first - before;
  return growth > MAX_SPAN_GROWTH ? 0 : growth - 1;
}

function isSeen({ indices, closed }: Series, index: number): boolean {
  return indices.has(index) || closed.some(({ low, high }) => low <= index && index <= high);
}

function enter(series: Series, index: number): void {
  series.runs += 1 - Number(isSeen(series, index - 1)) - Number(isSeen(series, index + 1));
  series.indices.add(index);
  if (series.runs > MAX_RANGES) closeLowestGap(series);
}

/** Closes the gap between the two lowest runs; their indices need no set any more. */
function closeLowestGap(series: Series): void {
  const { indices, closed } = series;
  const low = leastFrom(series, 0);
  const high = endOfRun(series, leastFrom(series, endOfRun(series, low) + 1));
  series.closed = [{ low, high }, ...closed.filter((interval) => interval.low > high)];
  series.runs--;
  for (const index of indices) if (index <= high) indices.delete(index);
}

/** The least index seen that is not below `from`, which is not inside an interval. */
function leastFrom({ indices, closed }: Series, from: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (const index of indices) if (index >= from && index < least) least = index;
  for (const { low } of closed) if (low >= from && low < least) least = low;
  return least;
}

function endOfRun(series: Series, from: number): number {
  let end = from;
  for (let next = from; isSeen(series, next); next = end + 1) {
    const at = next;
    end = series.closed.find(({ low, high }) => low <= at && at <= high)?.high ?? at;
  }
  return end;
}

function runsOf({ indices, closed }: Series): [number, number][] {
  const parts: [number, number][] = closed.map(({ low, high }) => [low, high]);
  for (const index of indices) parts.push([index, index]);
  parts.sort((a, b) => a[0] - b[0]);
  const runs: [number, number][] = [];
  for (const [low, high] of parts) {
    const last = runs[runs.length - 1];
    if (last !== undefined && last[1] + 1 >= low) last[1] = Math.max(last[1], high);
    else runs.push([low, high]);
  }
  return runs;
}
