/**
 * Auctions drawn at random, with few distinct figures so that ties, caps and limits happen, and
 * what turns one into the input of the engine.
 */
import fc from 'fast-check';
import type { AuctionInput, AuctionResult } from '../actors/campaign/auction.ts';
import { enterCampaign } from '../actors/campaign/entry.ts';
import {
  type Campaign,
  campaignSchema,
  MAX_BID_MICROS,
  SIGNALS,
  type Signal,
} from '../protocols/campaign.ts';
import type { DeliveryCell } from '../protocols/cells.ts';
import { courtesySchema } from '../protocols/courtesy.ts';
import type { UserToken } from '../protocols/ids.ts';
import { ruleFacts } from '../protocols/rule-facts.ts';
import { DEFAULT_SETTINGS, type Settings, settingsSchema } from '../protocols/settings.ts';
import type { Exposure } from '../protocols/user-snapshot.ts';
import type { AuctionCase } from './auction-by-force.ts';
import { BASE_MS, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, signals } from './generators.ts';

/** What the engine is given of a case. */
export function inputOf(drawn: AuctionCase, cells = drawn.cells): AuctionInput {
  const { read, atMs, trigger, clockMs, exposures, zone, settings } = drawn;
  return {
    ...{ clockMs, exposures, zone, settings },
    entries: cells.map(enterCampaign),
    delivery: (campaign) => drawn.deliveries[campaign] ?? NO_DELIVERY,
    user: drawn.user as UserToken,
    facts: ruleFacts(read),
    occasion: { atMs, trigger, placement: read.placement },
  };
}

/** A result with its winners named only, as far as others can check it. */
export function named({ wins, ...rest }: AuctionResult) {
  return { ...rest, wins: wins.map((win) => ({ ...win, campaign: win.campaign.id })) };
}

export const NO_DELIVERY: DeliveryCell = {
  ...{ v: 2, grant: null, grant_version: 0, window_micros: 0, day_micros: 0, spent_micros: 0 },
  ...{ unbilled_micros: 0, wins: 0, shown: 0, clicked: 0, dismissed: 0 },
  ...{ converted: 0, value_micros: 0 },
};

const ATS = ['behavior', 'impression', 'click', 'conversion'] as const;
const IDS = ['a', 'B', 'b', 'c', 'd-1', 'd-10', 'd-2', 'e'];
const RULES = [
  ...['purchase_intent > 0.5', 'region in ["DE", "AT"]', 'interest("shoes") >= 0.5', 'true'],
  ...['device == "" || loyalty < 0.3', '1 / size(region) == 1 || urgency > 0.5'],
  ...['event == "opportunity" && placement.startsWith("home")', 'funnel != "lapsed"'],
];
/** On 2024-10-27 at 01:00Z Berlin's clocks go back, on 2024-03-31 at 01:00Z forth. */
const MOMENTS = [BASE_MS, 1_729_990_800_000, 1_711_846_800_000, 1_712_613_600_000];
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu'];
const unit = fc.double({ min: 0, max: 1, noNaN: true });
const rule = fc.constantFrom(...RULES);
/** A value now and then, mostly undefined. */
const rarely = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const bid = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.constantFrom(1_000, 2_000, 4_000),
  fc.integer({ min: 1, max: MAX_BID_MICROS }),
);
const courtesy = fc.record(
  {
    max_per_day: fc.integer({ min: 1, max: 4 }),
    max_per_calendar_day: fc.integer({ min: 1, max: 3 }),
    windows: fc.array(
      fc.record({
        max: fc.integer({ min: 1, max: 4 }),
        within_s: fc.constantFrom(60, 3_600, 50 * 3_600, 30 * 86_400),
      }),
      { maxLength: 2 },
    ),
    min_spacing_s: fc.constantFrom(0, 1, 60, 3_600, 60 * 3_600),
  },
  { requiredKeys: [] },
);
const time = fc.constantFrom('00:00', '02:00', '02:30', '08:00', '22:00', '22:01', '23:59');
const quietHours = fc
  .record({ from: time, until: time })
  .filter(({ from, until }) => from !== until);
const multiplier = fc.record({
  when: rule,
  factor: fc.oneof(
    fc.constantFrom(0.125, 0.5, 2, 8),
    fc.double({ min: 0.125, max: 8, noNaN: true }),
  ),
});
const holdoutPpm = fc.constantFrom(0, 0, 0, 0, 250_000, 500_000);

const campaign = fc.record({
  bid_micros: bid,
  quality: fc.record({
    base: fc.oneof(fc.constantFrom(0, 0.25, 0.5, 1), unit),
    weights: fc
      .dictionary(fc.constantFrom(...SIGNALS), unit, { maxKeys: 3 })
      .map((weights) => ({ ...weights })),
  }),
  triggers: fc.oneof(
    { weight: 6, arbitrary: fc.constant([...ATS]) },
    { weight: 1, arbitrary: fc.subarray([...ATS]) },
  ),
  placements: fc.constantFrom([], [], [], ['home_hero'], ['cart', 'home_hero']),
  house: fc.constantFrom(false, false, false, false, false, true),
  priority: fc.constantFrom(5, 5, 5, 5, 5, 5, 0, 4, 9),
  multipliers: fc.oneof(fc.constant([]), fc.array(multiplier, { maxLength: 3 })),
  rule: rarely(rule),
  targeting: rarely(
    fc.tuple(fc.constantFrom(...SIGNALS), unit).map(([name, min]) => ({ [name]: { min } })),
  ),
  frequency: fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    { weight: 2, arbitrary: courtesy },
  ),
  quiet_hours: rarely(quietHours),
  holdout_ppm: holdoutPpm,
  schedule: rarely(fc.constantFrom<[number, number]>([-1, 1], [0, 1], [-1, 0], [1, 2])),
  status: fc.constantFrom(
    ...(['live', 'live', 'live', 'live', 'live', 'live', 'live', 'paused'] as const),
  ),
});

const grant = fc.record({
  window: fc.constantFrom([-HOUR_MS, HOUR_MS], [-1, 1], [0, 1], [-1, 0], [1, 2], null),
  allow: fc.oneof(fc.constantFrom(2 * MAX_BID_MICROS, 2 * MAX_BID_MICROS), bid),
  spent: fc.constantFrom(0, 0, 5),
  limited_by: fc.constantFrom(...(['total', 'day', 'hour', 'pacing'] as const)),
  isPlenty: fc.constantFrom(true, true, true, true, true, true, false),
});

const settings: fc.Arbitrary<Settings> = fc
  .record({
    reserve_micros: fc.oneof(
      fc.constantFrom(0, 1, 5),
      fc.constantFrom(0, 1, 1_000),
      fc.integer({ min: 0, max: 3_000 }),
    ),
    reserve_kind: fc.constantFrom('unweighted', 'weighted'),
    placements: fc.constantFrom(
      ...[{}, { home_hero: { slots: 3 } }, { home_hero: { slots: 8, reserve_micros: 7 } }],
      ...[{ home_hero: { reserve_micros: 0 }, cart: { slots: 2 } }],
    ),
    courtesy: fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: courtesy },
    ),
    quiet_hours: rarely(quietHours),
    holdout_ppm: fc.constantFrom(0, 0, 0, 0, 500_000),
  })
  .map((drawn) => settingsSchema.parse(drawn));

const agoMs = fc.oneof(
  fc.constantFrom(0, 1, MINUTE_MS - 1, MINUTE_MS, HOUR_MS, DAY_MS - 1, DAY_MS, 2 * DAY_MS - 1),
  fc.integer({ min: -3 * HOUR_MS, max: 3 * HOUR_MS }),
  fc.integer({ min: -3 * DAY_MS, max: 40 * DAY_MS }),
);
const wins = fc.array(fc.tuple(fc.constantFrom(...IDS), agoMs), { maxLength: 5 });
/** Few, none or as many as are remembered. */
const exposures = fc.oneof(
  { weight: 4, arbitrary: fc.constant<[string, number][]>([]) },
  { weight: 3, arbitrary: wins },
  { weight: 1, arbitrary: fc.array(wins, { minLength: 40, maxLength: 40 }).map(full) },
);

function full(drawn: [string, number][][]): [string, number][] {
  const all = drawn.flat().concat(IDS.map((id) => [id, 35 * DAY_MS]));
  return Array.from({ length: 32 }, (_, i) => all[i % all.length] as [string, number]);
}

/** Auctions of up to 8 campaigns. */
export const auctionCases: fc.Arbitrary<AuctionCase> = fc
  .record({
    drawn: fc.array(fc.tuple(campaign, grant), { maxLength: IDS.length }),
    signals,
    asked: fc.constantFrom('placement', 'placement', 'outright', 'trigger'),
    placement: fc.constantFrom('home_hero', 'home_hero', 'cart', 'constructor'),
    trigger: fc.constantFrom(...ATS),
    region: fc.constantFrom(undefined, 'DE', 'X'),
    device: fc.constantFrom(undefined, 'phone'),
    shoes: rarely(unit),
    exposures,
    zone: fc.constantFrom(...ZONES),
    moment: fc.constantFrom(...MOMENTS),
    offsetMs: fc.oneof(fc.integer({ min: -90, max: 90 }), fc.integer({ min: -1440, max: 1440 })),
    user: fc.integer({ min: 0, max: 99 }),
    settings,
  })
  .map((all): AuctionCase => {
    const atMs = all.moment + all.offsetMs * MINUTE_MS + (all.user % 2) * (59 * SECOND_MS + 999);
    const isTriggered = all.asked === 'trigger';
    const cells = all.drawn.map(([{ status, schedule, ...of }], i) => {
      const dates = schedule && {
        starts_at_ms: atMs + schedule[0],
        ends_at_ms: atMs + schedule[1],
      };
      return { campaign: campaignOf(IDS[i] as string, of, dates), version: i + 1, status };
    });
    const deliveries = all.drawn.map(([, drawn], i) => [IDS[i], deliveryOf(drawn, atMs)]);
    return {
      cells,
      deliveries: Object.fromEntries(deliveries),
      clockMs: atMs,
      user: `user-${all.user}`,
      read: {
        signals: all.signals,
        interests: all.shoes === undefined ? {} : { shoes: all.shoes },
        event: isTriggered ? all.trigger : all.asked === 'placement' ? 'opportunity' : 'behavior',
        ...{ user_mode: 'anonymous', funnel: 'buying', risk: 'steady' },
        placement: all.asked === 'placement' ? all.placement : undefined,
        ...{ region: all.region, device: all.device },
      },
      exposures: all.exposures.map(([id, ago], n) => exposureOf(id, atMs - ago, n)),
      ...{ zone: all.zone, atMs, settings: all.settings },
      trigger: isTriggered ? all.trigger : undefined,
    };
  });

/** A win that a user remembers. */
export function exposureOf(campaign: string, t: number, n = 0): Exposure {
  return { campaign, t, decision: `d_${n}`, seen: [], owes: null };
}

function campaignOf(id: string, drawn: object, schedule: Campaign['schedule']): Campaign {
  const entries = Object.entries({ ...drawn, schedule }).filter(([, value]) => value !== undefined);
  const { frequency, ...rest } = Object.fromEntries(entries) as { frequency: object };
  return campaignSchema.parse({
    ...{ id, name: id, trigger_type: 'modal', budget_micros: 1_000_000_000 },
    ...rest,
    frequency: courtesySchema.parse(frequency),
  });
}

type Drawn<A> = A extends fc.Arbitrary<infer T> ? T : never;

function deliveryOf(drawn: Drawn<typeof grant>, clockMs: number): DeliveryCell {
  const { window, allow, spent, limited_by, isPlenty } = drawn;
  const [from, until] = isPlenty ? [-HOUR_MS, HOUR_MS] : (window ?? [0, 0]);
  if (window === null && !isPlenty) return NO_DELIVERY;
  return {
    ...NO_DELIVERY,
    grant: {
      ...{ from_ms: clockMs + (from ?? 0), until_ms: clockMs + (until ?? 0), day_from_ms: 0 },
      ...{ allow_micros: isPlenty ? 2 * MAX_BID_MICROS : Math.max(allow, spent), limited_by },
    },
    window_micros: spent,
  };
}

/** An auction that a placement asks for, at BASE_MS, with nothing to keep these campaigns back. */
export function grantedCase(
  campaigns: readonly Campaign[],
  changes: Partial<AuctionCase>,
): AuctionCase {
  const grant = {
    ...{ from_ms: 0, until_ms: 2 * BASE_MS, day_from_ms: 0, allow_micros: 2 * MAX_BID_MICROS },
    limited_by: 'total' as const,
  };
  const half = Object.fromEntries(SIGNALS.map((name) => [name, 0.5])) as Record<Signal, number>;
  return {
    cells: campaigns.map((campaign) => ({ campaign, version: 1, status: 'live' })),
    deliveries: Object.fromEntries(campaigns.map(({ id }) => [id, { ...NO_DELIVERY, grant }])),
    ...{ clockMs: BASE_MS, atMs: BASE_MS, user: 'ada', zone: 'UTC', exposures: [] },
    read: {
      ...{ signals: half, interests: {}, event: 'opportunity', user_mode: 'authenticated' },
      ...{ funnel: 'exploring', risk: 'steady', placement: 'anywhere' },
    },
    trigger: undefined,
    settings: DEFAULT_SETTINGS,
    ...changes,
  };
}
