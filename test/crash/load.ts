/**
 * The applications of a crash test: simulated visitors at a fixed rate, and a ledger of what the
 * engine has promised to take by acknowledging it.
 *
 * Owns the ledger.
 * L1 Open loop: the rate does not depend on how fast the engine answers. What could not be sent
 *    for lack of room in flight is counted, not sent later.
 * L2 An event without an acknowledgement is sent again as it was until it has one: so it may be
 *    in the log twice. Some are sent twice on purpose, at once or much later.
 * L3 An event is in the ledger if and only if it was acknowledged at least once.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { asksForDecision, decisionIdOf } from '../../actors/partition/decide.ts';
import { encodeUserId, type UserId } from '../../protocols/ids.ts';
import { receiptSubject } from '../../protocols/subjects.ts';
import type { StoreMessage } from '../../runtime/ports.ts';
import { ingestMessage } from '../../runtime/simulate/publish.ts';
import { seededRandom } from '../../runtime/simulate/random.ts';
import { type SimulatedEvent, Traffic } from '../../runtime/simulate/traffic.ts';
import { pause } from '../../runtime/timing.ts';

/**
 * Events sent and not acknowledged yet. A server too slow for the rate must answer so many within
 * the timeout, or copies of what is merely waiting would crowd out everything else.
 */
const MAX_IN_FLIGHT = 4_000;
const TICK_MS = 10;
const ACK_TIMEOUT_MS = 5_000;
/** An event is sent again after a random pause up to this. */
const RESEND_PAUSE_MS = 300;
/** How long after the end of the load an event may still wait for its acknowledgement. */
const LAST_ACK_DEADLINE_MS = 60_000;
const DOUBLED_SHARE = 0.01;
const LATE_DOUBLE_SHARE = 0.005;
const LATE_DOUBLE_MS = [3_000, 30_000] as const;

/** An acknowledged event. */
export interface LedgerEntry {
  readonly user: string;
  readonly eventId: string;
  /** The subject its receipt must have; undefined if it need not be answered. */
  readonly receipt: string | undefined;
}

export interface LoadOptions {
  readonly seed: number;
  /** Events a second. */
  readonly rate: number;
  readonly visitors: number;
}

/** What the load did; events are distinct ones. */
export interface LoadFigures {
  events: number;
  /** Copies sent on purpose, at once and late. */
  doubled: number;
  lateDoubles: number;
  /** Sent again for lack of an acknowledgement. */
  resent: number;
  /** Not sent for lack of room in flight (L1). */
  shortfall: number;
  unacknowledged: number;
  elapsedMs: number;
}

interface LateDouble {
  readonly dueMs: number;
  readonly message: StoreMessage;
}

export class Load {
  readonly ledger: LedgerEntry[] = [];
  readonly figures: LoadFigures = {
    events: 0,
    doubled: 0,
    lateDoubles: 0,
    resent: 0,
    shortfall: 0,
    unacknowledged: 0,
    elapsedMs: 0,
  };
  readonly #nc: NatsConnection;
  readonly #options: LoadOptions;
  readonly #traffic: Traffic;
  readonly #random: () => number;
  readonly #late: LateDouble[] = [];
  #inFlight = 0;
  #giveUpMs = Number.POSITIVE_INFINITY;
  /** Gives up an answer that is waited for: the connection that would bring it is lost. */
  readonly #waiting = new Set<() => void>();

  /** @param nc a connection of an application's account. */
  constructor(nc: NatsConnection, options: LoadOptions) {
    this.#nc = nc;
    this.#options = options;
    const { seed, visitors } = options;
    this.#traffic = new Traffic({ seed, visitors, prefix: 'crash' });
    this.#random = seededRandom(seed + 1);
    void this.#watchConnection();
  }

  /** Copies sent and not acknowledged yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Sends until the signal aborts, then waits until everything is acknowledged. */
  async run(signal: AbortSignal): Promise<void> {
    const { rate } = this.#options;
    const startedMs = performance.now();
    let lastMs = startedMs;
    let owed = 0;
    while (!signal.aborted) {
      await pause(TICK_MS, signal);
      const nowMs = performance.now();
      owed += ((nowMs - lastMs) / 1_000) * rate;
      lastMs = nowMs;
      for (; owed >= 1; owed--) {
        if (this.#inFlight < MAX_IN_FLIGHT) this.#sendNext();
        else this.figures.shortfall++;
      }
      this.#sendLateDoubles(nowMs);
    }
    this.figures.elapsedMs = performance.now() - startedMs;
    this.#giveUpMs = performance.now() + LAST_ACK_DEADLINE_MS;
    this.#sendLateDoubles(Number.POSITIVE_INFINITY);
    while (this.#inFlight > 0) await pause(TICK_MS);
  }

  #sendNext(): void {
    const simulated = this.#traffic.next(Date.now());
    const message = ingestMessage(simulated);
    const entry = entryOf(simulated);
    this.figures.events++;
    void this.#sendUntilAcknowledged(message, entry);
    if (this.#random() < DOUBLED_SHARE) {
      this.figures.doubled++;
      void this.#sendUntilAcknowledged(message);
    }
    if (this.#random() < LATE_DOUBLE_SHARE) {
      const [from, to] = LATE_DOUBLE_MS;
      const dueMs = performance.now() + from + this.#random() * (to - from);
      this.#late.push({ dueMs, message });
    }
  }

  #sendLateDoubles(nowMs: number): void {
    for (let i = this.#late.length - 1; i >= 0; i--) {
      const { dueMs, message } = this.#late[i] as LateDouble;
      if (dueMs > nowMs) continue;
      this.#late.splice(i, 1);
      this.figures.lateDoubles++;
      void this.#sendUntilAcknowledged(message);
    }
  }

  /** Never rejects; `entry` goes to the ledger (L3). */
  async #sendUntilAcknowledged(message: StoreMessage, entry?: LedgerEntry): Promise<void> {
    this.#inFlight++;
    while (!(await this.#isAcknowledged(message))) {
      if (performance.now() > this.#giveUpMs) {
        this.figures.unacknowledged++;
        this.#inFlight--;
        return;
      }
      await pause(this.#random() * RESEND_PAUSE_MS);
      this.figures.resent++;
    }
    if (entry !== undefined) this.ledger.push(entry);
    this.#inFlight--;
  }

  /** Ends with the connection. */
  async #watchConnection(): Promise<void> {
    for await (const { type } of this.#nc.status()) {
      if (type !== 'disconnect') continue;
      for (const giveUp of this.#waiting) giveUp();
      this.#waiting.clear();
    }
  }

  /** False without an answer; whether the event was stored then is the point of the test. */
  #isAcknowledged({ subject, body }: StoreMessage): Promise<boolean> {
    return new Promise((resolve) => {
      const giveUp = (): void => resolve(false);
      this.#waiting.add(giveUp);
      this.#nc
        .request(subject, body, { timeout: ACK_TIMEOUT_MS })
        .then((reply) => resolve(typeof reply.json<{ readonly seq?: number }>().seq === 'number'))
        .catch(giveUp)
        .finally(() => this.#waiting.delete(giveUp));
    });
  }
}

function entryOf({ user, event }: SimulatedEvent): LedgerEntry {
  const token = encodeUserId(user as UserId);
  return {
    user,
    eventId: event.event_id,
    receipt: asksForDecision(event)
      ? receiptSubject(token, decisionIdOf(token, event.event_id))
      : undefined,
  };
}
