/** What the released model makes of plain stories: not how good it is, but that it makes sense. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { FEATURE_COUNT, fillFeatures } from '../../actors/user/feature-vector.ts';
import { foldEvent, NEW_USER } from '../../actors/user/state.ts';
import type { Event } from '../../protocols/event.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import { BASE_MS, behavior, common, DAY_MS, MINUTE_MS } from '../generators.ts';

function after(events: readonly Event[]): FusedState {
  return events.reduce(
    (state, event) => foldEvent(state, event, state.duplicates, DEFAULT_REFERENCE),
    NEW_USER,
  );
}

/** Looks at items, a minute apart. */
function looks(count: number, more: (i: number) => Partial<Event> = () => ({})): Event[] {
  return Array.from({ length: count }, (_, i) =>
    behavior(i, BASE_MS + i * MINUTE_MS, { name: 'view_item', item: `item-${i}`, ...more(i) }),
  );
}

function order(n: number, atMs: number): Event {
  const value = { value: 40, currency: 'USD', order_id: `order-${n}` };
  return { ...common(n, atMs), type: 'conversion', ...value };
}

describe('the released model', () => {
  test('sees frustration in rage taps', () => {
    const calm = after(looks(6)).concepts.frustration;
    const taps = { vectors: { rage_taps: 4 } };
    const annoyed = after(looks(6, (i) => (i >= 4 ? taps : {}))).concepts.frustration;
    expect(annoyed).toBeGreaterThan(calm * 1.5);
  });

  test('sees urgency and intent to buy in a filled cart', () => {
    const browsing = after(looks(5));
    const cart = behavior(5, BASE_MS + 5 * MINUTE_MS, { name: 'add_to_cart', item: 'item-4' });
    const filled = after([...looks(5), cart]);
    expect(filled.concepts.urgency).toBeGreaterThan(browsing.concepts.urgency * 2);
    expect(filled.intents.purchase_intent).toBeGreaterThan(browsing.intents.purchase_intent * 2);
  });

  test('expects those who order often to come back, and less and less who stay away', () => {
    const often = Array.from({ length: 6 }, (_, n) => order(n, BASE_MS + n * 20 * DAY_MS));
    const once = [order(0, BASE_MS)];
    const endMs = BASE_MS + 101 * DAY_MS;
    const churnAt = (state: FusedState, atMs: number): number => {
      const { scorer } = DEFAULT_REFERENCE;
      const vector = new Float64Array(FEATURE_COUNT);
      fillFeatures(state, atMs, vector);
      return scorer.intents(scorer.concepts(vector, 0, 0)).churn_risk;
    };
    expect(churnAt(after(often), endMs)).toBeLessThan(churnAt(after(once), endMs) - 0.2);
    const silent = churnAt(after(often), endMs + 200 * DAY_MS);
    expect(silent).toBeGreaterThan(churnAt(after(often), endMs) + 0.1);
  });

  test('sees curiosity in ever new items, less in the same one again', () => {
    const same = after(looks(8, () => ({ item: 'the-one' })));
    expect(after(looks(8)).concepts.curiosity).toBeGreaterThan(same.concepts.curiosity);
  });
});
