/** Each feature by hand on small histories: its name, its unit, what it is without anything. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import {
  FEATURE_COUNT,
  FEATURES,
  type FeatureSource,
  fillFeatures,
} from '../../actors/user/feature-vector.ts';
import { foldEvent, NEW_USER } from '../../actors/user/state.ts';
import type { Event } from '../../protocols/event.ts';
import { MODALITIES } from '../../protocols/user-snapshot.ts';
import {
  BASE_MS,
  behavior,
  common,
  conversion,
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  SECOND_MS,
} from '../generators.ts';

type Named = Readonly<Record<string, number>>;

function named(vector: Float64Array): Named {
  return Object.fromEntries(FEATURES.map(({ name }, i) => [name, vector[i] as number]));
}

function vectorOf(state: FeatureSource, atMs: number): Float64Array {
  const out = new Float64Array(FEATURE_COUNT);
  fillFeatures(state, atMs, out);
  return out;
}

function stateAfter(events: readonly Event[]) {
  return events.reduce(
    (state, event) => foldEvent(state, event, state.duplicates, DEFAULT_REFERENCE),
    NEW_USER,
  );
}

/** Features after the events, when nothing has happened for `silentMs` since. */
function after(events: readonly Event[], silentMs = 0): Named {
  const state = stateAfter(events);
  return named(vectorOf(state, state.nowMs + silentMs));
}

const ln1 = (x: number): number => Math.log(1 + x);
const fade = (ms: number, tauMs: number): number => Math.exp(-ms / tauMs);

/** Events of one kind, the nth `offsetsMs[n]` after the base time. */
function at(offsetsMs: readonly number[], more: (n: number) => object = () => ({})): Event[] {
  return offsetsMs.map((ms, n) => behavior(n, BASE_MS + ms, more(n) as Partial<Event>));
}

/** Looks at items, by seconds. */
function looks(...of: readonly (readonly [s: number, item: string, more?: object])[]): Event[] {
  return of.map(([s, item, more], n) =>
    behavior(n, BASE_MS + s * SECOND_MS, { item, ...more } as Partial<Event>),
  );
}

/** Compares some features, to 12 digits. */
function expectFeatures(found: Named, expected: Named): void {
  for (const [name, value] of Object.entries(expected)) {
    expect(Object.keys(found), name).toContain(name);
    expect(found[name], name).toBeCloseTo(value, 12);
  }
}

describe('the vector', () => {
  test('has these features in this order, for models name them', () => {
    const of = (modality: string) =>
      FEATURES.filter((feature) => feature.modality === modality).map(({ name }) => name);
    expect(FEATURES.map(({ name }) => name)).toEqual([
      ...['app_5min', 'app_1h', 'app_1d', 'app_28d', 'visits_1d', 'visits_28d'],
      ...['engagement_5min', 'engagement_1h', 'engagement_28d'],
      ...['looks_5min', 'looks_1h', 'looks_28d', 'steps_5min', 'steps_1h', 'steps_28d'],
      ...['orders_1d', 'orders_28d', 'friction_5min', 'friction_1h', 'friction_28d'],
      ...['declared_1d', 'declared_28d'],
      ...['signed_in', 'visit_length', 'gap', 'silence', 'tenure', 'habit'],
      ...['distinct_items', 'repeated_look', 'back_and_forth', 'distinct_topics', 'look_pace'],
      ...['orders_ever', 'since_order', 'order_span', 'order_rate', 'order_value'],
      ...['price_level', 'price_step'],
      ...MODALITIES.map((modality) => `fused_${modality}`),
      ...MODALITIES.map((modality) => `trend_${modality}`),
    ]);
    expect(of('zero_party')).toEqual([
      ...['declared_1d', 'declared_28d', 'fused_zero_party', 'trend_zero_party'],
    ]);
    expect(of('app')).toEqual([
      ...['app_5min', 'app_1h', 'app_1d', 'app_28d', 'signed_in', 'fused_app', 'trend_app'],
    ]);
    expect(of('purchase').slice(0, 5)).toEqual([
      ...['steps_5min', 'steps_1h', 'steps_28d', 'orders_1d', 'orders_28d'],
    ]);
  });

  test('says the unit of each, and no name twice', () => {
    expect(new Set(FEATURES.map(({ name }) => name)).size).toBe(FEATURE_COUNT);
    for (const { unit } of FEATURES) expect(unit).toMatch(/ln\(|0 … 1|-1 … 1|if|look|returns/);
  });

  test('is written where the caller says, and nowhere else', () => {
    const out = new Float64Array(FEATURE_COUNT + 5).fill(7);
    const state = stateAfter(at([0, 1_000]));
    fillFeatures(state, state.nowMs, out, 3);
    expect([...out.subarray(0, 3), ...out.subarray(3 + FEATURE_COUNT)]).toEqual([7, 7, 7, 7, 7]);
    expect(out.subarray(3, 3 + FEATURE_COUNT)).toEqual(vectorOf(state, state.nowMs));
  });
});

describe('without anything known', () => {
  test('is neutral: no counts, the longest gap, everything different, no prices', () => {
    const known: Named = {
      ...{ gap: ln1(28 * 86_400), distinct_items: 1, distinct_topics: 1 },
      look_pace: ln1(30 * 60),
    };
    const expected = Object.fromEntries(FEATURES.map(({ name }) => [name, known[name] ?? 0]));
    expectFeatures(named(vectorOf(NEW_USER, 0)), expected);
  });
});

describe('sums of evidence', () => {
  test('enter as ln(1 + x), decayed over their time scale', () => {
    const found = after(at([0, HOUR_MS]));
    expectFeatures(found, {
      app_5min: ln1(1 + fade(60, 5)),
      app_1h: ln1(1 + fade(1, 1)),
      app_1d: ln1(1 + fade(1, 24)),
      app_28d: ln1(1 + fade(1, 28 * 24)),
      visits_1d: ln1(1 + fade(1, 24)),
      visits_28d: ln1(1 + fade(1, 28 * 24)),
    });
  });

  test('are of looks, steps, orders, friction and declarations', () => {
    const found = after([
      ...looks([0, 'boot', { name: 'view_item' }]),
      behavior(1, BASE_MS, { name: 'add_to_cart' }),
      behavior(2, BASE_MS, { name: 'begin_checkout' }),
      conversion(3, BASE_MS, 'o1'),
      behavior(4, BASE_MS, { name: 'rage_tap' }),
      { ...common(5, BASE_MS), type: 'preference' } as Event,
    ]);
    expectFeatures(found, {
      ...{ looks_5min: ln1(1), looks_1h: ln1(1), looks_28d: ln1(1) },
      ...{ steps_5min: ln1(2), steps_1h: ln1(2), steps_28d: ln1(2) },
      ...{ orders_1d: ln1(1), orders_28d: ln1(1) },
      ...{ friction_5min: ln1(0.6), friction_1h: ln1(0.6), friction_28d: ln1(0.6) },
      ...{ declared_1d: ln1(1), declared_28d: ln1(1) },
      ...{ engagement_5min: ln1(0.2 + 0.5 + 0.2), engagement_28d: ln1(0.2 + 0.5 + 0.2) },
    });
  });
});

describe('the clock', () => {
  test('a visit is as long as from its first event to the last', () => {
    expectFeatures(after(at([0, 4 * MINUTE_MS])), { visit_length: ln1(4) });
    expectFeatures(after(at([0, 4 * MINUTE_MS, 5 * HOUR_MS])), { visit_length: 0 });
  });

  test('the gap is between the last two events, at most 28 days', () => {
    expectFeatures(after(at([0])), { gap: ln1(28 * 86_400) });
    expectFeatures(after(at([0, 40_000, 42_500])), { gap: ln1(2.5) });
    expectFeatures(after(at([0, 42_500, 40_000])), { gap: ln1(2.5) });
    expectFeatures(after(at([0, 90 * DAY_MS])), { gap: ln1(28 * 86_400) });
  });

  test('silence and tenure go on while nothing happens; the gap does not', () => {
    const found = after(at([0, 2 * DAY_MS]), 12 * HOUR_MS);
    expectFeatures(found, { silence: ln1(12), tenure: ln1(2.5), gap: ln1(2 * 86_400) });
  });

  test('an hour is usual if all events were at it, unusual opposite to it', () => {
    const daily = at([0, DAY_MS, 2 * DAY_MS]);
    expectFeatures(after(daily), { habit: 1 });
    expectFeatures(after(daily, 6 * HOUR_MS), { habit: 0 });
    expectFeatures(after(daily, 12 * HOUR_MS), { habit: -1 });
    expectFeatures(after(at([0, 12 * HOUR_MS])), {
      habit: (1 - fade(0.5, 28)) / (1 + fade(0.5, 28)),
    });
  });

  test('is within -1 … 1 after a time without the app’s events too', () => {
    const withheld = (n: number, ...of: string[]) =>
      ({
        ...common(n, BASE_MS + n * DAY_MS),
        ...{ type: 'consent', measurement: true, personalization: true, withheld: of },
      }) as Event;
    const days = Array.from({ length: 9 }, (_, i) => behavior(i + 1, BASE_MS + (i + 1) * DAY_MS));
    const { habit } = after([withheld(0, 'app'), ...days, withheld(10)]);
    expect(habit).toBe(1);
  });

  test('signed in is what the latest event was', () => {
    const anonymous = { user_mode: 'anonymous' };
    expectFeatures(after(at([0])), { signed_in: 1 });
    expectFeatures(after(at([0, 1], (n) => (n === 1 ? anonymous : {}))), { signed_in: 0 });
  });
});

describe('the looks', () => {
  test('back and forth between two items', () => {
    expectFeatures(after(looks([0, 'a'], [10, 'b'], [30, 'a'], [60, 'b'])), {
      distinct_items: 0.5,
      repeated_look: 1,
      back_and_forth: 2,
      look_pace: ln1(20),
    });
  });

  test('at one item again and again are no return', () => {
    expectFeatures(after(looks([0, 'a'], [1, 'a'], [2, 'a'])), {
      ...{ distinct_items: 1 / 3, repeated_look: 2, back_and_forth: 0, look_pace: ln1(1) },
    });
  });

  test('at ever new items are curious', () => {
    const items = looks([0, 'a'], [1, 'b'], [2, 'c']);
    expectFeatures(after(items), { distinct_items: 1, repeated_look: 0, back_and_forth: 0 });
  });

  test('topics are counted among the looks that have one', () => {
    const topics = (...of: string[]) => ({ topics: of });
    expectFeatures(after(looks([0, 'a', topics('x', 'y')], [1, 'b', topics('x')], [2, 'c'])), {
      distinct_topics: 0.5,
    });
    expectFeatures(after(looks([0, 'a'], [1, 'b'])), { distinct_topics: 1 });
  });

  test('a pause of half an hour is no pace', () => {
    expectFeatures(after(looks([0, 'a'], [4, 'b'], [4 + 1_800, 'c'], [4 + 1_806, 'd'])), {
      look_pace: ln1(5),
    });
    expectFeatures(after(looks([0, 'a'], [1_800, 'b'])), { look_pace: ln1(1_800) });
  });

  test('prices: their mean, and how far the last is from it', () => {
    const price = (of: number) => ({ vectors: { price: of } });
    const found = after(looks([0, 'a', price(10)], [1, 'b'], [2, 'c', price(30)]));
    expectFeatures(found, { price_level: ln1(20), price_step: Math.log(30 / 20) });
    expectFeatures(after(looks([0, 'a', price(10)])), { price_level: ln1(10), price_step: 0 });
    expectFeatures(after(looks([0, 'a'])), { price_level: 0, price_step: 0 });
  });
});

describe('the orders', () => {
  test('without any: as long as the user is known', () => {
    expectFeatures(after(at([0, 3 * DAY_MS]), DAY_MS), {
      ...{ orders_ever: 0, since_order: ln1(4), order_span: 0, order_rate: 0, order_value: 0 },
    });
  });

  test('with some: how many, how long ago, over which time, how often, of what value', () => {
    const orders = [
      conversion(0, BASE_MS, 'a', 10),
      conversion(1, BASE_MS + 7 * DAY_MS, 'b', 20),
      conversion(2, BASE_MS + 14 * DAY_MS, 'c', 60),
    ];
    expectFeatures(after(orders, 14 * DAY_MS), {
      orders_ever: ln1(3),
      since_order: ln1(14),
      order_span: ln1(14),
      order_rate: ln1(3 / 2),
      order_value: ln1(30),
    });
  });
});

describe('the fused state', () => {
  test('is what the state holds, with the trends of visit against month', () => {
    const state = stateAfter(at([0, 1_000, 2_000]));
    const found = named(vectorOf(state, state.nowMs));
    MODALITIES.forEach((modality, i) => {
      expect(found[`fused_${modality}`]).toBe(state.fusion[i]);
    });
    const sum = (tau: number) => 1 + fade(1_000, tau) + fade(2_000, tau);
    const month = Math.exp(-sum(28 * DAY_MS) / 80);
    expectFeatures(found, { trend_app: month - Math.exp(-sum(HOUR_MS) / 6), trend_churn: 0 });
  });

  test('follows its drive through silence', () => {
    const state = stateAfter(at([0, 1_000, 2_000]));
    const long = named(vectorOf(state, state.nowMs + 365 * DAY_MS));
    for (const modality of MODALITIES) {
      expect(long[`fused_${modality}`]).toBeLessThan(1e-5);
      expect(Math.abs(long[`trend_${modality}`] as number)).toBeLessThan(1e-5);
    }
  });
});

describe('silence', () => {
  test('fades the sums as if an event that says nothing had come', () => {
    const events = at([0, 20_000], () => ({ name: 'view_item', item: 'boot' }));
    const found = after(events, HOUR_MS);
    const since = (tau: number) => fade(HOUR_MS, tau) + fade(HOUR_MS + 20_000, tau);
    expectFeatures(found, {
      ...{ app_5min: ln1(since(5 * MINUTE_MS)), app_28d: ln1(since(28 * DAY_MS)) },
      ...{ looks_1h: ln1(since(HOUR_MS)), engagement_1h: ln1(0.2 * since(HOUR_MS)) },
    });
  });

  test('does not change the state, and looking twice gives the same', () => {
    const state = stateAfter(at([0, 20_000]));
    const bytes = JSON.stringify(state);
    const once = vectorOf(state, state.nowMs + DAY_MS);
    expect(vectorOf(state, state.nowMs + DAY_MS)).toEqual(once);
    expect(JSON.stringify(state)).toBe(bytes);
  });
});
