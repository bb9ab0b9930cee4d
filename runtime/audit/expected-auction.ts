/**
 * Who must win an auction, at what price, and why the others may not, from docs/semantics.md. The
 * price is searched for by its definition: the least bid with which the winner still ranks first.
 */
import type { Campaign } from '../../protocols/campaign.ts';
import type { CampaignCell, DeliveryCell } from '../../protocols/cells.ts';
import {
  type Candidate,
  type Exclusion,
  MAX_RECEIPT_CANDIDATES,
  type Receipt,
} from '../../protocols/decision.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';

const DAY_MS = 86_400_000;
/** Wins that the engine remembers per user. */
export const MAX_EXPOSURES = 32;

/** What an event offers to campaigns. */
export interface Occasion {
  readonly t: number;
  /** The type that has to be among a campaign's triggers; undefined if the event asks outright. */
  readonly trigger: Campaign['triggers'][number] | undefined;
  readonly placement: string | undefined;
}

/** All that an auction reads. */
export interface AuctionInput {
  readonly occasion: Occasion;
  readonly campaigns: ReadonlyMap<string, CampaignCell>;
  readonly delivery: ReadonlyMap<string, DeliveryCell>;
  readonly signals: Receipt['signals'];
  readonly exposures: FusedState['exposures'];
  readonly reserveMicros: number;
}

/** The part of a receipt that the auction makes, and the winner. */
export type AuctionOutcome = Pick<
  Receipt,
  'candidates' | 'excluded' | 'price_micros' | 'price_setter'
> & { readonly winner: Campaign | undefined };

/** Whether any campaign may take part at all. */
export function anyMayBid(input: AuctionInput): boolean {
  for (const cell of input.campaigns.values()) if (whyNot(cell, input) === undefined) return true;
  return false;
}

/** Holds the auction again. */
export function expectedAuction(input: AuctionInput): AuctionOutcome {
  const bidders: { readonly campaign: Campaign; readonly candidate: Candidate }[] = [];
  const others: Candidate[] = [];
  const excluded: Partial<Record<Exclusion, number>> = {};
  for (const cell of input.campaigns.values()) {
    const { campaign, version } = cell;
    const ppm = qualityPpm(campaign, input.signals);
    const candidate: Candidate = {
      campaign: campaign.id,
      version,
      bid_micros: campaign.bid_micros,
      quality_ppm: ppm,
      score: campaign.bid_micros * ppm,
    };
    const reason = whyNot(cell, input);
    if (reason === undefined) {
      const contributions = contributionsOf(campaign, input.signals);
      bidders.push({ campaign, candidate: { ...candidate, contributions } });
    } else {
      others.push({ ...candidate, excluded: reason });
      excluded[reason] = (excluded[reason] ?? 0) + 1;
    }
  }
  bidders.sort((a, b) => byRank(a.candidate, b.candidate));
  others.sort((a, b) => (a.campaign < b.campaign ? -1 : 1));
  const ranked = bidders.map(({ candidate }) => candidate);
  const [first, second] = ranked;
  const price = first === undefined ? 0 : priceOf(first, second, input.reserveMicros);
  const isReserve = second === undefined || price === input.reserveMicros;
  return {
    candidates: [...ranked, ...others].slice(0, MAX_RECEIPT_CANDIDATES),
    excluded,
    price_micros: price,
    price_setter: first === undefined ? null : isReserve ? 'reserve' : second.campaign,
    winner: bidders[0]?.campaign,
  };
}

function byRank(a: Candidate, b: Candidate): number {
  return b.score - a.score || (a.campaign < b.campaign ? -1 : 1);
}

/** The least bid from the reserve on that keeps the winner's rank. O(log bid). */
function priceOf(winner: Candidate, second: Candidate | undefined, reserve: number): number {
  let low = reserve;
  let high = winner.bid_micros;
  while (low < high) {
    const bid_micros = Math.floor((low + high) / 2);
    const lowered = { ...winner, bid_micros, score: bid_micros * winner.quality_ppm };
    if (second === undefined || byRank(lowered, second) < 0) high = bid_micros;
    else low = bid_micros + 1;
  }
  return low;
}

function contributionsOf(
  { quality }: Campaign,
  signals: Receipt['signals'],
): Record<string, number> {
  const parts: Record<string, number> = { base: quality.base };
  for (const [signal, weight] of Object.entries(quality.weights)) {
    parts[signal] = weight * signals[signal as keyof Receipt['signals']];
  }
  return parts;
}

function qualityPpm(campaign: Campaign, signals: Receipt['signals']): number {
  const quality = Object.values(contributionsOf(campaign, signals)).reduce((a, b) => a + b, 0);
  return Math.round(Math.min(1, Math.max(0.01, quality)) * 1_000_000);
}

/** The first reason, in the order of the page, why a campaign takes no part. */
function whyNot({ campaign, status }: CampaignCell, input: AuctionInput): Exclusion | undefined {
  const { t, trigger, placement } = input.occasion;
  const { triggers, placements, schedule, targeting, bid_micros } = campaign;
  if (status !== 'live') return 'not_live';
  if (trigger !== undefined && !triggers.includes(trigger)) return 'not_triggered';
  const fits = placement === undefined || placements.length === 0 || placements.includes(placement);
  if (!fits) return 'wrong_placement';
  const isScheduled =
    schedule === undefined || (schedule.starts_at_ms <= t && t < schedule.ends_at_ms);
  if (!isScheduled) return 'not_scheduled';
  for (const [signal, { min, max }] of Object.entries(targeting)) {
    const value = input.signals[signal as keyof Receipt['signals']];
    if (value < min || value > max) return 'targeting';
  }
  const { max_per_day, min_spacing_s } = campaign.frequency;
  const distancesMs = input.exposures
    .filter((exposure) => exposure.campaign === campaign.id)
    .map((exposure) => Math.abs(t - exposure.t));
  if (distancesMs.some((ms) => ms < min_spacing_s * 1_000)) return 'min_spacing';
  if (distancesMs.filter((ms) => ms < DAY_MS).length >= max_per_day) return 'frequency_cap';
  const [oldest] = input.exposures;
  const isFull = oldest !== undefined && input.exposures.length >= MAX_EXPOSURES;
  const horizonMs = Math.max(DAY_MS, min_spacing_s * 1_000);
  if (isFull && Math.abs(t - oldest.t) < horizonMs) return 'frequency_cap';
  const budget = input.delivery.get(campaign.id);
  const leftMicros = (budget?.granted_micros ?? 0) - (budget?.spent_micros ?? 0);
  if (leftMicros < bid_micros) return 'budget';
  return bid_micros < input.reserveMicros ? 'below_reserve' : undefined;
}
