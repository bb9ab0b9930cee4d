/**
 * The auction's promises (A1-A4) over 2,000 random auctions each, and against brute force;
 * AUCTION_RUNS=100000 draws more.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AuctionInput, holdAuction } from '../../actors/campaign/auction.ts';
import { type CampaignEntry, enterCampaign, withBid } from '../../actors/campaign/entry.ts';
import { MAX_BID_MICROS, SIGNALS } from '../../protocols/campaign.ts';
import { exclusionSchema } from '../../protocols/decision.ts';
import { type AuctionCase, auctionByForce } from '../auction-by-force.ts';
import { auctionCases, inputOf, named } from '../auction-cases.ts';
import { holds } from '../generators.ts';

/** A failure has to be printed in time, so many runs are made a round at a time. */
const ROUND = 2_000;
const ROUNDS = Math.ceil(Number(process.env.AUCTION_RUNS ?? ROUND) / ROUND);
const TIMEOUT_MS = 30_000 * ROUNDS;
const PPM = 1_000_000n;

function holdsAlways<T>(property: fc.IProperty<T>): void {
  for (let round = 0; round < ROUNDS; round++) holds(property, ROUND);
}

/** The input with one campaign in another form. */
function withEntry(input: AuctionInput, changed: CampaignEntry): AuctionInput {
  const entries = [...input.entries].map((entry) => (entry.id === changed.id ? changed : entry));
  return { ...input, entries };
}

function entryAt(input: AuctionInput, which: number): CampaignEntry | undefined {
  const entries = [...input.entries];
  return entries[which % Math.max(1, entries.length)];
}

/** The place of a campaign among those that are not out; infinite if it is out. */
function rankOf(input: AuctionInput, id: string): number {
  const { candidates } = holdAuction(input);
  const place = candidates.findIndex(({ campaign, excluded }) => campaign === id && !excluded);
  return place < 0 ? Number.POSITIVE_INFINITY : place;
}

/** The places of the winners, by id. */
function placeOf(input: AuctionInput, id: string): number {
  return holdAuction(input).wins.findIndex(({ campaign }) => campaign.id === id);
}

function reachesReserve(drawn: AuctionCase, bid: number, ppm: number, reserve: number): boolean {
  return drawn.settings.reserve_kind === 'unweighted'
    ? bid >= reserve
    : BigInt(bid) * BigInt(ppm) >= BigInt(reserve) * PPM;
}

test('everything is as brute force finds it: candidates, reasons, winners, prices, ghosts', {
  timeout: TIMEOUT_MS,
}, () => {
  holdsAlways(
    fc.property(auctionCases, (drawn) => {
      expect(named(holdAuction(inputOf(drawn)))).toEqual(auctionByForce(drawn));
    }),
  );
});

test('the order of the campaigns changes nothing (A1)', { timeout: TIMEOUT_MS }, () => {
  const shuffled = auctionCases.chain((drawn) => {
    const order = fc.shuffledSubarray([...drawn.cells], { minLength: drawn.cells.length });
    return fc.tuple(fc.constant(drawn), order);
  });
  holdsAlways(
    fc.property(shuffled, ([drawn, order]) => {
      // The receipt is compared as text, so the order of its keys counts too.
      const [one, other] = [order, drawn.cells].map((cells) => {
        return JSON.stringify(holdAuction(inputOf(drawn, cells)));
      });
      expect(one).toBe(other);
    }),
  );
});

test('the same state gives the same decision, to the byte, and changes nothing', {
  timeout: TIMEOUT_MS,
}, () => {
  holdsAlways(
    fc.property(auctionCases, (drawn) => {
      const [input, before] = [inputOf(drawn), JSON.stringify(drawn)];
      const first = JSON.stringify(holdAuction(input));
      expect(JSON.stringify(holdAuction(input))).toBe(first);
      const copy = JSON.parse(before) as AuctionCase;
      const again = { ...copy, trigger: drawn.trigger };
      expect(JSON.stringify(holdAuction(inputOf(again)))).toBe(first);
      expect(JSON.stringify(drawn)).toBe(before);
    }),
  );
});

test('a price lies between reserve and bid, in whole micros (A2, A3)', {
  timeout: TIMEOUT_MS,
}, () => {
  holdsAlways(
    fc.property(auctionCases, (drawn) => {
      const { wins, candidates, reserveMicros } = holdAuction(inputOf(drawn));
      for (const { score } of candidates) expect(Number.isSafeInteger(score)).toBe(true);
      wins.forEach(({ campaign, priceMicros, priceSetter }, place) => {
        const { bid_micros, quality_ppm, campaign: id } = candidates[place] ?? {};
        expect(id).toBe(campaign.id);
        expect(Number.isSafeInteger(priceMicros)).toBe(true);
        expect(priceMicros).toBeLessThanOrEqual(bid_micros ?? -1);
        expect(priceSetter).not.toBe(campaign.id);
        expect(priceSetter === 'house').toBe(campaign.house);
        if (campaign.house) expect(priceMicros).toBe(0);
        else expect(reachesReserve(drawn, priceMicros, quality_ppm ?? 0, reserveMicros)).toBe(true);
      });
    }),
  );
});

test('a price is the least bid that keeps the place: found by holding the auction again (A2)', {
  timeout: TIMEOUT_MS,
}, () => {
  holdsAlways(
    fc.property(auctionCases, (drawn) => {
      const input = inputOf(drawn);
      const { wins, candidates, reserveMicros } = holdAuction(input);
      wins.forEach(({ campaign, priceMicros }, place) => {
        const entry = [...input.entries].find(({ id }) => id === campaign.id);
        if (entry === undefined || campaign.house) return;
        const placeAt = (bid: number): number =>
          placeOf(withEntry(input, withBid(entry, bid)), campaign.id);
        expect(placeAt(priceMicros)).toBe(place);
        if (priceMicros === 0) return;
        const ppm = candidates[place]?.quality_ppm ?? 0;
        const isBelow = !reachesReserve(drawn, priceMicros - 1, ppm, reserveMicros);
        // Below the reserve no bid wins at all.
        expect(placeAt(priceMicros - 1)).toSatisfy((at) => (isBelow ? at === -1 : at !== place));
      });
    }),
  );
});

test('raising a bid never lowers a rank while it can be paid', { timeout: TIMEOUT_MS }, () => {
  const raised = fc.tuple(auctionCases, fc.nat(), fc.integer({ min: 0, max: 1_000_000 }));
  holdsAlways(
    fc.property(raised, ([drawn, which, more]) => {
      const input = inputOf(drawn);
      const entry = entryAt(input, which);
      if (entry === undefined) return;
      const { grant, window_micros } = input.delivery(entry.id);
      const left = grant === null ? 0 : grant.allow_micros - window_micros;
      const bid = Math.min(MAX_BID_MICROS, left, entry.campaign.bid_micros + more);
      if (bid < entry.campaign.bid_micros) return;
      const before = rankOf(input, entry.id);
      const after = rankOf(withEntry(input, withBid(entry, bid)), entry.id);
      expect(after).toBeLessThanOrEqual(before);
    }),
  );
});

test('raising a base, a weight, a factor or a signal that it weighs never lowers a rank', {
  timeout: TIMEOUT_MS,
}, () => {
  const raised = fc.tuple(
    auctionCases,
    fc.nat(),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.constantFrom(...SIGNALS),
  );
  holdsAlways(
    fc.property(raised, ([drawn, which, more, signal]) => {
      const input = inputOf(drawn);
      const entry = entryAt(input, which);
      if (entry === undefined) return;
      const { campaign, version, status } = entry;
      const { base, weights } = campaign.quality;
      const weight = weights[signal] ?? 0;
      const before = rankOf(input, entry.id);
      for (const better of [
        { quality: { base: base + (1 - base) * more, weights } },
        { quality: { base, weights: { ...weights, [signal]: weight + (1 - weight) * more } } },
        {
          multipliers: campaign.multipliers.map(({ when, factor }) => {
            return { when, factor: factor + (8 - factor) * more };
          }),
        },
      ]) {
        const changed = enterCampaign({ campaign: { ...campaign, ...better }, version, status });
        expect(rankOf(withEntry(input, changed), entry.id)).toBeLessThanOrEqual(before);
      }
    }),
  );
});

test('a ghost is who would have won a place without its holdout, and nobody else is (A4)', {
  timeout: TIMEOUT_MS,
}, () => {
  holdsAlways(
    fc.property(auctionCases, (drawn) => {
      const { settings } = drawn;
      const open = { ...drawn, settings: { ...settings, holdout_ppm: 0 } };
      const input = inputOf(open);
      const { heldOut, excluded } = holdAuction(input);
      for (const entry of input.entries) {
        const { campaign, version, status } = entry;
        const free = enterCampaign({ campaign: { ...campaign, holdout_ppm: 0 }, version, status });
        const would = placeOf(withEntry(input, free), entry.id) >= 0;
        const does = placeOf(input, entry.id) >= 0;
        expect(heldOut.includes(entry.id)).toBe(would && !does);
      }
      if (excluded.holdout === undefined) expect(heldOut).toEqual([]);
    }),
  );
});

test('who is held out changes nothing for the others but that they move up (A4)', {
  timeout: TIMEOUT_MS,
}, () => {
  holdsAlways(
    fc.property(auctionCases, (drawn) => {
      const { candidates, ...result } = named(holdAuction(inputOf(drawn)));
      const isOut = new Set(
        candidates.filter(({ excluded }) => excluded === 'holdout').map(({ campaign }) => campaign),
      );
      const others = drawn.cells.filter(({ campaign }) => !isOut.has(campaign.id));
      expect(named(holdAuction(inputOf(drawn, others))).wins).toEqual(result.wins);
    }),
  );
});

test('the auctions drawn here have every reason, every price setter and ghosts', () => {
  const results = fc.sample(auctionCases, { numRuns: 2_000, seed: 1 }).map((drawn) => {
    return { drawn, result: auctionByForce(drawn) };
  });
  const reasons = results.flatMap(({ result }) => Object.keys(result.excluded));
  expect([...new Set(reasons)].sort()).toEqual([...exclusionSchema.options].sort());
  const setters = results.flatMap(({ result }) => result.wins.map((win) => win.priceSetter));
  for (const setter of ['reserve', 'house', 'a']) {
    expect(setters.filter((each) => each === setter).length).toBeGreaterThan(20);
  }
  const ghosts = results.filter(({ result }) => result.heldOut.length > 0);
  expect(ghosts.filter(({ result }) => result.heldOut[0] !== '(all)').length).toBeGreaterThan(20);
  expect(ghosts.filter(({ result }) => result.heldOut[0] === '(all)').length).toBeGreaterThan(20);
  expect(results.filter(({ result }) => result.wins.length > 2).length).toBeGreaterThan(20);
});
