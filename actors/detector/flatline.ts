/**
 * A series that stands still: the same value again and again where it used to change.
 *
 * If a share r of the steps leaves the value unchanged, a run that is k steps longer than any run
 * before has probability r^k. Runs come in clusters (a shop without a sale all night), therefore
 * standing still is a yes or no: it has to last LONGER times the longest run before, and to be less
 * probable than 10^-CERTAIN. It opens an alert and has no part in the ranking of scores.
 *
 * Invariants:
 *   F1 A series that changed less than MIN_CHANGES times is not surprising, nor is one that has
 *      stood still for MEMORY_POINTS: by then that is what it does.
 *   F2 One run moves the longest at most to twice itself and LEARNT_STEPS more, and adds at most
 *      LEARNT_STEPS to the rate: an incident is not learnt as the habit of the series.
 */

const MEMORY_POINTS = 2_000;
const MIN_CHANGES = 20;
/** A series without any repeated value still gets some: readings are rounded. */
const MIN_RATE = 0.1;
const LEARNT_STEPS = 12;
/** How much longer than the longest run one has to be. */
const LONGER = 3;
/** Decades. */
const CERTAIN = 12;

/** What is known of a series' standing still. */
export interface Stillness {
  readonly previous: number | null;
  readonly changes: number;
  /** Unchanged steps up to now, and the longest such run that ended. */
  readonly run: number;
  readonly longest: number;
  /** The share of steps that leave the value unchanged. */
  readonly rate: number;
}

/** Nothing known. */
export const NO_STILLNESS: Stillness = {
  previous: null,
  changes: 0,
  run: 0,
  longest: 0,
  rate: MIN_RATE,
};

/** Takes a value in (F2). O(1). */
export function learnStillness(stillness: Stillness, value: number): Stillness {
  const { previous, changes, run, longest, rate } = stillness;
  if (previous === null) return { ...stillness, previous: value };
  const step = Math.max(1 / (changes + 2), 1 / MEMORY_POINTS);
  if (value === previous) {
    const learnt = run < LEARNT_STEPS ? rate + step * (1 - rate) : rate;
    return { ...stillness, run: run + 1, rate: learnt };
  }
  return {
    previous: value,
    changes: changes + 1,
    run: 0,
    longest: Math.max(longest, Math.min(run, 2 * longest + LEARNT_STEPS)),
    rate: rate - step * rate,
  };
}

/** Whether the run that is under way is a flatline (F1). O(1). */
export function isFlatline({ changes, run, longest, rate }: Stillness): boolean {
  if (changes < MIN_CHANGES || run <= LONGER * longest || run > MEMORY_POINTS) return false;
  return -(run - longest) * Math.log10(Math.max(rate, MIN_RATE)) >= CERTAIN;
}
