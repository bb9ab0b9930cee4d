/**
 * Logistic regression finds what generated the rows, satisfies its own equations and stays finite.
 */
import { describe, expect, test } from 'vitest';
import { logistic } from '../../actors/model/scorer.ts';
import { seededRandom } from '../../runtime/simulate/random.ts';
import { fitLogistic } from '../../runtime/train/logistic.ts';
import { normals } from '../simulated-series.ts';

interface Sample {
  readonly rows: readonly Float64Array[];
  readonly labels: readonly number[];
}

const BIAS = -1;
/** Log-odds per unit: of a column far from 0, a rare flag, a small unit, and noise. */
const WEIGHTS = [0.05, 1.5, -400, 0];

function simulated(seed: number, count: number): Sample {
  const normal = normals(seed);
  const random = seededRandom(seed + 1_000);
  const rows = Array.from({ length: count }, () =>
    Float64Array.of(100 + 20 * normal(), random() < 0.2 ? 1 : 0, 0.002 * normal(), normal()),
  );
  const labels = rows.map((row) => {
    const logOdds = WEIGHTS.reduce((sum, w, j) => sum + w * (row[j] as number), BIAS - 5);
    return random() < logistic(logOdds) ? 1 : 0;
  });
  return { rows, labels };
}

test('it recovers the coefficients that generated the rows, each in its unit', () => {
  const { rows, labels } = simulated(1, 40_000);
  const { bias, weights } = fitLogistic(rows, labels, { l2: 0 });
  expect(Math.abs(bias - (BIAS - 5))).toBeLessThan(0.25);
  // Four standard errors of 40,000 rows.
  const tolerances = [0.003, 0.13, 30, 0.05];
  WEIGHTS.forEach((weight, j) => {
    expect(Math.abs((weights[j] as number) - weight)).toBeLessThan(tolerances[j] as number);
  });
});

test('predictions sum up to what was observed, over all rows and over each column', () => {
  // The score equations: Σ (y - p) x = 0 without a ridge; the mean of x keeps the sums in scale.
  const { rows, labels } = simulated(2, 3_000);
  const { predict } = fitLogistic(rows, labels, { l2: 0 });
  const scores = new Float64Array(5);
  rows.forEach((row, i) => {
    const residual = (labels[i] as number) - predict(row);
    [1, (row[0] as number) - 100, ...row.subarray(1)].forEach((x, j) => {
      scores[j] = (scores[j] as number) + residual * x;
    });
  });
  for (const score of scores) expect(Math.abs(score)).toBeLessThan(1e-3);
});

test('the ridge holds slopes back by its share of their size', () => {
  // With a ridge, Σ (y - p) z = l2 β for standardised z, and still Σ (y - p) = 0.
  const { rows, labels } = simulated(3, 2_000);
  const l2 = 50;
  const { weights, predict } = fitLogistic(rows, labels, { l2 });
  const residuals = rows.map((row, i) => (labels[i] as number) - predict(row));
  expect(residuals.reduce((sum, r) => sum + r, 0)).toBeCloseTo(0, 4);
  for (const [j, weight] of weights.entries()) {
    const column = rows.map((row) => row[j] as number);
    const mean = column.reduce((sum, x) => sum + x, 0) / column.length;
    const deviation = Math.sqrt(column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / rows.length);
    const score = column.reduce(
      (sum, x, i) => sum + ((x - mean) / deviation) * (residuals[i] as number),
      0,
    );
    expect(score).toBeCloseTo(l2 * weight * deviation, 4);
  }
});

test('the prediction is that of bias and weights in raw units', () => {
  const { rows, labels } = simulated(4, 1_000);
  const { bias, weights, predict } = fitLogistic(rows, labels, { l2: 1 });
  for (const row of rows.slice(0, 50)) {
    const logOdds = weights.reduce((sum, weight, j) => sum + weight * (row[j] as number), bias);
    expect(predict(row)).toBeCloseTo(logistic(logOdds), 10);
  }
});

test('a weight is the row that many times', () => {
  const { rows, labels } = simulated(5, 400);
  const weights = rows.map((_, i) => i % 4);
  const again = rows.flatMap((_, i) => Array.from({ length: i % 4 }, () => i));
  const weighted = fitLogistic(rows, labels, { l2: 1, weights });
  const repeated = fitLogistic(
    again.map((i) => rows[i] as Float64Array),
    again.map((i) => labels[i] as number),
    { l2: 1 },
  );
  expect(weighted.bias).toBeCloseTo(repeated.bias, 5);
  weighted.weights.forEach((weight, j) => {
    expect(weight / (repeated.weights[j] as number)).toBeCloseTo(1, 5);
  });
});

describe('what has no finite answer of its own', () => {
  const line = [-3, -2, -1, 1, 2, 3].map((x) => [x]);
  const sides = [0, 0, 0, 1, 1, 1];

  test('rows that a line separates get finite slopes, the smaller the larger the ridge', () => {
    const slopes = [0, 0.01, 1, 100].map((l2) => fitLogistic(line, sides, { l2 }).weights[0]);
    expect(slopes.every(Number.isFinite)).toBe(true);
    expect(slopes).toEqual([...slopes].sort((a, b) => (b as number) - (a as number)));
    expect(fitLogistic(line, sides, { l2: 0 }).predict([3])).toBeGreaterThan(0.999);
  });

  test('rows of one label get a finite bias', () => {
    const { bias, weights, predict } = fitLogistic(line, [1, 1, 1, 1, 1, 1], { l2: 1 });
    expect(Number.isFinite(bias)).toBe(true);
    expect(weights[0]).toBeCloseTo(0, 3);
    expect(predict([0])).toBeGreaterThan(0.999);
  });

  test('columns that say the same share what they say', () => {
    const twice = [0.5, 1, 1.5, 2, 2.5, 3].map((x) => [x, 2 * x, 7]);
    const { weights } = fitLogistic(twice, [0, 1, 0, 1, 0, 1], { l2: 0 });
    expect(weights[0]).toBeCloseTo(2 * (weights[1] as number), 6);
    expect(weights[2]).toBe(0);
  });

  test('rows without columns get the rate', () => {
    expect(fitLogistic([[], [], [], []], [1, 0, 0, 0], { l2: 1 }).predict([])).toBeCloseTo(0.25, 5);
  });
});

test('what is missing counts as the mean of its column', () => {
  const { rows, labels } = simulated(6, 500);
  const holed = rows.map((row, i) => row.map((x, j) => (j === i % 7 ? Number.NaN : x)));
  const means = [0, 1, 2, 3].map((j) => {
    const there = holed.map((row) => row[j] as number).filter((x) => !Number.isNaN(x));
    return there.reduce((sum, x) => sum + x, 0) / there.length;
  });
  const filled = holed.map((row) =>
    row.map((x, j) => (Number.isNaN(x) ? (means[j] as number) : x)),
  );
  const model = fitLogistic(holed, labels, { l2: 1 });
  const nothing = [Number.NaN, Number.NaN, Number.NaN, Number.NaN];
  expect(model.predict(nothing)).toBeCloseTo(model.predict(means), 12);
  holed.slice(0, 20).forEach((row, i) => {
    expect(model.predict(row)).toBeCloseTo(model.predict(filled[i] as Float64Array), 12);
  });
  const empty = holed.map((row) => Float64Array.of(...row, Number.NaN));
  expect(fitLogistic(empty, labels, { l2: 1 }).weights[4]).toBe(0);
});

test('what cannot be fitted is refused with what is wrong', () => {
  expect(() => fitLogistic([], [], { l2: 1 })).toThrow('found 0 and 0');
  expect(() => fitLogistic([[1], [2]], [1, 0.5], { l2: 1 })).toThrow('in row 1, found 0.5');
  expect(() => fitLogistic([[1], [2]], [1, 0], { l2: 1, weights: [1] })).toThrow('2 weights');
  expect(() => fitLogistic([[1], [Number.POSITIVE_INFINITY]], [1, 0], { l2: 1 })).toThrow(
    'in row 1, column 0',
  );
});
