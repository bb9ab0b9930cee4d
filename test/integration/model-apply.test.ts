/**
 * Another model while events flow: each partition changes over at one point of its log, nothing is
 * lost or done twice, and what was decided before comes out as it did then.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterEach, expect, test, vi } from 'vitest';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import type { DeadLetter } from '../../protocols/dead-letter.ts';
import { type Receipt, receiptSchema } from '../../protocols/decision.ts';
import type { Partition, UserToken } from '../../protocols/ids.ts';
import type { Model } from '../../protocols/model.ts';
import type { ModelReport, Problem, UserReport } from '../../protocols/services.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import {
  ACTORS_STREAM,
  controlSubject,
  partitionOf,
  RECEIPTS_ALL,
  SERVICES,
} from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import { CONCEPTS } from '../../protocols/user-snapshot.ts';
import { auditEngine } from '../../runtime/audit/audit.ts';
import { rerunReceipt } from '../../runtime/cli/explain.ts';
import { applyModel, showModel } from '../../runtime/cli/model.ts';
import { BudgetDesk } from '../../runtime/coordinator/budget-desk.ts';
import { CellView } from '../../runtime/coordinator/cell-view.ts';
import { claimLeadership } from '../../runtime/coordinator/leadership.ts';
import { natsActorStore } from '../../runtime/nats/actor-store.ts';
import { publishAtomically } from '../../runtime/nats/atomic-batch.ts';
import { ensureStreams } from '../../runtime/nats/streams.ts';
import { startTestEngine, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { eventId } from '../generators.ts';
import { modelWith } from '../models.ts';
import { startTestServer } from '../nats-fixture.ts';
import { asOperatorOf } from '../operator.ts';

const OWN = DEFAULT_REFERENCE.scorer.model;
const NEXT = OWN.version + 5;
const ROLES = new Set(['worker', 'coordinator'] as const);
const USERS = 40;
const BATCH = 20;
const START_MS = Date.now() - 3_600_000;

/** A model by which every concept rises steeply with the user's last hour. */
function steep(version: number, name = 'steep'): Model {
  const features = [{ name: 'app_1h', knots: [0, 4] }];
  const model = modelWith({ version, name, features });
  for (const concept of CONCEPTS) model.concepts[concept].values = [[3, 9]];
  return model;
}

function unknownFeature(version: number): Model {
  return modelWith({ version, features: [{ name: 'shoe_size', knots: [0] }] });
}

/** The nth event; every one asks for a decision, so each accepted one has its receipt. */
function message(n: number) {
  const event = {
    ...{ event_id: eventId(n), session_index: n, user_mode: 'anonymous' },
    ...{ timestamp: START_MS + n * 100, decide: true },
  };
  return { subject: `ingest.u${n % USERS}`, body: JSON.stringify(event) };
}

async function publish(nc: NatsConnection, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += BATCH) {
    const count = Math.min(BATCH, to - n);
    await publishAtomically(
      nc,
      Array.from({ length: count }, (_, i) => message(n + i)),
    );
  }
}

async function request<T>(nc: NatsConnection, subject: string, body: object = {}): Promise<T> {
  return (await nc.request(subject, JSON.stringify(body), { timeout: 5_000 })).json<T>();
}

/** Waits until a coordinator answers and every partition has the version. */
async function everywhere(nc: NatsConnection, version: number): Promise<ModelReport> {
  return until(`model ${version} in all partitions`, async () => {
    const report = await request<ModelReport>(nc, SERVICES.inspectModel).catch(() => undefined);
    return report?.partitions.every((each) => each.version === version) && report;
  });
}

async function accepted(nc: NatsConnection, count: number): Promise<{ duplicates: number }> {
  await using view = await CellView.open(nc);
  const sum = (kind: 'accepted' | 'duplicates'): number =>
    [...view.cells('traffic')].reduce((total, [, , cell]) => total + cell[kind], 0);
  await until(`${count} events to be accepted`, () => sum('accepted') >= count);
  expect(sum('accepted')).toBe(count);
  return { duplicates: sum('duplicates') };
}

interface StoredReceipt {
  readonly receipt: Receipt;
  readonly text: string;
}

/** All receipts by partition, in the order of the log. */
async function receipts(nc: NatsConnection): Promise<StoredReceipt[][]> {
  const jsm = await jetstreamManager(nc);
  const byPartition: StoredReceipt[][] = Array.from({ length: TEST_PARTITIONS }, () => []);
  const found = await jsm.direct.getLastMessagesFor(ACTORS_STREAM, { multi_last: [RECEIPTS_ALL] });
  for await (const each of found) {
    const text = each.string();
    const receipt = receiptSchema.parse(upcast('receipt', JSON.parse(text)));
    const partition = partitionOf(receipt.user as UserToken, TEST_PARTITIONS);
    byPartition[partition]?.push({ receipt, text });
  }
  for (const each of byPartition) {
    each.sort((a, b) => a.receipt.event.sequence - b.receipt.event.sequence);
  }
  return byPartition;
}

test('each partition changes over at one point; old decisions come out as they did', {
  timeout: 120_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const ops = await server.connectAs('ops');
  const engine = await startTestEngine(nc, ROLES);
  expect(await everywhere(ops, OWN.version)).toMatchObject({ name: OWN.name });
  await publish(nc, 0, 200);
  const flowing = publish(nc, 200, 600);
  const report = await request<ModelReport>(ops, SERVICES.applyModel, { model: steep(NEXT) });
  expect(report).toMatchObject({ version: NEXT, name: 'steep', features: 1 });
  await flowing;
  await everywhere(ops, NEXT);
  await publish(nc, 600, 800);
  await publish(nc, 0, 40);
  await until('everything to be taken in', () => (engine.worker?.figures.events ?? 0) >= 840);
  expect(await accepted(nc, 800)).toEqual({ duplicates: 40 });
  const stored = await receipts(nc);
  expect(stored.flat()).toHaveLength(800);
  for (const each of stored) {
    const versions = each.map(({ receipt }) => receipt.versions.model);
    const switched = versions.indexOf(NEXT);
    expect(switched).toBeGreaterThan(0);
    expect(new Set(versions.slice(0, switched))).toEqual(new Set([OWN.version]));
    expect(new Set(versions.slice(switched))).toEqual(new Set([NEXT]));
    for (const { receipt } of each.slice(switched)) {
      expect(receipt.signals.urgency).toBeGreaterThan(0.95);
    }
    for (const at of [0, switched - 1, switched, each.length - 1]) {
      const { receipt, text } = each[at] as StoredReceipt;
      expect((await rerunReceipt(nc, receipt, text)).again).toBe(text);
    }
  }
  await engine.stop();
  await using _ = await startTestEngine(nc, ROLES);
  expect(await everywhere(ops, NEXT)).toMatchObject({ name: 'steep' });
  await publish(nc, 800, 840);
  await accepted(nc, 840);
  const last = (await receipts(nc)).map((each) => each.at(-1)?.receipt.versions.model);
  expect(last).toEqual(Array.from({ length: TEST_PARTITIONS }, () => NEXT));
  const user = await request<UserReport>(ops, SERVICES.inspectUser, { user: 'u1' });
  expect(user.snapshot.state.concepts.loyalty).toBeGreaterThan(0.95);
  expect((await auditEngine(nc)).differences).toEqual([]);
});

test('a model that is not newer, or that this release cannot calculate, is refused', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const ops = await server.connectAs('ops');
  await using _ = await startTestEngine(nc, ROLES);
  await everywhere(ops, OWN.version);
  await request(ops, SERVICES.applyModel, { model: steep(NEXT) });
  const before = await everywhere(ops, NEXT);
  const refusal = async (model: object): Promise<string> =>
    (await request<Problem>(ops, SERVICES.applyModel, { model })).problem;
  const older = await refusal(steep(NEXT - 1, 'older'));
  expect(older).toContain(`expected more than ${NEXT}, that of "steep"`);
  expect(older).toContain(`found ${NEXT - 1}, of "older"`);
  expect(older).toContain(`give it version ${NEXT + 1}`);
  expect(await refusal(steep(NEXT, 'as old'))).toContain('expected more than');
  expect(await refusal(unknownFeature(NEXT + 1))).toContain('"shoe_size"');
  expect(await refusal({ ...steep(NEXT + 1), version: 0 })).toContain('model.version');
  // The same again, as after an answer that got lost, is no problem and changes nothing.
  expect(await request(ops, SERVICES.applyModel, { model: steep(NEXT) })).toEqual(before);
  expect(await everywhere(ops, NEXT)).toEqual(before);
});

test('one that is in the log all the same is a dead letter, and the log goes on', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await using _ = await startTestEngine(nc, ROLES);
  await everywhere(nc, OWN.version);
  const model = unknownFeature(NEXT);
  const put = { v: 1, type: 'model.put', version: NEXT, model };
  await jetstream(nc).publish(controlSubject(0 as Partition), JSON.stringify(put));
  const jsm = await jetstreamManager(nc);
  const letter = await until('a dead letter', async () => {
    const found = await jsm.streams.getMessage(ACTORS_STREAM, { last_by_subj: 'deadletter.0.*' });
    return found?.json<DeadLetter>();
  });
  expect(letter).toMatchObject({ field: 'control', found: expect.stringContaining('shoe_size') });
  await publish(nc, 0, USERS);
  await accepted(nc, USERS);
  await everywhere(nc, OWN.version);
});

test('a newer release leaves the model in force until somebody applies its own', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await ensureStreams(nc, { partitions: TEST_PARTITIONS, replicas: 1 });
  const store = await natsActorStore(nc);
  const lead = async (model: Model) => {
    const own = { settings: DEFAULT_SETTINGS, model };
    return (await claimLeadership(nc, store, 'first', own, () => false))?.model;
  };
  expect(await lead(steep(3))).toEqual(steep(3));
  expect(await lead(steep(4))).toEqual(steep(3));
  expect(await lead(steep(2))).toEqual(steep(3));
});

test('a model is told once to a partition that is behind, however long that lasts', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await ensureStreams(nc, { partitions: TEST_PARTITIONS, replicas: 1 });
  const store = await natsActorStore(nc);
  const own = { settings: DEFAULT_SETTINGS, model: steep(1) };
  const state = await claimLeadership(nc, store, 'first', own, () => false);
  if (state === undefined) throw new Error('expected to lead');
  await using view = await CellView.open(nc);
  const told: string[] = [];
  let nowMs = 0;
  const desk = new BudgetDesk(state, {
    ...{ store, view, partitions: TEST_PARTITIONS, failed: () => {}, nowMs: () => nowMs },
    publishControl: async (partition, { type, version }) => {
      told.push(`${partition} ${type} ${version}`);
    },
  });
  for (; nowMs < 60_000; nowMs += 5_000) await desk.settle();
  const count = (what: string): number => told.filter((each) => each === what).length;
  expect(count('0 settings.put 1')).toBeGreaterThan(1);
  expect([count('0 model.put 1'), count('3 model.put 1')]).toEqual([1, 1]);
  // The log has to have the model that was in force so far, too.
  expect(await desk.applyModel(steep(2))).toBeUndefined();
  expect([count('0 model.put 1'), count('0 model.put 2'), count('3 model.put 2')]).toEqual([
    1, 1, 1,
  ]);
});

test('where no worker runs the command says which partitions are without the model', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await using _ = await startTestEngine(nc, new Set(['coordinator'] as const));
  await until('a coordinator', async () => {
    return (await request(nc, SERVICES.inspectModel).catch(() => undefined)) !== undefined;
  });
  const printed = asOperatorOf(server);
  await expect(applyModel(undefined, { wait: 0.1 })).rejects.toThrow(
    `model ${OWN.version} is stored and will come into force, but partitions 0, 1, 2, 3 have not`,
  );
  await showModel({});
  expect(printed()).toContain(`in force in 0 of ${TEST_PARTITIONS} partitions`);
});

test('the command line shows a model, applies one and waits, or says what is wrong', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await using _ = await startTestEngine(nc, ROLES);
  await everywhere(nc, OWN.version);
  const printed = asOperatorOf(server);
  const file = (name: string, content: unknown): string => {
    const path = join(server.storeDir, name);
    writeFileSync(path, JSON.stringify(content));
    return path;
  };
  await showModel({});
  expect(printed()).toContain(`in force in all ${TEST_PARTITIONS} partitions`);
  await applyModel(undefined, { wait: 20 });
  expect(printed()).toContain(JSON.stringify(OWN.name));
  await applyModel(file('steep.json', steep(NEXT)), { json: true, wait: 20 });
  const report = JSON.parse(printed()) as ModelReport;
  expect(report.partitions.map(({ version }) => version)).toEqual([NEXT, NEXT, NEXT, NEXT]);
  await expect(applyModel(file('older.json', steep(1)), { wait: 20 })).rejects.toThrow(
    'expected more than',
  );
  const { name: _name, ...nameless } = steep(NEXT + 1);
  const broken = file('broken.json', { ...nameless, window: { thresholds: [1, 2, 'x'] } });
  await expect(applyModel(broken, { wait: 20 })).rejects.toThrow(
    /broken\.json:\n {2}name: .+\n {2}window\.thresholds\.2: .+/,
  );
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});
