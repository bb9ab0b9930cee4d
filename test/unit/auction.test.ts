/** The auction by hand-worked cases: who wins, what it pays, and what the result says. */
import { describe, expect, test } from 'vitest';
import { type AuctionInput, holdAuction } from '../../actors/campaign/auction.ts';
import { campaignMistakes, enterCampaign, topicsOf } from '../../actors/campaign/entry.ts';
import { type Campaign, MAX_BID_MICROS, SIGNALS } from '../../protocols/campaign.ts';
import { ruleFacts } from '../../protocols/rule-facts.ts';
import type { Settings } from '../../protocols/settings.ts';
import { grantedCase, inputOf } from '../auction-cases.ts';
import { campaignWith, settingsWith } from '../generators.ts';

const RESERVE = 1_000;
const NO_RESERVE = { reserve_micros: 0 };
const PLACES: Partial<Settings> = {
  reserve_micros: RESERVE,
  placements: { home_hero: { slots: 2 }, cart: { slots: 8, reserve_micros: 7_000 } },
};

function bidder(
  id: string,
  bid_micros: number,
  base = 0.5,
  more: Partial<Campaign> = {},
): Campaign {
  return campaignWith(id, { bid_micros, quality: { base, weights: {} }, ...more });
}

/** An auction in which all may bid, for a calm user. */
function auction(
  campaigns: readonly Campaign[],
  settings: Partial<Settings> = { reserve_micros: RESERVE },
  { placement = 'anywhere', ...signals }: Record<string, unknown> = {},
) {
  const drawn = grantedCase(campaigns, { settings: settingsWith(settings) });
  const all = Object.fromEntries(SIGNALS.map((name) => [name, 0]));
  const read = { ...drawn.read, placement: placement as string, signals: { ...all, ...signals } };
  return holdAuction(inputOf({ ...drawn, read: read as typeof drawn.read }));
}

const winnersOf = ({ wins }: ReturnType<typeof auction>) => wins.map(({ campaign }) => campaign.id);
const pricesOf = ({ wins }: ReturnType<typeof auction>) =>
  wins.map(({ priceMicros, priceSetter }) => [priceMicros, priceSetter]);

describe('who wins', () => {
  test('the highest bid times quality, not the highest bid', () => {
    const result = auction([bidder('rich', 900_000, 0.1), bidder('liked', 200_000, 0.9)]);
    expect(winnersOf(result)).toEqual(['liked']);
    expect(result.candidates.map(({ campaign }) => campaign)).toEqual(['liked', 'rich']);
    expect(result.candidates.map(({ score }) => score)).toEqual([180_000_000_000, 90_000_000_000]);
  });

  test('of equal scores the smaller id, in whichever order they bid', () => {
    const equals = [bidder('b', 100_000), bidder('a', 100_000), bidder('C', 100_000)];
    for (const order of [equals, [...equals].reverse()]) {
      expect(winnersOf(auction(order))).toEqual(['C']);
    }
  });

  test('whoever has the greater priority, whatever the scores', () => {
    const low = bidder('low', 900_000, 1, { priority: 4 });
    const result = auction([low, bidder('middle', 1_000, 0.1)]);
    expect(winnersOf(result)).toEqual(['middle']);
    expect(pricesOf(result)).toEqual([[RESERVE, 'reserve']]);
    expect(result.candidates.map(({ priority }) => priority)).toEqual([undefined, 4]);
  });

  test('signals raise a quality by their weight, and receipts say by how much', () => {
    const weights = { churn_risk: 0.5 };
    const winBack = bidder('win-back', 100_000, 0, { quality: { base: 0.2, weights } });
    const others = [bidder('other', 100_000, 0.4)];
    expect(winnersOf(auction([winBack, ...others]))).toEqual(['other']);
    const result = auction([winBack, ...others], NO_RESERVE, { churn_risk: 0.8 });
    expect(winnersOf(result)).toEqual(['win-back']);
    expect(result.candidates[0]?.contributions).toEqual({ base: 0.2, churn_risk: 0.4 });
  });

  test('a quality is held to 0.01 … 1', () => {
    const weights = { urgency: 1, curiosity: 1 };
    const eager = bidder('eager', 1_000, 1, { quality: { base: 1, weights } });
    const keen = { urgency: 1, curiosity: 1 };
    const { candidates } = auction([eager, bidder('poor', 1_000, 0)], NO_RESERVE, keen);
    expect(candidates.map(({ quality_ppm }) => quality_ppm)).toEqual([1_000_000, 10_000]);
  });

  test('multipliers whose rules hold count together, held to 0.125 … 8, after quality', () => {
    const when = (rule: string, factor: number) => ({ when: rule, factor });
    const of = (...multipliers: Campaign['multipliers']) => {
      const { candidates } = auction([bidder('a', 1_000, 0.5, { multipliers })], NO_RESERVE);
      return [candidates[0]?.quality_ppm, candidates[0]?.factor];
    };
    expect(of()).toEqual([500_000, undefined]);
    expect(of(when('urgency > 0.5', 4))).toEqual([500_000, undefined]);
    expect(of(when('urgency < 0.5', 1.5), when('true', 2))).toEqual([1_500_000, 3]);
    expect(of(when('true', 4), when('true', 0.25))).toEqual([500_000, undefined]);
    expect(of(when('true', 4), when('true', 4))).toEqual([4_000_000, 8]);
    expect(of(when('true', 0.125), when('true', 0.5))).toEqual([62_500, 0.125]);
  });

  test('nobody, when nobody bids or everybody is excluded', () => {
    const nobody = { candidates: [], excluded: {}, wins: [], heldOut: [], suppressed: [] };
    expect(auction([])).toEqual({ ...nobody, reserveMicros: RESERVE });
    expect(auction([bidder('poor', RESERVE - 1)]).wins).toEqual([]);
  });

  test('a rule decides who is in it at all', () => {
    const campaigns = [bidder('picky', 900_000, 1, { rule: 'urgency > 0.5' }), bidder('b', 5_000)];
    expect(winnersOf(auction(campaigns))).toEqual(['b']);
    expect(winnersOf(auction(campaigns, NO_RESERVE, { urgency: 0.6 }))).toEqual(['picky']);
  });
});

describe('what the winner pays', () => {
  test('the reserve, when nobody else bids', () => {
    expect(pricesOf(auction([bidder('only', 100_000)]))).toEqual([[RESERVE, 'reserve']]);
  });

  test('the least that keeps it ahead of the second', () => {
    // The second scores 60,000 x 0.5; at quality 0.8 that takes more than 37,500.
    const two = [bidder('winner', 100_000, 0.8), bidder('second', 60_000, 0.5)];
    expect(pricesOf(auction(two))).toEqual([[37_501, 'second']]);
  });

  test('the second score exactly, where its id wins the tie', () => {
    const two = [bidder('a', 100_000, 0.8), bidder('b', 60_000, 0.5)];
    expect(pricesOf(auction(two))).toEqual([[37_500, 'b']]);
  });

  test('its whole bid against an equal', () => {
    expect(pricesOf(auction([bidder('a', 70_000), bidder('b', 70_000)]))).toEqual([[70_000, 'b']]);
  });

  test('the reserve, when the second is cheaper than that, or costs as much', () => {
    const two = [bidder('a', 70_000), bidder('b', 20_000)];
    expect(pricesOf(auction(two, { reserve_micros: 20_000 }))).toEqual([[20_000, 'reserve']]);
    expect(pricesOf(auction(two, { reserve_micros: 19_999 }))).toEqual([[20_000, 'b']]);
  });

  test('exact micros at the largest bids and finest qualities', () => {
    const two = [bidder('b', MAX_BID_MICROS, 0.999_999), bidder('a', MAX_BID_MICROS, 0.999_998)];
    // 10^9 x 999,998 / 999,999 = 999,998,999.998999…
    expect(pricesOf(auction(two, NO_RESERVE))).toEqual([[999_999_000, 'a']]);
  });

  test('under a weighted reserve the less, the better it fits', () => {
    const weighted = { reserve_micros: 1_000, reserve_kind: 'weighted' } as const;
    expect(pricesOf(auction([bidder('a', 9_000, 1)], weighted))).toEqual([[1_000, 'reserve']]);
    expect(pricesOf(auction([bidder('a', 9_000, 0.3)], weighted))).toEqual([[3_334, 'reserve']]);
    const keen = bidder('a', 900, 1, { multipliers: [{ when: 'true', factor: 2 }] });
    expect(pricesOf(auction([keen], weighted))).toEqual([[500, 'reserve']]);
    expect(auction([bidder('a', 1_999, 0.5)], weighted).excluded).toEqual({ below_reserve: 1 });
  });

  test('an excluded campaign sets no price', () => {
    const excluded = bidder('b', 900_000, 1, { rule: 'false' });
    expect(pricesOf(auction([bidder('a', 100_000), excluded]))).toEqual([[RESERVE, 'reserve']]);
  });
});

describe('a placement with several places', () => {
  const three = [bidder('a', 90_000), bidder('b', 80_000), bidder('c', 70_000)];

  test('gives them to the first by rank, each paying for the next', () => {
    const result = auction(three, PLACES, { placement: 'home_hero' });
    expect(winnersOf(result)).toEqual(['a', 'b']);
    expect(pricesOf(result)).toEqual([
      [80_000, 'b'],
      [70_000, 'c'],
    ]);
  });

  test('has its own reserve, and every other placement has the usual one and one place', () => {
    const result = auction(three, PLACES, { placement: 'cart' });
    expect(pricesOf(result)[2]).toEqual([7_000, 'reserve']);
    expect(result.reserveMicros).toBe(7_000);
    expect(winnersOf(auction(three, PLACES, { placement: 'constructor' }))).toEqual(['a']);
  });

  test('goes to house campaigns, by quality and for nothing, where bidders leave places', () => {
    const house = [0.2, 0.7].map((base) => bidder(`h${10 * base}`, 900_000, base, { house: true }));
    const result = auction([...house, ...three], PLACES, { placement: 'home_hero' });
    expect(winnersOf(result)).toEqual(['a', 'b']);
    const alone = auction([...house, bidder('a', 90_000)], PLACES, { placement: 'home_hero' });
    expect(winnersOf(alone)).toEqual(['a', 'h7']);
    expect(pricesOf(alone)).toEqual([
      [RESERVE, 'reserve'],
      [0, 'house'],
    ]);
    expect(alone.candidates.slice(1).map(({ bid_micros, score }) => [bid_micros, score])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

test('house campaigns win only where a decision was asked for', () => {
  const drawn = grantedCase([bidder('h', 1, 1, { house: true })], {});
  expect(holdAuction(inputOf(drawn)).wins.length).toBe(1);
  const { wins, excluded } = holdAuction(inputOf({ ...drawn, trigger: 'click' }));
  expect([wins.length, excluded]).toEqual([0, { not_triggered: 1 }]);
});

test('every campaign is listed: bidders by rank, then the excluded by id with their reason', () => {
  const excluded = bidder('z', 900_000, 0.5, { rule: 'false' });
  const bids = [bidder('y', 10), bidder('b', 5_000), excluded, bidder('a', 9_000)];
  const { candidates, suppressed } = auction(bids);
  expect(candidates.map(({ campaign, excluded: why }) => [campaign, why])).toEqual([
    ['a', undefined],
    ['b', undefined],
    ['y', 'below_reserve'],
    ['z', 'rule'],
  ]);
  // Only who would have fitted counts as kept back.
  expect(suppressed).toEqual([['y', 'below_reserve']]);
});

test('of more than 64 the first are listed and all are counted', () => {
  const many = (n: number, more: Partial<Campaign>) =>
    Array.from({ length: n }, (_, i) =>
      bidder(`${more.rule ?? 'b'}-${100 + i}`.replace('false', 'x'), 5_000 + i, 0.5, more),
    );
  const { candidates, excluded } = auction([
    ...many(90, { rule: 'false' }).reverse(),
    ...many(60, {}),
  ]);
  expect(candidates.length).toBe(64);
  expect(candidates[0]?.campaign).toBe('b-159');
  expect(candidates.slice(60).map(({ campaign }) => campaign)).toEqual(
    [100, 101, 102, 103].map((n) => `x-${n}`),
  );
  expect(excluded).toEqual({ rule: 90 });
});

describe('a campaign on its way into auctions', () => {
  const rules: Partial<Campaign> = {
    rule: 'interest("tents") > 0.5 || interest("bags") > 0.5',
    multipliers: [{ when: 'interest("bags") > 0.1', factor: 2 }],
  };
  const entry = (changes: Partial<Campaign>) =>
    enterCampaign({ campaign: campaignWith('a', changes), version: 1, status: 'live' });

  test('says whose interests its rules read', () => {
    expect(topicsOf(entry(rules))).toEqual(['bags', 'tents']);
    expect(topicsOf(entry({}))).toEqual([]);
  });

  test('is refused with a rule that does not compile, and every such rule is named', () => {
    const when = 'urgency >';
    const broken = {
      ...rules,
      rule: 'no_such > 1',
      multipliers: [
        { when: 'true', factor: 2 },
        { when, factor: 2 },
      ],
    };
    expect(() => entry(broken)).toThrow(/no_such/);
    const mistakes = campaignMistakes(campaignWith('a', broken));
    expect(mistakes.map(({ field }) => field)).toEqual(['rule', 'multipliers.1.when']);
    for (const { message } of mistakes) expect(message).toMatch(/line 1, column \d+/);
    expect(campaignMistakes(campaignWith('a', rules))).toEqual([]);
  });

  test('reads the facts of the auction, not those of an earlier one', () => {
    const drawn = grantedCase([bidder('a', 90_000, 0.5, { rule: 'region == "DE"' })], {});
    const held = (region: string) => {
      const facts = ruleFacts({ ...drawn.read, region });
      const input: AuctionInput = { ...inputOf(drawn), facts };
      return holdAuction(input).wins.length;
    };
    expect(['DE', 'AT', 'DE'].map(held)).toEqual([1, 0, 1]);
  });
});
