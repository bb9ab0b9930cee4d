/** Removal effects of random journeys: against brute force, and what has to add up (M1, M2). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attributeMarkov, type PathTotals } from '../../actors/channel/removal-effects.ts';
import { countChange, type Path } from '../../actors/user/path.ts';
import { CONVERSION, NULL, START } from '../../protocols/cells.ts';
import { holds } from '../generators.ts';
import { PathTally } from '../path-tally.ts';

const CHANNELS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

const journey: fc.Arbitrary<Path> = fc.record({
  channels: fc
    .array(fc.constantFrom(...CHANNELS), { minLength: 1, maxLength: 12 })
    .map((touches) => touches.filter((channel, i) => channel !== touches[i - 1])),
  day: fc.constantFrom('20240408', '20240409'),
  conversionMicros: fc.option(fc.nat({ max: 500_000_000 }), { nil: undefined, freq: 2 }),
});
const totals = fc.array(journey, { minLength: 1, maxLength: 80 }).map((journeys) => {
  const tally = new PathTally();
  countChange([], journeys, tally);
  return tally.totals();
});

/** Solves a x = b by Gaussian elimination with row exchange. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i] as number]);
  const size = rows.length;
  const cell = (row: number, column: number): number => (rows[row] as number[])[column] as number;
  for (let pivot = 0; pivot < size; pivot++) {
    let best = pivot;
    for (let row = pivot; row < size; row++) {
      if (Math.abs(cell(row, pivot)) > Math.abs(cell(best, pivot))) best = row;
    }
    [rows[pivot], rows[best]] = [rows[best] as number[], rows[pivot] as number[]];
    for (let row = 0; row < size; row++) {
      if (row === pivot) continue;
      const factor = cell(row, pivot) / cell(pivot, pivot);
      rows[row] = (rows[row] as number[]).map((value, i) => value - factor * cell(pivot, i));
    }
  }
  return rows.map((_, i) => cell(i, size) / cell(i, i));
}

/** What is expected from the start, conversions or value, when a channel's visitors are lost. */
function withoutChannel(of: PathTotals, removed: string, ending: 'conversions' | 'value'): number {
  const states = [...of.transitions.keys()];
  const at = states.indexOf(START);
  const system = states.map((_, i) => states.map((__, j) => Number(i === j)));
  const right = states.map(() => 0);
  states.forEach((state, i) => {
    if (state === removed) return;
    const exits = of.transitions.get(state) ?? new Map<string, number>();
    const out = [...exits.values()].reduce((sum, count) => sum + count, 0);
    for (const [to, count] of exits) {
      if (to === NULL || to === removed) continue;
      if (to === CONVERSION) {
        right[i] = (ending === 'value' ? (of.valueByLast.get(state) ?? 0) : count) / out;
        continue;
      }
      const row = system[i] as number[];
      row[states.indexOf(to)] = (row[states.indexOf(to)] as number) - count / out;
    }
  });
  return solve(system, right)[at] as number;
}

test('P(conversion) of the chain is the share of paths that converted, to 1e-12 (M1)', () => {
  holds(
    fc.property(totals, (of) => {
      const rate = of.conversions / of.paths;
      expect(Math.abs(attributeMarkov(of).pConversion - rate)).toBeLessThan(1e-12);
    }),
    500,
  );
});

test('all conversions and all value are attributed, and nothing is negative (M2)', () => {
  holds(
    fc.property(totals, (of) => {
      const { channels } = attributeMarkov(of);
      const sum = (of_: (each: (typeof channels)[number]) => number) =>
        channels.reduce((total, each) => total + of_(each), 0);
      expect(sum(({ conversions }) => conversions)).toBeCloseTo(of.conversions, 9);
      const missing = sum(({ valueMicros }) => valueMicros) - of.valueMicros;
      expect(Math.abs(missing)).toBeLessThanOrEqual(1e-9 * of.valueMicros);
      for (const { removalEffect, valueRemovalEffect } of channels) {
        for (const effect of [removalEffect, valueRemovalEffect]) {
          expect(effect).toBeGreaterThanOrEqual(-1e-12);
          expect(effect).toBeLessThanOrEqual(1 + 1e-12);
        }
      }
    }),
    500,
  );
});

test('each effect is what is lost when the channel is deleted and the chain solved again', () => {
  holds(
    fc.property(totals, (of) => {
      if (of.conversions === 0) return;
      for (const { channel, removalEffect, valueRemovalEffect } of attributeMarkov(of).channels) {
        const kept = withoutChannel(of, channel, 'conversions') / (of.conversions / of.paths);
        expect(Math.abs(removalEffect - (1 - kept))).toBeLessThan(1e-9);
        if (of.valueMicros === 0) continue;
        const worth = withoutChannel(of, channel, 'value') / (of.valueMicros / of.paths);
        expect(Math.abs(valueRemovalEffect - (1 - worth))).toBeLessThan(1e-9);
      }
    }),
    200,
  );
});

test('in which order channels became known does not matter', () => {
  holds(
    fc.property(totals, (of) => {
      const reversed = new Map(
        [...of.transitions].reverse().map(([from, row]) => [from, new Map([...row].reverse())]),
      );
      const again = attributeMarkov({ ...of, transitions: reversed });
      const first = attributeMarkov(of);
      expect(again.channels.map(({ channel }) => channel)).toEqual(
        first.channels.map(({ channel }) => channel),
      );
      again.channels.forEach((each, i) => {
        expect(each.removalEffect).toBeCloseTo(first.channels[i]?.removalEffect ?? Number.NaN, 12);
      });
    }),
  );
});
