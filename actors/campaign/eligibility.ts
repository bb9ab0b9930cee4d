/**
 * Who may bid: every campaign that may not has one named reason, the first that applies.
 *
 * Owns the order of the reasons as docs/semantics.md has it, up to what only a score can tell.
 */
import type { Campaign } from '../../protocols/campaign.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import type { Exclusion } from '../../protocols/decision.ts';
import type { GrantLimit } from '../../protocols/grant.ts';
import type { RuleFacts } from '../../protocols/rule-facts.ts';
import type { Settings } from '../../protocols/settings.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import { Moment } from './courtesy.ts';
import { type CampaignEntry, triggerBits } from './entry.ts';
import { hasChoice, outOfRange } from './figures.ts';

/** Under what circumstances campaigns may bid or not. */
export interface Circumstances {
  /** What asks for a decision. */
  readonly occasion: {
    readonly atMs: number;
    /** The event's type; undefined when the event asks outright, which every trigger allows. */
    readonly trigger: Campaign['triggers'][number] | undefined;
    readonly placement: string | undefined;
  };
  /** What targeting, rules and quality read. */
  readonly facts: RuleFacts;
  /** The wins that the user is remembered to have seen. */
  readonly exposures: FusedState['exposures'];
  /** Of the user's calendar. */
  readonly zone: string;
  readonly settings: Settings;
  /** The partition's clock, for the windows of grants. */
  readonly clockMs: number;
  delivery(campaign: string): DeliveryCell;
}

const LIMITS: Readonly<Record<GrantLimit, Exclusion>> = {
  total: 'budget',
  day: 'daily_budget',
  hour: 'hourly_budget',
  pacing: 'pacing',
};

/** Tells of each campaign whether it may bid. Belongs to one auction. */
export class Screening {
  readonly #circumstances: Circumstances;
  readonly #moment: Moment;
  /** The bit of the event that campaigns must name; none if it asks outright. */
  readonly #trigger: number;

  constructor(circumstances: Circumstances) {
    const { exposures, occasion, zone, settings } = circumstances;
    const { trigger } = occasion;
    this.#circumstances = circumstances;
    this.#trigger = trigger === undefined ? 0 : triggerBits([trigger]);
    this.#moment = new Moment(exposures, occasion.atMs, zone, settings);
  }

  /** Why a campaign is not for this occasion, whoever the user is. */
  unfitOccasion(entry: CampaignEntry): Exclusion | undefined {
    const { placements, schedule } = entry;
    if (!entry.isLive) return 'not_live';
    if ((entry.triggers & this.#trigger) !== this.#trigger) return 'not_triggered';
    const { placement, atMs } = this.#circumstances.occasion;
    if (placement !== undefined && placements !== null && !placements.includes(placement)) {
      return 'wrong_placement';
    }
    const isScheduled =
      schedule === undefined || (schedule.starts_at_ms <= atMs && atMs < schedule.ends_at_ms);
    return isScheduled ? undefined : 'not_scheduled';
  }

  /** Why a campaign that is for this occasion is not for the user. */
  unfitUser(entry: CampaignEntry): Exclusion | undefined {
    const { facts } = this.#circumstances;
    const { rest } = entry;
    const unfit = outOfRange(entry, facts.signals);
    if (unfit !== undefined || rest === undefined) return unfit;
    return hasChoice(entry, facts.signals) || rest(facts) ? undefined : 'rule';
  }

  /** Why a campaign that fits must hold back: courtesy, then money. House campaigns never. */
  heldBack({ id, isHouse, courtesy, quiet, bidMicros }: CampaignEntry): Exclusion | undefined {
    if (isHouse) return undefined;
    const discourtesy = this.#moment.exclusion(id, courtesy, quiet);
    if (discourtesy !== undefined) return discourtesy;
    const { clockMs } = this.#circumstances;
    const { grant, window_micros } = this.#circumstances.delivery(id);
    if (grant === null || clockMs < grant.from_ms || clockMs >= grant.until_ms) return 'no_grant';
    return grant.allow_micros - window_micros < bidMicros ? LIMITS[grant.limited_by] : undefined;
  }
}
