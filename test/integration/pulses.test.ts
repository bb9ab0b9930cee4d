/**
 * Pulses on a real nats-server: each is stored in the commit of its events, so a worker that falls
 * over between two commits, or whose commit was refused, neither loses nor repeats a figure.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import type { TrafficCell } from '../../protocols/cells.ts';
import type { Partition } from '../../protocols/ids.ts';
import { PULSE_FIGURES, type Pulse, type PulseFigure, pulseSchema } from '../../protocols/pulse.ts';
import { cellSubject } from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import { partitionLag } from '../../runtime/nats/lag.ts';
import type { ActorStore, StoreMessage } from '../../runtime/ports.ts';
import { ingestMessage, publishInBulk } from '../../runtime/simulate/publish.ts';
import { Traffic } from '../../runtime/simulate/traffic.ts';
import type { Worker } from '../../runtime/worker/worker.ts';
import { startTestWorker, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

const EVENTS = 2_000;
const PARTITIONS = Array.from({ length: TEST_PARTITIONS }, (_, p) => p as Partition);

async function publish(nc: NatsConnection): Promise<void> {
  const traffic = new Traffic({ seed: 5, visitors: 150, prefix: 'p' });
  const startMs = Date.now() - EVENTS * 1_000;
  function* messages() {
    for (let i = 0; i < EVENTS; i++) yield ingestMessage(traffic.next(startMs + i * 1_000));
  }
  await publishInBulk(nc, messages());
}

/** Waits until everything in the log is stored. */
async function quiescent(nc: NatsConnection, { store }: Worker): Promise<void> {
  const jsm = await jetstreamManager(nc);
  await until('everything to be stored', async () => {
    for (const partition of PARTITIONS) {
      const checkpoint = await store.readCheckpoint(partition);
      if ((await partitionLag(jsm, partition, checkpoint?.value.sequence ?? 0)) > 0) return false;
    }
    return true;
  });
}

/** The traffic cells of all partitions and the pulses that are stored, added up. */
async function storedSums(nc: NatsConnection) {
  const jsm = await jetstreamManager(nc);
  const read = async (subject: string): Promise<unknown> =>
    (await jsm.streams.getMessage('ACTORS', { last_by_subj: subject }))?.json();
  const traffic: Record<string, number> = {};
  for (const partition of PARTITIONS) {
    const cell = (await read(cellSubject(partition, 'traffic'))) as TrafficCell | undefined;
    for (const [name, count] of Object.entries(cell ?? {})) {
      traffic[name] = (traffic[name] ?? 0) + Number(count);
    }
  }
  const info = await jsm.streams.info('ACTORS', { subjects_filter: 'pulse.>' });
  const subjects = Object.entries(info.state.subjects ?? {});
  const pulses: Partial<Record<PulseFigure, number>> = {};
  for (const [subject, count] of subjects) {
    expect({ [subject]: count }).toEqual({ [subject]: 1 });
    const pulse = pulseSchema.parse(upcast('pulse', await read(subject))) as Pulse;
    expect(subject).toBe(`pulse.${pulse.partition}.${pulse.sequence}`);
    for (const [, , , ...added] of pulse.rows) {
      PULSE_FIGURES.forEach((name, i) => {
        pulses[name] = (pulses[name] ?? 0) + (added[i] as number);
      });
    }
  }
  return { traffic, pulses, count: subjects.length };
}

function expectSame({ traffic, pulses }: Awaited<ReturnType<typeof storedSums>>): void {
  const { accepted: events, conversions, value_micros, decisions, wins } = traffic;
  expect(events).toBeGreaterThan(0.9 * EVENTS);
  expect(pulses).toMatchObject({ events, conversions, value_micros, decisions, wins });
}

test('the figures of all stored pulses are those of the traffic that was taken', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc);
  await publish(nc);
  await quiescent(nc, worker);
  expectSame(await storedSums(nc));
  await worker.stop();
}, 40_000);

test('a pulse is stored with its checkpoint, and counts once if commits fail', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const batches: (readonly StoreMessage[])[] = [];
  const store = (real: ActorStore): ActorStore => ({
    ...real,
    async commit(messages) {
      if (!messages.some(({ subject }) => subject.startsWith('pulse.'))) {
        return real.commit(messages);
      }
      batches.push(messages);
      if (batches.length % 3 === 1) {
        await real.commit(messages);
        return { status: 'unknown', reason: 'the answer was lost' };
      }
      if (batches.length % 3 === 2) return { status: 'unknown', reason: 'the request was lost' };
      return real.commit(messages);
    },
  });
  const worker = await startTestWorker(nc, { store });
  await publish(nc);
  await quiescent(nc, worker);
  expect(worker.figures.failedCommits).toBeGreaterThan(1);
  for (const batch of batches) {
    const checkpoints = positionsIn(batch, /^state\.\d+\.checkpoint$/);
    expect(checkpoints).toEqual(expect.arrayContaining(positionsIn(batch, /^pulse\./)));
  }
  expectSame(await storedSums(nc));
  await worker.stop();
}, 60_000);

/** Partitions and positions in their logs, as messages of a kind name them. */
function positionsIn(batch: readonly StoreMessage[], kind: RegExp): string[] {
  const meant = batch.filter(({ subject }) => kind.test(subject));
  return meant.map(({ body }) => {
    const { partition, sequence } = JSON.parse(body) as Pulse;
    return `${partition} at ${sequence}`;
  });
}
