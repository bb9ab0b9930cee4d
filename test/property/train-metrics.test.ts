/**
 * What holds for figures of an evaluation over any scores and labels: they equal their definitions
 * by brute force, weights are repeated rows, the order of rows is nothing, and 95 % is 95 %.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../runtime/simulate/random.ts';
import { bootstrapIntervals } from '../../runtime/train/intervals.ts';
import {
  averagePrecision,
  brierScore,
  calibration,
  logLoss,
  rankScores,
  rocAuc,
} from '../../runtime/train/metrics.ts';
import { holds } from '../generators.ts';
import { normals } from '../simulated-series.ts';

interface Row {
  /** In twentieths, so that there are ties. */
  readonly score: number;
  readonly label: 0 | 1;
  readonly weight: number;
}

const rowsOf = (minLength: number): fc.Arbitrary<Row[]> =>
  fc.array(
    fc.record({
      score: fc.integer({ min: 0, max: 20 }).map((twentieths) => twentieths / 20),
      label: fc.constantFrom(0 as const, 1 as const),
      weight: fc.integer({ min: 0, max: 4 }),
    }),
    { minLength, maxLength: 60 },
  );

const scoresOf = (rows: readonly Row[]): number[] => rows.map(({ score }) => score);
const labelsOf = (rows: readonly Row[]): number[] => rows.map(({ label }) => label);
const repeated = (rows: readonly Row[]): Row[] =>
  rows.flatMap((row) => Array.from({ length: row.weight }, () => row));

/** To twelve digits behind the point; without a figure, both. */
function expectSame(found: number, expected: number): void {
  if (Number.isNaN(expected)) expect(found).toBeNaN();
  else expect(found).toBeCloseTo(expected, 12);
}

test('AUC is the share of pairs in the right order, ties half', () => {
  holds(
    fc.property(rowsOf(0), (rows) => {
      let [wins, pairs] = [0, 0];
      for (const up of rows.filter(({ label }) => label === 1)) {
        for (const down of rows.filter(({ label }) => label === 0)) {
          pairs++;
          wins += up.score > down.score ? 1 : up.score === down.score ? 0.5 : 0;
        }
      }
      expectSame(rocAuc(scoresOf(rows), labelsOf(rows)), wins / pairs);
    }),
  );
});

test('average precision is the sum over thresholds', () => {
  holds(
    fc.property(rowsOf(0), (rows) => {
      const positives = rows.filter(({ label }) => label === 1).length;
      const thresholds = [...new Set(scoresOf(rows))].sort((a, b) => b - a);
      let [sum, before] = [0, 0];
      for (const threshold of thresholds) {
        const taken = rows.filter(({ score }) => score >= threshold);
        const hits = taken.filter(({ label }) => label === 1).length;
        sum += ((hits - before) / positives) * (hits / taken.length);
        before = hits;
      }
      const expected = positives === 0 ? Number.NaN : sum;
      expectSame(averagePrecision(scoresOf(rows), labelsOf(rows)), expected);
    }),
  );
});

test('a weight is the row that many times, in every figure', () => {
  const figures = { rocAuc, averagePrecision, logLoss, brierScore };
  holds(
    fc.property(rowsOf(0), (rows) => {
      const weights = Uint32Array.from(rows, ({ weight }) => weight);
      const again = repeated(rows);
      for (const figure of Object.values(figures)) {
        const expected = figure(scoresOf(again), labelsOf(again));
        expectSame(figure(scoresOf(rows), labelsOf(rows), weights), expected);
      }
    }),
  );
});

test('the order of the rows changes no ranking and no bin', () => {
  const shuffled = rowsOf(1).chain((rows) =>
    fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })),
  );
  holds(
    fc.property(shuffled, ([rows, other]) => {
      for (const figure of [rocAuc, averagePrecision, calibration]) {
        const expected = figure(scoresOf(rows), labelsOf(rows));
        expect(figure(scoresOf(other), labelsOf(other))).toEqual(expected);
      }
    }),
  );
});

test('bins hold every row once, in order, and their rates lie in their intervals', () => {
  holds(
    fc.property(rowsOf(1), fc.integer({ min: 1, max: 12 }), (rows, binsMax) => {
      const { bins, ece } = calibration(scoresOf(rows), labelsOf(rows), binsMax);
      expect(bins.length).toBeLessThanOrEqual(binsMax);
      expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(rows.length);
      const observed = bins.reduce((sum, bin) => sum + bin.count * bin.observedRate, 0);
      expect(observed).toBeCloseTo(rows.filter(({ label }) => label === 1).length, 9);
      bins.forEach((bin, i) => {
        if (i > 0) expect(bin.meanPredicted).toBeGreaterThan(bins[i - 1]?.meanPredicted as number);
        expect(bin.low).toBeLessThanOrEqual(bin.observedRate);
        expect(bin.high).toBeGreaterThanOrEqual(bin.observedRate);
        expect(bin.low).toBeGreaterThanOrEqual(0);
        expect(bin.high).toBeLessThanOrEqual(1);
      });
      expect(ece).toBeGreaterThanOrEqual(0);
      expect(ece).toBeLessThanOrEqual(1);
    }),
  );
});

/** Users with three rows each that share what is particular to the user. */
function clustered(seed: number, users: number): { values: number[]; groups: number[] } {
  const normal = normals(seed);
  const groups = Array.from({ length: users * 3 }, (_, row) => Math.floor(row / 3));
  const particular = Array.from({ length: users }, () => normal());
  return { groups, values: groups.map((user) => (particular[user] as number) + 0.5 * normal()) };
}

function coverage(groupsOf: (groups: number[]) => number[]): number {
  const repetitions = 300;
  let covered = 0;
  for (let seed = 1; seed <= repetitions; seed++) {
    const { values, groups } = clustered(seed, 60);
    const { mean } = bootstrapIntervals(
      groupsOf(groups),
      (weights) => {
        let [sum, total] = [0, 0];
        for (let i = 0; i < values.length; i++) {
          sum += (weights[i] as number) * (values[i] as number);
          total += weights[i] as number;
        }
        return { mean: sum / total };
      },
      { seed, rounds: 400 },
    );
    if (mean.low <= 0 && 0 <= mean.high) covered++;
  }
  return covered / repetitions;
}

// 300 repetitions scatter by 1.3 points; the percentile interval of 60 users is 1 point too narrow.
test('intervals over users cover the true mean 95 % of the time', () => {
  const share = coverage((groups) => groups);
  expect(share).toBeGreaterThan(0.91);
  expect(share).toBeLessThan(0.98);
});

test('intervals that take the rows of one user for independent are too narrow', () => {
  expect(coverage((groups) => groups.map((_, row) => row))).toBeLessThan(0.85);
});

test('intervals of an AUC cover the true one, that of two normal distributions', () => {
  // Scores N(1, 1) against N(0, 1): AUC = Φ(1 / √2) (Hanley & McNeil 1982), users of two rows.
  const truth = 0.7602499389065233;
  const repetitions = 200;
  let covered = 0;
  for (let seed = 1; seed <= repetitions; seed++) {
    const normal = normals(1_000 + seed);
    const random = seededRandom(2_000 + seed);
    const labels = Uint8Array.from({ length: 200 }, () => (random() < 0.3 ? 1 : 0));
    const ranking = rankScores(
      Float64Array.from(labels, (label) => label + normal()),
      labels,
    );
    const users = Array.from(labels, (_, row) => row >> 1);
    const { auc } = bootstrapIntervals(users, (w) => ({ auc: ranking.rocAuc(w) }), {
      seed,
      rounds: 300,
    });
    if (auc.low <= truth && truth <= auc.high) covered++;
  }
  expect(covered / repetitions).toBeGreaterThan(0.9);
  expect(covered / repetitions).toBeLessThan(0.985);
});
