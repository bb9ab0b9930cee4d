/**
 * Posts every change of an alert to an address, at least once, whatever restarts in between: where
 * it stands is a durable consumer's, which begins when a webhook is first configured. A receiver
 * that does not accept a change gets it again, later and later, until it is given up.
 *
 *   microtarget-delivery: <stream sequence>      the same for every repetition
 *   microtarget-signature: sha256=<hex HMAC of the body>   where a secret is configured
 */
import { createHmac } from 'node:crypto';
import {
  AckPolicy,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { ACTORS_STREAM, ALERTS_ALL } from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import { pause } from '../timing.ts';

export const WEBHOOK_CONSUMER = 'alert-webhook';
/** How often a change is posted before it is given up: over an hour, by the delays below. */
export const MAX_DELIVERIES = 20;
/** How long a receiver may take. */
export const POST_TIMEOUT_MS = 5_000;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 5 * 60_000;
/** Changes that wait to be posted again; beyond, newer ones wait in the stream. */
const MAX_PENDING = 16;
/** A change whose poster died is posted again after this time: that of two posts, and some. */
const ACK_WAIT_MS = 15_000;
/** How soon the stream is asked again when it could not be. */
const RETRY_MS = 2_000;

export interface WebhookOptions {
  /** http or https, without a login. */
  readonly url: string;
  readonly secret?: string | undefined;
  readonly logger: Logger;
}

/** The signature of a body, as receivers should calculate it too. */
function signatureOf(body: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** How long a change waits after it was posted in vain for the n-th time. */
export function delayMsAfter(deliveries: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** (deliveries - 1), MAX_DELAY_MS);
}

/** Posts alerts until it is disposed of. Only the leader should. */
export class Webhook implements AsyncDisposable {
  readonly #nc: NatsConnection;
  readonly #options: WebhookOptions;
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  #messages: ConsumerMessages | undefined;

  constructor(nc: NatsConnection, options: WebhookOptions) {
    this.#nc = nc;
    this.#options = options;
    this.#done = this.#keepPosting();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    void this.#messages?.close();
    await this.#done;
  }

  /** Neither the stream nor the receiver being away ends it. */
  async #keepPosting(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#postAll();
      } catch (error) {
        if (signal.aborted) return;
        this.#options.logger.error({ err: error }, 'alerts are not posted at the moment');
      }
      await pause(RETRY_MS, signal);
    }
  }

  async #postAll(): Promise<void> {
    const jsm = await jetstreamManager(this.#nc);
    await jsm.consumers.add(ACTORS_STREAM, {
      durable_name: WEBHOOK_CONSUMER,
      filter_subject: ALERTS_ALL,
      // From when it is first added; adding it again changes nothing.
      deliver_policy: DeliverPolicy.New,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ACK_WAIT_MS),
      max_ack_pending: MAX_PENDING,
    });
    const consumer = await jetstream(this.#nc).consumers.get(ACTORS_STREAM, WEBHOOK_CONSUMER);
    // One at a time: what waits here behind a slow receiver would be taken for lost.
    const messages = await consumer.consume({ max_messages: 1 });
    this.#messages = messages;
    // Closed between the two.
    if (this.#closing.signal.aborted) void messages.close();
    for await (const message of messages) await this.#deliver(message);
  }

  async #deliver(message: JsMsg): Promise<void> {
    const problem = await this.#post(message);
    if (problem === undefined) {
      message.ack();
      return;
    }
    if (this.#closing.signal.aborted) {
      message.nak();
      return;
    }
    const { logger } = this.#options;
    const { deliveryCount } = message.info;
    const { subject, seq } = message;
    if (deliveryCount >= MAX_DELIVERIES) {
      message.term(problem);
      logger.error({ subject, delivery: seq, problem }, 'an alert could not be posted: given up');
      return;
    }
    const delayMs = delayMsAfter(deliveryCount);
    message.nak(delayMs);
    logger.warn({ subject, delivery: seq, problem, delayMs }, 'an alert is posted again later');
  }

  /** Posts once; returns what went wrong. */
  async #post(message: JsMsg): Promise<string | undefined> {
    const { url, secret } = this.#options;
    try {
      const body = JSON.stringify(upcast('alert', message.json()));
      const response = await fetch(url, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'microtarget-delivery': String(message.seq),
          ...(secret !== undefined && { 'microtarget-signature': signatureOf(body, secret) }),
        },
        // Alerts go where they were meant to go, and nowhere that a receiver points to.
        redirect: 'manual',
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(POST_TIMEOUT_MS)]),
      });
      // Its status says all; what it says beside is not waited for.
      await response.body?.cancel();
      return response.ok ? undefined : `the receiver answered ${response.status}`;
    } catch (error) {
      const cause = error instanceof Error && error.cause !== undefined ? `: ${error.cause}` : '';
      return `${String(error)}${cause}`;
    }
  }
}
