/**
 * How long one auction takes over many campaigns, each with targeting, quality weights and caps.
 */
import { type Bidder, runAuction } from '../actors/campaign/auction.ts';
import { exclusionOf, type Occasion } from '../actors/campaign/eligibility.ts';
import { DEFAULT_REFERENCE } from '../actors/model/default-reference.ts';
import { signalsOf } from '../actors/model/scorer.ts';
import { type Campaign, campaignSchema, SIGNALS } from '../protocols/campaign.ts';
import type { DeliveryCell } from '../protocols/cells.ts';
import { CONCEPTS, type FusedState } from '../protocols/user-snapshot.ts';
import { seededRandom } from '../runtime/simulate/random.ts';
import { percentile } from './setting.ts';

const CAMPAIGN_COUNTS = [100, 1_000, 10_000] as const;
/** Auctions at each count; the first tenth compiles the code and is not counted. */
const AUCTIONS = 2_000;
const LARGE_AUCTIONS = 400;
const RESERVE_MICROS = 10_000;

export interface AuctionFigures {
  readonly campaigns: number;
  readonly eligible: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Heap allocated by one auction, where the garbage collector can be asked; else undefined. */
  readonly bytes: number | undefined;
}

/** Eligibility and auction, at each number of campaigns. */
export function benchAuction(): readonly AuctionFigures[] {
  return CAMPAIGN_COUNTS.map((count) => {
    const random = seededRandom(count);
    const campaigns = Array.from({ length: count }, (_, i) => campaignOf(i, random));
    const auctions = count > 1_000 ? LARGE_AUCTIONS : AUCTIONS;
    const users = Array.from({ length: 50 }, () => conceptsOf(random));
    const times: number[] = [];
    let eligible = 0;
    for (let n = 0; n < auctions; n++) {
      const concepts = users[n % users.length] as FusedState['concepts'];
      const startedMs = performance.now();
      const taking = auction(campaigns, concepts);
      const tookMs = performance.now() - startedMs;
      if (n < auctions / 10) continue;
      times.push(tookMs);
      eligible += taking / (0.9 * auctions);
    }
    times.sort((a, b) => a - b);
    return {
      campaigns: count,
      eligible: Math.round(eligible),
      p50Ms: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
      bytes: bytesOf(() => auction(campaigns, users[0] as FusedState['concepts'])),
    };
  });
}

const DELIVERY: DeliveryCell = {
  ...{ v: 1, granted_micros: 1_000_000_000, spent_micros: 0 },
  ...{ wins: 0, shown: 0, clicked: 0, dismissed: 0 },
};
const OCCASION: Occasion = { atMs: 1_712_613_245_000, trigger: 'behavior', placement: undefined };

/** @returns how many campaigns took part. */
function auction(campaigns: readonly Campaign[], concepts: FusedState['concepts']): number {
  const signals = signalsOf(concepts, DEFAULT_REFERENCE.scorer.intents(concepts));
  const bidders = campaigns.map((campaign): Bidder => {
    const exclusion = exclusionOf(campaign, 'live', DELIVERY, OCCASION, signals, []);
    return { campaign, version: 1, exclusion };
  });
  const { excluded } = runAuction(bidders, signals, RESERVE_MICROS);
  return campaigns.length - Object.values(excluded).reduce((sum, n) => sum + n, 0);
}

function bytesOf(run: () => void): number | undefined {
  const { gc } = globalThis;
  if (gc === undefined) return undefined;
  gc();
  const before = process.memoryUsage().heapUsed;
  run();
  return process.memoryUsage().heapUsed - before;
}

function campaignOf(i: number, random: () => number): Campaign {
  const signal = () => SIGNALS[Math.floor(random() * SIGNALS.length)] as string;
  const low = random() * 0.5;
  return campaignSchema.parse({
    ...{ id: `C${i}`, name: `campaign ${i}`, trigger_type: 'in_app_modal' },
    ...{ bid_micros: 20_000 + Math.floor(random() * 1_000_000), budget_micros: 1_000_000_000 },
    quality: { base: 0.1, weights: { [signal()]: random(), [signal()]: random() } },
    targeting: { [signal()]: { min: low, max: 1 }, [signal()]: { min: 0, max: 1 - low / 2 } },
  });
}

function conceptsOf(random: () => number): FusedState['concepts'] {
  return Object.fromEntries(CONCEPTS.map((c) => [c, random()])) as FusedState['concepts'];
}
