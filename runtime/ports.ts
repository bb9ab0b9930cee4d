/**
 * The narrow ports between what the engine does and what it runs on: the log, the store, liveness,
 * the bus and the clock. The NATS adapters are in runtime/nats.
 */
import type { NamedCell } from '../actors/partition/state.ts';
import type { Checkpoint } from '../protocols/checkpoint.ts';
import type { Partition, StreamSequence, UserToken } from '../protocols/ids.ts';
import type { StoredUser } from '../protocols/user-record.ts';

/** One message of a partition's log. */
export interface LogRecord {
  readonly sequence: StreamSequence;
  readonly subject: string;
  readonly body: Uint8Array;
  /** When the log stored it, Unix ms. */
  readonly storedAtMs: number;
  /** Where somebody waits for the verdict. */
  readonly replyTo: string | undefined;
}

/** A reader that goes on until it is stopped. */
export interface LogFollower {
  /** Settles when the follower has ended; rejects if the log is gone for good. */
  readonly ended: Promise<void>;
  /**
   * Whether all that the log stored was delivered, but for what was stored in the last two seconds
   * and may be on its way. False while that is not known, e.g. while the log is not heard of.
   */
  readonly isCurrent: boolean;
  stop(): Promise<void>;
}

export interface EventLog {
  /**
   * Delivers a partition's records after `after`, in order, without gaps or repetitions. When
   * `deliver` returns a promise, no further record is delivered before it settles.
   */
  follow(
    partition: Partition,
    after: StreamSequence,
    deliver: (record: LogRecord) => void | Promise<void>,
  ): Promise<LogFollower>;
  /** The sequence of the last record of any partition; 0 for an empty log. */
  lastSequence(): Promise<StreamSequence>;
}

/** A message to store; `fence` is the expected sequence of the subject's last message. */
export interface StoreMessage {
  readonly subject: string;
  readonly body: string;
  readonly fence?: StreamSequence;
  /** Seconds to keep it; for ever if absent. */
  readonly ttlS?: number;
}

export type CommitOutcome =
  | { readonly status: 'stored'; readonly lastSequence: StreamSequence }
  /** A fence did not hold: nothing was stored. */
  | { readonly status: 'fenced'; readonly reason: string }
  /** No answer: it may be stored or not, or may be yet. */
  | { readonly status: 'unknown'; readonly reason: string };

/** Something stored, with its sequence. */
export interface Stored<T> {
  readonly sequence: StreamSequence;
  readonly value: T;
}

export interface ActorStore {
  /** Stores all messages or none, in order, each fence checked. */
  commit(messages: readonly StoreMessage[]): Promise<CommitOutcome>;
  /** Read from the leader: never older than what was last acknowledged. */
  readCheckpoint(partition: Partition): Promise<Stored<Checkpoint> | undefined>;
  /** All cells of a partition as of its claim, the checkpoint with sequence `claim`. */
  readCells(partition: Partition, claim: StreamSequence): Promise<NamedCell[]>;
  /** The snapshots that exist; may lag behind, so a user's first write must be fenced. */
  readUsers(
    partition: Partition,
    users: readonly UserToken[],
  ): Promise<Map<UserToken, Stored<StoredUser>>>;
}

/** Who is alive: a process that stops renewing disappears after a bounded time. */
export interface Membership {
  /** Announces this process and tells who is alive, itself included. */
  renew(): Promise<readonly string[]>;
  leave(): Promise<void>;
}

export interface Bus {
  /** Sends without waiting; may be lost. */
  send(subject: string, body: string): void;
}

export interface Clock {
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };
