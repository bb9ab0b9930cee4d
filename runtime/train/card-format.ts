/**
 * Tables and figures as Markdown.
 */
import type { BootstrapInterval } from './intervals.ts';

/** Paragraphs of the page: a text line by line, an empty line after it. */
export function paragraph(...lines: readonly string[]): string[] {
  return [...lines, ''];
}

/** A table with an empty line after it. */
export function table(
  heading: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string[] {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line), ''];
}

/** A figure with its 95 % interval. */
export function withInterval({ estimate, low, high }: BootstrapInterval, digits = 3): string {
  return `${fixed(estimate, digits)} (${fixed(low, digits)} … ${fixed(high, digits)})`;
}

/** A difference, with its sign. */
export function difference({ estimate, low, high }: BootstrapInterval, digits = 3): string {
  const text = `${fixed(estimate, digits)} (${fixed(low, digits)} … ${fixed(high, digits)})`;
  return Number(estimate.toFixed(digits)) > 0 ? `+${text}` : text;
}

/** A number with a fixed count of digits; what rounds to 0 has no sign. */
export function fixed(value: number, digits = 3): string {
  if (Number.isNaN(value)) return '–';
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text;
}

/** A share in percent. */
export function percent(share: number, digits = 1): string {
  return `${fixed(share * 100, digits)} %`;
}

/** A count with separators. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** A day and time in UTC. */
export function utcTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** How a figure stands to a goal that it should reach. */
export type Verdict = 'met' | 'within noise' | 'missed';

/** Met by the figure itself; within noise if only its interval reaches the goal. */
export function verdict({ estimate, high }: BootstrapInterval, goal: number): Verdict {
  if (estimate >= goal) return 'met';
  return high >= goal ? 'within noise' : 'missed';
}
