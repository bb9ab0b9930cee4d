/**
 * Events from outside into the log, and the workers' verdicts back to whoever waits for them.
 *
 * Bounds: at most MAX_WAITING events wait for a verdict; beyond, the gateway sheds load.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection, nuid } from '@nats-io/transport-node';
import type { Decision, Receipt } from '../../protocols/decision.ts';
import { parseEventJson, type Rejection } from '../../protocols/event.ts';
import {
  type DecisionId,
  encodeUserId,
  type UserId,
  type UserToken,
  userIdProblem,
} from '../../protocols/ids.ts';
import {
  ACTORS_STREAM,
  ingestSubject,
  REPLY_HEADER,
  receiptSubject,
  replySubject,
} from '../../protocols/subjects.ts';
import { type Verdict, verdictSchema } from '../../protocols/verdict.ts';
import type { Clock } from '../ports.ts';

/** Events waiting for a verdict before the gateway answers 429. */
export const MAX_WAITING = 10_000;
/** How long a request waits for its verdicts; the events are stored by then either way. */
export const VERDICT_TIMEOUT_MS = 5_000;
const STORE_TIMEOUT_MS = 5_000;

/** What became of one event, as far as it is known in time. */
export type Taken =
  | Verdict
  /** Stored, so it will be applied exactly once, but no worker has said so yet. */
  | { readonly verdict: 'accepted'; readonly pending: true };

/** The log did not take the event: it may be sent again with the same event_id. */
export class NotStored extends Error {
  override readonly name = 'NotStored';
  readonly retryable = true;
}

interface Waiting {
  readonly settle: (taken: Taken) => void;
  readonly timer: NodeJS.Timeout;
}

export class Ingest {
  readonly #nc: NatsConnection;
  readonly #clock: Clock;
  readonly #id = nuid.next();
  readonly #waiting = new Map<string, Waiting>();
  #next = 0;

  constructor(nc: NatsConnection, clock: Clock) {
    this.#nc = nc;
    this.#clock = clock;
    nc.subscribe(`${replySubject(`${this.#id}.x`)?.slice(0, -1)}*`, {
      callback: (error, message) => {
        if (error === null) this.#answer(message.subject, message.json());
      },
    });
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Checks one event, stores it and waits for its verdict.
   *
   * @param json the event, with `user_id` unless `user` names the user.
   * @param decide asks for a decision, whatever the event says.
   * @throws NotStored if the log cannot be reached.
   */
  async take(json: unknown, user: string | undefined, decide = false): Promise<Taken> {
    const prepared = this.#prepare(json, user, decide);
    if ('rejection' in prepared) return { verdict: 'rejected', ...prepared.rejection };
    const { token, body } = prepared;
    const request = String(this.#next++);
    const h = headers();
    h.set(REPLY_HEADER, `${this.#id}.${request}`);
    const verdict = this.#wait(request);
    try {
      const options = { headers: h, timeout: STORE_TIMEOUT_MS };
      const ack = await this.#nc.request(ingestSubject(token), body, options);
      const { error } = ack.json<{ error?: { description: string } }>();
      if (error !== undefined) throw new NotStored(error.description);
    } catch (error) {
      this.#settle(request, { verdict: 'accepted', pending: true });
      throw error instanceof NotStored ? error : new NotStored(String(error));
    }
    return verdict;
  }

  /** The decision that an earlier copy of an event led to; undefined if it led to none. */
  async earlierDecision(
    user: string,
    id: string,
  ): Promise<Omit<Decision, 'latency_ms'> | undefined> {
    const jsm = await jetstreamManager(this.#nc);
    const message = await jsm.streams.getMessage(ACTORS_STREAM, {
      last_by_subj: receiptSubject(encodeUserId(user as UserId), id as DecisionId),
    });
    return message === null ? undefined : message.json<Receipt>().decision;
  }

  #prepare(
    json: unknown,
    user: string | undefined,
    decide: boolean,
  ): { readonly token: UserToken; readonly body: string } | { readonly rejection: Rejection } {
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    const { user_id, ...rest } = (isObject ? json : {}) as { user_id?: unknown };
    const id = user_id ?? user;
    const problem =
      typeof id === 'string'
        ? userIdProblem(id)
        : { expected: 'a text', found: id === undefined ? 'nothing' : typeof id };
    if (isObject && problem !== undefined) {
      const hint = 'name the user as ?user=… or as user_id in the event';
      return { rejection: { field: 'user_id', ...problem, hint } };
    }
    const event = isObject ? { ...rest, ...(decide ? { decide: true } : {}) } : json;
    const parsed = parseEventJson(event, this.#clock.nowMs());
    if (!parsed.ok) return parsed;
    return { token: encodeUserId(id as UserId), body: JSON.stringify(event) };
  }

  #wait(request: string): Promise<Taken> {
    return new Promise((settle) => {
      const timer = setTimeout(() => {
        this.#settle(request, { verdict: 'accepted', pending: true });
      }, VERDICT_TIMEOUT_MS);
      this.#waiting.set(request, { settle, timer });
    });
  }

  #answer(subject: string, json: unknown): void {
    const verdict = verdictSchema.safeParse(json);
    if (verdict.success) this.#settle(subject.slice(subject.lastIndexOf('.') + 1), verdict.data);
  }

  #settle(request: string, taken: Taken): void {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return;
    this.#waiting.delete(request);
    clearTimeout(waiting.timer);
    waiting.settle(taken);
  }
}
