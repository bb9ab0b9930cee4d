/**
 * From an event to the figure on the page: the whole engine in this process, the application in
 * another one, the dashboard in a real browser.
 *
 * Every event raises the page's count of events by one, so event k has arrived when the page shows
 * k or more: in the first frame that the browser painted with it. Both clocks are this machine's.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { campaignsReportSchema } from '../protocols/campaign-services.ts';
import { SERVICES } from '../protocols/subjects.ts';
import { ask } from '../runtime/cli/session.ts';
import { loadConfig } from '../runtime/config.ts';
import { startEngine } from '../runtime/engine.ts';
import { loadOrCreateCredentials } from '../runtime/nats-server/credentials.ts';
import { DEMO_CAMPAIGNS } from '../runtime/simulate/demo-campaigns.ts';
import { pause } from '../runtime/timing.ts';
import { startChromium } from '../test/browser/chromium.ts';
import { percentile, spread, startBenchServer } from './setting.ts';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const SETTLE_MS = 3_000;
/** Not measured: what runs for the first time is compiled first. */
const WARM_UP_S = 5;

export interface DashboardResult {
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Events that the page never showed. */
  readonly missing: number;
  /** Frames a second in which the figure changed. */
  readonly framesPerSecond: ReturnType<typeof spread>;
  readonly p50Ms: ReturnType<typeof spread>;
  readonly p99Ms: ReturnType<typeof spread>;
  readonly maxMs: ReturnType<typeof spread>;
}

/** Measures every event of each round; the percentiles' spread is over the rounds. */
export async function benchDashboard(
  eventsPerSecond: number,
  seconds: number,
  rounds: number,
): Promise<DashboardResult> {
  const sorted: number[][] = [];
  const frames: number[] = [];
  let missing = 0;
  for (let round = 0; round < rounds; round++) {
    const { sent, latenciesMs, painted } = await runRound(eventsPerSecond, seconds);
    missing += sent - latenciesMs.length;
    frames.push(painted / seconds);
    sorted.push(latenciesMs.sort((a, b) => a - b));
  }
  const over = (share: number) => spread(sorted.map((each) => percentile(each, share)));
  const framesPerSecond = spread(frames);
  const [p50Ms, p99Ms, maxMs] = [over(0.5), over(0.99), over(1)];
  return { eventsPerSecond, seconds, rounds, missing, framesPerSecond, p50Ms, p99Ms, maxMs };
}

interface Round {
  readonly sent: number;
  readonly latenciesMs: number[];
  readonly painted: number;
}

async function runRound(eventsPerSecond: number, seconds: number): Promise<Round> {
  await using server = await startBenchServer();
  await using chromium = await startChromium();
  const config = loadConfig({ MICROTARGET_HTTP_PORT: '0' });
  await using engine = await startEngine(
    server.nc,
    new Set(['worker', 'coordinator', 'gateway']),
    config,
  );
  while (engine.coordinator?.isLeading !== true) await pause(20);
  const campaigns = [...DEMO_CAMPAIGNS];
  await ask(server.nc, SERVICES.applyCampaigns, { campaigns, by: 'bench' }, campaignsReportSchema);
  const page = await chromium.browser.newPage();
  await openDashboard(page, engine.gateway?.listeningOrigin ?? '');
  await watchEvents(page);
  await pause(SETTLE_MS);
  const script = fileURLToPath(new URL('./load.js', import.meta.url));
  const { app } = loadOrCreateCredentials();
  const pace = [String(eventsPerSecond), String(WARM_UP_S + seconds), 'shop'];
  const load = [app.user, app.pass, app.inboxPrefix, ...pace];
  const { stdout } = await promisify(execFile)(process.execPath, [script, server.url, ...load], {
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const { sent, startedAtMs } = JSON.parse(stdout) as { sent: number; startedAtMs: number };
  const painted = await paintedCounts(page);
  const warmUp = WARM_UP_S * eventsPerSecond;
  const latenciesMs = latenciesOf(painted, sent, startedAtMs, eventsPerSecond).slice(warmUp);
  const measured = painted.filter(([, count]) => count > warmUp);
  return { sent: sent - warmUp, latenciesMs, painted: measured.length };
}

/** Logs in with the form, as an operator does. */
async function openDashboard(page: Page, origin: string): Promise<void> {
  const { ops } = loadOrCreateCredentials();
  await page.goto(origin);
  await page.getByLabel('Name').fill(ops.user);
  await page.getByLabel('Password').fill(ops.pass);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByTestId('figure-events').waitFor();
}

/** Notes each painted count of events with its time. */
async function watchEvents(page: Page): Promise<void> {
  await page.evaluate(`(() => {
    const painted = (globalThis.paintedCounts = []);
    const look = () => {
      const text = document.querySelector('[data-testid=figure-events]')?.textContent ?? '';
      const count = Number(text.replace(/\\D/g, ''));
      if (count > (painted.at(-1)?.[1] ?? 0)) painted.push([Date.now(), count]);
      requestAnimationFrame(look);
    };
    look();
  })()`);
}

type PaintedCount = readonly [atMs: number, count: number];

async function paintedCounts(page: Page): Promise<readonly PaintedCount[]> {
  await pause(SETTLE_MS);
  return page.evaluate<readonly PaintedCount[]>('paintedCounts');
}

/** The k-th event, due at its place of the open loop, is shown by the first count of at least k. */
function latenciesOf(
  painted: readonly PaintedCount[],
  sent: number,
  startedAtMs: number,
  eventsPerSecond: number,
): number[] {
  const latenciesMs: number[] = [];
  let event = 0;
  for (const [atMs, count] of painted) {
    for (; event < Math.min(sent, count); event++) {
      latenciesMs.push(atMs - (startedAtMs + (event * 1_000) / eventsPerSecond));
    }
  }
  return latenciesMs;
}
