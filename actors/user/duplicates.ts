/**
 * Duplicate detection without a time window. Per series of session indices the exact set of
 * indices seen is kept as ranges, which is one pair of numbers while nothing is missing, so a
 * duplicate is recognised two minutes or two years late.
 *
 * Invariants:
 *   U1 An event is admitted at most once, whatever the bounds below make it forget: what can no
 *      longer be told from a duplicate is refused.
 */
import type { Event } from '../../protocols/event.ts';
import type { DuplicateMemory } from '../../protocols/user-snapshot.ts';
import { hash64 } from '../hash.ts';

/** Series (sessions) kept per user; the longest unused one is forgotten first. */
export const MAX_SERIES = 16;
/** Gaps kept open per series; beyond, the oldest gap closes and its late events are refused. */
export const MAX_RANGES = 32;
/** Event ids kept, for senders that repeat an event under a new index. */
export const MAX_RECENT_IDS = 8;
/** A series whose span grows by more at once has been numbered anew: no event of it is missing. */
export const MAX_COUNTED_GAP = 1_000;

export const NO_DUPLICATES: DuplicateMemory = {
  series: [],
  recentIds: [],
  forgottenThroughMs: -1,
};

export type Admission =
  | {
      readonly duplicate: false;
      readonly memory: DuplicateMemory;
      /** Events that the index shows to be missing before it; -1 if it was missing itself. */
      readonly missing: number;
    }
  | { readonly duplicate: true; readonly reason: string };

type Series = DuplicateMemory['series'][number];
type Range = Series['ranges'][number];

/** Admits an event seen for the first time, or says why it is a duplicate. O(ranges). */
export function admit(memory: DuplicateMemory, event: Event): Admission {
  const seriesId = event.session_id ?? '';
  const index = event.session_index;
  const at = memory.series.findIndex((s) => s.id === seriesId);
  const series = memory.series[at];
  if (series !== undefined && hasIndex(series.ranges, index)) {
    return { duplicate: true, reason: `session_index ${index} was seen before` };
  }
  // Of a series that is known again, too: what it held before it was forgotten is gone.
  if (event.timestamp <= memory.forgottenThroughMs) {
    return { duplicate: true, reason: `session "${seriesId}" is too old to tell` };
  }
  const id = shortId(event.event_id);
  if (memory.recentIds.includes(id)) {
    return { duplicate: true, reason: `event_id ${event.event_id} was seen before` };
  }
  const recentIds = memory.recentIds.concat(id);
  if (recentIds.length > MAX_RECENT_IDS) recentIds.shift();
  const updated: Series = {
    id: seriesId,
    lastMs: Math.max(series?.lastMs ?? 0, event.timestamp),
    ranges: addIndex(series?.ranges ?? [], index),
  };
  const missing = series === undefined ? 0 : missingBy(series.ranges, index);
  return { duplicate: false, memory: withSeries({ ...memory, recentIds }, at, updated), missing };
}

/** An event id as snapshots hold it. A UUID is the same in capitals (RFC 9562). */
export function shortId(eventId: string): string {
  return hash64(eventId.toLowerCase()).slice(0, 12);
}

function withSeries(memory: DuplicateMemory, at: number, updated: Series): DuplicateMemory {
  const series = memory.series.slice();
  if (at >= 0) series[at] = updated;
  else series.push(updated);
  if (series.length <= MAX_SERIES) return { ...memory, series };
  let oldest = 0;
  for (let i = 1; i < series.length; i++) {
    if ((series[i] as Series).lastMs < (series[oldest] as Series).lastMs) oldest = i;
  }
  const [forgotten] = series.splice(oldest, 1);
  const forgottenThroughMs = Math.max(memory.forgottenThroughMs, forgotten?.lastMs ?? -1);
  return { ...memory, series, forgottenThroughMs };
}

function hasIndex(ranges: readonly Range[], index: number): boolean {
  for (let i = ranges.length - 1; i >= 0; i--) {
    const [first, last] = ranges[i] as Range;
    if (index > last) return false;
    if (index >= first) return true;
  }
  return false;
}

/** How far an index widens what ranges span, less the index itself. */
function missingBy(ranges: readonly Range[], index: number): number {
  const [first] = ranges[0] as Range;
  const [, last] = ranges[ranges.length - 1] as Range;
  const growth = Math.max(0, first - index, index - last);
  return growth > MAX_COUNTED_GAP ? 0 : growth - 1;
}

/** Adds an index that is not in the ranges; they stay sorted, disjoint and not adjacent. */
function addIndex(ranges: readonly Range[], index: number): Range[] {
  const next = ranges.slice();
  let i = next.length;
  while (i > 0 && (next[i - 1] as Range)[0] > index) i--;
  const before = next[i - 1];
  const after = next[i];
  const joinsBefore = before !== undefined && before[1] + 1 === index;
  const joinsAfter = after !== undefined && after[0] - 1 === index;
  if (joinsBefore && joinsAfter) next.splice(i - 1, 2, [before[0], after[1]]);
  else if (joinsBefore) next[i - 1] = [before[0], index];
  else if (joinsAfter) next[i] = [index, after[1]];
  else next.splice(i, 0, [index, index]);
  if (next.length > MAX_RANGES) {
    const [oldest, second] = next as [Range, Range];
    next.splice(0, 2, [oldest[0], second[1]]);
  }
  return next;
}
