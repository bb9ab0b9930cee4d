/**
 * What the audit found to differ: counted in full, listed up to a bound.
 */

/** Differences listed in a report; beyond, they are only counted. */
export const MAX_DIFFERENCES = 1_000;
/** A value longer than this, as JSON, is shown by its beginning. */
const MAX_VALUE_CHARS = 300;

/** Floating-point sums in another order agree to about 1e-12; a wrong event shows far above. */
const RELATIVE_TOLERANCE = 1e-9;
/** Below this the tolerance is absolute: what decays towards zero has no digits to compare. */
const SMALLEST_SCALE = 1e-3;

const NOTHING = 'nothing';

/** One disagreement between the log and the store. */
export interface Difference {
  /** The stored message's subject, and the field in it. */
  readonly where: string;
  /** What follows from the log. */
  readonly expected: unknown;
  /** What is stored. */
  readonly found: unknown;
}

export class Differences {
  readonly listed: Difference[] = [];
  readonly #maxListed: number;
  #total = 0;

  constructor(maxListed: number) {
    this.#maxListed = maxListed;
  }

  get total(): number {
    return this.#total;
  }

  add(where: string, expected: unknown, found: unknown): void {
    this.#total++;
    if (this.listed.length >= this.#maxListed) return;
    this.listed.push({ where, expected: excerpt(expected), found: excerpt(found) });
  }

  /**
   * Compares two JSON values in depth; the order of keys does not matter. Integers have to be
   * equal, other numbers to one part in 10^9.
   */
  compare(where: string, expected: unknown, found: unknown): void {
    if (isRecord(expected) && isRecord(found)) {
      for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
        this.compare(`${where} ${key}`, ownOf(expected, key), ownOf(found, key));
      }
    } else if (Array.isArray(expected) && Array.isArray(found)) {
      if (expected.length !== found.length) this.add(where, expected, found);
      else expected.forEach((each, i) => void this.compare(`${where} [${i}]`, each, found[i]));
    } else if (!isSame(expected, found)) {
      this.add(where, expected, found);
    }
  }
}

/** Whether two numbers agree; integers exactly, others to RELATIVE_TOLERANCE. */
export function isSameNumber(a: number, b: number): boolean {
  if (a === b) return true;
  if (Number.isInteger(a) && Number.isInteger(b)) return false;
  const scale = Math.max(Math.abs(a), Math.abs(b), SMALLEST_SCALE);
  return Math.abs(a - b) <= RELATIVE_TOLERANCE * scale;
}

function isSame(expected: unknown, found: unknown): boolean {
  return typeof expected === 'number' && typeof found === 'number'
    ? isSameNumber(expected, found)
    : expected === found;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function ownOf(record: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function excerpt(value: unknown): unknown {
  if (value === undefined) return NOTHING;
  const json = JSON.stringify(value);
  return json.length > MAX_VALUE_CHARS ? `${json.slice(0, MAX_VALUE_CHARS)}…` : value;
}
