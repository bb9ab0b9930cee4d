/**
 * The engine's streams: created if missing, brought up to date if they differ, refused if the
 * server cannot do what the engine's guarantees rest on.
 */
import { type JetStreamManager, jetstreamManager, type StreamConfig } from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import {
  ACTORS_STREAM,
  ACTORS_SUBJECTS,
  CONTROL_ALL,
  DECISIONS_REPUBLISH,
  EVENTS_STREAM,
  INGEST_ALL,
  MEMBERS_ALL,
  MEMBERS_STREAM,
  partitionTransform,
} from '../../protocols/subjects.ts';

/** The server's own dedupe window is kept short: duplicates are the actors' business. */
const DEDUPE_WINDOW_MS = 10_000;

export interface StreamSettings {
  /** How many partitions a new installation gets; an existing one keeps its own. */
  readonly partitions: number;
  readonly replicas: number;
}

/** The streams do not fit this engine. */
export class StreamMismatch extends Error {
  override readonly name = 'StreamMismatch';
  readonly retryable = false;
}

/**
 * Makes sure that the streams exist and can do atomic batches.
 *
 * @returns the number of partitions, which an existing EVENTS stream decides.
 * @throws StreamMismatch with what to do.
 */
export async function ensureStreams(
  nc: NatsConnection,
  settings: StreamSettings,
): Promise<{ readonly partitions: number }> {
  const jsm = await jetstreamManager(nc);
  const existing = await partitionsOf(jsm);
  const partitions = existing ?? settings.partitions;
  const { replicas: num_replicas } = settings;
  await ensureStream(jsm, {
    name: EVENTS_STREAM,
    description: 'Everything that happened, by partition',
    subjects: [INGEST_ALL, CONTROL_ALL],
    subject_transform: partitionTransform(partitions),
    duplicate_window: nanos(DEDUPE_WINDOW_MS),
    allow_atomic: true,
    allow_direct: true,
    num_replicas,
  });
  await ensureStream(jsm, {
    name: ACTORS_STREAM,
    description: 'What follows from it: snapshots, aggregates, checkpoints, decisions, receipts',
    subjects: [...ACTORS_SUBJECTS],
    max_msgs_per_subject: 1,
    republish: DECISIONS_REPUBLISH,
    duplicate_window: nanos(DEDUPE_WINDOW_MS),
    allow_atomic: true,
    allow_direct: true,
    allow_msg_ttl: true,
    num_replicas,
  });
  await ensureStream(jsm, {
    name: MEMBERS_STREAM,
    description: 'Who is alive',
    subjects: [MEMBERS_ALL],
    max_msgs_per_subject: 1,
    duplicate_window: nanos(DEDUPE_WINDOW_MS),
    allow_direct: true,
    allow_msg_ttl: true,
    num_replicas,
  });
  return { partitions };
}

/** The number of partitions of an existing installation, or undefined before the first start. */
export async function partitionsOf(jsm: JetStreamManager): Promise<number | undefined> {
  const info = await infoOf(jsm, EVENTS_STREAM);
  if (info === undefined) return undefined;
  const dest = info.config.subject_transform?.dest ?? '';
  const partitions = Number(/\{\{partition\((\d+),1\)\}\}/.exec(dest)?.[1]);
  if (!Number.isInteger(partitions)) {
    throw new StreamMismatch(
      `stream ${EVENTS_STREAM}: expected the engine's partition transform, found "${dest}"; ` +
        'another program owns a stream of this name: use another account or JetStream domain',
    );
  }
  return partitions;
}

async function infoOf(jsm: JetStreamManager, name: string) {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (error instanceof Error && error.name === 'StreamNotFoundError') return undefined;
    throw error;
  }
}

async function ensureStream(
  jsm: JetStreamManager,
  config: Partial<StreamConfig> & { name: string },
): Promise<void> {
  const existing = await infoOf(jsm, config.name);
  const info =
    existing === undefined
      ? await jsm.streams.add(config)
      : await jsm.streams.update(config.name, config);
  if (config.allow_atomic === true && info.config.allow_atomic !== true) {
    throw new StreamMismatch(
      `stream ${config.name}: expected atomic publishing, which the server ignored; ` +
        'run nats-server 2.12 or newer',
    );
  }
}
