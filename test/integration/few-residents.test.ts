/**
 * A worker with far more users than it may keep in memory, whose partitions take turns at being
 * the busy one: whoever is passivated and activated again has missed nothing.
 */
import { expect, test } from 'vitest';
import { encodeUserId, type UserId } from '../../protocols/ids.ts';
import { ingestSubject, partitionOf } from '../../protocols/subjects.ts';
import { auditEngine } from '../../runtime/audit/audit.ts';
import type { StoreMessage } from '../../runtime/ports.ts';
import { publishInBulk } from '../../runtime/simulate/publish.ts';
import { randomUuid, seededRandom } from '../../runtime/simulate/random.ts';
import { startTestWorker, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

const SEED = 7;
const USERS_PER_PARTITION = 150;
const MAX_RESIDENTS = 20;
const EVENTS = 12_000;
/** Of the events of a burst that is not one partition's alone, the share of the others. */
const OTHERS_SHARE = 0.02;

test('a user who is passivated while events wait for them loses none of them', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc, { maxResidents: MAX_RESIDENTS });
  await publishInBulk(nc, unevenBursts());
  await until('all events taken', () => worker.figures.events >= EVENTS, 30_000);
  const report = await auditEngine(nc);
  await worker.stop();
  expect(report.differences.slice(0, 3)).toEqual([]);
  expect(report.events).toBe(EVENTS);
  // A second actor of a user is found out by its fence (R2), but should not come into being (R3).
  expect(worker.figures.failedCommits).toBe(0);
});

/** One partition has much to do; the others now nothing, now a little. */
function* unevenBursts(): Generator<StoreMessage> {
  const random = seededRandom(SEED);
  const users = usersByPartition();
  const nextIndex = new Map<string, number>();
  const firstMs = Date.now() - EVENTS;
  for (let i = 0; i < EVENTS; i++) {
    const isAlone = Math.floor(i / 600) % 2 === 0;
    const partition = isAlone || random() > OTHERS_SHARE ? 0 : 1 + (i % (TEST_PARTITIONS - 1));
    const candidates = users[partition] as string[];
    const user = candidates[Math.floor(random() * candidates.length)] as string;
    const session_index = nextIndex.get(user) ?? 0;
    nextIndex.set(user, session_index + 1);
    const event = { event_id: randomUuid(random), session_index, timestamp: firstMs + i };
    const body = { ...event, user_mode: 'anonymous', vectors: { active_duration_s: 5 } };
    yield { subject: ingestSubject(encodeUserId(user as UserId)), body: JSON.stringify(body) };
  }
}

function usersByPartition(): string[][] {
  const users: string[][] = Array.from({ length: TEST_PARTITIONS }, () => []);
  for (let i = 0; users.some(({ length }) => length < USERS_PER_PARTITION); i++) {
    const user = `user-${i}`;
    const some = users[partitionOf(encodeUserId(user as UserId), TEST_PARTITIONS)] as string[];
    if (some.length < USERS_PER_PARTITION) some.push(user);
  }
  return users;
}
