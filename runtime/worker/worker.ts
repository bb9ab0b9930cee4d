/**
 * A worker: owns the partitions that fall to it among the live workers, and commits what their
 * events lead to.
 *
 * One loop serves all partitions: gather what is queued, fairly; activate the users that are
 * missing; have networks score what will be asked of them; apply; commit everything together.
 * Under load the next batch is applied while the last one is being stored; when idle an event is
 * committed at once.
 *
 * Invariants:
 *   I1 All effects of an event are in one atomic commit, fenced on its partition's checkpoint.
 *   W1 After a failed commit every partition it held, and all applied on top, is claimed anew.
 */
import { nuid } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { Subscription } from 'rxjs';
import type { PartitionState } from '../../actors/partition/state.ts';
import { newUserActor, restoreUserActor } from '../../actors/user/actor.ts';
import type { Partition, StreamSequence, UserToken } from '../../protocols/ids.ts';
import { workerFeed } from '../../protocols/subjects.ts';
import type { WorkerFrame } from '../../protocols/worker-frame.ts';
import { RENEW_EVERY_MS } from '../nats/membership.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import type { ActorStore, Bus, Clock, EventLog, Membership, StoreMessage } from '../ports.ts';
import { pause } from '../timing.ts';
import { Batch, EVENTS_PER_TURN } from './batch.ts';
import { Foresight } from './foresight.ts';
import { OwnedPartition, type PartitionHost } from './owned-partition.ts';
import { ownerOf } from './rendezvous.ts';
import { Residents } from './residents.ts';
import { StageLatencies } from './stage-latencies.ts';
import { workerFrames } from './worker-frames.ts';

/** Events in one commit; beyond some hundreds a commit grows slower, not cheaper. */
export const MAX_BATCH_EVENTS = 500;
/** With fewer events queued, waiting for the commit under way gathers more and costs nothing. */
const OVERLAP_FROM_EVENTS = 64;
/** How long a stop waits for partitions to drain before it leaves them to their successors. */
const STOP_TIMEOUT_MS = 15_000;
export const DEFAULT_MAX_RESIDENTS = 50_000;

export interface WorkerPorts {
  readonly log: EventLog;
  readonly store: ActorStore;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The networks of models that have one. */
  readonly networks: NetworkFolder;
  /** Joins the group of workers under this worker's id. */
  join(id: string): Promise<Membership>;
}

export interface WorkerOptions {
  readonly partitions: number;
  readonly maxResidents?: number;
}

/** What a worker did so far. */
export interface WorkerFigures {
  events: number;
  commits: number;
  commitMs: number;
  applyMs: number;
  failedCommits: number;
}

export class Worker implements PartitionHost {
  readonly id = `w${nuid.next()}`;
  readonly figures: WorkerFigures = {
    events: 0,
    commits: 0,
    commitMs: 0,
    applyMs: 0,
    failedCommits: 0,
  };
  readonly #ports: WorkerPorts;
  readonly #residents: Residents;
  readonly #partitions: OwnedPartition[];
  readonly #foresight: Foresight;
  readonly stages = new StageLatencies();
  /** Asked to stop; and nothing left to do. */
  readonly #leaving = new AbortController();
  readonly #stopping = new AbortController();
  #alive: ReadonlySet<string> = new Set();
  #wakeUp: (() => void) | undefined;
  /** The commit under way, or the last one. */
  #underWay: Promise<void> = Promise.resolve();
  /** The batch being stored, and the one applied on top of it. */
  #committing: Batch | undefined;
  #prepared: Batch | undefined;
  /** Events per commit; one after a commit was refused, to find the event to blame. */
  #maxEvents = MAX_BATCH_EVENTS;
  #rotation = 0;
  #loops: Promise<void>[] = [];
  #frames: Subscription | undefined;

  constructor(ports: WorkerPorts, options: WorkerOptions) {
    this.#ports = ports;
    this.#foresight = new Foresight(ports.networks);
    this.#residents = new Residents(options.maxResidents ?? DEFAULT_MAX_RESIDENTS);
    this.#partitions = Array.from(
      { length: options.partitions },
      (_, partition) => new OwnedPartition(partition as Partition, this),
    );
  }

  get store(): ActorStore {
    return this.#ports.store;
  }

  get log(): EventLog {
    return this.#ports.log;
  }

  /** Each partition's lifecycle state and backlog in this worker. */
  get partitions(): readonly OwnedPartition[] {
    return this.#partitions;
  }

  get residents(): number {
    return this.#residents.size;
  }

  /** Users who became active last, the latest first. */
  get latestUsers(): readonly UserToken[] {
    return this.#residents.latest;
  }

  /** Starts to claim partitions; returns once the worker has joined. */
  async start(): Promise<void> {
    const membership = await this.#ports.join(this.id);
    await this.#renew(membership);
    this.#loops = [this.#keepMembership(membership), this.#commitLoop()];
    this.#frames = workerFrames(this, this.#ports.clock).subscribe((frame) => this.#tell(frame));
  }

  #tell(frame: WorkerFrame): void {
    try {
      this.#ports.bus.send(workerFeed(this.id), JSON.stringify(frame));
    } catch (error) {
      this.#ports.logger.warn({ err: error }, 'could not tell how far it is');
    }
  }

  /** Drains: stores what was applied, gives the partitions away and leaves. */
  async stop(): Promise<void> {
    this.#leaving.abort();
    for (const owned of this.#partitions) owned.assign(false);
    const deadlineMs = performance.now() + STOP_TIMEOUT_MS;
    while (this.#partitions.some(({ status }) => status !== 'vacant')) {
      if (performance.now() > deadlineMs) break;
      await pause(10);
    }
    for (const owned of this.#partitions) owned.end();
    this.#frames?.unsubscribe();
    this.#stopping.abort();
    this.wake();
    await Promise.all(this.#loops);
  }

  isAlive(worker: string): boolean {
    return this.#alive.has(worker);
  }

  wake(): void {
    this.#wakeUp?.();
  }

  isHeld(owned: OwnedPartition): boolean {
    return this.#prepared?.holds(owned) === true || this.#committing?.holds(owned) === true;
  }

  async settled(owned: OwnedPartition): Promise<void> {
    while (this.isHeld(owned)) {
      await this.#underWay;
      if (this.isHeld(owned)) await pause(1);
    }
  }

  recovered(state: PartitionState): Promise<void> {
    return this.#foresight.rest(state, this.#leaving.signal);
  }

  forget({ partition }: OwnedPartition): void {
    this.#residents.discard(partition);
  }

  report(partition: Partition, problem: string): void {
    this.#ports.logger.warn({ partition, problem }, 'partition is claimed anew');
  }

  async #keepMembership(membership: Membership): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await pause(RENEW_EVERY_MS, signal);
      if (!signal.aborted) await this.#renew(membership);
    }
    await membership.leave().catch((error: unknown) => {
      this.#ports.logger.warn({ err: error }, 'could not leave; the others will notice by timeout');
    });
  }

  async #renew(membership: Membership): Promise<void> {
    try {
      const alive = await membership.renew();
      this.#alive = new Set(alive);
      // It is a member until it has given everything away, but takes nothing back.
      if (this.#leaving.signal.aborted) return;
      for (const owned of this.#partitions) {
        owned.assign(ownerOf(owned.partition, alive) === this.id);
      }
    } catch (error) {
      // Without an answer nothing changes: the fence, not the lease, keeps the state safe.
      this.#ports.logger.warn({ err: error }, 'could not renew membership');
    }
  }

  async #commitLoop(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (this.#queued() === 0) {
        await new Promise<void>((resolve) => {
          this.#wakeUp = resolve;
        });
        this.#wakeUp = undefined;
        continue;
      }
      if (this.#queued() < OVERLAP_FROM_EVENTS) await this.#underWay;
      this.#residents.passivate();
      await this.#activateNext();
      await this.#foresight.prepare(this.#running(), this.#maxEvents);
      const batch = this.#applyQueued();
      if (batch === undefined) continue;
      this.#prepared = batch;
      const messages = batch.seal(this.id);
      // Asked for now, the next batch's users arrive before this commit's messages are on the wire.
      const nextUsers = this.#activateNext();
      await this.#underWay;
      this.#prepared = undefined;
      this.#committing = batch;
      this.#underWay = this.#commit(batch, messages).finally(() => {
        this.#committing = undefined;
      });
      await nextUsers;
    }
    await this.#underWay;
  }

  #running(): OwnedPartition[] {
    return this.#partitions.filter((owned) => owned.isRunning && owned.queued > 0);
  }

  #queued(): number {
    let queued = 0;
    for (const owned of this.#partitions) if (owned.isRunning) queued += owned.queued;
    return queued;
  }

  /** Makes the users of the next batch resident. */
  async #activateNext(): Promise<void> {
    const running = this.#running();
    // Each partition's share of the batch, and a turn more in case others have less.
    const ahead = Math.ceil(this.#maxEvents / running.length) + EVENTS_PER_TURN;
    await Promise.all(running.map((owned) => this.#activateFor(owned, ahead)));
  }

  /** Makes the users of a partition's next records resident: restored, or new. */
  async #activateFor(owned: OwnedPartition, ahead: number): Promise<void> {
    const missing = new Set<UserToken>();
    for (let i = 0; i < ahead; i++) {
      const queued = owned.peek(i);
      if (queued === undefined) break;
      const { user } = queued;
      if (user === undefined) continue;
      queued.resident = this.#residents.use(user);
      if (queued.resident === undefined) missing.add(user);
    }
    if (missing.size === 0) return;
    const { state, partition } = owned;
    try {
      const stored = await this.store.readUsers(partition, [...missing]);
      // The partition may have been lost while the answer was on its way.
      if (owned.state !== state) return;
      for (const user of missing) {
        const found = stored.get(user);
        // Scored as of now; the next event scores again, by the model that is in force there.
        this.#residents.add({
          user,
          partition,
          actor:
            found === undefined
              ? newUserActor()
              : restoreUserActor(found.value, state.userReference),
          sequence: found?.value.sequence ?? (0 as StreamSequence),
          fence: found?.sequence ?? (0 as StreamSequence),
          pending: 0,
          isRecent: true,
          isResident: true,
        });
      }
      for (let i = 0; i < ahead; i++) {
        const queued = owned.peek(i);
        if (queued?.user === undefined) continue;
        queued.resident ??= this.#residents.use(queued.user);
      }
    } catch (error) {
      owned.commitFailed(`users could not be read: ${String(error)}`);
    }
  }

  /** Applies queued records, some of each partition in turn, until the batch is full. */
  #applyQueued(): Batch | undefined {
    const startedMs = performance.now();
    const batch = new Batch(this.#ports.clock, this.stages);
    const partitions = this.#running();
    this.#rotation++;
    let progressed = true;
    while (progressed && batch.events < this.#maxEvents && !batch.isFull) {
      progressed = false;
      for (let i = 0; i < partitions.length && !batch.isFull; i++) {
        const owned = partitions[(i + this.#rotation) % partitions.length] as OwnedPartition;
        const room = Math.min(EVENTS_PER_TURN, this.#maxEvents - batch.events);
        const taken = this.#applySome(batch, owned, room);
        if (taken === undefined) return undefined;
        if (taken > 0) progressed = true;
      }
    }
    this.figures.applyMs += performance.now() - startedMs;
    return batch.events === 0 ? undefined : batch;
  }

  /** Applies up to `room` records of one partition; undefined if the whole batch is void. */
  #applySome(batch: Batch, owned: OwnedPartition, room: number): number | undefined {
    let taken = 0;
    while (taken < room && !batch.isFull) {
      const queued = owned.peek();
      if (queued === undefined) break;
      // Passivated since it was looked up, the actor is not the one that others have changed (R3).
      if (queued.user !== undefined && queued.resident?.isResident !== true) break;
      if (!this.#foresight.covers(owned, queued)) break;
      owned.take();
      taken++;
      try {
        batch.take(owned, queued);
      } catch (error) {
        // A broken invariant: this event goes to the dead letter when the partition is back.
        owned.blame(queued.record.sequence, String(error));
        this.#fail(batch, `event ${queued.record.sequence} could not be applied: ${String(error)}`);
        return undefined;
      }
    }
    return taken;
  }

  async #commit(batch: Batch, messages: StoreMessage[]): Promise<void> {
    if (!batch.isTrusted) {
      this.#fail(batch, 'it was applied on top of a commit that failed');
      return;
    }
    const startedMs = performance.now();
    try {
      const outcome = await this.store.commit(batch.fenced(messages));
      if (outcome.status === 'stored') {
        batch.stored(outcome.lastSequence, performance.now() - startedMs);
        this.#maxEvents = MAX_BATCH_EVENTS;
        this.#succeed(batch, startedMs);
      } else this.#fail(batch, `${outcome.status}: ${outcome.reason}`);
    } catch (error) {
      this.#refused(batch, String(error));
    }
  }

  #succeed(batch: Batch, startedMs: number): void {
    batch.release();
    this.figures.events += batch.events;
    this.figures.commits++;
    this.figures.commitMs += performance.now() - startedMs;
    for (const { subject, verdict } of batch.replies) {
      this.#ports.bus.send(subject, JSON.stringify(verdict));
    }
  }

  /** The memory of everything the batch touched is void (W1). */
  #fail(batch: Batch, reason: string): void {
    this.figures.failedCommits++;
    batch.release();
    for (const owned of batch.partitions) owned.commitFailed(reason);
  }

  /** The server will never take this commit: find the one event to blame, one commit each. */
  #refused(batch: Batch, reason: string): void {
    if (batch.events === 1) batch.blame(reason);
    this.#maxEvents = 1;
    this.#fail(batch, reason);
  }
}
