/**
 * Coverage of the removal-effect intervals: paths are drawn many times from a process whose true
 * effects are known, and the stated 95 % must be 95 %.
 *
 * The truth is calculated here from the process itself, by solving the reduced linear systems with
 * ml-matrix; no code of actors/channel has a part in it. With R replications the share of intervals
 * that cover scatters by sqrt(0.95 · 0.05 / R): 0.49 points for 2,000, 0.69 for 1,000.
 */
import { Matrix, solve } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { markovChain } from '../../actors/channel/markov-chain.ts';
import { ChannelIndex, type PathRow, PathTable } from '../../actors/channel/path-table.ts';
import { solveChain } from '../../actors/channel/removal-effects.ts';
import { type RemovalInterval, removalIntervals } from '../../actors/channel/removal-intervals.ts';
import { seededRandom } from '../../runtime/simulate/random.ts';

/** A first-order process over K channels: what remains of a row of `steps` goes to null. */
interface Process {
  /** How often paths come from it. */
  readonly weight: number;
  readonly starts: readonly number[];
  readonly steps: readonly (readonly number[])[];
  readonly conversion: readonly number[];
}

/** The absorbing chain that counts of a process tend to, at some order. */
interface LimitChain {
  /** Channels that each state holds. */
  readonly states: readonly (readonly number[])[];
  readonly starts: readonly number[];
  readonly steps: readonly (readonly number[])[];
  readonly conversion: readonly number[];
}

const CHANNELS = ['a', 'b', 'c', 'd', 'e', 'f'];
const K = CHANNELS.length;
/** Effects below it have intervals that reach 0; they are not judged. */
const LEAST_EFFECT = 0.05;

/** Channel f is rare; a and c loop on themselves. */
const BROWSERS: Process = {
  weight: 1,
  starts: [0.35, 0.25, 0.15, 0.12, 0.08, 0.05],
  steps: [
    [0.15, 0.18, 0.1, 0.12, 0.05, 0.04],
    [0.12, 0.0, 0.2, 0.1, 0.1, 0.05],
    [0.08, 0.1, 0.2, 0.15, 0.12, 0.02],
    [0.1, 0.15, 0.08, 0.0, 0.2, 0.06],
    [0.05, 0.08, 0.12, 0.1, 0.05, 0.03],
    [0.1, 0.05, 0.1, 0.2, 0.1, 0.1],
  ],
  conversion: [0.06, 0.1, 0.14, 0.18, 0.25, 0.2],
};
/** Buyers come by d, e and f and decide soon: mixed with browsers, a path remembers who it is. */
const BUYERS: Process = {
  weight: 1,
  starts: [0.05, 0.1, 0.1, 0.25, 0.3, 0.2],
  steps: [
    [0.02, 0.03, 0.1, 0.2, 0.2, 0.1],
    [0.05, 0.02, 0.05, 0.2, 0.2, 0.1],
    [0.02, 0.05, 0.05, 0.2, 0.15, 0.1],
    [0.02, 0.05, 0.05, 0.05, 0.15, 0.1],
    [0.02, 0.02, 0.05, 0.15, 0.05, 0.1],
    [0.02, 0.02, 0.05, 0.1, 0.15, 0.05],
  ],
  conversion: [0.3, 0.35, 0.4, 0.5, 0.55, 0.6],
};
const MIXTURE: readonly Process[] = [
  { ...BROWSERS, weight: 0.7 },
  { ...BUYERS, weight: 0.3 },
];

/** Expected visits to each state, of one path: v = α (I - Q)^-1. */
function visitsOf({ starts, steps }: Pick<LimitChain, 'starts' | 'steps'>): number[] {
  const inside = Matrix.sub(Matrix.eye(starts.length), new Matrix(steps.map((row) => [...row])));
  return solve(inside.transpose(), Matrix.columnVector([...starts])).to1DArray();
}

/** P(conversion) of a chain of which only some states are left. */
function conversionRate(chain: LimitChain, isKept: (state: number) => boolean): number {
  const kept = chain.states.map((_, i) => i).filter(isKept);
  const visits = visitsOf({
    starts: kept.map((i) => chain.starts[i] as number),
    steps: kept.map((i) => kept.map((j) => chain.steps[i]?.[j] as number)),
  });
  return kept.reduce((sum, i, at) => sum + visits[at]! * chain.conversion[i]!, 0);
}

function trueEffects(chain: LimitChain): number[] {
  const whole = conversionRate(chain, () => true);
  return CHANNELS.map(
    (_, c) => 1 - conversionRate(chain, (i) => chain.states[i]?.includes(c) === false) / whole,
  );
}

/**
 * What the counts of a mixture tend to: expected starts, transitions and ends of its parts, added
 * up and divided. At order 2 a state is a pair, or the only touch of a path.
 */
function limitOf(mixture: readonly Process[], order: 1 | 2): LimitChain {
  const singles = CHANNELS.map((_, i) => [i]);
  const pairs = CHANNELS.flatMap((_, i) => CHANNELS.map((__, j) => [i, j]));
  const states = order === 1 ? singles : [...singles, ...pairs];
  const starts = states.map(() => 0);
  const exits = states.map(() => 0);
  const conversions = states.map(() => 0);
  const counts = states.map(() => states.map(() => 0));
  const pair = (i: number, j: number): number => K + i * K + j;
  for (const { weight, ...process } of mixture) {
    const visits = visitsOf(process).map((v) => v * weight);
    for (const i of singles.keys()) {
      const row = process.steps[i] as readonly number[];
      const first = weight * process.starts[i]!;
      if (order === 1) {
        starts[i]! += first;
        exits[i]! += visits[i]!;
        conversions[i]! += visits[i]! * process.conversion[i]!;
        row.forEach((q, j) => {
          counts[i]![j]! += visits[i]! * q;
        });
        continue;
      }
      const ends = first * (1 - row.reduce((sum, q) => sum + q, 0));
      starts[i]! += ends;
      exits[i]! += ends;
      conversions[i]! += first * process.conversion[i]!;
      for (const [j, q] of row.entries()) {
        const flow = visits[i]! * q;
        starts[pair(i, j)]! += first * q;
        exits[pair(i, j)]! += flow;
        conversions[pair(i, j)]! += flow * process.conversion[j]!;
        process.steps[j]?.forEach((next, k) => {
          counts[pair(i, j)]![pair(j, k)]! += flow * next;
        });
      }
    }
  }
  const share = (part: number, i: number): number => (exits[i] === 0 ? 0 : part / exits[i]!);
  return {
    states,
    starts,
    steps: counts.map((row, i) => row.map((count) => share(count, i))),
    conversion: conversions.map((count, i) => share(count, i)),
  };
}

/** The index that a uniform number falls on; the length of the list beyond their sum. */
function pick(probabilities: readonly number[], uniform: number): number {
  let rest = uniform;
  for (const [i, p] of probabilities.entries()) {
    rest -= p;
    if (rest < 0) return i;
  }
  return probabilities.length;
}

/** Draws independent paths into a table. */
function drawTable(mixture: readonly Process[], n: number, random: () => number): PathTable {
  const table = new PathTable(new ChannelIndex(CHANNELS));
  const weights = mixture.map(({ weight }) => weight);
  for (let path = 0; path < n; path++) {
    const process = mixture[Math.min(pick(weights, random()), mixture.length - 1)] as Process;
    const ways = process.steps.map((row, i) => [...row, process.conversion[i]!]);
    let at = Math.min(pick(process.starts, random()), K - 1);
    let touches = '';
    while (at < K) {
      touches += String.fromCharCode(at);
      at = pick(ways[at]!, random());
    }
    table.add(touches, at === K ? 1 : 0, at === K ? 0 : 1, 0);
  }
  return table;
}

function intervalsOf(rows: readonly PathRow[], order: number): RemovalInterval[] {
  const chain = markovChain(rows, order);
  return removalIntervals(rows, chain, solveChain(chain), K);
}

interface Coverage {
  readonly channel: string;
  readonly effect: number;
  readonly share: number;
}

/** How often the interval of each judged channel holds the truth. */
function coverageOf(
  mixture: readonly Process[],
  order: 1 | 2,
  { paths, replications, seed }: { paths: number; replications: number; seed: number },
): Coverage[] {
  const truth = trueEffects(limitOf(mixture, order));
  const covered = CHANNELS.map(() => 0);
  const random = seededRandom(seed);
  for (let replication = 0; replication < replications; replication++) {
    const intervals = intervalsOf([...drawTable(mixture, paths, random).rows()], order);
    for (const [c, { low, high }] of intervals.entries()) {
      if (low <= truth[c]! && truth[c]! <= high) covered[c]!++;
    }
  }
  return CHANNELS.map((channel, c) => ({
    channel,
    effect: truth[c]!,
    share: covered[c]! / replications,
  })).filter(({ effect }) => effect > LEAST_EFFECT);
}

const CASES = [
  ...[
    {
      name: 'a first-order chain',
      mixture: [BROWSERS],
      order: 1,
      paths: 2_000,
      replications: 1_000,
    },
    { name: 'a first-order chain', mixture: [BROWSERS], order: 1, paths: 500, replications: 2_000 },
    { name: 'a mixture of two', mixture: MIXTURE, order: 1, paths: 2_000, replications: 1_000 },
    { name: 'a mixture of two', mixture: MIXTURE, order: 1, paths: 500, replications: 2_000 },
  ],
  ...[
    { name: 'a first-order chain', mixture: [BROWSERS], order: 2, paths: 2_000, replications: 600 },
    { name: 'a mixture of two', mixture: MIXTURE, order: 2, paths: 2_000, replications: 600 },
  ],
] as const;

describe('of the 95 % intervals, 93 to 97 % hold the true effect', () => {
  test.each(CASES)('$paths paths of $name at order $order', ({ mixture, order, ...run }) => {
    // 600 replications tell a share to 0.9 points, 1,000 to 0.7: the bound is 2 points off.
    const coverage = coverageOf(mixture, order, { ...run, seed: 1 });
    expect(coverage).toHaveLength(K);
    for (const { channel, effect, share } of coverage) {
      const label = `${channel}, effect ${effect.toFixed(3)}, seed 1`;
      expect(share, label).toBeGreaterThanOrEqual(0.93);
      expect(share, label).toBeLessThanOrEqual(0.97);
    }
  });
});

test('with few conversions the interval is too narrow: the known limit', () => {
  // About 17 conversions in 500 paths, 136 in 4,000. The estimate is unbiased; its distribution is
  // skewed, and the standard error is too small just when the estimate is too low. Seen with 17:
  // 78 to 91 % by channel, the truth above the interval in nearly all misses.
  const scaled = BROWSERS.conversion.map((p) => p / 10);
  const rare = [{ ...BROWSERS, conversion: scaled }];
  const few = coverageOf(rare, 1, { paths: 500, replications: 500, seed: 1 });
  expect(Math.min(...few.map(({ share }) => share))).toBeLessThan(0.85);
  const enough = coverageOf(rare, 1, { paths: 4_000, replications: 500, seed: 1 });
  // 500 replications tell a share to 1 point: three of those, and nobody is below 92 %.
  for (const { channel, share } of enough) expect(share, channel).toBeGreaterThanOrEqual(0.92);
});

test('a mixture is no first-order chain, and a huge sample tends to the limit stated here', () => {
  const [first, second] = [trueEffects(limitOf(MIXTURE, 1)), trueEffects(limitOf(MIXTURE, 2))];
  const gaps = first.map((effect, c) => Math.abs(effect - (second[c] ?? 0)));
  expect(Math.max(...gaps)).toBeGreaterThan(0.02);
  const rows = [...drawTable(MIXTURE, 400_000, seededRandom(5)).rows()];
  for (const [order, truth] of [first, second].entries()) {
    for (const [c, interval] of intervalsOf(rows, order + 1).entries()) {
      const distance = Math.abs(interval.removalEffect - (truth[c] ?? Number.NaN));
      expect(distance / interval.standardError, `${CHANNELS[c]}`).toBeLessThan(4);
    }
  }
});

test.each([1, 2])('order %i: the standard error is that of the bootstrap', (order) => {
  // 1,000 resamples tell a standard deviation to 2.2 %; 200 would tell it to 5 %.
  const resamples = 1_000;
  const random = seededRandom(11);
  const table = drawTable(MIXTURE, 2_000, random);
  const drawn = [...table.rows()].flatMap(({ path, conversions, nulls }) => [
    ...Array.from({ length: conversions }, () => ({ path, isConverted: true })),
    ...Array.from({ length: nulls }, () => ({ path, isConverted: false })),
  ]);
  const sums = CHANNELS.map(() => ({ sum: 0, squares: 0 }));
  for (let resample = 0; resample < resamples; resample++) {
    const again = new PathTable(new ChannelIndex(CHANNELS));
    for (let n = 0; n < drawn.length; n++) {
      const { path, isConverted } = drawn[Math.floor(random() * drawn.length)]!;
      again.add(path, isConverted ? 1 : 0, isConverted ? 0 : 1, 0);
    }
    const solver = solveChain(markovChain(again.rows(), order));
    for (const [c, total] of sums.entries()) {
      const effect = 1 - solver.without(c).conversion / solver.whole.conversion;
      total.sum += effect;
      total.squares += effect * effect;
    }
  }
  for (const [c, { standardError }] of intervalsOf([...table.rows()], order).entries()) {
    const { sum, squares } = sums[c]!;
    const bootstrap = Math.sqrt((squares - (sum * sum) / resamples) / (resamples - 1));
    expect(standardError / bootstrap, `${CHANNELS[c]}, seed 11`).toBeGreaterThan(0.9);
    expect(standardError / bootstrap, `${CHANNELS[c]}, seed 11`).toBeLessThan(1.1);
  }
});
