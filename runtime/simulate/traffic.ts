/**
 * Simulated visitors of a shop: channel touches bring them, they browse, some fill a cart, some
 * buy, some leave annoyed. Each call gives the next event of some visitor; the same seed gives the
 * same sequence but for the timestamps, which the caller chooses.
 */
import type { Event } from '../../protocols/event.ts';
import { pickWeighted, randomUuid, seededRandom } from './random.ts';

/** A channel's share of first touches, what a click costs, and how well its visitors buy. */
interface Channel {
  readonly name: string;
  readonly weight: number;
  readonly clickCost: number;
  readonly impressionCost: number;
  readonly pull: number;
}

const CHANNELS: readonly Channel[] = [
  { name: 'paid_search', weight: 22, clickCost: 0.42, impressionCost: 0, pull: 1.3 },
  { name: 'paid_social', weight: 24, clickCost: 0.31, impressionCost: 0.004, pull: 0.7 },
  { name: 'email', weight: 12, clickCost: 0.01, impressionCost: 0, pull: 1.6 },
  { name: 'display', weight: 18, clickCost: 0.18, impressionCost: 0.002, pull: 0.4 },
  { name: 'organic_search', weight: 14, clickCost: 0, impressionCost: 0, pull: 1.2 },
  { name: 'affiliate', weight: 6, clickCost: 0.25, impressionCost: 0, pull: 1 },
  { name: 'referral', weight: 4, clickCost: 0, impressionCost: 0, pull: 0.9 },
];
const SOURCES: readonly (readonly [string, number])[] = [
  ['web', 5],
  ['ios', 3],
  ['android', 4],
];
const REGIONS: readonly (readonly [string, number])[] = [
  ['eu-west', 5],
  ['us-east', 4],
  ['ap-south', 2],
];
/** The clocks of visitors, as their touches report them. */
const TIME_ZONES: Readonly<Record<string, string>> = {
  'eu-west': 'Europe/Berlin',
  'us-east': 'America/New_York',
  'ap-south': 'Asia/Kolkata',
};
/** What follows on being shown. */
const ANSWERS = [
  [undefined, 80],
  ['clicked', 12],
  ['dismissed', 8],
] as const;
const TOPICS = ['shoes', 'jackets', 'bags', 'watches', 'tents', 'bikes'];

/** Items of a topic; a visitor often looks at the same one again. */
const ITEMS_PER_TOPIC = 200;
const AGAIN_SHARE = 0.3;

/** The chance that a visitor leaves after an event. */
const LEAVE_SHARE = 0.03;

interface Visitor {
  readonly id: string;
  readonly source: string;
  readonly region: string;
  nextIndex: number;
  /** How close to buying, 0 to 1. */
  heat: number;
  cart: boolean;
  /** What the visitor looks at. */
  topic: string;
  item: number;
}

/** An event with the user it belongs to. */
export interface SimulatedEvent {
  readonly user: string;
  readonly event: Event;
}

export interface TrafficOptions {
  readonly seed: number;
  /** Visitors at any time; one who leaves is replaced by a new one. */
  readonly visitors: number;
  /** Distinguishes the users of several runs. */
  readonly prefix?: string;
  /** The share of events that ask for a decision outright. */
  readonly opportunityShare?: number;
}

export class Traffic {
  readonly #random: () => number;
  readonly #options: TrafficOptions;
  readonly #visitors: Visitor[] = [];
  readonly #byId = new Map<string, Visitor>();
  #born = 0;
  #orders = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    for (let i = 0; i < options.visitors; i++) this.#visitors.push(this.#newVisitor());
  }

  /** A campaign is shown to a visitor, who may answer; nothing if the visitor has left. */
  outcomes(user: string, decision_id: string, timestamp: number): SimulatedEvent[] {
    const visitor = this.#byId.get(user);
    if (visitor === undefined) return [];
    const answer = pickWeighted(this.#random, ANSWERS);
    if (answer === 'clicked') visitor.heat = Math.min(0.95, visitor.heat + 0.1);
    const outcomes = answer === undefined ? (['shown'] as const) : (['shown', answer] as const);
    return outcomes.map((outcome) => {
      const common = this.#commonOf(visitor, timestamp);
      return { user, event: { ...common, type: 'outcome', decision_id, outcome } };
    });
  }

  /** The next event of some visitor, at the given time. */
  next(timestamp: number): SimulatedEvent {
    const at = Math.floor(this.#random() * this.#visitors.length);
    const visitor = this.#visitors[at] as Visitor;
    const event = this.#eventOf(visitor, timestamp);
    if (event.type === 'conversion' || this.#random() < LEAVE_SHARE) {
      this.#byId.delete(visitor.id);
      this.#visitors[at] = this.#newVisitor();
    }
    return { user: visitor.id, event };
  }

  #newVisitor(): Visitor {
    const { seed, prefix = 'visitor' } = this.#options;
    const visitor: Visitor = {
      id: `${prefix}-${seed}-${this.#born++}`,
      source: pickWeighted(this.#random, SOURCES),
      region: pickWeighted(this.#random, REGIONS),
      nextIndex: 0,
      heat: 0.15,
      cart: false,
      topic: this.#anyTopic(),
      item: Math.floor(this.#random() * ITEMS_PER_TOPIC),
    };
    this.#byId.set(visitor.id, visitor);
    return visitor;
  }

  #anyTopic(): string {
    return TOPICS[Math.floor(this.#random() * TOPICS.length)] as string;
  }

  #eventOf(visitor: Visitor, timestamp: number): Event {
    const common = this.#commonOf(visitor, timestamp);
    if (visitor.nextIndex === 1 || this.#random() < 0.15) return this.#touch(visitor, common);
    if (this.#random() < (this.#options.opportunityShare ?? 0.1)) {
      return { ...common, type: 'opportunity', placement: 'home_hero' };
    }
    if (visitor.cart && this.#random() < visitor.heat * 0.1) {
      const value = Math.round((12 + this.#random() * 180) * 100) / 100;
      const order_id = `order-${this.#options.seed}-${this.#orders++}`;
      return { ...common, type: 'conversion', value, currency: 'USD', order_id };
    }
    return this.#behavior(visitor, common);
  }

  #commonOf(visitor: Visitor, timestamp: number) {
    return {
      event_id: randomUuid(this.#random),
      session_index: visitor.nextIndex++,
      timestamp,
      user_mode: 'authenticated' as const,
      source: visitor.source,
      region: visitor.region,
    };
  }

  #touch(visitor: Visitor, common: Common): Event {
    const channel = pickWeighted(
      this.#random,
      CHANNELS.map((each) => [each, each.weight] as const),
    );
    const isClick = this.#random() < 0.55;
    visitor.heat = Math.min(0.95, visitor.heat + 0.12 * channel.pull * (isClick ? 1 : 0.3));
    const cost = isClick ? channel.clickCost : channel.impressionCost;
    const time_zone = TIME_ZONES[visitor.region];
    const type = isClick ? 'click' : 'impression';
    return { ...common, type, channel: channel.name, cost, ...(time_zone && { time_zone }) };
  }

  #behavior(visitor: Visitor, common: Common): Event {
    const random = this.#random;
    const name = pickWeighted(random, [
      ['view_item', 8],
      ['search', 3],
      ['add_to_cart', 1 + visitor.heat * 4],
      ['begin_checkout', visitor.cart ? 2 : 0.01],
      ['error', 0.3],
      ['rage_tap', 0.2],
    ] as const);
    if (name === 'add_to_cart' || name === 'begin_checkout') {
      visitor.cart = true;
      visitor.heat = Math.min(0.95, visitor.heat + 0.1);
    }
    if (name === 'error' || name === 'rage_tap') visitor.heat *= 0.6;
    if (name === 'view_item' && random() >= AGAIN_SHARE) {
      if (random() < 0.3) visitor.topic = this.#anyTopic();
      visitor.item = Math.floor(random() * ITEMS_PER_TOPIC);
    }
    const { topic, item } = visitor;
    const isOfItem = name === 'view_item' || name === 'add_to_cart';
    return {
      ...common,
      type: 'behavior',
      name,
      ...(isOfItem && { item: `${topic}-${item}` }),
      topics: [topic],
      vectors: {
        ...(isOfItem && { price: priceOf(item) }),
        scroll_depth_hz: Math.round(random() * 900) / 10,
        tap_velocity_ms: Math.round(70 + random() * 200),
        active_duration_s: Math.round(random() * 60),
      },
    };
  }
}

/** From 5 to some 200 units, many small ones; the same for an item at every look. */
function priceOf(item: number): number {
  return Math.round(5 + 200 * (item / ITEMS_PER_TOPIC) ** 2) - 0.01;
}

type Common = Pick<
  Event,
  'event_id' | 'session_index' | 'timestamp' | 'user_mode' | 'source' | 'region'
>;
