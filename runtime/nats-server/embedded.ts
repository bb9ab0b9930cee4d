/**
 * Runs nats-server with the project's nats.conf as a child of this process.
 *
 * Owns one child process and, while it runs, one store folder.
 * N1 A child never outlives this process: stopped on exit, and on Linux by the kernel when this
 *    process is killed.
 * N2 A store folder has one server. nats-server itself opens a store that another one has open,
 *    and opens it before it finds its port taken, so both are checked before it is started.
 * N3 A process is ended only by the id of the child that was started here.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { delimiter, join, resolve as resolvePath } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { projectRoot } from '../setup/project-root.ts';
import { type NatsCredentials, serverEnvironment } from './credentials.ts';
import { isPortFree, randomFreePort, readServerName } from './port.ts';
import { storeOwner } from './store-owner.ts';

const HOST = '127.0.0.1';
const READY_POLL_MS = 20;
const READY_DEADLINE_MS = 60_000;
const RELEASE_DEADLINE_MS = 5_000;
const STOP_DEADLINE_MS = 10_000;
const LOG_TAIL_LINES = 8;

/** How to run the server. */
export interface EmbeddedNatsOptions {
  /** Path of a nats-server that `provisionNatsServer` found fit. */
  readonly binary: string;
  /** Folder for JetStream's files, made when missing; kept after the stop. */
  readonly storeDir: string;
  /** 1 to 65535; 0 or -1 takes a free one. Default 4222. */
  readonly port?: number;
  readonly credentials: NatsCredentials;
  /** Default `nats-server.log` in the store folder; appended to. */
  readonly logFile?: string;
  /** Called when the server ends though nobody here stopped it. */
  readonly onUnexpectedExit?: (error: NatsServerStartError) => void;
}

/** A running server; `await using` stops it. */
export interface EmbeddedNatsServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** The child's process id; undefined while it is stopped. */
  readonly pid: number | undefined;
  /** SIGTERM, then SIGKILL after 10 s; resolves when the process is gone. */
  stop(): Promise<void>;
  /** SIGKILL: what a crash looks like. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** Stops it when it runs, then starts it on the same port and store. */
  restart(): Promise<void>;
}

/** The server could not be started, or ended by itself; the message says why and what to do. */
export class NatsServerStartError extends Error {
  override readonly name = 'NatsServerStartError';
  readonly retryable = false;
}

/**
 * Starts nats-server and resolves when it accepts connections.
 * Throws `NatsServerStartError` when the port or the store is taken, the server refuses its
 * configuration, or it is not ready within 60 s.
 */
export async function startEmbeddedNatsServer(
  options: EmbeddedNatsOptions,
): Promise<EmbeddedNatsServer> {
  const wanted = options.port ?? 4222;
  const server = new ChildServer(options, wanted > 0 ? wanted : await randomFreePort(HOST));
  await server.start();
  return server;
}

const running = new Set<ChildProcess>();
let exitHookInstalled = false;

function endWithThisProcess(child: ChildProcess): void {
  running.add(child);
  child.once('exit', () => running.delete(child));
  if (exitHookInstalled) return;
  exitHookInstalled = true;
  process.on('exit', () => {
    for (const each of running) each.kill('SIGTERM');
  });
}

class ChildServer implements EmbeddedNatsServer {
  readonly port: number;
  readonly url: string;
  readonly #options: EmbeddedNatsOptions;
  readonly #logFile: string;
  readonly #pidFile: string;
  #child: ChildProcess | undefined;
  #isReady = false;
  #logStartBytes = 0;
  #exited: Promise<void> = Promise.resolve();

  constructor(options: EmbeddedNatsOptions, port: number) {
    this.#options = options;
    this.port = port;
    this.url = `nats://${HOST}:${port}`;
    this.#logFile = options.logFile ?? join(options.storeDir, 'nats-server.log');
    this.#pidFile = resolvePath(options.storeDir, 'nats-server.pid');
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const { storeDir, binary, credentials } = this.#options;
    mkdirSync(storeDir, { recursive: true });
    await this.#waitUntilReleased();
    const name = `microtarget-${randomBytes(6).toString('hex')}`;
    const log = openSync(this.#logFile, 'a', 0o600);
    this.#logStartBytes = fstatSync(log).size;
    const arguments_ = [
      ...['-c', join(projectRoot(), 'nats.conf'), '-a', HOST, '-p', String(this.port)],
      ...['-sd', storeDir, '-P', this.#pidFile, '--name', name],
    ];
    // Detached: Ctrl-C reaches only this process, which drains before it stops the server.
    const child = spawn(...withParentDeathSignal(binary, arguments_), {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...serverEnvironment(credentials) },
    });
    closeSync(log);
    this.#adopt(child);
    await this.#waitUntilReady(child, name);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    child?.kill('SIGTERM');
    const timer = setTimeout(() => child?.kill('SIGKILL'), STOP_DEADLINE_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    child?.kill('SIGKILL');
    await this.#exited;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #adopt(child: ChildProcess): void {
    this.#child = child;
    this.#isReady = false;
    endWithThisProcess(child);
    this.#exited = new Promise((resolve) => {
      // The binary could not be run at all; there is no exit event then.
      child.once('error', () => {
        this.#child = undefined;
        resolve();
      });
      child.once('exit', () => resolve());
    });
    child.once('exit', (code, signal) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (!this.#isReady) return;
      const how = signal ?? `code ${code}`;
      this.#options.onUnexpectedExit?.(this.#failure(`nats-server ended by itself (${how})`));
    });
  }

  /** Waits for a predecessor that is still shutting down; refuses when it stays (N2). */
  async #waitUntilReleased(): Promise<void> {
    const deadline = Date.now() + RELEASE_DEADLINE_MS;
    for (;;) {
      const owner = storeOwner(this.#pidFile);
      if (owner === undefined && (await isPortFree(HOST, this.port))) return;
      // Only a predecessor on this store is worth waiting for; a stranger on the port stays.
      if (owner === undefined || Date.now() > deadline) {
        throw owner === undefined ? portTaken(this.port) : this.#storeTaken(owner);
      }
      await delay(READY_POLL_MS);
    }
  }

  async #waitUntilReady(child: ChildProcess, name: string): Promise<void> {
    const deadline = Date.now() + READY_DEADLINE_MS;
    while ((await readServerName(HOST, this.port)) !== name) {
      if (this.#child !== child) {
        throw this.#failure(`nats-server did not start on port ${this.port}`);
      }
      if (Date.now() > deadline) {
        await this.kill();
        throw this.#failure(`nats-server was not ready within ${READY_DEADLINE_MS} ms`);
      }
      await delay(READY_POLL_MS);
    }
    this.#isReady = true;
  }

  #storeTaken(pid: number): NatsServerStartError {
    return new NatsServerStartError(
      `Expected the store ${this.#options.storeDir} to be free, found nats-server process ${pid} ` +
        `in it. Another microtarget runs here: use it, or stop it first (kill ${pid}).`,
    );
  }

  #failure(what: string): NatsServerStartError {
    const written = readFileSync(this.#logFile).subarray(this.#logStartBytes).toString('utf8');
    const tail = written.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n  ');
    return new NatsServerStartError(`${what}. Its last words, from ${this.#logFile}:\n  ${tail}`);
  }
}

/**
 * A command that the kernel ends when this process is killed, where util-linux offers it (N1).
 * setpriv replaces itself by the program, so the child's process id is the program's.
 */
export function withParentDeathSignal(
  binary: string,
  arguments_: readonly string[],
): [command: string, arguments_: string[]] {
  const folders = process.platform === 'linux' ? (process.env.PATH ?? '').split(delimiter) : [];
  const setpriv = folders
    .map((folder) => join(folder, 'setpriv'))
    .find((candidate) => existsSync(candidate));
  if (setpriv === undefined) return [binary, [...arguments_]];
  return [setpriv, ['--pdeathsig', 'TERM', '--', binary, ...arguments_]];
}

function portTaken(port: number): NatsServerStartError {
  return new NatsServerStartError(
    `Expected port ${port} on ${HOST} to be free, found it taken. Choose another one with ` +
      '--nats-port, or set MICROTARGET_NATS_URL to use the NATS server that runs there.',
  );
}
