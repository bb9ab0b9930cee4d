/**
 * All alerts that are kept, whoever raised them: a view of the stored ones that follows the stream,
 * so it knows nothing that is not stored. Owns how many there are; those who raise alerts write
 * them, and acknowledgements too.
 *
 * Invariants:
 *   K1 Of messages with one alert's id, the later in the stream counts. An alert of an earlier
 *      release may stand on two subjects: the old one has one token less.
 *   K2 Only resolved alerts are removed.
 */
import {
  type ConsumerMessages,
  DeliverPolicy,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Alert, alertSchema } from '../../protocols/alert.ts';
import { MAX_ALERTS } from '../../protocols/live-services.ts';
import type { Refusal } from '../../protocols/refusal.ts';
import { ACTORS_STREAM, ALERTS_ALL, alertSubject } from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import { linkOf } from '../nats/link.ts';

/** Notes who looks after an open alert, and stores it; undefined if it is not open. */
export type Acknowledge = (id: string, by: string, atMs: number) => Promise<Alert | undefined>;

/** Who raises alerts, and so is the one to write them. */
export interface AlertWriters {
  /** Of campaigns' breakers. */
  readonly breakers: Acknowledge;
  /** Of detectors. */
  readonly detectors: Acknowledge;
}

interface KeptAlert {
  readonly alert: Alert;
  /** Where it stands in the stream. */
  readonly subjects: ReadonlySet<string>;
}

export class AlertBook implements AsyncDisposable {
  readonly #nc: NatsConnection;
  readonly #alerts = new Map<string, KeptAlert>();
  #messages: ConsumerMessages | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  private constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  /** Opens the book; it has all that is stored as of now when the promise settles. */
  static async open(nc: NatsConnection): Promise<AlertBook> {
    const book = new AlertBook(nc);
    await book.#follow();
    return book;
  }

  /** Settles when the book is no longer kept; rejects if an alert cannot be read. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  /** The newest first, MAX_ALERTS at most. */
  list(): Alert[] {
    return this.#newestFirst()
      .slice(0, MAX_ALERTS)
      .map(({ alert }) => alert);
  }

  /** Has an open alert noted as looked after; answers with it. */
  async acknowledge(
    { id, by }: { readonly id: string; readonly by: string },
    writers: AlertWriters,
    atMs: number,
  ): Promise<Alert | Refusal> {
    const known = this.#alerts.get(id)?.alert;
    if (known === undefined) {
      const problem = `no alert "${id}"; \`microtarget alerts list\` shows all`;
      return { problem, kind: 'unknown' };
    }
    const write = known.kind === 'runaway_spend' ? writers.breakers : writers.detectors;
    const alert = known.status === 'open' ? await write(id, by, atMs) : undefined;
    if (alert !== undefined) {
      // It is stored; who looks at once should see it, before the stream has told.
      this.#take(alertSubject(alert.kind, alert.key, alert.since_ms), alert);
      return alert;
    }
    // Whoever raised it may have changed it a moment ago.
    const { status, acknowledged } = this.#alerts.get(id)?.alert ?? known;
    const who = acknowledged === null ? '' : ` by ${acknowledged.by}`;
    const found = status === 'open' ? 'changed a moment ago: look again' : `${status}${who}`;
    return { problem: `alert ${id}: expected it to be open, it is ${found}`, kind: 'conflict' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#messages?.close();
    await this.#ended.catch(() => {});
  }

  async #follow(): Promise<void> {
    const consumer = await jetstream(this.#nc).consumers.get(ACTORS_STREAM, {
      filter_subjects: ALERTS_ALL,
      deliver_policy: DeliverPolicy.LastPerSubject,
    });
    const { num_pending } = await consumer.info(true);
    const messages = await consumer.consume({ expires: 3_000, idle_heartbeat: 750 });
    this.#messages = messages;
    let caughtUp = (): void => {};
    const complete = new Promise<void>((resolve) => {
      caughtUp = resolve;
    });
    this.#ended = (async () => {
      for await (const message of messages) {
        this.#take(message.subject, alertSchema.parse(upcast('alert', message.json())));
        if (message.info.pending > 0) continue;
        caughtUp();
        await this.#removeOldest();
      }
    })();
    this.#ended.catch(() => {});
    const cutOff = (): never => {
      throw new Error('the alerts could not be read whole');
    };
    if (num_pending > 0) await Promise.race([complete, this.#ended.then(cutOff)]);
  }

  #take(subject: string, alert: Alert): void {
    const subjects = new Set(this.#alerts.get(alert.id)?.subjects).add(subject);
    this.#alerts.set(alert.id, { alert, subjects });
  }

  #newestFirst(): KeptAlert[] {
    return [...this.#alerts.values()].sort(({ alert: a }, { alert: b }) => {
      return b.since_ms - a.since_ms || (a.id < b.id ? -1 : 1);
    });
  }

  /** Removes what is beyond the bound, from the stream first (K2). */
  async #removeOldest(): Promise<void> {
    const excess = this.#alerts.size - MAX_ALERTS;
    if (excess <= 0) return;
    const resolved = this.#newestFirst().filter(({ alert }) => alert.status === 'resolved');
    for (const { alert, subjects } of resolved.reverse().slice(0, excess)) {
      for (const subject of subjects) await this.#purge(subject);
      this.#alerts.delete(alert.id);
    }
  }

  /** What stays although it could go is found again by the next leader. */
  async #purge(filter: string): Promise<void> {
    const jsm = await jetstreamManager(this.#nc);
    await linkOf(this.#nc)
      .attempt(() => jsm.streams.purge(ACTORS_STREAM, { filter }))
      .catch(() => {});
  }
}
