/**
 * The ACTORS stream as the store of snapshots, cells and checkpoints: one message per subject,
 * written only in atomic, fenced batches (I1).
 */
import {
  DeliverPolicy,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { NamedCell } from '../../actors/partition/state.ts';
import type { Cell } from '../../protocols/cells.ts';
import { type Checkpoint, checkpointSchema } from '../../protocols/checkpoint.ts';
import type { Partition, StreamSequence, UserToken } from '../../protocols/ids.ts';
import {
  ACTORS_STREAM,
  checkpointSubject,
  parseStateSubject,
  partitionCells,
  userSubject,
} from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import { decodeUser, type StoredUser } from '../../protocols/user-record.ts';
import type { ActorStore, Stored } from '../ports.ts';
import { publishAtomically } from './atomic-batch.ts';
import { ConnectionLost, linkOf } from './link.ts';

/** Subjects per direct-get request; the server's limit is 1,024. */
export const MAX_USERS_PER_READ = 1_000;

/** Opens the store over a connection of the engine's account. */
export async function natsActorStore(nc: NatsConnection): Promise<ActorStore> {
  const jsm = await jetstreamManager(nc);
  const link = linkOf(nc);
  return {
    async commit(messages) {
      try {
        return await link.attempt(() => publishAtomically(nc, messages));
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        return { status: 'unknown', reason: error.message };
      }
    },
    readCheckpoint: (partition) => link.attempt(() => readCheckpoint(jsm, partition)),
    readCells: (partition, claim) => link.attempt(() => readCells(nc, partition, claim)),
    readUsers: (partition, users) => link.attempt(() => readUsers(jsm, partition, users)),
  };
}

/** `getMessage` asks the stream's leader, unlike a direct get. */
async function readCheckpoint(
  jsm: JetStreamManager,
  partition: Partition,
): Promise<Stored<Checkpoint> | undefined> {
  const message = await jsm.streams.getMessage(ACTORS_STREAM, {
    last_by_subj: checkpointSubject(partition),
  });
  if (message === null) return undefined;
  const value = checkpointSchema.parse(upcast('checkpoint', message.json()));
  return { sequence: message.seq as StreamSequence, value };
}

/**
 * Reads up to the claim itself, which comes after every cell of the partition: so nothing that
 * was acknowledged before the claim can be missing, whichever replica answers.
 */
async function readCells(
  nc: NatsConnection,
  partition: Partition,
  claim: StreamSequence,
): Promise<NamedCell[]> {
  const consumer = await jetstream(nc).consumers.get(ACTORS_STREAM, {
    filter_subjects: [partitionCells(partition), checkpointSubject(partition)],
    deliver_policy: DeliverPolicy.LastPerSubject,
  });
  const cells: NamedCell[] = [];
  let isComplete = false;
  const messages = await consumer.consume({ expires: 3_000, idle_heartbeat: 750 });
  for await (const message of messages) {
    const subject = parseStateSubject(message.subject);
    if (subject?.kind === 'cell') {
      const cell = upcast('cell', message.json()) as unknown as Cell;
      cells.push({ name: subject.name, cell });
    }
    if (message.seq >= claim) {
      isComplete = true;
      break;
    }
  }
  // A reader ends early when its connection is closed: a state without some cells would be stored.
  if (!isComplete) throw new Error(`the cells of partition ${partition} could not be read whole`);
  return cells;
}

async function readUsers(
  jsm: JetStreamManager,
  partition: Partition,
  users: readonly UserToken[],
): Promise<Map<UserToken, Stored<StoredUser>>> {
  const found = new Map<UserToken, Stored<StoredUser>>();
  for (let from = 0; from < users.length; from += MAX_USERS_PER_READ) {
    const multi_last = users
      .slice(from, from + MAX_USERS_PER_READ)
      .map((user) => userSubject(partition, user));
    const messages = await jsm.direct.getLastMessagesFor(ACTORS_STREAM, { multi_last });
    for await (const message of messages) {
      const subject = parseStateSubject(message.subject);
      if (subject?.kind !== 'user') continue;
      const value = decodeUser(subject.user, message.json());
      found.set(subject.user, { sequence: message.seq as StreamSequence, value });
    }
  }
  return found;
}
