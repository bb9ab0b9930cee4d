/**
 * The crash test: the engine as real processes under load, killed, stopped and restarted at random
 * moments, then compared with what an outside observer knows.
 *
 * Owns the run's folder (store, logs) and every process in it; a clean run leaves nothing behind,
 * a failed one leaves its folder.
 *
 * The seed fixes what is done to whom, when, and what the visitors do. It does not fix how the
 * operating system runs the processes meanwhile: the same seed is the same experiment, not the
 * same interleaving, so a failure may take several runs to show again.
 *
 * K1 Whatever was acknowledged has its effects exactly once, and nothing else has any (I1).
 * K2 No campaign spends more than its budget (I5).
 * K3 The engine comes back from every fault without help but a restart of what was killed.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Campaign } from '../../protocols/campaign.ts';
import type { CampaignReport } from '../../protocols/campaign-services.ts';
import { pause } from '../../runtime/timing.ts';
import { applyWaves } from './campaign-waves.ts';
import {
  checkAudit,
  checkCampaigns,
  checkReceipts,
  checkTraffic,
  isUsedUp,
  waitForQuiescence,
} from './checks.ts';
import { Cluster } from './cluster.ts';
import { type FaultKind, type PlannedFault, planFaults, roleOf } from './fault-plan.ts';
import { Load, type LoadFigures } from './load.ts';
import { Observer } from './observer.ts';
import { type Fault, leaderlessMs, standstillMs } from './recovery.ts';

const WARM_UP_MS = 3_000;
/** The load goes on after the last fault, so that its recovery is seen too. */
const WIND_DOWN_MS = 8_000;
/** A victim that is not back by then is a problem of its own. */
const MAX_FAULT_MS = 120_000;
const MAX_RESIDENTS = 500;
const PULSE_EVERY_MS = 5_000;
/** Beyond the time that the victim is away, nothing may stand still for longer (K3). */
const MAX_STANDSTILL_MS = 30_000;

export interface CrashOptions {
  readonly seed: number;
  readonly faults: number;
  /** Events a second. */
  readonly rate: number;
  readonly workers: number;
  readonly coordinators: number;
  readonly partitions: number;
  readonly visitors: number;
  /** Stretches the quiet times between faults; 1 is what a thorough run takes. */
  readonly pace?: number;
  /** Leave store and logs even if all held. */
  readonly keep?: boolean;
  readonly signal?: AbortSignal;
  /** Told in one line what happens. */
  readonly report?: (line: string) => void;
}

/** A fault with what it cost. */
export interface FaultReport {
  readonly kind: FaultKind;
  readonly victim: string;
  readonly overlaps: boolean;
  /** From the beginning of the load. */
  readonly atMs: number;
  readonly downMs: number;
  /**
   * The longest that a partition stood still; for a coordinator, until another one led, and null if
   * none took over: it came back in time, or had not led.
   */
  readonly recoveryMs: number | null;
}

export interface CrashReport {
  readonly seed: number;
  readonly rate: number;
  readonly achievedRate: number;
  readonly load: LoadFigures;
  readonly acknowledged: number;
  readonly traffic: Readonly<Record<string, number>>;
  readonly faults: readonly FaultReport[];
  readonly takeovers: number;
  readonly decisionsHeard: number;
  /** Lines in the processes' logs, by their message. */
  readonly warnings: Readonly<Record<string, number>>;
  readonly campaigns: readonly CampaignReport[];
  /** Campaigns whose budget is granted and spent as far as it goes. */
  readonly usedUp: number;
  readonly audited: { readonly events: number; readonly users: number };
  readonly problems: readonly string[];
  /** Where store and logs are; undefined if they were removed. */
  readonly folder: string | undefined;
}

/** Runs one crash test to its end; whatever happens, its processes are ended. */
export async function runCrashTest(options: CrashOptions): Promise<CrashReport> {
  const folder = mkdtempSync(join(tmpdir(), 'microtarget-crash-'));
  const run = new CrashRun(options, folder);
  try {
    const report = await run.toTheEnd();
    if (report.problems.length > 0 || options.keep === true) return { ...report, folder };
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    return report;
  } catch (error) {
    if (options.signal?.aborted === true) rmSync(folder, { recursive: true, force: true });
    else options.report?.(`store and logs are in ${folder}`);
    throw error;
  }
}

class CrashRun {
  readonly #options: CrashOptions;
  readonly #folder: string;
  readonly #problems: string[] = [];
  readonly #faults: (Fault & { readonly planned: PlannedFault })[] = [];
  readonly #report: (line: string) => void;
  #startedMs = 0;

  constructor(options: CrashOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.#report = options.report ?? (() => {});
  }

  get #pace(): number {
    return this.#options.pace ?? 1;
  }

  async toTheEnd(): Promise<CrashReport> {
    const { workers, coordinators, partitions } = this.#options;
    await using cluster = await Cluster.start({
      folder: this.#folder,
      workers,
      coordinators,
      partitions,
      maxResidents: MAX_RESIDENTS,
      report: (problem) => this.#problem(problem),
    });
    const engine = await cluster.connectAs('engine');
    const ops = await cluster.connectAs('ops');
    await using observer = new Observer(engine, await cluster.connectAs('app'));
    const load = new Load(await cluster.connectAs('app'), this.#options);
    const confirmed = await this.#underLoad(cluster, load, ops);
    this.#report('load ended; waiting until the engine is at rest');
    await waitForQuiescence(ops);
    return await this.#check({ cluster, engine, ops, observer, load, confirmed });
  }

  /** Load, campaigns and faults at the same time; returns the campaigns that were confirmed. */
  async #underLoad(cluster: Cluster, load: Load, ops: NatsConnection): Promise<Campaign[]> {
    const ending = new AbortController();
    const interrupted = this.#options.signal ?? new AbortController().signal;
    const stop = (): void => ending.abort();
    interrupted.addEventListener('abort', stop, { once: true });
    this.#startedMs = Date.now();
    const loading = load.run(ending.signal);
    const pulse = this.#reportPulse(load, ending.signal);
    const waves = applyWaves(ops, this.#options.rate, ending.signal);
    // Looked at below; a rejection before that must not end the process.
    waves.catch(() => {});
    try {
      await pause(WARM_UP_MS * this.#pace, interrupted);
      await this.#inflictAll(cluster, interrupted);
      await pause(WIND_DOWN_MS * this.#pace, interrupted);
    } finally {
      ending.abort();
      interrupted.removeEventListener('abort', stop);
    }
    interrupted.throwIfAborted();
    const confirmed = await waves;
    await Promise.all([loading, pulse]);
    return confirmed;
  }

  async #reportPulse(load: Load, signal: AbortSignal): Promise<void> {
    let before = 0;
    for (;;) {
      await pause(PULSE_EVERY_MS, signal);
      if (signal.aborted) return;
      const acknowledged = load.ledger.length;
      const rate = Math.round(((acknowledged - before) / PULSE_EVERY_MS) * 1_000);
      before = acknowledged;
      const at = ((Date.now() - this.#startedMs) / 1_000).toFixed(0);
      this.#report(`${at} s  ${rate} events/s acknowledged, ${load.inFlight} in flight`);
    }
  }

  async #inflictAll(cluster: Cluster, interrupted: AbortSignal): Promise<void> {
    const { seed, faults } = this.#options;
    let goingOn: Promise<void>[] = [];
    for (const planned of planFaults(seed, faults, this.#options)) {
      if (!planned.overlaps) {
        await Promise.all(goingOn);
        goingOn = [];
      }
      await pause(planned.gapMs * this.#pace, interrupted);
      if (interrupted.aborted) return;
      goingOn.push(this.#inflict(cluster, planned));
    }
    await Promise.all(goingOn);
  }

  /** Never rejects: a victim that does not come back is a problem to report. */
  async #inflict(cluster: Cluster, planned: PlannedFault): Promise<void> {
    const victim = cluster.victimOf(planned);
    const tooLate = new AbortController();
    const fault = cluster.inflict(planned, () => {
      const atMs = Date.now();
      this.#faults.push({ kind: planned.kind, victim, atMs, planned });
      const seconds = ((atMs - this.#startedMs) / 1_000).toFixed(1);
      const overlap = planned.overlaps ? ', while the last one goes on' : '';
      this.#report(`${seconds} s  ${planned.kind} of ${victim}, ${planned.downMs} ms${overlap}`);
    });
    const deadline = pause(MAX_FAULT_MS, tooLate.signal).then(() => {
      if (!tooLate.signal.aborted) throw new Error(`not back after ${MAX_FAULT_MS} ms`);
    });
    try {
      await Promise.race([fault, deadline]);
    } catch (error) {
      this.#problem(`${planned.kind} of ${victim}: ${String(error)}`);
    }
    tooLate.abort();
    fault.catch(() => {});
  }

  async #check(subjects: {
    readonly cluster: Cluster;
    readonly engine: NatsConnection;
    readonly ops: NatsConnection;
    readonly observer: Observer;
    readonly load: Load;
    readonly confirmed: readonly Campaign[];
  }): Promise<CrashReport> {
    const { engine, ops, observer, load, cluster, confirmed } = subjects;
    const { partitions, seed, rate } = this.#options;
    const { traffic, problems: inTraffic } = await checkTraffic(engine, partitions, load);
    const decisions = traffic.decisions ?? 0;
    const inReceipts = await checkReceipts(engine, load, observer, decisions);
    const { campaigns, problems: inCampaigns } = await checkCampaigns(ops, confirmed);
    this.#report('auditing');
    const { audit, problems: inAudit } = await checkAudit(engine);
    for (const problem of [...inTraffic, ...inReceipts, ...inCampaigns, ...inAudit]) {
      this.#problem(problem);
    }
    const { figures, ledger } = load;
    return {
      seed,
      rate,
      achievedRate: ledger.length / (figures.elapsedMs / 1_000),
      load: figures,
      acknowledged: ledger.length,
      traffic,
      faults: this.#faults.map((fault) => this.#reportOf(fault, observer)),
      takeovers: observer.takeovers,
      decisionsHeard: observer.heard.size,
      warnings: warningsOf(cluster.logFiles),
      campaigns,
      usedUp: campaigns.filter(isUsedUp).length,
      audited: { events: audit.events, users: audit.users },
      problems: this.#problems,
      folder: undefined,
    };
  }

  #reportOf(fault: Fault & { readonly planned: PlannedFault }, observer: Observer): FaultReport {
    const { kind, victim, atMs, planned } = fault;
    const recoveryMs =
      roleOf(kind) === 'coordinator'
        ? leaderlessMs(fault, observer.leaderships)
        : standstillMs(fault, observer.positions);
    if (recoveryMs !== null && recoveryMs > planned.downMs + MAX_STANDSTILL_MS) {
      const seconds = ((atMs - this.#startedMs) / 1_000).toFixed(1);
      this.#problem(`${recoveryMs} ms of standstill after ${kind} of ${victim} at ${seconds} s`);
    }
    return {
      kind,
      victim,
      overlaps: planned.overlaps,
      atMs: atMs - this.#startedMs,
      downMs: planned.downMs,
      recoveryMs,
    };
  }

  #problem(problem: string): void {
    this.#problems.push(problem);
    this.#report(`PROBLEM: ${problem}`);
  }
}

/** Counts the log lines of all processes by their message. */
function warningsOf(logFiles: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const file of logFiles) {
    // A process that was killed may have written nothing, or half a line.
    if (!existsSync(file)) continue;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (!line.startsWith('{') || !line.endsWith('}')) continue;
      const { msg, problem } = JSON.parse(line) as { msg?: string; problem?: string };
      const text = problem === undefined ? (msg ?? line) : `${msg}: ${problem}`;
      const kind = text.replace(/\d+/g, 'N').slice(0, 120);
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
  }
  return counts;
}
