/** The auction's promises (A1-A3) over 2,000 random auctions each, and against brute force. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bidder, runAuction, type Signals } from '../../actors/campaign/auction.ts';
import { type Campaign, MAX_BID_MICROS, SIGNALS, type Signal } from '../../protocols/campaign.ts';
import { campaignWith, holds, signals } from '../generators.ts';

const RUNS = 2_000;
const IDS = ['a', 'B', 'b', 'c', 'd-1', 'd-10', 'd-2', 'e'];

const unit = fc.double({ min: 0, max: 1, noNaN: true });
// Few distinct figures make ties; the wide ones reach the limits of exact arithmetic.
const bid = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.constantFrom(1_000, 2_000, 4_000),
  fc.integer({ min: 1, max: MAX_BID_MICROS }),
);
const quality = fc.record({
  base: fc.oneof(fc.constantFrom(0, 0.25, 0.5, 1), unit),
  weights: fc.dictionary(fc.constantFrom(...SIGNALS), unit, { maxKeys: 3 }),
});

const bidders: fc.Arbitrary<Bidder[]> = fc
  .array(
    fc.record({
      bid,
      quality,
      exclusion: fc.constantFrom(undefined, undefined, undefined, 'budget', 'targeting'),
    }),
    { maxLength: IDS.length },
  )
  .map((drawn) =>
    drawn.map(({ bid: bid_micros, quality: of, exclusion }, i) => ({
      campaign: campaignWith(IDS[i] as string, { bid_micros, quality: of as Campaign['quality'] }),
      version: 1,
      exclusion: exclusion as Bidder['exclusion'],
    })),
  );
const reserve = fc.oneof(fc.constantFrom(0, 1, 1_000), fc.integer({ min: 0, max: 3_000 }));
const auction = fc.tuple(bidders, signals, reserve);

interface Scored {
  readonly id: string;
  readonly bid: bigint;
  readonly ppm: bigint;
}

/** Quality as the page defines it, in another way: the parts added up one signal after another. */
function ppmOf({ quality: { base, weights } }: Campaign, of: Signals): bigint {
  const parts = Object.entries(weights).map(([name, weight]) => weight * of[name as Signal]);
  const sum = parts.reduce((total, part) => total + part, base);
  return BigInt(Math.round(Math.max(0.01, Math.min(sum, 1)) * 1e6));
}

/** The first of the rest by brute force: the one that no other beats. */
function bestOf(rest: readonly Scored[]): Scored | undefined {
  const beats = (x: Scored, y: Scored): boolean =>
    x.bid * x.ppm > y.bid * y.ppm || (x.bid * x.ppm === y.bid * y.ppm && x.id < y.id);
  return rest.find((x) => rest.every((y) => x === y || beats(x, y)));
}

function withBid(all: readonly Bidder[], id: string, bid_micros: number): Bidder[] {
  return all.map((each) =>
    each.campaign.id === id ? { ...each, campaign: { ...each.campaign, bid_micros } } : each,
  );
}

function rankOf(all: readonly Bidder[], of: Signals, reserveMicros: number, id: string): number {
  const { candidates } = runAuction(all, of, reserveMicros);
  const ranks = candidates.filter(({ excluded }) => excluded === undefined);
  const rank = ranks.findIndex(({ campaign }) => campaign === id);
  return rank < 0 ? Number.POSITIVE_INFINITY : rank;
}

test('the winner is the one that brute force finds', () => {
  holds(
    fc.property(auction, ([all, of, reserveMicros]) => {
      const taking = all.filter(
        ({ exclusion, campaign }) =>
          exclusion === undefined && campaign.bid_micros >= reserveMicros,
      );
      const scored = taking.map(({ campaign }) => ({
        id: campaign.id,
        bid: BigInt(campaign.bid_micros),
        ppm: ppmOf(campaign, of),
      }));
      expect(runAuction(all, of, reserveMicros).winner?.id).toBe(bestOf(scored)?.id);
    }),
    RUNS,
  );
});

test('the order of the bidders changes nothing (A1)', () => {
  const shuffled = auction.chain(([all, of, reserveMicros]) =>
    fc.tuple(
      fc.constant([all, of, reserveMicros] as const),
      fc.shuffledSubarray(all, { minLength: all.length }),
    ),
  );
  holds(
    fc.property(shuffled, ([[all, of, reserveMicros], order]) => {
      const [one, other] = [order, all].map((each) => runAuction(each, of, reserveMicros));
      expect(one).toEqual(other);
      // The receipt is compared as text, so the order of its keys counts too.
      expect(JSON.stringify(one)).toBe(JSON.stringify(other));
    }),
    RUNS,
  );
});

test('the price lies between reserve and bid, and is whole micros (A2, A3)', () => {
  holds(
    fc.property(auction, ([all, of, reserveMicros]) => {
      const { winner, priceMicros, priceSetter, candidates } = runAuction(all, of, reserveMicros);
      for (const { score } of candidates) expect(Number.isSafeInteger(score)).toBe(true);
      if (winner === undefined) return;
      expect(Number.isSafeInteger(priceMicros)).toBe(true);
      expect(priceMicros).toBeGreaterThanOrEqual(reserveMicros);
      expect(priceMicros).toBeLessThanOrEqual(winner.bid_micros);
      expect(priceSetter).not.toBe(winner.id);
      if (priceSetter === 'reserve') expect(priceMicros).toBe(reserveMicros);
    }),
    RUNS,
  );
});

test('the price is the least bid with which the winner still wins (A2)', () => {
  holds(
    fc.property(auction, ([all, of, reserveMicros]) => {
      const { winner, priceMicros } = runAuction(all, of, reserveMicros);
      if (winner === undefined) return;
      const wins = (bid_micros: number): boolean =>
        runAuction(withBid(all, winner.id, bid_micros), of, reserveMicros).winner?.id === winner.id;
      let low = 0;
      let high = winner.bid_micros;
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        if (middle > 0 && wins(middle)) high = middle;
        else low = middle + 1;
      }
      expect(Math.max(priceMicros, 1)).toBe(high);
    }),
    RUNS,
  );
});

test('raising a bid never lowers a rank', () => {
  const raised = fc.tuple(auction, fc.nat(), fc.integer({ min: 0, max: 1_000_000 }));
  holds(
    fc.property(raised, ([[all, of, reserveMicros], which, more]) => {
      const one = all[which % Math.max(1, all.length)];
      if (one === undefined) return;
      const { id, bid_micros } = one.campaign;
      const higher = withBid(all, id, Math.min(MAX_BID_MICROS, bid_micros + more));
      const before = rankOf(all, of, reserveMicros, id);
      expect(rankOf(higher, of, reserveMicros, id)).toBeLessThanOrEqual(before);
    }),
    RUNS,
  );
});

test('raising a quality, or a signal that it weighs, never lowers a rank', () => {
  const raised = fc.tuple(auction, fc.nat(), unit, fc.constantFrom(...SIGNALS));
  holds(
    fc.property(raised, ([[all, of, reserveMicros], which, more, signal]) => {
      const one = all[which % Math.max(1, all.length)];
      if (one === undefined) return;
      const { id, quality: from } = one.campaign;
      const base = from.base + (1 - from.base) * more;
      const weight = from.weights[signal] ?? 0;
      const weights = { ...from.weights, [signal]: weight + (1 - weight) * more };
      const before = rankOf(all, of, reserveMicros, id);
      for (const better of [
        { ...from, base },
        { ...from, weights },
      ]) {
        const higher = all.map((each) =>
          each === one ? { ...each, campaign: { ...each.campaign, quality: better } } : each,
        );
        expect(rankOf(higher, of, reserveMicros, id)).toBeLessThanOrEqual(before);
      }
    }),
    RUNS,
  );
});
