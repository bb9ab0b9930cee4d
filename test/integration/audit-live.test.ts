/**
 * The audit of live figures on a real nats-server: a worker takes in a shop's traffic with all that
 * goes wrong on the way, its pulses are folded and cut, and the audit agrees; or names what was
 * tampered with.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import type { Event } from '../../protocols/event.ts';
import { FOREVER_MS } from '../../protocols/grant.ts';
import { encodeUserId, type Partition, type UserId } from '../../protocols/ids.ts';
import { controlSubject, ingestSubject } from '../../protocols/subjects.ts';
import { auditEngine } from '../../runtime/audit/audit.ts';
import { LiveFold } from '../../runtime/coordinator/live-fold.ts';
import { natsActorStore } from '../../runtime/nats/actor-store.ts';
import { publishAtomically } from '../../runtime/nats/atomic-batch.ts';
import { DEMO_CAMPAIGNS } from '../../runtime/simulate/demo-campaigns.ts';
import { Traffic } from '../../runtime/simulate/traffic.ts';
import { LIVE_TAMPERINGS, storedSubjects, unnamed } from '../audit-tamperings.ts';
import { startTestWorker, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { type Published, seededRandom } from '../journeys.ts';
import { startTestServer } from '../nats-fixture.ts';

const SEED = Number(process.env.AUDIT_SEED ?? Date.now() % 1_000_000);
const REPLAY = `AUDIT_SEED=${SEED} replays it`;
const EVENTS = 1_500;
/** Between two events, on average: some hours in all. */
const STEP_MS = 8_000;

/** Campaigns that may spend in every partition. */
function campaigns(): Published[] {
  const always = { from_ms: 0, until_ms: FOREVER_MS, day_from_ms: 0 };
  const grant = { ...always, allow_micros: 1e9, limited_by: 'total' };
  const grants = Object.fromEntries(DEMO_CAMPAIGNS.map(({ id }) => [id, grant]));
  const puts = DEMO_CAMPAIGNS.map((campaign) => {
    return { v: 2, type: 'campaign.put', version: 1, campaign, status: 'live' };
  });
  const messages = [...puts, { v: 2, type: 'grants.put', version: 1, grants }];
  return Array.from({ length: TEST_PARTITIONS }, (_, p) => p as Partition).flatMap((partition) =>
    messages.map((message) => ({
      subject: controlSubject(partition),
      body: JSON.stringify(message),
    })),
  );
}

/** A shop's traffic: some events are lost, some come late, twice, or without a source. */
function traffic(): Published[] {
  const random = seededRandom(SEED);
  const visitors = new Traffic({ seed: SEED, visitors: 60 });
  const published: Published[] = [];
  const late: (readonly [at: number, message: Published])[] = [];
  let now = Date.now() - EVENTS * STEP_MS;
  for (let i = 0; i < EVENTS; i++) {
    now += Math.floor(2 * STEP_MS * random());
    const { user, event } = visitors.next(Math.min(now, Date.now()));
    const messages = [messageOf(user, random() < 0.05 ? { ...event, source: undefined } : event)];
    if (event.type === 'conversion' && random() < 0.5) {
      messages.push(messageOf(user, refundOf(event, random)));
    }
    for (const message of messages) {
      if (random() < 0.03) continue;
      if (random() < 0.05) late.push([i + 200 * random(), message]);
      else published.push(message);
      if (random() < 0.05) late.push([i + 200 * random(), message]);
    }
    while (late[0] !== undefined && late[0][0] <= i) published.push((late.shift() ?? late[0])[1]);
  }
  return published;
}

function refundOf(event: Extract<Event, { type: 'conversion' }>, random: () => number): object {
  const { order_id, timestamp, source, region, user_mode, event_id, value } = event;
  const common = { timestamp: timestamp + 1, source, region, user_mode, session_id: 'refunds' };
  const refund = { type: 'refund', order_id, session_index: 0, ...common };
  // Another id: only the last group of digits differs.
  const other = event_id.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
  return { ...refund, event_id: other, ...(random() < 0.5 && { value: value / 2 }) };
}

function messageOf(user: string, event: object): Published {
  const subject = ingestSubject(encodeUserId(user as UserId));
  return { subject, body: JSON.stringify(event) };
}

/** A server with a worker, which takes in messages bit by bit. */
async function startShop() {
  const server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc, { maxResidents: 30 });
  let sent = 0;
  return {
    nc,
    async take(messages: readonly Published[]): Promise<void> {
      for (let from = 0; from < messages.length; from += 250) {
        await publishAtomically(nc, messages.slice(from, from + 250));
      }
      sent += messages.length;
      await until('all taken', () => worker.figures.events >= sent, 60_000);
    },
    async [Symbol.asyncDispose]() {
      await worker.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Folds all pulses, stores what is folded and cuts the pulses. */
async function foldAll(nc: NatsConnection): Promise<void> {
  await using fold = await LiveFold.open(nc, await natsActorStore(nc));
  const pulses = await pulsesOf(nc);
  const isFolded = (subject: string): boolean => {
    const [, partition, sequence] = subject.split('.').map(Number);
    return fold.folded(partition ?? 0) >= (sequence ?? 0);
  };
  await until('all folded', () => pulses.every(isFolded));
}

async function pulsesOf(nc: NatsConnection): Promise<string[]> {
  return (await storedSubjects(nc)).filter((subject) => subject.startsWith('pulse.'));
}

test('live figures are what the log says, folded or not, and any tampering is named', {
  timeout: 120_000,
}, async () => {
  await using shop = await startShop();
  const { nc } = shop;
  const messages = [...campaigns(), ...traffic()];
  const most = Math.floor(messages.length * 0.7);
  await shop.take(messages.slice(0, most));
  expect((await pulsesOf(nc)).length).toBeGreaterThan(5);
  expect((await auditEngine(nc)).differences, REPLAY).toEqual([]);
  await foldAll(nc);
  expect(await pulsesOf(nc)).toEqual([]);
  expect((await auditEngine(nc)).differences, REPLAY).toEqual([]);
  await shop.take(messages.slice(most));
  const { differences, notes, figures } = await auditEngine(nc);
  expect({ differences, notes }, REPLAY).toEqual({ differences: [], notes: [] });
  const { velocity, fill_rate, conversion_rate, roas, ...sums } = figures;
  for (const [name, sum] of Object.entries(sums)) expect(sum, name).toBeGreaterThan(0);
  expect(fill_rate).toBeLessThan(1);
  expect(fill_rate).toBeGreaterThan(0.9);
  for (const rate of [conversion_rate, roas]) expect(rate).toBeGreaterThan(0);
  expect(velocity.length).toBeGreaterThan(5);
  for (const tampering of LIVE_TAMPERINGS) {
    expect.soft(await unnamed(nc, tampering), REPLAY).toBeUndefined();
  }
  expect((await auditEngine(nc)).differences, REPLAY).toEqual([]);
});
