/**
 * Figures of an evaluation on examples that are worked out by hand, and their intervals.
 */
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../runtime/simulate/random.ts';
import { bootstrapIntervals, wilsonInterval } from '../../runtime/train/intervals.ts';
import {
  averagePrecision,
  brierScore,
  calibration,
  logLoss,
  rankScores,
  rocAuc,
} from '../../runtime/train/metrics.ts';

describe('ranking', () => {
  test('AUC is the share of pairs in the right order', () => {
    // Pairs of a positive (0.35, 0.8) and a negative (0.1, 0.4): three of four.
    expect(rocAuc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(0.75);
    expect(rocAuc([1, 2, 3], [0, 0, 1])).toBe(1);
    expect(rocAuc([1, 2, 3], [1, 0, 0])).toBe(0);
  });

  test('a tied pair counts half', () => {
    expect(rocAuc([5, 5, 5], [1, 0, 0])).toBe(0.5);
    // 2 > 1 won, 2 = 2 half.
    expect(rocAuc([1, 2, 2], [0, 0, 1])).toBe(0.75);
  });

  test('AUC needs both labels, average precision one positive', () => {
    expect(rocAuc([1, 2], [1, 1])).toBeNaN();
    expect(rocAuc([1, 2], [0, 0])).toBeNaN();
    expect(rocAuc([], [])).toBeNaN();
    expect(averagePrecision([1, 2], [0, 0])).toBeNaN();
    expect(averagePrecision([1, 2], [1, 1])).toBe(1);
  });

  test('average precision sums precision over the steps of recall', () => {
    // Thresholds 0.8, 0.4, 0.35: precision 1, 1/2, 2/3; recall 1/2, 1/2, 1.
    expect(averagePrecision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBeCloseTo(5 / 6, 12);
  });

  test('equal scores are one threshold of average precision', () => {
    expect(averagePrecision([7, 7, 7, 7], [1, 0, 0, 0])).toBe(0.25);
    // 0.9: 1 of 1; 0.5: 2 of 3. Half the positives at either.
    expect(averagePrecision([0.9, 0.5, 0.5], [1, 1, 0])).toBeCloseTo(0.5 + (0.5 * 2) / 3, 12);
  });

  test('infinite scores are at the ends of the order', () => {
    const scores = [Number.NEGATIVE_INFINITY, 0, Number.POSITIVE_INFINITY];
    expect(rocAuc(scores, [0, 0, 1])).toBe(1);
    expect(averagePrecision(scores, [1, 0, 0])).toBeCloseTo(1 / 3, 12);
  });
});

describe('probabilities', () => {
  test('log loss is the mean surprise in nats', () => {
    const expected = -(Math.log(0.9) + Math.log(0.8)) / 2;
    expect(logLoss([0.9, 0.2], [1, 0])).toBeCloseTo(expected, 12);
  });

  test('a wrong certainty costs much, but not everything', () => {
    expect(logLoss([0], [1])).toBeCloseTo(-Math.log(1e-12), 9);
    expect(logLoss([1], [0])).toBeCloseTo(-Math.log(1e-12), 9);
    expect(logLoss([1], [1])).toBeCloseTo(0, 11);
  });

  test('the Brier score is the mean squared error', () => {
    expect(brierScore([0.9, 0.2], [1, 0])).toBeCloseTo((0.01 + 0.04) / 2, 12);
  });

  test('no rows, or none of weight, have no loss', () => {
    expect(logLoss([], [])).toBeNaN();
    expect(brierScore([0.5], [1], [0])).toBeNaN();
  });

  test('bad input is named with its row', () => {
    expect(() => rocAuc([0.1, Number.NaN], [0, 1])).toThrow('a score in row 1');
    expect(() => rocAuc([0.1], [2])).toThrow('label of 0 or 1 in row 0, found 2');
    expect(() => rocAuc([0.1], [0, 1])).toThrow('found 2 for 1');
    expect(() => rocAuc([0.1], [0], [1, 1])).toThrow('a weight for each of 1 rows, found 2');
    expect(() => logLoss([0.5, 1.5], [0, 1])).toThrow('from 0 to 1 in row 1, found 1.5');
  });
});

describe('calibration', () => {
  test('bins hold equal counts from the lowest probabilities to the highest', () => {
    const probabilities = Array.from({ length: 100 }, (_, i) => (99 - i) / 100);
    const labels = probabilities.map((p) => (p >= 0.5 ? 1 : 0));
    const { bins, ece } = calibration(probabilities, labels, 4);
    expect(bins.map(({ count }) => count)).toEqual([25, 25, 25, 25]);
    const means = [0.12, 0.37, 0.62, 0.87];
    bins.forEach((bin, i) => {
      expect(bin.meanPredicted).toBeCloseTo(means[i] as number, 12);
      expect(bin.observedRate).toBe(i < 2 ? 0 : 1);
    });
    expect(ece).toBeCloseTo((0.12 + 0.37 + 0.38 + 0.13) / 4, 12);
  });

  test('equal probabilities stay in one bin', () => {
    const { bins } = calibration(
      [0.1, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.9],
      [0, 1, 0, 0, 1, 0, 0, 1],
    );
    expect(bins.map(({ count }) => count)).toEqual([1, 6, 1]);
    expect(bins[1]?.observedRate).toBeCloseTo(1 / 3, 12);
  });

  test('a constant forecast of the base rate is calibrated', () => {
    const { bins, ece } = calibration([0.25, 0.25, 0.25, 0.25], [0, 0, 1, 0]);
    expect(bins).toHaveLength(1);
    expect(ece).toBe(0);
    expect(calibration([], [])).toEqual({ bins: [], ece: Number.NaN });
  });

  test('the number of bins is a whole number from 1', () => {
    expect(() => calibration([0.5], [1], 0)).toThrow('1 bin or more, found 0');
    expect(() => calibration([0.5], [1], 2.5)).toThrow('found 2.5');
  });
});

describe('intervals', () => {
  test("Wilson's interval of a rate", () => {
    // The formula worked by hand for 1 of 10: (0.1 + 0.19207) ± sqrt(0.03457 + 0.03689), / 1.38415.
    const { low, high } = wilsonInterval(1, 10);
    expect(low).toBeCloseTo(0.01788, 4);
    expect(high).toBeCloseTo(0.40415, 4);
    expect(wilsonInterval(0, 10)).toMatchObject({ low: 0 });
    expect(wilsonInterval(10, 10)).toMatchObject({ high: 1 });
    expect(wilsonInterval(10, 10).low).toBeCloseTo(1 - wilsonInterval(0, 10).high, 12);
  });

  test('the same seed gives the same interval, another seed another', () => {
    const users = Array.from({ length: 60 }, (_, i) => `u${i % 30}`);
    const values = users.map((_, i) => (i * 7919) % 101);
    const of = (seed: number) =>
      bootstrapIntervals(users, (w) => ({ mean: meanOf(values, w) }), { seed, rounds: 200 });
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  test('rows of one user are drawn together', () => {
    const users = ['a', 'b', 'a', 'c', 'c', 'c'];
    let rounds = 0;
    bootstrapIntervals(
      users,
      (weights) => {
        rounds++;
        const of = new Map(users.map((user, i) => [user, weights[i] as number]));
        expect([...weights]).toEqual(users.map((user) => of.get(user)));
        expect([...of.values()].reduce((sum, weight) => sum + weight, 0)).toBe(3);
        return {};
      },
      { seed: 3, rounds: 50 },
    );
    expect(rounds).toBe(51);
  });

  test('resamples without a figure are left out and counted', () => {
    // One user of eight has the only positive: (7/8)^8 = 34 % of resamples lack it.
    const labels = [1, 0, 0, 0, 0, 0, 0, 0];
    const ranking = rankScores([8, 9, 3, 4, 5, 6, 7, 1], labels);
    const { auc, rows } = bootstrapIntervals(
      labels.map((_, i) => i),
      (weights) => ({ auc: ranking.rocAuc(weights), rows: weights.length }),
      { seed: 4 },
    );
    expect(auc.skippedRounds).toBeGreaterThan(280);
    expect(auc.skippedRounds).toBeLessThan(410);
    expect(auc.low).toBeLessThanOrEqual(auc.estimate);
    expect(rows).toEqual({ estimate: 8, low: 8, high: 8, standardError: 0, skippedRounds: 0 });
  });

  test('one user alone says nothing of others', () => {
    const { mean } = bootstrapIntervals(['a', 'a'], (w) => ({ mean: meanOf([1, 2], w) }), {
      seed: 1,
    });
    expect(mean.estimate).toBe(1.5);
    expect([mean.low, mean.high, mean.standardError]).toEqual([NaN, NaN, NaN]);
  });

  test('the difference of two models on the same rows is surer than either', () => {
    const random = seededRandom(7);
    const quality = Array.from({ length: 600 }, () => random());
    const labels = Uint8Array.from(quality, (p) => (random() < p ? 1 : 0));
    const better = rankScores(quality, labels);
    const worse = rankScores(
      quality.map((p) => p + 0.2 * random()),
      labels,
    );
    const users = quality.map((_, i) => i >> 1);
    const { auc, gain } = bootstrapIntervals(
      users,
      (weights) => {
        const auc = better.rocAuc(weights);
        return { auc, gain: auc - worse.rocAuc(weights) };
      },
      { seed: 8, rounds: 300 },
    );
    expect(gain.standardError).toBeLessThan(auc.standardError / 2);
    expect(gain.low).toBeLessThan(gain.estimate);
    expect(gain.high).toBeGreaterThan(gain.estimate);
  });
});

function meanOf(values: readonly number[], weights: Uint32Array): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return values.reduce((sum, value, i) => sum + value * (weights[i] as number), 0) / total;
}
