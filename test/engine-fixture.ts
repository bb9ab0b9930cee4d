/**
 * Workers and whole engines on a real nats-server, wired as in production.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { pino } from 'pino';
import { type Config, loadConfig, modelsFolder } from '../runtime/config.ts';
import { type Engine, type Role, startEngine } from '../runtime/engine.ts';
import { natsActorStore } from '../runtime/nats/actor-store.ts';
import { natsEventLog } from '../runtime/nats/event-log.ts';
import { natsMembership } from '../runtime/nats/membership.ts';
import { ensureStreams } from '../runtime/nats/streams.ts';
import { NetworkFolder } from '../runtime/onnx/network-folder.ts';
import { type ActorStore, systemClock } from '../runtime/ports.ts';
import { Worker } from '../runtime/worker/worker.ts';

export const TEST_PARTITIONS = 4;

const ALL_ROLES: ReadonlySet<Role> = new Set(['worker', 'coordinator', 'gateway']);

/** Starts the whole engine, or some of its roles; the gateway on a free port. */
export async function startTestEngine(
  nc: NatsConnection,
  roles: ReadonlySet<Role> = ALL_ROLES,
  changes: Partial<Config> = {},
  network: Parameters<typeof startEngine>[3] = {},
): Promise<Engine> {
  const config = loadConfig({ MICROTARGET_PARTITIONS: String(TEST_PARTITIONS) });
  const level = (process.env.LOG_LEVEL as Config['log_level']) ?? 'silent';
  const http = { host: '127.0.0.1', port: 0 };
  return startEngine(nc, roles, { ...config, http, log_level: level, ...changes }, network);
}

/** Starts a worker alone; `store` stands in for the real one where given. */
export async function startTestWorker(
  nc: NatsConnection,
  options: {
    readonly store?: (real: ActorStore) => ActorStore;
    readonly maxResidents?: number;
    readonly networks?: NetworkFolder;
    /** Says false to let the worker fall silent like a stopped process. */
    readonly isRenewing?: () => boolean;
  } = {},
): Promise<Worker> {
  const { partitions } = await ensureStreams(nc, { partitions: TEST_PARTITIONS, replicas: 1 });
  const real = await natsActorStore(nc);
  const worker = new Worker(
    {
      log: natsEventLog(nc),
      store: options.store?.(real) ?? real,
      bus: { send: (subject, body) => nc.publish(subject, body) },
      clock: systemClock,
      logger: pino({ level: process.env.LOG_LEVEL ?? 'silent' }),
      networks: options.networks ?? new NetworkFolder(modelsFolder(loadConfig({}))),
      async join(id) {
        const membership = await natsMembership(nc, 'worker', id);
        const { isRenewing = () => true } = options;
        return { ...membership, renew: async () => (isRenewing() ? membership.renew() : [id]) };
      },
    },
    { partitions, maxResidents: options.maxResidents ?? 50_000 },
  );
  await worker.start();
  return worker;
}

/** Waits for a condition, with a deadline instead of luck. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 20_000,
): Promise<T> {
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
