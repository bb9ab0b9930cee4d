/**
 * How money comes back: partitions that do not use what they hold are told to hold less, where
 * others cannot pay for a bid or where a cap was lowered (ADR 6). It may be handed out again once
 * their cells show that they took that in.
 */
import type { Micros } from '../../protocols/money.ts';
import { type Free, type Plan, tell } from './plan.ts';

/** What there is to share. */
interface Shared {
  readonly bid: Micros;
  /** All that is not spent, and may be. */
  readonly pool: Micros;
  /** Whether more is out than a cap allows. */
  readonly mustShrink: boolean;
}

/**
 * Plans what to take back: from who is idle first, then from who has much more than a fair part,
 * then remainders that pay for no bid.
 *
 * @param active those of `free` that are, the neediest first.
 */
export function collect(
  plan: Plan,
  free: readonly Free[],
  active: readonly Free[],
  { bid, pool, mustShrink }: Shared,
): void {
  const lacking = active.filter((each) => each.openMicros < bid && !isTold(plan, each));
  const isNeeded = lacking.length > 0 && pool >= bid;
  if (!isNeeded && !mustShrink) return;
  let found = false;
  for (const each of free) {
    if (each.isActive || isTold(plan, each) || each.unspentMicros === 0) continue;
    tell(plan, each, 0);
    found = true;
  }
  const fair = Math.max(mustShrink ? 0 : bid, Math.floor(pool / Math.max(1, active.length)));
  for (const each of active) {
    if (isTold(plan, each)) continue;
    const isMuch = each.openMicros > (mustShrink ? fair : 2 * fair);
    // What it held for a window that is over is of no use to it either.
    if (!isMuch && each.unspentMicros === each.openMicros) continue;
    tell(plan, each, Math.min(each.openMicros, fair));
    found = true;
  }
  if (!found && isNeeded) gather(plan, lacking, bid);
}

/** Takes remainders from some who lack so that one of them gets a whole bid. */
function gather(plan: Plan, lacking: readonly Free[], bid: Micros): void {
  const byMost = [...lacking].sort((a, b) => b.openMicros - a.openMicros);
  let missing = bid - Math.max(0, plan.roomMicros) - (byMost[0]?.openMicros ?? 0);
  const rest = byMost.slice(1).reduce((sum, { openMicros }) => sum + openMicros, 0);
  if (rest < missing) return;
  for (const each of byMost.slice(1)) {
    if (missing <= 0) return;
    tell(plan, each, 0);
    missing -= each.openMicros;
  }
}

function isTold(plan: Plan, { partition }: Free): boolean {
  return plan.grants[partition] !== undefined;
}
