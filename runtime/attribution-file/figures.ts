/**
 * Counts and values as they stand in cells: decimal numbers, checked, or the reason why not.
 */
import { found } from './rejections.ts';

/** Journeys of one row: sums of 10^6 such rows are exact. */
export const MAX_COUNT = 1e9;
/** What one row's conversions may be worth: sums keep 9 digits behind the point. */
export const MAX_VALUE = 1e15;

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A figure, or why it is none. */
export type Figure = number | { readonly reason: string };

/** Parses a count: a whole number from 0 to MAX_COUNT; `1e+05`, as R writes it, is one. */
export function parseCount(text: string, column: string): Figure {
  const count = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(count) && count >= 0 && count <= MAX_COUNT) return count === 0 ? 0 : count;
  return { reason: `${column}: expected a whole number from 0 to 1e9, found ${found(text)}` };
}

/** Parses a value: a number from 0 to MAX_VALUE. */
export function parseValue(text: string, column: string): Figure {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (value >= 0 && value <= MAX_VALUE) return value === 0 ? 0 : value;
  return { reason: `${column}: expected a number from 0 to 1e15, found ${found(text)}` };
}
