/**
 * The Markov path: a user's channel touches and conversions in event-time order, cut into paths,
 * and what each change of it does to the transition counts.
 *
 * A path ends in a conversion, or in null when no touch follows within the lookback window. It
 * holds the touches of the window before its end, at most MAX_PATH_TOUCHES; an open path counts
 * as ended in null until the next touch or the conversion moves it.
 *
 * Invariants:
 *   P1 The counts always equal those of the user's sorted items cut from nothing (I6): a change is
 *      counted as "retract the paths before, assert the paths after".
 *   P2 Pruning never changes a count: it forgets only what no acceptable item can reach any more.
 */

import { EVERYBODY_PPM } from '../../protocols/cohort.ts';
import type { Path, PathConversion, PathTouch, TouchFact } from '../../protocols/user-snapshot.ts';
import { isPathConversion, type PathItem } from '../../protocols/user-snapshot.ts';

/** Touches a path may hold; of longer ones the last are kept. */
export const MAX_PATH_TOUCHES = 128;
/** Items kept per user; beyond, the oldest settle early. */
export const MAX_PATH_ITEMS = 256;

/** The paths of a list of items, with what fell outside every one of them. */
export interface CutPaths {
  readonly paths: readonly Path[];
  readonly touchesOutsideWindow: number;
  /** Conversions with no touch inside the lookback window. */
  readonly withoutPath: readonly PathConversion[];
}

/** Where changes of the counts go; `by` is +1 or -1. */
export interface PathCounts {
  path(path: Path, by: 1 | -1): void;
}

export interface PathBounds {
  readonly lookbackMs: number;
  readonly latenessMs: number;
}

/** Inserts an item in event-time order; at equal times touches come first, then by id. O(n). */
export function placeItem(items: readonly PathItem[], item: PathItem): PathItem[] {
  const placed = items.slice();
  let i = placed.length;
  while (i > 0 && comesBefore(item, placed[i - 1] as PathItem)) i--;
  placed.splice(i, 0, item);
  return placed;
}

/** Cuts items, sorted by placeItem's order, into paths. O(n). */
export function cutPaths(
  items: readonly PathItem[],
  lookbackMs: number,
  samplePpm = EVERYBODY_PPM,
): CutPaths {
  const paths: Path[] = [];
  const withoutPath: PathConversion[] = [];
  let touchesOutsideWindow = 0;
  let first = 0;
  let open: PathTouch[] = [];
  const close = (conversion: PathConversion | undefined): void => {
    if (first < open.length) {
      paths.push({ touches: first === 0 ? open : open.slice(first), conversion, samplePpm });
    } else if (conversion !== undefined) withoutPath.push(conversion);
    open = [];
    first = 0;
  };
  for (const item of items) {
    const last = open[open.length - 1];
    if (last !== undefined && item.t - last.t > lookbackMs) close(undefined);
    if (isPathConversion(item)) {
      touchesOutsideWindow -= first;
      first = advance(open, first, item.t - lookbackMs);
      touchesOutsideWindow += first;
      close(item);
      continue;
    }
    open.push(item);
    const before = first;
    first = advance(open, first, item.t - lookbackMs);
    if (open.length - first > MAX_PATH_TOUCHES) first = open.length - MAX_PATH_TOUCHES;
    touchesOutsideWindow += first - before;
  }
  close(undefined);
  return { paths, touchesOutsideWindow, withoutPath };
}

/** Counts the change from one list of paths to another (P1). O(touches). */
export function countChange(
  before: readonly Path[],
  after: readonly Path[],
  counts: PathCounts,
): void {
  const longest = Math.max(before.length, after.length);
  for (let i = 0; i < longest; i++) {
    const was = before[i];
    const is = after[i];
    if (was !== undefined && is !== undefined && isSamePath(was, is)) continue;
    if (was !== undefined) counts.path(was, -1);
    if (is !== undefined) counts.path(is, 1);
  }
}

/** What is kept of a path. */
export interface KeptPath {
  readonly items: readonly PathItem[];
  /** Up to this time nothing can be placed any more. */
  readonly settledMs: number;
}

/**
 * Forgets the items that no acceptable item and no refund can change any more (P2): those of paths
 * that ended before the watermark nowMs - latenessMs, and, beyond MAX_PATH_ITEMS, the oldest, in
 * whose place nothing is accepted from then on.
 */
export function prune(items: readonly PathItem[], nowMs: number, bounds: PathBounds): KeptPath {
  const { lookbackMs } = bounds;
  const watermarkMs = nowMs - bounds.latenessMs;
  let settledMs = watermarkMs - 1;
  const last = items[items.length - 1];
  if (last === undefined) return { items, settledMs };
  const endMs = isPathConversion(last) ? last.t : last.t + lookbackMs;
  if (endMs < watermarkMs) return { items: [], settledMs };
  let keepFrom = items.length - 1;
  // What starts anew before the watermark can neither be preceded nor joined from behind.
  while (keepFrom > 0 && newStartMs(items, keepFrom, lookbackMs) >= watermarkMs) keepFrom--;
  while (items.length - keepFrom > MAX_PATH_ITEMS) {
    let next = keepFrom + 1;
    while (next < items.length && newStartMs(items, next, lookbackMs) === NEVER) next++;
    if (next < items.length) {
      // A whole path goes: after its conversion, or where an item can no longer join it.
      const gap = isPathConversion(items[next - 1] as PathItem) ? 0 : 1;
      settledMs = Math.max(settledMs, newStartMs(items, next, lookbackMs) - gap);
      keepFrom = next;
    } else {
      // Whatever comes stands after a full path of touches, so it never needs those that go.
      keepFrom++;
      const full = items[keepFrom + MAX_PATH_TOUCHES - 1] as PathItem;
      settledMs = Math.max(settledMs, full.t);
    }
  }
  keepFrom = outsideUpTo(items, keepFrom, watermarkMs, lookbackMs);
  return { items: keepFrom === 0 ? items : items.slice(keepFrom), settledMs };
}

const NEVER = Number.POSITIVE_INFINITY;

/** When the item at `i` > 0 starts a new path, or NEVER if it belongs to that of the one before. */
function newStartMs(items: readonly PathItem[], i: number, lookbackMs: number): number {
  const previous = items[i - 1] as PathItem;
  const item = items[i] as PathItem;
  if (isPathConversion(previous)) return previous.t;
  return item.t - previous.t > lookbackMs ? item.t : NEVER;
}

/**
 * Skips the first path's touches that are outside the window as it stands, even if a refund takes
 * its conversion out, and outside that of whatever may still come.
 */
function outsideUpTo(
  items: readonly PathItem[],
  first: number,
  watermarkMs: number,
  lookbackMs: number,
): number {
  const item = items[first] as PathItem;
  if (isPathConversion(item) || item.t > watermarkMs - lookbackMs) return first;
  let lastTouchMs = item.t;
  for (let i = first + 1; i < items.length; i++) {
    const next = items[i] as PathItem;
    if (isPathConversion(next) || next.t - lastTouchMs > lookbackMs) break;
    lastTouchMs = next.t;
  }
  return advance(items, first, Math.min(watermarkMs, lastTouchMs) - lookbackMs);
}

function comesBefore(a: PathItem, b: PathItem): boolean {
  if (a.t !== b.t) return a.t < b.t;
  if (isPathConversion(a) !== isPathConversion(b)) return !isPathConversion(a);
  return a.id < b.id;
}

/** The first touch later than `afterMs`, from index `first` on. */
function advance(touches: readonly PathItem[], first: number, afterMs: number): number {
  let i = first;
  while (i < touches.length && (touches[i] as PathItem).t <= afterMs) i++;
  return i;
}

/** Whether two paths count the same. */
function isSamePath(a: Path, b: Path): boolean {
  const isSameEnd = a.conversion === b.conversion && a.samplePpm === b.samplePpm;
  return isSameEnd && isSameTouches(a.touches, b.touches);
}

/** Whether two lists hold the very same touches: items are never changed in place. */
export function isSameTouches(a: readonly TouchFact[], b: readonly TouchFact[]): boolean {
  return a.length === b.length && a.every((touch, i) => touch === b[i]);
}
