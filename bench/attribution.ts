/**
 * How long attribution takes: a file of marketing paths, all removal effects at several numbers of
 * channels, a chain of order 3, and a file of a million touches.
 *
 * The marketing paths are PathData where the public data sets are at hand, else paths like them.
 */
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_ATTRIBUTION } from '../actors/channel/attribute.ts';
import { markovChain } from '../actors/channel/markov-chain.ts';
import { PathTable } from '../actors/channel/path-table.ts';
import { attributeMarkov } from '../actors/channel/removal-effects.ts';
import { attributeFile, type FileSettings } from '../runtime/attribution-file/file-report.ts';
import { projectRoot } from '../runtime/setup/project-root.ts';
import { seededRandom } from '../runtime/simulate/random.ts';
import { referenceMs } from './reference.ts';
import { spread } from './setting.ts';

const PUBLIC_PATHS = '../shared/data/channel-attribution-pathdata/PathData.csv';
const PATHS = 10_000;
const CHANNEL_COUNTS = [12, 50, 200] as const;
const EVENT_ROWS = 1_000_000;
const ROWS_PER_COOKIE = 4;
/** Times each calculation is repeated within a round: one alone is too short to be measured. */
const REPEATS = 25;

type Spread = ReturnType<typeof spread>;

export interface AttributionResult {
  /** Reading and attributing a file of paths by Markov order 1, and by every model. */
  readonly paths: {
    readonly rows: number;
    readonly order1Ms: Spread;
    readonly allModelsMs: Spread;
    /** The R package's markov_model on the same file; undefined where R does not have it. */
    readonly referenceMs: number | undefined;
  };
  /** All removal effects, conversions and value: from counts, and with counting the paths. */
  readonly channels: readonly {
    readonly channels: number;
    readonly distinctPaths: number;
    readonly solveMs: Spread;
    readonly countAndSolveMs: Spread;
  }[];
  readonly order3: { readonly states: number; readonly ms: Spread };
  /** A file of touches, one row each, by every model. */
  readonly events: {
    readonly rows: number;
    readonly rowsPerSecond: Spread;
    readonly rssMb: number;
  };
}

/** Runs all of them. */
export async function benchAttribution(rounds: number): Promise<AttributionResult> {
  const folder = mkdtempSync(join(tmpdir(), 'microtarget-bench-'));
  try {
    const table = randomTable(12, PATHS);
    const own = join(folder, 'paths.csv');
    await writePaths(own, table);
    const known = join(projectRoot(), PUBLIC_PATHS);
    const file = existsSync(known) ? known : own;
    const paths = await benchPaths(file, rounds);
    const channels = CHANNEL_COUNTS.map((count) => benchChannels(count, rounds));
    const order3 = benchOrder3(table, rounds);
    const touches = join(folder, 'touches.csv');
    await writeTouches(touches);
    return { paths, channels, order3, events: await benchEvents(touches, rounds) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchPaths(file: string, rounds: number): Promise<AttributionResult['paths']> {
  const order1: number[] = [];
  const all: number[] = [];
  let rows = 0;
  for (let round = 0; round <= rounds; round++) {
    const first = await timedFile(file, { ...SETTINGS, models: ['markov'] });
    const second = await timedFile(file, SETTINGS);
    rows = first.rows;
    // The first round compiles the code that is measured.
    if (round === 0) continue;
    order1.push(first.ms);
    all.push(second.ms);
  }
  return {
    ...{ rows, order1Ms: spread(order1), allModelsMs: spread(all) },
    referenceMs: referenceMs(file),
  };
}

function benchChannels(count: number, rounds: number): AttributionResult['channels'][number] {
  const table = randomTable(count, PATHS);
  const solve: number[] = [];
  const both: number[] = [];
  for (let i = 0; i < rounds * REPEATS; i++) {
    const startedMs = performance.now();
    const chain = markovChain(table.rows(), 1);
    const countedMs = performance.now();
    attributeMarkov(chain, table.channels);
    const endedMs = performance.now();
    solve.push(endedMs - countedMs);
    both.push(endedMs - startedMs);
  }
  return {
    channels: count,
    distinctPaths: table.size,
    solveMs: spread(solve),
    countAndSolveMs: spread(both),
  };
}

function benchOrder3(table: PathTable, rounds: number): AttributionResult['order3'] {
  const chain = markovChain(table.rows(), 3);
  const times = Array.from({ length: rounds * 3 }, () => {
    const startedMs = performance.now();
    attributeMarkov(chain, table.channels);
    return performance.now() - startedMs;
  });
  return { states: chain.states.length, ms: spread(times) };
}

async function benchEvents(file: string, rounds: number): Promise<AttributionResult['events']> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { rows, ms } = await timedFile(file, SETTINGS);
    rates.push((rows / ms) * 1_000);
  }
  const rssMb = process.memoryUsage().rss / 2 ** 20;
  return { rows: EVENT_ROWS, rowsPerSecond: spread(rates), rssMb };
}

const SETTINGS: FileSettings = {
  models: DEFAULT_ATTRIBUTION.models,
  order: 1,
  scoredOrders: undefined,
  repeats: 'collapse',
  intervals: false,
  nulls: true,
  separator: '>',
  delimiter: ',',
  lookbackMs: Number.POSITIVE_INFINITY,
  halfLifeMs: DEFAULT_ATTRIBUTION.halfLifeMs,
};

async function timedFile(
  file: string,
  settings: FileSettings,
): Promise<{ readonly rows: number; readonly ms: number }> {
  const startedMs = performance.now();
  const { reading } = await attributeFile(file, settings);
  return { rows: reading.rows, ms: performance.now() - startedMs };
}

/** Paths of 1 to 20 touches, some channels far more common than others, a fifth converting. */
function randomTable(channels: number, paths: number): PathTable {
  const random = seededRandom(channels);
  const names = Array.from({ length: channels }, (_, i) => `channel ${i}`);
  const table = new PathTable();
  for (let i = 0; i < paths; i++) {
    const touches = [...names.slice(i % channels, (i % channels) + 1)];
    while (touches.length < 20 && random() < 0.83) {
      touches.push(names[Math.floor(random() ** 2 * channels)] as string);
    }
    const conversions = random() < 0.2 ? 1 + Math.floor(random() * 4) : 0;
    const value = conversions * Math.floor(random() * 100);
    table.add(table.encode(touches), conversions, Math.floor(random() * 8), value);
  }
  return table;
}

async function writePaths(file: string, table: PathTable): Promise<void> {
  const out = createWriteStream(file);
  out.write('path,total_conversions,total_conversion_value,total_null\n');
  for (const { path, conversions, nulls, value } of table.rows()) {
    const names = [...path].map((touch) => table.channels[touch.charCodeAt(0)]);
    out.write(`${names.join(' > ')},${conversions},${value},${nulls}\n`);
  }
  out.end();
  await once(out, 'finish');
}

/** Touches by time, as such files come: the cookies of one moment are many. */
async function writeTouches(file: string): Promise<void> {
  const random = seededRandom(7);
  const out = createWriteStream(file);
  const cookies = EVENT_ROWS / ROWS_PER_COOKIE;
  out.write('cookie,time,interaction,conversion,conversion_value,channel\n');
  for (let i = 0; i < EVENT_ROWS; i++) {
    const cookie = Math.floor(random() * cookies).toString(36);
    const time = new Date(Date.UTC(2026, 0, 1) + i * 1_000).toISOString();
    const converts = random() < 0.02;
    const end = converts ? `conversion,1,${(random() * 90).toFixed(2)}` : 'impression,0,0';
    const row = `c${cookie},${time},${end},channel ${Math.floor(random() ** 2 * 12)}\n`;
    if (!out.write(row)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}
