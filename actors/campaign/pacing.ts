/**
 * Even pacing: what a campaign may have spent by now, so that its budget lasts as long as the
 * traffic that it is for.
 */
import type { Campaign } from '../../protocols/campaign.ts';
import type { Micros } from '../../protocols/money.ts';
import { dayWindow } from '../calendar.ts';
import type { DemandCurve } from './demand.ts';

/** Granted ahead of time, so that nobody waits for the coordinator between two settles. */
export const PACING_LEAD_MS = 60_000;

/**
 * The part of the budget that is for the time until shortly after now: of the day's, if there is
 * one, else of the whole one's over the schedule. One bid ahead at least, or small budgets would
 * begin late. Undefined for a campaign that is not paced.
 *
 * The day is that part of it which the schedule contains.
 */
export function pacedMicros(
  campaign: Campaign,
  nowMs: number,
  curve: DemandCurve,
): Micros | undefined {
  const { pacing, daily_micros, budget_micros, schedule, bid_micros, time_zone } = campaign;
  if (pacing !== 'even') return undefined;
  const starts = schedule?.starts_at_ms ?? Number.NEGATIVE_INFINITY;
  const ends = schedule?.ends_at_ms ?? Number.POSITIVE_INFINITY;
  if (nowMs >= ends) return daily_micros ?? budget_micros;
  if (nowMs < starts) return 0;
  let [fromMs, untilMs, cap] = [starts, ends, budget_micros];
  if (daily_micros !== undefined) {
    const day = dayWindow(time_zone, nowMs);
    fromMs = Math.max(starts, day.fromMs);
    untilMs = Math.min(ends, day.untilMs);
    cap = daily_micros;
  }
  const share = curve.shareBy(nowMs + PACING_LEAD_MS, fromMs, untilMs);
  return Math.min(cap, Math.floor(cap * share) + bid_micros);
}
