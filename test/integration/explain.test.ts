/**
 * Why a decision was made: the receipt, and the same decision made again from the log.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import type { CampaignsReport } from '../../protocols/campaign-services.ts';
import { type Receipt, receiptSchema } from '../../protocols/decision.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import { ACTORS_STREAM, partitionOf, RECEIPTS_ALL, SERVICES } from '../../protocols/subjects.ts';
import { rerunReceipt } from '../../runtime/cli/explain.ts';
import { networksHere } from '../../runtime/cli/onnx-model.ts';
import { publishAtomically } from '../../runtime/nats/atomic-batch.ts';
import { natsEventLog } from '../../runtime/nats/event-log.ts';
import { travelTo } from '../../runtime/time-travel/partition-past.ts';
import { readReceipt } from '../../runtime/time-travel/rerun-decision.ts';
import { startTestEngine, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { journeyLog } from '../journeys.ts';
import { startTestServer } from '../nats-fixture.ts';

const BATCH = 250;

async function applyCampaigns(nc: NatsConnection): Promise<boolean> {
  const campaigns = ['ONE', 'TWO', 'THREE'].map((id, i) => ({
    id,
    name: id,
    trigger_type: 'in_app_modal',
    triggers: ['behavior', 'click'],
    bid_micros: 20_000 * (i + 1),
    budget_micros: 800_000,
    quality: { base: 0.2, weights: { urgency: 0.3, purchase_intent: 0.4 } },
  }));
  const answer = await nc
    .request(SERVICES.applyCampaigns, JSON.stringify({ campaigns, by: 'test' }))
    .catch(() => {});
  return answer !== undefined && !answer.string().includes('"problem"');
}

async function receipts(nc: NatsConnection): Promise<string[]> {
  const jsm = await jetstreamManager(nc);
  const { state } = await jsm.streams.info(ACTORS_STREAM, { subjects_filter: RECEIPTS_ALL });
  return Object.keys(state.subjects ?? {});
}

test('every decision comes out again from the log to the same bytes, used-up budgets and all', {
  timeout: 120_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await using engine = await startTestEngine(nc, new Set(['worker', 'coordinator'] as const));
  await until('campaigns', () => applyCampaigns(nc));
  await until('grants', async () => {
    const report = (await nc.request(SERVICES.inspectCampaigns)).json<CampaignsReport>();
    return (
      report.campaigns.length === 3 &&
      report.campaigns.every(({ granted_micros }) => granted_micros > 0)
    );
  });
  const shape = { messages: 2_500, users: 25, partitions: TEST_PARTITIONS };
  const log = journeyLog({ seed: 11, nowMs: Date.now(), ...shape }).filter(({ subject }) => {
    return subject.startsWith('ingest.');
  });
  for (let from = 0; from < log.length; from += BATCH) {
    await publishAtomically(nc, log.slice(from, from + BATCH));
  }
  await until('all events', () => (engine.worker?.figures.events ?? 0) >= log.length, 60_000);
  const subjects = await receipts(nc);
  expect(subjects.length).toBeGreaterThan(50);
  const won = new Set<string | null>();
  for (let i = 0; i < subjects.length; i += Math.ceil(subjects.length / 24)) {
    const id = (subjects[i] as string).split('.')[2] as string;
    const stored = await readReceipt(nc, id);
    const receipt: Receipt = receiptSchema.parse(JSON.parse(stored));
    won.add(receipt.decision.orchestration.winner_campaign);
    const rerun = await rerunReceipt(nc, receipt, stored);
    expect(rerun.again, `decision ${id}`).toBe(stored);
    expect(rerun.isSame).toBe(true);
    const forged = stored.replace('"reserve_micros":', '"reserve_micros":1');
    expect((await rerunReceipt(nc, receipt, forged)).isSame).toBe(false);
  }
  expect(won.size).toBeGreaterThan(1);
  const user = subjects[0]?.split('.')[1] as UserToken;
  const partition = partitionOf(user, TEST_PARTITIONS);
  await using networks = networksHere();
  const tooFar = (log.length + 1_000_000) as StreamSequence;
  await expect(travelTo(natsEventLog(nc), partition, tooFar, networks, () => {})).rejects.toThrow(
    /expected a log up to message/,
  );
});

test('an unknown decision is answered with where its id is found', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await using _ = await startTestEngine(nc, new Set(['worker'] as const));
  await expect(readReceipt(nc, 'd_0123456789abcdef')).rejects.toThrow(/no decision d_0123/);
  await expect(readReceipt(nc, 'd_*')).rejects.toThrow(/expected a decision id such as/);
});
