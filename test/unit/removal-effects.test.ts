/** Removal effects of chains that are small enough to be worked out by hand. */
import { describe, expect, test } from 'vitest';
import { markovChain } from '../../actors/channel/markov-chain.ts';
import { attributeMarkov } from '../../actors/channel/removal-effects.ts';
import { sumSpend } from '../../actors/channel/totals.ts';
import { tableOf } from '../path-tally.ts';

function attribute(...journeys: readonly string[]) {
  const table = tableOf(...journeys);
  return attributeMarkov(markovChain(table.rows(), 1), table.channels);
}

function effects(...journeys: readonly string[]) {
  const { channels } = attribute(...journeys);
  return Object.fromEntries(channels.map((effect) => [effect.channel, effect]));
}

describe('removal effects worked out by hand', () => {
  test('the example of the literature: three channels, one conversion in three', () => {
    const journeys = ['c1 > c2 > c3 > 30', 'c1 > null', 'c2 > c3 > null'];
    // P = 1/3. Without c1: 1/3 x 1/2 = 1/6. Without c2 or c3 nobody converts.
    const { c1, c2, c3 } = effects(...journeys);
    expect(attribute(...journeys).pConversion).toBeCloseTo(1 / 3, 14);
    expect([c1, c2, c3].map((each) => each?.removalEffect)).toEqual([
      expect.closeTo(0.5, 14),
      expect.closeTo(1, 14),
      expect.closeTo(1, 14),
    ]);
    expect([c1, c2, c3].map((each) => each?.conversions)).toEqual([
      expect.closeTo(0.2, 14),
      expect.closeTo(0.4, 14),
      expect.closeTo(0.4, 14),
    ]);
    expect(c1?.value).toBeCloseTo(6, 12);
  });

  test('a loop: a brings b, b brings a back', () => {
    // b(a) = 1/2 b(b) + 1/2, b(b) = 1/2 b(a): 2/3 and 1/3. Without b: 1/2 x 1/2 of 1/2.
    const { a, b } = effects('a > b > a > 90', 'b > null');
    expect(a?.removalEffect).toBeCloseTo(1, 14);
    expect(b?.removalEffect).toBeCloseTo(0.5, 14);
    expect(a?.conversions).toBeCloseTo(2 / 3, 14);
    expect(b?.value).toBeCloseTo(30, 12);
  });

  test('paths of a single channel each: every channel keeps its own conversions', () => {
    const { a, b } = effects('a > 10', 'a > null', 'b > 20', 'b > null', 'b > null');
    expect(a).toMatchObject({ removalEffect: expect.closeTo(0.5, 14) });
    expect(b).toMatchObject({ removalEffect: expect.closeTo(0.5, 14) });
    expect(a?.conversions).toBeCloseTo(1, 14);
    expect(a?.value).toBeCloseTo(10, 12);
    expect(b?.value).toBeCloseTo(20, 12);
  });

  test('one channel alone causes everything', () => {
    const { a } = effects('a > 10', 'a > 5', 'a > null');
    expect(a?.removalEffect).toBeCloseTo(1, 14);
    expect(a?.valueRemovalEffect).toBeCloseTo(1, 14);
    expect(a?.conversions).toBeCloseTo(2, 13);
    expect(a?.value).toBeCloseTo(15, 12);
  });

  test('value follows the dearer conversions, counts do not', () => {
    // Half of the conversions go through either, but b's are worth nine times as much.
    const { a, b } = effects('a > 10', 'b > 90');
    expect(a?.conversions).toBeCloseTo(1, 14);
    expect([a?.valueRemovalEffect, b?.valueRemovalEffect]).toEqual([
      expect.closeTo(0.1, 14),
      expect.closeTo(0.9, 14),
    ]);
    expect([a?.value, b?.value]).toEqual([expect.closeTo(10, 12), expect.closeTo(90, 12)]);
  });

  test('a channel that never leads to a conversion has no effect', () => {
    const { a, b } = effects('a > 10', 'b > null', 'b > null');
    expect(a?.conversions).toBeCloseTo(1, 14);
    expect(b).toMatchObject({ removalEffect: 0, conversions: 0, value: 0 });
  });
});

describe('what has no answer', () => {
  test('no paths: nothing to attribute', () => {
    expect(attribute()).toEqual({ order: 1, states: 0, pConversion: 0, channels: [] });
  });

  test('no conversions: every effect is zero, not a division by zero', () => {
    const { a, b } = effects('a > b > null', 'b > a > null');
    const nothing = { removalEffect: 0, valueRemovalEffect: 0, conversions: 0, value: 0 };
    expect([a, b]).toEqual([
      { channel: 'a', ...nothing },
      { channel: 'b', ...nothing },
    ]);
  });

  test('conversions without value: counts are attributed, value stays zero', () => {
    const { a } = effects('a > 0', 'a > null');
    expect(a).toMatchObject({ conversions: expect.closeTo(1, 14), value: 0 });
    expect(a?.valueRemovalEffect).toBe(0);
  });

  test('counts that form no chain are refused (M1)', () => {
    const table = tableOf('a > b > 10', 'a > null');
    const chain = markovChain(table.rows(), 1);
    const wrong = { ...chain, totalConversions: 2 };
    expect(() => attributeMarkov(wrong, table.channels)).toThrow('M1');
  });
});

test('what channels cost is the sum over partitions and days (I3)', () => {
  const spend = { v: 2 as const, channels: { a: { impressions: 2, clicks: 1, cost_micros: 5 } } };
  expect(sumSpend([spend, spend]).get('a')).toEqual({ impressions: 4, clicks: 2, costMicros: 10 });
});
