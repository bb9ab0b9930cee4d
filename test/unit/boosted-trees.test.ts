/**
 * What boosted trees learn that a line cannot, what they do with missing values, and what they
 * leave alone.
 */
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../runtime/simulate/random.ts';
import { type BoostedTreeOptions, fitBoostedTrees } from '../../runtime/train/boosted-trees.ts';
import { fitLogistic } from '../../runtime/train/logistic.ts';
import { logLoss, rocAuc } from '../../runtime/train/metrics.ts';

interface Sample {
  readonly rows: Float64Array[];
  readonly labels: Uint8Array;
}

const OPTIONS: BoostedTreeOptions = { rounds: 60, depth: 3, learningRate: 0.2, seed: 1 };

/** Rows of uniform numbers; each label is drawn by the chance that the row has. */
function sample(
  seed: number,
  count: number,
  width: number,
  chanceOf: (row: Float64Array) => number,
): Sample {
  const random = seededRandom(seed);
  const rows = Array.from({ length: count }, () => Float64Array.from({ length: width }, random));
  return { rows, labels: Uint8Array.from(rows, (row) => (random() < chanceOf(row) ? 1 : 0)) };
}

function aucOn({ rows, labels }: Sample, model: { predict(row: Float64Array): number }): number {
  return rocAuc(
    rows.map((row) => model.predict(row)),
    labels,
  );
}

const xor = (row: Float64Array): number =>
  (row[0] as number) > 0.5 === (row[1] as number) > 0.5 ? 0.05 : 0.95;

test('trees learn that one of two holds but not both, which a line cannot', () => {
  const train = sample(1, 2_000, 4, xor);
  const fresh = sample(2, 2_000, 4, xor);
  const line = fitLogistic(train.rows, train.labels, { l2: 1 });
  expect(aucOn(fresh, fitBoostedTrees(train.rows, train.labels, OPTIONS))).toBeGreaterThan(0.93);
  expect(aucOn(fresh, line)).toBeLessThan(0.6);
});

test('trees learn a rising chance, near to the chance itself', () => {
  const rising = (row: Float64Array): number => 0.1 + 0.8 * (row[0] as number) ** 2;
  const train = sample(3, 5_000, 3, rising);
  const trees = fitBoostedTrees(train.rows, train.labels, { ...OPTIONS, learningRate: 0.1 });
  for (const x of [0.05, 0.3, 0.5, 0.7, 0.95]) {
    const p = trees.predict([x, 0.5, 0.5]);
    expect(Math.abs(p - rising(Float64Array.of(x)))).toBeLessThan(0.12);
  }
});

test('more rounds fit the rows they saw better and better', () => {
  const { rows, labels } = sample(4, 1_000, 4, xor);
  const losses = [0, 1, 5, 20, 60].map((rounds) => {
    const trees = fitBoostedTrees(rows, labels, { ...OPTIONS, rounds });
    return logLoss(
      rows.map((row) => trees.predict(row)),
      labels,
    );
  });
  expect(losses).toEqual([...losses].sort((a, b) => b - a));
});

test('the first tree has the leaves that the formula gives', () => {
  // Half of 40 rows of value 1 buy 3 in 4, of value 0 1 in 4: p = 1/2, G = ∓5, H = 5.
  const values = Array.from({ length: 40 }, (_, i) => (i < 20 ? 0 : 1));
  const labels = values.map((value, i) => (i % 4 === 0 ? 1 - value : value));
  const rows = values.map((value) => Float64Array.of(value));
  const trees = fitBoostedTrees(rows, labels, {
    ...{ rounds: 1, depth: 1, learningRate: 0.5, seed: 1, l2: 5 },
  });
  const leaf = (0.5 * 5) / (5 + 5);
  expect(trees.predict([1])).toBeCloseTo(1 / (1 + Math.exp(-leaf)), 12);
  expect(trees.predict([0])).toBeCloseTo(1 / (1 + Math.exp(leaf)), 12);
  expect(trees.predict([0.49])).toBe(trees.predict([0]));
  expect(trees.predict([0.51])).toBe(trees.predict([1]));
});

describe('missing values', () => {
  const random = seededRandom(5);
  const rows = Array.from({ length: 3_000 }, () =>
    Float64Array.of(random() < 0.3 ? Number.NaN : random(), random()),
  );
  const fitTo = (chanceOf: (x: number) => number) => {
    const labels = rows.map((row) => (random() < chanceOf(row[0] as number) ? 1 : 0));
    return fitBoostedTrees(rows, labels, { ...OPTIONS, depth: 2, learningRate: 0.1 });
  };

  test('go with the high values where they are like them', () => {
    const trees = fitTo((x) => (Number.isNaN(x) || x > 0.6 ? 0.8 : 0.1));
    expect(trees.predict([Number.NaN, 0.5])).toBeGreaterThan(0.7);
    expect(trees.predict([0.3, 0.5])).toBeLessThan(0.2);
  });

  test('go with the low values where they are like them', () => {
    const trees = fitTo((x) => (Number.isNaN(x) || x < 0.4 ? 0.8 : 0.1));
    expect(trees.predict([Number.NaN, 0.5])).toBeGreaterThan(0.7);
    expect(trees.predict([0.7, 0.5])).toBeLessThan(0.2);
  });

  test('stand alone where that they are missing is what matters', () => {
    const trees = fitTo((x) => (Number.isNaN(x) ? 0.8 : 0.1));
    expect(trees.predict([Number.NaN, 0.5])).toBeGreaterThan(0.7);
    for (const x of [0, 0.5, 1, 1e9, Number.POSITIVE_INFINITY]) {
      expect(trees.predict([x, 0.5])).toBeLessThan(0.2);
    }
  });

  test('that no row had before go with most rows', () => {
    const values = Array.from({ length: 200 }, (_, i) => i);
    const trees = fitBoostedTrees(
      values.map((value) => Float64Array.of(value)),
      values.map((value) => (value < 150 ? 0 : 1)),
      { rounds: 1, depth: 1, learningRate: 1, seed: 1, bins: 255 },
    );
    expect(trees.predict([Number.NaN])).toBe(trees.predict([0]));
    expect(trees.predict([Number.NaN])).not.toBe(trees.predict([199]));
  });
});

test('a value that most rows have and rare values beside it keep bins of their own', () => {
  // 0 in 90 % of 5,000 rows, else a number of which only those above 0.9 buy.
  const random = seededRandom(6);
  const rows = Array.from({ length: 5_000 }, () =>
    Float64Array.of(random() < 0.9 ? 0 : 0.01 + random()),
  );
  const labels = rows.map((row) => ((row[0] as number) > 0.9 ? 1 : 0));
  const trees = fitBoostedTrees(rows, labels, { ...OPTIONS, bins: 16, minLeafRows: 5 });
  expect(aucOn({ rows, labels: Uint8Array.from(labels) }, trees)).toBeGreaterThan(0.99);
});

test('the same seed gives the same trees, and another sample of rows other ones', () => {
  const { rows, labels } = sample(7, 800, 5, xor);
  const fit = (seed: number, rowSample: number) => {
    const trees = fitBoostedTrees(rows, labels, { ...OPTIONS, seed, rowSample });
    return rows.map((row) => trees.predict(row));
  };
  expect(fit(1, 0.6)).toEqual(fit(1, 0.6));
  expect(fit(1, 0.6)).not.toEqual(fit(2, 0.6));
  expect(fit(1, 1)).toEqual(fit(2, 1));
});

test('rows of one label, few rows or columns that never vary give the rate and no split', () => {
  const { rows } = sample(8, 50, 2, () => 0.5);
  const always = fitBoostedTrees(rows, new Uint8Array(50).fill(1), OPTIONS);
  const constant = fitBoostedTrees(
    rows.map(() => Float64Array.of(3, Number.NaN)),
    rows.map((_, i) => (i < 10 ? 1 : 0)),
    OPTIONS,
  );
  expect(always.predict([0.5, 0.5])).toBeGreaterThan(0.98);
  expect(always.predict([0.5, 0.5])).toBeLessThanOrEqual(1);
  expect(constant.predict([3, Number.NaN])).toBeCloseTo(0.2, 12);
  const few = fitBoostedTrees([Float64Array.of(0), Float64Array.of(1)], [0, 1], OPTIONS);
  expect(few.predict([1])).toBe(0.5);
});

test('what cannot be fitted is refused with what is wrong', () => {
  const rows = [Float64Array.of(1), Float64Array.of(2)];
  expect(() => fitBoostedTrees([], [], OPTIONS)).toThrow('found 0 and 0');
  expect(() => fitBoostedTrees(rows, [1], OPTIONS)).toThrow('found 2 and 1');
  expect(() => fitBoostedTrees(rows, [1, 3], OPTIONS)).toThrow('in row 1, found 3');
  expect(() => fitBoostedTrees(rows, [1, 0], { ...OPTIONS, bins: 256 })).toThrow('bins');
  const ragged = [Float64Array.of(1), Float64Array.of(2, 3)];
  expect(() => fitBoostedTrees(ragged, [1, 0], OPTIONS)).toThrow('1 columns in row 1, found 2');
});
