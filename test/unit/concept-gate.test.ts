/**
 * No intent reads a concept that means nothing.
 */
import { expect, test } from 'vitest';
import { logistic } from '../../actors/model/scorer.ts';
import { CONCEPTS } from '../../protocols/user-snapshot.ts';
import { seededRandom } from '../../runtime/simulate/random.ts';
import { gated, meaningfulConcepts } from '../../runtime/train/concept-gate.ts';
import { itemBehavior, LogCollector } from '../../runtime/train/data/user-log.ts';
import { fitIntent } from '../../runtime/train/fit-intents.ts';
import { SETTINGS } from '../../runtime/train/fit-model.ts';
import {
  type DataSetTraits,
  type Point,
  visitPoints,
} from '../../runtime/train/prediction-points.ts';

const C = CONCEPTS.length;
const ROWS = 2_000;
const TRAITS: DataSetTraits = {
  name: 'by-hand',
  unmeasured: [],
  endMs: 1_000_000,
  hasOrders: true,
  hasReturns: false,
  hasPrices: false,
};

/** One point, over and over, with labels and data sets as given. */
function pointsWith(labels: readonly number[]): Point[] {
  const collector = new LogCollector('by-hand');
  const moment = { timestamp: 0, user_mode: 'anonymous' } as const;
  collector.add('u', itemBehavior(moment, 'view_item', 'a'));
  const [point] = visitPoints(collector.logs()[0] as never, TRAITS) as [Point];
  return labels.map((label, i) => ({
    ...point,
    user: `u${i}`,
    dataSet: i % 2 === 0 ? 'one' : 'other',
    purchase: label,
  }));
}

test('a concept that tells its label passes, one that tells nothing of it does not', () => {
  const random = seededRandom(1);
  const hidden = Array.from({ length: ROWS }, () => 4 * random() - 2);
  const labels = hidden.map((x) => (random() < logistic(x) ? 1 : 0));
  const points = pointsWith(labels);
  // The first concept says what is hidden, all others say noise of the same spread.
  const said = Float64Array.from({ length: ROWS * C }, (_, i) =>
    i % C === 0 ? logistic(hidden[Math.floor(i / C)] as number) : logistic(4 * random() - 2),
  );
  const meaningful = meaningfulConcepts(points, said, (row) => labels[row] as number);
  expect([...meaningful]).toEqual([CONCEPTS[0]]);
  const open = gated(said, meaningful);
  expect(open[0]).toBe(said[0]);
  expect(open[1]).toBe(0.5);
});

test('behind a gate that is shut for all, an intent is a constant', () => {
  const random = seededRandom(2);
  const points = pointsWith(Array.from({ length: ROWS }, () => (random() < 0.3 ? 1 : 0)));
  const said = gated(Float64Array.from({ length: ROWS * C }, random), new Set());
  const { bias, concepts } = fitIntent(points, said, 'purchase_intent', SETTINGS.heads);
  expect(concepts).toEqual({});
  expect(logistic(bias)).toBeCloseTo(0.3, 1);
});
