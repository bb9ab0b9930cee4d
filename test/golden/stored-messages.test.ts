/**
 * Every message that a released version stored or sent loads for ever, and one of a version that
 * this release does not know is refused instead of misread.
 */
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { restoreUserActor } from '../../actors/user/actor.ts';
import {
  campaignActorSchema,
  coordinatorCheckpointSchema,
} from '../../protocols/campaign-actor.ts';
import {
  campaignCellSchema,
  channelsCellSchema,
  deliveryCellSchema,
  referenceCellSchema,
  trafficCellSchema,
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
import { pathJournalSchema } from '../../protocols/path-journal.ts';
import { UnreadableVersion, upcast } from '../../protocols/upcast.ts';
import { decodeUser, encodeUser, userRecordSchema } from '../../protocols/user-record.ts';
import { verdictSchema } from '../../protocols/verdict.ts';
import { golden, goldenFiles, goldenText } from './golden.ts';

type Kind = Parameters<typeof upcast>[0];

const STORED: readonly (readonly [file: string, kind: Kind, schema: z.ZodType])[] = [
  ['user-v1.json', 'user', userRecordSchema],
  ['checkpoint-v1.json', 'checkpoint', checkpointSchema],
  ['path-journal-v1.json', 'pathJournal', pathJournalSchema],
  ['ledger-entry-v1.json', 'ledgerEntry', ledgerEntrySchema],
  ['erasure-v1.json', 'erasure', erasureSchema],
  ['channels-head-v1.json', 'channelsHead', channelsHeadSchema],
  ['path-chunk-v1.json', 'pathChunk', pathChunkSchema],
  ['day-credits-v1.json', 'dayCredits', dayCreditsSchema],
  ['channels-cell-v1.json', 'cell', channelsCellSchema],
  ['traffic-cell-v1.json', 'cell', trafficCellSchema],
  ['campaign-cell-v1.json', 'cell', campaignCellSchema],
  ['delivery-cell-v1.json', 'cell', deliveryCellSchema],
  ['reference-cell-v1.json', 'cell', referenceCellSchema],
  ['decision-v1.json', 'decision', decisionSchema],
  ['receipt-v1.json', 'receipt', receiptSchema],
  ['dead-letter-v1.json', 'deadLetter', deadLetterSchema],
  ['stray-letter-v1.json', 'deadLetter', deadLetterSchema],
  ['settings-put-v1.json', 'control', controlSchema],
  ['campaign-put-v1.json', 'control', controlSchema],
  ['grants-put-v1.json', 'control', controlSchema],
  ['campaign-actor-v1.json', 'campaignActor', campaignActorSchema],
  ['coordinator-checkpoint-v1.json', 'coordinatorCheckpoint', coordinatorCheckpointSchema],
];
const VERDICTS = ['accepted', 'duplicate', 'rejected'].map((name) => `verdict-${name}-v1.json`);
const EVENT = 'event-v1.json';

test.each(STORED)('%s still loads, with nothing lost', (file, kind, schema) => {
  const stored = golden(file) as { v: number };
  const loaded = schema.parse(upcast(kind, stored));
  // At the version it was written in, what is loaded is what was stored, to the last field.
  if (stored.v === 1) expect(loaded).toEqual(stored);
});

test.each(VERDICTS)('%s, which is sent but never stored, is still understood', (file) => {
  expect(verdictSchema.parse(golden(file))).toEqual(golden(file));
});

test('a stored user comes back to life, and is stored again as it was', () => {
  const record = golden('user-v1.json');
  const stored = decodeUser('ada' as UserToken, record);
  expect(stored.chart).toEqual({
    ...{ consent: 'unasked', session: 'active', funnel: 'customer', risk: 'steady' },
  });
  expect(stored.state).toMatchObject({ events: 9, path: { length: 4 }, exposures: { length: 3 } });
  const { value, context } = restoreUserActor(stored);
  if ((record as { v: number }).v !== 1) return;
  expect(JSON.parse(encodeUser(stored.sequence, value, context))).toEqual(record);
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
  const newer = { ...(golden(file) as object), v: 2 };
  expect(() => upcast(kind, newer)).toThrow(UnreadableVersion);
  expect(() => upcast(kind, newer)).toThrow(
    `${kind}: expected version 1 or older, found 2; run a release at least as new as the one`,
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
