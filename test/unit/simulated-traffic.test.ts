/** Simulated traffic: the same seed gives the same events, and every one of them is valid. */
import { expect, test } from 'vitest';
import { admit, NO_DUPLICATES } from '../../actors/user/duplicates.ts';
import { campaignSchema } from '../../protocols/campaign.ts';
import { parseEvent } from '../../protocols/event.ts';
import { userIdProblem } from '../../protocols/ids.ts';
import { DEMO_CAMPAIGNS } from '../../runtime/simulate/demo-campaigns.ts';
import { ingestMessage } from '../../runtime/simulate/publish.ts';
import { pickWeighted, randomUuid, seededRandom } from '../../runtime/simulate/random.ts';
import { type SimulatedEvent, Traffic } from '../../runtime/simulate/traffic.ts';
import { BASE_MS } from '../generators.ts';

const EVENTS = 5_000;

function trafficOf(seed: number, events = EVENTS): SimulatedEvent[] {
  const traffic = new Traffic({ seed, visitors: 200 });
  return Array.from({ length: events }, (_, i) => traffic.next(BASE_MS + i * 100));
}

test('the same seed gives the same events, another seed others', () => {
  expect(trafficOf(7, 500)).toEqual(trafficOf(7, 500));
  expect(trafficOf(7, 500)).not.toEqual(trafficOf(8, 500));
});

test('every event is accepted, as the same event, for a legal user', () => {
  for (const simulated of trafficOf(1)) {
    const { subject, body } = ingestMessage(simulated);
    expect(userIdProblem(simulated.user)).toBeUndefined();
    expect(subject).toBe(`ingest.${simulated.user}`);
    const parsed = parseEvent(new TextEncoder().encode(body), simulated.event.timestamp);
    expect(parsed).toEqual({ ok: true, event: simulated.event });
  }
});

test('no event is a duplicate of another', () => {
  const memories = new Map<string, typeof NO_DUPLICATES>();
  for (const { user, event } of trafficOf(2)) {
    const admission = admit(memories.get(user) ?? NO_DUPLICATES, event);
    if (admission.duplicate) throw new Error(`${user}: ${admission.reason}`);
    memories.set(user, admission.memory);
  }
  expect(memories.size).toBeGreaterThan(200);
});

test('visitors do all that the engine has to understand', () => {
  const types = new Set(trafficOf(3).map(({ event }) => event.type));
  expect([...types].sort()).toEqual(
    ['behavior', 'click', 'conversion', 'impression', 'opportunity'].sort(),
  );
});

test('orders are unique', () => {
  const orders = trafficOf(4).flatMap(({ event }) =>
    event.type === 'conversion' ? [event.order_id] : [],
  );
  expect(orders.length).toBeGreaterThan(10);
  expect(new Set(orders).size).toBe(orders.length);
});

test('the campaigns of the demo are valid', () => {
  for (const campaign of DEMO_CAMPAIGNS) expect(campaignSchema.parse(campaign)).toEqual(campaign);
  expect(new Set(DEMO_CAMPAIGNS.map(({ id }) => id)).size).toBe(DEMO_CAMPAIGNS.length);
});

test('seeded numbers are uniform, and UUIDs valid and distinct', () => {
  const random = seededRandom(5);
  const numbers = Array.from({ length: 20_000 }, random);
  expect(numbers.every((n) => n >= 0 && n < 1)).toBe(true);
  const mean = numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
  const uuids = Array.from({ length: 1_000 }, () => randomUuid(random));
  expect(new Set(uuids).size).toBe(1_000);
  for (const uuid of uuids) {
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});

test('weighted picks come as often as their weight says', () => {
  const random = seededRandom(6);
  const picks = { often: 0, seldom: 0 };
  const entries = [['often', 3] as const, ['seldom', 1] as const];
  for (let i = 0; i < 8_000; i++) picks[pickWeighted(random, entries)]++;
  expect(Math.abs(picks.often / 8_000 - 0.75)).toBeLessThan(0.02);
});
