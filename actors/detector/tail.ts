/**
 * How rare a deviation is for this series: the tail of its own history, not that of a normal.
 *
 * Beyond a high quantile u the magnitudes |z| of most series fall off as a power law, however
 * bursty they are (Pickands 1975; Siffer et al. 2017, "Anomaly detection in streams with extreme
 * value theory", use the same two parts). With m the mean of ln(|z| / u) above u (Hill 1975):
 *
 *   P(|Z| > |z|) = Q · (|z| / u)^(-1/m)   for |z| > u,   else min(1, Q · u / |z|)
 *
 * u is tracked by stochastic approximation in ln u (Robbins & Monro 1951). m is a mean that forgets
 * over clusters: points above u in a row are one exceedance, their greatest (peaks over threshold;
 * Davison & Smith 1990). What comes out is the surprise -log10 P: 3 is once in a thousand points,
 * 6 once in a million.
 *
 * Invariants:
 *   T1 A series starts as if three deviations were its quantile and m = PRIOR_MEAN had been seen
 *      PRIOR_WEIGHT times: a handful of points cannot make a tail light.
 *   T2 A cluster counts once and with at most CLIP times m: an incident does not make the next one
 *      ordinary.
 */

/** The share of points in the tail. */
const Q = 0.02;
const PRIOR_QUANTILE = Math.log(3);
const PRIOR_WEIGHT = 10;
/** The mean log excess of a Student t with 5 degrees of freedom far out; of a normal at u, 0.13. */
const PRIOR_MEAN = 0.2;
const CLIP = 6;
/** Points that the tail remembers: at five minutes two weeks. */
const MEMORY_POINTS = 4_000;
/** The quantile's first steps are these many times 1/n, and count from LEAD points on. */
const FIRST_STEP = 2;
const LEAD_POINTS = 20;
/** Magnitudes below are as good as this one. */
const MIN_MAGNITUDE = 0.01;

/** A series' tail. */
export interface Tail {
  readonly count: number;
  /** ln u. */
  readonly logQuantile: number;
  /** Sum and weight of ln(|z| / u) over clusters above u; m is their ratio. */
  readonly excessSum: number;
  readonly excessWeight: number;
  /** The greatest ln(|z| / u) since points are above u; 0 below. */
  readonly peakExcess: number;
}

/** A tail of which nothing was seen (T1). */
export const PRIOR_TAIL: Tail = {
  count: 0,
  logQuantile: PRIOR_QUANTILE,
  excessSum: PRIOR_WEIGHT * PRIOR_MEAN,
  excessWeight: PRIOR_WEIGHT,
  peakExcess: 0,
};

/** -log10 of the probability of a magnitude as great as |z|; 0 during the first points. O(1). */
export function surprise(tail: Tail, z: number): number {
  if (tail.count < LEAD_POINTS) return 0;
  const excess = Math.log(Math.max(Math.abs(z), MIN_MAGNITUDE)) - tail.logQuantile;
  const exponent = excess > 0 ? tail.excessWeight / tail.excessSum : 1;
  return Math.max(0, -Math.log10(Q) + excess * exponent * Math.LOG10E);
}

/** The 98 % quantile and the mean log excess above it of |z|, z being standard normal. */
export const NORMAL_QUANTILE = 2.33;
const NORMAL_EXCESS = 0.14;

/**
 * The same with a tail in which |z|^power falls off exponentially beyond u: with 1 for the times
 * between events, with 2 for square roots of counts, whose own tails are exponential or lighter.
 * The scale follows from m: for exponential excesses of mean s (in u^power), E ln(1 + s X) = power
 * · m, which s = w (1 + w), w = power · m, solves to 2 % up to w = 0.3, and beyond errs to the safe
 * side.
 *
 * @param minQuantile u at least, so that a series that never moved is not taken for one that
 * cannot.
 */
export function exponentialSurprise(
  tail: Tail,
  z: number,
  power: 1 | 2,
  minQuantile: number,
): number {
  if (tail.count < LEAD_POINTS) return 0;
  const quantile = Math.max(minQuantile, Math.exp(tail.logQuantile));
  const width = power * Math.max(NORMAL_EXCESS, tail.excessSum / tail.excessWeight);
  const ratio = Math.max(Math.abs(z), MIN_MAGNITUDE) / quantile;
  const decades =
    ratio > 1 ? ((ratio ** power - 1) / (width * (1 + width))) * Math.LOG10E : Math.log10(ratio);
  return Math.max(0, -Math.log10(Q) + decades);
}

/** Takes a deviation into the tail (T2). O(1). */
export function learnTail(tail: Tail, z: number): Tail {
  const excess = Math.log(Math.max(Math.abs(z), MIN_MAGNITUDE)) - tail.logQuantile;
  const mean = tail.excessSum / tail.excessWeight;
  const count = tail.count + 1;
  const step = Math.max(FIRST_STEP / (count + LEAD_POINTS), 1 / MEMORY_POINTS);
  const isAbove = excess > 0;
  // Half a mean excess is the unit of the steps: the quantile moves as fast as its tail is wide.
  const logQuantile = tail.logQuantile + (step * (mean / 2) * ((isAbove ? 1 : 0) - Q)) / Q;
  if (isAbove)
    return { ...tail, count, logQuantile, peakExcess: Math.max(tail.peakExcess, excess) };
  if (tail.peakExcess === 0 || count <= LEAD_POINTS) {
    return { ...tail, count, logQuantile, peakExcess: 0 };
  }
  const weight = tail.excessWeight + 1;
  const kept = Math.min(1, (MEMORY_POINTS * Q + PRIOR_WEIGHT) / weight);
  return {
    count,
    logQuantile,
    excessSum: kept * (tail.excessSum + Math.min(tail.peakExcess, CLIP * mean)),
    excessWeight: kept * weight,
    peakExcess: 0,
  };
}
