/**
 * Why a campaign takes no part in an auction, from docs/semantics.md ("Who may bid", "Holdouts"):
 * the first reason in the order of the page.
 */
import type { Campaign } from '../../protocols/campaign.ts';
import { ALL_CAMPAIGNS, type CampaignCell } from '../../protocols/cells.ts';
import type { Exclusion, Receipt } from '../../protocols/decision.ts';
import type { GrantLimit } from '../../protocols/grant.ts';
import type { Settings } from '../../protocols/settings.ts';
import { discourtesyOf, type Moment } from './expected-courtesy.ts';
import type { ExpectedDelivery } from './expected-delivery.ts';
import { type Facts, holds } from './expected-rules.ts';
import { isHeldOut } from './expected-trials.ts';

const LIMITS: Readonly<Record<GrantLimit, Exclusion>> = {
  total: 'budget',
  day: 'daily_budget',
  hour: 'hourly_budget',
  pacing: 'pacing',
};

/** What an event offers to campaigns. */
export interface Occasion {
  /** The type that has to be among a campaign's triggers; undefined if the event asks outright. */
  readonly trigger: Campaign['triggers'][number] | undefined;
  readonly placement: string | undefined;
}

/** All that an auction reads. */
export interface AuctionInput extends Facts, Moment {
  /** The user's token. */
  readonly user: string;
  readonly occasion: Occasion;
  readonly campaigns: ReadonlyMap<string, CampaignCell>;
  readonly delivery: ExpectedDelivery;
  readonly settings: Settings;
}

/** The first reason why a campaign takes no part, if there is any. */
export function whyNot(
  { campaign, status }: CampaignCell,
  input: AuctionInput,
): Exclusion | undefined {
  if (status !== 'live') return 'not_live';
  const reason = unfit(campaign, input);
  // A house campaign neither pays nor is it withheld, and courtesy is not meant for it.
  if (reason !== undefined || campaign.house) return reason;
  return (
    discourtesyOf(campaign, input, input.settings) ??
    unpaid(campaign, input) ??
    withheld(campaign, input)
  );
}

/** Bid x quality, in millionths of a micro. */
function scoreOf(campaign: Campaign, input: Facts): number {
  return bidOf(campaign) * qualityOf(campaign, input).ppm;
}

/** What a campaign offers for a place. */
export function bidOf({ house, bid_micros }: Campaign): number {
  return house ? 0 : bid_micros;
}

/** A campaign's quality in parts per million, and what it is made of. */
export function qualityOf(
  { quality, multipliers }: Campaign,
  facts: Facts,
): { readonly ppm: number; readonly contributions: Record<string, number>; factor: number } {
  const contributions: Record<string, number> = { base: quality.base };
  for (const [signal, weight] of Object.entries(quality.weights)) {
    contributions[signal] = weight * facts.signals[signal as keyof Receipt['signals']];
  }
  const sum = Object.values(contributions).reduce((a, b) => a + b, 0);
  const standing = multipliers.filter(({ when }) => holds(when, facts));
  const product = standing.reduce((all, { factor }) => all * factor, 1);
  const factor = Math.min(8, Math.max(0.125, product));
  const ppm = Math.round(Math.min(1, Math.max(0.01, sum)) * factor * 1_000_000);
  return { ppm, contributions, factor };
}

/** The least score that may win. */
export function leastScoreOf(reserveMicros: number): number {
  return reserveMicros * 1_000_000;
}

/** The reserve of an occasion: its placement's own, if it has one. */
export function reserveOf({ occasion, settings }: AuctionInput): number {
  return placementOf(occasion, settings)?.reserve_micros ?? settings.reserve_micros;
}

/** Whether the user is in the control group of all campaigns. */
export function isHeldOutOfAll({ user, settings }: AuctionInput): boolean {
  return isHeldOut(user, ALL_CAMPAIGNS, settings.holdout_ppm);
}

/** How many places an occasion fills. */
export function placesOf({ occasion, settings }: AuctionInput): number {
  return placementOf(occasion, settings)?.slots ?? 1;
}

function placementOf(
  { placement }: Occasion,
  { placements }: Settings,
): Settings['placements'][string] | undefined {
  if (placement === undefined || !Object.hasOwn(placements, placement)) return undefined;
  return placements[placement];
}

function unfit(campaign: Campaign, input: AuctionInput): Exclusion | undefined {
  const { trigger, placement } = input.occasion;
  const { house, triggers, placements, schedule, targeting, rule } = campaign;
  const { t, signals } = input;
  if (trigger !== undefined && (house || !triggers.includes(trigger))) return 'not_triggered';
  const fits = placement === undefined || placements.length === 0 || placements.includes(placement);
  if (!fits) return 'wrong_placement';
  const isScheduled =
    schedule === undefined || (schedule.starts_at_ms <= t && t < schedule.ends_at_ms);
  if (!isScheduled) return 'not_scheduled';
  for (const [signal, { min, max }] of Object.entries(targeting)) {
    const value = signals[signal as keyof Receipt['signals']];
    if (value < min || value > max) return 'targeting';
  }
  return rule === undefined || holds(rule, input) ? undefined : 'rule';
}

function unpaid(campaign: Campaign, input: AuctionInput): Exclusion | undefined {
  const { id, bid_micros } = campaign;
  const { delivery, settings } = input;
  const left = delivery.leftOf(id);
  if (left === undefined) return 'no_grant';
  if (left.micros < bid_micros) return LIMITS[left.limitedBy];
  const reserve = reserveOf(input);
  const isBelow =
    settings.reserve_kind === 'weighted'
      ? scoreOf(campaign, input) < leastScoreOf(reserve)
      : bid_micros < reserve;
  return isBelow ? 'below_reserve' : undefined;
}

function withheld({ id, holdout_ppm }: Campaign, input: AuctionInput): Exclusion | undefined {
  if (isHeldOut(input.user, id, holdout_ppm)) return 'holdout';
  return isHeldOutOfAll(input) ? 'holdout_all' : undefined;
}
