/**
 * Mean and variance that forget: exponentially weighted, with a cold start that is the plain mean.
 *
 *   d = x - mean,   mean += a · d,   variance += b · (d² - variance)
 *   a = max(1/n, 1/meanMemory),      b = max(1/n, 1/varianceMemory)
 *
 * The variance is that of the forecast's residual d, not of the values around their mean: it is
 * what the next residual is measured by. Source: exponential weights as in Finch 2009, "Incremental
 * calculation of weighted mean and variance", section 9, with two of them because a level may move
 * faster than its noise; 1/n at the start is Welford's mean (Welford 1962).
 *
 * Invariants:
 *   M1 One point moves the variance at most to what CLIP deviations move it: a spike does not hide
 *      the next one, and a new level is still let in, since the deviation grows with every point.
 *   M2 Scaling and shifting a series scales and shifts the mean and scales the deviation alike.
 */

/** Deviations at which a residual's effect on the variance ends, once MIN_POINTS are known. */
const CLIP = 12;
/** Points that a deviation needs before anything is measured by it. */
export const MIN_POINTS = 10;
/** Where z ends: a constant series that changes is this far out. */
const MAX_Z = 1_000;

/** What is known of a series' level and noise. */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly variance: number;
}

/** Nothing known. */
export const NO_MOMENTS: Moments = { count: 0, mean: 0, variance: 0 };

/** How many points back the mean and the variance remember, at least 1. */
export interface Memory {
  readonly meanPoints: number;
  readonly variancePoints: number;
}

/** Takes a value in (M1, M2). O(1). */
export function learnMoments(moments: Moments, value: number, memory: Memory): Moments {
  const count = moments.count + 1;
  if (count === 1) return { count, mean: value, variance: 0 };
  const residual = value - moments.mean;
  const limit = CLIP * CLIP * moments.variance;
  const square =
    moments.count < MIN_POINTS || limit === 0
      ? residual * residual
      : Math.min(residual * residual, limit);
  return {
    count,
    mean: moments.mean + residual * Math.max(1 / count, 1 / memory.meanPoints),
    variance:
      moments.variance +
      (square - moments.variance) * Math.max(1 / count, 1 / memory.variancePoints),
  };
}

/**
 * How many deviations a value lies from the mean, at most MAX_Z; 0 while too little is known.
 *
 * @param minDeviation what the deviation is at least.
 */
export function zScore(moments: Moments, value: number, minDeviation = 0): number {
  if (moments.count < MIN_POINTS) return 0;
  const deviation = Math.max(minDeviation, Math.sqrt(moments.variance));
  return standardised(value - moments.mean, deviation);
}

/** A residual in deviations, from -MAX_Z to MAX_Z; any change of what never changed is MAX_Z. */
export function standardised(residual: number, deviation: number): number {
  if (residual === 0) return 0;
  return Math.max(-MAX_Z, Math.min(MAX_Z, residual / deviation));
}
