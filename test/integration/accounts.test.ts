/**
 * What nats.conf lets through between the accounts, and what it keeps out.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import { Svcm } from '@nats-io/services';
import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { SERVICES } from '../../protocols/subjects.ts';
import { ensureStreams } from '../../runtime/nats/streams.ts';
import { startTestServer, type TestServer } from '../nats-fixture.ts';

const ANSWER_MS = 1_000;

async function countMessages(engine: NatsConnection, stream: string): Promise<number> {
  const { streams } = await jetstreamManager(engine);
  return (await streams.info(stream)).state.messages;
}

async function connectEngineAndApp(
  server: TestServer,
): Promise<{ readonly engine: NatsConnection; readonly app: NatsConnection }> {
  const engine = await server.connectAs('engine');
  await ensureStreams(engine, { partitions: 8, replicas: 1 });
  return { engine, app: await server.connectAs('app') };
}

/** Notes the subjects of all that a client receives on a subject from now on. */
function listen(client: NatsConnection, subject: string): { readonly subjects: string[] } {
  const subjects: string[] = [];
  const note = (message: Msg): void => void subjects.push(message.subject);
  client.subscribe(subject, { callback: (_error, message) => note(message) });
  return { subjects };
}

test('an event of an app is stored in its partition and acknowledged to the app', async () => {
  await using server = await startTestServer();
  const { engine, app } = await connectEngineAndApp(server);

  const answer = await app.request('ingest.u1', '{"n":1}', { timeout: ANSWER_MS });

  expect(answer.json()).toEqual({ stream: 'EVENTS', seq: 1 });
  const { streams } = await jetstreamManager(engine);
  const stored = await streams.getMessage('EVENTS', { seq: 1 });
  expect(stored?.subject).toMatch(/^events\.[0-7]\.u1$/);
  expect(stored?.string()).toBe('{"n":1}');
});

test('an app cannot write state, not even through the reply subject of an event', async () => {
  await using server = await startTestServer();
  const { engine, app } = await connectEngineAndApp(server);
  const written = listen(engine, 'state.>');

  app.publish('state.0.user.u1', 'forged');
  app.publish('ingest.u1', '{}', { reply: 'state.0.checkpoint' });
  await app.flush();
  await expect.poll(() => countMessages(engine, 'EVENTS')).toBe(1);

  expect(await countMessages(engine, 'ACTORS')).toBe(0);
  expect(written.subjects).toEqual([]);
});

test('an app can neither wipe nor schedule anything in the event log with headers', async () => {
  await using server = await startTestServer();
  const { engine, app } = await connectEngineAndApp(server);
  await app.request('ingest.u1', '{}', { timeout: ANSWER_MS });

  const attempts: readonly (readonly [name: string, value: string])[] = [
    ['Nats-Rollup', 'all'],
    ['Nats-Rollup', 'sub'],
    ['Nats-Schedule', '@every 1s'],
    ['Nats-TTL', '1s'],
  ];
  for (const [name, value] of attempts) {
    const hostile = headers();
    hostile.set(name, value);
    hostile.set('Nats-Schedule-Target', 'ingest.u2');
    const answer = await app.request('ingest.u1', '{}', { headers: hostile, timeout: ANSWER_MS });
    expect(answer.json(), `${name}: ${value}`).toHaveProperty('error');
  }

  expect(await countMessages(engine, 'EVENTS')).toBe(1);
});

test.each(['state.>', 'out.>', 'events.>', '_INBOX_engine.>', '_INBOX.>', '$JS.>', '>'])(
  'an app may not listen to %s',
  async (subject) => {
    await using server = await startTestServer();
    const app = await server.connectAs('app');
    const refused = new Promise<string>((resolve) => {
      app.subscribe(subject, { callback: (error) => resolve(error?.message ?? 'a message') });
    });
    await app.flush();
    expect(await refused).toMatch(/permissions violation/i);
  },
);

test.each([
  ...['$JS.API.STREAM.LIST', '$JS.API.STREAM.PURGE.EVENTS'],
  ...['inspect.user', 'campaigns.put', 'model.apply'],
])('an app gets no answer from %s', async (subject) => {
  await using server = await startTestServer();
  const { engine, app } = await connectEngineAndApp(server);
  const asked = listen(engine, subject);
  await expect(app.request(subject, '{}', { timeout: ANSWER_MS })).rejects.toThrow(/permission/i);
  await engine.flush();
  expect(asked.subjects).toEqual([]);
});

test('an app receives the decisions that were stored, by user', async () => {
  await using server = await startTestServer();
  const { engine, app } = await connectEngineAndApp(server);
  const own = listen(app, 'decisions.u1');
  const all = listen(app, 'decisions.*');
  await app.flush();

  await engine.request('out.decisions.u1', '{}', { timeout: ANSWER_MS });
  await engine.request('out.decisions.u2', '{}', { timeout: ANSWER_MS });

  await expect.poll(() => all.subjects).toEqual(['decisions.u1', 'decisions.u2']);
  expect(own.subjects).toEqual(['decisions.u1']);
});

test('an operator asks the services of the engine and discovers every instance', async () => {
  await using server = await startTestServer();
  const engine = await server.connectAs('engine');
  const ops = await server.connectAs('ops');
  for (const metadata of [{ worker: '1' }, { worker: '2' }]) {
    const service = await new Svcm(engine).add({ name: 'inspect', version: '1.0.0', metadata });
    service.addEndpoint('user', {
      subject: 'inspect.user',
      handler: (_error, message) => void message.respond('known'),
    });
  }
  await engine.flush();

  expect((await ops.request('inspect.user', 'u1', { timeout: ANSWER_MS })).string()).toBe('known');
  const found = new Set<string>();
  for await (const instance of await new Svcm(ops).client().ping()) found.add(instance.id);
  expect(found.size).toBe(2);
});

test('an operator sees live figures, but touches no stream and sends no event', async () => {
  await using server = await startTestServer();
  const engine = await server.connectAs('engine');
  await ensureStreams(engine, { partitions: 8, replicas: 1 });
  const ops = await server.connectAs('ops');
  const seen = ['metrics.>', 'alerts.>', 'attribution.>'].map((subject) => listen(ops, subject));
  await ops.flush();
  for (const subject of ['metrics.lag', 'alerts.spend', 'attribution.markov']) {
    engine.publish(subject, '{}');
  }
  await expect
    .poll(() => seen.flatMap((each) => each.subjects))
    .toEqual(['metrics.lag', 'alerts.spend', 'attribution.markov']);

  for (const subject of ['ingest.u1', 'state.0.user.u1', '$JS.API.STREAM.LIST']) {
    await expect(ops.request(subject, '{}', { timeout: ANSWER_MS })).rejects.toThrow(/permission/i);
  }
});

const VIEWERS_FEEDS = [
  ...['metrics.marketer', 'metrics.pulse', 'metrics.campaigns'],
  'attribution.markov',
];
const VIEWERS_QUESTIONS = [
  ...['inspect.live.marketer', 'inspect.alerts.marketer', 'inspect.attribution'],
  ...['inspect.campaigns', 'inspect.campaign'],
];

test("a viewer hears marketers' figures and asks for them", async () => {
  await using server = await startTestServer();
  const engine = await server.connectAs('engine');
  const viewer = await server.connectAs('viewer');
  const service = await new Svcm(engine).add({ name: 'inspect', version: '1.0.0' });
  for (const subject of VIEWERS_QUESTIONS) {
    const handler = (_error: unknown, message: Msg): void => void message.respond(subject);
    service.addEndpoint(subject.replaceAll('.', '-'), { subject, handler });
  }
  const heard = VIEWERS_FEEDS.map((subject) => listen(viewer, subject));
  await Promise.all([viewer.flush(), engine.flush()]);

  for (const subject of VIEWERS_FEEDS) engine.publish(subject, '{}');
  await expect.poll(() => heard.flatMap(({ subjects }) => subjects)).toEqual(VIEWERS_FEEDS);
  for (const subject of VIEWERS_QUESTIONS) {
    expect((await viewer.request(subject, '{}', { timeout: ANSWER_MS })).string()).toBe(subject);
  }
});

test.each([
  ...['metrics.operator', 'metrics.workers.*', 'metrics.model', 'metrics.>', 'decisions.*'],
  ...['alerts.>', 'alerts.lag.x.1', '_INBOX_ops.>', '_INBOX.>', 'state.>', '$JS.>', '>'],
])('a viewer may not listen to %s', async (subject) => {
  await using server = await startTestServer();
  const viewer = await server.connectAs('viewer');
  const refused = new Promise<string>((resolve) => {
    viewer.subscribe(subject, { callback: (error) => resolve(error?.message ?? 'a message') });
  });
  await viewer.flush();
  expect(await refused).toMatch(/permissions violation/i);
});

test('a viewer asks for no single user and not for all alerts, and changes nothing', async () => {
  await using server = await startTestServer();
  const engine = await server.connectAs('engine');
  const viewer = await server.connectAs('viewer');
  const { inspectMarketerLive, inspectMarketerAlerts, inspectAttribution, ...others } = SERVICES;
  const { inspectCampaigns, inspectCampaign, ...forbidden } = others;
  const subjects = [...Object.values(forbidden), '$SRV.PING', 'ingest.u1', '$JS.API.STREAM.LIST'];
  const asked = listen(engine, '>');
  for (const subject of subjects) {
    const answer = viewer.request(subject, '{}', { timeout: ANSWER_MS });
    await expect(answer, subject).rejects.toThrow(/permission/i);
  }
  await engine.flush();
  expect(asked.subjects.filter((subject) => subjects.includes(subject))).toEqual([]);
});

test('an operator acknowledges alerts', async () => {
  await using server = await startTestServer();
  const engine = await server.connectAs('engine');
  const ops = await server.connectAs('ops');
  engine.subscribe(SERVICES.acknowledgeAlert, {
    callback: (_error, message) => void message.respond(),
  });
  await engine.flush();
  await ops.request(SERVICES.acknowledgeAlert, '{}', { timeout: ANSWER_MS });
});

test('nobody connects without a password', async () => {
  await using server = await startTestServer();
  await expect(server.connectAs('app', { pass: 'wrong-password' })).rejects.toThrow(/authoriz/i);
});
