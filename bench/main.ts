/**
 * Benchmarks: figures of this machine, with their spread. `npm run bench -- --only NAME --json`.
 *
 * What is not measured: several machines, replicas, TLS, power loss, traffic other than the
 * simulated shoppers'.
 */
import { cpus } from 'node:os';
import { Command, Option } from 'commander';
import { type AttributionResult, benchAttribution } from './attribution.ts';
import { type AuctionFigures, benchAuction } from './auction.ts';
import { benchDashboard, type DashboardResult } from './dashboard.ts';
import { benchLatency, type LatencyResult } from './latency.ts';
import { benchPipeline, type PipelineResult } from './pipeline.ts';
import { BATCH, benchScoring, type ScoringResult } from './scoring.ts';

const BACKLOG_EVENTS = 100_000;
const LATENCY_RATE = 1_000;
const LATENCY_SECONDS = 10;

interface Options {
  readonly only?: 'pipeline' | 'latency' | 'dashboard' | 'attribution' | 'auction' | 'scoring';
  readonly rounds: string;
  readonly json?: boolean;
}

const options = new Command('bench')
  .addOption(
    new Option('--only <name>', 'one benchmark').choices([
      'pipeline',
      'latency',
      'dashboard',
      'attribution',
      'auction',
      'scoring',
    ]),
  )
  .option('--rounds <n>', 'how often each is run', '3')
  .option('--json', 'print JSON')
  .parse()
  .opts<Options>();
const rounds = Math.max(1, Math.min(20, Number(options.rounds) || 3));
const isWanted = (name: string): boolean => options.only === undefined || options.only === name;

const pipeline = isWanted('pipeline') ? await benchPipeline(BACKLOG_EVENTS, rounds) : undefined;
const latency = isWanted('latency')
  ? await benchLatency(LATENCY_RATE, LATENCY_SECONDS, rounds)
  : undefined;
const dashboard = isWanted('dashboard')
  ? await benchDashboard(LATENCY_RATE, LATENCY_SECONDS, rounds)
  : undefined;
const attribution = isWanted('attribution') ? await benchAttribution(rounds) : undefined;
const auction = isWanted('auction') ? benchAuction() : undefined;
const scoring = isWanted('scoring') ? benchScoring(rounds) : undefined;
const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version };

if (options.json === true) {
  const figures = { pipeline, latency, dashboard, attribution, auction, scoring };
  print(JSON.stringify({ machine, ...figures }, null, 2));
} else {
  print(`${machine.cores} x ${machine.cpu}, Node ${machine.node}; median of ${rounds} (min … max)`);
  if (pipeline !== undefined) printPipeline(pipeline);
  if (latency !== undefined) printLatency(latency);
  if (dashboard !== undefined) printDashboard(dashboard);
  if (attribution !== undefined) printAttribution(attribution);
  if (auction !== undefined) printAuction(auction);
  if (scoring !== undefined) printScoring(scoring);
}

function printPipeline(result: PipelineResult): void {
  print(`\npipeline: ${result.events} events from a backlog, worker and nats-server`);
  print(`  events/s            ${show(result.eventsPerSecond, 0)}`);
  print(`  ceiling events/s    ${show(result.ceilingEventsPerSecond, 0)}`);
  print(`  ratio               ${show(result.ratio, 2)}`);
  print(`  events per commit   ${result.eventsPerCommit.toFixed(0)}`);
  print(`  commit              ${result.commitMs.toFixed(1)} ms`);
  print(`  apply               ${result.applyMicrosPerEvent.toFixed(1)} µs an event`);
  print(`  worker's CPU        ${result.cpuMicrosPerEvent.toFixed(1)} µs an event, all threads`);
}

function printLatency(result: LatencyResult): void {
  print(`\nlatency: event to decision at ${result.eventsPerSecond} events/s, open loop`);
  print(`  p50   ${show(result.p50Ms, 1)} ms`);
  print(`  p95   ${show(result.p95Ms, 1)} ms`);
  print(`  p99   ${show(result.p99Ms, 1)} ms`);
  print(`  max   ${show(result.maxMs, 1)} ms`);
  print(`  decisions missing: ${result.missing}`);
}

function printDashboard(result: DashboardResult): void {
  print(
    `\ndashboard: event to painted figure at ${result.eventsPerSecond} events/s, a real browser`,
  );
  print(`  p50   ${show(result.p50Ms, 0)} ms`);
  print(`  p99   ${show(result.p99Ms, 0)} ms`);
  print(`  max   ${show(result.maxMs, 0)} ms`);
  print(`  frames/s with a new figure: ${show(result.framesPerSecond, 1)}`);
  print(`  events never shown: ${result.missing}`);
}

function printAttribution({ paths, channels, order3, events }: AttributionResult): void {
  print(`\nattribution: ${paths.rows} rows of paths, from the file`);
  print(`  Markov order 1          ${show(paths.order1Ms, 1)} ms`);
  print(`  all models              ${show(paths.allModelsMs, 1)} ms`);
  print(`  ${ofReference(paths)}`);
  print('attribution: all removal effects, conversions and value, of order 1');
  for (const each of channels) {
    print(`  ${each.channels} channels, from counts  ${show(each.solveMs, 3)} ms`);
    print(`    with counting ${each.distinctPaths} paths  ${show(each.countAndSolveMs, 2)} ms`);
  }
  print(`  order 3, ${order3.states} states  ${show(order3.ms, 1)} ms`);
  print(`attribution: ${events.rows} rows of touches from the file, all models`);
  print(`  rows/s                  ${show(events.rowsPerSecond, 0)}`);
  print(`  memory                  ${events.rssMb.toFixed(0)} MB resident`);
}

function printAuction(figures: readonly AuctionFigures[]): void {
  print('\nauction: eligibility, quality and price of one decision');
  for (const { campaigns, eligible, p50Ms, p99Ms, bytes } of figures) {
    const allocated = `, ${(bytes / 1_024).toFixed(0)} kB allocated`;
    const times = `p50 ${p50Ms.toFixed(3)} ms, p99 ${p99Ms.toFixed(3)} ms`;
    print(`  ${campaigns} campaigns, ${eligible} of them eligible: ${times}${allocated}`);
  }
}

function printScoring({ featureMicros, scoreMicros, explainMicros, stages }: ScoringResult): void {
  print('\nscoring: one user of simulated traffic');
  print(`  features of an event    ${show(featureMicros, 2)} µs`);
  print(`  a user, in batches of ${BATCH}  ${show(scoreMicros, 2)} µs`);
  print(`  a receipt's explanation ${show(explainMicros, 1)} µs`);
  for (const { name, p50Ms, p99Ms, maxMs } of stages) {
    const times = [p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(4));
    print(`  stage ${name.padEnd(9)} p50 ${times[0]} ms, p99 ${times[1]} ms, max ${times[2]} ms`);
  }
}

function ofReference({ order1Ms, referenceMs }: AttributionResult['paths']): string {
  if (referenceMs === undefined) {
    return 'R with ChannelAttribution is not installed: no ratio to its markov_model';
  }
  const times = referenceMs / order1Ms.median;
  return `R's markov_model takes ${referenceMs.toFixed(0)} ms, ${times.toFixed(1)} times as long`;
}

function show(
  { median, min, max }: { median: number; min: number; max: number },
  digits: number,
): string {
  const text = (value: number): string =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text(median)}  (${text(min)} … ${text(max)})`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
