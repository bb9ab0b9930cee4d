/**
 * The gateway over real HTTP and a real nats-server: verdicts, decisions and bad input.
 */
import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../runtime/engine.ts';
import { startTestEngine, until } from '../engine-fixture.ts';
import { startTestServer, type TestServer } from '../nats-fixture.ts';

const SAMPLE = {
  event_id: '9f8c4b2a-1e3d-4f7c-8a2b-5d6e7f809102',
  session_index: 42,
  user_mode: 'authenticated',
  vectors: { scroll_depth_hz: 72.4, tap_velocity_ms: 120, active_duration_s: 48 },
  timestamp: 1712613245000,
};

let server: TestServer;
let engine: Engine;
let url: string;

beforeAll(async () => {
  server = await startTestServer();
  engine = await startTestEngine(await server.connectAs('engine'));
  url = engine.gateway?.listeningOrigin ?? '';
  await until('the engine to be ready', async () => (await fetch(`${url}/readyz`)).ok);
});
afterAll(async () => {
  await engine?.stop();
  await server?.[Symbol.asyncDispose]();
});

interface Answer {
  readonly verdict: string;
  readonly hint: string;
  readonly results: readonly { readonly verdict: string }[];
}

async function post(
  path: string,
  body: string | Uint8Array,
): Promise<{ status: number; json: Answer }> {
  const response = await fetch(`${url}${path}`, { method: 'POST', body });
  return { status: response.status, json: (await response.json()) as Answer };
}

function event(fields: object): string {
  return JSON.stringify({ ...SAMPLE, event_id: randomUUID(), ...fields });
}

test("the design's sample event gets a decision, and the same one again", async () => {
  const first = await post('/v1/decide?user=ada', JSON.stringify(SAMPLE));
  expect(first.status).toBe(200);
  expect(first.json).toMatchObject({
    decision_id: expect.stringMatching(/^d_[0-9a-f]{16}$/),
    latency_ms: expect.any(Number),
    rtme_state: { engagement_intent: expect.any(Number), churn_risk: expect.any(Number) },
    orchestration: { winner_campaign: null, trigger_type: null },
  });
  const again = await post('/v1/decide?user=ada', JSON.stringify(SAMPLE));
  expect(again.status).toBe(200);
  expect({ ...again.json, latency_ms: 0 }).toEqual({ ...first.json, latency_ms: 0 });
});

test('each event of a batch gets its own verdict', async () => {
  const id = randomUUID();
  const good = { ...SAMPLE, event_id: id, user_id: 'batch', session_index: 1 };
  const { status, json } = await post(
    '/v1/events',
    JSON.stringify({
      events: [
        good,
        good,
        { ...good, event_id: randomUUID(), session_index: 'two' },
        { ...good, event_id: randomUUID(), session_index: 2, user_id: 'other@example.com' },
        { ...good, event_id: randomUUID(), session_index: 3, user_id: undefined },
      ],
    }),
  );
  expect(status).toBe(200);
  expect(json.results.map(({ verdict }) => verdict).sort()).toEqual(
    ['accepted', 'accepted', 'duplicate', 'rejected', 'rejected'].sort(),
  );
  expect(json).toMatchObject({ accepted: 2, duplicates: 1, rejected: 2, failed: 0 });
  expect(json.results[2]).toMatchObject({ field: 'session_index', found: '"two"' });
  expect(json.results[4]).toMatchObject({ field: 'user_id', found: 'nothing' });
});

test.each([
  ['1 MB of junk', 'x'.repeat(1_000_000), 422, 'body'],
  ['truncated JSON', '{"event_id":"9f8c', 422, 'body'],
  ['an empty body', '', 422, 'body'],
  ['a 10 MB body', 'x'.repeat(10_000_000), 413, 'body'],
  ['an unknown type', event({ type: 'teleport' }), 422, 'type'],
  ['a wrong type of value', event({ timestamp: 'yesterday' }), 422, 'timestamp'],
  ['the year 9999', event({ timestamp: 253_370_764_800_000 }), 422, 'timestamp'],
  [
    'a currency that is not the reporting one',
    event({ type: 'conversion', value: 1, currency: 'EUR', order_id: 'a' }),
    422,
    'currency',
  ],
])('%s is refused, saying which field and why', async (_what, body, status, field) => {
  const answer = await post('/v1/events?user=eve', body);
  expect(answer.status).toBe(status);
  expect(answer.json).toMatchObject({
    verdict: 'rejected',
    field,
    expected: expect.any(String),
    found: expect.any(String),
    hint: expect.any(String),
  });
});

test('a user id of ..>* is refused', async () => {
  const answer = await post('/v1/events?user=..%3E*', event({}));
  expect(answer.status).toBe(422);
  expect(answer.json).toMatchObject({ field: 'user_id', found: '"..>*"' });
});

test('an e-mail address is a fine user id', async () => {
  const { json } = await post('/v1/events?user=ada%2Blists@example.com', event({}));
  expect(json).toMatchObject({ verdict: 'accepted' });
});

test.each([
  ['2 minutes', 2 * 60_000],
  ['24 hours', 24 * 3_600_000],
  ['30 days', 30 * 86_400_000],
])('a duplicate %s late changes nothing', async (name, lateMs) => {
  const user = `late-${name.replace(' ', '-')}`;
  const first = event({ session_index: 1, type: 'click', channel: 'email' });
  const later = { session_index: 2, timestamp: SAMPLE.timestamp + lateMs };
  expect((await post(`/v1/events?user=${user}`, first)).json.verdict).toBe('accepted');
  expect((await post(`/v1/events?user=${user}`, event(later))).json.verdict).toBe('accepted');
  const before = await stored(user);
  expect((await post(`/v1/events?user=${user}`, first)).json).toMatchObject({
    verdict: 'duplicate',
    reason: 'session_index 1 was seen before',
  });
  expect(await stored(user)).toEqual(before);
});

async function stored(user: string): Promise<string | undefined> {
  const jsm = await jetstreamManager(await server.connectAs('engine'));
  const message = await jsm.streams.getMessage('ACTORS', { last_by_subj: `state.*.user.${user}` });
  return message?.string();
}

test('an unknown route says which routes there are', async () => {
  const answer = await post('/v2/events', '{}');
  expect(answer.status).toBe(404);
  expect(answer.json.hint).toContain('/v1/events');
});
