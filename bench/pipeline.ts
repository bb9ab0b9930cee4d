/**
 * Throughput from a backlog: the whole worker, and the machine's ceiling for the same traffic,
 * which reads the same log and stores the same batches, but calculates nothing.
 */
import { pino } from 'pino';
import type { Partition, StreamSequence } from '../protocols/ids.ts';
import { natsActorStore } from '../runtime/nats/actor-store.ts';
import { natsEventLog } from '../runtime/nats/event-log.ts';
import { natsMembership } from '../runtime/nats/membership.ts';
import { NetworkFolder } from '../runtime/onnx/network-folder.ts';
import { type ActorStore, type StoreMessage, systemClock } from '../runtime/ports.ts';
import { pause } from '../runtime/timing.ts';
import { Worker, type WorkerFigures } from '../runtime/worker/worker.ts';
import { PARTITIONS, spread, startBenchServer, storeBacklog } from './setting.ts';

export interface PipelineResult {
  readonly events: number;
  readonly rounds: number;
  readonly eventsPerSecond: ReturnType<typeof spread>;
  readonly ceilingEventsPerSecond: ReturnType<typeof spread>;
  /** Pipeline over ceiling, round by round. */
  readonly ratio: ReturnType<typeof spread>;
  readonly eventsPerCommit: number;
  readonly commitMs: number;
  readonly applyMicrosPerEvent: number;
  readonly cpuMicrosPerEvent: number;
}

/** What one commit of the pipeline wrote, to be written again by the ceiling. */
interface RecordedCommit {
  readonly events: number;
  readonly messages: readonly StoreMessage[];
}

interface Round {
  readonly eventsPerSecond: number;
  readonly commits: readonly RecordedCommit[];
  readonly figures: WorkerFigures;
  readonly cpuMicros: number;
}

/** Runs both in turn, so that a noisy minute hits both. */
export async function benchPipeline(events: number, rounds: number): Promise<PipelineResult> {
  const pipeline: number[] = [];
  const ceiling: number[] = [];
  let last: Round | undefined;
  for (let round = 0; round < rounds; round++) {
    last = await runPipeline(events);
    pipeline.push(last.eventsPerSecond);
    ceiling.push(await runCeiling(events, last.commits));
  }
  if (last === undefined) throw new Error('expected at least one round');
  const { figures, cpuMicros } = last;
  return {
    events,
    rounds,
    eventsPerSecond: spread(pipeline),
    ceilingEventsPerSecond: spread(ceiling),
    ratio: spread(pipeline.map((each, i) => each / (ceiling[i] as number))),
    eventsPerCommit: figures.events / figures.commits,
    commitMs: figures.commitMs / figures.commits,
    applyMicrosPerEvent: (figures.applyMs * 1_000) / figures.events,
    cpuMicrosPerEvent: cpuMicros / figures.events,
  };
}

async function runPipeline(events: number): Promise<Round> {
  await using server = await startBenchServer();
  const { nc } = server;
  await storeBacklog(nc, events);
  const commits: RecordedCommit[] = [];
  const real = await natsActorStore(nc);
  let counted = 0;
  const store: ActorStore = {
    ...real,
    commit(messages) {
      const total = worker.figures.events;
      commits.push({ events: total - counted, messages });
      counted = total;
      return real.commit(messages);
    },
  };
  const worker = new Worker(
    {
      log: natsEventLog(nc),
      store,
      bus: { send: () => {} },
      clock: systemClock,
      logger: pino({ level: 'warn' }, pino.destination(2)),
      networks: new NetworkFolder('.'),
      join: (id) => natsMembership(nc, 'worker', id),
    },
    { partitions: PARTITIONS },
  );
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await worker.start();
  while (worker.figures.events < events) await pause(2);
  const elapsedS = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  await worker.stop();
  const { figures } = worker;
  return { eventsPerSecond: events / elapsedS, commits, figures, cpuMicros: user + system };
}

/** Ordered consumers as in the worker, and its very batches as fast as the server takes them. */
async function runCeiling(events: number, commits: readonly RecordedCommit[]): Promise<number> {
  await using server = await startBenchServer();
  const { nc } = server;
  await storeBacklog(nc, events);
  const log = natsEventLog(nc);
  const store = await natsActorStore(nc);
  let read = 0;
  let committed = 0;
  const startedMs = performance.now();
  const followers = await Promise.all(
    Array.from({ length: PARTITIONS }, (_, partition) =>
      log.follow(partition as Partition, 0 as StreamSequence, () => {
        read++;
      }),
    ),
  );
  for (const commit of commits) {
    committed += commit.events;
    while (read < committed) await pause(1);
    // Fences are the worker's: on these empty streams each would fail.
    const messages = commit.messages.map(({ subject, body }) => ({ subject, body }));
    const outcome = await store.commit(messages);
    if (outcome.status !== 'stored') throw new Error(outcome.reason);
  }
  while (read < events) await pause(1);
  const elapsedS = (performance.now() - startedMs) / 1_000;
  await Promise.all(followers.map((follower) => follower.stop()));
  return events / elapsedS;
}
