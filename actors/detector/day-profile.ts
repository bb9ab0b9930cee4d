/**
 * What a series is at each time of day: the mean of every quarter of an hour over the last days.
 *
 * A quarter is learnt when it is left, as one mean: a day counts the same at one point a second and
 * at one point in ten minutes. The series' own unusual quarters are winsorised.
 *
 *   profile[q] += max(1/days, 1/MEMORY_DAYS) · clip(mean of the visit - profile[q], CLIP · noise)
 *
 * Times of day are UTC: a series that follows a local clock moves by an hour twice a year, which
 * takes MEMORY_DAYS to learn.
 *
 * Invariants:
 *   D1 A quarter of which no earlier day is known expects nothing; a missing quarter is no zero.
 *   D2 Points only add to the visit they are in, so that they are never compared with themselves.
 */

const DAY_MS = 86_400_000;
const QUARTERS = 96;
const QUARTER_MS = DAY_MS / QUARTERS;
/** Days of exponential memory: a new daily shape is in force within three. */
const MEMORY_DAYS = 3;
const CLIP = 4;
/** Points behind the noise; about a week at five minutes. */
const MEMORY_POINTS = 2_000;
/** Residuals that the noise needs before it clips or measures anything. */
const MIN_RESIDUALS = 200;
/** The deviation of a normal by its mean absolute residual: the root of pi / 2. */
const NORMAL_DEVIATION = Math.sqrt(Math.PI / 2);

/** A day's shape, with the visit that is under way. */
export interface DayProfile {
  /** By quarter; null is one that was never left. */
  readonly levels: readonly (number | null)[];
  readonly days: readonly number[];
  /** Quarters since 1970 of the visit, its points and their mean. */
  readonly visit: number;
  readonly visitCount: number;
  readonly visitMean: number;
  /** Residuals seen, and their mean magnitude. */
  readonly residuals: number;
  readonly meanMagnitude: number;
}

/** No day known. */
export const NO_PROFILE: DayProfile = {
  levels: Array.from({ length: QUARTERS }, () => null),
  days: Array.from({ length: QUARTERS }, () => 0),
  visit: 0,
  visitCount: 0,
  visitMean: 0,
  residuals: 0,
  meanMagnitude: 0,
};

/** What the profile expects at a time, or undefined (D1). O(1). */
export function expectedAt(profile: DayProfile, timeMs: number): number | undefined {
  return profile.levels[quarterOf(timeMs)] ?? undefined;
}

/** The deviation of residuals from the profile, or undefined while too few are known. */
export function profileDeviation(profile: DayProfile): number | undefined {
  if (profile.residuals < MIN_RESIDUALS) return undefined;
  return profile.meanMagnitude * NORMAL_DEVIATION;
}

/** Takes a point in (D2). O(1), and O(QUARTERS) once a quarter of an hour. */
export function learnProfile(profile: DayProfile, timeMs: number, value: number): DayProfile {
  const visit = Math.floor(timeMs / QUARTER_MS);
  const current = visit === profile.visit ? profile : leaveQuarter(profile, visit);
  const visitCount = current.visitCount + 1;
  const visitMean = current.visitMean + (value - current.visitMean) / visitCount;
  const expected = expectedAt(current, timeMs);
  if (expected === undefined) return { ...current, visitCount, visitMean };
  const residuals = current.residuals + 1;
  const magnitude = Math.min(Math.abs(value - expected), clipOf(current));
  const step = Math.max(1 / residuals, 1 / MEMORY_POINTS);
  const meanMagnitude = current.meanMagnitude + step * (magnitude - current.meanMagnitude);
  return { ...current, visitCount, visitMean, residuals, meanMagnitude };
}

function leaveQuarter(profile: DayProfile, visit: number): DayProfile {
  const begun = { ...profile, visit, visitCount: 0, visitMean: 0 };
  if (profile.visitCount === 0) return begun;
  const quarter = quarterOf(profile.visit * QUARTER_MS);
  const level = profile.levels[quarter] ?? null;
  const days = (profile.days[quarter] as number) + 1;
  const limit = clipOf(profile);
  const change = profile.visitMean - (level ?? profile.visitMean);
  const step = Math.max(1 / days, 1 / MEMORY_DAYS) * Math.max(-limit, Math.min(limit, change));
  return {
    ...begun,
    levels: profile.levels.with(quarter, (level ?? profile.visitMean) + step),
    days: profile.days.with(quarter, days),
  };
}

function clipOf(profile: DayProfile): number {
  const deviation = profileDeviation(profile);
  return deviation === undefined || deviation === 0 ? Number.POSITIVE_INFINITY : CLIP * deviation;
}

function quarterOf(timeMs: number): number {
  const quarter = Math.floor(timeMs / QUARTER_MS) % QUARTERS;
  return quarter < 0 ? quarter + QUARTERS : quarter;
}
