/** Duplicate detection against a plain set of everything ever admitted (U1), and its bounds. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  admit,
  MAX_RANGES,
  MAX_RECENT_IDS,
  MAX_SERIES,
  NO_DUPLICATES,
} from '../../actors/user/duplicates.ts';
import type { Event } from '../../protocols/event.ts';
import type { DuplicateMemory } from '../../protocols/user-snapshot.ts';
import { BASE_MS, behavior, eventId, holds } from '../generators.ts';

/** Events with one id per session and index, so that sending one again repeats it exactly. */
function eventOf(session: number, index: number): Event {
  const id = eventId(session * 1_000_000 + index);
  const timestamp = BASE_MS + session * 60_000 + index * 1_000;
  const more = session === 0 ? {} : { session_id: `s${session}` };
  return behavior(index, timestamp, { event_id: id, ...more });
}

function keyOf({ session_id, session_index }: Event): string {
  return `${session_id ?? ''} ${session_index}`;
}

function expectBounded({ series, recentIds }: DuplicateMemory): void {
  expect(series.length).toBeLessThanOrEqual(MAX_SERIES);
  expect(recentIds.length).toBeLessThanOrEqual(MAX_RECENT_IDS);
  expect(new Set(series.map(({ id }) => id)).size).toBe(series.length);
  for (const { ranges } of series) {
    expect(ranges.length).toBeLessThanOrEqual(MAX_RANGES);
    ranges.forEach(([first, last], i) => {
      expect(first).toBeLessThanOrEqual(last);
      // Sorted, disjoint and not adjacent: else two ranges would be one.
      expect(first).toBeGreaterThan((ranges[i - 1]?.[1] ?? -2) + 1);
    });
  }
}

test('any order with repetitions admits each event exactly once, while the bounds are kept', () => {
  const sent = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 40 })), { maxLength: 150 });
  holds(
    fc.property(sent, (arrivals) => {
      const admitted = new Set<string>();
      let memory = NO_DUPLICATES;
      for (const [session, index] of arrivals) {
        const event = eventOf(session, index);
        const admission = admit(memory, event);
        expect(admission.duplicate).toBe(admitted.has(keyOf(event)));
        admitted.add(keyOf(event));
        if (!admission.duplicate) memory = admission.memory;
      }
      expectBounded(memory);
    }),
    300,
  );
});

test('beyond the bounds nothing is ever admitted twice, and they are never exceeded (U1)', () => {
  const sent = fc.array(
    fc.tuple(fc.nat({ max: 40 }), fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 400 }))),
    { minLength: 100, maxLength: 400 },
  );
  holds(
    fc.property(sent, (arrivals) => {
      const admitted = new Set<string>();
      let memory = NO_DUPLICATES;
      for (const [session, index] of arrivals) {
        const event = eventOf(session, index);
        const admission = admit(memory, event);
        if (admission.duplicate) continue;
        expect(admitted.has(keyOf(event))).toBe(false);
        admitted.add(keyOf(event));
        memory = admission.memory;
        expect(admit(memory, event).duplicate).toBe(true);
      }
      expectBounded(memory);
    }),
    100,
  );
});

test('one session of widely spread indices keeps to its ranges and never admits twice', () => {
  const indices = fc.array(fc.nat({ max: 500 }), { minLength: 150, maxLength: 300 });
  holds(
    fc.property(indices, (sent) => {
      const admitted = new Set<number>();
      let memory = NO_DUPLICATES;
      for (const index of sent) {
        const admission = admit(memory, eventOf(0, index));
        if (admission.duplicate) continue;
        expect(admitted.has(index)).toBe(false);
        admitted.add(index);
        memory = admission.memory;
      }
      expectBounded(memory);
    }),
    100,
  );
});

test('indices up to the largest safe integer are exact', () => {
  const top = Number.MAX_SAFE_INTEGER;
  let memory = NO_DUPLICATES;
  for (const index of [top, top - 2, top - 1, 0]) {
    const admission = admit(memory, behavior(index, BASE_MS, { event_id: eventId(index % 1_000) }));
    expect(admission.duplicate).toBe(false);
    if (!admission.duplicate) memory = admission.memory;
  }
  expect(memory.series[0]?.ranges).toEqual([
    [0, 0],
    [top - 2, top],
  ]);
});
