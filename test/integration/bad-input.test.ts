/**
 * Bad input over NATS: each gets a dead letter that says why, and the partition goes on.
 */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DeadLetter, deadLetterSchema } from '../../protocols/dead-letter.ts';
import type { Worker } from '../../runtime/worker/worker.ts';
import { startTestEngine, startTestWorker, until } from '../engine-fixture.ts';
import { startTestServer, type TestServer } from '../nats-fixture.ts';

const GOOD = {
  event_id: '9f8c4b2a-1e3d-4f7c-8a2b-5d6e7f809102',
  session_index: 1,
  user_mode: 'authenticated',
  timestamp: 1712613245000,
};

let server: TestServer;
let worker: Worker;

beforeAll(async () => {
  server = await startTestServer();
  worker = await startTestWorker(await server.connectAs('engine'));
});
afterAll(async () => {
  await worker?.stop();
  await server?.[Symbol.asyncDispose]();
});

async function letterFor(subject: string, body: string | Uint8Array): Promise<DeadLetter> {
  const nc = await server.connectAs('engine');
  const jsm = await jetstreamManager(nc);
  const { seq } = await jetstream(nc).publish(subject, body);
  const message = await until(`a dead letter for ${subject}`, async () => {
    const query = { last_by_subj: `deadletter.*.${seq}` };
    return (await jsm.streams.getMessage('ACTORS', query)) ?? undefined;
  });
  return deadLetterSchema.parse(message.json());
}

test.each([
  ['1 MB of junk', 'ingest.eve', new Uint8Array(1_000_000).fill(0xff), 'body'],
  ['truncated JSON', 'ingest.eve', JSON.stringify(GOOD).slice(0, 40), 'body'],
  ['wrong types', 'ingest.eve', JSON.stringify({ ...GOOD, session_index: '1' }), 'session_index'],
  ['an unknown type', 'ingest.eve', JSON.stringify({ ...GOOD, type: 'teleport' }), 'type'],
  [
    'the year 9999',
    'ingest.eve',
    JSON.stringify({ ...GOOD, timestamp: 253_370_764_800_000 }),
    'timestamp',
  ],
  ['the user id ..>*, encoded', 'ingest.%2E%2E%3E%2A', JSON.stringify(GOOD), 'user_id'],
  ['a token that is not canonical', 'ingest.%41da', JSON.stringify(GOOD), 'user_id'],
])('%s becomes a dead letter, and the partition goes on', async (_what, subject, body, field) => {
  const letter = await letterFor(subject, body);
  expect(letter.field).toBe(field);
  expect(letter.bytes).toBe(body.length);
  expect(letter.expected).not.toBe('');
  expect(letter.found).not.toBe('');
  const goesOn = await letterFor(subject, 'still here');
  expect(goesOn.field === 'body' || goesOn.field === 'user_id').toBe(true);
});

test("an event published to a wildcard is in nobody's log and gets its own letter", async () => {
  const nc = await server.connectAs('engine');
  await using _engine = await startTestEngine(nc, new Set(['coordinator'] as const));
  const jsm = await jetstreamManager(nc);
  const { seq } = await jetstream(nc).publish('ingest.*', JSON.stringify(GOOD));
  const message = await until('a letter', async () => {
    return (await jsm.streams.getMessage('ACTORS', { last_by_subj: 'stray.*' })) ?? undefined;
  });
  expect(deadLetterSchema.parse(message.json())).toMatchObject({
    sequence: seq,
    field: 'user_id',
    found: '"*"',
  });
});

test('an app that publishes more than the server takes is told so by its client', async () => {
  const nc = await server.connectAs('app');
  const tooMuch = new Uint8Array(10_000_000);
  expect(() => nc.publish('ingest.eve', tooMuch)).toThrow(/max_payload/);
  await expect(nc.request('ingest...>*', JSON.stringify(GOOD))).rejects.toThrow();
});
