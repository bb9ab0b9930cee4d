/**
 * The live actor at work: follows the partitions' pulses, has it fold them, and stores its state
 * with how far it goes, as journal-fold.ts does, fenced on `live.head`.
 *
 * Invariants:
 *   L1 An alert is stored in the commit of the state that it follows from, at once. Should so many
 *      change together that a commit cannot hold them, the others are stored in the next ones.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { LiveActor } from '../../actors/channel/live/live-actor.ts';
import type { Alert } from '../../protocols/alert.ts';
import {
  type LiveGroups,
  type LiveHead,
  type LiveMoves,
  type LiveSeries,
  type LiveSnapshot,
  liveHeadSchema,
} from '../../protocols/live-snapshot.ts';
import type { Pulse } from '../../protocols/pulse.ts';
import { LIVE_ALL, LIVE_HEAD, livePartSubject, PULSES_ALL } from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import { MAX_BATCH_MESSAGES } from '../nats/atomic-batch.ts';
import { linkOf } from '../nats/link.ts';
import type { ActorStore, StoreMessage } from '../ports.ts';
import { alertMessage } from './desk-trail.ts';
import {
  claimHead,
  type FoldChanges,
  type HeadClaim,
  JournalFold,
  readUpTo,
} from './journal-fold.ts';

export class LiveFold implements AsyncDisposable {
  readonly actor: LiveActor;
  /** Where the watermark stood, at least, when the last leader stored; null if it never did. */
  readonly storedWatermarkMs: number | null;
  readonly #journal: JournalFold;
  /** By partition, the last commit whose pulse is folded. */
  readonly #folded = new Map<number, number>();
  /** Alerts that are not stored yet, as they are now. */
  readonly #alerts = new Map<string, Alert>();
  #hasAdvanced = false;

  private constructor(
    nc: NatsConnection,
    store: ActorStore,
    actor: LiveActor,
    claim: HeadClaim<LiveHead>,
  ) {
    const { open_second, positions } = claim.head;
    this.actor = actor;
    this.storedWatermarkMs = open_second === null ? null : open_second * 1_000;
    for (const [partition, sequence] of Object.entries(positions)) {
      this.#folded.set(Number(partition), sequence);
    }
    this.#journal = new JournalFold(nc, store, claim, {
      journal: PULSES_ALL,
      name: 'journal of pulses',
      headSubject: LIVE_HEAD,
      fold: (message) => this.#fold(upcast('pulse', message.json()) as unknown as Pulse),
      takeChanges: (epoch, isNew) => {
        const isStored = !isNew && !this.#hasAdvanced && this.#alerts.size === 0;
        return isStored ? undefined : this.#takeChanges(epoch);
      },
    });
  }

  /**
   * Takes over the fold and begins to follow the pulses.
   *
   * @throws Error if somebody else took it over at the same time.
   */
  static async open(nc: NatsConnection, store: ActorStore): Promise<LiveFold> {
    const claim = await claimHead<LiveHead>(nc, store, LIVE_HEAD, {
      empty: new LiveActor().head(0),
      parse: (stored) => liveHeadSchema.parse(upcast('liveHead', stored)),
    });
    const actor = new LiveActor(await linkOf(nc).attempt(() => load(nc, claim)));
    const fold = new LiveFold(nc, store, actor, claim);
    await fold.#journal.follow();
    return fold;
  }

  /** Settles when the fold no longer follows; rejects if it failed. */
  get ended(): Promise<unknown> {
    return this.#journal.ended;
  }

  /** Whether all pulses that there were when the fold was opened are folded. */
  get hasCaughtUp(): boolean {
    return this.#journal.hasCaughtUp;
  }

  /** The last pulse folded of a partition, by its commit's position in the log; 0 before any. */
  folded(partition: number): number {
    return this.#folded.get(partition) ?? 0;
  }

  /**
   * Closes the seconds that the watermark has passed. Where that changes alerts, these are stored
   * when the promise settles (L1); undefined where there is nothing to wait for.
   */
  advance(watermarkMs: number, nowMs: number): Promise<void> | undefined {
    this.#hasAdvanced = true;
    for (const alert of this.actor.advance(watermarkMs, nowMs)) this.#alerts.set(alert.id, alert);
    return this.#alerts.size === 0 ? undefined : this.#storeAlerts();
  }

  /** Notes, and stores, who looks after an open alert; undefined if it is not open. */
  async acknowledge(id: string, by: string, atMs: number): Promise<Alert | undefined> {
    const known = this.actor.alerts.find((each) => each.id === id);
    const alert = known?.status === 'open' ? this.actor.acknowledge(id, by, atMs) : undefined;
    if (alert === undefined) return undefined;
    this.#alerts.set(id, alert);
    await this.#storeAlerts();
    return alert;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#journal[Symbol.asyncDispose]();
  }

  async #storeAlerts(): Promise<void> {
    do await this.#journal.store();
    while (this.#alerts.size > 0);
  }

  #fold(pulse: Pulse): void {
    const { partition, sequence } = pulse;
    this.actor.fold(pulse);
    this.#folded.set(partition, Math.max(this.folded(partition), sequence));
  }

  #takeChanges(epoch: number): FoldChanges {
    const { groups, series, moves, forgottenDays } = this.actor.takeChanges();
    const part = (kind: 'groups' | 'series' | 'moves') => {
      return ([key, body]: readonly [number | string, object]): StoreMessage => {
        return { subject: livePartSubject(kind, key), body: JSON.stringify(body) };
      };
    };
    const messages = [
      ...groups.map(part('groups')),
      ...series.map(part('series')),
      ...moves.map(part('moves')),
    ];
    this.#hasAdvanced = false;
    const room = MAX_BATCH_MESSAGES - messages.length - 1;
    for (const alert of [...this.#alerts.values()].slice(0, room)) {
      messages.push(alertMessage(alert));
      this.#alerts.delete(alert.id);
    }
    const forgotten = forgottenDays.map((day) => livePartSubject('moves', day));
    return { messages, head: this.actor.head(epoch), forgotten };
  }
}

/** Reads the parts that the head tells of; undefined before anything was stored. */
async function load(
  nc: NatsConnection,
  { head, epoch, fence }: HeadClaim<LiveHead>,
): Promise<LiveSnapshot | undefined> {
  const groups: LiveGroups[] = [];
  const series: LiveSeries[] = [];
  const moves: Record<string, LiveMoves> = {};
  await readUpTo(nc, LIVE_ALL, fence, (message) => {
    const [, kind, key = ''] = message.subject.split('.');
    const stored = (): unknown => message.json();
    if (kind === 'groups') {
      groups[Number(key)] = upcast('liveGroups', stored()) as unknown as LiveGroups;
    } else if (kind === 'series') {
      series[Number(key)] = upcast('liveSeries', stored()) as unknown as LiveSeries;
    } else if (kind === 'moves' && head.days.includes(key)) {
      moves[key] = upcast('liveMoves', stored()) as unknown as LiveMoves;
    }
  });
  return epoch === 1 ? undefined : { head, groups, series, moves };
}
