/**
 * Samples of users: who is in, and what totals and removal effects of the population they tell.
 *
 * One fixed population of users with their paths is sampled again and again with other seeds. Its
 * users are of two kinds that differ in channels and in buying, and have one to several paths, so
 * that the paths of one user are alike, as those of real users are.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { markovChain, statesOf } from '../../actors/channel/markov-chain.ts';
import { ChannelIndex, PathTable } from '../../actors/channel/path-table.ts';
import { attributeMarkov, solveChain } from '../../actors/channel/removal-effects.ts';
import { removalIntervals } from '../../actors/channel/removal-intervals.ts';
import { isSampled, scaledTotal } from '../../actors/channel/sampling.ts';
import { EVERYBODY_PPM } from '../../protocols/cohort.ts';
import { pickWeighted, seededRandom } from '../../runtime/simulate/random.ts';

const USERS = 20_000;
const RATE_PPM = 100_000;
const SAMPLES = 600;
/** A transition of fewer occurrences has too few in a sample for a normal interval. */
const LEAST_COUNT = 200;
const Z_95 = 1.959963984540054;

const CHANNELS = ['search', 'social', 'email', 'display', 'affiliate'];
/** Weights of channels, chance to go on after a touch, chance to convert at the end. */
const KINDS = [
  { weights: [3, 4, 1, 5, 1], goesOn: 0.55, converts: [0.12, 0.05, 0.15, 0.03, 0.1] },
  { weights: [5, 1, 4, 2, 2], goesOn: 0.45, converts: [0.35, 0.2, 0.45, 0.15, 0.3] },
] as const;

interface Visit {
  readonly path: string;
  readonly isConverted: boolean;
}

function drawVisit(kind: (typeof KINDS)[number], random: () => number): Visit {
  const entries = kind.weights.map((weight, c) => [c, weight] as const);
  let path = '';
  let last = 0;
  do {
    last = pickWeighted(random, entries);
    path += String.fromCharCode(last);
  } while (random() < kind.goesOn);
  return { path, isConverted: random() < (kind.converts[last] ?? 0) };
}

/** Each user's paths; the n-th user's token is `user-n`. */
function drawPopulation(): Visit[][] {
  const random = seededRandom(42);
  return Array.from({ length: USERS }, () => {
    const kind = KINDS[random() < 0.3 ? 1 : 0] as (typeof KINDS)[number];
    const visits = [drawVisit(kind, random)];
    while (random() < 0.3) visits.push(drawVisit(kind, random));
    return visits;
  });
}

/** What a user adds to each total: paths, conversions, and each transition's count. */
function figuresOf(visits: readonly Visit[]): Map<string, number> {
  const figures = new Map<string, number>();
  const add = (name: string): void => {
    figures.set(name, (figures.get(name) ?? 0) + 1);
  };
  for (const { path, isConverted } of visits) {
    add('paths');
    if (isConverted) add('conversions');
    const states = ['(start)', ...statesOf(path, 1, 'collapse').map((s) => nameOf(s))];
    const walk = [...states, isConverted ? '(conversion)' : '(null)'];
    for (let i = 0; i + 1 < walk.length; i++) add(`${walk[i]} > ${walk[i + 1]}`);
  }
  return figures;
}

function nameOf(state: string): string {
  return CHANNELS[state.charCodeAt(0)] as string;
}

function tableOf(users: readonly (readonly Visit[])[]): PathTable {
  const table = new PathTable(new ChannelIndex(CHANNELS));
  for (const visits of users) {
    for (const { path, isConverted } of visits) {
      table.add(path, isConverted ? 1 : 0, isConverted ? 0 : 1, 0);
    }
  }
  return table;
}

/** An estimate of each sample with its standard error. */
interface Estimate {
  readonly estimate: number;
  readonly standardError: number;
}

interface Verdict {
  /** Distance of the mean estimate from the truth, in standard errors of that mean. */
  readonly bias: number;
  /** The same distance in standard errors of one estimate. */
  readonly biasOfOne: number;
  /** Share of 95 % intervals that hold the truth. */
  readonly coverage: number;
  /** Mean stated standard error over the scatter that was seen. */
  readonly errorRatio: number;
}

function judge(estimates: readonly Estimate[], truth: number): Verdict {
  const n = estimates.length;
  const mean = estimates.reduce((sum, { estimate }) => sum + estimate, 0) / n;
  const squares = estimates.reduce((sum, { estimate }) => sum + (estimate - mean) ** 2, 0);
  const scatter = Math.sqrt(squares / (n - 1));
  const held = estimates.filter(
    ({ estimate, standardError }) => Math.abs(estimate - truth) <= Z_95 * standardError,
  );
  const stated = estimates.reduce((sum, { standardError }) => sum + standardError, 0) / n;
  return {
    bias: Math.abs(mean - truth) / (scatter / Math.sqrt(n)),
    biasOfOne: Math.abs(mean - truth) / scatter,
    coverage: held.length / n,
    errorRatio: stated / scatter,
  };
}

const population = drawPopulation();
const figures = population.map(figuresOf);

/** Users in the sample of a seed. */
function sampleOf(seed: string): number[] {
  const sample: number[] = [];
  for (let user = 0; user < USERS; user++) {
    if (isSampled(`user-${user}`, seed, RATE_PPM)) sample.push(user);
  }
  return sample;
}

const samples = Array.from({ length: SAMPLES }, (_, i) => sampleOf(`sample-${i}`));

describe('totals from 10 % of the users', () => {
  const truth = new Map<string, number>();
  for (const each of figures) {
    for (const [name, figure] of each) truth.set(name, (truth.get(name) ?? 0) + figure);
  }
  const judged = [...truth].filter(([, total]) => total > LEAST_COUNT).map(([name]) => name);
  const estimates = new Map<string, Estimate[]>(judged.map((name) => [name, []]));
  for (const sample of samples) {
    const sums = new Map(judged.map((name) => [name, { sum: 0, sumOfSquares: 0 }]));
    for (const user of sample) {
      for (const [name, figure] of figures[user] as Map<string, number>) {
        const each = sums.get(name);
        if (each === undefined) continue;
        each.sum += figure;
        each.sumOfSquares += figure * figure;
      }
    }
    for (const [name, each] of sums) estimates.get(name)?.push(scaledTotal(each, RATE_PPM));
  }

  test('paths, conversions and every frequent transition are judged', () => {
    expect(judged).toEqual(expect.arrayContaining(['paths', 'conversions', '(start) > email']));
    expect(judged.length).toBeGreaterThan(30);
  });

  test.each(judged)('%s: unbiased, and the intervals hold the total', (name) => {
    const verdict = judge(estimates.get(name) as Estimate[], truth.get(name) as number);
    expect(verdict.bias).toBeLessThan(3);
    // 600 samples tell a share to 0.9 points, and the least of 37 is 3 such errors away.
    expect(verdict.coverage).toBeGreaterThanOrEqual(0.92);
    expect(verdict.coverage).toBeLessThanOrEqual(0.98);
  });

  test('over all totals, 94 to 96 of 100 intervals hold', () => {
    const shares = judged.map(
      (name) => judge(estimates.get(name) as Estimate[], truth.get(name) as number).coverage,
    );
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    expect(mean).toBeGreaterThanOrEqual(0.94);
    expect(mean).toBeLessThanOrEqual(0.96);
  });
});

describe('removal effects from 10 % of the users', () => {
  const whole = attributeMarkov(markovChain(tableOf(population).rows(), 1), CHANNELS);
  const estimates: Estimate[][] = CHANNELS.map(() => []);
  for (const sample of samples) {
    const table = tableOf(sample.map((user) => population[user] as Visit[]));
    const chain = markovChain(table.rows(), 1);
    const intervals = removalIntervals(table.rows(), chain, solveChain(chain), CHANNELS.length);
    for (const [c, { removalEffect, standardError }] of intervals.entries()) {
      estimates[c]?.push({ estimate: removalEffect, standardError });
    }
  }

  test.each([...CHANNELS.entries()])('%i %s: nearly unbiased, intervals hold', (c) => {
    const effect = whole.channels[c]?.removalEffect ?? Number.NaN;
    const verdict = judge(estimates[c] as Estimate[], effect);
    // A ratio of estimates has a bias of the order 1/n. It must not show: within the Monte-Carlo
    // error, and small beside the error of one estimate.
    expect(verdict.bias).toBeLessThan(3);
    expect(verdict.biasOfOne).toBeLessThan(1 / 3);
    // Two small errors of the interval pull apart: it takes the sample for draws from an endless
    // population (too wide by 1 / sqrt(1 - r) = 5 %), and the paths of a user for independent
    // (here too narrow by up to 6 %).
    expect(verdict.errorRatio).toBeGreaterThan(0.92);
    expect(verdict.errorRatio).toBeLessThan(1.12);
    expect(verdict.coverage).toBeGreaterThanOrEqual(0.93);
    expect(verdict.coverage).toBeLessThanOrEqual(0.98);
  });

  test('a table scaled by 1 / r gives the same effects, but far too narrow intervals', () => {
    const table = tableOf((samples[0] as number[]).map((user) => population[user] as Visit[]));
    const scaled = new PathTable(new ChannelIndex(CHANNELS));
    for (const { path, conversions, nulls } of table.rows()) {
      scaled.add(path, conversions * 10, nulls * 10, 0);
    }
    const [own, tenfold] = [table, scaled].map((each) => {
      const chain = markovChain(each.rows(), 1);
      return removalIntervals(each.rows(), chain, solveChain(chain), CHANNELS.length);
    });
    for (const [c, interval] of (own ?? []).entries()) {
      expect(tenfold?.[c]?.removalEffect).toBeCloseTo(interval.removalEffect, 12);
      const ratio = interval.standardError / (tenfold?.[c]?.standardError ?? Number.NaN);
      expect(ratio).toBeCloseTo(Math.sqrt(10), 9);
    }
  });
});

describe('who is in', () => {
  test('the sample has the size of its rate, and its scatter', () => {
    const sizes = samples.map((sample) => ({
      estimate: sample.length,
      standardError: Math.sqrt(USERS * 0.1 * 0.9),
    }));
    const verdict = judge(sizes, USERS * 0.1);
    expect(verdict.bias).toBeLessThan(3);
    expect(verdict.errorRatio).toBeGreaterThan(0.9);
    expect(verdict.errorRatio).toBeLessThan(1.1);
  });

  test('samples of two seeds overlap as chance would have it', () => {
    const one = new Set(samples[0]);
    const other = samples[1] as number[];
    const expected = (one.size * other.length) / USERS;
    const overlap = other.filter((user) => one.has(user)).length;
    expect(Math.abs(overlap - expected)).toBeLessThan(4 * Math.sqrt(expected));
  });

  test('who is in at a rate is in at every greater one (S2), and always (S1)', () => {
    const rate = fc.integer({ min: 0, max: EVERYBODY_PPM });
    fc.assert(
      fc.property(fc.string(), fc.string(), rate, rate, (token, seed, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        const isIn = isSampled(token, seed, less);
        expect(isSampled(token, seed, less)).toBe(isIn);
        if (isIn) expect(isSampled(token, seed, more)).toBe(true);
        expect(isSampled(token, seed, EVERYBODY_PPM)).toBe(true);
        expect(isSampled(token, seed, 0)).toBe(false);
      }),
    );
  });

  test('a full sample estimates without error; a rate that cannot be is refused', () => {
    const sums = { sum: 12, sumOfSquares: 60 };
    expect(scaledTotal(sums, EVERYBODY_PPM)).toEqual({ estimate: 12, standardError: 0 });
    expect(scaledTotal(sums, 250_000).estimate).toBe(48);
    // sqrt((1 - r) / r² · 60) by hand.
    expect(scaledTotal(sums, 250_000).standardError).toBeCloseTo(Math.sqrt(12 * 60), 9);
    for (const rate of [0, -1, EVERYBODY_PPM + 1, Number.NaN]) {
      expect(() => scaledTotal(sums, rate)).toThrow(/ratePpm/);
    }
  });
});
