/**
 * A partition as it was: its log applied again, by the very actors that the worker runs, up to a
 * message of the past. What follows from the log alone (I2) comes out as it did then.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AuctionInput } from '../../actors/campaign/auction.ts';
import type { Rerunnable } from '../../actors/campaign/flips.ts';
import { type Applied, applyEvent, type LoggedEvent } from '../../actors/partition/apply.ts';
import { foresee } from '../../actors/partition/foresee.ts';
import { PartitionState } from '../../actors/partition/state.ts';
import { newUserActor, restoreUserActor, type UserActor } from '../../actors/user/actor.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import type { Receipt } from '../../protocols/decision.ts';
import { parseEvent } from '../../protocols/event.ts';
import {
  decodeUserToken,
  type Partition,
  type StreamSequence,
  type UserToken,
} from '../../protocols/ids.ts';
import { parseLogSubject } from '../../protocols/subjects.ts';
import { decodeUser, encodeUser } from '../../protocols/user-record.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import { scoreAhead } from '../onnx/score-rows.ts';
import type { EventLog, LogRecord } from '../ports.ts';
import { applyControl } from '../worker/control-record.ts';

/** Users kept as actors while the log is applied; the others are packed, as when passivated. */
const MAX_ACTORS = 10_000;

export class PartitionPast {
  readonly state = new PartitionState();
  readonly #networks: NetworkFolder;
  readonly #actors = new Map<UserToken, UserActor>();
  /** Packed users, about 1 kB each. */
  readonly #packed = new Map<UserToken, string>();
  #isWatching = false;
  #lastAuction: Rerunnable | undefined;

  /** @param networks where the networks of models are, for logs that name some. */
  constructor(networks: NetworkFolder) {
    this.#networks = networks;
  }

  /**
   * Applies the next message of the log and keeps the auction that it leads to, to be run again
   * with something else in it.
   *
   * @returns the auction, undefined if there was none, and the receipt.
   * @throws NetworkUnavailable if it takes a network that cannot be run here.
   */
  async watch(
    record: LogRecord,
  ): Promise<{ readonly auction: Rerunnable | undefined; readonly receipt: Receipt | undefined }> {
    this.#isWatching = true;
    this.#lastAuction = undefined;
    const receipt = await this.apply(record);
    this.#isWatching = false;
    return { auction: this.#lastAuction, receipt };
  }

  /**
   * Applies the next message of the log; the one after it has to wait for a promise.
   *
   * @returns the receipt of the decision that it led to, if it led to one.
   * @throws NetworkUnavailable, as a rejection, if it takes a network that cannot be run here.
   */
  apply(record: LogRecord): Receipt | undefined | Promise<Receipt | undefined> {
    const { subject, body, sequence, storedAtMs } = record;
    this.state.tick(storedAtMs);
    const parsed = parseLogSubject(subject);
    if (parsed?.kind === 'control') applyControl(this.state, body);
    if (parsed?.kind !== 'event') return undefined;
    const named = decodeUserToken(parsed.token);
    const event = parseEvent(body, storedAtMs);
    if (!('token' in named) || !event.ok) return undefined;
    const logged = { user: named.token, sequence, event: event.event };
    const { network } = this.state.userReference.scorer;
    return network === undefined ? this.#take(logged) : this.#takeScored(logged);
  }

  /** The same by a model with a network, which scores the user first. */
  async #takeScored(logged: LoggedEvent): Promise<Receipt | undefined> {
    const { userReference } = this.state;
    const { context } = this.actor(logged.user);
    const refused = await scoreAhead(this.#networks, userReference, (recording) => {
      foresee(context, logged, recording);
    });
    // An event that the network could not score was a dead letter.
    const receipt = refused === undefined ? this.#take(logged) : undefined;
    userReference.scorer.network?.forget();
    return receipt;
  }

  #take(logged: LoggedEvent): Receipt | undefined {
    const { user, sequence } = logged;
    const applied = this.#applied(logged);
    // Path counts, pulses and dirty cells are a commit's business; nobody commits the past.
    this.state.takeDirty();
    this.state.takeLedger();
    this.state.journal.take(0, sequence);
    this.state.pulse.take(0, sequence, 0);
    if (applied === undefined || applied.verdict === 'rejected') return undefined;
    if (applied.actor !== undefined) this.#keep(user, applied.actor);
    return applied.verdict === 'accepted' ? applied.receipt : undefined;
  }

  /** An event that no actor can take went to the dead letter, and goes by here. */
  #applied(logged: LoggedEvent): Applied | undefined {
    try {
      const watch = this.#isWatching ? this.#watch.bind(this) : undefined;
      return applyEvent(this.state, this.actor(logged.user), logged, watch);
    } catch {
      return undefined;
    }
  }

  /** A user's actor as of the last message applied. */
  actor(user: UserToken): UserActor {
    const actor = this.#actors.get(user);
    if (actor !== undefined) return actor;
    const packed = this.#packed.get(user);
    return packed === undefined
      ? newUserActor()
      : restoreUserActor(decodeUser(user, JSON.parse(packed)), this.state.userReference);
  }

  /** Keeps what an auction reads: the decision itself will change what is left of budgets. */
  #watch(input: AuctionInput, concepts: FusedState['concepts']): void {
    const deliveries = new Map<string, DeliveryCell>();
    const entries = [...input.entries];
    for (const { campaign } of entries) {
      deliveries.set(campaign.id, { ...input.delivery(campaign.id) });
    }
    const delivery = (campaign: string): DeliveryCell => deliveries.get(campaign) as DeliveryCell;
    const { scorer } = this.state.userReference;
    this.#lastAuction = { input: { ...input, entries, delivery }, concepts, scorer };
  }

  #keep(user: UserToken, actor: UserActor): void {
    this.#actors.delete(user);
    this.#actors.set(user, actor);
    if (this.#actors.size <= MAX_ACTORS) return;
    const [[oldest, { value, context }]] = this.#actors as Iterable<[UserToken, UserActor]> as [
      [UserToken, UserActor],
    ];
    this.#packed.set(oldest, encodeUser(0 as StreamSequence, value, context));
    this.#actors.delete(oldest);
  }
}

/** Messages between two reports of progress. */
const PROGRESS_EVERY = 1_000;
/** Messages between two turns of the event loop: whoever asked may have other things to do. */
const MESSAGES_PER_TURN = 250;

/**
 * Applies a partition's log from its first message to the one before `at`.
 *
 * Cost: the worker's own, some 30 microseconds a message; memory for every user of the partition.
 * @param networks where the networks of models are, for logs that name some.
 * @param onProgress called with the sequence reached, now and then.
 * @returns the partition as it was then, and message `at`.
 * @throws Error if the log does not hold it, and NetworkUnavailable.
 */
export async function travelTo(
  log: EventLog,
  partition: Partition,
  at: StreamSequence,
  networks: NetworkFolder,
  onProgress: (sequence: number) => void,
): Promise<{ readonly past: PartitionPast; readonly next: LogRecord }> {
  const last = await log.lastSequence();
  if (last < at) throw new Error(`expected a log up to message ${at}, found one up to ${last}`);
  const past = new PartitionPast(networks);
  let next: LogRecord | undefined;
  let arrived = (): void => {};
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let applied = 0;
  const follower = await log.follow(partition, 0 as StreamSequence, (record) => {
    if (++applied % PROGRESS_EVERY === 0) onProgress(record.sequence);
    if (record.sequence < at) {
      const applying = past.apply(record);
      if (applying instanceof Promise) return applying.then(() => {});
      return applied % MESSAGES_PER_TURN === 0 ? nextTurn() : undefined;
    }
    next ??= record;
    arrived();
    return undefined;
  });
  try {
    await Promise.race([arrival, follower.ended]);
  } finally {
    await follower.stop();
  }
  if (next?.sequence !== at) throw new Error(`message ${at} is not in the log of ${partition}`);
  return { past, next };
}
