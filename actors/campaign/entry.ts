/**
 * A campaign as auctions know it: its rules compiled, and what every auction reads of it laid out
 * so that ten thousand of them are read quickly: flat figures by column instead of records by name.
 *
 * Owns the compiled rules, which campaigns and partitions share: a rule means the same to all.
 */
import { type Campaign, type CampaignStatus, MAX_CAMPAIGNS } from '../../protocols/campaign.ts';
import type { CampaignCell } from '../../protocols/cells.ts';
import type { Exclusion } from '../../protocols/decision.ts';
import type { Micros } from '../../protocols/money.ts';
import { type CourtesyTerms, courtesyTerms, type QuietMinutes, quietMinutes } from './courtesy.ts';
import { type Figures, figuresOf } from './figures.ts';
import { type CompiledRule, mistakeIn, SharedRules } from './rules.ts';

/** Some rules more than campaigns: the old ones of those that were changed go first. */
const MAX_SHARED_RULES = 2 * MAX_CAMPAIGNS;
const rules = new SharedRules(MAX_SHARED_RULES);

/** Above all priorities: whoever bids ranks before every house campaign. */
const BIDDER_TIER = 100;

/** A campaign that was kept back, and why. */
export type Suppression = readonly [campaign: string, reason: Exclusion];

/** Bits of the events that may start an auction. */
const TRIGGER_BITS = { behavior: 1, impression: 2, click: 4, conversion: 8 } as const;
/** One object for all that have none: what is not there need not be fetched. */
const NONE: readonly never[] = [];

/**
 * Made by `enterCampaign` only: what follows from the campaign has to agree with it. What decides
 * most often comes first, as the time of an auction goes into fetching this from memory.
 */
export interface CampaignEntry extends Figures {
  /** Whether its state lets it take part, on events of which types (bits), where no one asked. */
  readonly isLive: boolean;
  readonly triggers: number;
  /** Null for all. */
  readonly placements: readonly string[] | null;
  readonly schedule: Campaign['schedule'];
  /** What its rule asks beside the ranges in the figures; undefined if nothing. */
  readonly rest: CompiledRule['rest'];
  readonly id: string;
  readonly isHouse: boolean;
  readonly quiet: QuietMinutes | undefined;
  readonly courtesy: CourtesyTerms;
  /** What it bids; a house campaign 0. */
  readonly bidMicros: Micros;
  readonly multipliers: readonly { readonly rule: CompiledRule; readonly factor: number }[];
  readonly holdoutPpm: number;
  /** Ranks before all of a smaller one: bidders before house campaigns, then by priority. */
  readonly tier: number;
  readonly campaign: Campaign;
  readonly version: number;
  readonly status: CampaignStatus;
  readonly rule: CompiledRule | undefined;
  /** What auctions return again and again, made when first needed. */
  readonly suppressions: Partial<Record<Exclusion, Suppression>>;
}

/**
 * Makes a campaign ready for auctions, in some microseconds, or tens of them per rule that nobody
 * else has.
 *
 * @throws RuleMistake for a rule that does not compile.
 */
export function enterCampaign({
  campaign,
  version,
  status,
}: Pick<CampaignCell, 'campaign' | 'version' | 'status'>): CampaignEntry {
  const { quiet_hours, placements, house, priority } = campaign;
  const rule = campaign.rule === undefined ? undefined : rules.compile(campaign.rule);
  const multipliers = campaign.multipliers.map(({ when, factor }) => {
    return { rule: rules.compile(when), factor };
  });
  return {
    isLive: status === 'live',
    triggers: house ? 0 : triggerBits(campaign.triggers),
    placements: placements.length === 0 ? null : placements,
    schedule: campaign.schedule,
    ...figuresOf(campaign, rule),
    rest: rule?.rest,
    id: campaign.id,
    isHouse: house,
    quiet: quiet_hours && quietMinutes(quiet_hours),
    courtesy: courtesyTerms(campaign.frequency),
    bidMicros: house ? 0 : campaign.bid_micros,
    multipliers: multipliers.length === 0 ? NONE : multipliers,
    holdoutPpm: house ? 0 : campaign.holdout_ppm,
    tier: house ? priority : BIDDER_TIER + priority,
    campaign,
    version,
    status,
    rule,
    suppressions: {},
  };
}

/** The bits of some events. */
export function triggerBits(triggers: Campaign['triggers']): number {
  return triggers.reduce((bits, trigger) => bits | TRIGGER_BITS[trigger], 0);
}

/** The same campaign with another bid; O(1). */
export function withBid(entry: CampaignEntry, bidMicros: Micros): CampaignEntry {
  const campaign = { ...entry.campaign, bid_micros: bidMicros };
  return { ...entry, campaign, bidMicros: entry.isHouse ? 0 : bidMicros };
}

/** That a campaign was kept back for a reason: always the same object, to make no garbage. */
export function suppression(entry: CampaignEntry, reason: Exclusion): Suppression {
  const known = entry.suppressions[reason];
  if (known !== undefined) return known;
  const made: Suppression = [entry.id, reason];
  entry.suppressions[reason] = made;
  return made;
}

/** The topics whose interests a campaign's rules read, sorted, each once. */
export function topicsOf({ rule, multipliers }: CampaignEntry): readonly string[] {
  const named = multipliers.flatMap((multiplier) => multiplier.rule.topics);
  return [...new Set(rule === undefined ? named : named.concat(rule.topics))].sort();
}

/** The rules of a campaign that do not compile, by the field that they are in. */
export function campaignMistakes(
  campaign: Campaign,
): readonly { readonly field: string; readonly message: string }[] {
  const sources: [field: string, source: string][] = [];
  if (campaign.rule !== undefined) sources.push(['rule', campaign.rule]);
  for (const [i, { when }] of campaign.multipliers.entries()) {
    sources.push([`multipliers.${i}.when`, when]);
  }
  return sources.flatMap(([field, source]) => {
    const mistake = mistakeIn(source);
    return mistake === undefined ? [] : [{ field, message: mistake.message }];
  });
}
