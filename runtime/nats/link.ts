/**
 * Requests that do not wait for an answer that can no longer come.
 *
 * When a connection breaks, the server forgets what it was asked over it and the client drops what
 * it had not sent, so a request would wait for its whole timeout, long after the next connection
 * is up. After a server's restart that was the greater part of the time until work went on.
 *
 * Owns one listener to each connection's status.
 * L1 A request that was given up may have been carried out, or may be yet.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { pause } from '../timing.ts';

/** How long a request waits for a connection before it is given up. */
const CONNECT_TIMEOUT_MS = 5_000;

/** The connection broke while an answer was awaited, or is not there (L1). */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly retryable = true;
}

export class Link {
  #isUp = true;
  /** What waits for the connection to break, or to be there again. */
  readonly #waiting = new Set<() => void>();

  /** @param nc its requests made through this link are given up when it breaks. */
  constructor(nc: NatsConnection) {
    void this.#watch(nc);
  }

  /**
   * Makes a request once the connection is up, at once if it is.
   *
   * @throws ConnectionLost if the connection breaks before the answer, or does not come up.
   */
  async attempt<T>(request: () => Promise<T>): Promise<T> {
    if (!this.#isUp) await this.#untilUp();
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new ConnectionLost('the connection to NATS broke'));
      this.#waiting.add(giveUp);
      void request()
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(giveUp));
    });
  }

  async #untilUp(): Promise<void> {
    const changed = new AbortController();
    const notice = (): void => changed.abort();
    this.#waiting.add(notice);
    await pause(CONNECT_TIMEOUT_MS, changed.signal);
    this.#waiting.delete(notice);
    if (!this.#isUp) throw new ConnectionLost('no connection to NATS');
  }

  /** Ends with the connection. */
  async #watch(nc: NatsConnection): Promise<void> {
    for await (const { type } of nc.status()) {
      if (type !== 'disconnect' && type !== 'reconnect') continue;
      this.#isUp = type === 'reconnect';
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const notice of waiting) notice();
    }
  }
}

const links = new WeakMap<NatsConnection, Link>();

/** The connection's link; the same one for all who ask. */
export function linkOf(nc: NatsConnection): Link {
  let link = links.get(nc);
  if (link === undefined) {
    link = new Link(nc);
    links.set(nc, link);
  }
  return link;
}
