/** The smallest changes with another winner: against trying everything, always verified (X1). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { holdAuction } from '../../actors/campaign/auction.ts';
import { type CampaignEntry, withBid } from '../../actors/campaign/entry.ts';
import {
  CONCEPT_STEPS,
  type Rerunnable,
  smallestBidFlip,
  smallestConceptFlip,
} from '../../actors/campaign/flips.ts';
import { Scorer, signalsOf } from '../../actors/model/scorer.ts';
import { type Campaign, MAX_BID_MICROS } from '../../protocols/campaign.ts';
import { courtesySchema } from '../../protocols/courtesy.ts';
import type { Curve } from '../../protocols/model.ts';
import { CONCEPTS, type Concept, type FusedState } from '../../protocols/user-snapshot.ts';
import type { AuctionCase } from '../auction-by-force.ts';
import { auctionCases, grantedCase, inputOf, NO_DELIVERY } from '../auction-cases.ts';
import { campaignWith, concepts, holds, settingsWith } from '../generators.ts';
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

/** What keeps campaigns back whatever their bids and the concepts: it leaves little to flip. */
const NOTHING_IN_THE_WAY = {
  ...{ triggers: ['behavior', 'impression', 'click', 'conversion'], placements: [] },
  ...{ schedule: undefined, quiet_hours: undefined, frequency: courtesySchema.parse({}) },
  ...{ priority: 5, holdout_ppm: 0 },
} as const;

const NO_CONCEPTS = Object.fromEntries(CONCEPTS.map((name) => [name, 0])) as Rerunnable['concepts'];

/** Few campaigns with small bids and grants, so that every bid can be tried. */
const auctions = fc.tuple(auctionCases, concepts).map(([drawn, of]): [AuctionCase, Rerunnable] => {
  const isOpen = drawn.settings.holdout_ppm === 0;
  const cells = drawn.cells.slice(0, 5).map(({ campaign, ...rest }, i) => {
    const bid_micros = 1 + (campaign.bid_micros % MAX_BID) + i;
    const weights = { ...campaign.quality.weights, [CONCEPTS[i] as Concept]: 0.9 };
    const open = isOpen ? { ...NOTHING_IN_THE_WAY, quality: { base: 0.1, weights } } : {};
    return { ...rest, campaign: { ...campaign, bid_micros, ...open } as Campaign };
  });
  const { settings } = drawn;
  const small = { ...settings, reserve_micros: settings.reserve_micros % 20, placements: {} };
  const deliveries = Object.entries(drawn.deliveries).map(([id, { grant, ...rest }], i) => {
    const isShort = i % 2 === 0;
    const allow_micros = isShort ? 40 + 20 * i : 2 * MAX_BID_MICROS;
    return [id, { ...rest, window_micros: i, grant: grant && { ...grant, allow_micros } }];
  });
  const read = { ...drawn.read, signals: signalsOf(of, scorer.intents(of)) };
  const exposures = isOpen ? [] : drawn.exposures;
  const changed = { ...drawn, cells, settings: small, read, exposures };
  const flippable = { ...changed, deliveries: Object.fromEntries(deliveries) } as AuctionCase;
  return [flippable, { input: inputOf(flippable), concepts: of, scorer }];
});

function winner({ input }: Rerunnable, changed?: CampaignEntry): string | null {
  const entries = [...input.entries].map((entry) => (entry.id === changed?.id ? changed : entry));
  return holdAuction({ ...input, entries }).wins[0]?.campaign.id ?? null;
}

function winnerWith(drawn: AuctionCase, of: FusedState['concepts']): string | null {
  const read = { ...drawn.read, signals: signalsOf(of, scorer.intents(of)) };
  return winner({ input: inputOf({ ...drawn, read }), concepts: of, scorer });
}

test('the smallest change of a bid is the one that trying every bid finds', () => {
  holds(
    fc.property(auctions, ([, auction]) => {
      const now = winner(auction);
      const found = smallestBidFlip(auction);
      let least: number | undefined;
      for (const entry of auction.input.entries) {
        for (let bidMicros = 1; bidMicros <= 20 * MAX_BID; bidMicros++) {
          const change = Math.abs(bidMicros - entry.campaign.bid_micros);
          if (least !== undefined && change >= least) continue;
          if (winner(auction, withBid(entry, bidMicros)) !== now) least = change;
        }
      }
      if (found === undefined) {
        expect(least).toBeUndefined();
        return;
      }
      const { campaign, fromMicros, toMicros } = found;
      const entry = [...auction.input.entries].find(({ id }) => id === campaign) as CampaignEntry;
      expect(entry.campaign.bid_micros).toBe(fromMicros);
      const flipped = winner(auction, withBid(entry, toMicros));
      expect(flipped).toBe(found.winner);
      expect(flipped).not.toBe(now);
      const change = Math.abs(toMicros - fromMicros);
      if (least !== undefined) expect(change).toBe(least);
      else expect(toMicros).toBeGreaterThan(20 * MAX_BID);
    }),
    40,
  );
});

test('for bids that can be paid there is one place at which the winner changes', () => {
  holds(
    fc.property(auctions, fc.nat(), ([, auction], which) => {
      const entries = [...auction.input.entries];
      const entry = entries[which % Math.max(1, entries.length)];
      if (entry === undefined) return;
      const { grant, window_micros } = auction.input.delivery(entry.id);
      const left = grant === null ? 0 : grant.allow_micros - window_micros;
      const wins = Array.from({ length: Math.min(left, 6 * MAX_BID) }, (_, i) => {
        return winner(auction, withBid(entry, i + 1)) === entry.id;
      });
      // From some bid on it wins, or it never does.
      expect(wins).toEqual([...wins].sort((a, b) => Number(a) - Number(b)));
    }),
    100,
  );
});

test('the smallest change of a concept flips the winner, and no smaller one of any does', () => {
  holds(
    fc.property(auctions, ([drawn, auction]) => {
      const { concepts: of } = auction;
      const now = winner(auction);
      const found = smallestConceptFlip(auction);
      if (found !== undefined) {
        const { concept, to } = found;
        expect(winnerWith(drawn, { ...of, [concept]: to })).toBe(found.winner);
        expect(found.winner).not.toBe(now);
      }
      const reach = found === undefined ? 1 : Math.abs(found.to - found.from);
      for (const concept of CONCEPTS) {
        for (let step = 1; step < Math.round(reach * CONCEPT_STEPS); step += 37) {
          for (const to of [
            of[concept] + step / CONCEPT_STEPS,
            of[concept] - step / CONCEPT_STEPS,
          ]) {
            if (to < 0 || to > 1) continue;
            expect(winnerWith(drawn, { ...of, [concept]: to })).toBe(now);
          }
        }
      }
    }),
    25,
  );
});

test('a campaign with nothing left of its grant has no bid with which it wins', () => {
  const campaign = campaignWith('spent', { bid_micros: 50 });
  const open = grantedCase([campaign], { settings: settingsWith({ reserve_micros: 0 }) });
  const spent = { ...NO_DELIVERY, grant: open.deliveries.spent?.grant ?? null };
  for (const left of [0, 1]) {
    const window_micros = 2 * MAX_BID_MICROS - left;
    const drawn = { ...open, deliveries: { spent: { ...spent, window_micros } } };
    const flip = smallestBidFlip({ input: inputOf(drawn), concepts: NO_CONCEPTS, scorer });
    expect(flip?.toMicros).toBe(left === 0 ? undefined : 1);
  }
});

test('bids and concepts that flip the winner are found in most of the auctions drawn here', () => {
  const drawn = fc.sample(auctions, { numRuns: 40, seed: 1 });
  expect(
    drawn.filter(([, auction]) => smallestBidFlip(auction) !== undefined).length,
  ).toBeGreaterThan(20);
  const ofConcepts = drawn.filter(([, auction]) => smallestConceptFlip(auction) !== undefined);
  expect(ofConcepts.length).toBeGreaterThan(10);
});
