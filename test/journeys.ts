/**
 * Random user journeys with everything that goes wrong on the way: late, repeated, renumbered and
 * broken events, refunds, consent taken back, long absences, and campaigns that change meanwhile.
 * The same seed gives the same log.
 */
import { hash64 } from '../actors/hash.ts';
import type { Settings } from '../protocols/campaign.ts';
import type { Control } from '../protocols/control.ts';
import { encodeUserId, type Partition, type UserId } from '../protocols/ids.ts';
import { controlSubject } from '../protocols/subjects.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A number from 0 to below 1 each call, the same ones for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A message as it is published: an event to `ingest.<user>`, or a control message. */
export interface Published {
  readonly subject: string;
  readonly body: string;
}

export interface JourneyOptions {
  readonly seed: number;
  readonly messages: number;
  readonly users: number;
  readonly partitions: number;
  /** No event is later than this. */
  readonly nowMs: number;
  /** How often settings, campaigns and grants change, per message. */
  readonly controlRate?: number;
  /** How often an event is a touch whatever else it might have been: makes for long paths. */
  readonly touchRate?: number;
  /** Settings that the journeys may switch between. */
  readonly settings?: readonly Partial<Settings>[];
}

const SETTINGS: readonly Partial<Settings>[] = [
  { reserve_micros: 1_000 },
  { reserve_micros: 40_000, session_idle_ms: 10 * MINUTE_MS },
  { consent_default: 'refused' },
  { consent_default: 'granted', reserve_micros: 0 },
];
const NAMES = ['search', 'view_item', 'add_to_cart', 'begin_checkout', 'cancel', 'rage_tap'];
// Names that every object has stay names.
const ODD_NAMES = ['constructor', 'toString', 'hasOwnProperty', 'unheard_of'];
const CHANNELS = ['email', 'search', 'social', 'display', 'constructor'];
const CAMPAIGNS = ['SPRING', 'SUMMER', 'AUTUMN', 'WINTER', 'ALWAYS'];

type Body = Record<string, unknown>;

interface Journey {
  readonly token: string;
  /** How busy: the scale of the time between two events. */
  readonly paceMs: number;
  t: number;
  index: number;
  readonly sent: Body[];
  readonly orders: string[];
  readonly decisions: string[];
}

/** Makes a log. O(messages). */
export function journeyLog(options: JourneyOptions): Published[] {
  const chance = new Chance(options.seed);
  const journeys = Array.from({ length: options.users }, (_, i) => newJourney(chance, i, options));
  const control = new ControlMaker(chance, options);
  const log = control.first();
  while (log.length < options.messages) {
    if (chance.of(options.controlRate ?? 0.004)) {
      log.push(...control.next());
      continue;
    }
    // Some users are far busier than the others.
    const journey = chance.pick(journeys.slice(0, chance.of(0.3) ? 3 : journeys.length));
    const subject = chance.of(0.002) ? 'ingest.not%canonical' : `ingest.${journey.token}`;
    log.push({
      subject,
      body: chance.of(0.01) ? brokenBody(chance) : nextBody(chance, journey, options),
    });
  }
  return log;
}

class Chance {
  readonly #random: () => number;
  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }
  of(p: number): boolean {
    return this.#random() < p;
  }
  upTo(max: number): number {
    return this.#random() * max;
  }
  int(max: number): number {
    return Math.floor(this.#random() * max);
  }
  pick<T>(of: readonly T[]): T {
    return of[this.int(of.length)] as T;
  }
  uuid(): string {
    const hex = (digits: number): string =>
      Array.from({ length: digits }, () => this.int(16).toString(16)).join('');
    return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
  }
}

function newJourney(chance: Chance, i: number, { nowMs }: JourneyOptions): Journey {
  const id = chance.of(0.2) ? `user ${i}@example.com` : `user-${i}`;
  return {
    token: encodeUserId(id as UserId),
    paceMs: chance.pick([MINUTE_MS, HOUR_MS, 8 * HOUR_MS, DAY_MS]),
    t: nowMs - Math.floor((200 + chance.upTo(500)) * DAY_MS),
    index: 0,
    sent: [],
    orders: [],
    decisions: [],
  };
}

function nextBody(chance: Chance, journey: Journey, options: JourneyOptions): string {
  const repeated = journey.sent.length > 0 && chance.of(0.12);
  if (repeated) return JSON.stringify(repetition(chance, journey));
  const make = chance.of(options.touchRate ?? 0) ? touch : chance.pick(MAKERS);
  const event: Body = { ...common(chance, journey, options.nowMs), ...make(chance, journey) };
  journey.sent.push(event);
  journey.decisions.push(`d_${hash64(`${journey.token}\n${String(event.event_id)}`)}`);
  if (journey.decisions.length > 10) journey.decisions.shift();
  if (journey.sent.length > 60) journey.sent.shift();
  if (chance.of(0.08)) event.decide = true;
  if (chance.of(0.05)) event.event_id = String(event.event_id).toUpperCase();
  return JSON.stringify(event);
}

/** The same event again, or its id or its index under another event. */
function repetition(chance: Chance, journey: Journey): Body {
  const again = chance.pick(chance.of(0.5) ? journey.sent.slice(-3) : journey.sent);
  const { event_id } = again;
  switch (chance.int(4)) {
    case 0:
      return { ...again, session_index: ++journey.index };
    case 1:
      return { ...again, event_id: chance.uuid() };
    case 2:
      return { ...again, event_id: String(event_id).toUpperCase(), session_index: ++journey.index };
    default:
      return again;
  }
}

function common(chance: Chance, journey: Journey, nowMs: number): Body {
  const paces = [
    0,
    1_000,
    journey.paceMs / 10,
    journey.paceMs,
    journey.paceMs,
    journey.paceMs * 10,
  ];
  let stepMs = chance.upTo(chance.pick(paces));
  if (chance.of(0.01)) stepMs = (20 + chance.upTo(25)) * DAY_MS;
  journey.t = Math.min(nowMs, journey.t + Math.floor(stepMs));
  let { t } = journey;
  if (chance.of(0.15)) t -= Math.floor(chance.upTo(chance.pick([MINUTE_MS, HOUR_MS, DAY_MS])));
  if (chance.of(0.02)) t -= Math.floor(chance.upTo(40 * DAY_MS));
  if (chance.of(0.2)) t -= t % HOUR_MS;
  journey.index += chance.of(0.1) ? 2 + chance.int(3) : 1;
  const series = chance.of(0.3) ? { session_id: `s${chance.int(24)}` } : {};
  const late = chance.of(0.1) ? Math.max(0, journey.index - chance.int(300)) : journey.index;
  return {
    event_id: chance.uuid(),
    session_index: late,
    timestamp: Math.max(0, t),
    user_mode: chance.pick(['authenticated', 'anonymous']),
    ...series,
  };
}

const MAKERS: readonly ((chance: Chance, journey: Journey) => Body)[] = [
  behavior,
  behavior,
  behavior,
  touch,
  touch,
  touch,
  touch,
  conversion,
  conversion,
  refund,
  other,
  other,
];

function behavior(chance: Chance): Body {
  const name = chance.of(0.7) ? chance.pick(NAMES) : chance.pick(ODD_NAMES);
  const vectors = {
    scroll_depth_hz: chance.upTo(90),
    tap_velocity_ms: chance.upTo(200) - 10,
    active_duration_s: chance.upTo(100),
    ...(chance.of(0.1) ? { rage_taps: chance.int(5), errors: chance.int(4) } : {}),
  };
  const topics = Array.from({ length: chance.int(4) }, () => `topic-${chance.int(60)}`);
  return chance.of(0.1) ? {} : { type: 'behavior', name, vectors, topics };
}

function touch(chance: Chance): Body {
  const type = chance.pick(['impression', 'impression', 'click']);
  const cost = chance.of(0.5) ? { cost: chance.int(500) / 1_000 } : {};
  if (chance.of(0.8)) return { type, channel: chance.pick(CHANNELS), ...cost };
  return chance.of(0.5)
    ? { type, utm: { source: 'x', medium: chance.pick(['cpc', 'email', 'odd']) }, ...cost }
    : { type, click_id: { name: chance.pick(['gclid', 'constructor']), value: '1' }, ...cost };
}

function conversion(chance: Chance, journey: Journey): Body {
  const known = journey.orders.length > 0 && chance.of(0.1);
  const order_id = known ? chance.pick(journey.orders) : `o${chance.int(1e9)}`;
  if (!known) journey.orders.push(order_id);
  const currency = chance.of(0.03) ? 'EUR' : 'USD';
  const value = chance.of(0.05) ? 0 : chance.int(20_000) / 100;
  return { type: 'conversion', order_id, currency, value };
}

function refund(chance: Chance, journey: Journey): Body {
  const recent = journey.orders.slice(-3);
  const known = recent.length > 0 && chance.of(0.9);
  const order_id = known ? chance.pick(recent) : 'never-ordered';
  return {
    type: 'refund',
    order_id,
    ...(chance.of(0.5) ? { value: chance.int(20_000) / 100 } : {}),
  };
}

function other(chance: Chance, journey: Journey): Body {
  switch (chance.int(chance.of(0.25) ? 4 : 3)) {
    case 0:
      return { type: 'opportunity', placement: chance.pick(['home', 'cart']) };
    case 1: {
      const interests = Array.from({ length: chance.int(5) }, () => [
        chance.of(0.05) ? 'constructor' : `topic-${chance.int(60)}`,
        chance.int(101) / 100,
      ]);
      return { type: 'preference', interests: Object.fromEntries(interests) };
    }
    case 2:
      return {
        type: 'outcome',
        decision_id: decisionToName(chance, journey),
        outcome: chance.pick(['shown', 'clicked', 'dismissed']),
      };
    default:
      return { type: 'consent', measurement: chance.of(0.7), personalization: chance.of(0.7) };
  }
}

function decisionToName(chance: Chance, journey: Journey): string {
  return journey.decisions.length > 0 ? chance.pick(journey.decisions) : `d_${'0'.repeat(16)}`;
}

function brokenBody(chance: Chance): string {
  return chance.pick(['', '{', 'null', '[]', '{"type":"unknown"}', '{"event_id":"x"}', '\u0000']);
}

class ControlMaker {
  readonly #chance: Chance;
  readonly #options: JourneyOptions;
  readonly #versions = new Map<string, number>();
  readonly #granted = new Map<string, number>();

  constructor(chance: Chance, options: JourneyOptions) {
    this.#chance = chance;
    this.#options = options;
  }

  first(): Published[] {
    const campaigns = CAMPAIGNS.slice(0, 3).flatMap((id) => this.#campaign(id));
    return [...this.#settings(), ...campaigns, ...this.#grants()];
  }

  next(): Published[] {
    const chance = this.#chance;
    if (chance.of(0.05))
      return [{ subject: controlSubject(0 as Partition), body: '{"v":1,"type":"unknown"}' }];
    if (chance.of(0.4)) return this.#campaign(chance.pick(CAMPAIGNS));
    return chance.of(0.6) ? this.#grants() : this.#settings();
  }

  #settings(): Published[] {
    const settings = {
      ...this.#chance.pick(this.#options.settings ?? SETTINGS),
    } as Settings;
    return this.#toAll('settings', (version) => ({
      v: 1,
      type: 'settings.put',
      version,
      settings,
    }));
  }

  #campaign(id: string): Published[] {
    const chance = this.#chance;
    const { nowMs } = this.#options;
    const campaign: Body = {
      id,
      name: id,
      trigger_type: 'in_app_modal',
      triggers: chance.pick([['behavior'], ['click', 'conversion'], ['behavior', 'impression']]),
      placements: chance.of(0.3) ? ['home'] : [],
      // Equal bids meet equal qualities now and then.
      bid_micros: chance.pick([20_000, 20_000, 50_000, 30_000 + chance.int(20_000)]),
      budget_micros: 1_000_000_000,
      quality: { base: chance.pick([0, 0.3, 1]), weights: chance.of(0.6) ? { urgency: 0.4 } : {} },
      targeting: chance.of(0.4) ? { churn_risk: { min: 0, max: chance.upTo(0.5) } } : {},
      frequency: { max_per_day: 1 + chance.int(4), min_spacing_s: chance.pick([0, 60, 3_600]) },
    };
    if (chance.of(0.2)) {
      campaign.schedule = { starts_at_ms: nowMs - 300 * DAY_MS, ends_at_ms: nowMs - 10 * DAY_MS };
    }
    const status = chance.of(0.8) ? 'live' : 'paused';
    return this.#toAll(
      id,
      (version) =>
        ({ v: 1, type: 'campaign.put', version, status, campaign }) as unknown as Control,
    );
  }

  #grants(): Published[] {
    const granted_micros: Record<string, number> = {};
    for (const id of CAMPAIGNS) {
      const granted = (this.#granted.get(id) ?? 0) + this.#chance.int(600_000);
      this.#granted.set(id, granted);
      granted_micros[id] = this.#chance.of(0.1) ? 0 : granted;
    }
    return this.#toAll('grants', (version) => ({
      v: 1,
      type: 'grants.put',
      version,
      granted_micros,
    }));
  }

  #toAll(key: string, make: (version: number) => Control): Published[] {
    // Sometimes an old version comes again.
    const version = (this.#versions.get(key) ?? 0) + (this.#chance.of(0.1) ? 0 : 1);
    this.#versions.set(key, version);
    const body = JSON.stringify(make(Math.max(1, version)));
    return Array.from({ length: this.#options.partitions }, (_, p) => ({
      subject: controlSubject(p as Partition),
      body,
    }));
  }
}
