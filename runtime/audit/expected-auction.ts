/**
 * Who must win an auction, at what price, and who would have, from docs/semantics.md. Prices are
 * searched for by their definition: the least bid with which the winner still keeps its place.
 */
import type { Campaign } from '../../protocols/campaign.ts';
import { ALL_CAMPAIGNS, type CampaignCell } from '../../protocols/cells.ts';
import {
  type Candidate,
  type Exclusion,
  exclusionSchema,
  MAX_RECEIPT_CANDIDATES,
  type Receipt,
  type Win,
} from '../../protocols/decision.ts';
import {
  type AuctionInput,
  bidOf,
  isHeldOutOfAll,
  leastScoreOf,
  placesOf,
  qualityOf,
  reserveOf,
  whyNot,
} from './expected-eligibility.ts';

const MIDDLE_PRIORITY = 5;
const REASONS = exclusionSchema.options;
const FIRST_SUPPRESSION = REASONS.indexOf('quiet_hours');

/** The part of a receipt that the auction makes, with the winners' definitions. */
export type AuctionOutcome = Pick<
  Receipt,
  'reserve_micros' | 'candidates' | 'excluded' | 'wins' | 'held_out'
> & {
  /** Who got a place, in order. */
  readonly winners: readonly Campaign[];
  /** Who would have fitted, but was kept back. */
  readonly suppressed: readonly (readonly [campaign: string, reason: Exclusion])[];
};

/** A campaign where it ranks. */
interface Ranked {
  readonly campaign: Campaign;
  readonly version: number;
  readonly ppm: number;
  readonly bidMicros: number;
}

/** Holds the auction again. */
export function expectedAuction(input: AuctionInput): AuctionOutcome {
  const open: Ranked[] = [];
  const heldOut: Ranked[] = [];
  const out: (readonly [cell: CampaignCell, reason: Exclusion])[] = [];
  for (const cell of input.campaigns.values()) {
    const reason = whyNot(cell, input);
    if (reason === undefined) open.push(rankedOf(cell, input));
    else out.push([cell, reason]);
    if (reason === 'holdout') heldOut.push(rankedOf(cell, input));
  }
  open.sort(byRank);
  heldOut.sort(byRank);
  out.sort(([{ campaign: a }], [{ campaign: b }]) => (a.id < b.id ? -1 : 1));
  const winners = open.slice(0, placesOf(input));
  const reasons = out.map(([, reason]) => reason);
  return {
    reserve_micros: reserveOf(input),
    candidates: candidatesOf(open, out, input),
    excluded: countsOf(reasons),
    wins: winners.map((winner, i) => winOf(winner, open[i + 1], input)),
    held_out: isHeldOutOfAll(input)
      ? [ALL_CAMPAIGNS].filter(() => reasons.includes('holdout_all'))
      : heldOut
          .filter((held) => wouldWin(held, open, input))
          .map(({ campaign }) => campaign.id)
          .slice(0, MAX_RECEIPT_CANDIDATES),
    winners: winners.map(({ campaign }) => campaign),
    suppressed: out
      .filter(([, reason]) => REASONS.indexOf(reason) >= FIRST_SUPPRESSION)
      .map(([{ campaign }, reason]) => [campaign.id, reason]),
  };
}

function rankedOf({ campaign, version }: CampaignCell, input: AuctionInput): Ranked {
  const { ppm } = qualityOf(campaign, input);
  return { campaign, version, ppm, bidMicros: bidOf(campaign) };
}

/** Below 0 if the first ranks before the second. */
function byRank(a: Ranked, b: Ranked): number {
  if (a.campaign.house !== b.campaign.house) return a.campaign.house ? 1 : -1;
  const worth = ({ campaign, bidMicros, ppm }: Ranked): number =>
    campaign.house ? ppm : bidMicros * ppm;
  return (
    b.campaign.priority - a.campaign.priority ||
    worth(b) - worth(a) ||
    (a.campaign.id < b.campaign.id ? -1 : 1)
  );
}

/** Whether a campaign would get a place among those that are not out. */
function wouldWin(held: Ranked, open: readonly Ranked[], input: AuctionInput): boolean {
  return open.filter((other) => byRank(other, held) < 0).length < placesOf(input);
}

function winOf(winner: Ranked, next: Ranked | undefined, input: AuctionInput): Win {
  const { id, house } = winner.campaign;
  if (house) return { campaign: id, price_micros: 0, price_setter: 'house' };
  const reserve = reserveOf(input);
  const isWeighted = input.settings.reserve_kind === 'weighted';
  const leastMicros = isWeighted
    ? leastBid(0, winner, (bid) => bid * winner.ppm >= leastScoreOf(reserve))
    : reserve;
  const keepsPlace = (bidMicros: number): boolean =>
    next === undefined || byRank({ ...winner, bidMicros }, next) < 0;
  const price_micros = leastBid(leastMicros, winner, keepsPlace);
  const setter = price_micros > leastMicros ? next?.campaign.id : undefined;
  return { campaign: id, price_micros, price_setter: setter ?? 'reserve' };
}

/** The least bid, up to the winner's own, that is enough. O(log bid). */
function leastBid(from: number, { bidMicros }: Ranked, isEnough: (bid: number) => boolean): number {
  let low = from;
  let high = bidMicros;
  while (low < high) {
    const bid = Math.floor((low + high) / 2);
    if (isEnough(bid)) high = bid;
    else low = bid + 1;
  }
  return low;
}

function candidatesOf(
  open: readonly Ranked[],
  out: readonly (readonly [cell: CampaignCell, reason: Exclusion])[],
  input: AuctionInput,
): Candidate[] {
  const first = open.slice(0, MAX_RECEIPT_CANDIDATES);
  const others = out.slice(0, MAX_RECEIPT_CANDIDATES - first.length);
  return [
    ...first.map((ranked) => candidateOf(ranked, undefined, input)),
    ...others.map(([cell, excluded]) => candidateOf(cell, excluded, input)),
  ];
}

function candidateOf(
  { campaign, version }: Pick<Ranked, 'campaign' | 'version'>,
  excluded: Exclusion | undefined,
  input: AuctionInput,
): Candidate {
  const { ppm, contributions, factor } = qualityOf(campaign, input);
  const { id, priority } = campaign;
  const bid_micros = bidOf(campaign);
  return {
    campaign: id,
    version,
    bid_micros,
    quality_ppm: ppm,
    score: bid_micros * ppm,
    ...(priority === MIDDLE_PRIORITY ? {} : { priority }),
    ...(excluded === undefined ? { contributions } : { excluded }),
    ...(excluded === undefined && factor !== 1 ? { factor } : {}),
  };
}

function countsOf(reasons: readonly Exclusion[]): Receipt['excluded'] {
  const counts: Partial<Record<Exclusion, number>> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
