/** The webhook: every change of an alert reaches a receiver at least once, and signed. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ACTORS_STREAM } from '../../protocols/subjects.ts';
import {
  delayMsAfter,
  MAX_DELIVERIES,
  WEBHOOK_CONSUMER,
  Webhook,
} from '../../runtime/coordinator/webhook.ts';
import { ensureStreams } from '../../runtime/nats/streams.ts';
import { alertOf, storeAlerts } from '../alerts.ts';
import { TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

const SECRET = '0042';

interface Post {
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
  readonly path: string | undefined;
}

/** A receiver that answers as `answer` says; null leaves the request without an answer. */
async function startReceiver(answer: (post: Post, n: number) => number | null) {
  const posts: Post[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const post = { body, headers: request.headers, path: request.url };
      posts.push(post);
      const status = answer(post, posts.length);
      if (status !== null) response.writeHead(status, { location: '/elsewhere' }).end('noted');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    posts,
    url: `http://127.0.0.1:${port}/alerts`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function startStore() {
  const server = await startTestServer();
  const nc = await server.connectAs('engine');
  await ensureStreams(nc, { partitions: TEST_PARTITIONS, replicas: 1 });
  return {
    nc,
    connect: () => server.connectAs('engine'),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function post(nc: NatsConnection, url: string): Webhook {
  return new Webhook(nc, { url, secret: SECRET, logger: pino({ level: 'silent' }) });
}

/** Waits until the stream knows where the webhook stands, and how many changes it still has. */
async function waiting(nc: NatsConnection): Promise<number> {
  const jsm = await jetstreamManager(nc);
  const info = await jsm.consumers.info(ACTORS_STREAM, WEBHOOK_CONSUMER).catch(() => undefined);
  return info === undefined ? Number.NaN : info.num_ack_pending + info.num_pending;
}

test('who fails twice gets the alert a third time, from the next leader too', async () => {
  await using store = await startStore();
  const { nc } = store;
  await using receiver = await startReceiver((_post, n) => (n <= 2 ? 500 : 204));
  // What was there before anybody wanted to hear of alerts is not posted.
  await storeAlerts(nc, alertOf({ key: 'old/(all)' }));
  const alert = alertOf();
  {
    await using _first = post(nc, receiver.url);
    await until('the consumer', async () => (await waiting(nc)) === 0);
    await storeAlerts(nc, alert);
    await until('the first post', () => receiver.posts.length >= 1);
  }
  await using _second = post(nc, receiver.url);
  await until('the post that is accepted', () => receiver.posts.length >= 3);
  await until('nothing to be left', async () => (await waiting(nc)) === 0);
  expect(receiver.posts.map(({ body }) => JSON.parse(body))).toEqual([alert, alert, alert]);
  const deliveries = receiver.posts.map(({ headers }) => headers['microtarget-delivery']);
  expect(new Set(deliveries).size, 'repetitions can be told by their number').toBe(1);
  const { body, headers } = receiver.posts[2] as Post;
  expect(headers['content-type']).toBe('application/json');
  const hmac = createHmac('sha256', SECRET).update(body).digest('hex');
  expect(headers['microtarget-signature']).toBe(`sha256=${hmac}`);
});

test('what changed while nobody led is posted by the next leader', async () => {
  await using store = await startStore();
  const { nc } = store;
  await using receiver = await startReceiver(() => 200);
  {
    await using _first = post(nc, receiver.url);
    await until('the consumer', async () => (await waiting(nc)) === 0);
  }
  await storeAlerts(nc, alertOf(), alertOf({ key: 'app/(all)' }), alertOf({ status: 'resolved' }));
  await using _second = post(nc, receiver.url);
  await until('both', () => receiver.posts.length >= 2);
  await until('nothing to be left', async () => (await waiting(nc)) === 0);
  const heard = receiver.posts.map(({ body }) => JSON.parse(body));
  // Of an alert that changed twice, how it is now.
  expect(heard.map(({ key, status }) => [key, status])).toEqual([
    ['app/(all)', 'open'],
    ['web/(all)', 'resolved'],
  ]);
});

test('a leader that dies in the middle of a post leaves it to the next one', {
  timeout: 60_000,
}, async () => {
  await using store = await startStore();
  const { nc } = store;
  await using receiver = await startReceiver((_post, n) => (n === 1 ? null : 200));
  const own = await store.connect();
  await using _first = post(own, receiver.url);
  await until('the consumer', async () => (await waiting(nc)) === 0);
  await storeAlerts(nc, alertOf());
  await until('the first post', () => receiver.posts.length === 1);
  // Dying takes the connection along: nobody says how the post went.
  await own.close();
  await using _second = post(nc, receiver.url);
  await until('the second post', () => receiver.posts.length === 2, 40_000);
  await until('nothing to be left', async () => (await waiting(nc)) === 0);
});

test('nobody is sent elsewhere: an answer that points on is a failure', async () => {
  await using store = await startStore();
  const { nc } = store;
  await using receiver = await startReceiver((_post, n) => (n === 1 ? 307 : 200));
  await using _webhook = post(nc, receiver.url);
  await until('the consumer', async () => (await waiting(nc)) === 0);
  await storeAlerts(nc, alertOf());
  await until('the second post', () => receiver.posts.length >= 2);
  expect(receiver.posts.map(({ path }) => path)).toEqual(['/alerts', '/alerts']);
});

test('what no receiver takes is given up after an hour, with growing pauses', () => {
  const delays = Array.from({ length: MAX_DELIVERIES - 1 }, (_, i) => delayMsAfter(i + 1));
  expect(delays.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(Math.max(...delays)).toBe(300_000);
  const sum = delays.reduce((total, delay) => total + delay, 0);
  expect(sum / 3_600_000).toBeCloseTo(1, 0);
});
