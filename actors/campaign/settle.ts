/**
 * A campaign actor's turn: it takes in what its partitions report, stops if it runs away, and plans
 * their grants. It reads nothing of other campaigns.
 */
import type { CampaignActorState, ToldGrant } from '../../protocols/campaign-actor.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import type { Grant } from '../../protocols/grant.ts';
import type { Micros } from '../../protocols/money.ts';
import { Activity } from './activity.ts';
import { SpendHistory } from './breaker.ts';
import type { DemandCurve } from './demand.ts';
import { planGrants } from './grants.ts';
import { canPay, moveCampaign } from './machine.ts';
import { pacedMicros } from './pacing.ts';
import type { PartitionBudget } from './plan.ts';
import { windowOf } from './windows.ts';

/** How often a paced campaign that nobody asks for is looked at: what it may spend grows. */
const PACED_REST_MS = 10_000;

/** What one partition's cells say of the campaign. */
export interface PartitionReport {
  readonly cell: DeliveryCell | undefined;
  /** How often it was out for want of a grant. */
  readonly refusals: number;
}

/** What a coordinator remembers of a campaign beside its state; begins anew with each. */
export class CampaignMemory {
  readonly activity = new Activity();
  readonly spending = new SpendHistory();
  #actor: CampaignActorState | undefined;
  #reports: readonly PartitionReport[] = [];
  #fromMs = 0;
  #untilMs = 0;

  /** Notes that nothing follows from these reports before a time. */
  rest(
    actor: CampaignActorState,
    reports: readonly PartitionReport[],
    fromMs: number,
    untilMs: number,
  ): void {
    this.#actor = actor;
    this.#reports = reports;
    this.#fromMs = fromMs;
    this.#untilMs = untilMs;
  }

  /** Whether that still holds: of ten thousand campaigns most are not worth a second look. */
  isAtRest(actor: CampaignActorState, reports: readonly PartitionReport[], nowMs: number): boolean {
    if (actor !== this.#actor || nowMs < this.#fromMs || nowMs >= this.#untilMs) return false;
    return reports.every(({ cell, refusals }, partition) => {
      const last = this.#reports[partition];
      return last !== undefined && cell === last.cell && refusals === last.refusals;
    });
  }
}

/** When, and by what. */
export interface Turn {
  readonly nowMs: number;
  readonly curve: DemandCurve;
  readonly memory: CampaignMemory;
  /** Greater than any that partitions were ever sent: of the message that brings new grants. */
  readonly version: number;
}

/** A settled campaign; the same state again if nothing has changed. */
export interface Settled {
  readonly actor: CampaignActorState;
  /** Set if the breaker has just opened: what was spent within its time. */
  readonly runawayMicros: Micros | undefined;
}

/**
 * Settles one campaign.
 *
 * @param reports by partition, all of them. Cost: O(partitions).
 */
export function settleCampaign(
  actor: CampaignActorState,
  reports: readonly PartitionReport[],
  { nowMs, curve, memory, version }: Turn,
): Settled {
  if (memory.isAtRest(actor, reports, nowMs)) return { actor, runawayMicros: undefined };
  const { campaign } = actor;
  let spentMicros = 0;
  let isActiveAnywhere = false;
  const budgets: PartitionBudget[] = reports.map(({ cell, refusals }, partition) => {
    spentMicros += cell?.spent_micros ?? 0;
    const { bid_micros } = campaign;
    const isActive = memory.activity.observe(partition, cell, refusals, bid_micros, nowMs);
    isActiveAnywhere ||= isActive;
    return { partition, told: actor.grants[partition], cell, isActive };
  });
  const runawayMicros = runaway(actor, memory.spending, nowMs, spentMicros);
  if (runawayMicros !== undefined) {
    const throttled = moveCampaign(actor, spentMicros, { type: 'campaign.throttled' });
    return { actor: throttled, runawayMicros };
  }
  const moved = hasNews(actor, spentMicros)
    ? moveCampaign(actor, spentMicros, { type: 'spend.reported', spentMicros })
    : actor;
  if (moved.status !== 'live' || campaign.house) return { actor: moved, runawayMicros };
  const window = windowOf(campaign, nowMs);
  const paced = pacedMicros(campaign, nowMs, curve);
  const grants = planGrants(campaign, budgets, { nowMs, window, pacedMicros: paced });
  const told = toldGrants(grants, budgets, version);
  if (told === undefined) {
    // As long as its cells say nothing new, only time can make a difference.
    const untilMs = paced === undefined ? window.until_ms : nowMs + PACED_REST_MS;
    if (!isActiveAnywhere) memory.rest(moved, reports, nowMs, Math.min(untilMs, window.until_ms));
    return { actor: moved, runawayMicros };
  }
  return {
    actor: moveCampaign(moved, spentMicros, { type: 'grants.told', grants: told }),
    runawayMicros,
  };
}

/** What was spent within the breaker's time, if that is too much for a campaign that runs. */
function runaway(
  { campaign: { breaker }, status }: CampaignActorState,
  spending: SpendHistory,
  nowMs: number,
  spentMicros: Micros,
): Micros | undefined {
  if (breaker === undefined) return undefined;
  const isRunning = status === 'live' || status === 'exhausted';
  if (!isRunning) {
    spending.restart();
    return undefined;
  }
  const found = spending.within(nowMs, spentMicros, breaker.within_s * 1_000);
  return found > breaker.spend_micros ? found : undefined;
}

/** Whether a campaign's status may depend on what is spent now; asks no machine in vain. */
function hasNews({ campaign, status }: CampaignActorState, spentMicros: Micros): boolean {
  const isAble = canPay(campaign, spentMicros);
  return status === 'live' ? !isAble : status === 'exhausted' && isAble;
}

function toldGrants(
  grants: Readonly<Record<string, Grant>>,
  budgets: readonly PartitionBudget[],
  version: number,
): Record<string, ToldGrant> | undefined {
  let told: Record<string, ToldGrant> | undefined;
  for (const [partition, grant] of Object.entries(grants)) {
    // Whom nothing is under way to goes by what its cell shows.
    const before = budgets[Number(partition)]?.cell?.grant ?? null;
    told ??= {};
    told[partition] = { version, grant, before };
  }
  return told;
}
