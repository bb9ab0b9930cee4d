/**
 * The public PathData set of 88,387 journeys, cut, counted and folded by the actors: transition
 * counts equal the exact ones, removal effects of orders 1 to 3 the exactly solved ones.
 */
import { expect, test } from 'vitest';
import { chooseOrder } from '../../actors/channel/choose-order.ts';
import { Cohorts } from '../../actors/channel/cohorts.ts';
import {
  cohortsBetween,
  namedTransitions,
  unitedTable,
} from '../../actors/channel/live-attribution.ts';
import { markovChain } from '../../actors/channel/markov-chain.ts';
import type { PathTable } from '../../actors/channel/path-table.ts';
import { attributeMarkov } from '../../actors/channel/removal-effects.ts';
import { PathJournal } from '../../actors/partition/path-journal.ts';
import { countChange, cutPaths } from '../../actors/user/path.ts';
import type { PathItem } from '../../protocols/user-snapshot.ts';
import { BASE_MS, DAY_MS } from '../generators.ts';
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

function countPathData(path: string): PathTable {
  const cohorts = new Cohorts();
  readCsv(path).forEach((row, i) => {
    const journal = new PathJournal();
    const names = (row.path ?? '').split(' > ');
    const touches = names.map(
      (channel, i): PathItem => ({ t: BASE_MS + i, id: String(i), channel }),
    );
    const conversions = Number(row.total_conversions);
    const totalMicros = Math.round(Number(row.total_conversion_value) * 1e6);
    for (const micros of shares(totalMicros, conversions)) {
      const end: PathItem = { t: BASE_MS + names.length, id: 'end', order: 'o', micros };
      countChange([], cutPaths([...touches, end], DAY_MS).paths, journal);
    }
    const { paths } = cutPaths(touches, DAY_MS);
    for (let i = 0; i < Number(row.total_null); i++) countChange([], paths, journal);
    for (const entry of journal.take(0, i + 1)) cohorts.fold(entry);
  });
  return unitedTable(cohorts, cohortsBetween(cohorts, '', '~'));
}

test.skipIf(file === undefined)(
  'PathData, counted by the actors: exact transitions, and exact effects at orders 1 to 3',
  () => {
    const table = countPathData(file as string);
    expect(table.totals()).toMatchObject({ paths: 88_387, conversions: 19_785 });
    const transitions = namedTransitions(markovChain(table.rows(), 1), table.channels);
    const exactCounts = reference('exact-transitions-order1-null').map(
      ({ channel_from, channel_to, count }) => `${channel_from} > ${channel_to}: ${count}`,
    );
    const counted = transitions.map(({ from, to, count }) => `${from} > ${to}: ${count}`);
    expect(counted.sort()).toEqual(exactCounts.sort());
    for (const order of [1, 2, 3]) {
      const { channels, pConversion } = attributeMarkov(
        markovChain(table.rows(), order),
        table.channels,
      );
      expect(Math.abs(pConversion - 19_785 / 88_387)).toBeLessThan(1e-12);
      const exact = reference(`exact-markov-order${order}-null`);
      expect(channels).toHaveLength(exact.length);
      for (const row of exact) {
        const ours = channels.find(({ channel }) => channel === row.channel_name);
        const error = (found: number | undefined, column: string) =>
          Math.abs((found ?? Number.NaN) - Number(row[column]));
        expect(error(ours?.removalEffect, 'removal_effect_conversion')).toBeLessThan(1e-9);
        expect(error(ours?.valueRemovalEffect, 'removal_effect_value')).toBeLessThan(1e-9);
        // The reference has six decimals; values are rounded to micros on the way in.
        expect(error(ours?.conversions, 'total_conversions')).toBeLessThan(1e-6);
        expect(error((ours?.value ?? 0) / 1e6, 'total_conversion_value')).toBeLessThan(1e-4);
      }
    }
  },
);

test.skipIf(file === undefined)(
  'PathData: the reference package chooses order 4, and so do we',
  () => {
    const table = countPathData(file as string);
    const { scores, suggested, isAtLimit } = chooseOrder(table, 10, 10_000);
    const reported = [
      0.508602948547118, 0.516949756668836, 0.525895344624424, 0.535678334407208, 0.530614839645603,
    ];
    expect(scores.map(({ order }) => order)).toEqual([1, 2, 3, 4, 5]);
    scores.forEach(({ penalizedAuc }, i) => {
      expect(Math.abs(penalizedAuc - (reported[i] as number))).toBeLessThan(1e-9);
    });
    expect({ suggested, isAtLimit }).toEqual({ suggested: 4, isAtLimit: false });
  },
);
