/** The smallest changes with another winner: against trying everything, always verified (X1). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bidder, runAuction } from '../../actors/campaign/auction.ts';
import {
  CONCEPT_STEPS,
  type Rerunnable,
  smallestBidFlip,
  smallestConceptFlip,
  type TriedBid,
} from '../../actors/campaign/flips.ts';
import { Scorer, signalsOf } from '../../actors/model/scorer.ts';
import { type Campaign, campaignSchema, SIGNALS } from '../../protocols/campaign.ts';
import type { Curve } from '../../protocols/model.ts';
import { CONCEPTS, type FusedState } from '../../protocols/user-snapshot.ts';
import { holds } from '../generators.ts';
import { modelWith } from '../models.ts';

const MAX_BID = 60;
/** Intents that move with the concepts, so that a flip of one moves what bids are weighed by. */
const scorer = new Scorer(
  modelWith({
    intents: {
      engagement_intent: { bias: -1, concepts: { curiosity: curve(0, 3) } },
      purchase_intent: { bias: -2, concepts: { urgency: curve(0, 4), frustration: curve(0, -2) } },
      churn_risk: { bias: -1, concepts: { drop_off: curve(0, 2), loyalty: curve(0, -2) } },
    },
  }),
);

function curve(low: number, high: number): Curve {
  return { knots: [0, 1], values: [low, high] };
}

interface Drawn {
  readonly campaign: Campaign;
  readonly leftMicros: number;
}

const unit = fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100);
const campaigns = fc
  .array(
    fc.record({
      bid: fc.integer({ min: 1, max: MAX_BID }),
      left: fc.integer({ min: 0, max: 3 * MAX_BID }),
      base: unit,
      weights: fc.dictionary(fc.constantFrom(...SIGNALS), unit, { maxKeys: 3 }),
      targeting: fc.option(fc.tuple(fc.constantFrom(...CONCEPTS), unit), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((drawn) =>
    drawn.map(({ bid, left, base, weights, targeting }, i): Drawn => {
      const campaign = campaignSchema.parse({
        ...{ id: `c${i}`, name: `c${i}`, trigger_type: 'modal', bid_micros: bid },
        ...{ budget_micros: 1_000_000, quality: { base, weights: { ...weights } } },
        ...(targeting && { targeting: { [targeting[0]]: { min: targeting[1] } } }),
      });
      return { campaign, leftMicros: left };
    }),
  );
const concepts = fc
  .tuple(...CONCEPTS.map(() => unit))
  .map((values) => Object.fromEntries(CONCEPTS.map((c, i) => [c, values[i]])))
  .map((drawn) => drawn as FusedState['concepts']);
const auctions = fc.tuple(campaigns, concepts, fc.integer({ min: 0, max: 20 }));

function auctionOf([drawn, of, reserveMicros]: [Drawn[], FusedState['concepts'], number]) {
  const auction: Rerunnable = {
    concepts: of,
    scorer,
    reserveMicros,
    leftMicros: (id) => drawn.find(({ campaign }) => campaign.id === id)?.leftMicros ?? 0,
    bidders: (signals, tried) =>
      drawn.map(({ campaign: own, leftMicros }): Bidder => {
        const bid = tried?.campaign === own.id ? tried.bidMicros : own.bid_micros;
        const campaign = { ...own, bid_micros: bid };
        const isMissed = Object.entries(own.targeting).some(([signal, { min }]) => {
          return signals[signal as keyof typeof signals] < min;
        });
        const exclusion = isMissed ? 'targeting' : leftMicros < bid ? 'budget' : undefined;
        return { campaign, version: 1, exclusion };
      }),
  };
  return auction;
}

function winner(auction: Rerunnable, of: FusedState['concepts'], tried?: TriedBid): string | null {
  const signals = signalsOf(of, scorer.intents(of));
  const bidders = auction.bidders(signals, tried);
  return runAuction(bidders, signals, auction.reserveMicros).winner?.id ?? null;
}

test('the smallest change of a bid is the one that trying every bid finds', () => {
  holds(
    fc.property(auctions, (drawn) => {
      const auction = auctionOf(drawn as never);
      const now = winner(auction, auction.concepts);
      const found = smallestBidFlip(auction);
      let least: number | undefined;
      for (const { campaign } of drawn[0]) {
        for (let bidMicros = 1; bidMicros <= 100 * MAX_BID; bidMicros++) {
          const tried = { campaign: campaign.id, bidMicros };
          if (winner(auction, auction.concepts, tried) === now) continue;
          const change = Math.abs(bidMicros - campaign.bid_micros);
          if (least === undefined || change < least) least = change;
        }
      }
      if (found === undefined) {
        expect(least).toBeUndefined();
        return;
      }
      const { campaign, fromMicros, toMicros } = found;
      const flipped = winner(auction, auction.concepts, { campaign, bidMicros: toMicros });
      expect(flipped).toBe(found.winner);
      expect(flipped).not.toBe(now);
      const change = Math.abs(toMicros - fromMicros);
      if (least !== undefined) expect(change).toBe(least);
      else expect(toMicros).toBeGreaterThan(100 * MAX_BID);
    }),
    40,
  );
});

test('the smallest change of a concept flips the winner, and no smaller one of any does', () => {
  holds(
    fc.property(auctions, (drawn) => {
      const auction = auctionOf(drawn as never);
      const { concepts: of } = auction;
      const now = winner(auction, of);
      const found = smallestConceptFlip(auction);
      if (found !== undefined) {
        const { concept, to } = found;
        expect(winner(auction, { ...of, [concept]: to })).toBe(found.winner);
        expect(found.winner).not.toBe(now);
      }
      const reach = found === undefined ? 1 : Math.abs(found.to - found.from);
      for (const concept of CONCEPTS) {
        for (let step = 1; step < Math.round(reach * CONCEPT_STEPS); step += 7) {
          for (const to of [
            of[concept] + step / CONCEPT_STEPS,
            of[concept] - step / CONCEPT_STEPS,
          ]) {
            if (to < 0 || to > 1) continue;
            expect(winner(auction, { ...of, [concept]: to })).toBe(now);
          }
        }
      }
    }),
    40,
  );
});
