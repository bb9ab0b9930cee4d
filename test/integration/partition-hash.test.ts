/** The engine and the server agree on every user's partition: both hash, neither asks the other. */
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { encodeUserId, type UserId } from '../../protocols/ids.ts';
import {
  EVENTS_STREAM,
  ingestSubject,
  LOG_ALL,
  parseLogSubject,
  partitionOf,
} from '../../protocols/subjects.ts';
import { publishAtomically } from '../../runtime/nats/atomic-batch.ts';
import { ensureStreams } from '../../runtime/nats/streams.ts';
import { startTestServer } from '../nats-fixture.ts';

const PARTITIONS = 13;

function userIds(): UserId[] {
  const names = ['visitor', 'ada@example.com', 'two words', 'Zoë', '用户', '100%', '😀', '{a}$b'];
  return Array.from({ length: 500 }, (_, n) => `${names[n % names.length]}-${n}` as UserId);
}

test('500 users fall to the partitions that the server gives them', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await ensureStreams(nc, { partitions: PARTITIONS, replicas: 1 });
  const tokens = userIds().map(encodeUserId);
  const messages = tokens.map((token) => ({ subject: ingestSubject(token), body: '{}' }));
  expect(await publishAtomically(nc, messages)).toMatchObject({ status: 'stored' });

  const jsm = await jetstreamManager(nc);
  const { state } = await jsm.streams.info(EVENTS_STREAM, { subjects_filter: LOG_ALL });
  const given = new Map<string, number>();
  for (const subject of Object.keys(state.subjects ?? {})) {
    const parsed = parseLogSubject(subject);
    if (parsed?.kind === 'event') given.set(parsed.token, parsed.partition);
  }
  const expected = new Map(tokens.map((token) => [token, partitionOf(token, PARTITIONS)]));
  expect(given).toEqual(expected);
  expect(new Set(given.values()).size).toBe(PARTITIONS);
});
