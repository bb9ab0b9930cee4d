/**
 * A golden log replayed gives the golden messages: receipts name the model's version, so a version
 * has to score for ever as it did when the receipt was written.
 */
import { expect, test } from 'vitest';
import { Cohorts } from '../../actors/channel/cohorts.ts';
import { hash64 } from '../../actors/hash.ts';
import { applyEvent } from '../../actors/partition/apply.ts';
import { PartitionState } from '../../actors/partition/state.ts';
import { newUserActor } from '../../actors/user/actor.ts';
import * as model from '../../actors/user/model.ts';
import { BEHAVIOR_STEP } from '../../actors/user/steps.ts';
import { controlSchema } from '../../protocols/control.ts';
import { parseEventJson } from '../../protocols/event.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import { decodeUser } from '../../protocols/user-record.ts';
import { golden } from './golden.ts';

interface GoldenLog {
  readonly user: UserToken;
  readonly controls: readonly unknown[];
  readonly events: readonly { readonly timestamp: number }[];
}

const CELLS: Readonly<Record<string, string>> = {
  'channels.20240408': 'channels-cell-v1.json',
  traffic: 'traffic-cell-v1.json',
  'campaign.WINTER_FLASH_SALE_15': 'campaign-cell-v1.json',
  'delivery.WINTER_FLASH_SALE_15': 'delivery-cell-v1.json',
  reference: 'reference-cell-v1.json',
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
  for (const control of controls) partition.control(controlSchema.parse(control));
  let actor = newUserActor();
  let receipt: unknown;
  events.forEach((sent, i) => {
    const parsed = parseEventJson(sent, sent.timestamp);
    if (!parsed.ok) throw new Error(`${parsed.rejection.field}: ${parsed.rejection.expected}`);
    const logged = { user, sequence: (i + 1) as StreamSequence, event: parsed.event };
    const applied = applyEvent(partition, actor, logged);
    if (applied.verdict !== 'accepted') throw new Error(`event ${i} is ${applied.verdict}`);
    actor = applied.actor;
    receipt = applied.receipt ?? receipt;
  });
  return { partition, actor, receipt };
}

test.runIf(model.MODEL_VERSION === 1)(
  'the golden log gives the golden receipt, cells and user',
  () => {
    const log = golden('replay/log-v1.json') as GoldenLog;
    const { partition, actor, receipt } = replay(log);
    expect(rounded(receipt)).toEqual(rounded(golden('receipt-v1.json')));
    const cells = new Map(partition.takeDirty().map(({ name, cell }) => [name, cell]));
    for (const [name, file] of Object.entries(CELLS)) expect(cells.get(name)).toEqual(golden(file));
    const [journal] = partition.journal.take(1, log.events.length);
    expect(journal).toEqual(golden('path-journal-v1.json'));
    expect(partition.takeLedger().orders[0]?.[1]).toEqual(golden('ledger-entry-v1.json'));
    const cohorts = new Cohorts();
    if (journal !== undefined) cohorts.fold(journal);
    const { chunks, credits } = cohorts.takeChanges();
    expect(chunks[0]?.body).toEqual(golden('path-chunk-v1.json'));
    expect(credits[0]?.body).toEqual(golden('day-credits-v1.json'));
    expect(cohorts.head(1)).toEqual(golden('channels-head-v1.json'));
    const { chart, state } = decodeUser(log.user, golden('user-v1.json'));
    expect(actor.value).toEqual(chart);
    const { concepts: _, intents: __, ...stored } = actor.context;
    expect(rounded(stored)).toEqual(rounded(state));
  },
);

/** All constants of each model version, hashed. */
const FINGERPRINTS: Readonly<Record<number, string>> = { 1: '749b148732960b5a' };

test('a model whose numbers changed is another version', () => {
  const { MODEL_VERSION, ...constants } = model;
  const byName = Object.entries({ ...constants, BEHAVIOR_STEP }).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const hint = 'raise MODEL_VERSION and add its fingerprint here';
  expect(hash64(JSON.stringify(byName)), hint).toBe(FINGERPRINTS[MODEL_VERSION]);
});
