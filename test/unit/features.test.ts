/** What one event says, how it fades, how modalities are fused: as docs/semantics.md tables it. */
import { describe, expect, test } from 'vitest';
import {
  addEvidence,
  evidenceOf,
  type FeatureState,
  foldFeatures,
  hourAngle,
  NO_FEATURES,
  SCALES,
  withoutModalities,
} from '../../actors/user/features.ts';
import { evolveFusion, fusionNodes, SATURATION, saturate } from '../../actors/user/fusion.ts';
import type { Event } from '../../protocols/event.ts';
import { packLooks, withLooks } from '../../protocols/looks.ts';
import {
  EVIDENCE_KINDS,
  MAX_LOOKS,
  MODALITIES,
  type Modality,
  SCALE_MS,
} from '../../protocols/user-snapshot.ts';
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

/** A row of evidence by the names of its kinds; an event always counts for the app. */
function row(of: Partial<Record<(typeof EVIDENCE_KINDS)[number], number>> = {}): number[] {
  return EVIDENCE_KINDS.map((kind) => of[kind] ?? (kind === 'app' ? 1 : 0));
}

function said(content: object, opensSession = false): number[] {
  const event = { ...common(1, BASE_MS), ...content } as Event;
  return evidenceOf(event, opensSession).map((x) => Math.round(x * 1e12) / 1e12);
}

/** Events taken in the order given; the clock is the greatest time so far. */
function taken(events: readonly Event[], withheld: readonly Modality[] = []): FeatureState {
  let nowMs = events[0]?.timestamp ?? 0;
  return events.reduce<FeatureState>((state, event, i) => {
    const fromMs = nowMs;
    nowMs = Math.max(nowMs, event.timestamp);
    return foldFeatures(state, fromMs, nowMs, event, i === 0, withheld);
  }, NO_FEATURES);
}

function look(n: number, timestamp: number, item: string, more: object = {}): Event {
  return behavior(n, timestamp, { item, ...more } as Partial<Event>);
}

test('evidence is of the six modalities and three counts', () => {
  expect(EVIDENCE_KINDS).toEqual([
    ...['app', 'temporal', 'engagement', 'purchase', 'churn', 'zero_party'],
    ...['look', 'step', 'order'],
  ]);
});

describe('the evidence of an event', () => {
  test.each([
    [{ type: 'behavior' }, row()],
    [{ type: 'behavior', name: 'view_item' }, row({ engagement: 0.2, purchase: 0.15 })],
    [{ type: 'behavior', name: 'uninstall' }, row({ churn: 2 })],
    [{ type: 'behavior', name: 'unheard_of' }, row()],
    [{ type: 'behavior', name: 'constructor' }, row()],
    [{ type: 'behavior', vectors: { active_duration_s: 30 } }, row({ engagement: 0.5 })],
    [{ type: 'behavior', vectors: { scroll_depth_hz: 180 } }, row({ engagement: 0.75 })],
    [{ type: 'behavior', vectors: { active_duration_s: -30, scroll_depth_hz: 0 } }, row()],
    [{ type: 'behavior', vectors: { rage_taps: 2, errors: 2 } }, row({ churn: 1 })],
    [{ type: 'behavior', vectors: { tap_velocity_ms: 79 } }, row({ churn: 0.2 })],
    [{ type: 'behavior', vectors: { tap_velocity_ms: 80 } }, row()],
    [{ type: 'behavior', vectors: { tap_velocity_ms: -1 } }, row()],
    [{ type: 'impression', channel: 'a' }, row({ engagement: 0.05 })],
    [{ type: 'click', channel: 'a' }, row({ engagement: 0.3, purchase: 0.1 })],
    [{ type: 'conversion' }, row({ engagement: 0.5, purchase: 2, order: 1 })],
    [{ type: 'refund' }, row({ churn: 0.8 })],
    [{ type: 'preference' }, row({ engagement: 0.2, zero_party: 1 })],
    [{ type: 'consent' }, row({ zero_party: 0.2 })],
    [{ type: 'opportunity' }, row({ engagement: 0.05 })],
    [{ type: 'outcome', outcome: 'shown' }, row()],
    [{ type: 'outcome', outcome: 'clicked' }, row({ engagement: 0.5 })],
    [{ type: 'outcome', outcome: 'dismissed' }, row({ churn: 0.3 })],
  ])('%j', (content, expected) => {
    expect(said(content)).toEqual(expected);
  });

  test.each([
    ['an item by itself is a look', { item: 'boot' }, row({ look: 1 })],
    [
      'an item viewed is a look',
      { item: 'boot', name: 'view_item' },
      row({ engagement: 0.2, purchase: 0.15, look: 1 }),
    ],
    ['a view of no item is none', { name: 'view_item' }, row({ engagement: 0.2, purchase: 0.15 })],
    [
      'an item put into the cart is a step, not a look',
      { item: 'boot', name: 'add_to_cart' },
      row({ purchase: 0.7, step: 1 }),
    ],
    [
      'an item taken out of it is neither',
      { item: 'boot', name: 'remove_from_cart' },
      row({ churn: 0.2 }),
    ],
    ['going to pay is a step', { name: 'begin_checkout' }, row({ purchase: 1, step: 1 })],
    ['a search is no step', { name: 'search' }, row({ engagement: 0.2, purchase: 0.1 })],
  ])('%s', (_what, content, expected) => {
    expect(said({ type: 'behavior', ...content })).toEqual(expected);
  });

  test('that opens a session is temporal evidence too', () => {
    const click = row({ temporal: 1, engagement: 0.3, purchase: 0.1 });
    expect(said({ type: 'click', channel: 'a' }, true)).toEqual(click);
  });
});

const NO_EVIDENCE = NO_FEATURES.evidence;

describe('evidence over time', () => {
  test('decays to 1/e over each of its four time scales', () => {
    expect(SCALE_MS).toEqual([5 * MINUTE_MS, HOUR_MS, DAY_MS, 28 * DAY_MS]);
    const fresh = addEvidence(NO_EVIDENCE, BASE_MS, BASE_MS, BASE_MS, row());
    expect(fresh.slice(0, SCALES + 1)).toEqual([1, 1, 1, 1, 0]);
    SCALE_MS.forEach((tau, k) => {
      const later = addEvidence(fresh, BASE_MS, BASE_MS + tau, BASE_MS + tau, row({ app: 0 }));
      expect(later[k]).toBeCloseTo(Math.exp(-1), 12);
    });
  });

  test('of an event that comes late has decayed since it happened', () => {
    const now = BASE_MS + HOUR_MS;
    const late = addEvidence(NO_EVIDENCE, now, now, BASE_MS, row());
    expect(late[0]).toBeCloseTo(Math.exp(-12), 12);
    expect(late[1]).toBeCloseTo(Math.exp(-1), 12);
    expect(late[2]).toBeCloseTo(Math.exp(-1 / 24), 12);
  });

  test('has levels from 0, with nothing, towards 1', () => {
    expect([0, 3, 1e9].map((evidence) => saturate(evidence, 3))).toEqual([0, 1 - Math.exp(-1), 1]);
  });
});

describe('what is remembered beside the sums', () => {
  const boot = look(0, BASE_MS, 'boot', { topics: ['shoes', 'sale'], vectors: { price: 89.99 } });

  test('of a look: its time, item, first topic and price', () => {
    const [found] = withLooks(taken([boot])).looks;
    expect(found).toMatchObject({ t: BASE_MS, micros: 89_990_000 });
    const [plain] = withLooks(taken([look(0, BASE_MS, 'boot')])).looks;
    expect(plain).toEqual({ t: BASE_MS, item: found?.item, topic: 0, micros: 0 });
    expect(found?.topic).not.toBe(0);
  });

  test.each([
    ['none', undefined, 0],
    ['a negative one', -3, 0],
    ['one that is less than a micro', 1e-7, 0],
    ['one beyond the largest amount', 1e300, 1e15],
  ])('of a price, %s', (_what, price, micros) => {
    const vectors = price === undefined ? {} : { price };
    const { looks } = withLooks(taken([look(0, BASE_MS, 'boot', { vectors })]));
    expect(looks[0]?.micros).toBe(micros);
  });

  test('the latest looks by time, whatever order they come in', () => {
    const events = Array.from({ length: 20 }, (_, n) => look(n, BASE_MS + n, `item ${n}`));
    const { looks } = withLooks(taken(events));
    expect(looks.map(({ t }) => t - BASE_MS)).toEqual(
      Array.from({ length: MAX_LOOKS }, (_, i) => 20 - MAX_LOOKS + i),
    );
    expect(withLooks(taken(events.toReversed())).looks).toEqual(looks);
  });

  test('looks of one time are told apart by their item, then their topic, then their price', () => {
    const events = [
      look(0, BASE_MS, 'boot', { topics: ['shoes'], vectors: { price: 30 } }),
      look(1, BASE_MS, 'boot', { topics: ['shoes'], vectors: { price: 20 } }),
      look(2, BASE_MS, 'boot', { topics: ['sale'] }),
      look(3, BASE_MS, 'tent'),
      look(4, BASE_MS, 'lamp'),
    ];
    const { looks } = withLooks(taken(events));
    const byKey = looks.toSorted(
      (a, b) => a.item - b.item || a.topic - b.topic || a.micros - b.micros,
    );
    expect(looks).toEqual(byKey);
    expect(withLooks(taken(events.toReversed())).looks).toEqual(looks);
  });

  test('orders: how many, the first, the last, and their value together', () => {
    const events = [
      conversion(0, BASE_MS + DAY_MS, 'b', 20),
      conversion(1, BASE_MS, 'a', 10.5),
      conversion(2, BASE_MS + HOUR_MS, 'c', 0),
    ];
    const expected = { count: 3, firstMs: BASE_MS, lastMs: BASE_MS + DAY_MS, micros: 30_500_000 };
    expect(taken(events).purchases).toEqual(expected);
  });

  test('the second greatest time; -1 after a single event', () => {
    const at = (...seconds: number[]) =>
      taken(seconds.map((s, n) => behavior(n, BASE_MS + s * SECOND_MS))).previousMs;
    expect(at(5)).toBe(-1);
    expect(at(5, 9)).toBe(BASE_MS + 5_000);
    expect(at(9, 5)).toBe(BASE_MS + 5_000);
    expect(at(9, 5, 7, 6)).toBe(BASE_MS + 7_000);
    expect(at(9, 9)).toBe(BASE_MS + 9_000);
  });

  test('whether the latest event was of somebody signed in', () => {
    const anonymous = (n: number, t: number) => behavior(n, t, { user_mode: 'anonymous' });
    expect(taken([behavior(0, BASE_MS)]).signedIn).toBe(true);
    expect(taken([behavior(0, BASE_MS), anonymous(1, BASE_MS + 1)]).signedIn).toBe(false);
    expect(taken([behavior(0, BASE_MS), anonymous(1, BASE_MS - 1)]).signedIn).toBe(true);
  });

  test('the hour of the day as a direction: morning against evening', () => {
    expect(hourAngle(6 * HOUR_MS)).toBeCloseTo(Math.PI / 2, 12);
    const midnight = 20_000 * DAY_MS;
    const { habit } = taken([behavior(0, midnight + 6 * HOUR_MS)]);
    expect(habit[0]).toBeCloseTo(0, 12);
    expect(habit[1]).toBeCloseTo(1, 12);
    const both = [behavior(0, midnight + 6 * HOUR_MS), behavior(1, midnight + 18 * HOUR_MS)];
    const fade = Math.exp(-0.5 / 28);
    expect(taken(both).habit[1]).toBeCloseTo(fade - 1, 12);
    expect(taken(both.toReversed()).habit[1]).toBeCloseTo(fade - 1, 12);
  });
});

describe('a modality that is withheld', () => {
  const events = [
    look(0, BASE_MS, 'boot', { name: 'view_item', vectors: { price: 20, rage_taps: 3 } }),
    behavior(1, BASE_MS + 1, { name: 'add_to_cart' }),
    conversion(2, BASE_MS + 2, 'o1'),
    { ...behavior(3, BASE_MS + 3), type: 'preference', interests: { shoes: 1 } } as Event,
  ];
  const all = taken(events);
  const rowsOf = ({ evidence }: FeatureState): string[] =>
    EVIDENCE_KINDS.filter((_, i) =>
      evidence.slice(i * SCALES, (i + 1) * SCALES).some((sum) => sum !== 0),
    );

  test.each<[Modality, string[], Partial<FeatureState>]>([
    ['app', ['app'], { signedIn: false }],
    ['temporal', ['temporal'], { previousMs: -1, habit: [0, 0] }],
    ['engagement', ['engagement', 'look'], { looks: [] }],
    [
      'purchase',
      ['purchase', 'step', 'order'],
      {
        purchases: NO_FEATURES.purchases,
        looks: packLooks(withLooks(all).looks.map((each) => ({ ...each, micros: 0 }))),
      },
    ],
    ['churn', ['churn'], {}],
    ['zero_party', ['zero_party'], {}],
  ])('%s: is not kept, and what was there goes', (modality, rows, rest) => {
    expect(rowsOf(all)).toEqual([...EVIDENCE_KINDS]);
    const kept = EVIDENCE_KINDS.filter((kind) => !rows.includes(kind));
    for (const state of [taken(events, [modality]), withoutModalities(all, [modality])]) {
      expect(rowsOf(state)).toEqual(kept);
      const { evidence: _, ...others } = state;
      const { evidence: __, ...before } = all;
      expect(others).toEqual({ ...before, ...rest });
    }
  });

  test('leaves the others as they are', () => {
    const without = taken(events, ['churn']);
    const churn = EVIDENCE_KINDS.indexOf('churn');
    const expected = all.evidence.map((sum, cell) =>
      Math.floor(cell / SCALES) === churn ? 0 : sum,
    );
    expect(without.evidence).toEqual(expected);
    expect(taken(events, [])).toEqual(all);
  });
});

describe('the fused state', () => {
  const busy = fusionNodes(NO_EVIDENCE.map((_, cell) => (cell < SCALES ? 10 : 2)));

  test('has nodes of this visit, today and this month, but not of this moment', () => {
    const evidence = NO_EVIDENCE.map((_, cell) => [1e9, 3, 5, 7][cell] ?? 0);
    const { level, trend, confidence } = fusionNodes(evidence);
    const [visit, today, month] = SATURATION.app;
    expect(level[0]).toBeCloseTo(1 - Math.exp(-5 / today), 12);
    expect(trend[0]).toBeCloseTo(Math.exp(-7 / month) - Math.exp(-3 / visit), 12);
    expect(confidence).toEqual([7 / 8, 0, 0, 0, 0, 0]);
    expect([level.slice(1), trend.slice(1)]).toEqual([
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ]);
  });

  test('starts at its drive and then follows it, half-way in 2 minutes x ln 2', () => {
    const drive = evolveFusion(undefined, busy, 0);
    expect(evolveFusion(drive, busy, HOUR_MS)).toEqual(drive);
    const still = drive.map(() => 0);
    expect(evolveFusion(still, busy, 0)).toEqual(still);
    const half = evolveFusion(still, busy, 2 * MINUTE_MS * Math.log(2));
    half.forEach((x, i) => {
      expect(x).toBeCloseTo((drive[i] as number) / 2, 12);
    });
  });

  test('is pulled along the edges: by confidence, towards the other level', () => {
    const order = ['app', 'temporal', 'engagement', 'purchase', 'churn', 'zero_party'];
    expect(MODALITIES).toEqual(order);
    const nodes = {
      level: [0.8, 0.2, 0.5, 0.4, 0.6, 0],
      trend: [0, 0, 0.2, 0, -0.4, 0],
      confidence: [0.5, 1, 0.5, 1, 1, 1],
    };
    const [app, temporal, engagement, purchase, churn, zeroParty] = evolveFusion(
      undefined,
      nodes,
      0,
    );
    expect([app, zeroParty]).toEqual([0.8, 0]);
    expect(temporal).toBeCloseTo(0.2 + 0.1 * 0.5 * 0.6, 12);
    const pulls = 0.1 * 0.5 * 0.3 - 0.15 * 0.1 + 0.05 * -0.5;
    expect(engagement).toBeCloseTo(0.5 + 0.5 * 0.2 + pulls, 12);
    expect(purchase).toBeCloseTo(0.4 + 0.1 * 0.5 * 0.1 + 0.05 * -0.4 - 0.05 * 0.2, 12);
    expect(churn).toBeCloseTo(0.6 - 0.5 * 0.4 - 0.1 * 0.5 * -0.1 - 0.1 * -0.4, 12);
  });

  test('is held to 0 … 1', () => {
    const rising = { level: [1, 1, 1, 1, 1, 1], trend: [1, 1, 1, 1, 1, 1] };
    const falling = { level: [0, 0, 0, 0, 0, 0], trend: [-1, -1, -1, -1, -1, -1] };
    const confidence = [1, 1, 1, 1, 1, 1];
    expect(Math.max(...evolveFusion(undefined, { ...rising, confidence }, 0))).toBe(1);
    expect(Math.min(...evolveFusion(undefined, { ...falling, confidence }, 0))).toBe(0);
  });

  test('without evidence is nothing at all', () => {
    const nodes = fusionNodes(NO_EVIDENCE);
    expect(nodes.confidence).toEqual([0, 0, 0, 0, 0, 0]);
    expect(evolveFusion(undefined, nodes, 0)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
