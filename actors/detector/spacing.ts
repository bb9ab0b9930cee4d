/**
 * How often points come, and how surprising it is that none came for a while.
 *
 * A missing point is not a zero: it enters no level. The silence itself is what is noticed: its
 * length in spacings goes through the tail of the series' own intervals, so that a source with
 * gaps needs a longer one.
 *
 * Invariants:
 *   G1 Points at or before the latest time (repeated or out of order) say nothing about spacing.
 *   G2 A gap counts in the mean spacing as at most CLIP spacings: an outage is not learnt as one.
 */
import { exponentialSurprise, learnTail, PRIOR_TAIL, surprise, type Tail } from './tail.ts';

const MEMORY_POINTS = 288;
const CLIP = 3;
const MIN_INTERVALS = 20;
/** However regular the source, one or two late points are no silence. */
const MIN_SILENT_SPACINGS = 5;

/** How a series' points are spaced. */
export interface Spacing {
  readonly latestMs: number | null;
  readonly intervals: number;
  readonly meanMs: number;
  readonly tail: Tail;
}

/** No point yet. */
export const NO_SPACING: Spacing = { latestMs: null, intervals: 0, meanMs: 0, tail: PRIOR_TAIL };

/** Takes the time of a point in (G1, G2). O(1). */
export function learnSpacing(spacing: Spacing, timeMs: number): Spacing {
  const { latestMs, meanMs } = spacing;
  if (latestMs === null) return { ...spacing, latestMs: timeMs };
  const intervalMs = timeMs - latestMs;
  if (intervalMs <= 0) return spacing;
  const intervals = spacing.intervals + 1;
  const counted = intervals <= MIN_INTERVALS ? intervalMs : Math.min(intervalMs, CLIP * meanMs);
  const step = Math.max(1 / intervals, 1 / MEMORY_POINTS);
  return {
    latestMs: timeMs,
    intervals,
    meanMs: meanMs + step * (counted - meanMs),
    tail: intervals === 1 ? spacing.tail : learnTail(spacing.tail, intervalMs / meanMs),
  };
}

/**
 * -log10 of the probability that the source is silent until now; 0 while too little is known.
 *
 * @param law whether intervals fall off as a power law, or exponentially as those of a source of
 *   independent events do.
 */
export function silenceSurprise(
  spacing: Spacing,
  nowMs: number,
  law: 'power' | 'exponential' = 'power',
): number {
  const { latestMs, intervals, meanMs, tail } = spacing;
  if (latestMs === null || intervals < MIN_INTERVALS) return 0;
  const spacings = (nowMs - latestMs) / meanMs;
  if (spacings < MIN_SILENT_SPACINGS) return 0;
  return law === 'power' ? surprise(tail, spacings) : exponentialSurprise(tail, spacings, 1, 0);
}

/** The usual time between points, or undefined while too little is known. */
export function spacingMs({ intervals, meanMs }: Spacing): number | undefined {
  return intervals < MIN_INTERVALS ? undefined : meanMs;
}
