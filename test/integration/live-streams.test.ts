/**
 * Live figures as server-sent events over real sockets: who hears what, slow readers, and when a
 * stream ends.
 */
import { get, type IncomingMessage } from 'node:http';
import type { NatsConnection } from '@nats-io/transport-node';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openGateway } from '../../runtime/gateway/gateway.ts';
import { Ingest } from '../../runtime/gateway/ingest.ts';
import { BEAT_EVERY_MS, MAX_STREAMS, STALL_MAX_MS } from '../../runtime/gateway/live-streams.ts';
import { LoginFeed } from '../../runtime/gateway/login-feed.ts';
import { IDLE_MS, Operators, SWEEP_EVERY_MS } from '../../runtime/gateway/operators.ts';
import { AGE_MAX_MS } from '../../runtime/gateway/sessions.ts';
import { systemClock } from '../../runtime/ports.ts';
import { basic } from '../browser-of.ts';
import { until } from '../engine-fixture.ts';
import { startTestServer, type TestServer } from '../nats-fixture.ts';

const FEEDS = {
  'metrics.pulse': 'pulse',
  'metrics.operator': 'frame',
  'metrics.marketer': 'frame',
  'metrics.campaigns': 'campaigns',
  'metrics.model': 'model',
  'metrics.workers.w1': 'worker',
  'attribution.markov': 'attribution',
  'alerts.lag.x.1': 'alert',
} as const;

let server: TestServer;
let engine: NatsConnection;
let operators: Operators;
let gateway: FastifyInstance;
let url: string;
/** The gateway's clock stands still where it is not this machine's, and is ahead by so much. */
let aheadMs = 0;
let nowMs = Date.now;

/** Without ticking, time passes and beats and sweeps come when a test says so. */
async function start({ isTicking = true } = {}): Promise<void> {
  if (!isTicking) vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const startedAtMs = Date.now();
  nowMs = isTicking ? Date.now : () => startedAtMs + aheadMs;
  aheadMs = 0;
  operators = new Operators(() => server.url, nowMs);
  gateway = await openGateway({
    ingest: new Ingest(engine, systemClock),
    operators,
    secret: 'what gateways share',
    host: '127.0.0.1',
    port: 0,
    missing: () => [],
    clock: { nowMs },
  });
  url = gateway.listeningOrigin;
}

beforeEach(async () => {
  server = await startTestServer();
  engine = await server.connectAs('engine');
});
afterEach(async () => {
  await gateway.close();
  vi.useRealTimers();
  await server[Symbol.asyncDispose]();
});

interface Heard {
  readonly event: string;
  readonly data: string;
}

/** A reader with a socket of its own. */
class Reader {
  readonly response: IncomingMessage;
  text = '';
  isOver = false;
  constructor(response: IncomingMessage) {
    this.response = response;
    response.once('close', () => {
      this.isOver = true;
    });
    response.on('error', () => {});
  }

  read(): this {
    this.response.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
    return this;
  }

  get heard(): readonly Heard[] {
    const events = this.text.matchAll(/^event: (.*)\ndata: (.*)\n\n/gm);
    return [...events].map(([, event = '', data = '']) => ({ event, data }));
  }

  /** What it heard of an event. */
  of(event: string): readonly string[] {
    return this.heard.filter((each) => each.event === event).map(({ data }) => data);
  }
}

function open(headers: Record<string, string>): Promise<Reader> {
  return new Promise((resolve, reject) => {
    const request = get(`${url}/v1/live`, { agent: false, headers }, (response) =>
      resolve(new Reader(response)),
    );
    request.on('error', reject);
  });
}

const as = (role: 'ops' | 'viewer') => ({ authorization: basic(server.credentials[role]) });

/** The subjects that the gateway listens to for a login, as the server sees them. */
async function listenedTo(name: string): Promise<readonly string[]> {
  const sys = await server.connectAs('sys');
  const options = JSON.stringify({ subscriptions: true });
  const answer = await sys.request('$SYS.REQ.SERVER.PING.CONNZ', options, { timeout: 2_000 });
  const { connections } = answer.json<{
    data: { connections: { name: string; subscriptions_list?: string[] }[] };
  }>().data;
  await sys.close();
  return connections
    .filter((each) => each.name === `microtarget gateway for ${name}`)
    .flatMap(({ subscriptions_list = [] }) => subscriptions_list)
    .filter((subject) => !subject.startsWith('_INBOX'))
    .sort();
}

const openSockets = (): Promise<number> =>
  new Promise((resolve) => gateway.server.getConnections((_error, count) => resolve(count)));

test.each([
  ['ops', Object.keys(FEEDS).filter((subject) => subject !== 'metrics.marketer')],
  ['viewer', ['metrics.pulse', 'metrics.marketer', 'metrics.campaigns', 'attribution.markov']],
] as const)('%s hears what the login may hear, byte for byte', async (role, subjects) => {
  await start();
  const reader = (await open(as(role))).read();
  await until('the first event', () => reader.of('engine').length > 0);
  expect(reader.response.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  expect(reader.text).toMatch(/^retry: 1000\n\nevent: engine\ndata: \{"nats":"connected"\}\n\n/);
  await until('the subscriptions', async () => (await listenedTo(role)).length === subjects.length);
  const odd = (subject: string) => `{ "of":"${subject}",  "n":1e0, "text":"ä\\n" }`;
  for (const subject of Object.keys(FEEDS)) engine.publish(subject, odd(subject));
  engine.publish('metrics.pulse', '{"last":true}');
  await until('the last one', () => reader.of('pulse').includes('{"last":true}'));
  const own = reader.heard.filter(({ data }) => data.includes('"of"'));
  const wanted = subjects.map((subject) => ({
    event: FEEDS[subject as keyof typeof FEEDS],
    data: odd(subject),
  }));
  expect(own).toHaveLength(wanted.length);
  expect(own).toEqual(expect.arrayContaining(wanted));
  await until('a beat', () => reader.of('beat').length > 0);
  expect(Math.abs(JSON.parse(reader.of('beat')[0] ?? '').at_ms - nowMs())).toBeLessThan(5_000);
});

test("a viewer's feed listens to no alerts, even where the server would let it", async () => {
  await start();
  const heard: string[] = [];
  const feed = new LoginFeed({ nc: engine, rights: 'viewer' });
  feed.join({ hear: ({ event }) => void heard.push(event), end: () => {} });
  for (const subject of Object.keys(FEEDS)) engine.publish(subject, '{}');
  await engine.flush();
  await until('the figures', () => heard.includes('attribution'));
  feed.close();
  expect(heard.sort()).toEqual(['attribution', 'campaigns', 'engine', 'frame', 'pulse']);
});

test('the windows of a login share its subscriptions, which end with the last window', async () => {
  await start();
  const readers = await Promise.all(Array.from({ length: 5 }, () => open(as('ops'))));
  for (const reader of readers) reader.read();
  const wanted = Object.keys(FEEDS).filter((subject) => subject !== 'metrics.marketer');
  const subjects = wanted
    .map((each) => each.replace('workers.w1', 'workers.*').replace('alerts.lag.x.1', 'alerts.>'))
    .sort();
  await until('the subscriptions', async () => (await listenedTo('ops')).length >= subjects.length);
  expect(await listenedTo('ops')).toEqual(subjects);
  for (const reader of readers.slice(1)) reader.response.destroy();
  await until('four to be gone', async () => (await openSockets()) === 1);
  engine.publish('metrics.pulse', '{}');
  await until('the one to hear', () => readers[0]?.of('pulse').length === 1);
  expect(await listenedTo('ops')).toEqual(subjects);
  readers[0]?.response.destroy();
  await until('nobody to listen', async () => (await listenedTo('ops')).length === 0);
});

test('a reader that does not read misses old frames, no alert, and slows nobody down', async () => {
  await start();
  const [slow, fast] = [await open(as('ops')), (await open(as('ops'))).read()];
  await until('both to be there', () => fast.of('engine').length > 0);
  await until('the subscriptions', async () => (await listenedTo('ops')).length > 0);
  const FRAMES = 1_000;
  const filler = 'x'.repeat(64 * 1024);
  for (let n = 1; n <= FRAMES; n++) {
    engine.publish('metrics.pulse', JSON.stringify({ n, filler }));
    engine.publish('metrics.workers.a', JSON.stringify({ n }));
    engine.publish('metrics.workers.b', JSON.stringify({ n }));
    if (n % 100 === 0) engine.publish(`alerts.lag.x.${n}`, JSON.stringify({ n }));
    if (n % 20 === 0) await engine.flush();
  }
  const last = (data: string | undefined): number => Number(/"n":(\d+)/.exec(data ?? '')?.[1]);
  await until('the fast one to be done', () => last(fast.of('pulse').at(-1)) === FRAMES);
  slow.read();
  await until('the slow one to be up to date', () => last(slow.of('pulse').at(-1)) === FRAMES);
  const alerts = Array.from({ length: 10 }, (_, i) => (i + 1) * 100);
  for (const reader of [slow, fast]) {
    await until('the alerts', () => reader.of('alert').length === alerts.length);
    expect(reader.of('alert').map(last)).toEqual(alerts);
  }
  await until('the newest of each worker', () =>
    slow
      .of('worker')
      .slice(-2)
      .every((each) => last(each) === FRAMES),
  );
  // What the kernel's buffers took is read first; of the rest only the newest waited.
  expect(slow.of('pulse').length).toBeLessThan(FRAMES / 4);
  const order = slow.of('pulse').map(last);
  expect(order).toEqual([...order].sort((a, b) => a - b));
});

test('a reader that never reads is cut off, and one that reads is not', async () => {
  await start({ isTicking: false });
  const [dead, alive] = [await open(as('ops')), (await open(as('ops'))).read()];
  await until('both to be there', async () => (await openSockets()) === 2);
  await until('the subscriptions', async () => (await listenedTo('ops')).length > 0);
  const filler = 'x'.repeat(512 * 1024);
  for (let n = 1; n <= 40; n++) {
    engine.publish('metrics.pulse', JSON.stringify({ n, filler }));
    await engine.flush();
  }
  await until('the last frame', () => alive.of('pulse').at(-1)?.startsWith('{"n":40'));
  aheadMs = STALL_MAX_MS - 1_000;
  vi.advanceTimersByTime(BEAT_EVERY_MS);
  await until('a beat', () => alive.of('beat').length === 1);
  expect(await openSockets()).toBe(2);
  aheadMs = STALL_MAX_MS + 1_000;
  vi.advanceTimersByTime(BEAT_EVERY_MS);
  await until('one to be gone', async () => (await openSockets()) === 1);
  await until('another beat', () => alive.of('beat').length === 2);
  expect([dead.text, alive.isOver]).toEqual(['', false]);
});

test('so many streams are open at once, and one more is told to come again', async () => {
  await start();
  const readers: Reader[] = [];
  while (readers.length < MAX_STREAMS) readers.push((await open(as('viewer'))).read());
  const refused = (await open(as('viewer'))).read();
  expect(refused.response.statusCode).toBe(503);
  expect(Number(refused.response.headers['retry-after'])).toBeGreaterThan(0);
  await until('the answer', () => refused.isOver);
  expect(JSON.parse(refused.text)).toHaveProperty('hint');
  readers[0]?.response.destroy();
  await until('one that may', async () => {
    const reader = await open(as('viewer'));
    reader.response.resume();
    return reader.response.statusCode === 200;
  });
});

test('a stream ends with its session, with its login and with the gateway', async () => {
  await start({ isTicking: false });
  const { user: name, pass: password } = server.credentials.ops;
  const login = async () => {
    const body = JSON.stringify({ name, password });
    const { headers } = await fetch(`${url}/v1/session`, { method: 'POST', body });
    return { cookie: headers.getSetCookie()[0]?.split(';')[0] ?? '' };
  };
  const [first, second] = [await login(), await login()];
  const [ending, staying] = [(await open(first)).read(), (await open(second)).read()];
  await until('both to be there', () => staying.of('engine').length > 0);
  await fetch(`${url}/v1/session`, { method: 'DELETE', headers: first });
  vi.advanceTimersByTime(BEAT_EVERY_MS);
  await until('the first to end', () => ending.isOver);
  // It keeps its login in use as long as it is open.
  for (const passedMs of [IDLE_MS - 1_000, IDLE_MS - 1_000]) {
    aheadMs += passedMs;
    vi.advanceTimersByTime(BEAT_EVERY_MS);
  }
  vi.advanceTimersByTime(SWEEP_EVERY_MS);
  await until('beats', () => staying.of('beat').length > 2);
  expect(staying.isOver).toBe(false);

  vi.useRealTimers();
  const { nc } = await operators.login({ name, password });
  await nc.close();
  await until('the second to end', () => staying.isOver);

  const last = (await open(as('viewer'))).read();
  await until('the last to be there', () => last.of('engine').length > 0);
  await gateway.close();
  await until('the last to end', () => last.isOver);
});

test('a session that is over ends its stream', async () => {
  await start({ isTicking: false });
  const { user: name, pass: password } = server.credentials.viewer;
  const body = JSON.stringify({ name, password });
  const { headers } = await fetch(`${url}/v1/session`, { method: 'POST', body });
  const reader = (await open({ cookie: headers.getSetCookie()[0] ?? '' })).read();
  await until('it to be there', () => reader.of('engine').length > 0);
  aheadMs = AGE_MAX_MS + 1;
  vi.advanceTimersByTime(BEAT_EVERY_MS);
  await until('it to end', () => reader.isOver);
});

test('nobody listens without a login, nor for a page of another site', async () => {
  await start();
  const statusOf = async (headers: Record<string, string>) => {
    const { response } = (await open(headers)).read();
    return response.statusCode;
  };
  expect(await statusOf({})).toBe(401);
  expect(await statusOf({ cookie: 'microtarget_session=none' })).toBe(401);
  expect(await statusOf({ ...as('ops'), 'sec-fetch-site': 'cross-site' })).toBe(403);
});

test('says when the engine cannot be reached, and goes on when it can', async () => {
  await start();
  const reader = (await open(as('ops'))).read();
  await until('the first event', () => reader.of('engine').length > 0);
  await operators.authorize(as('viewer').authorization);
  await server.server.stop();
  await until('the loss', () => reader.of('engine').at(-1) === '{"nats":"disconnected"}');
  const late = (await open(as('viewer'))).read();
  await until(
    'one who comes late to know',
    () => late.of('engine').at(-1) === '{"nats":"disconnected"}',
  );
  await server.server.restart();
  await until('the return', () => reader.of('engine').at(-1) === '{"nats":"connected"}');
  await until('figures', async () => {
    engine.publish('metrics.pulse', '{}');
    return reader.of('pulse').length > 0 && late.of('pulse').length > 0;
  });
  expect(reader.isOver).toBe(false);
}, 40_000);
