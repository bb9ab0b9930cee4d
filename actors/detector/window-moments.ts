/**
 * Mean and variance of the last N values: Welford's update (1962) for the value that comes, and its
 * inverse for the one that leaves.
 *
 *   in:   n += 1, d = x - mean, mean += d / n, m2 += d · (x - mean)
 *   out:  n -= 1, d = x - mean, mean -= d / n, m2 -= d · (x - mean)
 *
 * Owns the window: a ring of N values, kept because what leaves has to be known.
 *
 * Invariants:
 *   W1 mean and m2 are those of the two-pass formula over the window to 1e-9 of the variance. A
 *      subtraction leaves rounding errors of what was there before, therefore both are calculated
 *      anew once a round of the ring, and when m2 has fallen to STALE of its greatest since then.
 *   W2 Moments are those of the values less one of them, so that a large offset costs no digits.
 *
 * Cost: O(1) arithmetic a value, amortised, and a copy of the ring, since states are values.
 */

/** The values of a window at most. */
export const MAX_WINDOW_POINTS = 10_000;
const STALE = 0.01;

/** The last values with their moments. */
export interface WindowMoments {
  /** Values that the window holds when it is full. */
  readonly points: number;
  /** What mean and m2 are calculated less of (W2). */
  readonly offset: number;
  /** The values, the place of the oldest value being `next` once it is full. */
  readonly ring: readonly number[];
  readonly next: number;
  readonly mean: number;
  readonly m2: number;
  /** The greatest m2 since it was calculated anew. */
  readonly m2Peak: number;
}

/**
 * An empty window.
 *
 * @param points 2 to MAX_WINDOW_POINTS.
 * @throws RangeError for another size.
 */
export function emptyWindow(points: number): WindowMoments {
  if (!(Number.isInteger(points) && points >= 2 && points <= MAX_WINDOW_POINTS)) {
    throw new RangeError(`points: expected 2 to ${MAX_WINDOW_POINTS}, found ${points}`);
  }
  return { points, offset: 0, ring: [], next: 0, mean: 0, m2: 0, m2Peak: 0 };
}

/** Takes a value in, and the oldest out if the window is full (W1). */
export function learnWindow(window: WindowMoments, value: number): WindowMoments {
  const { points, ring, next } = window;
  if (ring.length === 0) return { ...window, offset: value, ring: [value], next: 1 };
  const x = value - window.offset;
  const isFull = ring.length === points;
  let { mean, m2 } = window;
  let count = ring.length;
  if (isFull) {
    const leaving = (ring[next] as number) - window.offset;
    const d = leaving - mean;
    count--;
    mean -= d / count;
    m2 -= d * (leaving - mean);
  }
  const d = x - mean;
  count++;
  mean += d / count;
  m2 += d * (x - mean);
  const moved = {
    ...window,
    ring: isFull ? ring.with(next, value) : [...ring, value],
    next: (next + 1) % points,
    mean,
    m2,
    m2Peak: Math.max(window.m2Peak, m2),
  };
  return moved.next === 0 || m2 <= STALE * moved.m2Peak ? recalculated(moved) : moved;
}

/** The mean of the window, in the unit of the values; 0 of an empty one. */
export function windowMean({ offset, mean }: WindowMoments): number {
  return offset + mean;
}

/** The sample variance of the window; 0 of less than two values. */
export function windowVariance({ ring, m2 }: WindowMoments): number {
  return ring.length < 2 ? 0 : Math.max(0, m2) / (ring.length - 1);
}

function recalculated(window: WindowMoments): WindowMoments {
  const { ring } = window;
  const offset = ring[0] as number;
  const mean = ring.reduce((sum, x) => sum + (x - offset), 0) / ring.length;
  let m2 = 0;
  for (const x of ring) m2 += (x - offset - mean) * (x - offset - mean);
  return { ...window, offset, mean, m2, m2Peak: m2 };
}
