/**
 * The channel actors at work: follows the partitions' path journals, folds them into cohorts, and
 * stores these with how far they go, as journal-fold.ts does, fenced on `channels.head`.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { Subject } from 'rxjs';
import { Cohorts } from '../../actors/channel/cohorts.ts';
import {
  type ChannelsHead,
  channelsHeadSchema,
  type DayCredits,
  type PathChunk,
} from '../../protocols/channel-actor.ts';
import type { PathJournalEntry } from '../../protocols/path-journal.ts';
import {
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
import {
  claimHead,
  type FoldChanges,
  type HeadClaim,
  JournalFold,
  readUpTo,
} from './journal-fold.ts';

const EMPTY_HEAD: ChannelsHead = { v: 1, epoch: 0, positions: {}, channels: [], days: {} };

export class PathFold implements AsyncDisposable {
  /** Emits after each message folded. */
  readonly changes = new Subject<void>();
  readonly cohorts: Cohorts;
  readonly #journal: JournalFold;

  private constructor(
    nc: NatsConnection,
    store: ActorStore,
    cohorts: Cohorts,
    claim: HeadClaim<unknown>,
  ) {
    this.cohorts = cohorts;
    this.#journal = new JournalFold(nc, store, claim, {
      journal: JOURNAL_ALL,
      name: 'path journal',
      headSubject: CHANNELS_HEAD,
      fold: (message) => {
        const entry = upcast('pathJournal', message.json()) as unknown as PathJournalEntry;
        if (cohorts.fold(entry)) this.changes.next();
      },
      takeChanges: (epoch, isNew) => {
        return isNew && cohorts.isWhole ? changesOf(cohorts, epoch) : undefined;
      },
    });
  }

  /**
   * Takes over the fold and begins to follow the journal.
   *
   * @throws Error if somebody else took it over at the same time.
   */
  static async open(nc: NatsConnection, store: ActorStore): Promise<PathFold> {
    const claim = await claimHead<ChannelsHead>(nc, store, CHANNELS_HEAD, {
      empty: EMPTY_HEAD,
      parse: (stored) => channelsHeadSchema.parse(upcast('channelsHead', stored)),
    });
    const cohorts = new Cohorts(claim.head);
    await linkOf(nc).attempt(() => load(nc, cohorts, claim));
    const fold = new PathFold(nc, store, cohorts, claim);
    await fold.#journal.follow();
    return fold;
  }

  /** Settles when the fold no longer follows; rejects if it failed. */
  get ended(): Promise<unknown> {
    return this.#journal.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#journal[Symbol.asyncDispose]();
    this.changes.complete();
  }
}

function changesOf(cohorts: Cohorts, epoch: number): FoldChanges {
  const { chunks, credits, forgotten } = cohorts.takeChanges();
  const messages: StoreMessage[] = [
    ...chunks.map(({ day, chunk, body }) => ({
      subject: pathChunkSubject(day, chunk),
      body: JSON.stringify(body),
    })),
    ...credits.map(({ day, body }) => ({
      subject: creditsSubject(day),
      body: JSON.stringify(body),
    })),
  ];
  return {
    messages,
    head: cohorts.head(epoch),
    forgotten: forgotten.flatMap((day) => [pathChunksSubject(day), creditsSubject(day)]),
  };
}

/** Reads chunks and credits. */
async function load(
  nc: NatsConnection,
  cohorts: Cohorts,
  { fence }: HeadClaim<unknown>,
): Promise<void> {
  await readUpTo(nc, CHANNELS_ALL, fence, (message) => {
    const [, kind, day = ''] = message.subject.split('.');
    if (kind === 'paths') {
      cohorts.loadChunk(day, upcast('pathChunk', message.json()) as unknown as PathChunk);
    } else if (kind === 'credits') {
      cohorts.loadCredits(day, upcast('dayCredits', message.json()) as unknown as DayCredits);
    }
  });
}
