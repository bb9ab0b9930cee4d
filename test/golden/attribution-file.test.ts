/**
 * The public path tables through `microtarget attribute <file>`: removal effects as solved exactly,
 * rule-based models digit for digit as the reference package prints them, and its simulated Markov
 * figures within their noise.
 */
import { describe, expect, test } from 'vitest';
import type { AttributeFileOptions } from '../../runtime/cli/attribute-file-options.ts';
import { attributeJson } from '../attribute-run.ts';
import { readCsv, sharedFile } from '../public-sets.ts';

const SET = 'channel-attribution-pathdata';
const pathData = sharedFile(`${SET}/PathData.csv`);
const kaggle = sharedFile('kaggle-attribution-paths/conversion-path.csv');
const CONVERSIONS = 19_785;

function reference(name: string): Record<string, string>[] {
  return readCsv(sharedFile(`${SET}/${name}.csv`) as string);
}

/** The Markov model of PathData, by the real command. */
async function markov(order: number, withNulls: boolean) {
  const options: AttributeFileOptions = { order, nulls: withNulls };
  const { models, totals } = await attributeJson(pathData as string, options);
  const result = models.markov;
  if (result === undefined || !('removalEffect' in result)) throw new Error('no Markov model');
  return { ...result, totals };
}

/** How far a figure is from the reference's cell. */
function distance(found: number | undefined, cell: string | undefined): number {
  return Math.abs((found ?? Number.NaN) - Number(cell));
}

describe.skipIf(pathData === undefined)('PathData', () => {
  test.each([
    [1, true, 12],
    [2, true, 120],
    [3, true, 933],
    [1, false, undefined],
    [2, false, undefined],
  ])('order %d, nulls %s: exact removal effects', async (order, withNulls, states) => {
    const ours = await markov(order, withNulls);
    const exact = reference(`exact-markov-order${order}-${withNulls ? 'null' : 'nonull'}`);
    if (states !== undefined) expect(ours.states).toBe(states);
    const rate = withNulls ? CONVERSIONS / 88_387 : 1;
    expect(Math.abs(ours.pConversion - rate)).toBeLessThan(1e-12);
    expect(ours.totals.nulls).toBe(withNulls ? 68_602 : 0);
    expect(Object.keys(ours.removalEffect)).toHaveLength(exact.length);
    for (const row of exact) {
      const channel = row.channel_name as string;
      const effect = distance(ours.removalEffect[channel], row.removal_effect_conversion);
      const valueEffect = distance(ours.valueRemovalEffect[channel], row.removal_effect_value);
      expect(effect, channel).toBeLessThan(1e-9);
      expect(valueEffect, channel).toBeLessThan(1e-9);
      // The files print six decimals.
      const conversions = distance(ours.conversions[channel], row.total_conversions);
      expect(conversions, channel).toBeLessThan(1e-5);
      const value = distance(ours.value[channel], row.total_conversion_value);
      expect(value, channel).toBeLessThan(1e-5);
    }
  });

  test.each([
    ['order1-nonull', 1, false, 0.01],
    ['order1-null', 1, true, 0.02],
    ['order2-null', 2, true, 0.02],
  ])('the package’s own run %s is within its noise', async (name, order, withNulls, noise) => {
    const ours = await markov(order, withNulls);
    const simulated = reference(`package-markov-${name}-seed0`);
    expect(simulated).toHaveLength(12);
    for (const row of simulated) {
      const channel = row.channel_name as string;
      const effect = distance(ours.removalEffect[channel], row.removal_effects_conversion);
      expect(effect, channel).toBeLessThan(noise);
    }
  });

  test('first, last and linear touch equal the package’s to all its digits', async () => {
    const { models } = await attributeJson(pathData as string, {
      models: ['first', 'last', 'linear'],
    });
    for (const row of reference('package-heuristic-models')) {
      const channel = row.channel_name as string;
      for (const model of ['first', 'last', 'linear'] as const) {
        const conversions = models[model]?.conversions[channel];
        const value = models[model]?.value[channel];
        expect(asPrinted(conversions), channel).toBe(Number(row[`${model}_touch_conversions`]));
        expect(asPrinted(value), channel).toBe(Number(row[`${model}_touch_value`]));
      }
    }
  });

  test('every model conserves conversions and value; loops change no removal effect', async () => {
    const { models, totals } = await attributeJson(pathData as string, { repeats: 'keep' });
    expect(Object.keys(models)).toHaveLength(7);
    for (const { conversions, value } of Object.values(models)) {
      expect(sum(conversions) / totals.conversions).toBeCloseTo(1, 9);
      expect(sum(value) / totals.value).toBeCloseTo(1, 9);
    }
    const collapsed = await markov(1, true);
    for (const row of reference('exact-markov-order1-null')) {
      const channel = row.channel_name as string;
      const kept = models.markov?.conversions[channel];
      expect(Math.abs((kept ?? 0) - (collapsed.conversions[channel] ?? 1))).toBeLessThan(1e-6);
    }
  });
});

/** The package prints ten significant digits. */
function asPrinted(figure = Number.NaN): number {
  return Number(figure.toPrecision(10));
}

function sum(figures: Readonly<Record<string, number>>): number {
  return Object.values(figures).reduce((total, figure) => total + figure, 0);
}

test.skipIf(kaggle === undefined)('the Kaggle table equals its exact attribution', async () => {
  const { kind, rows, totals, models } = await attributeJson(kaggle as string);
  expect({ kind, rows }).toEqual({ kind: 'pathCounts', rows: 537 });
  expect(totals).toEqual({ conversions: 11_909, value: 0, nulls: 187_641 });
  const result = models.markov;
  if (result === undefined || !('removalEffect' in result)) throw new Error('no Markov model');
  const exact = readCsv(sharedFile('kaggle-attribution-paths/exact-attribution.csv') as string);
  expect(Object.keys(result.removalEffect)).toHaveLength(exact.length);
  for (const row of exact) {
    const channel = row.channel as string;
    expect(models.first?.conversions[channel], channel).toBe(Number(row.first_touch));
    expect(models.last?.conversions[channel], channel).toBe(Number(row.last_touch));
    expect(distance(models.linear?.conversions[channel], row.linear)).toBeLessThan(1e-6);
    const effect = distance(result.removalEffect[channel], row.removal_effect_order1_null);
    expect(effect, channel).toBeLessThan(1e-9);
    const conversions = distance(result.conversions[channel], row.markov_conversions_order1_null);
    expect(conversions, channel).toBeLessThan(1e-5);
  }
});
