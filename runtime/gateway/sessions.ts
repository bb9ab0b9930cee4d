/**
 * Sessions of the dashboard: a cookie's token in place of a name and a password, and tickets, each
 * good for one session.
 *
 * A token holds the credentials, sealed (seal.ts): a session outlives a restart of the gateway, and
 * any gateway with the same secret knows it. Owns the tickets and the sessions that were ended
 * early, in memory.
 *
 * Invariants:
 *   S1 A session is worth what its credentials are worth now: every use goes through Operators
 *      (O1), and one whose credentials are refused ends.
 *   S2 A session ends AGE_MAX_MS after it began. One that was logged out of, or refused, ends for
 *      this gateway at once; the last MAX_ENDED of these are remembered, until it restarts.
 *   S3 A ticket opens one session, within TICKET_MAX_MS; at most MAX_TICKETS are out.
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Credentials, NotAuthorized, type Operator, type Operators } from './operators.ts';
import { Seal } from './seal.ts';

export const AGE_MAX_MS = 7 * 86_400_000;
export const MAX_ENDED = 1_024;
export const MAX_TICKETS = 64;
export const TICKET_MAX_MS = 600_000;
const TOKEN_BYTES = 32;

const sessionSchema = z.object({
  name: z.string(),
  password: z.string(),
  began_ms: z.number(),
});

interface Ticket {
  readonly credentials: Credentials;
  readonly madeAtMs: number;
}

/** A session that has just begun; the token is told nowhere else. */
export interface Opened {
  readonly token: string;
  readonly operator: Operator;
}

export class Sessions {
  readonly #operators: Operators;
  readonly #nowMs: () => number;
  readonly #seal: Seal;
  /** Digests of tokens, the one that ended last at the end. */
  readonly #ended = new Set<string>();
  readonly #tickets = new Map<string, Ticket>();

  /** @param secret what tokens are sealed with; who knows it can make sessions. */
  constructor(operators: Operators, nowMs: () => number, secret: string) {
    this.#operators = operators;
    this.#nowMs = nowMs;
    this.#seal = new Seal(secret, 'microtarget session');
  }

  /**
   * Begins a session.
   *
   * @throws NotAuthorized, or LoginUnavailable if the server cannot be asked now.
   */
  async open({ name, password }: Credentials): Promise<Opened> {
    const operator = await this.#operators.login({ name, password });
    const session: z.infer<typeof sessionSchema> = { name, password, began_ms: this.#nowMs() };
    return { token: this.#seal.close(JSON.stringify(session)), operator };
  }

  /** A ticket for credentials that are right; the oldest ones give way (S3). */
  issueTicket(credentials: Credentials): string {
    dropFirst(this.#tickets, MAX_TICKETS - 1);
    const token = newToken();
    this.#tickets.set(digestOf(token), { credentials, madeAtMs: this.#nowMs() });
    return token;
  }

  /**
   * Begins a session with a ticket, which is used up, unless it could not be told whether its
   * credentials are right.
   *
   * @throws NotAuthorized, or LoginUnavailable.
   */
  async redeem(token: string): Promise<Opened> {
    const digest = digestOf(token);
    const ticket = this.#tickets.get(digest);
    // Before anything is waited for: of two that bring it at once, one finds it.
    this.#tickets.delete(digest);
    if (ticket === undefined || this.#nowMs() - ticket.madeAtMs > TICKET_MAX_MS) {
      throw new NotAuthorized('the ticket was used already, or is too old');
    }
    try {
      return await this.open(ticket.credentials);
    } catch (error) {
      if (!(error instanceof NotAuthorized)) this.#tickets.set(digest, ticket);
      throw error;
    }
  }

  /**
   * Whose session it is.
   *
   * @throws NotAuthorized if it is over or none, or LoginUnavailable.
   */
  async operatorOf(token: string): Promise<Operator> {
    const text = this.#ended.has(digestOf(token)) ? undefined : this.#seal.open(token);
    const session = text === undefined ? undefined : sessionSchema.parse(JSON.parse(text));
    if (session === undefined || this.#nowMs() - session.began_ms > AGE_MAX_MS) {
      throw new NotAuthorized('the session is over');
    }
    try {
      return await this.#operators.login(session);
    } catch (error) {
      if (error instanceof NotAuthorized) this.end(token);
      throw error;
    }
  }

  /** Ends a session, if it is one. */
  end(token: string): void {
    dropFirst(this.#ended, MAX_ENDED - 1);
    this.#ended.add(digestOf(token));
  }
}

function dropFirst(kept: Map<string, unknown> | Set<string>, sizeMax: number): void {
  for (const key of kept.keys()) {
    if (kept.size <= sizeMax) return;
    kept.delete(key);
  }
}

function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
