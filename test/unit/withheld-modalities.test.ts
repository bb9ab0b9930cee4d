/** Modalities that a user withholds: nothing stays of them, and nothing comes of their lack. */
import { expect, test } from 'vitest';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { FEATURE_COUNT, FEATURES, fillFeatures } from '../../actors/user/feature-vector.ts';
import { foldEvent, NEW_USER } from '../../actors/user/state.ts';
import type { Event } from '../../protocols/event.ts';
import { type FusedState, MODALITIES, type Modality } from '../../protocols/user-snapshot.ts';
import { BASE_MS, behavior, common, consent, conversion, SECOND_MS } from '../generators.ts';

function after(events: readonly Event[]): FusedState {
  return events.reduce(
    (state, event) => foldEvent(state, event, state.duplicates, DEFAULT_REFERENCE),
    NEW_USER,
  );
}

function withholding(n: number, atMs: number, withheld: Modality[]): Event {
  return { ...consent(n, atMs, true, true), withheld } as Event;
}

function featureOf(state: FusedState, name: string): number {
  const vector = new Float64Array(FEATURE_COUNT);
  fillFeatures(state, state.nowMs, vector);
  return vector[FEATURES.findIndex((feature) => feature.name === name)] as number;
}

test('what was fused of a modality goes when it is withheld', () => {
  const bought = after([
    behavior(1, BASE_MS, { name: 'add_to_cart' }),
    conversion(2, BASE_MS, 'o'),
  ]);
  const [, , , purchase] = bought.fusion;
  expect(purchase).toBeGreaterThan(0.5);
  const events = [behavior(1, BASE_MS, { name: 'view_item' }), conversion(2, BASE_MS, 'o')];
  const withheld = after([...events, withholding(3, BASE_MS, ['purchase'])]);
  const never = after([withholding(3, BASE_MS, ['purchase']), ...events]);
  // No time has passed, so a state that goes on from what it was would be that of before.
  expect(withheld.fusion[MODALITIES.indexOf('purchase')]).toBeLessThan(0.1);
  expect(withheld.evidence.map(round)).toEqual(never.evidence.map(round));
});

test('mentioned interests go with engagement, declared ones with zero_party', () => {
  const events: Event[] = [
    behavior(1, BASE_MS, { topics: ['tents'] } as Partial<Event>),
    { ...common(2, BASE_MS), type: 'preference', interests: { shoes: 0.4 } },
  ];
  const topics = (withheld: Modality[]): string[] => {
    const first = [...events, withholding(3, BASE_MS, withheld)];
    const again = events.map((event, n) => ({ ...event, ...common(4 + n, BASE_MS + SECOND_MS) }));
    const before = Object.keys(after(first).interests).sort();
    expect(Object.keys(after([...first, ...again]).interests).sort()).toEqual(before);
    return before;
  };
  expect(topics([])).toEqual(['shoes', 'tents']);
  expect(topics(['engagement'])).toEqual(['shoes']);
  expect(topics(['zero_party'])).toEqual(['tents']);
});

test('a topic that every object has a property of is mentioned like any other', () => {
  const { interests } = after([
    behavior(1, BASE_MS, { topics: ['constructor'] } as Partial<Event>),
  ]);
  expect(interests).toEqual({ constructor: { weight: 1, atMs: BASE_MS, declared: false } });
});

test('the habit stays between -1 and 1 when fewer events are known to have happened', () => {
  const before = Array.from({ length: 20 }, (_, n) => behavior(n, BASE_MS + n * SECOND_MS));
  const state = after([
    ...before,
    withholding(20, BASE_MS + 30 * SECOND_MS, ['app']),
    withholding(21, BASE_MS + 31 * SECOND_MS, []),
  ]);
  expect(state.habit[0] ** 2 + state.habit[1] ** 2).toBeGreaterThan(100);
  expect(Math.abs(featureOf(state, 'habit'))).toBe(1);
});

function round(x: number): number {
  return Math.round(x * 1e9) / 1e9;
}
