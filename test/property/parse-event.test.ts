/** No input whatever makes the parser throw, and what it accepts it accepts again, unchanged. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseEvent, parseEventJson } from '../../protocols/event.ts';
import { BASE_MS, eventsOfOneUser, holds } from '../generators.ts';

const RECEIVED_MS = BASE_MS + 100 * 365 * 86_400_000;
const FIELDS = [
  ...['event_id', 'session_index', 'timestamp', 'user_mode', 'session_id', 'source', 'decide'],
  ...['channel', 'utm', 'referrer', 'click_id', 'cost', 'name', 'topics', 'vectors', 'value'],
  ...['currency', 'order_id', 'interests', 'measurement', 'placement', 'decision_id', 'outcome'],
  ...['type', '__proto__', 'constructor'],
];

function expectVerdict(parsed: ReturnType<typeof parseEvent>): void {
  if (parsed.ok) return;
  const { field, expected, found, hint } = parsed.rejection;
  for (const text of [field, expected, found, hint]) expect(text).not.toBe('');
  expect(found.length).toBeLessThanOrEqual(200);
}

test('arbitrary bytes are refused, never thrown at', () => {
  holds(
    fc.property(fc.uint8Array({ maxLength: 300 }), (body) => {
      expectVerdict(parseEvent(body, RECEIVED_MS));
    }),
    1_000,
  );
});

test('arbitrary JSON is refused, never thrown at', () => {
  holds(
    fc.property(fc.json(), (text) => {
      expectVerdict(parseEvent(new TextEncoder().encode(text), RECEIVED_MS));
    }),
    500,
  );
});

test('a valid event with anything at all in one of its fields gets a verdict', () => {
  const corrupted = fc.tuple(
    eventsOfOneUser(1),
    fc.constantFrom(...FIELDS),
    fc.oneof(fc.jsonValue(), fc.double(), fc.constantFrom(undefined, -0, 1e308)),
  );
  holds(
    fc.property(corrupted, ([[event], field, value]) => {
      const entries = [...Object.entries({ ...event }), [field, value] as const];
      expectVerdict(parseEventJson(Object.fromEntries(entries), RECEIVED_MS));
    }),
    1_000,
  );
});

test('what was accepted is accepted again, as the same event', () => {
  holds(
    fc.property(eventsOfOneUser(3), (events) => {
      for (const event of events) {
        const body = new TextEncoder().encode(JSON.stringify(event));
        expect(parseEvent(body, RECEIVED_MS)).toEqual({ ok: true, event });
      }
    }),
  );
});
