/**
 * What a campaign causes, from the sums of its holdout experiment: intervals that hold at all times
 * at once, so that one may look at every event and stop whenever one likes (docs/lift.md).
 *
 * Pure arithmetic on sums. A user counts from the first auction that the campaign wins or, in
 * control, would have won; outcomes come later and are added to the sums of the user's arm.
 *
 * Invariants:
 *   L1 The lift is a function of the united sums: partitions, order and number of looks are
 *      nothing to it. Sums are integers, and so exact up to 2^53.
 *   L2 Without an effect, the probability that `isProven` is ever true is at most 5 %, exactly.
 *   L3 Differences stay null below the minimum sizes: they rest on a limit theorem.
 */
import { EVERYBODY_PPM } from '../../protocols/cohort.ts';
import { BEST_AT, BEST_Y, clockAt, differenceOfMeans, type Interval } from './lift-difference.ts';
import { compatibleRatios, logEvidenceAgainst, type Prior } from './lift-share.ts';

/** Fewer users in an arm, and no difference is given. */
export const MIN_USERS = 200;
/** So many users of an arm have to have converted, and so many not, for a difference of rates. */
export const MIN_CONVERTED = 25;
/** So many of an arm have to have bought for a difference of revenue: its tail is heavier. */
export const MIN_BUYERS = 50;
/** A sound split of users is ever called broken once in a thousand trials at most. */
const LOG_SPLIT_LIMIT = Math.log(1_000);

/** One arm's sums over the users enrolled so far. */
export interface ArmSums {
  readonly users: number;
  /** Users with at least one conversion within the outcome window. */
  readonly converted: number;
  readonly revenue_cents: number;
  /** Sum over users of the square of the user's revenue so far. */
  readonly revenue_cents_squared: number;
}

/** A trial's sums. */
export interface TrialSums {
  readonly treated: ArmSums;
  readonly control: ArmSums;
  /** The probability that a user is assigned to control, per million; above 0, below a million. */
  readonly control_ppm: number;
}

/** p1 / p0 - 1. */
export interface RelativeLift {
  /** Of the rates seen; null while no control user has converted. */
  readonly estimate: number | null;
  /** -1 at least. */
  readonly low: number;
  /** Null for no bound, while no control user has converted. */
  readonly high: number | null;
}

/** What a campaign causes, as far as its trial tells. */
export interface Lift {
  /** Conversions per user, treated minus control; null below the minimum sizes. */
  readonly conversionRate: Interval | null;
  /** Revenue in cents per user, treated minus control; null below the minimum sizes. */
  readonly revenueCents: Interval | null;
  /** How much more often treated users convert; exact at any size. */
  readonly relative: RelativeLift;
  /** The split of users fits control_ppm. If it does not, the assignment is broken. */
  readonly isSplitAsPlanned: boolean;
  /** No effect on conversions is excluded, by the relative lift, and the split is as planned. */
  readonly isProven: boolean;
}

/**
 * The lift of a campaign with always-valid 95 % intervals. Each of the three holds by itself, not
 * all three together. O(1): some 130 evaluations of a likelihood.
 *
 * @throws RangeError for a share of control that is no share, or sums that cannot be.
 */
export function liftOf(sums: TrialSums): Lift {
  expectPossible(sums);
  const { treated, control } = sums;
  const split = { control: control.users, treated: treated.users };
  const isSplitAsPlanned = logEvidenceAgainst(split, priorOf(sums)) < LOG_SPLIT_LIMIT;
  const relative = relativeLift(sums);
  const isZeroOut = relative.low > 0 || (relative.high !== null && relative.high < 0);
  return {
    conversionRate: rateDifference(treated, control),
    revenueCents: revenueDifference(treated, control),
    relative,
    isSplitAsPlanned,
    isProven: isZeroOut && isSplitAsPlanned,
  };
}

/**
 * The sums of one trial from those of its partitions (L1). O(parts).
 *
 * @throws RangeError if there are none, or if they have different shares of control: those are
 *   different trials.
 */
export function unitedSums(parts: readonly TrialSums[]): TrialSums {
  const [first, ...others] = parts;
  if (first === undefined) throw new RangeError('parts: expected at least one, found none');
  return others.reduce((sums, part) => {
    if (part.control_ppm !== sums.control_ppm) {
      const found = `${sums.control_ppm} and ${part.control_ppm}`;
      throw new RangeError(`control_ppm: expected one share in all parts, found ${found}`);
    }
    return {
      treated: addArms(sums.treated, part.treated),
      control: addArms(sums.control, part.control),
      control_ppm: sums.control_ppm,
    };
  }, first);
}

/** Conversions per user, treated minus control (L3). O(1). */
export function rateDifference(treated: ArmSums, control: ArmSums): Interval | null {
  if (!isEnoughForRate(treated) || !isEnoughForRate(control)) return null;
  const clock = clockOf(treated, control);
  return differenceOfMeans(conversionsOf(treated), conversionsOf(control), clock);
}

/** Revenue in cents per user, treated minus control (L3). O(1). */
export function revenueDifference(treated: ArmSums, control: ArmSums): Interval | null {
  if (!isEnoughForRevenue(treated) || !isEnoughForRevenue(control)) return null;
  return differenceOfMeans(revenueOf(treated), revenueOf(control), clockOf(treated, control));
}

/**
 * ln of the evidence against p1 / p0 = `ratio`. From ln 20 on that ratio is outside the interval of
 * the relative lift (L2). O(1).
 */
export function logEvidenceAgainstRatio(sums: TrialSums, ratio = 1): number {
  return logEvidenceAgainst(convertedOf(sums), priorOf(sums), Math.log(ratio));
}

function relativeLift(sums: TrialSums): RelativeLift {
  const { treated, control } = sums;
  const { low, high } = compatibleRatios(convertedOf(sums), priorOf(sums));
  const ratio = treated.converted / treated.users / (control.converted / control.users);
  return {
    estimate: Number.isFinite(ratio) ? ratio - 1 : null,
    low: low - 1,
    high: Number.isFinite(high) ? high - 1 : null,
  };
}

function convertedOf({ treated, control }: TrialSums) {
  return { control: control.converted, treated: treated.converted };
}

/** The mixture that is narrowest at BEST_AT, by its variance (lift-share.ts). */
function priorOf({ control_ppm }: TrialSums): Prior {
  return { share: control_ppm / EVERYBODY_PPM, weight: BEST_AT / BEST_Y - 1 };
}

function isEnoughForRate({ users, converted }: ArmSums): boolean {
  return users >= MIN_USERS && converted >= MIN_CONVERTED && users - converted >= MIN_CONVERTED;
}

function isEnoughForRevenue({ users, converted }: ArmSums): boolean {
  return users >= MIN_USERS && converted >= MIN_BUYERS;
}

function clockOf(treated: ArmSums, control: ArmSums): number {
  return clockAt(treated.users + control.users, treated.converted + control.converted);
}

/** Of zeros and ones: a square is the number itself. */
function conversionsOf({ users, converted }: ArmSums) {
  return { users, sum: converted, sumOfSquares: converted };
}

function revenueOf({ users, revenue_cents, revenue_cents_squared }: ArmSums) {
  return { users, sum: revenue_cents, sumOfSquares: revenue_cents_squared };
}

function addArms(a: ArmSums, b: ArmSums): ArmSums {
  return {
    users: a.users + b.users,
    converted: a.converted + b.converted,
    revenue_cents: a.revenue_cents + b.revenue_cents,
    revenue_cents_squared: a.revenue_cents_squared + b.revenue_cents_squared,
  };
}

function expectPossible({ treated, control, control_ppm }: TrialSums): void {
  if (!(control_ppm > 0 && control_ppm < EVERYBODY_PPM)) {
    const range = `above 0 and below ${EVERYBODY_PPM}`;
    throw new RangeError(`control_ppm: expected ${range}, found ${control_ppm}`);
  }
  for (const { users, converted } of [treated, control]) {
    if (converted >= 0 && converted <= users) continue;
    throw new RangeError(`converted: expected 0 to ${users} users, found ${converted}`);
  }
}
