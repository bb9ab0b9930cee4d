/**
 * Budgets by grants: a campaign gives each partition a slice to spend and tops it up as it is
 * used, so that partitions never have to ask before they spend.
 *
 * Invariants:
 *   I5 The sum of all grants never exceeds the budget, and a partition never spends beyond its own.
 */
import type { Campaign } from '../../protocols/campaign.ts';
import type { Micros } from '../../protocols/money.ts';

/** A slice is this part of what is left to grant, per partition. */
const SLICE_DIVISOR = 4;
/** A slice pays for at least this many wins, while there is so much left. */
const MIN_WINS_PER_SLICE = 4;

/** What one partition was granted and has spent. */
export interface PartitionBudget {
  readonly partition: number;
  readonly grantedMicros: Micros;
  readonly spentMicros: Micros;
}

/**
 * The new cumulative grants of the partitions that run low: those whose unspent grant is below
 * half a slice. Slices shrink with what is left, so that no partition hoards the end of a budget.
 *
 * @returns partition -> new cumulative grant; empty if nobody needs more or nothing is left.
 */
export function planGrants(
  campaign: Campaign,
  partitions: readonly PartitionBudget[],
): Record<string, Micros> {
  const granted = partitions.reduce((sum, { grantedMicros }) => sum + grantedMicros, 0);
  let left = campaign.budget_micros - granted;
  const raised: Record<string, Micros> = {};
  if (left <= 0) return raised;
  const slice = Math.max(
    Math.ceil(left / (SLICE_DIVISOR * partitions.length)),
    MIN_WINS_PER_SLICE * campaign.bid_micros,
  );
  // Who has least comes first, so that the last of a budget goes where it is used.
  const byNeed = [...partitions].sort(
    (a, b) => unspent(a) - unspent(b) || b.spentMicros - a.spentMicros || a.partition - b.partition,
  );
  for (const budget of byNeed) {
    if (unspent(budget) * 2 >= slice || left <= 0) continue;
    const more = Math.min(left, slice - unspent(budget));
    raised[budget.partition] = budget.grantedMicros + more;
    left -= more;
  }
  return raised;
}

function unspent({ grantedMicros, spentMicros }: PartitionBudget): Micros {
  return grantedMicros - spentMicros;
}
