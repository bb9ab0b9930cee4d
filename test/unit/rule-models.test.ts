/** Rule-based attribution, worked by hand on small paths. */
import { describe, expect, test } from 'vitest';
import { conversionCredits, creditsByName } from '../../actors/channel/conversion-credits.ts';
import {
  attributeByRule,
  RULE_MODELS,
  type RuleModel,
  splitExactly,
  touchWeights,
} from '../../actors/channel/rule-models.ts';
import { BASE_MS, DAY_MS } from '../generators.ts';
import { tableOf } from '../path-tally.ts';

const WEEK_MS = 7 * DAY_MS;

/** The weights of a path such as `a > b`, each touch so many days before its conversion. */
function weightsOf(model: RuleModel, path: string, ageDays: readonly number[] = []): number[] {
  const channels = path.split(' > ');
  const ageMs = (i: number): number => (ageDays[i] ?? channels.length - 1 - i) * DAY_MS;
  return [...touchWeights(model, { channels, ageMs }, WEEK_MS)];
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  found.forEach((weight, i) => {
    expect(weight).toBeCloseTo(expected[i] as number, 12);
  });
}

describe('the touches of one path', () => {
  test.each(RULE_MODELS)('a single touch gets all of it: %s', (model) => {
    expect(weightsOf(model, 'a')).toEqual([1]);
    expect(weightsOf(model, 'a', [10_000])).toEqual([1]);
  });

  test('two touches: one, the other, or half each', () => {
    expect(weightsOf('first', 'a > b')).toEqual([1, 0]);
    expect(weightsOf('last', 'a > b')).toEqual([0, 1]);
    for (const model of ['linear', 'position', 'shapley'] as const) {
      expect(weightsOf(model, 'a > b')).toEqual([0.5, 0.5]);
    }
  });

  test('position: 40 % to each end, the rest equally to those between', () => {
    expectClose(weightsOf('position', 'a > b > c'), [0.4, 0.2, 0.4]);
    expectClose(weightsOf('position', 'a > b > c > d'), [0.4, 0.1, 0.1, 0.4]);
    expectClose(weightsOf('position', 'a > b > c > d > e > f'), [0.4, 0.05, 0.05, 0.05, 0.05, 0.4]);
  });

  test('linear: a repetition counts each time', () => {
    expectClose(weightsOf('linear', 'a > a > b > a'), [0.25, 0.25, 0.25, 0.25]);
  });

  test('Shapley: equally to the distinct channels, of each equally to its touches', () => {
    expectClose(weightsOf('shapley', 'a > a > a'), [1 / 3, 1 / 3, 1 / 3]);
    expectClose(weightsOf('shapley', 'a > b > a'), [0.25, 0.5, 0.25]);
    expectClose(weightsOf('shapley', 'a > b > a > c > b > a'), [
      ...[1 / 9, 1 / 6, 1 / 9],
      ...[1 / 3, 1 / 6, 1 / 9],
    ]);
  });

  test('time decay: half as much for every week before the conversion', () => {
    expectClose(weightsOf('timeDecay', 'a > b', [7, 0]), [1 / 3, 2 / 3]);
    expectClose(weightsOf('timeDecay', 'a > b > c', [14, 7, 0]), [1 / 7, 2 / 7, 4 / 7]);
    // Only how far the touches are apart matters, not how old all of them are.
    expectClose(weightsOf('timeDecay', 'a > b', [107, 100]), [1 / 3, 2 / 3]);
    expectClose(weightsOf('timeDecay', 'a > b', [3, 3]), [0.5, 0.5]);
  });

  test('time decay: ages of thousands of half-lives leave weights that still sum to 1', () => {
    const [old, young] = weightsOf('timeDecay', 'a > b', [100_000, 0]);
    expect([old, young]).toEqual([0, 1]);
    expectClose(weightsOf('timeDecay', 'a > b', [1e9 + 7, 1e9]), [1 / 3, 2 / 3]);
    const credits = conversionCredits(
      [
        { t: 0, channel: 'a' },
        { t: 0, channel: 'b' },
      ],
      BASE_MS,
      3,
    );
    expect(credits.timeDecay).toEqual({ conversions: [500_000, 500_000], micros: [2, 1] });
  });

  test.each(RULE_MODELS)('a path without a touch credits nobody: %s', (model) => {
    expect([...touchWeights(model, { channels: [], ageMs: () => 0 }, WEEK_MS)]).toEqual([]);
    expect(conversionCredits([], BASE_MS, 5)[model]).toEqual({ conversions: [], micros: [] });
  });
});

describe('a whole table', () => {
  const table = tableOf('a > b > 12', 'a > 4', 'b > a > b > c > 10', 'c > null');

  function credited(model: RuleModel): Record<string, [number, number]> {
    return Object.fromEntries(
      attributeByRule(table, model).map(({ channel, conversions, value }) => {
        return [channel, [conversions, value]];
      }),
    );
  }

  test('first and last touch count whole conversions', () => {
    expect(credited('first')).toEqual({ a: [2, 16], b: [1, 10], c: [0, 0] });
    expect(credited('last')).toEqual({ a: [1, 4], b: [1, 12], c: [1, 10] });
  });

  test('linear, position and Shapley divide them', () => {
    expect(credited('linear')).toEqual({ a: [1.75, 12.5], b: [1, 11], c: [0.25, 2.5] });
    const { a, b, c } = credited('position');
    expectClose(a ?? [], [1.6, 11]);
    expectClose(b ?? [], [1, 11]);
    expectClose(c ?? [], [0.4, 4]);
    const shapley = credited('shapley');
    expectClose(shapley.a ?? [], [1 / 2 + 1 + 1 / 3, 6 + 4 + 10 / 3]);
    expectClose(shapley.b ?? [], [1 / 2 + 1 / 3, 6 + 10 / 3]);
    expectClose(shapley.c ?? [], [1 / 3, 10 / 3]);
  });

  test('time decay takes touches to be a day apart', () => {
    const day = 2 ** (-1 / 7);
    const [, second] = [day / (1 + day), 1 / (1 + day)];
    const only = attributeByRule(tableOf('a > b > 12'), 'timeDecay');
    expect(only[1]?.conversions).toBeCloseTo(second as number, 12);
  });
});

describe('dividing integers', () => {
  test('what does not divide goes to the greatest fractions, of equal ones to the first', () => {
    expect(splitExactly(10, [1, 1, 1])).toEqual([4, 3, 3]);
    expect(splitExactly(11, [1, 1, 1])).toEqual([4, 4, 3]);
    expect(splitExactly(1, [0.2, 0.5, 0.3])).toEqual([0, 1, 0]);
    expect(splitExactly(0, [1, 2])).toEqual([0, 0]);
    expect(splitExactly(5, [])).toEqual([]);
  });

  test('a weight of nothing gets nothing', () => {
    expect(splitExactly(7, [0, 1, 0])).toEqual([0, 7, 0]);
    expect(splitExactly(1_000_000, [0, 1 / 3, 1 / 3, 1 / 3])[0]).toBe(0);
  });

  test('where all weights are nothing the first gets all, at once however much it is', () => {
    expect(splitExactly(10, [0, 0])).toEqual([10, 0]);
    expect(splitExactly(Number.MAX_SAFE_INTEGER, [0, 0])).toEqual([Number.MAX_SAFE_INTEGER, 0]);
  });
});

test('a channel is credited for all its touches, a campaign only for those that name it', () => {
  const touches = [
    { t: BASE_MS, channel: 'email', campaign: 'SPRING' },
    { t: BASE_MS + 1, channel: 'search' },
    { t: BASE_MS + 2, channel: 'email' },
  ];
  const { linear, position } = conversionCredits(touches, BASE_MS + 3, 100);
  expect(creditsByName(touches, linear, 'channel')).toEqual([
    { name: 'email', conversions: 333_334 + 333_333, micros: 34 + 33 },
    { name: 'search', conversions: 333_333, micros: 33 },
  ]);
  expect(creditsByName(touches, position, 'campaign')).toEqual([
    { name: 'SPRING', conversions: 400_000, micros: 40 },
  ]);
});
