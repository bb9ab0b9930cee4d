/**
 * The auction: a generalised second price for one to MAX_SLOTS places, a pure function of what the
 * user's signals, the campaigns and the event say.
 *
 * Invariants:
 *   A1 The order of the campaigns does not matter; ties go to the smaller campaign id.
 *   A2 Reserve <= price <= bid, and the price is the least bid that keeps the place. Under a
 *      weighted reserve it is price x quality that reaches the reserve.
 *   A3 All money and scores are exact integers (I4).
 *   A4 A campaign that is held out is in the auction but for its place: who else wins it pays as if
 *      the campaign did not exist, and the campaign is named if the place would have been its own.
 *
 * Hot path: of ten thousand campaigns only those that a receipt lists are made objects of.
 */
import type { Campaign } from '../../protocols/campaign.ts';
import { ALL_CAMPAIGNS } from '../../protocols/cells.ts';
import {
  type Candidate,
  type Exclusion,
  exclusionSchema,
  MAX_RECEIPT_CANDIDATES,
} from '../../protocols/decision.ts';
import type { UserToken } from '../../protocols/ids.ts';
import type { Micros } from '../../protocols/money.ts';
import type { RuleFacts } from '../../protocols/rule-facts.ts';
import type { Settings } from '../../protocols/settings.ts';
import { type Circumstances, Screening } from './eligibility.ts';
import { type CampaignEntry, type Suppression, suppression } from './entry.ts';
import { qualityParts } from './figures.ts';
import { isHeldOut } from './holdout.ts';
import { factorOf, qualityPpm } from './quality.ts';
import { type Row, Shortlist } from './shortlist.ts';

const PPM = 1_000_000;
/** The priority that receipts leave out. */
const MIDDLE_PRIORITY = 5;

/** What asks for a decision. */
export type Occasion = Circumstances['occasion'];

/** All that an auction reads. */
export interface AuctionInput extends Circumstances {
  readonly entries: Iterable<CampaignEntry>;
  readonly user: UserToken;
}

/** A place, who got it, and for how much. */
export interface AuctionWin {
  readonly campaign: Campaign;
  readonly priceMicros: Micros;
  /** The next campaign's id if that set the price, else `reserve`; `house` for a house campaign. */
  readonly priceSetter: string;
}

export interface AuctionResult {
  /** Those that are not out by rank, then the others by id; the first of them. */
  readonly candidates: readonly Candidate[];
  /** How many were out, by reason, those not listed too. */
  readonly excluded: Partial<Record<Exclusion, number>>;
  /** Place by place. */
  readonly wins: readonly AuctionWin[];
  /** Who would have won a place, by rank, or ALL_CAMPAIGNS. */
  readonly heldOut: readonly string[];
  /** Who would have fitted but was kept back, by id. */
  readonly suppressed: readonly Suppression[];
  readonly reserveMicros: Micros;
}

/** Holds the auction. Cost: O(campaigns), some 0.2 µs each. */
export function holdAuction(input: AuctionInput): AuctionResult {
  const ranking = new Ranking(input);
  ranking.run();
  const { places, reserve } = ranking;
  const { rows } = ranking.standing;
  const wins = rows.slice(0, places.slots).map((row, place): AuctionWin => {
    return { campaign: row.entry.campaign, ...priceOf(row, rows[place + 1], reserve) };
  });
  const others = ranking.out.rows.slice(0, MAX_RECEIPT_CANDIDATES - rows.length);
  return {
    candidates: rows.concat(others).map((row) => candidateOf(row, input.facts)),
    excluded: inOrder(ranking.counts),
    wins,
    heldOut: ranking.heldOut(),
    suppressed: ranking.suppressed.sort(([a], [b]) => (a < b ? -1 : 1)),
    reserveMicros: places.reserveMicros,
  };
}

/** Who gets the first place, without the rest; null if nobody does. O(campaigns). */
export function firstPlace(input: AuctionInput): string | null {
  const ranking = new Ranking(input);
  ranking.run();
  return ranking.standing.rows[0]?.entry.id ?? null;
}

interface Reserve {
  readonly micros: Micros;
  readonly isWeighted: boolean;
}

/** One walk over the campaigns, and what it has found. */
class Ranking {
  /** Those that are not out, by rank; and the others by id, where a receipt has room for them. */
  readonly standing = new Shortlist(byRank, MAX_RECEIPT_CANDIDATES);
  readonly out = new Shortlist(byId, MAX_RECEIPT_CANDIDATES);
  readonly counts: Partial<Record<Exclusion, number>> = {};
  readonly suppressed: Suppression[] = [];
  readonly places: { readonly slots: number; readonly reserveMicros: Micros };
  readonly reserve: Reserve;
  readonly #input: AuctionInput;
  readonly #screening: Screening;
  /** Held out from, and not known yet to rank behind all places. */
  readonly #ghosts: Row[] = [];
  #isControl: boolean | undefined;

  constructor(input: AuctionInput) {
    this.#input = input;
    this.#screening = new Screening(input);
    this.places = placesOf(input.settings, input.occasion.placement);
    const isWeighted = input.settings.reserve_kind === 'weighted';
    this.reserve = { micros: this.places.reserveMicros, isWeighted };
  }

  run(): void {
    for (const entry of this.#input.entries) {
      const unfit = this.#screening.unfitOccasion(entry) ?? this.#screening.unfitUser(entry);
      if (unfit === undefined) this.#takeFitting(entry);
      else this.#takeOut(entry, unfit);
    }
  }

  #takeFitting(entry: CampaignEntry): void {
    const heldBack = this.#screening.heldBack(entry);
    if (heldBack !== undefined) {
      this.#takeBack(entry, heldBack);
      return;
    }
    const ppm = qualityPpm(entry, this.#input.facts);
    const score = entry.bidMicros * ppm;
    const reason = entry.isHouse ? undefined : this.#reasonOf(entry, score);
    if (reason === undefined) {
      this.standing.offer(entry, undefined, ppm, entry.isHouse ? ppm : score);
      return;
    }
    this.#takeBack(entry, reason);
    if (reason === 'holdout') this.#haunt({ entry, reason, ppm, score });
  }

  /** What only a score can tell, and holdouts, which nobody asks for who is out anyway. */
  #reasonOf(entry: CampaignEntry, score: number): Exclusion | undefined {
    const { micros, isWeighted } = this.reserve;
    const isBelow = isWeighted ? score < micros * PPM : entry.bidMicros < micros;
    if (isBelow) return 'below_reserve';
    const { user, settings } = this.#input;
    if (isHeldOut(user, entry.id, entry.holdoutPpm)) return 'holdout';
    this.#isControl ??= isHeldOut(user, ALL_CAMPAIGNS, settings.holdout_ppm);
    return this.#isControl ? 'holdout_all' : undefined;
  }

  #takeBack(entry: CampaignEntry, reason: Exclusion): void {
    this.suppressed.push(suppression(entry, reason));
    this.#takeOut(entry, reason);
  }

  #takeOut(entry: CampaignEntry, reason: Exclusion): void {
    this.counts[reason] = (this.counts[reason] ?? 0) + 1;
    if (!this.standing.isFull) this.out.offer(entry, reason, 0, 0);
  }

  #haunt(ghost: Row): void {
    if (this.#isGhost(ghost)) this.#ghosts.push(ghost);
  }

  /** Whether so far fewer bidders rank before it than there are places. */
  #isGhost(row: Row): boolean {
    const last = this.standing.rows[this.places.slots - 1];
    return last === undefined || byRank(row, last) < 0;
  }

  /** Who would have won a place; for users held out from all campaigns, whether any would. */
  heldOut(): readonly string[] {
    // Asked only of a campaign that nothing else keeps back, and then that is its reason.
    if (this.#isControl === true) return [ALL_CAMPAIGNS];
    const { user, settings } = this.#input;
    if (this.#ghosts.length === 0 || isHeldOut(user, ALL_CAMPAIGNS, settings.holdout_ppm))
      return [];
    const ghosts = this.#ghosts.filter((row) => this.#isGhost(row));
    const first = ghosts.sort(byRank).slice(0, MAX_RECEIPT_CANDIDATES);
    return first.map(({ entry }) => entry.id);
  }
}

/** How many places there are to win, and at what reserve. */
function placesOf(settings: Settings, placement: string | undefined): Ranking['places'] {
  const { placements, reserve_micros: reserveMicros } = settings;
  // Events name what placements they like, "constructor" too.
  if (placement === undefined || !Object.hasOwn(placements, placement)) {
    return { slots: 1, reserveMicros };
  }
  const { slots = 1, reserve_micros } = placements[placement] ?? {};
  return { slots, reserveMicros: reserve_micros ?? reserveMicros };
}

/** What a winner pays where another campaign, or none, comes next. */
function priceOf(
  winner: Row,
  next: Row | undefined,
  { micros, isWeighted }: Reserve,
): Pick<AuctionWin, 'priceMicros' | 'priceSetter'> {
  if (winner.entry.isHouse) return { priceMicros: 0, priceSetter: 'house' };
  const asked = isWeighted ? Math.ceil((micros * PPM) / winner.ppm) : micros;
  // Before another tier it ranks with any bid.
  if (next === undefined || next.entry.tier !== winner.entry.tier) {
    return { priceMicros: asked, priceSetter: 'reserve' };
  }
  const toBeat = leastBidBefore(winner, next);
  return toBeat > asked
    ? { priceMicros: toBeat, priceSetter: next.entry.id }
    : { priceMicros: asked, priceSetter: 'reserve' };
}

/** The least bid that keeps the winner ahead; a tie is enough if the winner's id wins it. */
function leastBidBefore(winner: Row, next: Row): Micros {
  const whole = Math.floor(next.score / winner.ppm);
  const ties = whole * winner.ppm === next.score;
  return ties && byId(winner, next) < 0 ? whole : whole + 1;
}

/** Returns small integers: a difference of scores would be an object, millions of them a second. */
function byRank(a: Row, b: Row): number {
  if (a.entry.tier !== b.entry.tier) return b.entry.tier - a.entry.tier;
  if (a.score === b.score) return byId(a, b);
  return a.score > b.score ? -1 : 1;
}

function byId(a: Row, b: Row): number {
  return a.entry.id < b.entry.id ? -1 : 1;
}

/** The same counts whatever the order of the campaigns, as text too (A1). */
function inOrder(counts: Partial<Record<Exclusion, number>>): Partial<Record<Exclusion, number>> {
  const ordered: Partial<Record<Exclusion, number>> = {};
  for (const reason of exclusionSchema.options) {
    const count = counts[reason];
    if (count !== undefined) ordered[reason] = count;
  }
  return ordered;
}

/** A candidate as receipts list it; what its quality is made of only if it is not out. */
function candidateOf({ entry, reason }: Row, facts: RuleFacts): Candidate {
  const ppm = qualityPpm(entry, facts);
  const { priority } = entry.campaign;
  const candidate: Candidate = {
    campaign: entry.id,
    version: entry.version,
    bid_micros: entry.bidMicros,
    quality_ppm: ppm,
    score: entry.bidMicros * ppm,
  };
  if (reason !== undefined) candidate.excluded = reason;
  if (priority !== MIDDLE_PRIORITY) candidate.priority = priority;
  if (reason !== undefined) return candidate;
  candidate.contributions = qualityParts(entry, facts.signals);
  const factor = factorOf(entry, facts);
  if (factor !== 1) candidate.factor = factor;
  return candidate;
}
