/**
 * Money is integer micros (millionths of the reporting currency's unit) from the edge on (I4).
 */

/** An integer number of micros. */
export type Micros = number;

export const MICROS_PER_UNIT = 1_000_000;
/** The largest amount one event may carry, in units: 10^9 units are 10^15 micros, below 2^53. */
export const MAX_AMOUNT_UNITS = 1_000_000_000;

/** Converts an amount in currency units to micros, rounded to the nearest micro. */
export function toMicros(units: number): Micros {
  return Math.round(units * MICROS_PER_UNIT);
}

/** Converts micros to currency units for people; never used to calculate on. */
export function toUnits(micros: Micros): number {
  return micros / MICROS_PER_UNIT;
}
