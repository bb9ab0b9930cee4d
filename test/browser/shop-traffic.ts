/**
 * Live traffic of a simulated shop in which single sources can fall silent or surge.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { ingestMessage } from '../../runtime/simulate/publish.ts';
import { type SimulatedEvent, Traffic } from '../../runtime/simulate/traffic.ts';

const TICK_MS = 20;
const VISITORS = 300;

/** Traffic that goes on until it is stopped. */
export class ShopTraffic {
  readonly #nc: NatsConnection;
  readonly #eventsPerSecond: number;
  readonly #usual: Traffic;
  readonly #more: Traffic;
  readonly #silent = new Set<string>();
  readonly #surging = new Map<string, number>();
  readonly #ticker: NodeJS.Timeout;
  #lastMs = Date.now();
  #owed = 0;
  published = 0;
  /** How many events each user had. */
  readonly #byUser = new Map<string, number>();

  /** @param prefix of the users' names: two of one prefix are the same users. */
  constructor(nc: NatsConnection, eventsPerSecond: number, prefix = 'shopper') {
    this.#nc = nc;
    this.#eventsPerSecond = eventsPerSecond;
    this.#usual = new Traffic({ seed: 1, visitors: VISITORS, prefix });
    this.#more = new Traffic({ seed: 2, visitors: VISITORS, prefix });
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Its visitors go on, but nothing of them arrives: a cut line. */
  silence(source: string): void {
    this.#silent.add(source);
  }

  restore(source: string): void {
    this.#silent.delete(source);
    this.#surging.delete(source);
  }

  /** As many events as usual, times `factor` (at least 1). */
  surge(source: string, factor: number): void {
    this.#surging.set(source, factor);
  }

  /** The user with the most events so far. */
  get busiest(): string {
    const [[user] = ['']] = [...this.#byUser].sort(([, a], [, b]) => b - a);
    return user;
  }

  /** Publishes no more; what was published is on the server when the promise settles. */
  async stop(): Promise<void> {
    clearInterval(this.#ticker);
    await this.#nc.flush();
  }

  #tick(): void {
    const nowMs = Date.now();
    this.#owed += ((nowMs - this.#lastMs) / 1_000) * this.#eventsPerSecond;
    this.#lastMs = nowMs;
    for (; this.#owed >= 1; this.#owed--) {
      this.#publish(this.#usual.next(nowMs));
      for (const [source, factor] of this.#surging) {
        for (let extra = 1; extra < factor; extra++) {
          const more = this.#more.next(nowMs);
          if (more.event.source === source) this.#publish(more);
        }
      }
    }
  }

  #publish(simulated: SimulatedEvent): void {
    if (this.#silent.has(simulated.event.source ?? '')) return;
    const { subject, body } = ingestMessage(simulated);
    this.#nc.publish(subject, body);
    this.published++;
    this.#byUser.set(simulated.user, (this.#byUser.get(simulated.user) ?? 0) + 1);
  }
}
