/**
 * What it takes to fold a journal exactly once: follow it, fold it, and store what has changed
 * together with how far it goes, in one commit fenced on a head. What is stored is then cut from
 * the journal. What is folded, and into what, is the business of path-fold.ts and live-fold.ts.
 *
 * Invariants:
 *   F1 Whoever opens a fold moves its head's fence first, so that an older leader's commits are
 *      refused.
 *   F2 A journal message is cut only after a commit that holds it.
 *   F3 Commits come one after another, and none after one that failed: what it would have stored
 *      is lost to memory, so the fold ends and its successor reads everything again.
 */
import {
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
  type PurgeOpts,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { StreamSequence } from '../../protocols/ids.ts';
import { ACTORS_STREAM } from '../../protocols/subjects.ts';
import { linkOf } from '../nats/link.ts';
import type { ActorStore, StoreMessage } from '../ports.ts';
import { pause } from '../timing.ts';

/** The least time between two commits of a fold that nothing hastens. */
export const STORE_EVERY_MS = 5_000;
/** Storing takes at most one part of this many of the time: large states are stored less often. */
const STORE_SHARE = 20;
const PULL = { expires: 3_000, idle_heartbeat: 750 } as const;

/** What has to be stored, beside the head itself. */
export interface FoldChanges {
  readonly messages: readonly StoreMessage[];
  readonly head: object;
  /** Subjects, or filters, of what is no longer needed once this is stored. */
  readonly forgotten: readonly string[];
}

/** What is folded, and into what. */
export interface Folding {
  /** The filter of the journal, and what people call it. */
  readonly journal: string;
  readonly name: string;
  readonly headSubject: string;
  /** Folds one journal message; what it throws ends the fold. */
  fold(message: JsMsg): void;
  /**
   * What has changed since it was last asked; undefined where nothing has to be stored, or may be.
   *
   * @param isNew whether journal messages were folded since the last commit.
   */
  takeChanges(epoch: number, isNew: boolean): FoldChanges | undefined;
}

/** A head that was claimed: as it was, and what the claimer needs to write. */
export interface HeadClaim<H> {
  readonly head: H;
  readonly epoch: number;
  readonly fence: StreamSequence;
}

/**
 * Takes over a fold by moving the fence of its head (F1).
 *
 * @param empty the head where none is stored.
 * @throws Error if somebody else took it over at the same time.
 */
export async function claimHead<H extends { readonly epoch: number }>(
  nc: NatsConnection,
  store: ActorStore,
  subject: string,
  { empty, parse }: { readonly empty: H; parse(stored: unknown): H },
): Promise<HeadClaim<H>> {
  const jsm = await jetstreamManager(nc);
  const last = await linkOf(nc).attempt(() => {
    return jsm.streams.getMessage(ACTORS_STREAM, { last_by_subj: subject });
  });
  const head = last === null ? empty : parse(last.json());
  const epoch = head.epoch + 1;
  const fence = (last?.seq ?? 0) as StreamSequence;
  const body = JSON.stringify({ ...head, epoch });
  const outcome = await store.commit([{ subject, body, fence }]);
  if (outcome.status !== 'stored') throw new Error(`F1: not taken over: ${outcome.reason}`);
  return { head, epoch, fence: outcome.lastSequence };
}

/**
 * Reads the last values under a filter up to a claim, which matches it and comes after all of them.
 *
 * @throws Error if they could not be read whole.
 */
export async function readUpTo(
  nc: NatsConnection,
  filter: string,
  claim: StreamSequence,
  take: (message: JsMsg) => void,
): Promise<void> {
  const consumer = await jetstream(nc).consumers.get(ACTORS_STREAM, {
    filter_subjects: filter,
    deliver_policy: DeliverPolicy.LastPerSubject,
  });
  let isComplete = false;
  const messages = await consumer.consume(PULL);
  for await (const message of messages) {
    take(message);
    if (message.seq >= claim) {
      isComplete = true;
      break;
    }
  }
  if (!isComplete) throw new Error(`what is stored under ${filter} could not be read whole`);
}

export class JournalFold implements AsyncDisposable {
  readonly #nc: NatsConnection;
  readonly #store: ActorStore;
  readonly #folding: Folding;
  readonly #epoch: number;
  readonly #closing = new AbortController();
  #fence: StreamSequence;
  #messages: ConsumerMessages | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  /** The commit under way, or the last one; rejected for good once one failed (F3). */
  #commit: Promise<void> = Promise.resolve();
  /** The last journal message folded, by its place in ACTORS. */
  #foldedSequence = 0;
  #storedSequence = 0;
  #hasCaughtUp = false;

  constructor(
    nc: NatsConnection,
    store: ActorStore,
    { epoch, fence }: HeadClaim<unknown>,
    folding: Folding,
  ) {
    this.#nc = nc;
    this.#store = store;
    this.#epoch = epoch;
    this.#fence = fence;
    this.#folding = folding;
  }

  /** Settles when the fold no longer follows; rejects if it failed. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  /** Whether all that the journal held when the fold was opened is folded. */
  get hasCaughtUp(): boolean {
    return this.#hasCaughtUp;
  }

  /** Begins to follow the journal. */
  async follow(): Promise<void> {
    const consumer = await jetstream(this.#nc).consumers.get(ACTORS_STREAM, {
      filter_subjects: this.#folding.journal,
      deliver_policy: DeliverPolicy.All,
    });
    const { num_pending } = await consumer.info(true);
    this.#hasCaughtUp = num_pending === 0;
    const messages = await consumer.consume(PULL);
    this.#messages = messages;
    const folded = this.#fold(messages);
    const stored = this.#keepStored();
    // Whichever fails ends the other one.
    folded.catch(() => this.#closing.abort());
    stored.catch(() => void messages.close());
    // Both have to be over: a commit on its way must not outlive the fold.
    this.#ended = Promise.allSettled([stored, folded]).then((results) => {
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    });
    this.#ended.catch(() => {});
  }

  /** Stores what has changed, after the commit under way. A failure also ends the fold. */
  store(): Promise<void> {
    this.#commit = this.#commit.then(() => this.#storeChanges());
    // The loop that stores now and then meets the same failure, and need not wait for its turn.
    this.#commit.catch(() => this.#closing.abort());
    return this.#commit;
  }

  /** Stores what was folded, and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    void this.#messages?.close();
    await this.#ended.catch(() => {});
  }

  async #fold(messages: ConsumerMessages): Promise<void> {
    for await (const message of messages) {
      this.#foldedSequence = message.seq;
      this.#folding.fold(message);
      if (message.info.pending === 0) this.#hasCaughtUp = true;
    }
    this.#closing.signal.throwIfAborted();
    throw new Error(`the ${this.#folding.name} can no longer be followed`);
  }

  /** Stores now and then, until closed; and once more at the end. */
  async #keepStored(): Promise<void> {
    const { signal } = this.#closing;
    let waitMs = STORE_EVERY_MS;
    while (!signal.aborted) {
      await pause(waitMs, signal);
      const startedMs = performance.now();
      await this.store();
      waitMs = Math.max(STORE_EVERY_MS, (performance.now() - startedMs) * STORE_SHARE);
    }
    await this.store();
  }

  async #storeChanges(): Promise<void> {
    const upTo = this.#foldedSequence;
    const changes = this.#folding.takeChanges(this.#epoch, upTo !== this.#storedSequence);
    if (changes === undefined) return;
    const { headSubject: subject, journal } = this.#folding;
    const head = { subject, body: JSON.stringify(changes.head), fence: this.#fence };
    const outcome = await this.#store.commit([...changes.messages, head]);
    if (outcome.status !== 'stored') throw new Error(`F1: not stored: ${outcome.reason}`);
    this.#fence = outcome.lastSequence;
    const hasFolded = upTo !== this.#storedSequence;
    this.#storedSequence = upTo;
    if (hasFolded) await this.#purge({ filter: journal, seq: upTo + 1 });
    for (const filter of changes.forgotten) await this.#purge({ filter });
  }

  /** What stays although it could go is only read again, and found folded or forgotten. */
  async #purge(what: PurgeOpts): Promise<void> {
    const jsm = await jetstreamManager(this.#nc);
    await linkOf(this.#nc)
      .attempt(() => jsm.streams.purge(ACTORS_STREAM, what))
      .catch(() => {});
  }
}
