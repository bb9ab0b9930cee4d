/**
 * Expected purchases by the BG/NBD model (Fader, Hardie & Lee 2005), whose figure on CDNOW is the
 * one that churn is compared with.
 */
import type { UserLog } from './data/user-log.ts';

/** The published parameters on the 1/10 sample of CDNOW, times in weeks. */
const R = 0.243;
const ALPHA = 4.414;
const A = 0.793;
const B = 2.426;

const DAY_MS = 86_400_000;
const WEEK_DAYS = 7;
const SERIES_TERMS_MAX = 10_000;
const SERIES_TOLERANCE = 1e-12;

/** What the model knows of a customer: days with a purchase after the first, and times in weeks. */
export interface PurchaseSummary {
  readonly repeats: number;
  /** From the first purchase to the last. */
  readonly recency: number;
  /** From the first purchase to the day of asking. */
  readonly age: number;
}

/**
 * A customer's purchases as of the end of a day; each day counts once.
 *
 * @param lastDayMs midnight (UTC) of the last day that is known.
 */
export function purchaseSummary({ events }: UserLog, lastDayMs: number): PurchaseSummary {
  const days = new Set<number>();
  for (const { type, timestamp } of events) {
    const day = Math.floor(timestamp / DAY_MS);
    if (type === 'conversion' && day * DAY_MS <= lastDayMs) days.add(day);
  }
  const first = Math.min(...days);
  return {
    repeats: days.size - 1,
    recency: (Math.max(...days) - first) / WEEK_DAYS,
    age: (lastDayMs / DAY_MS - first) / WEEK_DAYS,
  };
}

/** Purchases to be expected within `weeks` (eq. 10). */
export function expectedPurchases(customer: PurchaseSummary, weeks: number): number {
  const { repeats: x, recency, age } = customer;
  const reach = ALPHA + age + weeks;
  const series = hypergeometric(R + x, B + x, A + B + x - 1, weeks / reach);
  const stays = 1 - ((ALPHA + age) / reach) ** (R + x) * series;
  const gone = x === 0 ? 0 : (A / (B + x - 1)) * ((ALPHA + age) / (ALPHA + recency)) ** (R + x);
  return (((A + B + x - 1) / (A - 1)) * stays) / (1 + gone);
}

/** The Gaussian hypergeometric function 2F1(a, b; c; z) for z in [0, 1), by its series. */
function hypergeometric(a: number, b: number, c: number, z: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 0; n < SERIES_TERMS_MAX; n++) {
    term *= (((a + n) * (b + n)) / ((c + n) * (n + 1))) * z;
    sum += term;
    if (Math.abs(term) < SERIES_TOLERANCE * Math.abs(sum)) return sum;
  }
  throw new Error(`expected a series that converges, found none at z = ${z}`);
}
