/**
 * The demand curve: how much traffic to expect in any stretch of time, learnt from what each hour
 * of the week brought.
 *
 * An hour's rate is shrunk to that of the same hour of all days, and this one to the overall rate,
 * as if each had been seen for PRIOR_HOURS: so the curve is flat at first, follows the day after
 * one day, and the week after some.
 */
import { type Demand, WEEK_HOURS } from '../../protocols/demand.ts';

/** What a week ago counts against what was counted now. */
const KEPT_PER_WEEK = 0.7;
/** Weight of the coarser rate, in hours. */
const PRIOR_HOURS = 0.1;
/** No hour is expected to bring less than this share of an average hour: it might after all. */
const LEAST_SHARE = 0.001;
const DAY_HOURS = 24;
const HOUR_MS = 3_600_000;
const WEEK_MS = WEEK_HOURS * HOUR_MS;
/** 1970-01-05, the first Monday. */
const MONDAY_MS = 4 * DAY_HOURS * HOUR_MS;

/** Nothing known: every hour is like any other. */
export function noDemand(): Demand {
  const zeros = (): number[] => new Array<number>(WEEK_HOURS).fill(0);
  return { v: 1, accepted: zeros(), observed_hours: zeros(), last_hour: 0 };
}

/**
 * Counts what was accepted in some time up to now, all of it for the hour that is now. Changes
 * `demand`: it belongs to one coordinator.
 */
export function observeDemand(
  demand: Demand,
  nowMs: number,
  accepted: number,
  duringMs: number,
): void {
  const hour = Math.floor(nowMs / HOUR_MS);
  const slot = slotOf(nowMs);
  if (hour > demand.last_hour) {
    demand.last_hour = hour;
    demand.accepted[slot] = (demand.accepted[slot] as number) * KEPT_PER_WEEK;
    demand.observed_hours[slot] = (demand.observed_hours[slot] as number) * KEPT_PER_WEEK;
  }
  demand.accepted[slot] = (demand.accepted[slot] as number) + accepted;
  demand.observed_hours[slot] = (demand.observed_hours[slot] as number) + duringMs / HOUR_MS;
}

/** Traffic to expect, as a function of time. Built in O(WEEK_HOURS); asking is O(1). */
export class DemandCurve {
  /** Expected in the week before each of its hours, and in all of it at the end. */
  readonly #before: Float64Array;

  constructor(demand: Demand) {
    const rates = ratesOf(demand);
    this.#before = new Float64Array(WEEK_HOURS + 1);
    for (const [hour, rate] of rates.entries()) {
      this.#before[hour + 1] = (this.#before[hour] as number) + rate;
    }
  }

  /** The share of a stretch's traffic that is expected before a time; 0 … 1. */
  shareBy(atMs: number, fromMs: number, untilMs: number): number {
    if (atMs <= fromMs) return 0;
    if (atMs >= untilMs) return 1;
    const start = this.#until(fromMs);
    return (this.#until(atMs) - start) / (this.#until(untilMs) - start);
  }

  /** Expected since some Monday long ago. */
  #until(ms: number): number {
    const weeks = Math.floor((ms - MONDAY_MS) / WEEK_MS);
    const hours = (ms - MONDAY_MS - weeks * WEEK_MS) / HOUR_MS;
    const hour = Math.floor(hours);
    const before = this.#before[hour] as number;
    const within = ((this.#before[hour + 1] as number) - before) * (hours - hour);
    return weeks * (this.#before[WEEK_HOURS] as number) + before + within;
  }
}

function slotOf(ms: number): number {
  const hours = Math.floor((ms - MONDAY_MS) / HOUR_MS);
  return ((hours % WEEK_HOURS) + WEEK_HOURS) % WEEK_HOURS;
}

/** Expected traffic of each hour of the week, relative to an average one. */
function ratesOf({ accepted, observed_hours }: Demand): readonly number[] {
  const all = sum(accepted);
  if (all === 0) return new Array<number>(WEEK_HOURS).fill(1);
  const overall = all / sum(observed_hours);
  const ofDay = Array.from({ length: DAY_HOURS }, (_, hour) => {
    const same = (_count: number, slot: number): boolean => slot % DAY_HOURS === hour;
    const count = sum(accepted.filter(same)) + PRIOR_HOURS * overall;
    return count / (sum(observed_hours.filter(same)) + PRIOR_HOURS);
  });
  return accepted.map((count, slot) => {
    const coarse = ofDay[slot % DAY_HOURS] as number;
    const hours = (observed_hours[slot] as number) + PRIOR_HOURS;
    return Math.max(LEAST_SHARE, (count + PRIOR_HOURS * coarse) / hours / overall);
  });
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, each) => total + each, 0);
}
