/**
 * Sessions of the dashboard: a cookie's token in place of a name and a password, and tickets, each
 * good for one session.
 *
 * Owns both, in memory: they end with the process. What opens the connection to NATS again after a
 * pause has to be kept with them, so the credentials are; the tokens are kept as digests.
 *
 * Invariants:
 *   S1 A session is worth what its credentials are worth now: every use goes through Operators
 *      (O1), and one whose credentials are refused ends.
 *   S2 At most MAX_SESSIONS; each ends IDLE_MAX_MS after its last use, at the latest AGE_MAX_MS
 *      after it began.
 *   S3 A ticket opens one session, within TICKET_MAX_MS; at most MAX_TICKETS are out.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type Credentials, NotAuthorized, type Operator, type Operators } from './operators.ts';

export const MAX_SESSIONS = 256;
const HOUR_MS = 3_600_000;
export const IDLE_MAX_MS = 12 * HOUR_MS;
export const AGE_MAX_MS = 7 * 24 * HOUR_MS;
export const MAX_TICKETS = 64;
export const TICKET_MAX_MS = 600_000;
const TOKEN_BYTES = 32;

interface Session {
  readonly credentials: Credentials;
  readonly beganAtMs: number;
  usedAtMs: number;
}

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
  /** By the token's digest, the one used last at the end. */
  readonly #sessions = new Map<string, Session>();
  readonly #tickets = new Map<string, Ticket>();

  constructor(operators: Operators, nowMs: () => number) {
    this.#operators = operators;
    this.#nowMs = nowMs;
  }

  /**
   * Begins a session.
   *
   * @throws NotAuthorized, or LoginUnavailable if the server cannot be asked now.
   */
  async open(credentials: Credentials): Promise<Opened> {
    const operator = await this.#operators.login(credentials);
    const nowMs = this.#nowMs();
    for (const [digest, session] of this.#sessions) {
      if (isOver(session, nowMs)) this.#sessions.delete(digest);
    }
    dropFirst(this.#sessions, MAX_SESSIONS - 1);
    const token = newToken();
    this.#sessions.set(digestOf(token), { credentials, beganAtMs: nowMs, usedAtMs: nowMs });
    return { token, operator };
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
   * Whose session it is, which counts as a use of it.
   *
   * @throws NotAuthorized if there is none any more, or LoginUnavailable.
   */
  async operatorOf(token: string): Promise<Operator> {
    const digest = digestOf(token);
    const session = this.#sessions.get(digest);
    this.#sessions.delete(digest);
    const nowMs = this.#nowMs();
    if (session === undefined || isOver(session, nowMs)) {
      throw new NotAuthorized('the session is over');
    }
    session.usedAtMs = nowMs;
    this.#sessions.set(digest, session);
    try {
      return await this.#operators.login(session.credentials);
    } catch (error) {
      if (error instanceof NotAuthorized) this.#sessions.delete(digest);
      throw error;
    }
  }

  /** Ends a session, if it is one. */
  end(token: string): void {
    this.#sessions.delete(digestOf(token));
  }
}

function isOver({ beganAtMs, usedAtMs }: Session, nowMs: number): boolean {
  return nowMs - usedAtMs > IDLE_MAX_MS || nowMs - beganAtMs > AGE_MAX_MS;
}

function dropFirst(map: Map<string, unknown>, sizeMax: number): void {
  for (const key of map.keys()) {
    if (map.size <= sizeMax) return;
    map.delete(key);
  }
}

function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
