/**
 * What every benchmark runs on: an embedded nats-server with an empty store, and the backlog.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { connectNats } from '../runtime/nats/connection.ts';
import { ensureStreams } from '../runtime/nats/streams.ts';
import { loadOrCreateCredentials } from '../runtime/nats-server/credentials.ts';
import { startEmbeddedNatsServer } from '../runtime/nats-server/embedded.ts';
import { provisionNatsServer } from '../runtime/nats-server/provision.ts';
import { ingestMessage, publishInBulk } from '../runtime/simulate/publish.ts';
import { Traffic } from '../runtime/simulate/traffic.ts';

export const PARTITIONS = 8;
/** Visitors active at any time; those who leave are replaced. */
const VISITORS = 10_000;
const SEED = 1;

export interface BenchServer extends AsyncDisposable {
  readonly url: string;
  readonly nc: NatsConnection;
}

/** Starts a server with empty streams. */
export async function startBenchServer(): Promise<BenchServer> {
  const binary = await provisionNatsServer({ report: () => {} });
  const storeDir = mkdtempSync(join(tmpdir(), 'microtarget-bench-'));
  const credentials = loadOrCreateCredentials();
  const server = await startEmbeddedNatsServer({
    binary: binary.path,
    storeDir,
    port: 0,
    credentials,
  });
  const nc = await connectNats({ url: server.url, name: 'bench', ...credentials.engine });
  await ensureStreams(nc, { partitions: PARTITIONS, replicas: 1 });
  return {
    url: server.url,
    nc,
    async [Symbol.asyncDispose]() {
      await nc.close();
      await server.stop();
      rmSync(storeDir, { recursive: true, force: true });
    },
  };
}

/** Stores a backlog of simulated shoppers' events, a millisecond apart. */
export async function storeBacklog(nc: NatsConnection, events: number): Promise<void> {
  const traffic = new Traffic({ seed: SEED, visitors: VISITORS });
  const startMs = Date.now() - events - 60_000;
  function* messages() {
    for (let i = 0; i < events; i++) yield ingestMessage(traffic.next(startMs + i));
  }
  await publishInBulk(nc, messages());
}

/** The middle value, and how far the others lie from it. */
export function spread(values: readonly number[]): {
  readonly median: number;
  readonly min: number;
  readonly max: number;
} {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (i: number): number => sorted[i] ?? Number.NaN;
  return { median: at(Math.floor(sorted.length / 2)), min: at(0), max: at(sorted.length - 1) };
}

/** The value below which a share of the sorted samples lies. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
