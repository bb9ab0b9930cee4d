/**
 * Which shares of control users among all who converted are compatible with what was counted, at
 * all times at once: a beta-binomial mixture (Robbins 1970; Howard, Ramdas, McAuliffe & Sekhon
 * 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Statist. 49).
 *
 * A share θ is told by how many of k + m users were in control. Against a Beta(a, b) mixture of
 * shares, the likelihood ratio
 *
 *   M(θ) = B(a + k, b + m) / B(a, b) / ( θ^k (1 - θ)^m )
 *
 * is a martingale that starts at 1 if θ is the truth. So it ever reaches 1/α with a probability of
 * at most α (Ville 1939), whatever the numbers are: nothing here is asymptotic. {θ : M(θ) < 1/α} is
 * an interval, because ln M is convex in θ.
 *
 * The prior has the mean π, the share under no effect, and the weight w = a + b. Its variance
 * π (1 - π) / (w + 1) is that of the normal mixture of lift-difference.ts, best at some number of
 * users.
 */
import { logBeta } from './lift-log-gamma.ts';

/** How often at most an interval may ever be wrong. */
export const ERROR_RATE = 0.05;

/** Halvings of a bracket of 1,400: what is left is below the spacing of floating-point numbers. */
const HALVINGS = 64;
/** The greatest |ln ratio| that is looked at: e^±700 are still numbers. */
const LOG_RATIO_MAX = 700;

/** How many of those that were counted were in control, and how many in the treated arm. */
export interface Counted {
  readonly control: number;
  readonly treated: number;
}

/** The share of control that was planned, and how much the mixture leans on it. */
export interface Prior {
  /** π, above 0 and below 1. */
  readonly share: number;
  /** a + b, in users. */
  readonly weight: number;
}

/** The range of p1 / p0; `high` is infinite while no control user is counted. */
export interface RatioRange {
  readonly low: number;
  readonly high: number;
}

/**
 * ln M of the share that holds if treated users are counted `ratio` times as often as control
 * users: θ = π / (π + (1 - π) ratio). O(1).
 *
 * @param logRatio ln(p1 / p0); 0 is no effect.
 */
export function logEvidenceAgainst(counted: Counted, prior: Prior, logRatio = 0): number {
  return logMixture(counted, prior) + logLikelihoodLost(counted, prior, logRatio);
}

/**
 * All ratios p1 / p0 that are compatible with the counts, by bisection in ln(p1 / p0) on either
 * side of the likeliest one; what is returned is the outer end of the last bracket. O(HALVINGS).
 *
 * @param errorRate α: the probability that the truth is ever outside.
 */
export function compatibleRatios(
  counted: Counted,
  prior: Prior,
  errorRate = ERROR_RATE,
): RatioRange {
  const { control, treated } = counted;
  const mixture = logMixture(counted, prior);
  const limit = Math.log(1 / errorRate);
  const isOut = (logRatio: number): boolean =>
    mixture + logLikelihoodLost(counted, prior, logRatio) >= limit;
  const likeliest = Math.log(treated / control) - logOddsOfTreated(prior);
  const within = Math.min(LOG_RATIO_MAX, Math.max(-LOG_RATIO_MAX, likeliest || 0));
  return {
    low: treated === 0 ? 0 : Math.exp(edge(within, -LOG_RATIO_MAX, isOut)),
    high: control === 0 ? Number.POSITIVE_INFINITY : Math.exp(edge(within, LOG_RATIO_MAX, isOut)),
  };
}

/** ln of the mixture's likelihood: of B(a + k, b + m) / B(a, b). */
function logMixture({ control, treated }: Counted, { share, weight }: Prior): number {
  const a = weight * share;
  const b = weight * (1 - share);
  return logBeta(a + control, b + treated) - logBeta(a, b);
}

/** -ln of θ^k (1 - θ)^m, with (1 - θ) / θ = ratio (1 - π) / π. */
function logLikelihoodLost({ control, treated }: Counted, prior: Prior, logRatio: number): number {
  const logOdds = logRatio + logOddsOfTreated(prior);
  // ln(1 + e^x) without an overflow: e^x may be anything.
  const softplus = Math.max(0, logOdds) + Math.log1p(Math.exp(-Math.abs(logOdds)));
  return (control + treated) * softplus - treated * logOdds;
}

function logOddsOfTreated({ share }: Prior): number {
  return Math.log((1 - share) / share);
}

/** The place nearest to `within` that is out, on the way to `far`. */
function edge(within: number, far: number, isOut: (logRatio: number) => boolean): number {
  let [near, out] = [within, far];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (near + out) / 2;
    if (isOut(middle)) out = middle;
    else near = middle;
  }
  return out;
}
