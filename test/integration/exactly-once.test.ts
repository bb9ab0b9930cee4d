/**
 * What must hold when commits fail, answers get lost, owners change and memory is short. Each test
 * ends with the audit, which calculates everything again from the log.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { deadLetterSchema } from '../../protocols/dead-letter.ts';
import type { Partition } from '../../protocols/ids.ts';
import { auditEngine } from '../../runtime/audit/audit.ts';
import { CommitRefused } from '../../runtime/nats/atomic-batch.ts';
import { partitionLag } from '../../runtime/nats/lag.ts';
import type { ActorStore, CommitOutcome, StoreMessage } from '../../runtime/ports.ts';
import { ingestMessage, publishInBulk } from '../../runtime/simulate/publish.ts';
import { Traffic } from '../../runtime/simulate/traffic.ts';
import type { Worker } from '../../runtime/worker/worker.ts';
import { startTestWorker, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

const EVENTS = 3_000;

async function publish(nc: NatsConnection, seed: number, visitors = 200): Promise<void> {
  const traffic = new Traffic({ seed, visitors, prefix: `s${seed}` });
  const startMs = Date.now() - EVENTS * 1_000;
  function* messages() {
    for (let i = 0; i < EVENTS; i++) yield ingestMessage(traffic.next(startMs + i * 1_000));
  }
  await publishInBulk(nc, messages());
}

/** Waits until everything in the log is stored, by whichever worker. */
async function quiescent(nc: NatsConnection, { store }: Worker): Promise<void> {
  const jsm = await jetstreamManager(nc);
  await until('everything to be stored', async () => {
    for (let number = 0; number < TEST_PARTITIONS; number++) {
      const partition = number as Partition;
      const checkpoint = await store.readCheckpoint(partition);
      if ((await partitionLag(jsm, partition, checkpoint?.value.sequence ?? 0)) > 0) return false;
    }
    return true;
  });
}

async function expectNoDifference(nc: NatsConnection): Promise<void> {
  const report = await auditEngine(nc);
  expect(report.differences).toEqual([]);
  expect(report.events).toBeGreaterThanOrEqual(EVENTS);
}

/** Stands between a worker and the store. */
function meddling(
  meddle: (
    messages: readonly StoreMessage[],
    commit: () => Promise<CommitOutcome>,
  ) => Promise<CommitOutcome>,
): (real: ActorStore) => ActorStore {
  return (real) => ({
    ...real,
    commit: (messages) => meddle(messages, () => real.commit(messages)),
  });
}

const hasSnapshots = (messages: readonly StoreMessage[]): boolean =>
  messages.some(({ subject }) => subject.includes('.user.'));

test('a commit whose answer is lost is neither lost nor done twice', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  let commits = 0;
  const store = meddling(async (messages, commit) => {
    if (!hasSnapshots(messages)) return commit();
    commits++;
    if (commits % 3 === 1) {
      await commit();
      return { status: 'unknown', reason: 'the answer was lost' };
    }
    if (commits % 3 === 2) return { status: 'unknown', reason: 'the request was lost' };
    return commit();
  });
  const worker = await startTestWorker(nc, { store });
  await publish(nc, 1);
  await quiescent(nc, worker);
  expect(worker.figures.failedCommits).toBeGreaterThan(0);
  await worker.stop();
  await expectNoDifference(nc);
});

test('a worker that was paused past its lease cannot write over its successor', async () => {
  await using server = await startTestServer();
  const paused = await server.connectAs('engine');
  const nc = await server.connectAs('engine');
  let wakeUp = (): void => {};
  const asleep = new Promise<void>((resolve) => {
    wakeUp = resolve;
  });
  const outcomes: CommitOutcome[] = [];
  let isPaused = false;
  let isAlive = true;
  const store = meddling(async (messages, commit) => {
    if (!isPaused || !hasSnapshots(messages)) return commit();
    await asleep;
    const outcome = await commit();
    outcomes.push(outcome);
    return outcome;
  });
  const zombie = await startTestWorker(paused, { store, isRenewing: () => isAlive });
  await until('the first worker to own all', () => zombie.partitions.every((p) => p.isRunning));
  isPaused = true;
  await publish(nc, 2);
  await until('a commit to be held back', () => zombie.partitions.some((p) => p.queued > 0));
  // Its heartbeats stop, as those of a stopped process do.
  isAlive = false;
  const successor = await startTestWorker(nc);
  await quiescent(nc, successor);
  isPaused = false;
  wakeUp();
  await until('the held-back commit to be refused', () => outcomes.length > 0);
  expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 'fenced'));
  await zombie.stop();
  await successor.stop();
  await expectNoDifference(nc);
}, 60_000);

test('an event that cannot be stored goes to the dead letter and the others go on', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const store = meddling(async (messages, commit) => {
    if (messages.some(({ subject }) => subject.endsWith('.user.poison'))) {
      throw new CommitRefused('the server refused a commit: 10199 too large');
    }
    return commit();
  });
  const worker = await startTestWorker(nc, { store });
  const event = {
    event_id: '9f8c4b2a-1e3d-4f7c-8a2b-5d6e7f809102',
    session_index: 1,
    user_mode: 'anonymous',
    timestamp: Date.now(),
  };
  nc.publish('ingest.poison', JSON.stringify(event));
  await publish(nc, 3);
  await quiescent(nc, worker);
  const jsm = await jetstreamManager(nc);
  const message = await jsm.streams.getMessage('ACTORS', { last_by_subj: 'deadletter.*.*' });
  const letter = deadLetterSchema.parse(message?.json());
  expect(letter.subject).toMatch(/^events\.\d\.poison$/);
  expect(letter.found).toContain('too large');
  await worker.stop();
});

test('few users in memory are as good as all of them', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc, { maxResidents: 100 });
  await publish(nc, 4, 1_000);
  await quiescent(nc, worker);
  expect(worker.residents).toBeLessThan(1_000);
  await worker.stop();
  await expectNoDifference(nc);
});

test('a worker that joins takes its share, and one that leaves gives it back', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const first = await startTestWorker(nc);
  await publish(nc, 5);
  const second = await startTestWorker(nc);
  await publish(nc, 6);
  const running = (worker: Worker): number => worker.partitions.filter((p) => p.isRunning).length;
  await until('both to own a part', () => running(first) + running(second) === TEST_PARTITIONS);
  await first.stop();
  await until('the second to own all', () => running(second) === TEST_PARTITIONS);
  await publish(nc, 7);
  await quiescent(nc, second);
  await second.stop();
  await expectNoDifference(nc);
}, 60_000);
