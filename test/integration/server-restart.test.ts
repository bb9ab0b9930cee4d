/** A nats-server that is killed and comes back, and how soon a worker goes on. */
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { auditEngine } from '../../runtime/audit/audit.ts';
import { COMMIT_TIMEOUT_MS } from '../../runtime/nats/atomic-batch.ts';
import { linkOf } from '../../runtime/nats/link.ts';
import { ingestMessage } from '../../runtime/simulate/publish.ts';
import { Traffic } from '../../runtime/simulate/traffic.ts';
import type { Worker } from '../../runtime/worker/worker.ts';
import { startTestWorker, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

const RESTARTS = 3;
const FOREVER = { maxReconnectAttempts: -1, reconnectTimeWait: 100 };

test('a worker goes on soon after its server is killed and restarted', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine', FOREVER);
  const worker = await startTestWorker(nc);
  const stopping = new AbortController();
  const load = publishSteadily(nc, stopping.signal);
  for (let i = 0; i < RESTARTS; i++) {
    await moreCommits(worker, 20);
    await server.server.kill();
    await server.server.restart();
    const startedMs = performance.now();
    await moreCommits(worker, 20);
    // A commit under way at the kill would only now count as lost.
    expect(performance.now() - startedMs).toBeLessThan(COMMIT_TIMEOUT_MS);
  }
  stopping.abort();
  await load;
  await worker.stop();
  expect((await auditEngine(nc)).differences).toEqual([]);
}, 60_000);

test('a request over a broken connection does not wait for its timeout', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine', FOREVER);
  nc.subscribe('silent', { callback: () => {} });
  const link = linkOf(nc);
  const request = link.attempt(() => nc.request('silent', '', { timeout: 60_000 }));
  const refused = expect(request).rejects.toThrow('broke');
  await server.server.kill();
  await refused;
  await expect(link.attempt(async () => 'sent')).rejects.toThrow('no connection');
  const waiting = link.attempt(async () => 'sent');
  await server.server.restart();
  expect(await waiting).toBe('sent');
});

async function publishSteadily(nc: NatsConnection, signal: AbortSignal): Promise<void> {
  const traffic = new Traffic({ seed: 1, visitors: 300 });
  while (!signal.aborted) {
    const { subject, body } = ingestMessage(traffic.next(Date.now()));
    nc.publish(subject, body);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function moreCommits(worker: Worker, commits: number): Promise<true> {
  const wanted = worker.figures.commits + commits;
  return until(`${commits} more commits`, () => worker.figures.commits >= wanted && true);
}
