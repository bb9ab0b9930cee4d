/**
 * 95 % intervals of figures of an evaluation: Wilson's of a rate, and the bootstrap's of anything.
 */
import { seededRandom } from '../simulate/random.ts';

/** The 97.5 % point of the normal distribution. */
const Z_95 = 1.959963984540054;
/** What a 95 % interval leaves out on either side. */
const TAIL = 0.025;

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * The 95 % score interval of a rate (Wilson 1927), inside 0 … 1.
 *
 * @param successes of `trials`, from 0
 * @param trials independent of one another, at least 1
 */
export function wilsonInterval(successes: number, trials: number): Interval {
  const rate = successes / trials;
  const z2 = (Z_95 * Z_95) / trials;
  const middle = rate + z2 / 2;
  const half = Math.sqrt(z2 * (rate * (1 - rate) + z2 / 4));
  // Rounding would leave 1e-17 where the formula gives 0.
  return {
    low: successes === 0 ? 0 : (middle - half) / (1 + z2),
    high: successes === trials ? 1 : (middle + half) / (1 + z2),
  };
}

export interface BootstrapOptions {
  readonly seed: number;
  /** Resamples; 1,000 unless given. */
  readonly rounds?: number;
}

export interface BootstrapInterval extends Interval {
  /** Of the rows as they are. */
  readonly estimate: number;
  /** The standard deviation over resamples. */
  readonly standardError: number;
  /** Resamples without a figure, such as an AUC of one label only; they are left out. */
  readonly skippedRounds: number;
}

/**
 * Percentile intervals by drawing whole groups with replacement, as many as there are: rows of one
 * user go together, because they are not independent (Efron & Tibshirani 1993, ch. 13; Davison &
 * Hinkley 1997, § 3.8).
 *
 * A resample is how often each row counts. All figures are taken of the same resamples, so that a
 * difference of two models on the same rows is paired. With fewer than two groups, or no resample
 * with a figure, the bounds are NaN. Groups should be many: with 20 the intervals are too narrow.
 *
 * @param groups of each row, such as its user
 * @param statistics figures by name of the rows so weighted, NaN where there is none; the array is
 *   used again for the next resample
 *
 * Cost: O(rounds · rows) besides the statistics.
 */
export function bootstrapIntervals<Name extends string>(
  groups: ArrayLike<string | number>,
  statistics: (weights: Uint32Array) => Readonly<Record<Name, number>>,
  { seed, rounds = 1_000 }: BootstrapOptions,
): Readonly<Record<Name, BootstrapInterval>> {
  const { groupOf, groupCount } = numbered(groups);
  const weights = new Uint32Array(groups.length).fill(1);
  const estimates = statistics(weights);
  const names = Object.keys(estimates) as Name[];
  const draws = names.map(() => new Float64Array(rounds));
  const drawn = new Uint32Array(groupCount);
  const random = seededRandom(seed);
  for (let round = 0; round < rounds; round++) {
    drawn.fill(0);
    for (let draw = 0; draw < groupCount; draw++) {
      const group = Math.floor(random() * groupCount);
      drawn[group] = (drawn[group] as number) + 1;
    }
    for (let row = 0; row < weights.length; row++) {
      weights[row] = drawn[groupOf[row] as number] as number;
    }
    const figures = statistics(weights);
    for (const [i, name] of names.entries()) (draws[i] as Float64Array)[round] = figures[name];
  }
  const intervals = names.map((name, i) => {
    const figures = (draws[i] as Float64Array).filter((figure) => !Number.isNaN(figure)).sort();
    const isSpread = groupCount > 1 && figures.length > 0;
    const interval: BootstrapInterval = {
      estimate: estimates[name],
      low: isSpread ? quantile(figures, TAIL) : Number.NaN,
      high: isSpread ? quantile(figures, 1 - TAIL) : Number.NaN,
      standardError: isSpread ? deviation(figures) : Number.NaN,
      skippedRounds: rounds - figures.length,
    };
    return [name, interval] as const;
  });
  return Object.fromEntries(intervals) as Record<Name, BootstrapInterval>;
}

/** Groups numbered in the order in which they first appear. */
function numbered(groups: ArrayLike<string | number>): {
  readonly groupOf: Uint32Array;
  readonly groupCount: number;
} {
  const numbers = new Map<string | number, number>();
  const groupOf = new Uint32Array(groups.length);
  for (let row = 0; row < groups.length; row++) {
    const group = groups[row] as string | number;
    const number = numbers.get(group) ?? numbers.size;
    numbers.set(group, number);
    groupOf[row] = number;
  }
  return { groupOf, groupCount: numbers.size };
}

/** Between neighbours in proportion: type 7 of Hyndman & Fan 1996. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] as number;
  const above = sorted[Math.ceil(place)] as number;
  // Equal infinities have no difference.
  return below === above ? below : below + (place - Math.floor(place)) * (above - below);
}

function deviation(figures: Float64Array): number {
  const mean = figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
  const squares = figures.reduce((sum, figure) => sum + (figure - mean) ** 2, 0);
  return Math.sqrt(squares / Math.max(1, figures.length - 1));
}
