/**
 * What the dashboard asks about single users, decisions and letters, from a running engine.
 */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import type { UserToken } from '../../protocols/ids.ts';
import {
  deadLettersReportSchema,
  decisionExplanationSchema,
  decisionsReportSchema,
  MAX_HISTORY_EVENTS,
  MAX_REPLAYED_EVENTS,
  MAX_SHOWN_LETTERS,
  MAX_SHOWN_RECEIPTS,
  MAX_WAITING_EXPLANATIONS,
  userHistorySchema,
} from '../../protocols/live-services.ts';
import type { Refusal } from '../../protocols/refusal.ts';
import { modelReportSchema, userReportSchema } from '../../protocols/services.ts';
import { ACTORS_STREAM, receiptsOfUser, SERVICES } from '../../protocols/subjects.ts';
import { rerunReceipt } from '../../runtime/cli/explain.ts';
import { ExplanationDesk } from '../../runtime/coordinator/explanation-desk.ts';
import type { Engine } from '../../runtime/engine.ts';
import { publishAtomically } from '../../runtime/nats/atomic-batch.ts';
import { readLatest } from '../../runtime/nats/read-latest.ts';
import { NetworkFolder } from '../../runtime/onnx/network-folder.ts';
import type { StoreMessage } from '../../runtime/ports.ts';
import { publishInBulk } from '../../runtime/simulate/publish.ts';
import { readReceipt } from '../../runtime/time-travel/rerun-decision.ts';
import { startTestEngine, until } from '../engine-fixture.ts';
import { eventId } from '../generators.ts';
import { startTestServer } from '../nats-fixture.ts';

const ROLES = new Set(['worker', 'coordinator'] as const);
const START_MS = Date.now() - 3 * 3_600_000;

async function ask<S extends z.ZodType>(
  nc: NatsConnection,
  subject: string,
  request: object,
  schema: S,
): Promise<z.infer<S>> {
  const reply = await nc.request(subject, JSON.stringify(request), { timeout: 20_000 });
  return schema.parse(reply.json());
}

async function refusal(nc: NatsConnection, subject: string, request: object): Promise<Refusal> {
  return (await nc.request(subject, JSON.stringify(request), { timeout: 20_000 })).json<Refusal>();
}

/** The nth event of a user, a second after the one before. */
function event(user: string, n: number, fields: object = {}): StoreMessage {
  const id = user.length * 100_000 + n;
  const common = { event_id: eventId(id), session_index: n, user_mode: 'anonymous' };
  const body = JSON.stringify({ ...common, timestamp: START_MS + n * 1_000, ...fields });
  return { subject: `ingest.${user}`, body };
}

async function applyCampaigns(nc: NatsConnection): Promise<boolean> {
  const campaigns = ['ONE', 'TWO', 'THREE'].map((id, i) => ({
    id,
    name: id,
    trigger_type: 'in_app_modal',
    triggers: ['behavior'],
    bid_micros: 20_000 * (i + 1),
    budget_micros: 50_000_000,
    quality: { base: 0.2, weights: { urgency: 0.3, purchase_intent: 0.4 } },
  }));
  const request = JSON.stringify({ campaigns, by: 'test' });
  const answer = await nc.request(SERVICES.applyCampaigns, request).catch(() => {});
  return answer !== undefined && !answer.string().includes('"problem"');
}

/** An engine that answers questions. */
async function leadingEngine(nc: NatsConnection): Promise<Engine> {
  const engine = await startTestEngine(nc, ROLES);
  await until('a leader', () => engine.coordinator?.isLeading);
  return engine;
}

const taken = (engine: Engine, events: number) =>
  until('all events', () => (engine.worker?.figures.events ?? 0) >= events, 40_000);

test('a user’s history shows each event with its verdict and the state after it', {
  timeout: 60_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await using engine = await leadingEngine(nc);
  const messages = [
    event('ada', 0, { name: 'view_item', vectors: { scroll_depth_hz: 60 } }),
    event('ada', 1, { type: 'click', utm: { source: 'google', medium: 'cpc' }, cost: 0.5 }),
    event('ada', 2, { type: 'opportunity', placement: 'home' }),
    event('ada', 3, { name: 'add_to_cart' }),
    event('ada', 3, { name: 'add_to_cart' }),
    event('ada', 4, { type: 'conversion', order_id: 'o-1', value: 12, currency: 'XXX' }),
    event('ada', 5, { type: 'conversion', order_id: 'o-1', value: 12, currency: 'USD' }),
    event('ada', 6, { type: 'conversion', order_id: 'o-1', value: 12, currency: 'USD' }),
    { subject: 'ingest.ada', body: 'no JSON' },
    event('ada', 7, { name: 'leave' }),
  ];
  await publishAtomically(nc, [...messages, event('bob', 0)]);
  await taken(engine, messages.length + 1);
  const report = await ask(nc, SERVICES.inspectUser, { user: 'ada' }, userReportSchema);
  const history = await ask(nc, SERVICES.inspectHistory, { user: 'ada' }, userHistorySchema);
  expect(history).toMatchObject({ user_id: 'ada', is_partial: false });
  expect(history.model_version).toBe(report.model_version);
  expect(history.points.map((p) => `${p.type} ${p.name} ${p.verdict}`)).toEqual([
    'behavior view_item accepted',
    'click Paid Search accepted',
    'opportunity home accepted',
    'behavior add_to_cart accepted',
    'behavior add_to_cart duplicate',
    'conversion o-1 rejected',
    'conversion o-1 accepted',
    'conversion o-1 duplicate',
    'unreadable  rejected',
    'behavior leave accepted',
  ]);
  const { fusion, concepts, intents } = report.snapshot.state;
  const last = history.points.at(-1);
  // Since then only the session has ended.
  const chart = { ...report.snapshot.chart, session: 'active' };
  expect(last).toMatchObject({ fusion, concepts, intents, chart });
  expect(last?.t).toBe(START_MS + 7_000);
  // What was not accepted changes nothing, what was accepted does.
  const [before, cart, again, refused] = history.points.slice(2, 6);
  expect(cart?.concepts).not.toEqual(before?.concepts);
  expect(again?.concepts).toEqual(cart?.concepts);
  expect(refused?.fusion).toEqual(cart?.fusion);
  expect(await refusal(nc, SERVICES.inspectHistory, { user: 'nobody' })).toMatchObject({
    kind: 'unknown',
    problem: expect.stringContaining('no event of this user'),
  });
  expect(await refusal(nc, SERVICES.inspectHistory, { user: '' })).toMatchObject({
    kind: 'invalid',
  });
});

test('of a user with very many events the last ones are shown, and told to be a part', {
  timeout: 60_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await using _ = await leadingEngine(nc);
  const heavy = MAX_REPLAYED_EVENTS + 300;
  function* messages() {
    for (let n = 0; n < heavy; n++) {
      yield event('heavy', n, { name: `b${n}` });
      if (n % 50 === 0) yield event('light', n);
    }
  }
  await publishInBulk(nc, messages());
  const history = await ask(nc, SERVICES.inspectHistory, { user: 'heavy' }, userHistorySchema);
  expect(history.is_partial).toBe(true);
  expect(history.points.map(({ name }) => name)).toEqual(
    Array.from({ length: MAX_HISTORY_EVENTS }, (_, i) => `b${heavy - MAX_HISTORY_EVENTS + i}`),
  );
  const light = await ask(nc, SERVICES.inspectHistory, { user: 'light' }, userHistorySchema);
  expect(light).toMatchObject({ is_partial: false });
  expect(light.points).toHaveLength(Math.ceil(heavy / 50));
});

test('decisions come with their receipts, the latest first, and are explained from the log', {
  timeout: 90_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await using engine = await leadingEngine(nc);
  await until('campaigns', () => applyCampaigns(nc));
  const granted = async () => {
    const report = (await nc.request(SERVICES.inspectCampaigns)).string();
    return !/"granted_micros":0\b/.test(report) && report.includes('THREE');
  };
  await until('grants', granted);
  const users = ['ann', 'benn', 'clara'];
  const messages = users.flatMap((user) =>
    Array.from({ length: 60 }, (_, n) => event(user, n, { name: 'view_item', decide: true })),
  );
  // Somebody to whom a campaign is shown.
  messages.unshift(event('dorothy', 0, { name: 'view_item' }));
  await publishAtomically(nc, messages);
  await taken(engine, messages.length);
  const { receipts } = await ask(
    ...([nc, SERVICES.inspectDecisions, { user: 'ann' }] as const),
    decisionsReportSchema,
  );
  expect(receipts.map(({ event: { timestamp } }) => timestamp)).toEqual(
    Array.from({ length: MAX_SHOWN_RECEIPTS }, (_, i) => START_MS + (59 - i) * 1_000),
  );
  expect(new Set(receipts.map(({ user }) => user))).toEqual(new Set(['ann']));
  const none = await ask(
    ...([nc, SERVICES.inspectDecisions, { user: 'nobody' }] as const),
    decisionsReportSchema,
  );
  expect(none.receipts).toEqual([]);

  const shown = await ask(
    ...([nc, SERVICES.inspectDecisions, { user: 'dorothy' }] as const),
    decisionsReportSchema,
  );
  const [receipt] = shown.receipts;
  if (receipt === undefined) throw new Error('there is no receipt');
  const decision = receipt.decision.decision_id;
  const explained = await ask(
    ...([nc, SERVICES.inspectExplanation, { decision }] as const),
    decisionExplanationSchema,
  );
  expect(explained).toMatchObject({ decision_id: decision, is_same: true, receipt });
  const rerun = await rerunReceipt(nc, receipt, await readReceipt(nc, decision));
  expect(rerun.bidFlip).toBeDefined();
  expect(explained.flips).toEqual({
    bid: {
      campaign: rerun.bidFlip?.campaign,
      from_micros: rerun.bidFlip?.fromMicros,
      to_micros: rerun.bidFlip?.toMicros,
      winner: rerun.bidFlip?.winner,
    },
    concept: rerun.conceptFlip ?? null,
  });
  for (const unknown of ['d_0123456789abcdef', 'd_*', '']) {
    const refused = await refusal(nc, SERVICES.inspectExplanation, { decision: unknown });
    expect(refused.kind).toBe('unknown');
  }
  await expectForged(nc, receipt.user as UserToken, decision);
});

/** A receipt that does not follow from the log is told from one that does. */
async function expectForged(nc: NatsConnection, user: UserToken, decision: string): Promise<void> {
  const stored = await readReceipt(nc, decision);
  const forged = stored.replace('"reserve_micros":', '"reserve_micros":1');
  const subject = receiptsOfUser(user).replace('*', decision);
  await jetstream(nc).publish(subject, forged);
  const explained = await ask(
    ...([nc, SERVICES.inspectExplanation, { decision }] as const),
    decisionExplanationSchema,
  );
  expect(explained.is_same).toBe(false);
}

test('explaining is refused where it would take too long, and takes turns with other questions', {
  timeout: 90_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await using engine = await leadingEngine(nc);
  function* messages() {
    for (let n = 0; n < 6_000; n++) yield event('ann', n, { name: `b${n}` });
    yield event('ann', 6_000, { decide: true });
  }
  await publishInBulk(nc, messages());
  await taken(engine, 6_001);
  const { receipts } = await ask(
    ...([nc, SERVICES.inspectDecisions, { user: 'ann' }] as const),
    decisionsReportSchema,
  );
  const decision = receipts[0]?.decision.decision_id ?? '';
  await using networks = new NetworkFolder('nowhere');
  const impatient = new ExplanationDesk(nc, networks, 6_000);
  expect(await impatient.explain(decision)).toMatchObject({
    kind: 'conflict',
    problem: expect.stringContaining(`run \`microtarget explain ${decision}\``),
  });
  const order: string[] = [];
  const explain = async (): Promise<Refusal> => {
    const answer = await refusal(nc, SERVICES.inspectExplanation, { decision });
    order.push('explanation');
    return answer;
  };
  const asked = Array.from({ length: MAX_WAITING_EXPLANATIONS + 3 }, explain);
  await ask(nc, SERVICES.inspectModel, {}, modelReportSchema);
  order.push('model');
  const answers = await Promise.all(asked);
  const refused = answers.filter(({ kind }) => kind === 'unavailable');
  expect(refused).toHaveLength(2);
  for (const answer of answers.filter(({ kind }) => kind === undefined)) {
    expect(decisionExplanationSchema.parse(answer).is_same).toBe(true);
  }
  // The two refusals at once, the model while the first one is replayed.
  expect(order.indexOf('model')).toBeLessThanOrEqual(2);
});

test('dead letters and strays are counted, the latest shown first', {
  timeout: 60_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await using engine = await leadingEngine(nc);
  const report = () => ask(nc, SERVICES.inspectDeadLetters, {}, deadLettersReportSchema);
  expect(await report()).toEqual({ total: 0, letters: [] });
  const bad = MAX_SHOWN_LETTERS + 40;
  for (let n = 0; n < bad; n += 10) {
    const messages = Array.from({ length: 10 }, (_, i) => {
      return { subject: `ingest.u${n + i}`, body: `broken ${n + i}` };
    });
    await publishAtomically(nc, [...messages, event(`good${n}`, 0)]);
  }
  await taken(engine, bad + bad / 10);
  const { total, letters } = await report();
  expect(total).toBe(bad);
  const jsm = await jetstreamManager(nc);
  const placed: number[] = [];
  for (const { partition, sequence } of letters) {
    const subject = `deadletter.${partition}.${sequence}`;
    const stored = await jsm.streams.getMessage(ACTORS_STREAM, { last_by_subj: subject });
    placed.push(stored?.seq ?? 0);
  }
  expect(placed).toHaveLength(MAX_SHOWN_LETTERS);
  expect(placed).toEqual(placed.toSorted((a, b) => b - a));
  expect(Buffer.from(letters[0]?.excerpt ?? '', 'base64').toString()).toMatch(/^broken 8\d$/);
  await jetstream(nc).publish('ingest.*', '{}');
  await until('the stray', async () => (await report()).total === bad + 1);
  expect((await report()).letters[0]).toMatchObject({ subject: 'ingest.*' });
});

test('the last messages of a subject are found wherever they lie in the stream', {
  timeout: 60_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const jsm = await jetstreamManager(nc);
  await jsm.streams.add({ name: 'SPARSE', subjects: ['s.>'], allow_atomic: true });
  const places = new Map<string, number[]>([
    ['s.first', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ['s.spread', Array.from({ length: 40 }, (_, i) => 20 + i * 70)],
    ['s.last', Array.from({ length: 30 }, (_, i) => 2_970 + i)],
  ]);
  const subjects = Array.from({ length: 3_000 }, () => 's.other');
  for (const [subject, at] of places) for (const n of at) subjects[n] = subject;
  const all = subjects.map((subject, n) => ({ subject, body: String(n) }));
  for (let from = 0; from < all.length; from += 500) {
    await publishAtomically(nc, all.slice(from, from + 500));
  }
  for (const [subject, at] of [...places, ['s.none', []] as const]) {
    for (const count of [1, 7, 29, 50]) {
      const found: number[] = [];
      const query = { stream: 'SPARSE', subjects: [subject], count };
      const total = await readLatest(nc, query, (message) => {
        found.push(Number(message.string()));
      });
      expect(total).toBe(at.length);
      expect(found, `${subject}, ${count}`).toEqual(at.slice(-count));
    }
  }
});
