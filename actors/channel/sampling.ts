/**
 * Sampling of users, for logs too large to keep every impression: a user is in with all paths or
 * out with all paths, and totals are estimated from those who are in.
 *
 * A sample of users keeps paths whole. A sample of touches would cut them, and no weight mends a
 * path that lost a touch in the middle.
 *
 * Totals are scaled (Horvitz & Thompson 1952): each user is in with probability r by itself
 * (Bernoulli sampling, Särndal, Swensson & Wretman 1992, example 2.10), so that
 *
 *   estimate = sum / r,     variance of it, estimated = (1 - r) / r² · sum of squares
 *
 * with the figures of one user as the unit of both sums. Removal effects and credit shares are
 * ratios: r cancels, they are calculated from the sample's table as it stands. So are the intervals
 * of removal-intervals.ts, which must see the paths that were counted and never scaled ones: ten
 * times the weight would make the interval narrower by the root of ten.
 *
 * Invariants:
 *   S1 The same token, seed and rate give the same answer, everywhere and always.
 *   S2 A user in the sample at some rate is in the sample of the same seed at every greater rate.
 */
import { EVERYBODY_PPM } from '../../protocols/cohort.ts';
import { hash64 } from '../hash.ts';

/** What draws the sample of paths. */
export const PATH_SAMPLE_SEED = 'paths';

const LANE_DIGITS = 8;
const LANE_SIZE = 16 ** LANE_DIGITS;

/** Sums over the users in a sample, of one figure a user. */
export interface UserSums {
  readonly sum: number;
  readonly sumOfSquares: number;
}

/** An estimate of a population's total. */
export interface ScaledTotal {
  readonly estimate: number;
  readonly standardError: number;
}

/**
 * Whether a user is in the sample (S1, S2). O(length of the token).
 *
 * @param seed another one draws another sample.
 * @param ratePpm users in the sample per million, 0 (nobody) to EVERYBODY_PPM (everybody).
 */
export function isSampled(userToken: string, seed: string, ratePpm: number): boolean {
  // Neither part can run into the other: the length of the seed says where it ends.
  const lane = hash64(`${seed.length}\n${seed}\n${userToken}`).slice(0, LANE_DIGITS);
  return (Number.parseInt(lane, 16) / LANE_SIZE) * EVERYBODY_PPM < ratePpm;
}

/**
 * A total of the population from a sample of its users. O(1).
 *
 * @param sums of the figure over users in the sample; a user without any adds nothing to either.
 * @param ratePpm the rate of the sample, above 0 and at most EVERYBODY_PPM.
 * @throws RangeError for another rate.
 */
export function scaledTotal({ sum, sumOfSquares }: UserSums, ratePpm: number): ScaledTotal {
  if (!(ratePpm > 0 && ratePpm <= EVERYBODY_PPM)) {
    throw new RangeError(
      `ratePpm: expected more than 0 and at most ${EVERYBODY_PPM}, found ${ratePpm}`,
    );
  }
  const rate = ratePpm / EVERYBODY_PPM;
  return { estimate: sum / rate, standardError: Math.sqrt((1 - rate) * sumOfSquares) / rate };
}
