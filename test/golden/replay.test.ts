/**
 * A golden log replayed gives the recorded result, to the last field: receipts name the model's
 * version, so a version has to score for ever as it did when the receipt was written. A release
 * with another model records anew: UPDATE_REPLAY=1 npm test -- test/golden/replay
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Cohorts } from '../../actors/channel/cohorts.ts';
import { hash64 } from '../../actors/hash.ts';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { applyEvent } from '../../actors/partition/apply.ts';
import { PartitionState } from '../../actors/partition/state.ts';
import { newUserActor } from '../../actors/user/actor.ts';
import { BEHAVIOR_EVIDENCE } from '../../actors/user/behavior-evidence.ts';
import { FEATURES } from '../../actors/user/feature-vector.ts';
import { COUPLING, FUSION_MS, SATURATION, TREND_WEIGHT } from '../../actors/user/fusion.ts';
import { INTEREST_MS } from '../../actors/user/interests.ts';
import { BEHAVIOR_STEP } from '../../actors/user/steps.ts';
import { controlSchema } from '../../protocols/control.ts';
import { parseEventJson } from '../../protocols/event.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import { upcast } from '../../protocols/upcast.ts';
import { decodeUser, encodeUser } from '../../protocols/user-record.ts';
import { EVIDENCE_KINDS, SCALE_MS } from '../../protocols/user-snapshot.ts';
import { golden } from './golden.ts';

const RESULT = join(import.meta.dirname, 'replay', 'result.json');
const HINT = 'record anew: UPDATE_REPLAY=1 npm test -- test/golden/replay';

interface GoldenLog {
  readonly user: UserToken;
  readonly controls: readonly unknown[];
  readonly events: readonly { readonly timestamp: number }[];
}

interface Result {
  readonly model: { readonly version: number; readonly fingerprint: string };
  readonly [part: string]: unknown;
}

type Kind = Parameters<typeof upcast>[0];

/** What no model has a part in, and the file that a release before any model change wrote. */
const WITHOUT_MODEL: Readonly<Record<string, readonly [file: string, kind: Kind]>> = {
  'channels.20240408': ['channels-cell-v1.json', 'cell'],
  'campaign.WINTER_FLASH_SALE_15': ['campaign-cell-v1.json', 'cell'],
  journal: ['path-journal-v1.json', 'pathJournal'],
  ledger: ['ledger-entry-v1.json', 'ledgerEntry'],
  chunk: ['path-chunk-v1.json', 'pathChunk'],
  credits: ['day-credits-v1.json', 'dayCredits'],
  head: ['channels-head-v1.json', 'channelsHead'],
};

/** Numbers to 12 digits: the last bits of exp() may differ between processors. */
function rounded(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, each) =>
      typeof each === 'number' && !Number.isInteger(each) ? Number(each.toPrecision(12)) : each,
    ),
  );
}

function replay({ user, controls, events }: GoldenLog) {
  const partition = new PartitionState();
  for (const control of controls) {
    partition.control(controlSchema.parse(upcast('control', control)));
  }
  let actor = newUserActor();
  const receipts: unknown[] = [];
  events.forEach((sent, i) => {
    const parsed = parseEventJson(sent, sent.timestamp);
    if (!parsed.ok) throw new Error(`${parsed.rejection.field}: ${parsed.rejection.expected}`);
    partition.tick(sent.timestamp);
    const logged = { user, sequence: (i + 1) as StreamSequence, event: parsed.event };
    const applied = applyEvent(partition, actor, logged);
    if (applied.verdict !== 'accepted') throw new Error(`event ${i} is ${applied.verdict}`);
    actor = applied.actor;
    if (applied.receipt !== undefined) receipts.push(applied.receipt);
  });
  return { partition, actor, receipts };
}

/** All numbers that scores are made with, hashed. */
function fingerprint(): string {
  const scales = { EVIDENCE_KINDS, SCALE_MS, FUSION_MS, TREND_WEIGHT, INTEREST_MS };
  const tables = { SATURATION, COUPLING, BEHAVIOR_EVIDENCE, BEHAVIOR_STEP };
  const { version: _, ...model } = DEFAULT_REFERENCE.scorer.model;
  return hash64(JSON.stringify([scales, tables, FEATURES, model]));
}

/** Everything that follows from the log, by name. */
function resultOf(log: GoldenLog): Result {
  const { partition, actor, receipts } = replay(log);
  const cells = Object.fromEntries(partition.takeDirty().map(({ name, cell }) => [name, cell]));
  const [journal] = partition.journal.take(1, log.events.length);
  const cohorts = new Cohorts();
  if (journal !== undefined) cohorts.fold(journal);
  const { chunks, credits } = cohorts.takeChanges();
  const text = encodeUser(log.events.length as StreamSequence, actor.value, actor.context);
  const { chart, state } = decodeUser(log.user, JSON.parse(text));
  const { version } = DEFAULT_REFERENCE.scorer.model;
  const result = {
    model: { version, fingerprint: fingerprint() },
    receipts,
    user: { chart, state },
    ...{ ...cells, journal, ledger: partition.takeLedger().orders[0]?.[1] },
    ...{ chunk: chunks[0]?.body, credits: credits[0]?.body, head: cohorts.head(1) },
  };
  return rounded(result) as Result;
}

const result = resultOf(golden('replay/log-v1.json') as GoldenLog);
if (process.env.UPDATE_REPLAY === '1') {
  writeFileSync(RESULT, `${JSON.stringify(result, null, 2)}\n`);
}
const recorded = JSON.parse(readFileSync(RESULT, 'utf8')) as Result;

test('the golden log gives the recorded receipts, cells and user', () => {
  expect(result, HINT).toEqual(recorded);
});

test('a model whose numbers changed is another version', () => {
  if (result.model.version !== recorded.model.version) return;
  const hint = `raise the model's version; if this one was never released, ${HINT}`;
  expect(result.model.fingerprint, hint).toBe(recorded.model.fingerprint);
});

test.each(Object.entries(WITHOUT_MODEL))('%s is as the first release stored it', (part, of) => {
  const [file, kind] = of;
  const stored = upcast(kind, golden(file));
  // The first release knew no pairs of channel and campaign; none of these touches has one.
  expect(result[part]).toEqual(part === 'journal' ? { ...stored, has_pairs: true } : stored);
});
