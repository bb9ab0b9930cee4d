/**
 * The windows of time that grants are for, and what a partition can still spend at most in each,
 * whatever it has taken in of what it was told (ADR 6).
 *
 * Invariants:
 *   G1 What a partition will have spent, in all, on a day and in a window, never exceeds its reach
 *      as of any earlier cell, unless it is told more.
 *   G2 A partition's windows never go back. One that begins while the last is still running
 *      continues it, so that what was spent counts; only where there was no such cap before,
 *      counting begins with it.
 */
import type { Campaign } from '../../protocols/campaign.ts';
import type { ToldGrant } from '../../protocols/campaign-actor.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import { FOREVER_MS, type Grant } from '../../protocols/grant.ts';
import type { Micros } from '../../protocols/money.ts';
import { dayWindow, hourWindow } from '../calendar.ts';

/** What a grant says about time. */
export type GrantWindow = Pick<Grant, 'from_ms' | 'until_ms' | 'day_from_ms'>;

const ALWAYS: GrantWindow = { from_ms: 0, until_ms: FOREVER_MS, day_from_ms: 0 };
/** Windows up to this long are hours, longer by what a change of zone adds; days are longer. */
const LONGEST_HOUR_MS = 2 * 3_600_000;

/**
 * The window that a campaign's grants are for at a time: its hour if it has an hourly budget, else
 * its day if it has a daily one, else always.
 */
export function windowOf(campaign: Campaign, nowMs: number): GrantWindow {
  const { daily_micros, hourly_micros, time_zone } = campaign;
  if (daily_micros === undefined && hourly_micros === undefined) return ALWAYS;
  const day = daily_micros === undefined ? undefined : dayWindow(time_zone, nowMs);
  const window = hourly_micros === undefined ? day : hourWindow(time_zone, nowMs);
  if (window === undefined) return ALWAYS;
  return { from_ms: window.fromMs, until_ms: window.untilMs, day_from_ms: day?.fromMs ?? 0 };
}

/**
 * The window that a partition is told of next (G2).
 *
 * @param last of what it was told last.
 * @param now the campaign's window by the coordinator's clock.
 */
export function nextWindow(last: GrantWindow | undefined, now: GrantWindow): GrantWindow {
  if (last === undefined) return now;
  // The clock was put back: the later window stands until it is reached again.
  if (isAhead(last, now)) return last;
  const isRunning = last.until_ms > now.from_ms && !isNewCap(last, now);
  const isSameDay = last.day_from_ms !== 0 && last.until_ms > now.day_from_ms;
  return {
    from_ms: isRunning ? last.from_ms : Math.max(now.from_ms, last.from_ms + 1),
    until_ms: now.until_ms,
    day_from_ms: now.day_from_ms !== 0 && isSameDay ? last.day_from_ms : now.day_from_ms,
  };
}

/** Whether a partition's window begins only after the campaign's has ended. */
export function isAhead(last: GrantWindow, now: GrantWindow): boolean {
  return last.from_ms + 1 >= now.until_ms;
}

function isNewCap(last: GrantWindow, now: GrantWindow): boolean {
  if (last.until_ms === FOREVER_MS) return now.until_ms !== FOREVER_MS;
  return lengthMs(now) <= LONGEST_HOUR_MS && lengthMs(last) > LONGEST_HOUR_MS;
}

function lengthMs({ from_ms, until_ms }: GrantWindow): number {
  return until_ms - from_ms;
}

/** Whether a partition goes by what it was told last. */
export function isTakenIn(told: ToldGrant, cell: DeliveryCell | undefined): boolean {
  const has = cell?.grant ?? null;
  if (cell === undefined || has === null || cell.grant_version < told.version) return false;
  const { grant } = told;
  // Messages of version 1 have numbers of their own, so the grant itself is compared too.
  return (
    has.from_ms === grant.from_ms &&
    has.until_ms === grant.until_ms &&
    has.day_from_ms === grant.day_from_ms &&
    (has.allow_micros === grant.allow_micros ||
      (has.allow_micros > grant.allow_micros && has.allow_micros <= cell.window_micros))
  );
}

/** What a partition will have spent at most if it is told nothing more. */
export interface Reach {
  readonly total: Micros;
  /** On the day, and in the window, that is asked for. */
  readonly day: Micros;
  readonly window: Micros;
  /** The part of `total` that is not spent yet. */
  readonly unspent: Micros;
}

/** One window with the most that any grant for it allows. */
interface Allowance {
  readonly fromMs: number;
  allowMicros: Micros;
  isOfDay: boolean;
}

/**
 * Adds up what a partition has spent and what its grants, that which it has and those that it may
 * still take in, let it spend (G1).
 *
 * @param asked whose day and window are meant.
 */
export function reachOf(
  told: ToldGrant | undefined,
  cell: DeliveryCell | undefined,
  asked: GrantWindow,
): Reach {
  const has = cell?.grant ?? null;
  if (told === undefined || isTakenIn(told, cell)) return reachTakenIn(cell, has, asked);
  const allowances: Allowance[] = [];
  const count = (grant: Grant | null): void => {
    if (grant === null) return;
    const isOfDay = grant.day_from_ms === asked.day_from_ms;
    const known = allowances.find(({ fromMs }) => fromMs === grant.from_ms);
    if (known === undefined) {
      allowances.push({ fromMs: grant.from_ms, allowMicros: grant.allow_micros, isOfDay });
      return;
    }
    known.allowMicros = Math.max(known.allowMicros, grant.allow_micros);
    known.isOfDay ||= isOfDay;
  };
  count(has);
  count(told.before);
  count(told.grant);
  const usedMicros = cell?.window_micros ?? 0;
  let [unspent, day, window] = [0, 0, 0];
  if (has !== null && has.day_from_ms === asked.day_from_ms) day = cell?.day_micros ?? 0;
  if (has !== null && has.from_ms === asked.from_ms) window = usedMicros;
  for (const { fromMs, allowMicros, isOfDay } of allowances) {
    const used = fromMs === has?.from_ms ? usedMicros : 0;
    const open = Math.max(0, allowMicros - used);
    unspent += open;
    if (isOfDay) day += open;
    if (fromMs === asked.from_ms) window += open;
  }
  return { total: (cell?.spent_micros ?? 0) + unspent, day, window, unspent };
}

/** The same where nothing is under way: for most partitions, most of the time. */
function reachTakenIn(
  cell: DeliveryCell | undefined,
  has: Grant | null,
  asked: GrantWindow,
): Reach {
  if (cell === undefined) return NO_REACH;
  const { spent_micros, day_micros, window_micros } = cell;
  if (has === null) return { total: spent_micros, day: 0, window: 0, unspent: 0 };
  const unspent = Math.max(0, has.allow_micros - window_micros);
  return {
    total: spent_micros + unspent,
    day: has.day_from_ms === asked.day_from_ms ? day_micros + unspent : 0,
    window: has.from_ms === asked.from_ms ? window_micros + unspent : 0,
    unspent,
  };
}

const NO_REACH: Reach = { total: 0, day: 0, window: 0, unspent: 0 };
