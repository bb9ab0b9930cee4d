/**
 * The public PathData set of 88,387 journeys, cut and counted by the actors: transition counts
 * equal the exact ones, removal effects the exactly solved ones.
 */
import { expect, test } from 'vitest';
import { attributeMarkov } from '../../actors/channel/removal-effects.ts';
import { countChange, cutPaths } from '../../actors/user/path.ts';
import type { PathItem } from '../../protocols/user-snapshot.ts';
import { BASE_MS, DAY_MS } from '../generators.ts';
import { PathTally } from '../path-tally.ts';
import { readCsv, sharedFile } from '../public-sets.ts';

const SET = 'channel-attribution-pathdata';
const file = sharedFile(`${SET}/PathData.csv`);

function reference(name: string): Record<string, string>[] {
  return readCsv(sharedFile(`${SET}/${name}.csv`) as string);
}

/** A row's value in micros, spread over its conversions so that they sum to it exactly. */
function shares(totalMicros: number, conversions: number): number[] {
  const each = Math.floor(totalMicros / conversions);
  const rest = totalMicros - each * conversions;
  return Array.from({ length: conversions }, (_, i) => (i < rest ? each + 1 : each));
}

function countPathData(path: string): PathTally {
  const tally = new PathTally();
  for (const row of readCsv(path)) {
    const names = (row.path ?? '').split(' > ');
    const touches = names.map(
      (channel, i): PathItem => ({ t: BASE_MS + i, id: String(i), channel }),
    );
    const conversions = Number(row.total_conversions);
    const totalMicros = Math.round(Number(row.total_conversion_value) * 1e6);
    for (const micros of shares(totalMicros, conversions)) {
      const end: PathItem = { t: BASE_MS + names.length, id: 'end', order: 'o', micros };
      countChange([], cutPaths([...touches, end], DAY_MS).paths, tally);
    }
    const { paths } = cutPaths(touches, DAY_MS);
    for (let i = 0; i < Number(row.total_null); i++) countChange([], paths, tally);
  }
  return tally;
}

test.skipIf(file === undefined)('PathData: exact counts, exact removal effects', () => {
  const totals = countPathData(file as string).totals();
  expect(totals).toMatchObject({ paths: 88_387, conversions: 19_785 });
  const counted = [...totals.transitions].flatMap(([from, row]) =>
    [...row].map(([to, count]) => `${from} > ${to}: ${count}`),
  );
  const exactCounts = reference('exact-transitions-order1-null').map(
    ({ channel_from, channel_to, count }) => `${channel_from} > ${channel_to}: ${count}`,
  );
  expect(counted.sort()).toEqual(exactCounts.sort());

  const { channels, pConversion } = attributeMarkov(totals);
  expect(Math.abs(pConversion - 19_785 / 88_387)).toBeLessThan(1e-12);
  const exact = reference('exact-markov-order1-null');
  expect(channels).toHaveLength(exact.length);
  for (const row of exact) {
    const ours = channels.find(({ channel }) => channel === row.channel_name);
    const error = (found: number | undefined, column: string) =>
      Math.abs((found ?? Number.NaN) - Number(row[column]));
    expect(error(ours?.removalEffect, 'removal_effect_conversion')).toBeLessThan(1e-9);
    expect(error(ours?.valueRemovalEffect, 'removal_effect_value')).toBeLessThan(1e-9);
    // The reference has six decimals; values are rounded to micros on the way in.
    expect(error(ours?.conversions, 'total_conversions')).toBeLessThan(1e-6);
    expect(error((ours?.valueMicros ?? 0) / 1e6, 'total_conversion_value')).toBeLessThan(1e-4);
  }
});
