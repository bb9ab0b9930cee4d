/**
 * Event-to-decision latency at a fixed rate, open loop: the whole engine in this process, the
 * application in another one, as they run in production.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { campaignsReportSchema } from '../protocols/campaign-services.ts';
import { SERVICES } from '../protocols/subjects.ts';
import { ask } from '../runtime/cli/session.ts';
import { loadConfig } from '../runtime/config.ts';
import { startEngine } from '../runtime/engine.ts';
import { loadOrCreateCredentials } from '../runtime/nats-server/credentials.ts';
import { DEMO_CAMPAIGNS } from '../runtime/simulate/demo-campaigns.ts';
import { pause } from '../runtime/timing.ts';
import { percentile, spread, startBenchServer } from './setting.ts';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const SETTLE_MS = 1_500;

export interface LatencyResult {
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Decisions that never came, over all rounds. */
  readonly missing: number;
  readonly p50Ms: ReturnType<typeof spread>;
  readonly p95Ms: ReturnType<typeof spread>;
  readonly p99Ms: ReturnType<typeof spread>;
  readonly maxMs: ReturnType<typeof spread>;
}

/** Measures every event of each round; the percentiles' spread is over the rounds. */
export async function benchLatency(
  eventsPerSecond: number,
  seconds: number,
  rounds: number,
): Promise<LatencyResult> {
  const sorted: number[][] = [];
  let missing = 0;
  for (let round = 0; round < rounds; round++) {
    const { sent, latenciesMs } = await runLoad(eventsPerSecond, seconds);
    missing += sent - latenciesMs.length;
    sorted.push(latenciesMs.sort((a, b) => a - b));
  }
  const over = (share: number) => spread(sorted.map((each) => percentile(each, share)));
  return {
    eventsPerSecond,
    seconds,
    rounds,
    missing,
    p50Ms: over(0.5),
    p95Ms: over(0.95),
    p99Ms: over(0.99),
    maxMs: over(1),
  };
}

async function runLoad(
  eventsPerSecond: number,
  seconds: number,
): Promise<{ sent: number; latenciesMs: number[] }> {
  await using server = await startBenchServer();
  const config = loadConfig({ MICROTARGET_HTTP_PORT: '0' });
  await using engine = await startEngine(server.nc, new Set(['worker', 'coordinator']), config);
  while (engine.coordinator?.isLeading !== true) await pause(20);
  const campaigns = [...DEMO_CAMPAIGNS];
  await ask(server.nc, SERVICES.applyCampaigns, { campaigns, by: 'bench' }, campaignsReportSchema);
  await pause(SETTLE_MS);
  const script = fileURLToPath(new URL('./load.js', import.meta.url));
  const { app } = loadOrCreateCredentials();
  const pace = [String(eventsPerSecond), String(seconds), 'opportunities'];
  const load = [app.user, app.pass, app.inboxPrefix, ...pace];
  const { stdout } = await promisify(execFile)(process.execPath, [script, server.url, ...load], {
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  return JSON.parse(stdout) as { sent: number; latenciesMs: number[] };
}
