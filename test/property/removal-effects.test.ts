/** Removal effects of random journeys: against brute force, and what has to add up (M1, M2). */
import fc from 'fast-check';
import { LuDecomposition, Matrix } from 'ml-matrix';
import { expect, test } from 'vitest';
import { type MarkovChain, markovChain } from '../../actors/channel/markov-chain.ts';
import { PathTable } from '../../actors/channel/path-table.ts';
import { attributeMarkov, solveChain } from '../../actors/channel/removal-effects.ts';
import { holds } from '../generators.ts';

const CHANNELS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

const journey = fc.record({
  touches: fc.array(fc.constantFrom(...CHANNELS), { minLength: 1, maxLength: 12 }),
  value: fc.option(fc.nat({ max: 500_000_000 }), { nil: undefined, freq: 2 }),
});
const tables = fc.array(journey, { minLength: 1, maxLength: 80 }).map((journeys) => {
  const table = new PathTable();
  for (const { touches, value } of journeys) {
    const isNull = value === undefined;
    table.add(table.encode(touches), isNull ? 0 : 1, isNull ? 1 : 0, value ?? 0);
  }
  return table;
});
const orders = fc.constantFrom(1, 2, 3, 4);

/** What a path brings on average when the states that hold a channel lead nowhere: solved anew. */
function withoutChannel(chain: MarkovChain, removed: string, ends: Float64Array): number {
  const n = chain.states.length;
  const matrix = Matrix.eye(n);
  const right = new Array<number>(n).fill(0);
  const isOut = (state: number): boolean => (chain.states[state] as string).includes(removed);
  for (let i = 0; i < n; i++) {
    if (isOut(i)) continue;
    const exits = chain.exits[i] as number;
    right[i] = (ends[i] as number) / exits;
    for (let at = chain.rowStart[i] as number; at < (chain.rowStart[i + 1] as number); at++) {
      const j = chain.to[at] as number;
      if (isOut(j)) continue;
      matrix.set(i, j, matrix.get(i, j) - (chain.counts[at] as number) / exits);
    }
  }
  const solution = new LuDecomposition(matrix).solve(Matrix.columnVector(right)).to1DArray();
  return solution.reduce((sum, x, i) => {
    return isOut(i) ? sum : sum + (x * (chain.starts[i] as number)) / chain.totalPaths;
  }, 0);
}

test('P(conversion) of the chain is the share of paths that converted, at every order (M1)', () => {
  holds(
    fc.property(tables, orders, (table, order) => {
      const { conversions, paths } = table.totals();
      const { whole } = solveChain(markovChain(table.rows(), order));
      expect(Math.abs(whole.conversion - conversions / paths)).toBeLessThanOrEqual(1e-12);
    }),
    1_000,
  );
});

test('all conversions and all value are attributed, and nothing is negative (M2)', () => {
  holds(
    fc.property(tables, orders, (table, order) => {
      const { channels } = attributeMarkov(markovChain(table.rows(), order), table.channels);
      const totals = table.totals();
      const sum = (of: (each: (typeof channels)[number]) => number) =>
        channels.reduce((total, each) => total + of(each), 0);
      expect(sum(({ conversions }) => conversions)).toBeCloseTo(totals.conversions, 9);
      const missing = sum(({ value }) => value) - totals.value;
      expect(Math.abs(missing)).toBeLessThanOrEqual(1e-9 * totals.value);
      for (const { removalEffect, valueRemovalEffect } of channels) {
        for (const effect of [removalEffect, valueRemovalEffect]) {
          expect(effect).toBeGreaterThanOrEqual(0);
          expect(effect).toBeLessThanOrEqual(1);
        }
      }
    }),
    1_000,
  );
});

test('each effect is what is lost when the channel is deleted and the chain solved again', () => {
  holds(
    fc.property(tables, orders, (table, order) => {
      const chain = markovChain(table.rows(), order);
      const { conversions, value, paths } = table.totals();
      if (conversions === 0) return;
      const { channels } = attributeMarkov(chain, table.channels);
      channels.forEach(({ removalEffect, valueRemovalEffect }, i) => {
        const letter = String.fromCharCode(i);
        const kept = withoutChannel(chain, letter, chain.conversions) / (conversions / paths);
        expect(Math.abs(removalEffect - (1 - kept))).toBeLessThan(1e-9);
        if (value === 0) return;
        const worth = withoutChannel(chain, letter, chain.values) / (value / paths);
        expect(Math.abs(valueRemovalEffect - (1 - worth))).toBeLessThan(1e-9);
      });
    }),
    300,
  );
});

test('a state that repeats may be dropped or counted as a loop: the effects are the same', () => {
  holds(
    fc.property(tables, orders, (table, order) => {
      const dropped = attributeMarkov(markovChain(table.rows(), order), table.channels);
      const loops = attributeMarkov(markovChain(table.rows(), order, 'keep'), table.channels);
      expect(loops.states).toBe(dropped.states);
      loops.channels.forEach(({ removalEffect, value }, i) => {
        const other = dropped.channels[i];
        expect(Math.abs(removalEffect - (other?.removalEffect ?? Number.NaN))).toBeLessThan(1e-12);
        const missing = Math.abs(value - (other?.value ?? Number.NaN));
        expect(missing).toBeLessThanOrEqual(1e-9 * table.totals().value);
      });
    }),
    300,
  );
});

test('in which order paths became known does not matter', () => {
  holds(
    fc.property(tables, orders, (table, order) => {
      const again = markovChain([...table.rows()].reverse(), order);
      const first = attributeMarkov(markovChain(table.rows(), order), table.channels);
      attributeMarkov(again, table.channels).channels.forEach((each, i) => {
        expect(each.removalEffect).toBeCloseTo(first.channels[i]?.removalEffect ?? Number.NaN, 12);
      });
    }),
  );
});
