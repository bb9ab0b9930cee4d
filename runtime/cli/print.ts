/**
 * Output for people: aligned tables, money, shares; and JSON for programs.
 */
import { SingleBar } from 'cli-progress';
import { toUnits } from '../../protocols/money.ts';

/** Prints one JSON document. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Prints a line. */
export function printLine(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Prints rows under a heading; columns whose cells all look like numbers align right. */
export function printTable(heading: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const isNumeric = heading.map((_, column) =>
    rows.every((row) => /^[-–\d.,%]*$/.test(row[column] ?? '')),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) =>
        isNumeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  printLine(line(heading));
  printLine(widths.map((width) => '─'.repeat(width)).join('  '));
  for (const row of rows) printLine(line(row));
}

/** Micros as units with two decimals and thousands separators. */
export function money(micros: number): string {
  return toUnits(micros).toLocaleString('en-US', {
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  });
}

export function integer(value: number): string {
  return value.toLocaleString('en-US');
}

/** A share of 0 to 1 as a bar of ten blocks and two decimals. */
export function bar(share: number): string {
  const blocks = Math.round(share * 10);
  return `${'█'.repeat(blocks)}${'░'.repeat(10 - blocks)} ${share.toFixed(2)}`;
}

/** Parts of a logit shown, and the least that is worth showing. */
const SHOWN_PARTS = 3;
const SHOWN_PART = 0.05;

/** The parts of a logit that count most, as `name +0.42, other −0.10`. */
export function logitParts(parts: Readonly<Record<string, number>>): string {
  return Object.entries(parts)
    .filter(([, part]) => Math.abs(part) >= SHOWN_PART)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
    .slice(0, SHOWN_PARTS)
    .map(([name, part]) => `${name} ${part > 0 ? '+' : '−'}${Math.abs(part).toFixed(2)}`)
    .join(', ');
}

export interface Progress {
  /** Shows how much is done; the total may become known late. */
  update(done: number, total?: number): void;
  stop(): void;
}

/** A progress bar on standard error; silent where nobody watches. */
export function progress(title: string, total: number): Progress {
  if (!process.stderr.isTTY) return { update() {}, stop() {} };
  const format = `${title} {bar} {percentage}% {value}/{total}, {eta_formatted} left`;
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true });
  bar.start(total, 0);
  return {
    update(done, newTotal) {
      if (newTotal !== undefined) bar.setTotal(newTotal);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
