/**
 * The engine's roles wired together: the one place where ports meet their adapters. Any mix of
 * roles runs in one process; the same roles in other processes share the work.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import type { FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import { type Config, modelsFolder } from './config.ts';
import { Coordinator } from './coordinator/coordinator.ts';
import { readModel } from './coordinator/leadership.ts';
import { openGateway } from './gateway/gateway.ts';
import { Ingest } from './gateway/ingest.ts';
import { Operators } from './gateway/operators.ts';
import { natsActorStore } from './nats/actor-store.ts';
import { natsEventLog } from './nats/event-log.ts';
import { natsMembership } from './nats/membership.ts';
import { ensureStreams } from './nats/streams.ts';
import { loadOrCreateCredentials } from './nats-server/credentials.ts';
import type { ConceptNetworkOptions } from './onnx/concept-network.ts';
import { NetworkFolder } from './onnx/network-folder.ts';
import { systemClock } from './ports.ts';
import { Worker } from './worker/worker.ts';

export type Role = 'worker' | 'coordinator' | 'gateway';

export interface Engine extends AsyncDisposable {
  readonly worker: Worker | undefined;
  readonly coordinator: Coordinator | undefined;
  readonly gateway: FastifyInstance | undefined;
  /** Drains and stops all roles, the gateway first. */
  stop(): Promise<void>;
}

/** A logger that writes JSON lines to standard error, so that standard output stays the user's. */
export function createLogger(level: Config['log_level']): Logger {
  return pino({ level, base: null }, pino.destination(2));
}

/**
 * Starts roles over a connection of the engine's account.
 *
 * @param network another way to get the ONNX runtime.
 * @throws NetworkUnavailable if a worker is to start where the model in force cannot be run.
 */
export async function startEngine(
  nc: NatsConnection,
  roles: ReadonlySet<Role>,
  config: Config,
  network: Pick<ConceptNetworkOptions, 'importRuntime'> = {},
): Promise<Engine> {
  const logger = createLogger(config.log_level);
  const { partitions } = await ensureStreams(nc, config);
  if (partitions !== config.partitions) {
    logger.warn({ partitions, configured: config.partitions }, 'the streams keep their partitions');
  }
  const networks = new NetworkFolder(modelsFolder(config), network);
  if (roles.has('worker')) {
    const model = await readModel(nc);
    if (model?.network !== undefined) await networks.load(model);
  }
  const coordinator = roles.has('coordinator')
    ? createCoordinator(nc, config, { partitions, logger, networks })
    : undefined;
  const worker = roles.has('worker')
    ? await createWorker(nc, config, { partitions, logger, networks })
    : undefined;
  // The coordinator first: settings should stand in the log before the first event does.
  await coordinator?.start();
  await worker?.start();
  const gateway = roles.has('gateway')
    ? await openGateway({
        ingest: new Ingest(nc, systemClock),
        operators: new Operators(() => nc.getServer(), systemClock.nowMs),
        secret: loadOrCreateCredentials().engine.pass,
        ...config.http,
        missing: () => missing(nc, worker),
      })
    : undefined;
  const stop = async (): Promise<void> => {
    await gateway?.close();
    await worker?.stop();
    await coordinator?.stop();
    await networks[Symbol.asyncDispose]();
  };
  return { worker, coordinator, gateway, stop, [Symbol.asyncDispose]: stop };
}

interface Shared {
  readonly partitions: number;
  readonly logger: Logger;
  readonly networks: NetworkFolder;
}

function createCoordinator(nc: NatsConnection, config: Config, shared: Shared): Coordinator {
  const { settings, marketer_min_users: marketerMinUsers, alerts } = config;
  const { webhook_url: url, webhook_secret: secret } = alerts;
  const webhook = url === undefined ? undefined : { url, secret };
  const options = { settings, marketerMinUsers, webhook, clock: systemClock };
  return new Coordinator(nc, { ...shared, ...options });
}

async function createWorker(
  nc: NatsConnection,
  config: Config,
  { partitions, logger, networks }: Shared,
): Promise<Worker> {
  return new Worker(
    {
      log: natsEventLog(nc),
      store: await natsActorStore(nc),
      bus: { send: (subject, body) => nc.publish(subject, body) },
      clock: systemClock,
      logger,
      networks,
      join: (id) => natsMembership(nc, 'worker', id),
    },
    { partitions, maxResidents: config.max_residents },
  );
}

/** What a gateway still waits for; workers in other processes are not its business. */
function missing(nc: NatsConnection, worker: Worker | undefined): string[] {
  const needs: string[] = [];
  if (nc.isClosed()) needs.push('connection to NATS');
  const idle = worker?.partitions.filter(({ isRunning }) => !isRunning) ?? [];
  if (idle.length > 0 && idle.length === worker?.partitions.length) needs.push('partitions');
  return needs;
}
