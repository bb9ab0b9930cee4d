/**
 * How long one auction takes over many campaigns, each with a rule of its own, quality weights and
 * caps, some with a multiplier, for users who have seen some of them.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type AuctionInput, holdAuction } from '../actors/campaign/auction.ts';
import { type CampaignEntry, enterCampaign } from '../actors/campaign/entry.ts';
import { DEFAULT_REFERENCE } from '../actors/model/default-reference.ts';
import { signalsOf } from '../actors/model/scorer.ts';
import { emptyDelivery } from '../actors/partition/empty-cells.ts';
import { takeGrant } from '../actors/partition/spending.ts';
import { campaignSchema, SIGNALS } from '../protocols/campaign.ts';
import type { DeliveryCell } from '../protocols/cells.ts';
import { FOREVER_MS } from '../protocols/grant.ts';
import type { UserToken } from '../protocols/ids.ts';
import { ruleFacts } from '../protocols/rule-facts.ts';
import { settingsSchema } from '../protocols/settings.ts';
import { CONCEPTS, type FusedState } from '../protocols/user-snapshot.ts';
import { seededRandom } from '../runtime/simulate/random.ts';
import { percentile } from './setting.ts';

const CAMPAIGN_COUNTS = [100, 1_000, 10_000] as const;
/** Auctions at each count; the first tenth compiles the code and is not counted. */
const AUCTIONS = 2_000;
const LARGE_AUCTIONS = 1_000;
/** Runs whose garbage is weighed: few enough that none of it is collected meanwhile. */
const WARMING_RUNS = 20;
const COUNTED_RUNS = 5;
const USERS = 50;
/** Wins of the last days that each user has seen. */
const WINS_SEEN = 8;
const NOW_MS = 1_712_613_245_000;
const DAY_MS = 86_400_000;
const REGIONS = ['DE', 'AT', 'CH', 'US', 'FR', 'IT'] as const;
const SETTINGS = settingsSchema.parse({
  courtesy: { max_per_day: 20, max_per_calendar_day: 15, min_spacing_s: 30 },
});

export interface AuctionFigures {
  readonly campaigns: number;
  readonly eligible: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Heap allocated by one auction. */
  readonly bytes: number;
}

type User = Pick<AuctionInput, 'user' | 'facts' | 'exposures'>;

/** Eligibility and auction, at each number of campaigns. */
export function benchAuction(): readonly AuctionFigures[] {
  return CAMPAIGN_COUNTS.map((count) => {
    const random = seededRandom(count);
    const entries = new Map<string, CampaignEntry>();
    for (let i = 0; i < count; i++) entries.set(`C${i}`, entryOf(i, random));
    const delivery = deliveriesOf(entries);
    const auctions = count > 1_000 ? LARGE_AUCTIONS : AUCTIONS;
    const users = Array.from({ length: USERS }, (_, i) => userOf(i, count, random));
    const hold = (user: User): number => {
      const { excluded } = holdAuction(inputOf(entries, delivery, user));
      return count - Object.values(excluded).reduce((sum, n) => sum + n, 0);
    };
    const times: number[] = [];
    let eligible = 0;
    for (let n = 0; n < auctions; n++) {
      const user = users[n % USERS] as User;
      const startedMs = performance.now();
      const taking = hold(user);
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
      bytes: bytesOf(() => hold(users[0] as User)),
    };
  });
}

function inputOf(
  entries: ReadonlyMap<string, CampaignEntry>,
  delivery: AuctionInput['delivery'],
  user: User,
): AuctionInput {
  const occasion = { atMs: NOW_MS, trigger: 'behavior', placement: undefined } as const;
  const zone = 'Europe/Berlin';
  return {
    ...user,
    ...{ entries: entries.values(), delivery, clockMs: NOW_MS, zone, occasion, settings: SETTINGS },
  };
}

/** Each an object of its own, as in a partition. */
function deliveriesOf(entries: ReadonlyMap<string, CampaignEntry>): AuctionInput['delivery'] {
  const cells = new Map<string, DeliveryCell>();
  for (const id of entries.keys()) cells.set(id, newDelivery());
  return (campaign) => cells.get(campaign) as DeliveryCell;
}

function newDelivery(): DeliveryCell {
  const delivery = emptyDelivery();
  const window = { from_ms: NOW_MS - DAY_MS, until_ms: FOREVER_MS, day_from_ms: 0 };
  takeGrant(delivery, { ...window, allow_micros: 2_000_000_000, limited_by: 'total' }, 1);
  return delivery;
}

/** The first run after a collection is of code that is not compiled, and is not counted. */
function bytesOf(run: () => void): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  for (let n = 0; n < WARMING_RUNS; n++) run();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < COUNTED_RUNS; n++) run();
  return (process.memoryUsage().heapUsed - before) / COUNTED_RUNS;
}

function entryOf(i: number, random: () => number): CampaignEntry {
  const signal = () => SIGNALS[Math.floor(random() * SIGNALS.length)] as string;
  const region = () => REGIONS[Math.floor(random() * REGIONS.length)] as string;
  const share = () => random().toFixed(4);
  const regions = `region in ["${region()}", "${region()}"]`;
  const campaign = campaignSchema.parse({
    ...{ id: `C${i}`, name: `campaign ${i}`, trigger_type: 'in_app_modal' },
    ...{ bid_micros: 20_000 + Math.floor(random() * 1_000_000), budget_micros: 1_000_000_000 },
    rule: `${signal()} > ${share()} && (${regions} || ${signal()} > ${share()})`,
    quality: { base: 0.1, weights: { [signal()]: random(), [signal()]: random() } },
    multipliers: i % 10 === 0 ? [{ when: `${signal()} > ${share()}`, factor: 1.5 }] : [],
    frequency: {
      ...{ max_per_day: 3, min_spacing_s: 60, max_per_calendar_day: 2 },
      windows: [{ max: 5, within_s: 604_800 }],
    },
  });
  return enterCampaign({ campaign, version: 1, status: 'live' });
}

function userOf(i: number, campaigns: number, random: () => number): User {
  const concepts = conceptsOf(random);
  const signals = signalsOf(concepts, DEFAULT_REFERENCE.scorer.intents(concepts));
  const facts = ruleFacts({
    ...{ signals, interests: {}, event: 'behavior', user_mode: 'authenticated' },
    ...{ funnel: 'exploring', risk: 'steady', region: REGIONS[i % REGIONS.length] },
  });
  const exposures = Array.from({ length: WINS_SEEN }, (_, n): FusedState['exposures'][number] => ({
    ...{
      campaign: `C${Math.floor(random() * campaigns)}`,
      decision: `d_${n}`,
      seen: [],
      owes: null,
    },
    t: NOW_MS - Math.floor((1 - n / WINS_SEEN) * 3 * DAY_MS),
  }));
  return { user: `user-${i}` as UserToken, facts, exposures };
}

function conceptsOf(random: () => number): FusedState['concepts'] {
  return Object.fromEntries(CONCEPTS.map((c) => [c, random()])) as FusedState['concepts'];
}
