/**
 * The two fits that a model is made of recover what they should: additive functions of features
 * without a direction, and monotone sums in a direction.
 */
import { describe, expect, test } from 'vitest';
import { logistic } from '../../actors/model/scorer.ts';
import { seededRandom } from '../../runtime/simulate/random.ts';
import { designOf, knottedFeature } from '../../runtime/train/additive-design.ts';
import {
  type AdditiveProblem,
  designLogit,
  fitAdditive,
  fitWithoutFolds,
} from '../../runtime/train/additive-fit.ts';
import { fitLogistic } from '../../runtime/train/logistic.ts';
import { fitMonotone, type MonotoneProblem } from '../../runtime/train/monotone-fit.ts';

const ROWS = 6_000;

/** Rows of uniform numbers in -1 … 1, and labels drawn from a logit of them. */
function drawn(seed: number, width: number, logit: (x: Float64Array) => number) {
  const random = seededRandom(seed);
  const rows = Array.from({ length: ROWS }, () =>
    Float64Array.from({ length: width }, () => 2 * random() - 1),
  );
  const labels = Uint8Array.from(rows, (x) => (random() < logistic(logit(x)) ? 1 : 0));
  return { rows, labels };
}

function additiveProblem(
  rows: readonly Float64Array[],
  labels: Uint8Array,
  smooth: number,
  ridge: number,
): AdditiveProblem {
  const points = rows.map((features) => ({ features, absent: 0 }));
  const width = rows[0]?.length ?? 0;
  const features = Array.from({ length: width }, (_, place) =>
    knottedFeature(points, `x${place}`, place, 0),
  ).flat();
  return {
    design: designOf(points, features),
    rows: Int32Array.from(rows.keys()),
    labels,
    weights: new Float64Array(rows.length).fill(1),
    options: { smooth, ridge, steps: 30 },
  };
}

function meanError(rows: readonly Float64Array[], a: (i: number) => number, b: typeof a): number {
  return rows.reduce((sum, _, i) => sum + Math.abs(a(i) - b(i)), 0) / rows.length;
}

describe('the additive fit', () => {
  test('recovers a sum of a bent and a straight function', () => {
    const truth = (x: Float64Array): number => 3 * Math.abs(x[0] as number) + (x[1] as number) - 1;
    const { rows, labels } = drawn(1, 2, truth);
    const problem = additiveProblem(rows, labels, 1, 0.1);
    const beta = fitAdditive(problem);
    const found = (i: number): number => designLogit(problem.design, i, beta);
    expect(
      meanError(rows, found, (i) => truth(rows[i] as Float64Array)),
      'mean error of the logit',
    ).toBeLessThan(0.2);
  });

  test('is logistic regression where it may not bend', () => {
    const { rows, labels } = drawn(2, 3, (x) => 2 * (x[0] as number) - (x[1] as number));
    const problem = additiveProblem(rows, labels, 1e6, 1e-6);
    const beta = fitAdditive(problem);
    const linear = fitLogistic(rows, labels, { l2: 0 });
    const difference = meanError(
      rows,
      (i) => logistic(designLogit(problem.design, i, beta)),
      (i) => linear.predict(rows[i] as Float64Array),
    );
    // Beyond the outer knots, 2 % of the rows on each side, a curve stays level.
    expect(difference).toBeLessThan(0.012);
  });

  test('without folds is the fit on the other rows', () => {
    const { rows, labels } = drawn(3, 2, (x) => 2 * (x[0] as number));
    const problem = additiveProblem(rows, labels, 10, 2);
    const foldOf = Array.from(rows, (_, i) => i % 4);
    const sets = [[0], [1], [2], [3], [0, 2]];
    const short = fitWithoutFolds(problem, fitAdditive(problem), foldOf, sets);
    sets.forEach((folds, i) => {
      const kept = [...rows.keys()].filter((row) => !folds.includes(foldOf[row] as number));
      const long = fitAdditive({
        ...problem,
        rows: Int32Array.from(kept),
        labels: Uint8Array.from(kept, (row) => labels[row] as number),
        weights: new Float64Array(kept.length).fill(1),
      });
      const difference = meanError(
        rows,
        (row) => designLogit(problem.design, row, short[i] as Float64Array),
        (row) => designLogit(problem.design, row, long),
      );
      expect(difference).toBeLessThan(0.01);
    });
  });
});

describe('the monotone fit', () => {
  /** One ramp from -1 to 1 per column. */
  function monotoneProblem(
    rows: readonly Float64Array[],
    labels: Uint8Array,
    groupOf: (x: Float64Array) => number = () => 0,
  ): MonotoneProblem {
    const columns = rows[0]?.length ?? 0;
    return {
      ramps: Float64Array.from(rows.flatMap((x) => [...x].map((value) => (value + 1) / 2))),
      columns,
      labels,
      weights: new Float64Array(rows.length).fill(1),
      groups: Int32Array.from(rows, groupOf),
      ridges: new Float64Array(columns).fill(1e-3),
    };
  }

  test('recovers slopes in its direction, and takes those against it for nothing', () => {
    const { rows, labels } = drawn(4, 3, (x) => 1.5 * (x[0] as number) - (x[1] as number) / 2);
    const { ramps } = fitMonotone(monotoneProblem(rows, labels), 30);
    // A slope of 1.5 is a rise of 3 from -1 to 1.
    expect(ramps[0]).toBeGreaterThan(2.6);
    expect(ramps[0]).toBeLessThan(3.4);
    expect(ramps[1]).toBe(0);
    expect(ramps[2]).toBeLessThan(0.3);
    for (const ramp of ramps) expect(ramp).toBeGreaterThanOrEqual(0);
  });

  test('does not take a difference between groups for an effect', () => {
    // The second group has higher x and a higher rate; within a group, x does nothing.
    const random = seededRandom(5);
    const rows = Array.from({ length: ROWS }, (_, i) => {
      return Float64Array.of(i % 2 === 0 ? random() : random() - 1);
    });
    const labels = Uint8Array.from(rows, ([x]) =>
      random() < ((x as number) >= 0 ? 0.6 : 0.2) ? 1 : 0,
    );
    const blind = fitMonotone(monotoneProblem(rows, labels), 30);
    const seeing = fitMonotone(
      monotoneProblem(rows, labels, ([x]) => ((x as number) >= 0 ? 1 : 0)),
      30,
    );
    expect(blind.ramps[0]).toBeGreaterThan(1.5);
    expect(seeing.ramps[0]).toBeLessThan(0.4);
  });

  test('gives each group its own rate, and as the constant their mean', () => {
    const rows = Array.from({ length: 1_000 }, () => Float64Array.of(0));
    const labels = Uint8Array.from(rows, (_, i) => (i % 10 === 0 ? 1 : 0));
    const { bias, ramps } = fitMonotone(monotoneProblem(rows, labels), 30);
    // The column does not vary, so it may take a part of the constant.
    expect(logistic(bias + (ramps[0] as number) / 2)).toBeCloseTo(0.1, 3);
  });
});
