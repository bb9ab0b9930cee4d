/**
 * Every message that a released version stored or sent loads for ever, and one of a version that
 * this release does not know is refused instead of misread.
 */
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { Cohorts } from '../../actors/channel/cohorts.ts';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { PartitionState } from '../../actors/partition/state.ts';
import { restoreUserActor } from '../../actors/user/actor.ts';
import { NEW_USER } from '../../actors/user/state.ts';
import { alertSchema } from '../../protocols/alert.ts';
import {
  campaignActorSchema,
  coordinatorCheckpointSchema,
} from '../../protocols/campaign-actor.ts';
import { campaignChangeSchema } from '../../protocols/campaign-services.ts';
import {
  type Cell,
  calibrationCellSchema,
  campaignCellSchema,
  channelsCellSchema,
  deliveryCellSchema,
  driftCellSchema,
  modelCellSchema,
  referenceCellSchema,
  suppressedCellSchema,
  trafficCellSchema,
  trialCellSchema,
} from '../../protocols/cells.ts';
import {
  channelsHeadSchema,
  dayCreditsSchema,
  pathChunkSchema,
} from '../../protocols/channel-actor.ts';
import { checkpointSchema } from '../../protocols/checkpoint.ts';
import { controlSchema } from '../../protocols/control.ts';
import { erasureSchema, ledgerEntrySchema } from '../../protocols/conversion-ledger.ts';
import { deadLetterSchema } from '../../protocols/dead-letter.ts';
import { decisionSchema, receiptSchema } from '../../protocols/decision.ts';
import { MAX_CLOCK_SKEW_MS, parseEvent } from '../../protocols/event.ts';
import type { UserToken } from '../../protocols/ids.ts';
import {
  liveGroupsSchema,
  liveHeadSchema,
  liveMovesSchema,
  liveSeriesSchema,
} from '../../protocols/live-snapshot.ts';
import { withLooks } from '../../protocols/looks.ts';
import { modelSchema } from '../../protocols/model.ts';
import { type PathJournalEntry, pathJournalSchema } from '../../protocols/path-journal.ts';
import { pulseSchema } from '../../protocols/pulse.ts';
import { UnreadableVersion, upcast } from '../../protocols/upcast.ts';
import { decodeUser, encodeUser, userRecordSchema } from '../../protocols/user-record.ts';
import { verdictSchema } from '../../protocols/verdict.ts';
import { journalOf } from '../cohort-store.ts';
import { BASE_MS, opportunity } from '../generators.ts';
import { PartitionLog } from '../partition-log.ts';
import { golden, goldenFiles, goldenText } from './golden.ts';

type Kind = Parameters<typeof upcast>[0];

const STORED: readonly (readonly [file: string, kind: Kind, schema: z.ZodType])[] = [
  ['user-v1.json', 'user', userRecordSchema],
  ['user-v2.json', 'user', userRecordSchema],
  ['user-v3.json', 'user', userRecordSchema],
  ['user-v4.json', 'user', userRecordSchema],
  ['checkpoint-v1.json', 'checkpoint', checkpointSchema],
  ['path-journal-v1.json', 'pathJournal', pathJournalSchema],
  ['path-journal-v2.json', 'pathJournal', pathJournalSchema],
  ['pulse-v1.json', 'pulse', pulseSchema],
  ['ledger-entry-v1.json', 'ledgerEntry', ledgerEntrySchema],
  ['erasure-v1.json', 'erasure', erasureSchema],
  ['channels-head-v1.json', 'channelsHead', channelsHeadSchema],
  ['path-chunk-v1.json', 'pathChunk', pathChunkSchema],
  ['live-head-v1.json', 'liveHead', liveHeadSchema],
  ['live-groups-v1.json', 'liveGroups', liveGroupsSchema],
  ['live-series-v1.json', 'liveSeries', liveSeriesSchema],
  ['live-moves-v1.json', 'liveMoves', liveMovesSchema],
  ['day-credits-v1.json', 'dayCredits', dayCreditsSchema],
  ['day-credits-v2.json', 'dayCredits', dayCreditsSchema],
  ['channels-cell-v1.json', 'cell', channelsCellSchema],
  ['channels-cell-v2.json', 'cell', channelsCellSchema],
  ['traffic-cell-v1.json', 'cell', trafficCellSchema],
  ['traffic-cell-v2.json', 'cell', trafficCellSchema],
  ['campaign-cell-v1.json', 'cell', campaignCellSchema],
  ['campaign-cell-v2.json', 'cell', campaignCellSchema],
  ['delivery-cell-v1.json', 'cell', deliveryCellSchema],
  ['delivery-cell-v2.json', 'cell', deliveryCellSchema],
  ['reference-cell-v1.json', 'cell', referenceCellSchema],
  ['reference-cell-v2.json', 'cell', referenceCellSchema],
  ['model-cell-v1.json', 'cell', modelCellSchema],
  ['model-cell-v2.json', 'cell', modelCellSchema],
  ['calibration-cell-v1.json', 'cell', calibrationCellSchema],
  ['calibration-cell-v2.json', 'cell', calibrationCellSchema],
  ['drift-cell-v1.json', 'cell', driftCellSchema],
  ['drift-cell-v2.json', 'cell', driftCellSchema],
  ['suppressed-cell-v2.json', 'cell', suppressedCellSchema],
  ['trial-cell-v2.json', 'cell', trialCellSchema],
  ['decision-v1.json', 'decision', decisionSchema],
  ['receipt-v1.json', 'receipt', receiptSchema],
  ['receipt-v2.json', 'receipt', receiptSchema],
  ['receipt-v3.json', 'receipt', receiptSchema],
  ['dead-letter-v1.json', 'deadLetter', deadLetterSchema],
  ['stray-letter-v1.json', 'deadLetter', deadLetterSchema],
  ['settings-put-v1.json', 'control', controlSchema],
  ['settings-put-v2.json', 'control', controlSchema],
  ['campaign-put-v1.json', 'control', controlSchema],
  ['campaign-put-v2.json', 'control', controlSchema],
  ['grants-put-v1.json', 'control', controlSchema],
  ['grants-put-v2.json', 'control', controlSchema],
  ['model-put-v1.json', 'control', controlSchema],
  ['model-put-v2.json', 'control', controlSchema],
  ['model-v1.json', 'model', modelSchema],
  ['campaign-actor-v1.json', 'campaignActor', campaignActorSchema],
  ['campaign-actor-v2.json', 'campaignActor', campaignActorSchema],
  ['campaign-change-v1.json', 'campaignChange', campaignChangeSchema],
  ['alert-v1.json', 'alert', alertSchema],
  ['alert-v2.json', 'alert', alertSchema],
  ['coordinator-checkpoint-v1.json', 'coordinatorCheckpoint', coordinatorCheckpointSchema],
];
const CELLS: Readonly<Record<string, string>> = {
  'channels.20240408': 'channels-cell-v1.json',
  traffic: 'traffic-cell-v1.json',
  'campaign.WINTER_FLASH_SALE_15': 'campaign-cell-v1.json',
  'delivery.WINTER_FLASH_SALE_15': 'delivery-cell-v1.json',
  reference: 'reference-cell-v1.json',
};
const VERDICTS = ['accepted', 'duplicate', 'rejected'].map((name) => `verdict-${name}-v1.json`);
const EVENT = 'event-v1.json';

test.each(STORED)('%s still loads, with nothing lost', (file, kind, schema) => {
  const stored = golden(file);
  const current = upcast(kind, stored);
  const loaded = schema.parse(current);
  // Fields that came later have their defaults; what was stored is loaded, to the last field.
  expect(loaded).toMatchObject(current);
  if (current === stored) expect(loaded).toMatchObject(golden(file) as object);
});

test.each(VERDICTS)('%s, which is sent but never stored, is still understood', (file) => {
  expect(verdictSchema.parse(golden(file))).toEqual(golden(file));
});

test('a stored user comes back to life, and is stored again as it was', () => {
  const record = golden('user-v2.json') as object;
  const stored = decodeUser('ada' as UserToken, record);
  expect(stored.chart).toMatchObject({ consent: 'granted', session: 'active' });
  const shown = withLooks(stored.state);
  expect(shown).toMatchObject({
    ...{ events: 12, counted: 12, signedIn: false, previousMs: 1_712_606_550_000 },
    consent: { withheld: ['churn'] },
    looks: [{ micros: 89_990_000 }, { micros: 249_000_000 }, {}, { topic: 0, micros: 0 }],
    purchases: { count: 1, micros: 89_990_000 },
    interests: { tents: { weight: 0.8, declared: true }, outdoor: { weight: 1 } },
  });
  const [boot, , again] = shown.looks;
  expect(again).toEqual({ ...boot, t: 1_712_606_461_000 });
  const { value, context } = restoreUserActor(stored, DEFAULT_REFERENCE);
  const again4 = JSON.parse(encodeUser(stored.sequence, value, context));
  expect(again4).toEqual({ ...record, v: 4 });
});

test('a user of an earlier release is in its funnel state since nobody knows when', () => {
  const stateOf = (file: string) => decodeUser('ada' as UserToken, golden(file)).state;
  const known = ['user-v1.json', 'user-v2.json', 'user-v3.json'].map(
    (file) => stateOf(file).funnelSinceMs,
  );
  expect(known).toEqual([-1, -1, -1]);
  const { funnelSinceMs, nowMs } = stateOf('user-v4.json');
  expect({ funnelSinceMs, nowMs }).toEqual({
    ...{ funnelSinceMs: 1_712_606_470_000, nowMs: 1_712_606_475_000 },
  });
});

test('a partition goes on from the cells of the first release', () => {
  const stored = Object.entries(CELLS).map(([name, file]) => {
    return { name, cell: upcast('cell', golden(file)) as unknown as Cell };
  });
  const log = new PartitionLog();
  log.state = new PartitionState(stored);
  expect(log.apply(opportunity(0, BASE_MS))).toMatchObject({ verdict: 'accepted' });
  expect(log.receipts).toHaveLength(1);
});

test('a user of version 1 keeps all but the features, which start anew', () => {
  const { chart, state } = decodeUser('ada' as UserToken, golden('user-v1.json'));
  expect(chart).toEqual({
    ...{ consent: 'unasked', session: 'active', funnel: 'customer', risk: 'steady' },
  });
  expect(state).toMatchObject({ events: 9, path: { length: 4 }, exposures: { length: 3 } });
  expect(state.interests).toEqual({
    shoes: { weight: 1, atMs: 1_712_613_250_000, declared: false },
    tents: { weight: 0.8, atMs: 1_712_613_254_000, declared: true },
  });
  const { evidence, habit, looks, purchases, counted, fusion, consent } = NEW_USER;
  expect(state).toMatchObject({ evidence, habit, looks, purchases, counted, fusion, consent });
});

test.each([
  [0.2, 1],
  [0.36, 2],
  [0.99, Math.log(0.01) / Math.log(0.8)],
  [1, Math.log(0.01) / Math.log(0.8)],
  [0, 0],
])('an observed interest of %d in version 1 is %d mentions', (weight, mentions) => {
  const older = { ...(golden('user-v1.json') as object), interests: { shoes: [weight, 5] } };
  const { interests } = decodeUser('ada' as UserToken, older).state;
  expect(interests.shoes?.weight).toBeCloseTo(mentions, 12);
  expect(interests.shoes).toMatchObject({ atMs: 5, declared: false });
});

test('days of an older release load without pairs, but for those of no campaign', () => {
  const older = golden('day-credits-v1.json') as { channel: Record<string, number[]> };
  expect(upcast('dayCredits', older)).toEqual({ ...older, v: 2, pair: {} });
  const figures = older.channel.email as number[];
  const withCampaign = { ...older, campaign: { SPRING: figures } };
  const day = '20240408';
  const cohorts = new Cohorts({ v: 1, epoch: 1, positions: {}, channels: [], days: { [day]: 1 } });
  const loaded = dayCreditsSchema.parse(upcast('dayCredits', withCampaign));
  cohorts.loadCredits(day, loaded);
  expect(cohorts.dirtyCount).toBe(0);
  expect(cohorts.days.get(day)?.credits.channel.get('email')).toEqual(figures);
  // What follows is counted, but pairs never are again: a refund would take away what never came.
  const refund: PathJournalEntry['credits'] = [
    [0, 'channel', 'email', figures.map((each) => -each)],
    [0, 'pair', 'email>SPRING', [-500_000, -29_950_000]],
  ];
  cohorts.fold(journalOf(1, { days: [day], credits: refund }));
  expect(cohorts.takeChanges().credits).toEqual([
    { day, body: { ...loaded, channel: { paid_search: older.channel.paid_search } } },
  ]);
});

test('a journal of an older release takes the pairs from the days that it credits', () => {
  const older = golden('path-journal-v1.json');
  const newer = golden('path-journal-v2.json');
  const cohorts = new Cohorts();
  cohorts.fold(pathJournalSchema.parse(upcast('pathJournal', newer)));
  const fold = (sequence: number, day: string): void => {
    const next = upcast('pathJournal', { ...(older as object), sequence, days: [day] });
    cohorts.fold(pathJournalSchema.parse(next));
  };
  fold(99, '20240409');
  const pairs = (): unknown[] => [...cohorts.days.values()].map((day) => day.storedCredits().pair);
  expect(pairs()).toEqual([{ 'email>SPRING_SALE': [500_000, 29_950_000] }, null]);
  fold(100, '20240408');
  expect(pairs()).toEqual([null, null]);
});

test('no golden file is forgotten', () => {
  const known = [...STORED.map(([file]) => file), ...VERDICTS, EVENT];
  expect([...goldenFiles()].sort()).toEqual([...known].sort());
});

test('the sample event of the design is accepted as it stands', () => {
  const body = new TextEncoder().encode(goldenText(EVENT));
  const sent = golden(EVENT) as { timestamp: number };
  const expected = { ok: true, event: { type: 'behavior', ...sent } };
  expect(parseEvent(body, sent.timestamp)).toEqual(expected);
  expect(parseEvent(body, sent.timestamp - MAX_CLOCK_SKEW_MS)).toEqual(expected);
});

test('a decision has the fields of the sample in the design', () => {
  expect(golden('decision-v1.json')).toMatchObject({
    decision_id: 'd_78291a',
    latency_ms: 28.4,
    rtme_state: { engagement_intent: 0.92, churn_risk: 0.04, concept: 'high_stickiness' },
    orchestration: { winner_campaign: 'WINTER_FLASH_SALE_15', trigger_type: 'in_app_modal' },
  });
});

test.each(STORED)('%s of a newer version is refused with what to do', (file, kind) => {
  const newer = { ...(golden(file) as object), v: 99 };
  expect(() => upcast(kind, newer)).toThrow(UnreadableVersion);
  expect(() => upcast(kind, newer)).toThrow(`${kind}: `);
  expect(() => upcast(kind, newer)).toThrow(
    /: expected version \d+ or older, found 99; run a release at least as new as the one/,
  );
});

test.each([
  ['no version', {}, 'found undefined'],
  ['a version that is no number', { v: '1' }, 'found "1"'],
  ['a version that never was', { v: 0 }, 'found 0'],
  ['null', null, 'found undefined'],
  ['a text', 'v1', 'found undefined'],
])('a stored message with %s is refused', (_what, stored, found) => {
  expect(() => upcast('cell', stored)).toThrow(found);
});
