/** The fused behavioural state over random lives of a user: exact sums, bounds, determinism. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { FEATURE_COUNT, FEATURES, fillFeatures } from '../../actors/user/feature-vector.ts';
import { INTEREST_MS, interestWeights, MAX_INTERESTS } from '../../actors/user/interests.ts';
import { foldEvent, NEW_USER } from '../../actors/user/state.ts';
import type { Event } from '../../protocols/event.ts';
import { withLooks } from '../../protocols/looks.ts';
import {
  EVIDENCE_KINDS,
  type FusedState,
  fusedStateSchema,
  MODALITIES,
  type Modality,
  SCALE_MS,
} from '../../protocols/user-snapshot.ts';
import { evidenceByDefinition, featuresByDefinition } from '../features-by-definition.ts';
import {
  BASE_MS,
  behavior,
  consent,
  DAY_MS,
  eventsOfOneUser,
  HOUR_MS,
  holds,
} from '../generators.ts';

/** Lives without a question of consent, in which every event counts; in some, many at one time. */
const lives = fc
  .tuple(eventsOfOneUser(30), fc.constantFrom(1, 1, HOUR_MS))
  .map(([events, gridMs]) =>
    events
      .filter(({ type }) => type !== 'consent')
      .map((event) => ({
        ...event,
        timestamp: Math.floor(event.timestamp / gridMs) * gridMs,
      })),
  )
  .filter((events) => events.length > 0);
const shuffledLives = lives.chain(shuffled);
/** Lives in which modalities are withheld at times, but nothing is refused altogether. */
const withholdingLives = fc
  .tuple(eventsOfOneUser(25), fc.array(fc.subarray([...MODALITIES]), { maxLength: 4 }))
  .chain(([events, choices]) => {
    const asked = choices.map((withheld, i): Event => {
      const { timestamp } = events[(7 * i) % events.length] as Event;
      return consent(1_000 + i, timestamp, true, true, withheld);
    });
    const granted = events.map((event) => ({ ...event, ...granting(event) }) as Event);
    return shuffled([...granted, ...asked]);
  });
const silences = fc.constantFrom(0, 0, 1, 90_000, DAY_MS, 100 * DAY_MS);

function shuffled(events: readonly Event[]): fc.Arbitrary<readonly Event[]> {
  const inAnyOrder = fc.shuffledSubarray([...events], { minLength: events.length });
  return fc.oneof(fc.constant(events), inAnyOrder);
}

function granting({ type }: Event): object {
  return type === 'consent' ? { personalization: true } : {};
}

function fold(state: FusedState, event: Event): FusedState {
  return foldEvent(state, event, state.duplicates, DEFAULT_REFERENCE);
}

function featuresAt(state: FusedState, atMs: number): Record<string, number> {
  const vector = new Float64Array(FEATURE_COUNT);
  fillFeatures(state, atMs, vector);
  return Object.fromEntries(FEATURES.map(({ name }, i) => [name, vector[i] as number]));
}

function expectByDefinition(events: readonly Event[], silentMs: number): void {
  const state = events.reduce(fold, NEW_USER);
  const found = featuresAt(state, state.nowMs + silentMs);
  const expected = featuresByDefinition(events, silentMs);
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) {
    const distance = Math.abs((found[name] as number) - value);
    expect(distance, `${name}: ${found[name]}, by definition ${value}`).toBeLessThan(1e-9);
  }
}

test('features equal a from-scratch calculation on the event list, in any order of arrival', () => {
  holds(fc.property(shuffledLives, silences, expectByDefinition), 300);
});

test('so they do when modalities are withheld and allowed again on the way', () => {
  holds(fc.property(withholdingLives, silences, expectByDefinition), 300);
});

test('evidence is the documented sum over all events, in any order of arrival, to 1e-9', () => {
  holds(
    fc.property(shuffledLives, (events) => {
      const { evidence } = events.reduce(fold, NEW_USER);
      const expected = evidenceByDefinition(events);
      expect(evidence).toHaveLength(EVIDENCE_KINDS.length * SCALE_MS.length);
      evidence.forEach((found, cell) => {
        expect(Math.abs(found - (expected[cell] as number))).toBeLessThan(1e-9);
      });
    }),
    200,
  );
});

test('looks, orders and times do not depend on the order of arrival at all', () => {
  holds(
    fc.property(
      lives.chain((events) => fc.tuple(fc.constant(events), shuffled(events))),
      ([events, other]) => {
        const remembered = ({ looks, purchases, previousMs, counted }: FusedState) => {
          return { looks, purchases, previousMs, counted };
        };
        const found = remembered(other.reduce(fold, NEW_USER));
        expect(found).toEqual(remembered(events.reduce(fold, NEW_USER)));
        expect(found.counted).toBe(events.length);
        const times = events.map(({ timestamp }) => timestamp).sort((a, b) => b - a);
        expect(found.previousMs).toBe(times[1] ?? -1);
      },
    ),
  );
});

/** The rows of evidence that belong to a modality. */
const ROWS: Readonly<Record<Modality, readonly (typeof EVIDENCE_KINDS)[number][]>> = {
  app: ['app'],
  temporal: ['temporal'],
  engagement: ['engagement', 'look'],
  purchase: ['purchase', 'step', 'order'],
  churn: ['churn'],
  zero_party: ['zero_party'],
};

function expectNoTrace(state: FusedState, modality: Modality): void {
  for (const kind of ROWS[modality]) {
    const row = EVIDENCE_KINDS.indexOf(kind) * SCALE_MS.length;
    expect(state.evidence.slice(row, row + SCALE_MS.length)).toEqual([0, 0, 0, 0]);
  }
  const { signedIn, previousMs, habit, looks, purchases } = NEW_USER;
  const interests = Object.values(state.interests);
  if (modality === 'app') expect(state.signedIn).toBe(signedIn);
  if (modality === 'temporal') {
    expect([state.previousMs, state.habit]).toEqual([previousMs, habit]);
  }
  if (modality === 'engagement') {
    expect(state.looks).toEqual(looks);
    expect(interests.filter(({ declared }) => !declared)).toEqual([]);
  }
  if (modality === 'purchase') {
    expect(state.purchases).toEqual(purchases);
    expect(withLooks(state).looks.filter(({ micros }) => micros !== 0)).toEqual([]);
  }
  if (modality === 'zero_party') expect(interests.filter(({ declared }) => declared)).toEqual([]);
}

test('a modality that is withheld leaves no trace in the state, now and in what comes', () => {
  holds(
    fc.property(withholdingLives, (events) => {
      let state = NEW_USER;
      for (const event of events) {
        state = fold(state, event);
        for (const modality of state.consent.withheld) expectNoTrace(state, modality);
      }
    }),
    200,
  );
});

test('what was never allowed has no part in the state: another past, the same state', () => {
  const cases = withholdingLives.chain((events) =>
    fc.tuple(
      fc.constant(events),
      fc.subarray([...MODALITIES], { minLength: 1 }),
      fc.constantFrom('add_to_cart', 'rage_tap', 'share'),
    ),
  );
  const rowOf = { add_to_cart: 'purchase', rage_tap: 'churn', share: 'engagement' } as const;
  holds(
    fc.property(cases, ([events, withheld, name]) => {
      if (!withheld.includes(rowOf[name])) return;
      const ends = Math.max(...events.map(({ timestamp }) => timestamp)) + 1;
      const past = (named: object) => [
        ...events,
        behavior(2_000, ends, named),
        consent(2_001, ends + 1, true, true, withheld),
      ];
      const after = past({ name }).reduce(fold, NEW_USER);
      expect(after).toEqual(past({ name: 'something_else' }).reduce(fold, NEW_USER));
    }),
    200,
  );
});

test('the clock is the greatest time seen, and the first the least, in any order', () => {
  holds(
    fc.property(shuffledLives, (events) => {
      const state = events.reduce(fold, NEW_USER);
      if (events.length === 0) return;
      const times = events.map(({ timestamp }) => timestamp);
      expect(state.nowMs).toBe(Math.max(...times));
      expect(state.firstMs).toBe(Math.min(...times));
      expect(state.events).toBe(events.length);
    }),
  );
});

test('fused state, concepts and intents stay in 0 … 1, and the window sums to 1', () => {
  holds(
    fc.property(eventsOfOneUser(40), (events) => {
      let state = NEW_USER;
      for (const event of events) {
        state = fold(state, event);
        const { conversion_window: window } = state.intents;
        const shown = withLooks(state);
        expect(fusedStateSchema.parse(shown)).toEqual(shown);
        expect(Math.abs(window.reduce((sum, part) => sum + part, 0) - 1)).toBeLessThan(1e-12);
      }
    }),
    200,
  );
});

test('folding an event leaves the state and the event as they were', () => {
  holds(
    fc.property(eventsOfOneUser(15), (events) => {
      const before = JSON.stringify([events, NEW_USER]);
      const last = events[events.length - 1] as Event;
      const state = events.slice(0, -1).reduce(fold, NEW_USER);
      const bytes = JSON.stringify(state);
      fold(state, last);
      expect(JSON.stringify(state)).toBe(bytes);
      expect(JSON.stringify([events, NEW_USER])).toBe(before);
    }),
    100,
  );
});

test('interests are bounded, and a declared one is never overruled by browsing', () => {
  const topic = fc.integer({ min: 0, max: 60 }).map((n) => `topic-${n}`);
  const mention = fc.oneof(
    { weight: 4, arbitrary: fc.record({ topics: fc.array(topic, { maxLength: 16 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        interests: fc.dictionary(topic, fc.double({ min: 0, max: 1, noNaN: true }), { maxKeys: 4 }),
      }),
    },
  );
  holds(
    fc.property(fc.array(mention, { maxLength: 40 }), (mentions) => {
      let state = NEW_USER;
      const declared = new Map<string, number>();
      mentions.forEach((content, n) => {
        const type = 'interests' in content ? 'preference' : 'behavior';
        const event = behavior(n, BASE_MS + n * DAY_MS, { ...content, type } as Partial<Event>);
        state = fold(state, event);
        if (!('interests' in content)) return;
        for (const [name, weight] of Object.entries(content.interests)) declared.set(name, weight);
      });
      expect(Object.keys(state.interests).length).toBeLessThanOrEqual(MAX_INTERESTS);
      const weights = interestWeights(state.interests, state.nowMs, 5);
      for (const [name, { weight, declared: isDeclared }] of Object.entries(state.interests)) {
        expect(weight).toBeGreaterThanOrEqual(0);
        expect(isDeclared).toBe(declared.has(name));
        if (isDeclared) expect(weights[name]).toBe(declared.get(name));
      }
    }),
    100,
  );
});

test('observed interests are shares of all mentions, in any order of arrival', () => {
  const mentions = fc.array(
    fc.tuple(
      fc.array(fc.constantFrom('shoes', 'bags', 'tents', 'constructor', '7'), { maxLength: 3 }),
      fc.integer({ min: 0, max: 60 * DAY_MS }),
    ),
    { minLength: 1, maxLength: 20 },
  );
  const cases = mentions
    .map((drawn) =>
      drawn.map(([topics, ms], n) => behavior(n, BASE_MS + ms, { topics } as Partial<Event>)),
    )
    .chain(shuffled);
  holds(
    fc.property(cases, fc.constantFrom(0, 0.5, 5), (events, prior) => {
      const state = events.reduce(fold, NEW_USER);
      const weights = interestWeights(state.interests, state.nowMs, prior);
      const worth = new Map<string, number>();
      let all = prior;
      for (const event of events) {
        for (const topic of event.type === 'behavior' ? (event.topics ?? []) : []) {
          const faded = Math.exp(-(state.nowMs - event.timestamp) / INTEREST_MS);
          worth.set(topic, (worth.get(topic) ?? 0) + faded);
          all += faded;
        }
      }
      expect(Object.keys(weights).sort()).toEqual([...worth.keys()].sort());
      for (const [topic, of] of worth) {
        expect(Math.abs((weights[topic] as number) - of / all)).toBeLessThan(1e-12);
      }
      const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
      expect(total).toBeLessThanOrEqual(1 + 1e-12);
      if (prior === 0 && worth.size > 0) expect(Math.abs(total - 1)).toBeLessThan(1e-12);
    }),
  );
});
