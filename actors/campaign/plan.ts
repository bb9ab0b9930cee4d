/**
 * What a campaign actor goes by when it plans grants: its partitions, and the plan as it is made.
 */
import type { ToldGrant } from '../../protocols/campaign-actor.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import type { Grant, GrantLimit } from '../../protocols/grant.ts';
import type { Micros } from '../../protocols/money.ts';
import type { GrantWindow } from './windows.ts';

/** What the campaign actor knows of one partition. */
export interface PartitionBudget {
  readonly partition: number;
  readonly told: ToldGrant | undefined;
  readonly cell: DeliveryCell | undefined;
  /** Whether it was active within ACTIVE_MS. */
  readonly isActive: boolean;
}

/** A partition that goes by what it was told last, so that it may be told anew. */
export interface Free extends PartitionBudget {
  readonly next: GrantWindow;
  /** Whether it has to be told before it can spend, or spend on, now. */
  readonly isStale: boolean;
  /** Spent in the next window, and allowed in it beyond that. */
  readonly usedMicros: Micros;
  readonly openMicros: Micros;
  /** All that it may spend, in whatever window: what would come back. */
  readonly unspentMicros: Micros;
}

/** Grants as they are being planned. */
export interface Plan {
  readonly grants: Record<string, Grant>;
  readonly limit: GrantLimit;
  /** What may still be handed out; below 0 where more is out than there is. */
  roomMicros: Micros;
}

/** Plans that a partition may spend so much beyond what it has spent in the window. */
export function tell(plan: Plan, { partition, next, usedMicros }: Free, openMicros: Micros): void {
  const allow_micros = usedMicros + openMicros;
  plan.grants[partition] = { ...next, allow_micros, limited_by: plan.limit };
}
