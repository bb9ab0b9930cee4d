/**
 * What one login hears from NATS, passed on to all its streams.
 *
 * Owns one subscription for each feed that the login may hear, from the first listener to the last.
 */
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { MAX_ALERTS } from '../../protocols/live-services.ts';
import {
  ALERTS_ALL,
  ATTRIBUTION_FEED,
  CAMPAIGNS_FEED,
  MARKETER_FEED,
  MODEL_QUALITY_FEED,
  OPERATOR_FEED,
  PULSE_FEED,
  WORKERS_ALL,
} from '../../protocols/subjects.ts';
import type { Operator, Rights } from './operators.ts';
import { eventBytes, type Frame } from './outbox.ts';

/** Of a report of campaigns, parts of up to 1 MB that may wait; 10,000 campaigns have some 10. */
const MAX_WAITING_PARTS = 32;
const MAX_WAITING_WORKERS = 64;

interface Feed {
  readonly event: string;
  readonly subject: string;
  /** Only for these; without, for all. */
  readonly rights?: Rights;
  /** How many frames may wait, where it is not the newest one; see `Frame`. */
  readonly keep?: number;
}

const FEEDS: readonly Feed[] = [
  { event: 'pulse', subject: PULSE_FEED },
  { event: 'frame', subject: OPERATOR_FEED, rights: 'operator' },
  { event: 'frame', subject: MARKETER_FEED, rights: 'viewer' },
  { event: 'campaigns', subject: CAMPAIGNS_FEED, keep: MAX_WAITING_PARTS },
  { event: 'attribution', subject: ATTRIBUTION_FEED },
  { event: 'alert', subject: ALERTS_ALL, rights: 'operator', keep: MAX_ALERTS },
  { event: 'worker', subject: WORKERS_ALL, rights: 'operator', keep: MAX_WAITING_WORKERS },
  { event: 'model', subject: MODEL_QUALITY_FEED, rights: 'operator' },
];

/** Takes what a login hears. */
export interface Listener {
  hear(frame: Frame): void;
  /** The login's connection was closed: nothing comes any more. */
  end(): void;
}

export class LoginFeed {
  readonly #nc: NatsConnection;
  readonly #listeners = new Set<Listener>();
  readonly #subscriptions: readonly Subscription[];
  #engine: Frame = engineFrame('connected');
  #partsHeard = 0;

  constructor({ nc, rights }: Pick<Operator, 'nc' | 'rights'>) {
    this.#nc = nc;
    this.#subscriptions = FEEDS.filter((feed) => (feed.rights ?? rights) === rights).map((feed) =>
      nc.subscribe(feed.subject, {
        callback: (error, message) => {
          // What the server does not let this login hear is silent, and the rest is not.
          if (error === null) this.#tell(this.#frameOf(feed, message));
        },
      }),
    );
    void this.#watch();
    // A login may have lost its connection before anybody listened.
    nc.rtt().catch(() => this.#engineIs('disconnected'));
    void nc.closed().then(() => {
      for (const listener of [...this.#listeners]) listener.end();
    });
  }

  get isUnheard(): boolean {
    return this.#listeners.size === 0;
  }

  /** Adds a listener, which first hears how the engine is connected. */
  join(listener: Listener): void {
    this.#listeners.add(listener);
    listener.hear(this.#engine);
  }

  leave(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  /** Hears nothing more. */
  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  #frameOf({ event, keep = 1 }: Feed, { subject, data }: Msg): Frame {
    // The parts of a report have one subject, and no part takes another one's place.
    const key = event === 'campaigns' ? String(this.#partsHeard++) : subject;
    return { event, key, keep, bytes: eventBytes(event, data) };
  }

  #tell(frame: Frame): void {
    for (const listener of this.#listeners) listener.hear(frame);
  }

  #engineIs(nats: 'connected' | 'disconnected'): void {
    this.#engine = engineFrame(nats);
    this.#tell(this.#engine);
  }

  /** Ends with the connection. */
  async #watch(): Promise<void> {
    for await (const { type } of this.#nc.status()) {
      if (type === 'disconnect') this.#engineIs('disconnected');
      if (type === 'reconnect') this.#engineIs('connected');
    }
  }
}

function engineFrame(nats: 'connected' | 'disconnected'): Frame {
  return frameOf('engine', { nats });
}

/** A frame of the gateway's own. */
export function frameOf(event: string, value: object): Frame {
  const bytes = eventBytes(event, Buffer.from(JSON.stringify(value)));
  return { event, key: '', keep: 1, bytes };
}
