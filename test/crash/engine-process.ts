/**
 * One process of the engine as its supervisor sees it: started, started again when it could not
 * reach its server, and ended by the id of the child that was started here.
 *
 * Owns one child process and its log file.
 * P1 No child outlives this process: killed on exit, and on Linux by the kernel when this process
 *    is killed.
 * P2 A process that ends though nobody asked it to is a problem, unless it was still starting
 *    while its server was down; either way it is started again.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { withParentDeathSignal } from '../../runtime/nats-server/embedded.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';
import { pause } from '../../runtime/timing.ts';

const START_DEADLINE_MS = 90_000;
/** A supervisor's pause before it starts a process again. */
const RESTART_PAUSE_MS = 300;
/** The engine gives up a graceful stop after 25 s, whatever has happened to its server. */
const END_DEADLINE_MS = 35_000;
/** What a process says when it has started. */
const READY = /\brunning\b/;

export interface EngineProcessOptions {
  readonly role: 'worker' | 'coordinator';
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** Whether the server was away at any time since then (`performance.now()`). */
  wasServerDownSince(sinceMs: number): boolean;
  report(problem: string): void;
}

const running = new Set<ChildProcess>();
let exitHookInstalled = false;

export class EngineProcess {
  readonly name: string;
  readonly #options: EngineProcessOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<string> = Promise.resolve('never started');
  #expectsExit = false;
  #isDisposed = false;

  constructor(name: string, options: EngineProcessOptions) {
    this.name = name;
    this.#options = options;
  }

  /** Starts it, again and again like a supervisor (P2), until it says that it runs. */
  async start(): Promise<void> {
    const deadlineMs = performance.now() + START_DEADLINE_MS;
    while (!this.#isDisposed) {
      const startedMs = performance.now();
      const ending = await this.#launch();
      if (ending === undefined || this.#isDisposed) return;
      if (!this.#options.wasServerDownSince(startedMs)) {
        this.#options.report(`${this.name} did not start: ${ending}`);
      }
      if (performance.now() > deadlineMs) {
        throw new Error(`${this.name} did not start within ${START_DEADLINE_MS} ms: ${ending}`);
      }
      await pause(RESTART_PAUSE_MS);
    }
  }

  /** Sends a signal that does not end it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal);
  }

  /** Ends it; resolves when it is gone, with how: `code 0`, `SIGKILL`. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<string> {
    const child = this.#child;
    this.#expectsExit = true;
    child?.kill(signal);
    const giveUp = setTimeout(() => {
      this.#options.report(`${this.name} was still there ${END_DEADLINE_MS} ms after ${signal}`);
      child?.kill('SIGKILL');
    }, END_DEADLINE_MS);
    const ending = await this.#exited;
    clearTimeout(giveUp);
    return ending;
  }

  /** Kills it for good. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    await this.end('SIGKILL');
  }

  /** Resolves with undefined once it runs, or with how it ended before that. */
  #launch(): Promise<string | undefined> {
    const { role, env, logFile } = this.#options;
    const main = join(projectRoot(), 'dist', 'runtime', 'main.js');
    const arguments_ = ['--enable-source-maps', main, role];
    const log = openSync(logFile, 'a', 0o600);
    // Detached: Ctrl-C reaches only this process, which ends its children itself.
    const child = spawn(...withParentDeathSignal(process.execPath, arguments_), {
      detached: true,
      stdio: ['ignore', 'pipe', log],
      env,
    });
    closeSync(log);
    endWithThisProcess(child);
    this.#child = child;
    this.#expectsExit = false;
    let isReady = false;
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
    });
    void this.#exited.then((ending) => {
      if (!isReady || this.#expectsExit || this.#isDisposed) return;
      this.#options.report(`${this.name} ended by itself: ${ending}; see ${logFile}`);
      this.start().catch((error: unknown) => this.#options.report(String(error)));
    });
    return new Promise((resolve) => {
      void this.#exited.then((ending) => {
        if (!isReady) resolve(ending);
      });
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        appendFileSync(logFile, text);
        if (isReady || !READY.test(text)) return;
        isReady = true;
        resolve(undefined);
      });
    });
  }
}

function endWithThisProcess(child: ChildProcess): void {
  running.add(child);
  child.once('exit', () => running.delete(child));
  if (exitHookInstalled) return;
  exitHookInstalled = true;
  process.on('exit', () => {
    for (const each of running) each.kill('SIGKILL');
  });
}
