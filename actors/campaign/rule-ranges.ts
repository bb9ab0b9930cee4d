/**
 * What a comparison of a signal with a constant asks for: a range of doubles, exactly.
 */

export type Order = '<' | '<=' | '>' | '>=';

/** Both bounds included; nothing is in a range with NaN for a bound. */
export interface Range {
  readonly column: number;
  readonly low: number;
  readonly high: number;
}

/** `signal < bound` and the like. */
export function rangeOf(sign: Order, column: number, bound: number): Range {
  const [least, greatest] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  switch (sign) {
    case '<':
      return { column, low: least, high: -nextUp(-bound) };
    case '<=':
      return { column, low: least, high: bound };
    case '>':
      return { column, low: nextUp(bound), high: greatest };
    case '>=':
      return { column, low: bound, high: greatest };
    default:
      return sign satisfies never;
  }
}

const bits = new DataView(new ArrayBuffer(8));

/** The next greater double; NaN, which nothing reaches, after the greatest and after NaN. */
function nextUp(value: number): number {
  if (Number.isNaN(value) || value === Number.POSITIVE_INFINITY) return Number.NaN;
  if (value === 0) return Number.MIN_VALUE;
  bits.setFloat64(0, value);
  bits.setBigInt64(0, bits.getBigInt64(0) + (value > 0 ? 1n : -1n));
  return bits.getFloat64(0);
}
