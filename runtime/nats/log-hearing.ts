/**
 * Whether a follower of the log hears all of it, or is behind without knowing: told by how many
 * records lie behind each one, and by the heartbeats that the server sends while there is none.
 *
 * Invariants:
 *   H1 It is current only if nothing was known to lie behind the last record, the server was heard
 *      of within MAX_SILENCE_MS, and all records that a heartbeat counts have arrived.
 *   H2 After a longer silence it is current only SETTLE_MS later: what the network or a stopped
 *      process held back arrives in one go, heartbeats among it, in the order it was sent.
 */

/** Two heartbeats. Less than the lateness that readers of live figures allow for. */
export const MAX_SILENCE_MS = 1_500;
export const SETTLE_MS = 1_000;

export class LogHearing {
  readonly #nowMs: () => number;
  /** Records behind the last one that was delivered. */
  #behind: number;
  /** Deliveries of the consumer: those that arrived, and those that a heartbeat counted. */
  #arrived = 0;
  #sent = 0;
  #heardAtMs: number;
  /** Since when there was no silence. */
  #steadySinceMs: number;

  /**
   * @param behind records in the log that are yet to be delivered.
   * @param nowMs a clock that never goes back.
   */
  constructor(behind: number, nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#behind = behind;
    this.#heardAtMs = nowMs();
    this.#steadySinceMs = this.#heardAtMs;
  }

  /**
   * A record was delivered.
   *
   * @param delivery its number among the consumer's deliveries, from 1.
   * @param behind records that were yet to be delivered behind it.
   */
  record(delivery: number, behind: number): void {
    this.#arrived = delivery;
    this.#behind = behind;
    this.#heard();
  }

  /** The server says that there is nothing new, and how many records it has sent. */
  heartbeat(sent: number): void {
    this.#sent = sent;
    this.#heard();
  }

  /** The server answered otherwise. */
  answered(): void {
    this.#heard();
  }

  /** The consumer was made anew and counts its deliveries from 1 again. */
  recreated(): void {
    this.#arrived = 0;
    this.#sent = 0;
    this.#heard();
  }

  /** Whether all that the log stored was delivered, but for what is on its way (H1). */
  get isCurrent(): boolean {
    const nowMs = this.#nowMs();
    return (
      this.#behind === 0 &&
      this.#sent <= this.#arrived &&
      nowMs - this.#heardAtMs <= MAX_SILENCE_MS &&
      nowMs - this.#steadySinceMs >= SETTLE_MS
    );
  }

  #heard(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#heardAtMs > MAX_SILENCE_MS) this.#steadySinceMs = nowMs;
    this.#heardAtMs = nowMs;
  }
}
