/**
 * The channel actors at work: follows the partitions' path journals, folds them into cohorts, and
 * stores these with how far they go, in one commit fenced on `channels.head`. What is stored is
 * then cut from the journal.
 *
 * Invariants:
 *   F1 Whoever opens the fold moves the fence first, so that an older leader's commits are refused.
 *   F2 A journal message is cut only after a commit that holds it.
 */
import {
  type ConsumerMessages,
  DeliverPolicy,
  jetstream,
  jetstreamManager,
  type PurgeOpts,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { Subject } from 'rxjs';
import { Cohorts } from '../../actors/channel/cohorts.ts';
import {
  type ChannelsHead,
  channelsHeadSchema,
  type DayCredits,
  type PathChunk,
} from '../../protocols/channel-actor.ts';
import type { StreamSequence } from '../../protocols/ids.ts';
import type { PathJournalEntry } from '../../protocols/path-journal.ts';
import {
  ACTORS_STREAM,
  CHANNELS_ALL,
  CHANNELS_HEAD,
  creditsSubject,
  JOURNAL_ALL,
  pathChunkSubject,
  pathChunksSubject,
} from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import { linkOf } from '../nats/link.ts';
import type { ActorStore, StoreMessage } from '../ports.ts';
import { pause } from '../timing.ts';

/** The least time between two commits of the fold. */
export const STORE_EVERY_MS = 5_000;
/** Storing takes at most one part of this many of the time: large states are stored less often. */
const STORE_SHARE = 20;
const PULL = { expires: 3_000, idle_heartbeat: 750 } as const;

export class PathFold implements AsyncDisposable {
  /** Emits after each message folded. */
  readonly changes = new Subject<void>();
  readonly cohorts: Cohorts;
  readonly #nc: NatsConnection;
  readonly #store: ActorStore;
  readonly #epoch: number;
  readonly #closing = new AbortController();
  #fence: StreamSequence;
  #messages: ConsumerMessages | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  /** The last journal message folded, by its place in ACTORS. */
  #foldedSequence = 0;
  #storedSequence = 0;

  private constructor(
    nc: NatsConnection,
    store: ActorStore,
    cohorts: Cohorts,
    claim: { readonly epoch: number; readonly fence: StreamSequence },
  ) {
    this.#nc = nc;
    this.#store = store;
    this.cohorts = cohorts;
    this.#epoch = claim.epoch;
    this.#fence = claim.fence;
  }

  /**
   * Takes over the fold and begins to follow the journal.
   *
   * @throws Error if somebody else took it over at the same time.
   */
  static async open(nc: NatsConnection, store: ActorStore): Promise<PathFold> {
    const link = linkOf(nc);
    const last = await link.attempt(() => readHead(nc));
    const head: ChannelsHead = last?.head ?? EMPTY_HEAD;
    const epoch = head.epoch + 1;
    const body = JSON.stringify({ ...head, epoch });
    const fence = last?.sequence ?? (0 as StreamSequence);
    const outcome = await store.commit([{ subject: CHANNELS_HEAD, body, fence }]);
    if (outcome.status !== 'stored') throw new Error(`F1: not taken over: ${outcome.reason}`);
    const cohorts = new Cohorts(head);
    await link.attempt(() => load(nc, cohorts, outcome.lastSequence));
    const fold = new PathFold(nc, store, cohorts, { epoch, fence: outcome.lastSequence });
    await fold.#follow();
    return fold;
  }

  /** Settles when the fold no longer follows; rejects if it failed. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    void this.#messages?.close();
    await this.#ended.catch(() => {});
    this.changes.complete();
  }

  async #follow(): Promise<void> {
    const consumer = await jetstream(this.#nc).consumers.get(ACTORS_STREAM, {
      filter_subjects: JOURNAL_ALL,
      deliver_policy: DeliverPolicy.All,
    });
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

  async #fold(messages: ConsumerMessages): Promise<void> {
    for await (const message of messages) {
      const entry = upcast('pathJournal', message.json()) as unknown as PathJournalEntry;
      this.#foldedSequence = message.seq;
      if (this.cohorts.fold(entry)) this.changes.next();
    }
    this.#closing.signal.throwIfAborted();
    throw new Error('the path journal can no longer be followed');
  }

  /** Stores what was folded, now and then, until closed; and once more at the end. */
  async #keepStored(): Promise<void> {
    const { signal } = this.#closing;
    let waitMs = STORE_EVERY_MS;
    while (!signal.aborted) {
      await pause(waitMs, signal);
      const startedMs = performance.now();
      await this.#storeFolded();
      waitMs = Math.max(STORE_EVERY_MS, (performance.now() - startedMs) * STORE_SHARE);
    }
    await this.#storeFolded();
  }

  async #storeFolded(): Promise<void> {
    if (this.#foldedSequence === this.#storedSequence || !this.cohorts.isWhole) return;
    const upTo = this.#foldedSequence;
    const { chunks, credits, forgotten } = this.cohorts.takeChanges();
    const messages: StoreMessage[] = [
      ...chunks.map(({ day, chunk, body }) => ({
        subject: pathChunkSubject(day, chunk),
        body: JSON.stringify(body),
      })),
      ...credits.map(({ day, body }) => ({
        subject: creditsSubject(day),
        body: JSON.stringify(body),
      })),
      {
        subject: CHANNELS_HEAD,
        body: JSON.stringify(this.cohorts.head(this.#epoch)),
        fence: this.#fence,
      },
    ];
    const outcome = await this.#store.commit(messages);
    if (outcome.status !== 'stored') throw new Error(`F1: not stored: ${outcome.reason}`);
    this.#fence = outcome.lastSequence;
    this.#storedSequence = upTo;
    await this.#purge({ filter: JOURNAL_ALL, seq: upTo + 1 });
    for (const day of forgotten) {
      await this.#purge({ filter: pathChunksSubject(day) });
      await this.#purge({ filter: creditsSubject(day) });
    }
  }

  /** What stays although it could go is only read again, and found folded or forgotten. */
  async #purge(what: PurgeOpts): Promise<void> {
    const jsm = await jetstreamManager(this.#nc);
    await linkOf(this.#nc)
      .attempt(() => jsm.streams.purge(ACTORS_STREAM, what))
      .catch(() => {});
  }
}

const EMPTY_HEAD: ChannelsHead = { v: 1, epoch: 0, positions: {}, channels: [], days: {} };

async function readHead(
  nc: NatsConnection,
): Promise<{ readonly head: ChannelsHead; readonly sequence: StreamSequence } | undefined> {
  const jsm = await jetstreamManager(nc);
  const message = await jsm.streams.getMessage(ACTORS_STREAM, { last_by_subj: CHANNELS_HEAD });
  if (message === null) return undefined;
  const head = channelsHeadSchema.parse(upcast('channelsHead', message.json()));
  return { head, sequence: message.seq as StreamSequence };
}

/** Reads chunks and credits up to the claim, which comes after all of them. */
async function load(nc: NatsConnection, cohorts: Cohorts, claim: StreamSequence): Promise<void> {
  const consumer = await jetstream(nc).consumers.get(ACTORS_STREAM, {
    filter_subjects: CHANNELS_ALL,
    deliver_policy: DeliverPolicy.LastPerSubject,
  });
  let isComplete = false;
  const messages = await consumer.consume(PULL);
  for await (const message of messages) {
    const [, kind, day] = message.subject.split('.');
    if (kind === 'paths') {
      cohorts.loadChunk(day ?? '', upcast('pathChunk', message.json()) as unknown as PathChunk);
    } else if (kind === 'credits') {
      const credits = upcast('dayCredits', message.json()) as unknown as DayCredits;
      cohorts.loadCredits(day ?? '', credits);
    }
    if (message.seq >= claim) {
      isComplete = true;
      break;
    }
  }
  if (!isComplete) throw new Error('the stored paths could not be read whole');
}
