/** The auction by hand-worked cases: who wins, what it pays, and what the result says. */
import { describe, expect, test } from 'vitest';
import {
  type Bidder,
  qualityParts,
  runAuction,
  type Signals,
} from '../../actors/campaign/auction.ts';
import { type Campaign, MAX_BID_MICROS, SIGNALS } from '../../protocols/campaign.ts';
import { campaignWith } from '../generators.ts';

const RESERVE = 1_000;
const CALM = Object.fromEntries(SIGNALS.map((name) => [name, 0])) as Signals;

function bidder(id: string, bid_micros: number, base = 0.5, more: Partial<Campaign> = {}): Bidder {
  const quality = { base, weights: {} };
  const campaign = campaignWith(id, { bid_micros, quality, ...more });
  return { campaign, version: 1, exclusion: undefined };
}

describe('who wins', () => {
  test('the highest bid times quality, not the highest bid', () => {
    const result = runAuction(
      [bidder('rich', 900_000, 0.1), bidder('liked', 200_000, 0.9)],
      CALM,
      0,
    );
    expect(result.winner?.id).toBe('liked');
    expect(result.candidates.map(({ campaign }) => campaign)).toEqual(['liked', 'rich']);
    expect(result.candidates.map(({ score }) => score)).toEqual([180_000_000_000, 90_000_000_000]);
  });

  test('of equal scores the smaller id, in whichever order they bid', () => {
    const equals = [bidder('b', 100_000), bidder('a', 100_000), bidder('C', 100_000)];
    for (const order of [equals, [...equals].reverse()]) {
      expect(runAuction(order, CALM, RESERVE).winner?.id).toBe('C');
    }
  });

  test('signals raise a quality by their weight', () => {
    const weights = { churn_risk: 0.5 };
    const winBack = bidder('win-back', 100_000, 0, { quality: { base: 0.2, weights } });
    const others = [bidder('other', 100_000, 0.4)];
    expect(runAuction([winBack, ...others], CALM, 0).winner?.id).toBe('other');
    expect(runAuction([winBack, ...others], { ...CALM, churn_risk: 0.8 }, 0).winner?.id).toBe(
      'win-back',
    );
    expect(qualityParts(winBack.campaign, { ...CALM, churn_risk: 0.8 })).toEqual({
      base: 0.2,
      churn_risk: 0.4,
    });
  });

  test('a quality is held to 0.01 … 1', () => {
    const weights = { urgency: 1, curiosity: 1 };
    const eager = bidder('eager', 1_000, 1, { quality: { base: 1, weights } });
    const keen = { ...CALM, urgency: 1, curiosity: 1 };
    const { candidates } = runAuction([eager, bidder('poor', 1_000, 0)], keen, 0);
    expect(candidates.map(({ quality_ppm }) => quality_ppm)).toEqual([1_000_000, 10_000]);
  });

  test('nobody, when nobody bids or everybody is excluded', () => {
    const nobody = { winner: undefined, priceMicros: 0, priceSetter: null };
    expect(runAuction([], CALM, RESERVE)).toEqual({ ...nobody, candidates: [], excluded: {} });
    const excluded: Bidder = { ...bidder('a', 100_000), exclusion: 'budget' };
    expect(runAuction([excluded], CALM, RESERVE)).toMatchObject(nobody);
    expect(runAuction([bidder('poor', RESERVE - 1)], CALM, RESERVE)).toMatchObject(nobody);
  });
});

describe('what the winner pays', () => {
  test('the reserve, when nobody else bids', () => {
    const result = runAuction([bidder('only', 100_000)], CALM, RESERVE);
    expect(result).toMatchObject({ priceMicros: RESERVE, priceSetter: 'reserve' });
  });

  test('the least that keeps it ahead of the second', () => {
    // The second scores 60,000 x 0.5; at quality 0.8 that takes more than 37,500.
    const two = [bidder('winner', 100_000, 0.8), bidder('second', 60_000, 0.5)];
    expect(runAuction(two, CALM, RESERVE)).toMatchObject({
      priceMicros: 37_501,
      priceSetter: 'second',
    });
  });

  test('the second score exactly, where its id wins the tie', () => {
    const two = [bidder('a', 100_000, 0.8), bidder('b', 60_000, 0.5)];
    expect(runAuction(two, CALM, RESERVE)).toMatchObject({ priceMicros: 37_500, priceSetter: 'b' });
  });

  test('its whole bid against an equal', () => {
    const two = [bidder('a', 70_000), bidder('b', 70_000)];
    expect(runAuction(two, CALM, RESERVE)).toMatchObject({ priceMicros: 70_000, priceSetter: 'b' });
  });

  test('the reserve, when the second is cheaper than that', () => {
    const two = [bidder('a', 70_000), bidder('b', 20_000)];
    const { priceMicros, priceSetter } = runAuction(two, CALM, 20_000);
    expect({ priceMicros, priceSetter }).toEqual({ priceMicros: 20_000, priceSetter: 'reserve' });
  });

  test('exact micros at the largest bids and finest qualities', () => {
    const two = [bidder('b', MAX_BID_MICROS, 0.999_999), bidder('a', MAX_BID_MICROS, 0.999_998)];
    // 10^9 x 999,998 / 999,999 = 999,998,999.998999…
    expect(runAuction(two, CALM, 0).priceMicros).toBe(999_999_000);
  });

  test('an excluded campaign sets no price', () => {
    const excluded: Bidder = { ...bidder('b', 900_000), exclusion: 'frequency_cap' };
    expect(runAuction([bidder('a', 100_000), excluded], CALM, RESERVE)).toMatchObject({
      priceMicros: RESERVE,
      priceSetter: 'reserve',
    });
  });
});

test('every campaign is listed: bidders by rank, then the excluded by id with their reason', () => {
  const excluded: Bidder = { ...bidder('z', 900_000), exclusion: 'targeting' };
  const bids = [bidder('y', 10), bidder('b', 5_000), excluded, bidder('a', 9_000)];
  const { candidates } = runAuction(bids, CALM, RESERVE);
  expect(candidates.map(({ campaign, excluded: why }) => [campaign, why])).toEqual([
    ['a', undefined],
    ['b', undefined],
    ['y', 'below_reserve'],
    ['z', 'targeting'],
  ]);
});
