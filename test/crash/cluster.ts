/**
 * The system under test: a nats-server, workers and coordinators as processes of their own, and
 * what can be done to them.
 *
 * Owns the processes, the connections made through it, and what is in the run's folder: store,
 * logs and passwords.
 * C1 One fault at a time for each victim: the next one waits until the victim is back.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { NatsCredentials, NatsRole } from '../../runtime/nats-server/credentials.ts';
import {
  loadOrCreateCredentials,
  serverEnvironment,
} from '../../runtime/nats-server/credentials.ts';
import {
  type EmbeddedNatsServer,
  startEmbeddedNatsServer,
} from '../../runtime/nats-server/embedded.ts';
import { provisionNatsServer } from '../../runtime/nats-server/provision.ts';
import { pause } from '../../runtime/timing.ts';
import { EngineProcess } from './engine-process.ts';
import { type PlannedFault, roleOf } from './fault-plan.ts';

/** High enough that a win costs something even without a rival, so that budgets run out. */
const RESERVE_MICROS = 50_000;

export interface ClusterOptions {
  /** Existing folder for everything that the run leaves behind. */
  readonly folder: string;
  readonly workers: number;
  readonly coordinators: number;
  readonly partitions: number;
  /** User actors that a worker keeps in memory: few, so that they come and go. */
  readonly maxResidents: number;
  /** Takes note of something that must not happen. */
  report(problem: string): void;
}

export class Cluster implements AsyncDisposable {
  readonly #credentials: NatsCredentials;
  readonly #options: ClusterOptions;
  readonly #server: EmbeddedNatsServer;
  readonly #workers: readonly EngineProcess[];
  readonly #coordinators: readonly EngineProcess[];
  /** The end of what is being done to each victim (C1). */
  readonly #busy = new Map<string, Promise<void>>();
  readonly #connections: NatsConnection[] = [];
  #serverDownUntilMs = 0;
  #isDisposed = false;

  private constructor(
    options: ClusterOptions,
    server: EmbeddedNatsServer,
    credentials: NatsCredentials,
  ) {
    this.#options = options;
    this.#server = server;
    this.#credentials = credentials;
    const env = engineEnvironment(options, server.url, credentials);
    const create = (role: 'worker' | 'coordinator', number: number): EngineProcess => {
      const name = `${role}-${number}`;
      return new EngineProcess(name, {
        role,
        env,
        logFile: join(options.folder, `${name}.log`),
        wasServerDownSince: (sinceMs) => this.#serverDownUntilMs >= sinceMs,
        report: options.report,
      });
    };
    const { workers, coordinators } = options;
    this.#workers = Array.from({ length: workers }, (_, i) => create('worker', i));
    this.#coordinators = Array.from({ length: coordinators }, (_, i) => create('coordinator', i));
  }

  /** Starts everything; resolves when all processes say that they run. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const binary = await provisionNatsServer();
    const credentials = loadOrCreateCredentials({
      env: {},
      file: join(options.folder, 'passwords.env'),
    });
    const server = await startEmbeddedNatsServer({
      binary: binary.path,
      storeDir: join(options.folder, 'store'),
      logFile: join(options.folder, 'nats-server.log'),
      port: 0,
      credentials,
      onUnexpectedExit: (error) => options.report(error.message),
    });
    const cluster = new Cluster(options, server, credentials);
    try {
      await Promise.all(cluster.#processes.map((each) => each.start()));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A connection that survives everything; closed with the cluster. */
  async connectAs(role: NatsRole): Promise<NatsConnection> {
    const nc = await connect({
      servers: this.#server.url,
      name: `crash test ${role}`,
      ...this.#credentials[role],
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
      // A stack for each of thousands of requests would cost more than the requests.
      noAsyncTraces: true,
    });
    this.#connections.push(nc);
    return nc;
  }

  /** Log files of the engine's processes. */
  get logFiles(): readonly string[] {
    const { folder } = this.#options;
    return this.#processes.map(({ name }) => join(folder, `${name}.log`));
  }

  get #processes(): readonly EngineProcess[] {
    return [...this.#coordinators, ...this.#workers];
  }

  /** Who a fault hits. */
  victimOf({ kind, victim }: PlannedFault): string {
    const role = roleOf(kind);
    return role === 'server' ? 'nats-server' : `${role}-${victim}`;
  }

  /**
   * Does what the fault says once the victim is there (C1).
   *
   * @param begun called at the moment of the fault.
   * @returns settles when the victim is back.
   */
  inflict(fault: PlannedFault, begun: () => void): Promise<void> {
    const victim = this.victimOf(fault);
    const before = this.#busy.get(victim) ?? Promise.resolve();
    const done = before.then(() => this.#inflictNow(fault, begun));
    this.#busy.set(
      victim,
      done.catch(() => {}),
    );
    return done;
  }

  async #inflictNow({ kind, victim: number, downMs }: PlannedFault, begun: () => void) {
    const group = roleOf(kind) === 'worker' ? this.#workers : this.#coordinators;
    const victim = group[number] as EngineProcess;
    begun();
    switch (kind) {
      case 'worker-kill':
      case 'coordinator-kill':
        await victim.end('SIGKILL');
        await pause(downMs);
        return victim.start();
      case 'worker-stop':
      case 'coordinator-stop':
        victim.signal('SIGSTOP');
        await pause(downMs);
        return victim.signal('SIGCONT');
      case 'worker-term':
        return this.#stopGracefully(victim, downMs);
      case 'server-kill':
        return this.#killServer(downMs);
      default:
        kind satisfies never;
    }
  }

  async #killServer(downMs: number): Promise<void> {
    this.#serverDownUntilMs = Number.POSITIVE_INFINITY;
    await this.#server.kill();
    await pause(downMs);
    if (this.#isDisposed) return;
    await this.#server.restart();
    this.#serverDownUntilMs = performance.now();
  }

  async #stopGracefully(worker: EngineProcess, downMs: number): Promise<void> {
    const startedMs = performance.now();
    const ending = await worker.end('SIGTERM');
    // Without a server nobody can give anything away; the engine then leaves it to the others.
    if (ending !== 'code 0' && this.#serverDownUntilMs < startedMs) {
      this.#options.report(`${worker.name} did not stop gracefully: ${ending}`);
    }
    await pause(downMs);
    await worker.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await Promise.allSettled(this.#connections.map((each) => each.close()));
    await Promise.all(this.#processes.map((each) => each.dispose()));
    // Nothing is started any more, but a restart that had begun has to end before the server does.
    await Promise.all(this.#busy.values());
    await this.#server.stop();
  }
}

function engineEnvironment(
  { folder, partitions, maxResidents }: ClusterOptions,
  url: string,
  credentials: NatsCredentials,
): NodeJS.ProcessEnv {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'microtarget.config.json');
  const settings = { reserve_micros: RESERVE_MICROS };
  writeFileSync(config, JSON.stringify({ partitions, max_residents: maxResidents, settings }));
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    MICROTARGET_CONFIG: config,
    MICROTARGET_NATS_URL: url,
    MICROTARGET_LOG_LEVEL: 'warn',
    ...serverEnvironment(credentials),
  };
}
