/**
 * The auction: a generalised second price for one slot, a pure function of what the user's
 * signals, the campaigns and the event say.
 *
 * Invariants:
 *   A1 The order of the bidders does not matter; ties go to the smaller campaign id.
 *   A2 reserve <= price <= bid, and the price is the least bid with which the winner still wins.
 *   A3 All money and scores are exact integers (I4).
 */
import type { Campaign, Signal } from '../../protocols/campaign.ts';
import type { Candidate, Exclusion } from '../../protocols/decision.ts';
import type { Micros } from '../../protocols/money.ts';

const PPM = 1_000_000;
/** No campaign's quality is below 1 %: a bid never counts for nothing. */
export const MIN_QUALITY = 0.01;

export type Signals = Readonly<Record<Signal, number>>;

/** A campaign that may bid, or the reason why it may not. */
export interface Bidder {
  readonly campaign: Campaign;
  readonly version: number;
  readonly exclusion: Exclusion | undefined;
}

export interface AuctionResult {
  /** Eligible candidates by falling score, then the excluded ones by id. */
  readonly candidates: readonly Candidate[];
  readonly winner: Campaign | undefined;
  readonly priceMicros: Micros;
  /** The runner-up's id if its score set the price, else `reserve`; null without a winner. */
  readonly priceSetter: string | null;
}

/**
 * Runs the auction.
 *
 * @param reserveMicros the least price of a win; lower bids are excluded.
 * Cost: O(n log n) in the number of bidders.
 */
export function runAuction(
  bidders: readonly Bidder[],
  signals: Signals,
  reserveMicros: Micros,
): AuctionResult {
  const eligible: Candidate[] = [];
  const excluded: Candidate[] = [];
  const campaigns = new Map<string, Campaign>();
  for (const { campaign, version, exclusion } of bidders) {
    const reason = exclusion ?? (campaign.bid_micros < reserveMicros ? 'below_reserve' : undefined);
    const candidate = scoreOf(campaign, version, signals);
    if (reason !== undefined) excluded.push({ ...candidate, excluded: reason });
    else {
      eligible.push(candidate);
      campaigns.set(campaign.id, campaign);
    }
  }
  eligible.sort(byRank);
  excluded.sort((a, b) => (a.campaign < b.campaign ? -1 : 1));
  const candidates = eligible.concat(excluded);
  const first = eligible[0];
  if (first === undefined) {
    return { candidates, winner: undefined, priceMicros: 0, priceSetter: null };
  }
  const toBeat = leastWinningBid(first, eligible[1]);
  return {
    candidates,
    winner: campaigns.get(first.campaign),
    priceMicros: Math.max(toBeat, reserveMicros),
    priceSetter: toBeat > reserveMicros ? (eligible[1]?.campaign ?? null) : 'reserve',
  };
}

/** What each part adds to a campaign's quality, before it is held to 0.01 … 1. */
export function qualityParts(campaign: Campaign, signals: Signals): Record<string, number> {
  const parts: Record<string, number> = { base: campaign.quality.base };
  for (const signal in campaign.quality.weights) {
    parts[signal] = weightOf(campaign, signal as Signal) * signals[signal as Signal];
  }
  return parts;
}

function scoreOf(campaign: Campaign, version: number, signals: Signals): Candidate {
  let quality = campaign.quality.base;
  for (const signal in campaign.quality.weights) {
    quality += weightOf(campaign, signal as Signal) * signals[signal as Signal];
  }
  const ppm = Math.round(Math.min(1, Math.max(MIN_QUALITY, quality)) * PPM);
  return {
    campaign: campaign.id,
    version,
    bid_micros: campaign.bid_micros,
    quality_ppm: ppm,
    score: campaign.bid_micros * ppm,
  };
}

function weightOf(campaign: Campaign, signal: Signal): number {
  return campaign.quality.weights[signal] ?? 0;
}

function byRank(a: Candidate, b: Candidate): number {
  if (a.score !== b.score) return b.score - a.score;
  return a.campaign < b.campaign ? -1 : 1;
}

/** The least bid that keeps the winner ahead; a tie is enough if the winner's id wins it. */
function leastWinningBid(winner: Candidate, runnerUp: Candidate | undefined): Micros {
  if (runnerUp === undefined) return 0;
  const whole = Math.floor(runnerUp.score / winner.quality_ppm);
  const ties = whole * winner.quality_ppm === runnerUp.score;
  return ties && winner.campaign < runnerUp.campaign ? whole : whole + 1;
}
