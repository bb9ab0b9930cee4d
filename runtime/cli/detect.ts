/**
 * `microtarget detect <file.csv>`: what is unusual in a series, without an engine.
 */
import type { DetectorMode } from '../../actors/detector/detector.ts';
import { MAX_WINDOW_POINTS } from '../../actors/detector/window-moments.ts';
import { FileProblem } from '../attribution-file/csv-file.ts';
import type { Rejections } from '../attribution-file/rejections.ts';
import { detectFile, type FileDetection } from '../detection-file/detect-points.ts';
import { integer, printJson, printLine, printTable } from './print.ts';
import { CommandFailed } from './session.ts';

/** Alerts and rejected rows that a person is shown. */
const MAX_SHOWN = 20;
const EXIT_USAGE = 2;
const MODES: readonly DetectorMode[] = ['robust', 'plain'];

/** What the command line says. */
export interface DetectOptions {
  readonly mode?: string;
  /** Points of the plain mode's window. */
  readonly window?: number;
  readonly json?: boolean;
}

/**
 * Judges a file's rows; the exit code is 1 if a row was rejected.
 *
 * @throws CommandFailed if the file cannot be read, with exit code 2 for wrong usage.
 */
export async function detectCommand(file: string, options: DetectOptions): Promise<void> {
  const { mode, window } = settingsOf(options);
  const detection = await detected(file, mode, window);
  const { rejections } = detection;
  if (options.json === true) printJson(detection.rows);
  else printReport(detection);
  // A program that reads the rows must not find these lines among them.
  printRejections(rejections, options.json === true ? printAside : printLine);
  if (rejections.total > 0) process.exitCode = 1;
}

function settingsOf({ mode = 'robust', window }: DetectOptions): {
  readonly mode: DetectorMode;
  readonly window: number | undefined;
} {
  const known = MODES.find((each) => each === mode);
  if (known === undefined) {
    throw usage(`--mode: expected ${MODES.join(' or ')}, found ${JSON.stringify(mode)}`);
  }
  if (window !== undefined && known !== 'plain') {
    throw usage('--window: the robust mode has no window; add --mode plain');
  }
  if (window !== undefined && !Number.isInteger(window)) {
    throw usage(`--window: expected whole points, 2 to ${MAX_WINDOW_POINTS}, found ${window}`);
  }
  return { mode: known, window };
}

function usage(message: string): CommandFailed {
  return new CommandFailed(message, { exitCode: EXIT_USAGE });
}

async function detected(
  file: string,
  mode: DetectorMode,
  window: number | undefined,
): Promise<FileDetection> {
  try {
    return await detectFile(file, mode, window);
  } catch (error) {
    if (error instanceof FileProblem) throw new CommandFailed(error.message, { cause: error });
    throw error;
  }
}

function printReport({ rows, alerts, silences, rejections }: FileDetection): void {
  const inAlert = alerts.reduce((sum, each) => sum + each.rows, 0);
  printLine(
    `rows ${integer(rows.length)}, points ${integer(rows.length - rejections.total)}, ` +
      `alerts ${integer(alerts.length)} over ${integer(inAlert)} points, ` +
      `silences ${integer(silences.length)}`,
  );
  if (alerts.length > 0) {
    printLine();
    printTable(
      ['since', 'until', 'points', 'peak', 'found', 'expected', 'z'],
      alerts
        .slice(0, MAX_SHOWN)
        .map(({ since, until, isOpen, rows: points, peak: { point, verdict } }) => [
          since,
          isOpen ? `${until} (open)` : until,
          integer(points),
          point.timestamp,
          figure(point.value),
          figure(verdict.expected),
          verdict.z.toFixed(1),
        ]),
    );
    printRest(alerts.length);
  }
  if (silences.length > 0) {
    printLine();
    printTable(
      ['silent since', 'until'],
      silences.slice(0, MAX_SHOWN).map(({ since, until }) => [since, until]),
    );
    printRest(silences.length);
  }
}

function printRest(count: number): void {
  if (count > MAX_SHOWN) printLine(`and ${integer(count - MAX_SHOWN)} more`);
}

function printRejections(rejections: Rejections, print: (line?: string) => void): void {
  if (rejections.total === 0) return;
  print();
  print(`rows rejected: ${integer(rejections.total)}`);
  for (const { line, reason } of rejections.listed.slice(0, MAX_SHOWN)) {
    print(`  line ${line}: ${reason}`);
  }
  const rest = rejections.total - MAX_SHOWN;
  if (rest > 0) print(`  and ${integer(rest)} more; --json has them in their places`);
}

function printAside(line = ''): void {
  process.stderr.write(`${line}\n`);
}

/** Four significant digits, as few characters as they take. */
function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}
