/**
 * The names of cohorts: the UTC day of path start, `yyyymmdd`, with `@<users per million>` where
 * paths stand for more users than were counted.
 */

/** The rate of the sample that holds everybody. */
export const EVERYBODY_PPM = 1_000_000;

/** A cohort's name. */
export function cohortName(day: string, samplePpm: number): string {
  return samplePpm === EVERYBODY_PPM ? day : `${day}@${samplePpm}`;
}

/** The day of a cohort, and the share of users that its paths are a sample of, above 0 to 1. */
export function parseCohort(name: string): { readonly day: string; readonly rate: number } {
  const [day = '', ppm] = name.split('@', 2);
  return { day, rate: ppm === undefined ? 1 : Number(ppm) / EVERYBODY_PPM };
}
