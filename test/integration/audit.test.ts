/**
 * The audit on a real nats-server with a real worker: it agrees with an engine that is right, and
 * names what is wrong with one that was tampered with.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { ACTORS_STREAM, EVENTS_STREAM, SERVICES } from '../../protocols/subjects.ts';
import { type AuditReport, auditEngine } from '../../runtime/audit/audit.ts';
import { carryOutErasures } from '../../runtime/coordinator/erasures.ts';
import { publishAtomically } from '../../runtime/nats/atomic-batch.ts';
import { ensureStreams } from '../../runtime/nats/streams.ts';
import type { Worker } from '../../runtime/worker/worker.ts';
import { storedSubjects, TAMPERINGS, unnamed } from '../audit-tamperings.ts';
import { startTestEngine, startTestWorker, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import type { Published } from '../journeys.ts';
import { startTestServer } from '../nats-fixture.ts';
import { scoredJourneyLog } from '../scored-journeys.ts';

const SEED = Number(process.env.AUDIT_SEED ?? Date.now() % 1_000_000);
const REPLAY = `AUDIT_SEED=${SEED} replays it`;

function journeys(messages: number, users: number): Published[] {
  const nowMs = Date.now();
  return scoredJourneyLog({ seed: SEED, messages, users, nowMs, partitions: TEST_PARTITIONS });
}

async function publish(nc: NatsConnection, log: readonly Published[]): Promise<void> {
  for (let from = 0; from < log.length; from += 250) {
    await publishAtomically(nc, log.slice(from, from + 250));
  }
}

/** Waits until the worker has stored the effects of all messages. */
async function allTaken(worker: Worker, messages: number): Promise<void> {
  await until(`${messages} messages taken`, () => worker.figures.events >= messages, 60_000);
}

/** A server whose worker took in some journeys and has stopped. */
async function startWithHistory(messages: number, users: number) {
  const server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc, { maxResidents: 20 });
  const log = journeys(messages, users);
  await publish(nc, log);
  await allTaken(worker, log.length);
  await worker.stop();
  return { nc, log, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function expectNoDifference(report: AuditReport): void {
  expect(report.differences, REPLAY).toEqual([]);
  expect(report.differencesTotal, REPLAY).toBe(0);
}

test('an audit of an engine that works finds nothing', async () => {
  await using engine = await startWithHistory(5_000, 130);
  let last: readonly [number, number] = [0, 0];
  const report = await auditEngine(engine.nc, {
    onProgress: (done, total) => {
      last = [done, total];
    },
  });
  expectNoDifference(report);
  const events = engine.log.filter(({ subject }) => subject.startsWith('ingest.')).length;
  expect(report).toMatchObject({ partitions: TEST_PARTITIONS, events });
  expect(report.users).toBeGreaterThan(100);
  expect(report.decisions).toBeGreaterThan(100);
  expect(report.deadLetters).toBeGreaterThan(50);
  expect(Math.max(...Object.values(report.upTo))).toBe(engine.log.length);
  expect(last).toEqual([engine.log.length, engine.log.length]);
});

test('an audit of an engine before its first event finds nothing', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  expect(await auditEngine(nc)).toMatchObject({ partitions: 0, events: 0, differencesTotal: 0 });
  await ensureStreams(nc, { partitions: TEST_PARTITIONS, replicas: 1 });
  const partitions = TEST_PARTITIONS;
  expect(await auditEngine(nc)).toMatchObject({ partitions, events: 0, differencesTotal: 0 });
});

test('an audit while the engine is under load sees whole states only', {
  timeout: 90_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const auditor = await server.connectAs('engine');
  const worker = await startTestWorker(nc);
  const log = journeys(30_000, 300);
  let sent = 0;
  let isEnough = false;
  const sending = (async () => {
    while (!isEnough && sent < log.length) {
      await publish(nc, log.slice(sent, sent + 250));
      sent += 250;
      await until('the worker to keep up', () => worker.figures.events > sent - 2_000, 60_000);
    }
  })();
  const behind: number[] = [];
  try {
    await until('some events', () => worker.figures.events > 500);
    for (let i = 0; i < 3; i++) {
      const report = await auditEngine(auditor);
      expectNoDifference(report);
      behind.push(sent - Math.max(...Object.values(report.upTo)));
    }
  } finally {
    isEnough = true;
    await sending;
    await worker.stop();
  }
  // Events came in after each of the cuts.
  expect(Math.min(...behind)).toBeGreaterThan(0);
});

test('a log without its beginning is refused', async () => {
  await using engine = await startWithHistory(300, 10);
  const jsm = await jetstreamManager(engine.nc);
  await jsm.streams.deleteMessage(EVENTS_STREAM, 1);
  await expect(auditEngine(engine.nc)).rejects.toThrow(/EVENTS: .*cut short/);
});

const STRAY: Published = { subject: 'ingest.*', body: '{"type":"behavior"}' };

async function applyCampaigns(nc: NatsConnection): Promise<boolean> {
  const campaigns = ['ONE', 'TWO'].map((id, i) => ({
    id,
    name: id,
    trigger_type: 'in_app_modal',
    triggers: ['behavior', 'click'],
    bid_micros: 20_000 * (i + 1),
    budget_micros: 3_000_000,
    daily_micros: 1_000_000,
    ...(i === 0 ? { hourly_micros: 400_000 } : { pay_per: 'click', holdout_ppm: 300_000 }),
  }));
  const answer = await nc
    .request(SERVICES.applyCampaigns, JSON.stringify({ campaigns, by: 'ada' }))
    .catch(() => {});
  return answer !== undefined && !answer.string().includes('"problem"');
}

/** No coordinator runs here, and what a task is to remove may be anything. */
async function carryOutAll(nc: NatsConnection): Promise<void> {
  const erasures = await carryOutErasures(nc, (error) => {
    throw error;
  });
  await until('no erasure to be left', async () => {
    return (await storedSubjects(nc)).every((subject) => !subject.startsWith('erasure.'));
  });
  await erasures.stop();
}

test('what was tampered with is named', { timeout: 120_000 }, async () => {
  await using engine = await startWithHistory(1_500, 20);
  const { nc } = engine;
  expectNoDifference(await auditEngine(nc));
  await carryOutAll(nc);
  for (const tampering of TAMPERINGS) {
    const problem = await unnamed(nc, tampering);
    expect.soft(problem, REPLAY).toBeUndefined();
  }
  expectNoDifference(await auditEngine(nc));
});

test('an audit covers the coordinator: its grants, and its letters to stray events', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const engine = await startTestEngine(nc, new Set(['worker', 'coordinator'] as const));
  await until('campaigns', () => applyCampaigns(nc));
  const events = journeys(1_200, 20).filter(({ subject }) => subject.startsWith('ingest.'));
  await publish(nc, [STRAY, ...events.slice(0, 600), STRAY, ...events.slice(600)]);
  const jsm = await jetstreamManager(nc);
  await until('both letters', async () => {
    const { state } = await jsm.streams.info(ACTORS_STREAM, { subjects_filter: 'stray.*' });
    return Object.keys(state.subjects ?? {}).length === 2;
  });
  const audited = async (): Promise<AuditReport | false> => {
    const report = await auditEngine(nc);
    expectNoDifference(report);
    return report.events === events.length && report;
  };
  const { decisions, deadLetters } = await until('all events', audited);
  expect(decisions).toBeGreaterThan(20);
  expect(deadLetters).toBeGreaterThan(2);
  await engine.stop();
  const [first] = (await storedSubjects(nc)).filter((subject) => subject.startsWith('stray.'));
  await jsm.streams.purge(ACTORS_STREAM, { filter: first as string });
  expect((await auditEngine(nc)).differences.map(({ where }) => where)).toEqual([first]);
});

test('more differences than fit a report are counted', async () => {
  await using engine = await startWithHistory(600, 10);
  const jsm = await jetstreamManager(engine.nc);
  await jsm.streams.purge(ACTORS_STREAM, { filter: 'state.*.user.*' });
  const report = await auditEngine(engine.nc, { maxDifferences: 3 });
  expect(report.differences).toHaveLength(3);
  expect(report.differencesTotal).toBe(report.users);
});
