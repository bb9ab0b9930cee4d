/**
 * What the property tests are made from: events, journeys, campaigns and counts drawn at random,
 * and `holds`, which checks a property and says how to replay a failure.
 *
 * Owns nothing. Times are small offsets from BASE_MS, so that failures shrink to readable numbers.
 */
import fc from 'fast-check';
import { type Campaign, campaignSchema, SIGNALS, type Signal } from '../protocols/campaign.ts';
import type { Event } from '../protocols/event.ts';
import { DEFAULT_SETTINGS, type Settings } from '../protocols/settings.ts';
import { CONCEPTS, MODALITIES, type Modality } from '../protocols/user-snapshot.ts';

/** 2024-04-08T20:00:00Z, a time that all generated events are near. */
export const BASE_MS = 1_712_606_400_000;
export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

const HOLDS_MS_MAX = 20_000;

/**
 * Checks a property; a failure prints its seed, the shrunk counterexample and what replays it.
 * FC_SEED and FC_PATH replay one case, FC_RUNS runs more of them.
 */
export function holds<T>(property: fc.IProperty<T>, numRuns = 200): void {
  judge(fc.check(property, parametersFor(numRuns)));
}

/** The same of a property that has to be waited for. */
export async function holdsInTime<T>(property: fc.IAsyncProperty<T>, numRuns = 50): Promise<void> {
  judge(await fc.check(property, parametersFor(numRuns)));
}

function parametersFor<T>(numRuns: number): fc.Parameters<T> {
  const { FC_SEED, FC_PATH, FC_RUNS } = process.env;
  return {
    numRuns: FC_RUNS === undefined ? numRuns : Number(FC_RUNS),
    // A failure has to be printed before the test's own deadline cuts its shrinking short.
    interruptAfterTimeLimit: HOLDS_MS_MAX,
    ...(FC_SEED === undefined ? {} : { seed: Number(FC_SEED) }),
    ...(FC_PATH === undefined ? {} : { path: FC_PATH }),
  };
}

function judge<T>(outcome: fc.RunDetails<T>): void {
  if (!outcome.failed) return;
  const { seed, counterexamplePath } = outcome;
  throw new Error(
    `${fc.defaultReportMessage(outcome)}\n\n` +
      `Replay: FC_SEED=${seed} FC_PATH=${counterexamplePath ?? ''} npm test -- <this file>`,
    { cause: outcome.errorInstance },
  );
}

/** The nth of an endless supply of valid UUIDs. */
export function eventId(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** What all events need beside their type; the index and the id follow from `n`. */
export function common(n: number, timestamp: number) {
  return {
    event_id: eventId(n),
    session_index: n,
    timestamp,
    user_mode: 'authenticated' as const,
  };
}

/** A behavior event, the nth of its user. */
export function behavior(n: number, timestamp: number, more: Partial<Event> = {}): Event {
  return { ...common(n, timestamp), type: 'behavior', ...more } as Event;
}

/** A touch of a channel, the nth event of its user. */
export function click(n: number, timestamp: number, channel: string): Event {
  return { ...common(n, timestamp), type: 'click', channel };
}

/** A conversion, the nth event of its user. */
export function conversion(n: number, timestamp: number, order_id: string, value = 10): Event {
  return { ...common(n, timestamp), type: 'conversion', order_id, value, currency: 'USD' };
}

/** A refund, whole or of a value, the nth event of its user. */
export function refund(n: number, timestamp: number, order_id: string, value?: number): Event {
  const base = { ...common(n, timestamp), type: 'refund' as const, order_id };
  return value === undefined ? base : { ...base, value };
}

/** An answer to both questions of consent, the nth event of its user. */
export function consent(
  n: number,
  timestamp: number,
  measurement: boolean,
  personalization: boolean,
  withheld?: Modality[],
): Event {
  const answers = { measurement, personalization, ...(withheld && { withheld }) };
  return { ...common(n, timestamp), type: 'consent', ...answers };
}

/** A placement that asks for a decision, the nth event of its user. */
export function opportunity(n: number, timestamp: number, placement = 'home_hero'): Event {
  return { ...common(n, timestamp), type: 'opportunity', placement };
}

/** Settings with some of them changed. */
export function settingsWith(changes: Partial<Settings>): Settings {
  return { ...DEFAULT_SETTINGS, ...changes };
}

const BEHAVIORS = [
  ...['search', 'view_item', 'add_to_cart', 'begin_checkout', 'error', 'rage_tap', 'uninstall'],
  ...['constructor', 'something_else'],
];
const CHANNELS = ['email', 'search', 'social', 'display'];

/** What an event says, without its ids and time. Decision ids are of no decision ever made. */
const contents: fc.Arbitrary<object> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record(
      {
        type: fc.constant('behavior'),
        name: fc.constantFrom(...BEHAVIORS),
        item: fc.constantFrom('boot', 'sandal', 'tent', 'tote', 'valueOf'),
        topics: fc.array(fc.constantFrom('shoes', 'bags', 'tents', 'toString'), { maxLength: 3 }),
        vectors: fc.record(
          {
            scroll_depth_hz: fc.integer({ min: -5, max: 200 }),
            tap_velocity_ms: fc.integer({ min: -5, max: 300 }),
            active_duration_s: fc.integer({ min: 0, max: 600 }),
            rage_taps: fc.integer({ min: 0, max: 9 }),
            errors: fc.integer({ min: 0, max: 9 }),
            price: fc.constantFrom(-5, 0, 0.000_000_1, 0.01, 19.99, 19.99, 250, 1e12),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: ['type'] },
    ),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom('impression', 'click'),
      channel: fc.constantFrom(...CHANNELS),
      cost: fc.constantFrom(0, 0.1, 0.25),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('conversion'),
      value: fc.constantFrom(0, 0.01, 19.99, 250),
      currency: fc.constantFrom('USD', 'USD', 'USD', 'EUR'),
      order_id: fc.constantFrom('o1', 'o2', 'o3', 'o4', 'o5', 'o6'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        type: fc.constant('refund'),
        order_id: fc.constantFrom('o1', 'o2', 'o3', 'o4', 'o5', 'o6'),
        value: fc.constantFrom(0.01, 5, 1_000),
      },
      { requiredKeys: ['type', 'order_id'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('preference'),
      interests: fc.dictionary(
        fc.constantFrom('shoes', 'bags', 'bikes'),
        fc.constantFrom(0, 0.4, 1),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        type: fc.constant('consent'),
        measurement: fc.boolean(),
        personalization: fc.boolean(),
        withheld: fc.subarray([...MODALITIES], { maxLength: 4 }),
      },
      { requiredKeys: ['type', 'measurement', 'personalization'] },
    ),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('opportunity'),
      placement: fc.constantFrom('home_hero', 'cart'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('outcome'),
      decision_id: fc.constantFrom('d_0123456789abcdef', 'd_fedcba9876543210'),
      outcome: fc.constantFrom('shown', 'clicked', 'dismissed'),
    }),
  },
);

/** A step in time from one event to the next: mostly onward by seconds, at times far or back. */
const stepMs: fc.Arbitrary<number> = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 90 * SECOND_MS }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 2 * HOUR_MS }) },
  { weight: 2, arbitrary: fc.integer({ min: -HOUR_MS, max: 0 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 40 * DAY_MS }) },
  { weight: 1, arbitrary: fc.integer({ min: -3 * DAY_MS, max: 0 }) },
);

const userMode = fc.constantFrom('authenticated', 'authenticated', 'anonymous');

/** One user's valid events in the order in which they arrive, each new to its user. */
export function eventsOfOneUser(maxLength: number): fc.Arbitrary<Event[]> {
  const step = fc.tuple(contents, stepMs, userMode);
  return fc.array(step, { minLength: 1, maxLength }).map((steps) => {
    let t = BASE_MS;
    return steps.map(([content, afterMs, user_mode], n) => {
      t = Math.max(0, t + afterMs);
      return { ...common(n, t), user_mode, ...content } as Event;
    });
  });
}

/** Concepts anywhere in their range. */
export const concepts = fc.record(
  Object.fromEntries(CONCEPTS.map((name) => [name, fc.double({ min: 0, max: 1, noNaN: true })])),
) as fc.Arbitrary<Record<(typeof CONCEPTS)[number], number>>;

/** Signals anywhere in their range. */
export const signals = fc.record(
  Object.fromEntries(SIGNALS.map((name) => [name, fc.double({ min: 0, max: 1, noNaN: true })])),
) as fc.Arbitrary<Record<Signal, number>>;

/** A campaign that any event may trigger, with a budget that never ends, changed as asked. */
export function campaignWith(id: string, changes: Partial<Campaign> = {}): Campaign {
  return campaignSchema.parse({
    id,
    name: id,
    trigger_type: 'in_app_modal',
    triggers: ['behavior', 'impression', 'click', 'conversion'],
    bid_micros: 100_000,
    budget_micros: 1_000_000_000,
    ...changes,
  });
}
