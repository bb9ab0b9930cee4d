/**
 * What workers say of themselves each second. Readers close seconds of event time by it, so a
 * worker must never say that everything is stored up to a time while something of before is not.
 */
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { encodeUserId, type Partition, type UserId } from '../../protocols/ids.ts';
import { EVENTS_STREAM, ingestSubject, WORKERS_ALL, workerFeed } from '../../protocols/subjects.ts';
import { type WorkerFrame, workerFrameSchema } from '../../protocols/worker-frame.ts';
import { natsActorStore } from '../../runtime/nats/actor-store.ts';
import { type ActorStore, type StoreMessage, systemClock } from '../../runtime/ports.ts';
import { ingestMessage, publishInBulk, publishLive } from '../../runtime/simulate/publish.ts';
import { Traffic } from '../../runtime/simulate/traffic.ts';
import { pause } from '../../runtime/timing.ts';
import type { Worker } from '../../runtime/worker/worker.ts';
import { startTestWorker, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { startTestServer, type TestServer } from '../nats-fixture.ts';

/** What readers take off, for records on their way from the server to the worker. */
const LATENESS_MS = 2_000;

interface Heard {
  readonly frame: WorkerFrame;
  /** Of the worker that sends the frame, per partition, as stored when the frame was heard. */
  readonly stored: readonly number[];
}

/** Listens to all frames, each with the checkpoints that are stored as it comes. */
async function listen(nc: NatsConnection): Promise<Heard[]> {
  const heard: Heard[] = [];
  const store = await natsActorStore(nc);
  const take = async (frame: WorkerFrame): Promise<void> => {
    const checkpoints = frame.partitions.map(({ partition }) =>
      store.readCheckpoint(partition as Partition),
    );
    const stored = (await Promise.all(checkpoints)).map((each) => each?.value.sequence ?? 0);
    heard.push({ frame, stored });
  };
  nc.subscribe(WORKERS_ALL, {
    callback: (_, message) => {
      // The last ones may come while the connection is being closed.
      void take(workerFrameSchema.parse(message.json())).catch(() => {});
    },
  });
  return heard;
}

function simulated(events: number, seed: number) {
  const traffic = new Traffic({ seed, visitors: 500, prefix: `s${seed}` });
  const startMs = Date.now() - events * 1_000;
  return Array.from({ length: events }, (_, i) => ingestMessage(traffic.next(startMs + i * 1_000)));
}

interface LogEntry {
  readonly partition: number;
  readonly sequence: number;
  readonly storedAtMs: number;
}

async function readLog(nc: NatsConnection): Promise<LogEntry[]> {
  const consumer = await jetstream(nc).consumers.get(EVENTS_STREAM, {
    deliver_policy: DeliverPolicy.All,
  });
  const log: LogEntry[] = [];
  if ((await consumer.info(true)).num_pending === 0) return log;
  for await (const { info, subject } of await consumer.consume()) {
    const partition = Number(subject.split('.')[1]);
    log.push({
      ...{ partition, sequence: info.streamSequence },
      storedAtMs: info.timestampNanos / 1_000_000,
    });
    if (info.pending === 0) break;
  }
  return log;
}

/** Each event stored before the time that a frame names has its effects stored. */
async function expectTrue(nc: NatsConnection, heard: readonly Heard[]): Promise<void> {
  const log = await readLog(nc);
  for (const { frame, stored } of heard) {
    for (const { partition, sequence, caught_up_ms, status } of frame.partitions) {
      expect(stored[partition]).toBeGreaterThanOrEqual(sequence);
      if (status !== 'running') expect(caught_up_ms).toBe(0);
      const left = log.filter(
        (each) =>
          each.partition === partition &&
          each.sequence > sequence &&
          each.storedAtMs < caught_up_ms - LATENESS_MS,
      );
      expect(left, `${frame.worker} at ${frame.at_ms}, partition ${partition}`).toEqual([]);
    }
  }
}

const isCaughtUp = ({ at_ms, partitions }: WorkerFrame): boolean =>
  partitions.every(({ caught_up_ms }) => caught_up_ms === at_ms);

/** Slows a worker's commits down. */
function slow(ms: number): (real: ActorStore) => ActorStore {
  return (real) => ({
    ...real,
    async commit(messages) {
      if (messages.length > 1) await pause(ms);
      return real.commit(messages);
    },
  });
}

const framesOf = (heard: readonly Heard[], { id }: Worker): WorkerFrame[] =>
  heard.map(({ frame }) => frame).filter(({ worker }) => worker === id);

test('an idle worker says each second that it is caught up, with nothing in the log at all', {
  timeout: 30_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc);
  const heard = await listen(nc);
  await until('frames', () => heard.length >= 5);
  const frames = framesOf(heard, worker);
  for (let i = 1; i < frames.length; i++) {
    const gapMs = (frames[i]?.at_ms ?? 0) - (frames[i - 1]?.at_ms ?? 0);
    expect(gapMs).toBeGreaterThan(500);
    expect(gapMs).toBeLessThan(2_500);
  }
  const last = frames.at(-1) as WorkerFrame;
  expect(Math.abs(last.at_ms - Date.now())).toBeLessThan(1_500);
  expect(isCaughtUp(last)).toBe(true);
  expect(last.partitions.map(({ status, epoch }) => `${status} ${epoch}`)).toEqual(
    Array.from({ length: TEST_PARTITIONS }, () => 'running 1'),
  );
  expect(last.stages).toEqual({});
  await worker.stop();
  const { length } = heard;
  await pause(1_300);
  expect(heard).toHaveLength(length);
});

test('a frame tells what was done, how long stages took and where the last pulse is', {
  timeout: 30_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc);
  const pulses = new Map<number, number>();
  const heard = await listen(nc);
  await publishInBulk(nc, simulated(2_000, 3));
  await until('all events', () => worker.figures.events >= 2_000);
  const last = await until('a frame of all', () =>
    framesOf(heard, worker).find(({ events }) => events >= 2_000),
  );
  const consumer = await jetstream(nc).consumers.get('ACTORS', { filter_subjects: 'pulse.>' });
  for await (const { subject, info } of await consumer.consume()) {
    const [, partition, sequence] = subject.split('.').map(Number);
    pulses.set(partition ?? -1, sequence ?? -1);
    if (info.pending === 0) break;
  }
  expect(last.partitions.map(({ pulse_sequence }) => pulse_sequence)).toEqual(
    last.partitions.map(({ partition }) => pulses.get(partition)),
  );
  expect(last.commits).toBeGreaterThan(0);
  expect(last.failed_commits).toBe(0);
  expect(last.residents).toBeGreaterThan(0);
  const { ingest, features, scoring, commit, decision } = last.stages;
  expect(ingest?.count).toBe(2_000 / last.sample_every);
  // Of users who agree to it.
  expect(features?.count).toBeGreaterThan(100);
  expect(scoring?.count).toBe(features?.count);
  expect(commit?.count).toBe(ingest?.count);
  expect(decision?.count).toBe(ingest?.count);
  expect(decision?.p50_ms).toBeGreaterThanOrEqual(ingest?.p50_ms ?? 0);
  expect(features?.p50_ms).toBeGreaterThan(0.001);
  expect(features?.p50_ms).toBeLessThan(10);
  await worker.stop();
});

test('a frame names users who became active last by the ids that applications know', {
  timeout: 30_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc);
  const heard = await listen(nc);
  const [{ body }] = simulated(1, 4) as [StoreMessage];
  for (const user of ['ada@example.com', ...Array.from({ length: 8 }, (_, i) => `user-${i}`)]) {
    await nc.request(ingestSubject(encodeUserId(user as UserId)), body);
    await until(user, () => framesOf(heard, worker).at(-1)?.latest_users[0] === user);
  }
  const latest = framesOf(heard, worker).at(-1)?.latest_users;
  expect(latest).toEqual(Array.from({ length: 8 }, (_, i) => `user-${7 - i}`));
  await worker.stop();
});

test('with a backlog a worker never says that it is caught up before its events are stored', {
  timeout: 60_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc, { store: slow(150) });
  const heard = await listen(nc);
  await until('it to be caught up', () => framesOf(heard, worker).some(isCaughtUp));
  await publishInBulk(nc, simulated(20_000, 5));
  await until('all events', () => worker.figures.events >= 20_000, 40_000);
  await until('it to be caught up again', () => {
    const last = framesOf(heard, worker).at(-1);
    return last !== undefined && last.events >= 20_000 && isCaughtUp(last);
  });
  const during = framesOf(heard, worker).filter(({ events }) => events > 0 && events < 20_000);
  expect(during.length).toBeGreaterThanOrEqual(3);
  await expectTrue(nc, heard);
  await worker.stop();
});

test('while a commit takes long a worker does not say that it is caught up', {
  timeout: 60_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc, { store: slow(5_500) });
  const heard = await listen(nc);
  await until('it to be caught up', () => framesOf(heard, worker).some(isCaughtUp));
  await publishInBulk(nc, simulated(60, 11));
  await until('all events', () => worker.figures.events >= 60);
  await until('it to be caught up again', () => {
    const last = framesOf(heard, worker).at(-1);
    return last !== undefined && last.events >= 60 && isCaughtUp(last);
  });
  await expectTrue(nc, heard);
  await worker.stop();
});

test('a worker that hears nothing of the log does not take that for silence', {
  timeout: 60_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await using line = await stallableLine(server);
  const worker = await startTestWorker(await server.connectAs('engine', { servers: line.url }));
  const heard = await listen(nc);
  await until('it to be caught up', () => framesOf(heard, worker).some(isCaughtUp));
  line.stall();
  const stalledAtMs = Date.now();
  await publishInBulk(nc, simulated(200, 7));
  // What it says still comes through.
  await until('frames from behind the stalled line', () =>
    heard.some(({ frame }) => frame.at_ms > stalledAtMs + 5_000),
  );
  line.go();
  await until('it to be caught up again', () => {
    const last = framesOf(heard, worker).at(-1);
    return last !== undefined && last.events >= 200 && isCaughtUp(last);
  });
  await expectTrue(nc, heard);
  await worker.stop();
});

test('a worker and its successor say nothing that is not true', { timeout: 60_000 }, async () => {
  await using server = await startTestServer();
  const [nc, own] = [await server.connectAs('engine'), await server.connectAs('engine')];
  let isAlive = true;
  const options = { store: slow(20), isRenewing: () => isAlive };
  const former = await startTestWorker(own, options);
  const heard = await listen(nc);
  const traffic = new Traffic({ seed: 9, visitors: 300, prefix: 's9' });
  const stop = new AbortController();
  const flow = publishLive(nc, (ms) => traffic.next(ms), 400, systemClock, stop.signal);
  await until('it to be at work', () => framesOf(heard, former).some(({ events }) => events > 400));
  isAlive = false;
  const successor = await startTestWorker(nc, { store: slow(20) });
  await until('the successor to have taken over', () =>
    framesOf(heard, successor).some(({ partitions, events }) => {
      const hasSome = partitions.some(({ status, epoch }) => status === 'running' && epoch > 1);
      return hasSome && events > 50;
    }),
  );
  stop.abort();
  await flow;
  // As long as the former one knows of nobody else, it claims back what it has lost.
  isAlive = true;
  await former.stop();
  await until('it to be caught up', () => {
    const last = framesOf(heard, successor).at(-1);
    return last !== undefined && isCaughtUp(last);
  });
  await expectTrue(nc, heard);
  expect(workerFeed(successor.id)).not.toBe(workerFeed(former.id));
  await successor.stop();
});

/** A line to the server on which what the server says can be held back. */
async function stallableLine(server: TestServer) {
  const sockets = new Set<Socket>();
  const upstreams = new Set<Socket>();
  const listener: Server = createServer((socket) => {
    const upstream = dial(server.port, '127.0.0.1');
    for (const each of [socket, upstream]) {
      sockets.add(each);
      each.on('error', () => {});
      each.on('close', () => {
        socket.destroy();
        upstream.destroy();
      });
    }
    upstreams.add(upstream);
    socket.pipe(upstream);
    upstream.pipe(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address() as { port: number };
  return {
    url: `nats://127.0.0.1:${address.port}`,
    stall(): void {
      for (const each of upstreams) each.pause();
    },
    go(): void {
      for (const each of upstreams) each.resume();
    },
    async [Symbol.asyncDispose]() {
      for (const each of sockets) each.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
