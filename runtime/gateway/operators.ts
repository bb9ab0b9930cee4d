/**
 * Operators over HTTP: who they are, and a NATS connection with the rights that they have there.
 *
 * The gateway judges no password. It passes on what a request brings, or what a session began with:
 * the NATS server judges it, and what the operator may do is what the server lets that connection
 * do.
 *
 * Owns the connections: at most MAX_OPERATORS, each kept for IDLE_MS after its last use. Where more
 * operators work at once, the one that was away longest has to be logged in again.
 *
 * Invariants:
 *   O1 A request is carried out over a connection that was opened with its own credentials, which
 *      are compared in full: the name alone finds no connection.
 *   O2 At most MAX_LOGINS logins are tried at once, whoever sends how many wrong ones.
 */
import { createHmac, randomBytes } from 'node:crypto';
import {
  AuthorizationError,
  type NatsConnection,
  PermissionViolationError,
} from '@nats-io/transport-node';
import { OPERATOR_FEED } from '../../protocols/subjects.ts';
import { connectNats } from '../nats/connection.ts';

const MAX_OPERATORS = 16;
const MAX_LOGINS = 4;
export const IDLE_MS = 300_000;
export const SWEEP_EVERY_MS = 30_000;
/** Longer ones are no credentials; see nats-server/credentials.ts. */
const MAX_HEADER_CHARS = 1_024;

/** Users of nats.conf that are programs; the engine's could do more than operators may. */
const PROGRAMS: ReadonlySet<string> = new Set(['engine', 'app', 'sys']);

/** The credentials are missing, malformed or wrong. */
export class NotAuthorized extends Error {
  override readonly name = 'NotAuthorized';
}

/** It cannot be told now whether the credentials are right. */
export class LoginUnavailable extends Error {
  override readonly name = 'LoginUnavailable';
  readonly retryable = true;
}

/** Name and password of a user of the NATS server. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** Whether somebody may see single users and small groups, which the NATS server decides. */
export type Rights = 'viewer' | 'operator';

/** Whoever brought the right credentials. */
export interface Operator {
  readonly name: string;
  readonly rights: Rights;
  readonly nc: NatsConnection;
}

interface Login {
  readonly operator: Promise<Operator>;
  usedAtMs: number;
}

export class Operators implements AsyncDisposable {
  readonly #server: () => string;
  readonly #nowMs: () => number;
  /** By a digest of name and password; the key is random, so that it says nothing about them. */
  readonly #logins = new Map<string, Login>();
  readonly #key = randomBytes(32);
  readonly #sweeper: NodeJS.Timeout;
  #pending = 0;

  /** @param server the address of the NATS server that knows the operators. */
  constructor(server: () => string, nowMs: () => number) {
    this.#server = server;
    this.#nowMs = nowMs;
    this.#sweeper = setInterval(() => this.#closeIdle(), SWEEP_EVERY_MS);
    this.#sweeper.unref();
  }

  get size(): number {
    return this.#logins.size;
  }

  /**
   * The operator whose credentials an `Authorization` header holds.
   *
   * @throws NotAuthorized, or LoginUnavailable if the server cannot be asked now.
   */
  async authorize(header: string | undefined): Promise<Operator> {
    return this.login(credentialsIn(header));
  }

  /**
   * The operator with these credentials; keeps the connection for IDLE_MS more.
   *
   * @throws NotAuthorized, or LoginUnavailable if the server cannot be asked now.
   */
  async login({ name, password }: Credentials): Promise<Operator> {
    if (name === '' || password === '') throw new NotAuthorized('expected a name and a password');
    if (PROGRAMS.has(name)) throw new NotAuthorized(`expected an operator, found "${name}"`);
    // As JSON, because a name may hold whatever would separate it from the password.
    const credentials = JSON.stringify([name, password]);
    const digest = createHmac('sha256', this.#key).update(credentials).digest('base64');
    let login = this.#logins.get(digest);
    if (login === undefined) {
      if (this.#pending >= MAX_LOGINS) throw new LoginUnavailable('too many logins at once');
      login = { operator: this.#login(digest, name, password), usedAtMs: 0 };
    } else this.#logins.delete(digest);
    login.usedAtMs = this.#nowMs();
    // The one used last comes last, so that the first is the one to make room.
    this.#logins.set(digest, login);
    return login.operator;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper);
    await Promise.all([...this.#logins.keys()].map((digest) => this.#close(digest)));
  }

  async #login(digest: string, user: string, pass: string): Promise<Operator> {
    this.#pending++;
    try {
      const nc = await connectNats({
        url: this.#server(),
        name: `microtarget gateway for ${user}`,
        ...{ user, pass, inboxPrefix: inboxPrefixOf(user) },
      });
      const rights = await rightsOf(nc);
      // Whatever ends it, such as a changed password, the next request logs in again.
      void nc.closed().then(() => this.#forget(digest, nc));
      this.#makeRoom();
      return { name: user, rights, nc };
    } catch (error) {
      this.#logins.delete(digest);
      if (error instanceof AuthorizationError) {
        throw new NotAuthorized('the name or the password is wrong', { cause: error });
      }
      const why = error instanceof Error ? error.message : String(error);
      throw new LoginUnavailable(`no connection to NATS: ${why}`, { cause: error });
    } finally {
      this.#pending--;
    }
  }

  #makeRoom(): void {
    for (const digest of this.#logins.keys()) {
      if (this.#logins.size <= MAX_OPERATORS) return;
      void this.#close(digest);
    }
  }

  #closeIdle(): void {
    const beforeMs = this.#nowMs() - IDLE_MS;
    for (const [digest, { usedAtMs }] of this.#logins) {
      if (usedAtMs < beforeMs) void this.#close(digest);
    }
  }

  async #close(digest: string): Promise<void> {
    const login = this.#logins.get(digest);
    this.#logins.delete(digest);
    await login?.operator.then(({ nc }) => nc.close()).catch(() => {});
  }

  /** Unless there is another connection by now. */
  async #forget(digest: string, nc: NatsConnection): Promise<void> {
    const login = this.#logins.get(digest);
    const operator = await login?.operator.catch(() => undefined);
    if (operator?.nc === nc && this.#logins.get(digest) === login) this.#logins.delete(digest);
  }
}

/** Operators that a deployment adds have the inbox of `ops`. */
function inboxPrefixOf(name: string): string {
  return name === 'viewer' ? '_INBOX_viewer' : '_INBOX_ops';
}

/**
 * Finds out by trying: who may not listen to the operators' feed is a viewer. The server refuses a
 * subscription before it answers the ping that follows. Closes the connection if it cannot be told.
 */
async function rightsOf(nc: NatsConnection): Promise<Rights> {
  let rights: Rights = 'operator';
  const probe = nc.subscribe(OPERATOR_FEED, {
    callback: (error) => {
      if (error instanceof PermissionViolationError) rights = 'viewer';
    },
  });
  try {
    await nc.flush();
    probe.unsubscribe();
    return rights;
  } catch (error) {
    await nc.close();
    throw error;
  }
}

/**
 * Name and password of HTTP Basic authentication (RFC 7617).
 *
 * @throws NotAuthorized if there are none.
 */
export function credentialsIn(header: string | undefined): Credentials {
  if (header === undefined) throw new NotAuthorized('no credentials');
  const [, base64] = /^basic +([a-z0-9+/]+=*)$/i.exec(header) ?? [];
  if (base64 === undefined || header.length > MAX_HEADER_CHARS) {
    throw new NotAuthorized('expected `Authorization: Basic …`, found something else');
  }
  const text = Buffer.from(base64, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) throw new NotAuthorized('expected a name and a password');
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
