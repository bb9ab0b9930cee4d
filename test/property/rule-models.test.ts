/**
 * Rule-based attribution over random paths: every model divides exactly what there is (R1, R2,
 * C1), and Shapley's shares are those of the game, enumerated coalition by coalition.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  conversionCredits,
  creditsByName,
  MICRO_CONVERSIONS,
} from '../../actors/channel/conversion-credits.ts';
import { PathTable } from '../../actors/channel/path-table.ts';
import {
  attributeByRule,
  RULE_MODELS,
  splitExactly,
  touchWeights,
} from '../../actors/channel/rule-models.ts';
import { MAX_AMOUNT_UNITS, MICROS_PER_UNIT } from '../../protocols/money.ts';
import type { TouchFact } from '../../protocols/user-snapshot.ts';
import { BASE_MS, DAY_MS, holds } from '../generators.ts';

const CHANNELS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const MAX_TOUCHES = 128;
/** The most that one event may be worth. */
const MAX_MICROS = 1e15;
const MAX_VALUE_MICROS = MAX_AMOUNT_UNITS * MICROS_PER_UNIT;

/** A path's touches in order, from years before its conversion to the very moment of it. */
function touchesOf(minLength: number): fc.Arbitrary<TouchFact[]> {
  const ageMs = fc.oneof(
    fc.nat({ max: 30 * DAY_MS }),
    fc.constantFrom(0, 1, DAY_MS, 7 * DAY_MS),
    fc.nat({ max: 10_000 * DAY_MS }),
  );
  const touch = fc.record({
    ageMs,
    channel: fc.constantFrom(...CHANNELS),
    campaign: fc.option(fc.constantFrom('SPRING', 'SUMMER'), { nil: undefined }),
  });
  return fc.array(touch, { minLength, maxLength: MAX_TOUCHES, size: 'medium' }).map((touches) =>
    touches
      .sort((a, b) => b.ageMs - a.ageMs)
      .map(({ ageMs, channel, campaign }) => {
        const fact = { t: BASE_MS - ageMs, channel };
        return campaign === undefined ? fact : { ...fact, campaign };
      }),
  );
}

function sumOf(figures: ArrayLike<number>): number {
  return Array.from(figures).reduce((total, each) => total + each, 0);
}

test('weights are never negative and sum to 1, under every model and half-life (R1)', () => {
  const halfLife = fc.integer({ min: 1, max: 365 * DAY_MS });
  holds(
    fc.property(touchesOf(1), halfLife, (touches, halfLifeMs) => {
      const path = {
        channels: touches.map(({ channel }) => channel),
        ageMs: (i: number) => BASE_MS - (touches[i] as TouchFact).t,
      };
      for (const model of RULE_MODELS) {
        const weights = touchWeights(model, path, halfLifeMs);
        expect(weights).toHaveLength(touches.length);
        expect(weights.every((weight) => weight >= 0 && weight <= 1 + 1e-12)).toBe(true);
        expect(Math.abs(sumOf(weights) - 1)).toBeLessThanOrEqual(1e-12);
      }
    }),
    1_000,
  );
});

/** A double as an exact number of units of 2^-1074, the smallest one there is. */
function exactly(x: number): bigint {
  const bits = new BigUint64Array(new Float64Array([x]).buffer)[0] as bigint;
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  return exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
}

/** Divided as R2 says: sums exactly, nothing negative, each part less than 1 from its share. */
function expectDivided(amount: number, weights: readonly number[]): void {
  const parts = splitExactly(amount, weights);
  expect(parts.every((part) => Number.isInteger(part) && part >= 0)).toBe(true);
  expect(parts.reduce((total, part) => total + BigInt(part), 0n)).toBe(BigInt(amount));
  const shares = weights.map(exactly);
  const whole = shares.reduce((total, share) => total + share, 0n);
  parts.forEach((part, i) => {
    const off = BigInt(part) * whole - BigInt(amount) * (shares[i] as bigint);
    const isClose = (off < 0n ? -off : off) < whole;
    expect(isClose, `part ${i} of ${amount} by ${weights}: ${part}`).toBe(true);
  });
}

const weights = fc
  .array(
    fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(0, 1, 1 / 3, 1e-12, 1e6),
      fc.nat({ max: 9 }),
    ),
    { minLength: 1, maxLength: MAX_TOUCHES },
  )
  .filter((list) => list.some((weight) => weight > 0));

test('a conversion divides into parts that sum to it, each within 1 of its share (R2)', () => {
  holds(
    fc.property(weights, (list) => expectDivided(MICRO_CONVERSIONS, list)),
    2_000,
  );
});

const AMOUNTS = [
  { what: 'what one event may be worth', most: MAX_VALUE_MICROS },
  { what: 'the greatest exact sum', most: MAX_MICROS },
];
for (const { what, most } of AMOUNTS) {
  test(`any amount up to ${what} divides into parts within 1 of their shares (R2)`, () => {
    const amounts = fc.oneof(fc.nat({ max: 1_000 }), fc.integer({ min: 0, max: most }));
    holds(
      fc.property(amounts, weights, (amount, list) => expectDivided(amount, list)),
      2_000,
    );
  });
}

test('every model credits exactly the conversion and its value, to the micro (C1)', () => {
  const micros = fc.oneof(fc.nat({ max: 1e9 }), fc.nat({ max: MAX_VALUE_MICROS }));
  holds(
    fc.property(touchesOf(1), micros, (touches, value) => {
      const credits = conversionCredits(touches, BASE_MS, value);
      for (const model of RULE_MODELS) {
        const { conversions, micros } = credits[model];
        expect(sumOf(conversions)).toBe(MICRO_CONVERSIONS);
        expect(sumOf(micros)).toBe(value);
        expect([...conversions, ...micros].every((part) => part >= 0)).toBe(true);
        const byChannel = creditsByName(touches, credits[model], 'channel');
        expect(sumOf(byChannel.map((each) => each.conversions))).toBe(MICRO_CONVERSIONS);
        expect(sumOf(byChannel.map((each) => each.micros))).toBe(value);
        for (const { name, micros: sum } of creditsByName(touches, credits[model], 'campaign')) {
          const own = micros.filter((_, i) => touches[i]?.campaign === name);
          expect(sum).toBe(sumOf(own));
        }
      }
    }),
    1_000,
  );
});

test('a touch later in the path never counts less under time decay', () => {
  holds(
    fc.property(touchesOf(2), (touches) => {
      const ageMs = (i: number): number => BASE_MS - (touches[i] as TouchFact).t;
      const channels = touches.map(({ channel }) => channel);
      const decayed = touchWeights('timeDecay', { channels, ageMs }, 7 * DAY_MS);
      for (let i = 1; i < decayed.length; i++) {
        expect(decayed[i]).toBeGreaterThanOrEqual(decayed[i - 1] as number);
      }
    }),
  );
});

const journey = fc.record({
  touches: fc.array(fc.constantFrom(...CHANNELS), { minLength: 1, maxLength: 9 }),
  value: fc.option(fc.nat({ max: 500_000_000 }), { nil: undefined, freq: 3 }),
});
const tables = fc.array(journey, { minLength: 1, maxLength: 40 }).map((journeys) => {
  const table = new PathTable();
  for (const { touches, value } of journeys) {
    const isNull = value === undefined;
    table.add(table.encode(touches), isNull ? 0 : 1, isNull ? 1 : 0, value ?? 0);
  }
  return table;
});

/** v(S) for every coalition, a bit a channel: what was converted on paths inside of it. */
function worths(table: PathTable, of: 'conversions' | 'value'): number[] {
  const count = table.channels.length;
  return Array.from({ length: 2 ** count }, (_, coalition) => {
    let worth = 0;
    for (const row of table.rows()) {
      const isInside = [...row.path].every((touch) => (coalition >> touch.charCodeAt(0)) & 1);
      if (isInside) worth += row[of];
    }
    return worth;
  });
}

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

/** A channel's average marginal worth over all orders in which a coalition can form. */
function shapleyValue(worth: readonly number[], channel: number, count: number): number {
  let sum = 0;
  for (let coalition = 0; coalition < worth.length; coalition++) {
    if ((coalition >> channel) & 1) continue;
    const size = coalition.toString(2).replaceAll('0', '').length;
    const share = (factorial(size) * factorial(count - size - 1)) / factorial(count);
    const joined = worth[coalition | (1 << channel)] as number;
    sum += share * (joined - (worth[coalition] as number));
  }
  return sum;
}

test('Shapley credits are the Shapley values of the game, for up to seven channels', () => {
  holds(
    fc.property(tables, (table) => {
      const count = table.channels.length;
      const conversions = worths(table, 'conversions');
      const values = worths(table, 'value');
      attributeByRule(table, 'shapley').forEach((credit, channel) => {
        expect(credit.channel).toBe(table.channels[channel]);
        const exact = shapleyValue(conversions, channel, count);
        expect(Math.abs(credit.conversions - exact)).toBeLessThan(1e-9);
        const worth = shapleyValue(values, channel, count);
        expect(Math.abs(credit.value - worth)).toBeLessThanOrEqual(1e-9 * (1 + worth));
      });
    }),
    300,
  );
});

test('over a table, every model credits what was converted and nothing else', () => {
  holds(
    fc.property(tables, fc.constantFrom(...RULE_MODELS), (table, model) => {
      const totals = table.totals();
      const credits = attributeByRule(table, model);
      const converted = sumOf(credits.map(({ conversions }) => conversions));
      expect(Math.abs(converted - totals.conversions)).toBeLessThan(1e-9);
      const missing = sumOf(credits.map(({ value }) => value)) - totals.value;
      expect(Math.abs(missing)).toBeLessThanOrEqual(1e-9 * (1 + totals.value));
    }),
    500,
  );
});
