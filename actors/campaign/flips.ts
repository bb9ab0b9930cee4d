/**
 * What would have to be different for another campaign to win: the smallest change of one bid,
 * and of one concept, found by running the auction again.
 *
 * Invariants:
 *   X1 Every flip is verified: the auction with the change has another winner, and with the next
 *      smaller change of the same bid or concept it has not.
 */
import { MAX_BID_MICROS } from '../../protocols/campaign.ts';
import type { Micros } from '../../protocols/money.ts';
import { CONCEPTS, type Concept, type FusedState } from '../../protocols/user-snapshot.ts';
import { type Scorer, signalsOf } from '../model/scorer.ts';
import { type Bidder, runAuction, type Signals } from './auction.ts';

/** A concept is changed in steps of one part in this many: a finer flip is not looked for. */
export const CONCEPT_STEPS = 1_000;

/** A bid that is tried instead of a campaign's own. */
export interface TriedBid {
  readonly campaign: string;
  readonly bidMicros: Micros;
}

/** An auction that can be run again: who may bid depends on the signals and on the bids. */
export interface Rerunnable {
  readonly concepts: FusedState['concepts'];
  /** Of the model that was in force: intents follow concepts by it. */
  readonly scorer: Scorer;
  readonly reserveMicros: Micros;
  bidders(signals: Signals, tried?: TriedBid): readonly Bidder[];
  /** What is left of a campaign's grant: a higher bid is out. */
  leftMicros(campaign: string): Micros;
}

/** The least change of one campaign's bid that gives another winner. */
export interface BidFlip {
  readonly campaign: string;
  readonly fromMicros: Micros;
  readonly toMicros: Micros;
  /** Null if nobody would win. */
  readonly winner: string | null;
}

/** The least change of one concept, intents following it, that gives another winner. */
export interface ConceptFlip {
  readonly concept: Concept;
  readonly from: number;
  readonly to: number;
  readonly winner: string | null;
}

/**
 * The smallest change of a single bid that flips the winner; undefined if none up to MAX_BID_MICROS
 * does. Of equally small ones the first campaign's by id.
 *
 * Cost: some 60 auctions a campaign.
 */
export function smallestBidFlip(auction: Rerunnable): BidFlip | undefined {
  const signals = signalsFrom(auction, auction.concepts);
  const winner = winnerOf(auction, signals);
  const flips = auction.bidders(signals).flatMap(({ campaign }) => {
    const fromMicros = campaign.bid_micros;
    const winnerAt = (bidMicros: Micros): string | null =>
      winnerOf(auction, signals, { campaign: campaign.id, bidMicros });
    const isChanged = (bidMicros: Micros): boolean => winnerAt(bidMicros) !== winner;
    return changes(fromMicros, auction.leftMicros(campaign.id), isChanged).map((toMicros) => {
      return { campaign: campaign.id, fromMicros, toMicros, winner: winnerAt(toMicros) };
    });
  });
  const change = (flip: BidFlip): number => Math.abs(flip.toMicros - flip.fromMicros);
  return flips.sort((a, b) => change(a) - change(b) || (a.campaign < b.campaign ? -1 : 1))[0];
}

/**
 * The nearest bids on either side of `from` that change the winner. While it can be paid, raising a
 * bid never lowers a rank, so there is one place where the winner changes; another is where the
 * bid exceeds what is left.
 */
function changes(
  from: Micros,
  leftMicros: Micros,
  isChanged: (bid: Micros) => boolean,
): readonly Micros[] {
  const most = Math.min(leftMicros, MAX_BID_MICROS);
  const found: Micros[] = [];
  if (from > most) {
    if (most >= 1 && isChanged(most)) found.push(most);
    return found;
  }
  if (isChanged(most)) found.push(between(from, most, isChanged));
  else if (most < MAX_BID_MICROS && isChanged(most + 1)) found.push(most + 1);
  if (isChanged(1)) found.push(between(from, 1, isChanged));
  return found;
}

/** The bid nearest to `same` that changes the winner, on the way to `changed`, which does. */
function between(same: Micros, changed: Micros, isChanged: (bid: Micros) => boolean): Micros {
  let [near, far] = [same, changed];
  while (Math.abs(far - near) > 1) {
    const middle = Math.floor((far + near) / 2);
    if (isChanged(middle)) far = middle;
    else near = middle;
  }
  return far;
}

/**
 * The smallest change of a single concept that flips the winner; undefined if no value of any
 * single concept does, at a resolution of 1 / CONCEPT_STEPS: all of them are tried.
 *
 * Cost: up to CONCEPT_STEPS auctions a concept.
 */
export function smallestConceptFlip(auction: Rerunnable): ConceptFlip | undefined {
  const { concepts } = auction;
  const winner = winnerOf(auction, signalsFrom(auction, concepts));
  for (let step = 1; step <= CONCEPT_STEPS; step++) {
    for (const concept of CONCEPTS) {
      for (const sign of [1, -1]) {
        const from = concepts[concept];
        const to = from + (sign * step) / CONCEPT_STEPS;
        // The ends of the range count as tried once, however far the last step would go.
        const held = Math.min(1, Math.max(0, to));
        if (Math.abs(held - to) >= 1 / CONCEPT_STEPS) continue;
        const changed = { ...concepts, [concept]: held };
        const flipped = winnerOf(auction, signalsFrom(auction, changed));
        if (flipped !== winner) return { concept, from, to: held, winner: flipped };
      }
    }
  }
  return undefined;
}

function signalsFrom({ scorer }: Rerunnable, concepts: FusedState['concepts']): Signals {
  return signalsOf(concepts, scorer.intents(concepts));
}

function winnerOf(auction: Rerunnable, signals: Signals, tried?: TriedBid): string | null {
  const bidders = auction.bidders(signals, tried);
  return runAuction(bidders, signals, auction.reserveMicros).winner?.id ?? null;
}
