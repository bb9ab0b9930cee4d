/**
 * How strictly one of many series is judged: LOND (Javanmard & Montanari 2015, "On online control
 * of false discovery rate"). The level of test i is
 *
 *   alpha_i = beta_i (D + 1),      the beta of a day's tests summing to FALSE_ALERTS_A_DAY
 *
 * with D the alerts of the trailing day. A series of a point every d has day / d tests a day, so a
 * test's beta is its share of the budget x d / day; the share goes by weight. What a test of a
 * series watched alone would be has share 1, and the strictness is what is left of it, in decades.
 */
import type { Series } from './series.ts';

/** Totals and sources are what people look at first; of pairs there may be hundreds. */
const PAIR_WEIGHT = 1;
const WEIGHT = 4;

/** The weight of one test of a series. */
export function weightOf({ level }: Series): number {
  return level === 'pair' ? PAIR_WEIGHT : WEIGHT;
}

/**
 * Decades that are added to the surprise at which an alert opens.
 *
 * @param weights of all tests together
 * @param opened alerts of the trailing day
 */
export function strictnessOf(series: Series, weights: number, opened: number): number {
  return Math.log10(weights / weightOf(series)) - Math.log10(opened + 1);
}
