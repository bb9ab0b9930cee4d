/** Live figures over cohorts: ranges of days, samples of users, what is credited to whom. */
import { expect, test } from 'vitest';
import { campaignMarkov } from '../../actors/channel/campaign-markov.ts';
import { Cohorts } from '../../actors/channel/cohorts.ts';
import {
  cohortsBetween,
  samplingErrors,
  sumCredits,
  unitedTable,
  weightedRows,
} from '../../actors/channel/live-attribution.ts';
import { markovChain } from '../../actors/channel/markov-chain.ts';
import { attributeMarkov, solveChain } from '../../actors/channel/removal-effects.ts';
import { removalIntervals } from '../../actors/channel/removal-intervals.ts';
import { RULE_MODELS } from '../../actors/channel/rule-models.ts';
import type { UserToken } from '../../protocols/ids.ts';
import type { PathJournalEntry } from '../../protocols/path-journal.ts';
import { journalOf } from '../cohort-store.ts';
import { BASE_MS, click, conversion, DAY_MS, refund, settingsWith } from '../generators.ts';
import { PartitionLog } from '../partition-log.ts';

const CHANNELS = ['a', 'b', 'c'];

/** Users with a path each: some channels, and a conversion of every third. */
function visited(log: PartitionLog, users: number): PartitionLog {
  for (let u = 0; u < users; u++) {
    const user = `user-${u}` as UserToken;
    const atMs = BASE_MS + (u % 5) * DAY_MS;
    const touches = 1 + (u % 4);
    for (let i = 0; i < touches; i++) {
      log.apply(click(i, atMs + i, CHANNELS[(u * 7 + i * i) % 3] as string), user);
    }
    if (u % 3 === 0) log.apply(conversion(touches, atMs + 10, `o${u}`, 1 + (u % 11)), user);
  }
  return log;
}

const totalsOf = (log: PartitionLog) =>
  unitedTable(log.cohorts, cohortsBetween(log.cohorts, '0', '9')).totals();

test('a range of days is the sum of its cohorts', () => {
  const log = visited(new PartitionLog(), 500);
  const days = ['20240408', '20240409', '20240410', '20240411', '20240412'];
  const each = days.map((day) => {
    return unitedTable(log.cohorts, cohortsBetween(log.cohorts, day, day)).totals().paths;
  });
  expect(each).toEqual([100, 100, 100, 100, 100]);
  const middle = cohortsBetween(log.cohorts, '20240409', '20240411');
  expect(unitedTable(log.cohorts, middle).totals().paths).toBe(300);
});

test('a sample of users estimates the totals, and its stated error says how well', () => {
  const users = 4_000;
  const all = totalsOf(visited(new PartitionLog(), users));
  const log = new PartitionLog();
  log.putSettings(settingsWith({ path_sample_ppm: 100_000 }));
  const cohorts = cohortsBetween(visited(log, users).cohorts, '0', '9');
  const estimate = totalsOf(log);
  const errors = samplingErrors(cohorts);
  for (const figure of ['paths', 'conversions', 'value'] as const) {
    expect(errors[figure]).toBeGreaterThan(0);
    expect(Math.abs(estimate[figure] - all[figure])).toBeLessThan(3 * errors[figure]);
  }
  const seen = Math.round(estimate.paths / 10);
  expect(log.traffic().touches_sampled_out).toBeGreaterThan(0.85 * log.traffic().touches);
  // The interval knows how few paths were seen, not how many they stand for.
  const chain = markovChain(weightedRows(cohorts), 1);
  const solver = solveChain(chain);
  const rows = [...weightedRows(cohorts)];
  const [weighted] = removalIntervals(rows, chain, solver, 3);
  const unweighted = rows.map(({ path, conversions, nulls, value }) => {
    return { path, conversions: conversions / 10, nulls: nulls / 10, value: value / 10 };
  });
  const small = markovChain(unweighted, 1);
  const [counted] = removalIntervals(unweighted, small, solveChain(small), 3);
  expect(seen).toBeLessThan(600);
  expect(weighted?.standardError).toBeCloseTo(counted?.standardError ?? Number.NaN, 10);
});

test('a sample that grows or shrinks counts every path under the sample it was taken in', () => {
  const log = new PartitionLog();
  log.putSettings(settingsWith({ path_sample_ppm: 500_000 }));
  const users = Array.from({ length: 400 }, (_, u) => `user-${u}` as UserToken);
  for (const user of users) log.apply(click(0, BASE_MS, 'a'), user);
  const half = Object.keys(log.paths());
  expect(half).toEqual(['20240408@500000 a']);
  log.putSettings(settingsWith({}));
  for (const user of users) log.apply(click(1, BASE_MS + 1, 'b'), user);
  const kept = log.paths()['20240408 a > b']?.[1] ?? 0;
  expect(log.paths()).toEqual({
    '20240408 a > b': [0, kept, 0],
    '20240408 b': [0, 400 - kept, 0],
  });
  log.putSettings(settingsWith({ path_sample_ppm: 1 }));
  for (const user of users) log.apply(click(2, BASE_MS + 2, 'c'), user);
  expect(log.paths()).toEqual({});
});

test('a user whom a smaller sample leaves out can still be refunded', () => {
  const log = new PartitionLog();
  log.applyAll([click(0, BASE_MS, 'a'), conversion(1, BASE_MS + 1, 'o1', 20)]);
  log.putSettings(settingsWith({ path_sample_ppm: 1 }));
  log.applyAll([click(2, BASE_MS + 2, 'b'), conversion(3, BASE_MS + 3, 'o2', 5)]);
  expect(log.paths()).toEqual({ '20240408 a': [1, 0, 20_000_000] });
  expect(log.traffic()).toMatchObject({ touches_sampled_out: 1, conversions_sampled_out: 1 });
  log.apply(refund(4, BASE_MS + 4, 'o1'));
  expect(log.paths()).toEqual({ '20240408 a': [0, 1, 0] });
});

test('credits of channels and campaigns add up under every model', () => {
  const log = new PartitionLog();
  log.applyAll([
    { ...click(0, BASE_MS, 'a'), campaign: 'SPRING' } as never,
    click(1, BASE_MS + DAY_MS, 'b'),
    { ...click(2, BASE_MS + 2 * DAY_MS, 'b'), campaign: 'SUMMER' } as never,
    conversion(3, BASE_MS + 3 * DAY_MS, 'o1', 10),
  ]);
  const cohorts = cohortsBetween(log.cohorts, '0', '9');
  const channels = sumCredits(cohorts, 'channel');
  const campaigns = sumCredits(cohorts, 'campaign');
  expect([...channels.keys(), ...campaigns.keys()]).toEqual(['a', 'b', 'SPRING', 'SUMMER']);
  for (const model of RULE_MODELS) {
    const micros = [...channels.values()].reduce((sum, each) => sum + each[model].micros, 0);
    expect(micros, model).toBe(10_000_000);
  }
  expect(channels.get('b')?.shapley).toEqual({ conversions: 0.5, micros: 5_000_000 });
  expect(campaigns.get('SUMMER')?.shapley).toEqual({ conversions: 0.25, micros: 2_500_000 });
  expect(channels.get('a')?.position.conversions).toBe(0.4);
  expect(campaigns.get('SPRING')?.first).toEqual({ conversions: 1, micros: 10_000_000 });
});

/** Journals of one day with credits under the linear model: of a channel, and of pairs. */
function withPairs(linear: number, ...pairs: readonly (readonly [string, number])[]): Cohorts {
  const cohorts = new Cohorts();
  const ofChannel = RULE_MODELS.flatMap((model) =>
    model === 'linear' ? [linear, linear] : [0, 0],
  );
  const credits: PathJournalEntry['credits'] = [
    [0, 'channel', 'a', ofChannel],
    ...pairs.map(([name, figure]): PathJournalEntry['credits'][number] => {
      return [0, 'pair', name, [figure, figure]];
    }),
  ];
  cohorts.fold(journalOf(1, { credits }));
  return cohorts;
}

const ofA = (micros: number) => [{ channel: 'a', conversions: 1, micros }];

test.each([
  [
    'with a rest, by their linear credit',
    10,
    [
      ['a>x', 5],
      ['a>y > z', 2],
    ],
    { x: 50, 'y > z': 20 },
  ],
  [
    'without a rest, to the last micro',
    3,
    [
      ['a>x', 1],
      ['a>y', 1],
      ['a>z', 1],
    ],
    { x: 34, y: 33, z: 33 },
  ],
  [
    'not by pairs that a day has lumped',
    10,
    [
      ['a>x', 5],
      ['(other)', 5],
    ],
    { x: 50 },
  ],
  [
    'when a day has lumped the channel only',
    1,
    [
      ['a>x', 3],
      ['a>y', 1],
    ],
    { x: 75, y: 25 },
  ],
  ['not where it meets no conversion', 0, [], {}],
  ['not of another channel', 10, [['ab>x', 5]], {}],
] as const)('a channel’s Markov credit is split over campaigns %s', (_, linear, pairs, micros) => {
  const cohorts = cohortsBetween(withPairs(linear, ...pairs), '0', '9');
  const split = campaignMarkov(cohorts, ofA(100));
  expect(Object.fromEntries([...split].map(([name, each]) => [name, each.micros]))).toEqual(micros);
  for (const [name, { conversions }] of split) {
    const [, part = 0] = pairs.find(([pair]) => pair === `a>${name}`) ?? [];
    const sum = pairs.reduce((all, [pair, each]) => (pair === '(other)' ? all : all + each), 0);
    expect(conversions).toBeCloseTo(part / Math.max(linear, sum), 12);
  }
});

test('a day of an older release gives campaigns nothing, and the others no more for it', () => {
  const cohorts = withPairs(10, ['a>x', 10]);
  const figures = new Array<number>(2 * RULE_MODELS.length).fill(10);
  const credits: PathJournalEntry['credits'] = [[0, 'channel', 'a', figures]];
  cohorts.fold(journalOf(2, { days: ['20260402'], credits, has_pairs: false }));
  const both = campaignMarkov(cohortsBetween(cohorts, '0', '9'), ofA(100));
  expect(both).toEqual(new Map([['x', { conversions: 0.5, micros: 50 }]]));
});

test('pairs that are below nothing between two parts of a commit take nothing away', () => {
  const cohorts = cohortsBetween(withPairs(4, ['a>x', 4], ['a>y', -2]), '0', '9');
  expect(Object.fromEntries(campaignMarkov(cohorts, ofA(100)))).toEqual({
    ...{ x: { conversions: 1, micros: 100 }, y: { conversions: 0, micros: 0 } },
  });
});

test('a channel that no path has met has no effect, and nothing fails for it', () => {
  const log = visited(new PartitionLog(), 50);
  log.cohorts.index.of('unseen');
  const table = unitedTable(log.cohorts, cohortsBetween(log.cohorts, '0', '9'));
  for (const order of [1, 2, 3, 4]) {
    const { channels } = attributeMarkov(markovChain(table.rows(), order), table.channels);
    expect(channels.find(({ channel }) => channel === 'unseen')).toMatchObject({
      ...{ removalEffect: 0, conversions: 0, value: 0 },
    });
  }
});
