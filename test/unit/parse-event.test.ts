/** Bad events: each is refused with the field, what was expected and what came; none throws. */
import { describe, expect, test } from 'vitest';
import {
  MAX_CLOCK_SKEW_MS,
  MAX_EVENT_BYTES,
  MAX_VECTORS,
  type ParsedEvent,
  parseEvent,
  parseEventJson,
} from '../../protocols/event.ts';
import { goldenText } from '../golden/golden.ts';

const SAMPLE = JSON.parse(goldenText('event-v1.json')) as { readonly timestamp: number };
const RECEIVED_MS = SAMPLE.timestamp + 1_000;

function parseText(text: string): ParsedEvent {
  return parseEvent(new TextEncoder().encode(text), RECEIVED_MS);
}

/** What is said of the sample event with some fields changed; `undefined` takes a field away. */
function refusalOf(changes: object) {
  const parsed = parseText(JSON.stringify({ ...SAMPLE, ...changes }));
  return parsed.ok ? 'accepted' : parsed.rejection;
}

describe('a body that is no event', () => {
  const nested = '['.repeat(30_000) + ']'.repeat(30_000);
  test.each([
    ['1 MB of junk', 'x'.repeat(1_000_000), `at most ${MAX_EVENT_BYTES} bytes`, '1000000 bytes'],
    ['nothing', '', 'a JSON object in UTF-8', 'an empty body'],
    ['truncated JSON', '{"event_id":"9f8c', 'a JSON object in UTF-8', '17 bytes that do not parse'],
    ['a word', 'hello', 'a JSON object in UTF-8', '5 bytes that do not parse'],
    ['NaN', '{"timestamp":NaN}', 'a JSON object in UTF-8', '17 bytes that do not parse'],
    ['null', 'null', 'a JSON object', 'null'],
    ['a number', '42', 'a JSON object', '42'],
    ['a text', '"42"', 'a JSON object', '"42"'],
    ['an array', '[{"event_id":1}]', 'a JSON object', 'an array of 1'],
    ['30,000 nested arrays', nested, 'a JSON object', 'an array of 1'],
  ])('%s', (_what, text, expected, found) => {
    const parsed = parseText(text);
    expect(parsed).toMatchObject({ ok: false, rejection: { field: 'body', expected } });
    if (!parsed.ok) expect(parsed.rejection.found).toContain(found);
    if (!parsed.ok) expect(parsed.rejection.hint).not.toBe('');
  });

  test('bytes that are not UTF-8', () => {
    const bytes = Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
    const rejection = { field: 'body', expected: 'a JSON object in UTF-8' };
    expect(parseEvent(bytes, RECEIVED_MS)).toMatchObject({ ok: false, rejection });
  });
});

const UUID = 'Invalid UUID';
const CONTROL = 'must not hold control characters or be "__proto__"';
const conversion = { type: 'conversion', value: 10, currency: 'USD', order_id: 'o-1' };

describe('a field that is wrong', () => {
  test.each([
    [{ event_id: undefined }, 'event_id', 'expected string', 'nothing'],
    [{ event_id: 'abc' }, 'event_id', UUID, '"abc"'],
    [{ event_id: 7 }, 'event_id', 'expected string', '7'],
    [{ session_index: undefined }, 'session_index', 'expected number', 'nothing'],
    [{ session_index: '42' }, 'session_index', 'expected number', '"42"'],
    [{ session_index: -1 }, 'session_index', '>=0', '-1'],
    [{ session_index: 1.5 }, 'session_index', 'expected int', '1.5'],
    [{ session_index: 2 ** 53 }, 'session_index', '<=9007199254740991', '9007199254740992'],
    [{ timestamp: undefined }, 'timestamp', 'expected number', 'nothing'],
    [{ timestamp: '2024-04-08' }, 'timestamp', 'expected number', '"2024-04-08"'],
    [{ timestamp: -1 }, 'timestamp', '>=0', '-1'],
    [{ timestamp: SAMPLE.timestamp + 0.5 }, 'timestamp', 'expected int', '1712613245000.5'],
    [
      { timestamp: 253_402_300_799_000 },
      'timestamp',
      'at most 10 minutes after',
      '253402300799000',
    ],
    [{ timestamp: Number.MAX_SAFE_INTEGER }, 'timestamp', 'at most 10 minutes', '9007199254740991'],
    [{ user_mode: 'robot' }, 'user_mode', '"authenticated"|"anonymous"', '"robot"'],
    [{ user_mode: ['anonymous'] }, 'user_mode', '"authenticated"|"anonymous"', 'an array of 1'],
    [{ decide: 'yes' }, 'decide', 'expected boolean', '"yes"'],
    [{ source: '' }, 'source', '>=1', '""'],
    [{ source: 'x'.repeat(100) }, 'source', '<=64', `"${'x'.repeat(79)}…`],
    [{ region: 'a\u0000b' }, 'region', CONTROL, '"a\\u0000b"'],
    [{ name: '__proto__' }, 'name', CONTROL, '"__proto__"'],
    [{ session_id: '__proto__' }, 'session_id', CONTROL, '"__proto__"'],
    [{ topics: ['shoes', '__proto__'] }, 'topics.1', CONTROL, '"__proto__"'],
    [{ topics: 'shoes' }, 'topics', 'expected array', '"shoes"'],
    [{ topics: new Array(17).fill('t') }, 'topics', '<=16', 'an array of 17'],
    [{ vectors: [] }, 'vectors', 'expected record', 'an array of 0'],
    [{ vectors: { depth: '72' } }, 'vectors.depth', 'expected number', '"72"'],
    [{ vectors: { depth: null } }, 'vectors.depth', 'expected number', 'null'],
    [{ vectors: { depth: { deep: 1 } } }, 'vectors.depth', 'number', 'an object with deep'],
    [{ type: 'purchase' }, 'type', 'one of behavior, impression, click', '"purchase"'],
    [{ type: 'constructor' }, 'type', 'one of behavior, impression, click', '"constructor"'],
    [{ type: null }, 'type', 'one of behavior, impression, click', 'null'],
    [{ type: {} }, 'type', 'one of behavior, impression, click', 'an empty object'],
    [{ type: 'click' }, 'channel', 'channel, or one of utm.source', 'none of them'],
    [{ type: 'click', utm: {} }, 'channel', 'channel, or one of utm.source', 'none of them'],
    [{ type: 'click', channel: 'a>b' }, 'channel', 'must not hold ">"', '"a>b"'],
    [{ type: 'click', channel: '(null)' }, 'channel', 'begin with "("', '"(null)"'],
    [{ type: 'click', channel: 'email', cost: -0.01 }, 'cost', '>=0', '-0.01'],
    [{ type: 'click', channel: 'email', cost: 1e10 }, 'cost', '<=1000000000', '10000000000'],
    [{ ...conversion, value: -5 }, 'value', '>=0', '-5'],
    [{ ...conversion, value: 1e9 + 1 }, 'value', '<=1000000000', '1000000001'],
    [{ ...conversion, value: '10' }, 'value', 'expected number', '"10"'],
    [{ ...conversion, currency: 'usd' }, 'currency', 'ISO 4217', '"usd"'],
    [{ ...conversion, order_id: undefined }, 'order_id', 'expected string', 'nothing'],
    [{ type: 'refund', order_id: 'o-1', value: -1 }, 'value', '>=0', '-1'],
    [{ type: 'preference', interests: { a: 1.5 } }, 'interests.a', '<=1', '1.5'],
    [{ type: 'consent', measurement: true }, 'personalization', 'expected boolean', 'nothing'],
    [{ type: 'consent', measurement: 1, personalization: true }, 'measurement', 'boolean', '1'],
    [{ type: 'opportunity' }, 'placement', 'expected string', 'nothing'],
    [{ type: 'outcome', decision_id: 'd_1', outcome: 'shown' }, 'decision_id', 'd_', '"d_1"'],
  ])('%j', (changes, field, expected, found) => {
    const refusal = refusalOf(changes);
    expect(refusal).toMatchObject({ field, expected: expect.stringContaining(expected) });
    expect(refusal).toHaveProperty('found', found);
    expect(refusal).toHaveProperty('hint', expect.stringMatching(/\w/));
  });

  test('numbers that JSON cannot hold are named as what they became', () => {
    const huge = JSON.stringify({ ...SAMPLE, vectors: { depth: 1 } }).replace(':1}', ':1e999}');
    const rejection = { field: 'vectors.depth', found: 'Infinity' };
    expect(parseText(huge)).toMatchObject({ ok: false, rejection });
  });

  test('more vectors than an event may carry', () => {
    const many = Array.from({ length: MAX_VECTORS + 1 }, (_, i) => [`v${i}`, i] as const);
    expect(refusalOf({ vectors: Object.fromEntries(many) })).toMatchObject({
      field: 'vectors',
      expected: `at most ${MAX_VECTORS} vectors`,
      found: expect.stringContaining('an object with v0, v1'),
    });
    expect(refusalOf({ vectors: Object.fromEntries(many.slice(1)) })).toBe('accepted');
  });

  test('a value nested 30,000 deep', () => {
    const deep = '['.repeat(30_000) + ']'.repeat(30_000);
    const text = JSON.stringify({ ...SAMPLE, vectors: 0 }).replace(
      '"vectors":0',
      `"vectors":${deep}`,
    );
    const rejection = { field: 'vectors', found: 'an array of 1' };
    expect(parseText(text)).toMatchObject({ ok: false, rejection });
  });
});

describe('what is accepted', () => {
  test('fields that no version knows are left out, and can never reach a prototype', () => {
    const text = JSON.stringify(SAMPLE).replace('{', '{"__proto__":{"polluted":1},"later":[1],');
    expect(parseText(text)).toEqual(parseText(JSON.stringify(SAMPLE)));
    const vectors = JSON.stringify({ ...SAMPLE, vectors: { a: 1 } }).replace('"a"', '"__proto__"');
    const parsed = parseText(vectors);
    if (parsed.ok) expect(parsed.event).toHaveProperty('vectors', {});
    expect({}).not.toHaveProperty('polluted');
  });

  test('a clock that is ahead by no more than the allowance', () => {
    const limitMs = RECEIVED_MS + MAX_CLOCK_SKEW_MS;
    expect(parseEventJson({ ...SAMPLE, timestamp: limitMs }, RECEIVED_MS).ok).toBe(true);
    expect(parseEventJson({ ...SAMPLE, timestamp: limitMs + 1 }, RECEIVED_MS).ok).toBe(false);
  });

  test.each([
    { utm: { source: 'newsletter' } },
    { utm: { medium: 'cpc' } },
    { referrer: 'https://example.com/' },
    { click_id: { name: 'gclid', value: 'x' } },
  ])('a touch whose channel can be derived from %j', (source) => {
    expect(refusalOf({ type: 'click', ...source })).toBe('accepted');
  });

  test('a free conversion and an event from 1970', () => {
    expect(refusalOf({ ...conversion, value: 0, timestamp: 0 })).toBe('accepted');
  });
});
