/**
 * The breaker's memory: how much a campaign spent within the last so many seconds, as its cells
 * showed it.
 */
import type { Micros } from '../../protocols/money.ts';

/** Moments remembered; the time looked back on may be too long by this part of it, never short. */
const MOMENTS = 64;

/**
 * Spending as it was seen. Mutable: it belongs to one coordinator, and begins anew with the next
 * one, who knows nothing of what was spent before.
 */
export class SpendHistory {
  /** Spent in all, as seen at a time; in order, no two nearer than a 64th of the time. */
  readonly #seen: { readonly atMs: number; readonly spentMicros: Micros }[] = [];

  /** Begins to count at what was spent until now. */
  restart(): void {
    this.#seen.length = 0;
  }

  /**
   * Takes in what is spent in all, and tells how much of it within the last `withinMs`.
   *
   * @param nowMs may go back: then nothing older than it is known.
   */
  within(nowMs: number, spentMicros: Micros, withinMs: number): Micros {
    const seen = this.#seen;
    while (seen.length > 0 && (seen.at(-1)?.atMs ?? 0) > nowMs) seen.pop();
    const last = seen.at(-1);
    if (last === undefined || nowMs - last.atMs >= withinMs / MOMENTS) {
      seen.push({ atMs: nowMs, spentMicros });
    }
    // The last one before the stretch is where it begins.
    while ((seen[1]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs - withinMs) seen.shift();
    return spentMicros - (seen[0]?.spentMicros ?? spentMicros);
  }
}
