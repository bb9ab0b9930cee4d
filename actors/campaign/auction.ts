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
import {
  type Candidate,
  type Exclusion,
  exclusionSchema,
  MAX_RECEIPT_CANDIDATES,
} from '../../protocols/decision.ts';
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
  /** Eligible candidates by falling score, then the excluded ones by id; the first of them. */
  readonly candidates: readonly Candidate[];
  /** How many were excluded, by reason, those not listed too. */
  readonly excluded: Readonly<Partial<Record<Exclusion, number>>>;
  readonly winner: Campaign | undefined;
  readonly priceMicros: Micros;
  /** The runner-up's id if its score set the price, else `reserve`; null without a winner. */
  readonly priceSetter: string | null;
}

/**
 * Runs the auction.
 *
 * @param reserveMicros the least price of a win; lower bids are excluded.
 * Cost: O(n) in the number of bidders; only the candidates that a receipt lists are built.
 */
export function runAuction(
  bidders: readonly Bidder[],
  signals: Signals,
  reserveMicros: Micros,
): AuctionResult {
  const eligible = new Best(byRank);
  const out = new Best(byId);
  const counts: Partial<Record<Exclusion, number>> = {};
  for (const bidder of bidders) {
    const { campaign, exclusion } = bidder;
    const reason = exclusion ?? (campaign.bid_micros < reserveMicros ? 'below_reserve' : undefined);
    if (reason === undefined) {
      const ppm = qualityPpm(campaign, signals);
      eligible.offer({ bidder, reason, ppm, score: campaign.bid_micros * ppm });
    } else {
      counts[reason] = (counts[reason] ?? 0) + 1;
      out.offer({ bidder, reason, ppm: 0, score: 0 });
    }
  }
  const room = MAX_RECEIPT_CANDIDATES - eligible.ranked.length;
  const scored = out.ranked.slice(0, room).map((entry) => {
    return { ...entry, ppm: qualityPpm(entry.bidder.campaign, signals) };
  });
  const candidates = eligible.ranked.concat(scored).map(candidateOf);
  const excluded = inOrder(counts);
  const [first, second] = eligible.ranked;
  if (first === undefined) {
    return { candidates, excluded, winner: undefined, priceMicros: 0, priceSetter: null };
  }
  const toBeat = leastWinningBid(first, second);
  return {
    candidates,
    excluded,
    winner: first.bidder.campaign,
    priceMicros: Math.max(toBeat, reserveMicros),
    priceSetter: toBeat > reserveMicros ? (second?.bidder.campaign.id ?? null) : 'reserve',
  };
}

/** The same counts whatever the order of the bidders, as text too (A1). */
function inOrder(counts: Partial<Record<Exclusion, number>>): Partial<Record<Exclusion, number>> {
  const ordered: Partial<Record<Exclusion, number>> = {};
  for (const reason of exclusionSchema.options) {
    const count = counts[reason];
    if (count !== undefined) ordered[reason] = count;
  }
  return ordered;
}

/** A bidder with its score; an excluded one has none. */
interface Entry {
  readonly bidder: Bidder;
  readonly reason: Exclusion | undefined;
  readonly ppm: number;
  readonly score: number;
}

/** The first MAX_RECEIPT_CANDIDATES of many entries, in order. */
class Best {
  readonly ranked: Entry[] = [];
  readonly #compare: (a: Entry, b: Entry) => number;

  constructor(compare: (a: Entry, b: Entry) => number) {
    this.#compare = compare;
  }

  /** O(log of what is kept) for most, as few of many belong to the first. */
  offer(entry: Entry): void {
    const { ranked } = this;
    const last = ranked[ranked.length - 1];
    const isFull = ranked.length >= MAX_RECEIPT_CANDIDATES;
    if (isFull && last !== undefined && this.#compare(entry, last) > 0) return;
    let low = 0;
    let high = ranked.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(entry, ranked[middle] as Entry) > 0) low = middle + 1;
      else high = middle;
    }
    ranked.splice(low, 0, entry);
    if (isFull) ranked.pop();
  }
}

function candidateOf({ bidder, reason, ppm }: Entry): Candidate {
  const { campaign, version } = bidder;
  const candidate = {
    campaign: campaign.id,
    version,
    bid_micros: campaign.bid_micros,
    quality_ppm: ppm,
    score: campaign.bid_micros * ppm,
  };
  return reason === undefined ? candidate : { ...candidate, excluded: reason };
}

/** What each part adds to a campaign's quality, before it is held to 0.01 … 1. */
export function qualityParts(campaign: Campaign, signals: Signals): Record<string, number> {
  const parts: Record<string, number> = { base: campaign.quality.base };
  for (const signal in campaign.quality.weights) {
    parts[signal] = weightOf(campaign, signal as Signal) * signals[signal as Signal];
  }
  return parts;
}

function qualityPpm(campaign: Campaign, signals: Signals): number {
  let quality = campaign.quality.base;
  for (const signal in campaign.quality.weights) {
    quality += weightOf(campaign, signal as Signal) * signals[signal as Signal];
  }
  return Math.round(Math.min(1, Math.max(MIN_QUALITY, quality)) * PPM);
}

function weightOf(campaign: Campaign, signal: Signal): number {
  return campaign.quality.weights[signal] ?? 0;
}

function byRank(a: Entry, b: Entry): number {
  return a.score === b.score ? byId(a, b) : b.score - a.score;
}

function byId(a: Entry, b: Entry): number {
  return a.bidder.campaign.id < b.bidder.campaign.id ? -1 : 1;
}

/** The least bid that keeps the winner ahead; a tie is enough if the winner's id wins it. */
function leastWinningBid(winner: Entry, runnerUp: Entry | undefined): Micros {
  if (runnerUp === undefined) return 0;
  const whole = Math.floor(runnerUp.score / winner.ppm);
  const ties = whole * winner.ppm === runnerUp.score;
  return ties && byId(winner, runnerUp) < 0 ? whole : whole + 1;
}
