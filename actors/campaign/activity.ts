/**
 * Where a campaign is in demand: which partitions spend, and which refuse for want of a grant.
 */
import { type DeliveryCell, OTHER_CAMPAIGNS, type SuppressedCell } from '../../protocols/cells.ts';
import type { Micros } from '../../protocols/money.ts';

/** A partition is active so long after it was seen to spend, or to refuse for want of a grant. */
export const ACTIVE_MS = 10_000;

interface Seen {
  spentMicros: Micros;
  refusals: number;
  activeAtMs: number;
}

/** One campaign's partitions over time. Mutable: it belongs to one coordinator. */
export class Activity {
  readonly #seen: Seen[] = [];

  /**
   * Takes in what a partition's cells show, and tells whether it is active. What happened before it
   * was first looked at does not count.
   *
   * @param refusals see `refusalsOf`.
   */
  observe(
    partition: number,
    cell: DeliveryCell | undefined,
    refusals: number,
    bid: Micros,
    nowMs: number,
  ): boolean {
    const spentMicros = cell?.spent_micros ?? 0;
    const seen = this.#seen[partition];
    if (seen === undefined) {
      this.#seen[partition] = { spentMicros, refusals, activeAtMs: Number.NEGATIVE_INFINITY };
      return false;
    }
    // Refusals may be of other campaigns: who has a bid left refused none for want of one.
    const isRefusing = refusals !== seen.refusals && !hasBid(cell, bid, nowMs);
    if (spentMicros !== seen.spentMicros || isRefusing) seen.activeAtMs = nowMs;
    seen.spentMicros = spentMicros;
    seen.refusals = refusals;
    if (seen.activeAtMs > nowMs) seen.activeAtMs = nowMs;
    return nowMs - seen.activeAtMs < ACTIVE_MS;
  }
}

/**
 * How often a campaign was out for want of a grant in a partition; where it is not counted by name,
 * all campaigns together that are not.
 */
export function refusalsOf(cell: SuppressedCell | undefined, campaign: string): number {
  if (cell === undefined) return 0;
  const { campaigns } = cell;
  const name = Object.hasOwn(campaigns, campaign) ? campaign : OTHER_CAMPAIGNS;
  return moneyRefusals(campaigns[name]);
}

function moneyRefusals(counts: SuppressedCell['campaigns'][string] | undefined): number {
  if (counts === undefined) return 0;
  const { budget = 0, daily_budget = 0, hourly_budget = 0, pacing = 0, no_grant = 0 } = counts;
  return budget + daily_budget + hourly_budget + pacing + no_grant;
}

function hasBid(cell: DeliveryCell | undefined, bid: Micros, nowMs: number): boolean {
  const grant = cell?.grant ?? null;
  if (cell === undefined || grant === null || nowMs >= grant.until_ms) return false;
  return grant.allow_micros - cell.window_micros >= bid;
}
