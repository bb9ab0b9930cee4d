/** The fused behavioural state over random lives of a user: exact sums, bounds, determinism. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evidenceOf } from '../../actors/user/features.ts';
import { SCALE_MS } from '../../actors/user/model.ts';
import { foldEvent, MAX_INTERESTS, NEW_USER } from '../../actors/user/state.ts';
import { DEFAULT_SETTINGS } from '../../protocols/campaign.ts';
import type { Event } from '../../protocols/event.ts';
import { type FusedState, fusedStateSchema, MODALITIES } from '../../protocols/user-snapshot.ts';
import { BASE_MS, behavior, DAY_MS, eventsOfOneUser, holds } from '../generators.ts';

/** Lives without a question of consent, in which every event counts. */
const lives = eventsOfOneUser(30).map((events) => events.filter(({ type }) => type !== 'consent'));
const shuffledLives = lives.chain((events) =>
  fc.shuffledSubarray(events, { minLength: events.length }),
);

function fold(state: FusedState, event: Event): FusedState {
  return foldEvent(state, event, state.duplicates, DEFAULT_SETTINGS);
}

test('evidence is the documented sum over all events, in any order of arrival, to 1e-9', () => {
  holds(
    fc.property(shuffledLives, (events) => {
      let state = NEW_USER;
      const said = events.map((event) => {
        const sessions = state.session.count;
        state = fold(state, event);
        return evidenceOf(event, state.session.count > sessions);
      });
      const nowMs = Math.max(0, ...events.map(({ timestamp }) => timestamp));
      MODALITIES.forEach((_, i) => {
        SCALE_MS.forEach((tau, k) => {
          const sum = events.reduce((total, { timestamp }, e) => {
            return total + (said[e]?.[i] ?? 0) * Math.exp(-(nowMs - timestamp) / tau);
          }, 0);
          const found = state.evidence[i * SCALE_MS.length + k] as number;
          expect(Math.abs(found - sum)).toBeLessThan(1e-9);
        });
      });
    }),
    300,
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
        expect(fusedStateSchema.parse(state)).toEqual(state);
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

test('interests are bounded, in 0 … 1, and a declared one is never overruled by browsing', () => {
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
      for (const [name, { weight, declared: isDeclared }] of Object.entries(state.interests)) {
        expect(weight >= 0 && weight <= 1).toBe(true);
        expect(isDeclared).toBe(declared.has(name));
        if (isDeclared) expect(weight).toBe(declared.get(name));
      }
    }),
    100,
  );
});
