/**
 * Random user journeys with everything that goes wrong on the way: late, repeated, renumbered and
 * broken events, refunds, consent taken back, long absences, outcomes of decisions, and campaigns
 * that change meanwhile. The same seed gives the same log.
 */
import { hash64 } from '../actors/hash.ts';
import { encodeUserId, type UserId } from '../protocols/ids.ts';
import { Chance } from './chance.ts';
import { ControlMaker, type ControlOptions, PLACEMENTS, ZONES } from './journey-controls.ts';

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
  /** When the log stores it; when it is published, if not given. */
  readonly storedAtMs?: number;
}

export interface JourneyOptions extends ControlOptions {
  readonly seed: number;
  readonly messages: number;
  readonly users: number;
  /** How often settings, campaigns and grants change, per message. */
  readonly controlRate?: number;
  /** How often an event is a touch whatever else it might have been: makes for long paths. */
  readonly touchRate?: number;
}

const NAMES = ['search', 'view_item', 'add_to_cart', 'begin_checkout', 'cancel', 'rage_tap'];
// Names that every object has stay names.
const ODD_NAMES = ['constructor', 'toString', 'hasOwnProperty', 'unheard_of'];
const CHANNELS = ['email', 'search', 'social', 'display', 'constructor'];
/** Campaigns that touches name: any text, not only the engine's own. */
const TOUCHED_CAMPAIGNS = ['SPRING', 'SUMMER', 'constructor', 'café > x'];
const REGIONS = ['DE', 'AT', 'US', 'Tîrol 𝄞'];
const SOURCES = ['web', 'app'];
const DEVICES = ['phone', 'tv', 'desktop'];
/** So much later than the one before it a message is stored. */
const LOG_STEP_MS = MINUTE_MS;

type Body = Record<string, unknown>;

interface Journey {
  readonly token: string;
  /** How busy: the scale of the time between two events. */
  readonly paceMs: number;
  t: number;
  index: number;
  readonly sent: Body[];
  readonly orders: string[];
  /** Of the last events that may have been decided on. */
  readonly decisions: string[];
}

/** Makes a log. O(messages). */
export function journeyLog(options: JourneyOptions): Published[] {
  const chance = new Chance(seededRandom(options.seed));
  const journeys = Array.from({ length: options.users }, (_, i) => newJourney(chance, i, options));
  const control = new ControlMaker(chance, options);
  const log: Published[] = control.first(options.nowMs);
  while (log.length < options.messages) {
    if (chance.of(options.controlRate ?? 0.004)) {
      log.push(...control.next(options.nowMs + log.length * LOG_STEP_MS));
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

/**
 * The same log, stored message by message from a time on, by a clock that is set back at times.
 */
export function withLogTimes(log: readonly Published[], nowMs: number, seed: number): Published[] {
  const chance = new Chance(seededRandom(seed + 2_000_003));
  return log.map((message, i) => {
    const storedAtMs = nowMs + i * LOG_STEP_MS + chance.upTo(LOG_STEP_MS);
    return { ...message, storedAtMs: storedAtMs - (chance.of(0.02) ? chance.upTo(DAY_MS) : 0) };
  });
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
  if (journey.sent.length > 60) journey.sent.shift();
  if (chance.of(0.08)) event.decide = true;
  if (event.type === 'opportunity' || event.decide === true || chance.of(0.1)) {
    journey.decisions.push(`d_${hash64(`${journey.token}\n${String(event.event_id)}`)}`);
    if (journey.decisions.length > 4) journey.decisions.shift();
  }
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
    ...chance.maybe(0.5, () => ({ region: chance.pick(REGIONS), source: chance.pick(SOURCES) })),
    ...chance.maybe(0.5, () => ({ device: chance.pick(DEVICES) })),
    ...chance.maybe(0.06, () => ({ time_zone: chance.pick(ZONES) })),
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
  opportunity,
  opportunity,
  outcome,
  outcome,
  outcome,
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
  const more = {
    ...chance.maybe(0.5, () => ({ cost: chance.int(500) / 1_000 })),
    ...chance.maybe(0.5, () => ({ campaign: chance.pick(TOUCHED_CAMPAIGNS) })),
  };
  if (chance.of(0.8)) return { type, channel: chance.pick(CHANNELS), ...more };
  return chance.of(0.5)
    ? { type, utm: { source: 'x', medium: chance.pick(['cpc', 'email', 'odd']) }, ...more }
    : { type, click_id: { name: chance.pick(['gclid', 'constructor']), value: '1' }, ...more };
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

function opportunity(chance: Chance): Body {
  return { type: 'opportunity', placement: chance.pick(PLACEMENTS) };
}

function outcome(chance: Chance, { decisions }: Journey): Body {
  const known = decisions.length > 0 && chance.of(0.95);
  return {
    type: 'outcome',
    decision_id: known ? chance.pick(decisions) : `d_${'0'.repeat(16)}`,
    outcome: chance.pick(['shown', 'clicked', 'clicked', 'dismissed']),
    ...chance.maybe(0.3, () => ({ campaign: chance.pick(['SPRING', 'SUMMER', 'AUTUMN', 'C1']) })),
  };
}

function other(chance: Chance): Body {
  if (chance.of(0.15)) {
    return { type: 'consent', measurement: chance.of(0.7), personalization: chance.of(0.7) };
  }
  const interests = Array.from({ length: chance.int(5) }, () => [
    chance.of(0.05) ? 'constructor' : `topic-${chance.int(60)}`,
    chance.int(101) / 100,
  ]);
  return { type: 'preference', interests: Object.fromEntries(interests) };
}

function brokenBody(chance: Chance): string {
  return chance.pick(['', '{', 'null', '[]', '{"type":"unknown"}', '{"event_id":"x"}', '\u0000']);
}
