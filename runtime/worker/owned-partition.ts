/**
 * One partition in this worker: its lifecycle actor, and while it runs its state, its queue of
 * records and its fence. Claiming and draining are here; the commits are the worker's.
 */
import { type Actor, createActor, fromPromise } from 'xstate';
import { partitionMachine } from '../../actors/partition/machine.ts';
import { PartitionState } from '../../actors/partition/state.ts';
import type { Checkpoint } from '../../protocols/checkpoint.ts';
import {
  decodeUserToken,
  type Partition,
  type StreamSequence,
  type UserToken,
} from '../../protocols/ids.ts';
import { checkpointSubject, parseLogSubject } from '../../protocols/subjects.ts';
import type { ActorStore, CommitOutcome, EventLog, LogFollower, LogRecord } from '../ports.ts';
import { pause } from '../timing.ts';
import type { Resident } from './residents.ts';

/** Records read ahead of the commits; beyond, the log is not read any further. */
export const MAX_QUEUED_RECORDS = 2_000;
/** How often a claim looks whether the last owner has let go. */
const CLAIM_POLL_MS = 100;

/** The owner's name in a checkpoint that nobody owns. */
export const NOBODY = '';

/** Why an event goes to the dead letter though nothing is wrong with it. */
export interface Blame {
  readonly reason: string;
  readonly hint: string;
}

const ENGINE_FAULT = 'this is a fault of the engine: please report it with this letter';

/** A record with its user; without one it is a control message, or its subject is unfit. */
export interface QueuedRecord {
  readonly record: LogRecord;
  readonly user: UserToken | undefined;
  /** The user's actor, looked up anew for every batch that may take the record. */
  resident: Resident | undefined;
}

/** How far a commit goes: in the log, in the partition's clock, and whether it left a pulse. */
export interface Progress {
  readonly sequence: StreamSequence;
  readonly clockMs: number;
  readonly hasPulse: boolean;
}

/** What a partition needs of its worker. */
export interface PartitionHost {
  readonly id: string;
  readonly store: ActorStore;
  readonly log: EventLog;
  /** Whether another worker was alive when last looked. */
  isAlive(worker: string): boolean;
  /** There are records to commit. */
  wake(): void;
  /** Whether something applied to this partition is yet to be stored. */
  isHeld(partition: OwnedPartition): boolean;
  /** Settles when no commit holds this partition any more. */
  settled(partition: OwnedPartition): Promise<void>;
  /** Settles when a partition that was recovered may run. */
  recovered(state: PartitionState): Promise<void>;
  /** The partition's memory is void. */
  forget(partition: OwnedPartition): void;
  report(partition: Partition, problem: string): void;
}

export class OwnedPartition {
  readonly partition: Partition;
  readonly #host: PartitionHost;
  readonly #life: Actor<typeof partitionMachine>;
  readonly #queue: QueuedRecord[] = [];
  #head = 0;
  #roomWaiters: (() => void)[] = [];
  #checkpoint: Checkpoint | undefined;
  #isReading = false;
  #follower: LogFollower | undefined;
  /** How far the stored effects go: in the log, in its time, and to the last pulse. */
  #storedThrough = 0;
  #storedClockMs = 0;
  #pulseSequence = 0;
  #caughtUpMs = 0;
  /** Settles when no claim is on its way. */
  #claimed: Promise<unknown> = Promise.resolve();
  state = new PartitionState();
  /** Events that this engine cannot apply or store, with the reason: they go to the dead letter. */
  readonly poison = new Map<StreamSequence, Blame>();
  fence = 0 as StreamSequence;

  constructor(partition: Partition, host: PartitionHost) {
    this.partition = partition;
    this.#host = host;
    const machine = partitionMachine.provide({
      actors: {
        claim: fromPromise<void>(({ signal }) => {
          const claim = this.#claim(signal);
          this.#claimed = claim.catch(() => {});
          return claim;
        }),
        recover: fromPromise<void>(() => this.#recover()),
        follow: fromPromise<void>(({ signal }) => this.#follow(signal)),
        drain: fromPromise<void>(() => this.#drain()),
      },
      actions: {
        discard: () => this.#discard(),
        report: ({ event }) => this.#host.report(this.partition, problemOf(event)),
      },
    });
    this.#life = createActor(machine);
    this.#life.start();
  }

  get epoch(): number {
    return this.#checkpoint?.epoch ?? 0;
  }

  /** The lifecycle's state: vacant, claiming, recovering, running, draining or fenced. */
  get status(): string {
    return this.#life.getSnapshot().value;
  }

  get isRunning(): boolean {
    return this.status === 'running';
  }

  get queued(): number {
    return this.#queue.length - this.#head;
  }

  /** The last message of the log whose effects are stored; 0 while that is not known. */
  get storedThrough(): number {
    return this.#storedThrough;
  }

  /** The last commit of this owner that left a pulse; 0 before the first. */
  get pulseSequence(): number {
    return this.#pulseSequence;
  }

  /** Takes note of a commit that is stored. */
  stored({ sequence, clockMs, hasPulse }: Progress): void {
    this.#storedThrough = sequence;
    this.#storedClockMs = clockMs;
    if (hasPulse) this.#pulseSequence = sequence;
  }

  /**
   * Up to when everything that the log stored has its effects stored: now, where nothing waits.
   * What was stored less than two seconds before that may be on its way here. Never goes back
   * while the partition runs, since what was stored stays so; 0 while it does not.
   */
  caughtUpMs(nowMs: number): number {
    if (!this.isRunning) return 0;
    const waits = this.queued > 0 || this.#host.isHeld(this);
    const isCurrent = !waits && this.#follower?.isCurrent === true;
    this.#caughtUpMs = Math.max(this.#caughtUpMs, isCurrent ? nowMs : this.#storedClockMs);
    return this.#caughtUpMs;
  }

  assign(isMine: boolean): void {
    this.#life.send({ type: isMine ? 'assigned' : 'unassigned' });
  }

  /** Ends its life here, drained or not; what it still owns falls to others when it is gone. */
  end(): void {
    this.#life.stop();
  }

  commitFailed(reason: string): void {
    this.#life.send({ type: 'commit.failed', reason });
  }

  /** Sends an event to the dead letter instead of applying it, whenever its turn comes. */
  blame(sequence: StreamSequence, reason: string, hint = ENGINE_FAULT): void {
    this.poison.set(sequence, { reason, hint });
  }

  /** The next record, which stays queued until it is taken. */
  peek(ahead = 0): QueuedRecord | undefined {
    return this.#queue[this.#head + ahead];
  }

  take(): QueuedRecord | undefined {
    const queued = this.#queue[this.#head];
    if (queued === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#queue.length || this.#head === MAX_QUEUED_RECORDS) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    if (this.queued < MAX_QUEUED_RECORDS / 2) this.#letReadersOn();
    return queued;
  }

  async #claim(signal: AbortSignal): Promise<void> {
    const { store, id } = this.#host;
    while (!signal.aborted) {
      const last = await store.readCheckpoint(this.partition);
      const owner = last?.value.owner ?? NOBODY;
      if (owner !== NOBODY && owner !== id && this.#host.isAlive(owner)) {
        await pause(CLAIM_POLL_MS, signal);
        continue;
      }
      const claim: Checkpoint = {
        v: 1,
        partition: this.partition,
        sequence: last?.value.sequence ?? 0,
        owner: id,
        epoch: (last?.value.epoch ?? 0) + 1,
      };
      const outcome = await this.#write(claim, last?.sequence ?? (0 as StreamSequence));
      if (outcome.status === 'stored') {
        this.#checkpoint = claim;
        this.fence = outcome.lastSequence;
        return;
      }
      await pause(CLAIM_POLL_MS, signal);
    }
  }

  async #recover(): Promise<void> {
    const { store, log } = this.#host;
    const position = (this.#checkpoint as Checkpoint).sequence;
    const end = await log.lastSequence();
    if (position > end) {
      throw new Error(
        `partition ${this.partition} has effects up to event ${position}, but the log ends at ` +
          `${end}: events were lost (power loss, restored backup?); restore EVENTS to at least ` +
          'that sequence, or start anew with empty streams',
      );
    }
    this.state = new PartitionState(await store.readCells(this.partition, this.fence));
    this.#storedThrough = position;
    this.#storedClockMs = this.state.clockMs;
    await this.#host.recovered(this.state);
  }

  /** Reads the log until the lifecycle leaves `running`; rejects if the log fails. */
  async #follow(signal: AbortSignal): Promise<void> {
    const after = (this.#checkpoint as Checkpoint).sequence as StreamSequence;
    this.#isReading = true;
    let follower: LogFollower | undefined;
    const stop = (): void => {
      this.#isReading = false;
      this.#letReadersOn();
      void follower?.stop();
    };
    signal.addEventListener('abort', stop, { once: true });
    follower = await this.#host.log.follow(this.partition, after, (record) => {
      if (signal.aborted) return undefined;
      this.#queue.push({ record, user: userOf(record), resident: undefined });
      this.#host.wake();
      return this.queued < MAX_QUEUED_RECORDS ? undefined : this.#room();
    });
    if (signal.aborted) stop();
    else this.#follower = follower;
    await follower.ended;
    if (!signal.aborted) throw new Error('the log reader ended');
  }

  /** Gives the partition away once everything applied is stored; the rest is the next owner's. */
  async #drain(): Promise<void> {
    this.#queue.length = 0;
    this.#head = 0;
    // A claim stored after the look at the checkpoint would stay: others wait for a live owner.
    await this.#claimed;
    await this.#host.settled(this);
    const last = await this.#host.store.readCheckpoint(this.partition);
    if (last?.value.owner !== this.#host.id) return;
    const outcome = await this.#write({ ...last.value, owner: NOBODY }, last.sequence);
    if (outcome.status !== 'stored') throw new Error(`not released: ${outcome.reason}`);
  }

  #discard(): void {
    this.#queue.length = 0;
    this.#head = 0;
    this.state = new PartitionState();
    this.#checkpoint = undefined;
    this.#follower = undefined;
    this.#storedThrough = 0;
    this.#storedClockMs = 0;
    this.#pulseSequence = 0;
    this.#caughtUpMs = 0;
    this.#letReadersOn();
    this.#host.forget(this);
  }

  #write(checkpoint: Checkpoint, fence: StreamSequence): Promise<CommitOutcome> {
    const subject = checkpointSubject(this.partition);
    return this.#host.store.commit([{ subject, body: JSON.stringify(checkpoint), fence }]);
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isReading) this.#roomWaiters.push(resolve);
      else resolve();
    });
  }

  #letReadersOn(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const resume of waiters) resume();
  }
}

function userOf({ subject }: LogRecord): UserToken | undefined {
  const parsed = parseLogSubject(subject);
  if (parsed?.kind !== 'event') return undefined;
  const user = decodeUserToken(parsed.token);
  return 'token' in user ? user.token : undefined;
}

function problemOf(event: unknown): string {
  const { error, reason } = event as { error?: unknown; reason?: string };
  if (reason !== undefined) return reason;
  return error instanceof Error ? error.message : String(error);
}
