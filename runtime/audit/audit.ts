/**
 * `microtarget audit`: reads the event log from nothing, calculates from docs/semantics.md what
 * the engine's state must be, and compares it with what is stored, on a running system.
 *
 * It shares no code with the actors that aggregate: only schemas, subjects, the model's constants,
 * the hash, the channel rules, and what a campaign's rule may say. Where the actors move counts
 * event by event, it collects and calculates once, at the end.
 */
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { checkpointSchema } from '../../protocols/checkpoint.ts';
import type { Partition } from '../../protocols/ids.ts';
import { checkpointSubject, EVENTS_STREAM, parseLogSubject } from '../../protocols/subjects.ts';
import { partitionsOf } from '../nats/streams.ts';
import { AuditImpossible, readConsistentCut } from './consistent-cut.ts';
import { type Difference, Differences, MAX_DIFFERENCES } from './differences.ts';
import { LiveCheck } from './live-check.ts';
import type { AuditFigures } from './live-figures.ts';
import { PathCheck } from './path-check.ts';
import { LogReplay } from './replay.ts';
import { StateCheck } from './state-check.ts';
import { takeStoredLive } from './stored-live.ts';
import { readerOf, StoredView } from './stored-view.ts';

const readCheckpoint = readerOf('checkpoint', checkpointSchema);

const NANOS_PER_MS = 1_000_000;
const PULL = { max_messages: 2_000, expires: 3_000, idle_heartbeat: 750 } as const;
/** Events between two reports of progress. */
const PROGRESS_EVERY = 5_000;

export interface AuditOptions {
  /** Called while the log is read: messages done, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Differences to list; all are counted. */
  readonly maxDifferences?: number;
}

/** What the audit looked at, and what it found. */
export interface AuditReport {
  readonly partitions: number;
  readonly events: number;
  readonly users: number;
  readonly decisions: number;
  readonly deadLetters: number;
  /** What the log says of the figures that live pages show. */
  readonly figures: AuditFigures;
  /** What could not be compared, and why. */
  readonly notes: readonly string[];
  /** At most `maxDifferences` of them. */
  readonly differences: readonly Difference[];
  readonly differencesTotal: number;
  /** By partition, the last message of the log whose effects were compared. */
  readonly upTo: Readonly<Record<number, number>>;
  readonly elapsedMs: number;
}

/**
 * Audits the engine behind a connection of its account; workers may go on meanwhile.
 *
 * Memory: every user of the log with all its events' evidence and path items, and the whole store
 * (snapshots, cells, receipts) once. Cost: one pass over the log, one over the store.
 *
 * @throws AuditImpossible if the log does not begin with its first message or lacks one, or if no
 *   moment of the store could be seen whole.
 */
export async function auditEngine(
  nc: NatsConnection,
  options: AuditOptions = {},
): Promise<AuditReport> {
  const startedMs = performance.now();
  const jsm = await jetstreamManager(nc);
  const partitions = (await partitionsOf(jsm)) ?? 0;
  const differences = new Differences(options.maxDifferences ?? MAX_DIFFERENCES);
  const stored = new StoredView(
    partitions === 0 ? new Map() : await readConsistentCut(nc),
    differences,
  );
  const upTo = readCheckpoints(stored, partitions);
  const storedLive = takeStoredLive(stored);
  const replay = new LogReplay(stored, differences, storedLive.positions);
  await replayLog(nc, replay, upTo, options.onProgress ?? (() => {}));
  let users = 0;
  const live = new LiveCheck(storedLive, differences);
  const check = new StateCheck(stored, differences, live);
  const paths = new PathCheck(stored, differences);
  for (const [number, sequence] of upTo) {
    const partition = replay.partition(number);
    const subject = checkpointSubject(number as Partition);
    differences.compare(`${subject} sequence`, partition.lastSequence, sequence);
    partition.finish();
    for (const user of partition.users.values()) {
      if (user.events === 0) continue;
      users++;
      check.user(number, user);
      paths.user(user);
    }
    check.cells(partition);
    paths.partition(partition);
    live.partition(partition);
  }
  paths.totals();
  const notes = live.totals();
  check.budgets(replay.partitions.values());
  check.unexplained();
  return {
    partitions,
    events: replay.events,
    users,
    decisions: replay.decisions.count,
    deadLetters: replay.letters.count,
    figures: live.figures,
    notes,
    differences: differences.listed,
    differencesTotal: differences.total,
    upTo: Object.fromEntries(upTo),
    elapsedMs: performance.now() - startedMs,
  };
}

/** How far each partition had come at the cut. */
function readCheckpoints(stored: StoredView, partitions: number): Map<number, number> {
  const upTo = new Map<number, number>();
  for (let partition = 0; partition < partitions; partition++) {
    const subject = checkpointSubject(partition as Partition);
    const checkpoint = stored.take(subject, readCheckpoint);
    if (checkpoint !== undefined) upTo.set(partition, checkpoint.sequence);
  }
  return upTo;
}

/** Reads the log up to the checkpoints, from its first message and without a gap. */
async function replayLog(
  nc: NatsConnection,
  replay: LogReplay,
  upTo: ReadonlyMap<number, number>,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const last = Math.max(replay.letters.lastStray, ...upTo.values());
  if (last === 0) return;
  const jsm = await jetstreamManager(nc);
  const { state } = await jsm.streams.info(EVENTS_STREAM);
  const end = Math.min(last, state.last_seq);
  if (state.messages !== state.last_seq) {
    throw incomplete(`${state.last_seq} messages, the first with sequence 1`, state.messages);
  }
  const consumer = await jetstream(nc).consumers.get(EVENTS_STREAM, {
    deliver_policy: DeliverPolicy.All,
  });
  const messages = await consumer.consume(PULL);
  let done = 0;
  for await (const message of messages) {
    const { seq: sequence, subject, data: body, info } = message;
    if (sequence !== done + 1) throw incomplete(`message ${done + 1}`, sequence);
    done = sequence;
    const partition = parseLogSubject(subject)?.partition;
    if (partition === undefined || sequence <= (upTo.get(partition) ?? 0)) {
      replay.take({ sequence, subject, body, storedAtMs: info.timestampNanos / NANOS_PER_MS });
    }
    if (done % PROGRESS_EVERY === 0 || done === end) onProgress(done, end);
    if (done === end) break;
  }
}

function incomplete(expected: string, found: number): AuditImpossible {
  return new AuditImpossible(
    `${EVENTS_STREAM}: expected ${expected}, found ${found}: the log was cut short (retention, ` +
      'purge, deletion), and what followed from the missing part cannot be calculated again; ' +
      'audit a log that is kept whole',
    { retryable: false },
  );
}
