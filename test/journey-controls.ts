/**
 * The control messages of random journeys: settings, campaigns and grants that change on the way,
 * with all that decides who wins an auction; now and then one that is old or that nobody
 * can read.
 */
import { FOREVER_MS, type Grant } from '../protocols/grant.ts';
import type { Partition } from '../protocols/ids.ts';
import type { Settings } from '../protocols/settings.ts';
import { controlSubject } from '../protocols/subjects.ts';
import type { Chance } from './chance.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** What control messages are made for. */
export interface ControlOptions {
  readonly partitions: number;
  /** No event is later than this. */
  readonly nowMs: number;
  /** Settings that the journeys may switch between. */
  readonly settings?: readonly Partial<Settings>[];
  /** How many campaigns there are; a handful if not given. */
  readonly campaigns?: number;
}

type Body = Record<string, unknown>;
type Put = { readonly subject: string; readonly body: string };

/** Zones whose clocks differ by a day, by half an hour, by spelling, or twice a year. */
export const ZONES = [
  ...['UTC', 'Europe/Berlin', 'europe/berlin', 'America/New_York', 'Asia/Kolkata'],
  ...['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Australia/Lord_Howe'],
];
export const PLACEMENTS = ['home', 'cart', 'side', 'constructor'];
const SETTINGS: readonly Partial<Settings>[] = [
  { reserve_micros: 1_000 },
  { reserve_micros: 40_000, session_idle_ms: 10 * MINUTE_MS },
  { consent_default: 'refused' },
  { consent_default: 'granted', reserve_micros: 0 },
];
const CAMPAIGNS = ['SPRING', 'SUMMER', 'AUTUMN', 'WINTER', 'ALWAYS', 'EVENING', 'MORNING'];
const RULES = [
  'purchase_intent > 0.2',
  'urgency >= 0.1 || region == "DE"',
  'region in ["DE", "AT"] && device != "tv"',
  'event == "opportunity" && placement.startsWith("c")',
  'interest("topic-1") + interest("topic-2") > 0.05',
  'funnel in ["considering", "buying"] ? churn_risk < 0.9 : risk != "churned"',
  '!(source == "web") && user_mode == "authenticated"',
  'loyalty * 2.0 - curiosity < 0.8',
  // Divides by zero where the region is not known: an error, which && may absorb.
  '10 / size(region) > 3',
  'size(region) % size(device) == 0 || source == "app"',
  'region.size() > 0 && 10 / size(region) > 3',
  'interest("constructor") >= 0.5 || interest("topic-3") == 0.0',
];
const BAD_RULES = ['urgency >', 'mood == "good"', 'urgency == "high"', 'event == "nonsense"'];

/** Makes the control messages of one log. */
export class ControlMaker {
  readonly #chance: Chance;
  readonly #options: ControlOptions;
  readonly #campaigns: readonly string[];
  readonly #versions = new Map<string, number>();
  readonly #grants = new Map<string, Grant>();

  constructor(chance: Chance, options: ControlOptions) {
    this.#chance = chance;
    this.#options = options;
    const { campaigns: count } = options;
    this.#campaigns =
      count === undefined ? CAMPAIGNS : Array.from({ length: count }, (_, i) => `C${i}`);
  }

  /** @param clockMs when the log stores them. */
  first(clockMs: number): Put[] {
    const campaigns = this.#campaigns.slice(0, -2).flatMap((id) => this.#campaign(id));
    return [...this.#settings(), ...campaigns, ...this.#grant(clockMs)];
  }

  next(clockMs: number): Put[] {
    const chance = this.#chance;
    if (chance.of(0.05)) {
      return [{ subject: controlSubject(0 as Partition), body: '{"v":1,"type":"unknown"}' }];
    }
    if (chance.of(0.4)) return this.#campaign(chance.pick(this.#campaigns));
    return chance.of(0.6) ? this.#grant(clockMs) : this.#settings();
  }

  #settings(): Put[] {
    const named = this.#chance.pick(this.#options.settings ?? SETTINGS);
    const settings = { ...auctionSettings(this.#chance), ...named };
    return this.#toAll('settings', { type: 'settings.put', settings });
  }

  #campaign(id: string): Put[] {
    const chance = this.#chance;
    const status = chance.of(0.8) ? 'live' : 'paused';
    const campaign = campaignOf(chance, id, this.#options.nowMs);
    return this.#toAll(id, { type: 'campaign.put', status, campaign });
  }

  #grant(clockMs: number): Put[] {
    const chance = this.#chance;
    if (chance.of(0.1)) {
      const granted_micros = { [chance.pick(this.#campaigns)]: chance.int(2_000_000) };
      return this.#toAll('grants', { v: 1, type: 'grants.put', granted_micros });
    }
    for (const id of this.#campaigns) {
      if (chance.of(0.9)) this.#grants.set(id, grantOf(chance, clockMs, this.#grants.get(id)));
    }
    const grants = Object.fromEntries([...this.#grants].filter(() => chance.of(0.9)).slice(-256));
    return this.#toAll('grants', { type: 'grants.put', grants });
  }

  #toAll(key: string, message: Body): Put[] {
    // Sometimes an old version comes again.
    const version = (this.#versions.get(key) ?? 0) + (this.#chance.of(0.1) ? 0 : 1);
    this.#versions.set(key, version);
    const body = JSON.stringify({ v: 2, version: Math.max(1, version), ...message });
    return Array.from({ length: this.#options.partitions }, (_, p) => ({
      subject: controlSubject(p as Partition),
      body,
    }));
  }
}

/** Settings that decide about auctions, most of them now and then. */
function auctionSettings(chance: Chance): Partial<Settings> {
  const slots = (): number => 1 + chance.int(3);
  return {
    placements: {
      home: { slots: slots(), reserve_micros: chance.pick([0, 5_000, 30_000]) },
      ...chance.maybe(0.5, () => ({ cart: { slots: slots() } })),
      ...chance.maybe(0.5, () => ({ constructor: { slots: 8 } })),
    },
    reserve_kind: chance.pick(['unweighted', 'weighted']),
    time_zone: chance.pick(ZONES),
    holdout_ppm: chance.pick([0, 0, 150_000, 400_000]),
    outcome_window_ms: chance.pick([MINUTE_MS, 6 * HOUR_MS, 7 * DAY_MS, 90 * DAY_MS]),
    ...chance.maybe(0.4, () => ({ courtesy: courtesyOf(chance) })),
    ...chance.maybe(0.3, () => ({ quiet_hours: quietHoursOf(chance) })),
  };
}

function courtesyOf(chance: Chance): Settings['courtesy'] {
  return {
    max_per_day: chance.pick([1 + chance.int(6), 32]),
    min_spacing_s: chance.pick([0, 0, 60, 3_600]),
    ...chance.maybe(0.4, () => ({ max_per_calendar_day: 1 + chance.int(4) })),
    ...chance.maybe(0.4, () => ({
      windows: [{ max: 1 + chance.int(4), within_s: chance.pick([1_800, 7 * 86_400]) }],
    })),
  };
}

function quietHoursOf(chance: Chance): NonNullable<Settings['quiet_hours']> {
  return chance.pick([
    { from: '22:00', until: '06:30' },
    { from: '00:00', until: '08:00' },
    { from: '12:15', until: '12:16' },
    { from: '01:30', until: '01:29' },
  ]);
}

function campaignOf(chance: Chance, id: string, nowMs: number): Body {
  const isHouse = chance.of(0.12);
  const schedule = { starts_at_ms: nowMs - 300 * DAY_MS, ends_at_ms: nowMs - 10 * DAY_MS };
  const rules = chance.of(0.03) ? BAD_RULES : RULES;
  return {
    id,
    name: id,
    trigger_type: chance.pick(['in_app_modal', 'banner']),
    triggers: chance.pick([['behavior'], ['click', 'conversion'], ['behavior', 'impression']]),
    placements: chance.of(0.3) ? chance.pick([['home'], ['home', 'constructor'], ['cart']]) : [],
    // Equal bids meet equal qualities now and then.
    bid_micros: chance.pick([20_000, 20_000, 50_000, 30_000 + chance.int(20_000)]),
    pay_per: chance.pick(['win', 'win', 'impression', 'click', 'action']),
    house: isHouse,
    ...chance.maybe(0.3, () => ({ priority: chance.int(10) })),
    budget_micros: 1_000_000_000,
    ...chance.maybe(0.2, () => ({ daily_micros: 1_000_000_000, hourly_micros: 1_000_000_000 })),
    quality: { base: chance.pick([0, 0.3, 1]), weights: chance.of(0.6) ? { urgency: 0.4 } : {} },
    ...chance.maybe(0.4, () => ({ multipliers: multipliersOf(chance) })),
    ...chance.maybe(0.3, () => ({ rule: chance.pick(rules) })),
    targeting: chance.of(0.3) ? { churn_risk: { min: 0, max: chance.upTo(0.8) } } : {},
    frequency: courtesyOf(chance),
    ...chance.maybe(0.15, () => ({ quiet_hours: quietHoursOf(chance) })),
    holdout_ppm: chance.of(0.4) ? 0 : 100_000 * (1 + chance.int(5)),
    ...chance.maybe(0.15, () => ({ schedule })),
  };
}

function multipliersOf(chance: Chance): Body[] {
  return Array.from({ length: 1 + chance.int(3) }, () => ({
    when: chance.pick(RULES),
    factor: chance.pick([0.125, 0.5, 1.3, 2, 8]),
  }));
}

/** A grant for the window of the one before, with more or less of it; or for another one. */
function grantOf(chance: Chance, clockMs: number, before: Grant | undefined): Grant {
  const allow_micros = chance.pick([0, chance.int(200_000), chance.int(3_000_000)]);
  const limited_by = chance.pick(['total', 'day', 'hour', 'pacing'] as const);
  if (before !== undefined && chance.of(0.4)) return { ...before, allow_micros, limited_by };
  const from_ms = chance.pick([clockMs, clockMs - 2 * DAY_MS, clockMs - (clockMs % HOUR_MS)]);
  const lastsMs = chance.pick([HOUR_MS, 6 * HOUR_MS, DAY_MS, 9 * DAY_MS]);
  return {
    from_ms,
    until_ms: chance.of(0.4) ? FOREVER_MS : from_ms + lastsMs,
    day_from_ms: chance.of(0.5) ? 0 : clockMs - (clockMs % DAY_MS),
    allow_micros,
    limited_by,
  };
}
