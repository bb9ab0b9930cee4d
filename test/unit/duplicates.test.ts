/** Duplicates: the same event changes nothing, however late it comes again. */
import { describe, expect, test } from 'vitest';
import {
  admit,
  MAX_RANGES,
  MAX_RECENT_IDS,
  MAX_SERIES,
  NO_DUPLICATES,
} from '../../actors/user/duplicates.ts';
import type { Event } from '../../protocols/event.ts';
import type { DuplicateMemory } from '../../protocols/user-snapshot.ts';
import { BASE_MS, behavior, DAY_MS, eventId, HOUR_MS, MINUTE_MS } from '../generators.ts';

/** The memory after events that are all new. */
function remember(events: Iterable<Event>, from: DuplicateMemory = NO_DUPLICATES): DuplicateMemory {
  let memory = from;
  for (const event of events) {
    const admission = admit(memory, event);
    if (admission.duplicate) throw new Error(`${event.session_index}: ${admission.reason}`);
    memory = admission.memory;
  }
  return memory;
}

function isDuplicate(memory: DuplicateMemory, event: Event): boolean {
  return admit(memory, event).duplicate;
}

describe('the same event again', () => {
  test.each([
    ['2 minutes', 2 * MINUTE_MS],
    ['24 hours', DAY_MS],
    ['30 days', 30 * DAY_MS],
    ['2 years', 730 * DAY_MS],
  ])('%s late, with 5,000 events in between, is a duplicate', (_late, laterMs) => {
    const first = behavior(0, BASE_MS);
    const between = Array.from({ length: 5_000 }, (_, i) =>
      behavior(i + 1, BASE_MS + ((i + 1) * laterMs) / 5_000),
    );
    const memory = remember([first, ...between]);
    const reason = 'session_index 0 was seen before';
    expect(admit(memory, first)).toEqual({ duplicate: true, reason });
    expect(between.every((event) => isDuplicate(memory, event))).toBe(true);
    expect(memory.series[0]?.ranges).toEqual([[0, 5_000]]);
  });

  test('is told from a new one by its index, not by its time or content', () => {
    const memory = remember([behavior(7, BASE_MS)]);
    const changed = behavior(7, BASE_MS + HOUR_MS, { event_id: eventId(99), source: 'ios' });
    expect(isDuplicate(memory, changed)).toBe(true);
    expect(isDuplicate(memory, behavior(8, BASE_MS))).toBe(false);
  });

  test('under a new index is told by its id, in capitals too', () => {
    const id = '9f8c4b2a-1e3d-4f7c-8a2b-5d6e7f809102';
    const memory = remember([behavior(1, BASE_MS, { event_id: id })]);
    const again = behavior(2, BASE_MS, { event_id: id.toUpperCase() });
    const reason = `event_id ${id.toUpperCase()} was seen before`;
    expect(admit(memory, again)).toEqual({ duplicate: true, reason });
  });

  test('in another session with the same index is a new event', () => {
    const memory = remember([behavior(1, BASE_MS, { session_id: 'a' })]);
    const other = behavior(1, BASE_MS, { session_id: 'b', event_id: eventId(50) });
    expect(isDuplicate(memory, other)).toBe(false);
    expect(isDuplicate(memory, { ...other, session_id: 'a' })).toBe(true);
  });
});

describe('events out of order', () => {
  test('are each admitted once, and gaps stay open', () => {
    const memory = remember([5, 1, 3, 9, 2].map((n) => behavior(n, BASE_MS + n)));
    const gaps = [0, 4, 6, 7, 8, 10];
    expect(memory.series[0]?.ranges).toEqual([
      [1, 3],
      [5, 5],
      [9, 9],
    ]);
    expect(gaps.some((n) => isDuplicate(memory, behavior(n, BASE_MS)))).toBe(false);
    expect([1, 2, 3, 5, 9].every((n) => isDuplicate(memory, behavior(n, BASE_MS)))).toBe(true);
  });

  test('that leave too many gaps close the oldest gap, which is then refused', () => {
    const odd = Array.from({ length: MAX_RANGES + 1 }, (_, i) => behavior(2 * i + 1, BASE_MS));
    const memory = remember(odd);
    expect(memory.series[0]?.ranges).toHaveLength(MAX_RANGES);
    expect(isDuplicate(memory, behavior(2, BASE_MS))).toBe(true);
    expect(isDuplicate(memory, behavior(4, BASE_MS))).toBe(false);
    expect(isDuplicate(memory, behavior(0, BASE_MS))).toBe(false);
  });
});

describe('what no longer fits', () => {
  const visit = (n: number, session: number) =>
    behavior(0, BASE_MS + n * HOUR_MS, { session_id: `s${session}`, event_id: eventId(1_000 + n) });

  test('a forgotten session cannot come back: its events are refused, later ones are not', () => {
    const visits = Array.from({ length: MAX_SERIES + 2 }, (_, n) => visit(n, n));
    const memory = remember(visits);
    expect(memory.series.map(({ id }) => id)).not.toContain('s0');
    expect(memory.series).toHaveLength(MAX_SERIES);
    expect(memory.forgottenThroughMs).toBe(BASE_MS + HOUR_MS);
    expect(admit(memory, visit(0, 0))).toEqual({
      duplicate: true,
      reason: 'session "s0" is too old to tell',
    });
    expect(visits.every((event) => isDuplicate(memory, event))).toBe(true);
    expect(isDuplicate(memory, { ...visit(50, 0), session_index: 1 })).toBe(false);
  });

  test('the session that was silent longest is forgotten, not the one that began first', () => {
    const visits = Array.from({ length: MAX_SERIES }, (_, n) => visit(n, n));
    const busy = behavior(1, BASE_MS + DAY_MS, { session_id: 's0', event_id: eventId(5) });
    const memory = remember([...visits, busy, visit(40, 40)]);
    const kept = memory.series.map(({ id }) => id);
    expect(kept).toContain('s0');
    expect(kept).not.toContain('s1');
  });

  test('only the last ids are kept', () => {
    const events = Array.from({ length: MAX_RECENT_IDS + 5 }, (_, n) => behavior(n, BASE_MS));
    expect(remember(events).recentIds).toHaveLength(MAX_RECENT_IDS);
  });
});

test('admitting an event leaves the memory that was asked as it was', () => {
  const memory = remember([behavior(1, BASE_MS), behavior(3, BASE_MS)]);
  const before = JSON.stringify(memory);
  admit(memory, behavior(2, BASE_MS));
  admit(memory, behavior(9, BASE_MS, { session_id: 'x' }));
  expect(JSON.stringify(memory)).toBe(before);
});
