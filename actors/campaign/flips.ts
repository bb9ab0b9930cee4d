/**
 * What would have to be different for another campaign to win the first place: the smallest change
 * of one bid, and of one concept, found by running the auction again.
 *
 * Invariants:
 *   X1 Every flip is verified: the auction with the change has another winner, and with the next
 *      smaller change of the same bid or concept it has not.
 *   X2 An auction is run again among those campaigns only that the change can give the place to,
 *      or take it from; nobody else's chances depend on it.
 */
import { MAX_BID_MICROS, SIGNALS } from '../../protocols/campaign.ts';
import type { Micros } from '../../protocols/money.ts';
import type { RuleFacts } from '../../protocols/rule-facts.ts';
import { CONCEPTS, type Concept, type FusedState } from '../../protocols/user-snapshot.ts';
import { type Scorer, signalsOf } from '../model/scorer.ts';
import { type AuctionInput, firstPlace } from './auction.ts';
import { Screening } from './eligibility.ts';
import { type CampaignEntry, withBid } from './entry.ts';

/** A concept is changed in steps of one part in this many: a finer flip is not looked for. */
export const CONCEPT_STEPS = 1_000;

/** An auction that can be run again. */
export interface Rerunnable {
  readonly input: AuctionInput;
  /** What the signals of the input were made of. */
  readonly concepts: FusedState['concepts'];
  /** Of the model that was in force: intents follow concepts by it. */
  readonly scorer: Scorer;
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
 * Cost: two auctions, and some 60 of two campaigns for each that could win.
 */
export function smallestBidFlip({ input }: Rerunnable): BidFlip | undefined {
  const entries = [...input.entries];
  const winner = firstPlace({ ...input, entries });
  const runnerUp = firstPlace({ ...input, entries: entries.filter(({ id }) => id !== winner) });
  const first = entries.filter(({ id }) => id === winner);
  const second = entries.filter(({ id }) => id === runnerUp);
  const flips = entries.flatMap((entry) => {
    const rivals = entry.id === winner ? second : first;
    const winnerAt = (bidMicros: Micros): string | null =>
      firstPlace({ ...input, entries: [withBid(entry, bidMicros), ...rivals] });
    const isChanged = (bidMicros: Micros): boolean => winnerAt(bidMicros) !== winner;
    const fromMicros = entry.campaign.bid_micros;
    return changes(fromMicros, leftMicros(input, entry.id), isChanged).map((toMicros): BidFlip => {
      return { campaign: entry.id, fromMicros, toMicros, winner: winnerAt(toMicros) };
    });
  });
  const change = (flip: BidFlip): number => Math.abs(flip.toMicros - flip.fromMicros);
  return flips.sort((a, b) => change(a) - change(b) || (a.campaign < b.campaign ? -1 : 1))[0];
}

/** What is left of a campaign's grant: a higher bid is out. */
function leftMicros({ delivery }: AuctionInput, campaign: string): Micros {
  const { grant, window_micros } = delivery(campaign);
  return grant === null ? 0 : grant.allow_micros - window_micros;
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
 * Cost: up to 2 CONCEPT_STEPS auctions a concept, of the campaigns that concepts can help or hurt.
 */
export function smallestConceptFlip(auction: Rerunnable): ConceptFlip | undefined {
  const search = searchConceptFlip(auction);
  for (;;) {
    const { done, value } = search.next();
    if (done === true) return value;
  }
}

/**
 * The same search step by step, for who has other things to do meanwhile: with a thousand campaigns
 * the whole of it takes seconds. Yields after the auctions of each step, two a concept.
 */
export function* searchConceptFlip(
  auction: Rerunnable,
): Generator<undefined, ConceptFlip | undefined> {
  const { concepts } = auction;
  const entries = affected(auction.input);
  const winnerWith = (changed: FusedState['concepts']): string | null =>
    firstPlace({ ...auction.input, entries, facts: factsWith(auction, changed) });
  const winner = winnerWith(concepts);
  for (let step = 1; step <= CONCEPT_STEPS; step++) {
    for (const concept of CONCEPTS) {
      for (const sign of [1, -1]) {
        const from = concepts[concept];
        const to = from + (sign * step) / CONCEPT_STEPS;
        // The ends of the range count as tried once, however far the last step would go.
        const held = Math.min(1, Math.max(0, to));
        if (Math.abs(held - to) >= 1 / CONCEPT_STEPS) continue;
        const flipped = winnerWith({ ...concepts, [concept]: held });
        if (flipped !== winner) return { concept, from, to: held, winner: flipped };
      }
    }
    yield undefined;
  }
  return undefined;
}

/** The campaigns that are not out for what no concept changes (X2). */
function affected(input: AuctionInput): readonly CampaignEntry[] {
  const screening = new Screening(input);
  return [...input.entries].filter(
    (entry) =>
      screening.unfitOccasion(entry) === undefined && screening.heldBack(entry) === undefined,
  );
}

/** The facts of the auction with other concepts, and the intents that follow from them. */
function factsWith({ input, scorer }: Rerunnable, concepts: FusedState['concepts']): RuleFacts {
  const signals = signalsOf(concepts, scorer.intents(concepts));
  return { ...input.facts, signals: Float64Array.from(SIGNALS, (name) => signals[name]) };
}
