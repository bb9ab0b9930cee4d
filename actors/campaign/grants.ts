/**
 * Budgets by grants: a campaign gives each partition a slice to spend and tops it up as it is
 * used, so that partitions never have to ask before they spend (ADR 6).
 *
 * Invariants:
 *   I5 What all partitions together will have spent at most, by all they were told, is never
 *      raised above a cap: the total, the day's, the hour's, what is paced by now. Nor is what
 *      they hold unspent raised above the breaker's amount.
 *   G3 Without anything spent, refused or changed, planning comes to rest.
 */
import type { Campaign } from '../../protocols/campaign.ts';
import type { Grant, GrantLimit } from '../../protocols/grant.ts';
import type { Micros } from '../../protocols/money.ts';
import { dayWindow } from '../calendar.ts';
import { type Free, type PartitionBudget, type Plan, tell } from './plan.ts';
import { collect } from './reclaim.ts';
import { type GrantWindow, isAhead, isTakenIn, nextWindow, reachOf } from './windows.ts';

/** A slice is this part of what is left to hand out, per partition. */
const SLICE_DIVISOR = 4;
/** A slice pays for at least this many wins, while there is so much left. */
const MIN_WINS_PER_SLICE = 4;
/** Who spends nothing gets something in advance only while there is twice as much for everybody. */
const PLENTY = 2;
/** When grants are for, and how much there is for now. */
export interface Occasion {
  readonly nowMs: number;
  readonly window: GrantWindow;
  /** By pacing; undefined for a campaign that is not paced. */
  readonly pacedMicros: Micros | undefined;
}

/**
 * The grants to tell partitions now; none to whom one is under way. Slices shrink with what is
 * left, so that no partition hoards the end of a budget; what lies unused, or is too little for a
 * bid, is taken back where others lack it.
 *
 * @returns by partition; empty if nothing has to change. Cost: O(partitions), and more only where
 *   somebody has to be told.
 */
export function planGrants(
  campaign: Campaign,
  partitions: readonly PartitionBudget[],
  occasion: Occasion,
): Record<string, Grant> {
  const { rooms, free } = survey(campaign, partitions, occasion);
  const { room, limit, mustShrink } = leastRoom(rooms);
  const { bid_micros: bid } = campaign;
  const plan: Plan = { grants: {}, limit, roomMicros: room };
  if (free.length === 0) return plan.grants;
  const pool = Math.max(0, room + free.reduce((sum, each) => sum + each.unspentMicros, 0));
  const active = free.filter(({ isActive }) => isActive).sort(byNeed);
  const slice = Math.max(
    bid,
    Math.floor(pool / (SLICE_DIVISOR * partitions.length)),
    Math.min(MIN_WINS_PER_SLICE * bid, Math.floor(pool / Math.max(1, active.length))),
  );
  for (const each of active) topUp(plan, each, slice, bid);
  if (pool >= PLENTY * partitions.length * bid) {
    const advance = Math.max(bid, Math.floor(pool / (SLICE_DIVISOR * partitions.length)));
    for (const each of free) if (!each.isActive) topUp(plan, each, advance, bid);
  }
  collect(plan, free, active, { bid, pool, mustShrink });
  for (const each of free) endOldWindow(plan, each, occasion.window);
  return plan.grants;
}

/** Who has least comes first, then who has had least. */
function byNeed(a: Free, b: Free): number {
  return a.openMicros - b.openMicros || a.usedMicros - b.usedMicros || a.partition - b.partition;
}

/** Tops a partition up if it runs low, and if it is worth a message. */
function topUp(plan: Plan, each: Free, slice: Micros, bid: Micros): void {
  const { openMicros, isStale } = each;
  if (!isStale && openMicros >= bid && openMicros * 2 >= slice) return;
  const more = Math.min(plan.roomMicros, slice - openMicros);
  const isEnough =
    openMicros >= bid ? more >= Math.max(bid, Math.floor(slice / 4)) : openMicros + more >= bid;
  if (more > 0 && isEnough) {
    tell(plan, each, openMicros + more);
    plan.roomMicros -= more;
  }
}

/** What is left for a window that caps no longer allow would be spent beyond them. */
function endOldWindow(plan: Plan, each: Free, now: GrantWindow): void {
  const { partition, told, isStale, unspentMicros, openMicros } = each;
  if (!isStale || unspentMicros === 0 || plan.grants[partition] !== undefined) return;
  if (told !== undefined && told.grant.until_ms > now.from_ms) tell(plan, each, openMicros);
}

type Rooms = Readonly<Record<GrantLimit | 'breaker', Micros>>;

/** What every cap leaves to hand out, and who may be told. */
function survey(
  campaign: Campaign,
  partitions: readonly PartitionBudget[],
  { window, nowMs, pacedMicros }: Occasion,
): { readonly rooms: Rooms; readonly free: Free[] } {
  const { budget_micros, daily_micros, hourly_micros, breaker, time_zone } = campaign;
  const dayEndsMs = daily_micros === undefined ? 0 : dayWindow(time_zone, nowMs).untilMs;
  const free: Free[] = [];
  let [total, day, hour, unspent] = [0, 0, 0, 0];
  // Of a partition that is ahead it is not known what it spent in the window before.
  let [isDayKnown, isHourKnown] = [true, true];
  for (const budget of partitions) {
    const { told, cell } = budget;
    const last = told?.grant;
    const next = nextWindow(last, window);
    const reach = reachOf(told, cell, next);
    total += reach.total;
    unspent += reach.unspent;
    const isLater = last !== undefined && isAhead(last, window);
    if (!isLater || next.from_ms < dayEndsMs) day += reach.day;
    else isDayKnown = false;
    if (isLater) {
      isHourKnown = false;
      continue;
    }
    hour += reach.window;
    if (told === undefined || isTakenIn(told, cell)) free.push(freeOf(budget, next, reach.unspent));
  }
  const none = Number.POSITIVE_INFINITY;
  const paced = (pacedMicros ?? none) - (daily_micros === undefined ? total : day);
  const rooms = {
    total: budget_micros - total,
    day: roomOf(daily_micros, day, isDayKnown),
    hour: roomOf(hourly_micros, hour, isHourKnown),
    pacing: paced,
    breaker: (breaker?.spend_micros ?? none) - unspent,
  };
  return { rooms, free };
}

/** What a cap leaves; nothing more to hand out where it is not known what was used of it. */
function roomOf(cap: Micros | undefined, used: Micros, isKnown: boolean): Micros {
  if (cap === undefined) return Number.POSITIVE_INFINITY;
  return isKnown ? cap - used : Math.min(0, cap - used);
}

/** Field by field: copying with `...` was measured to take nine tenths of all planning. */
function freeOf(budget: PartitionBudget, next: GrantWindow, unspentMicros: Micros): Free {
  const { partition, told, cell, isActive } = budget;
  const last = told?.grant;
  const isOn = last?.from_ms === next.from_ms;
  return {
    partition,
    told,
    cell,
    isActive,
    next,
    isStale: !isOn || last.until_ms !== next.until_ms || last.day_from_ms !== next.day_from_ms,
    usedMicros: isOn ? (cell?.window_micros ?? 0) : 0,
    openMicros: isOn ? unspentMicros : 0,
    unspentMicros,
  };
}

/** The tightest bound; of equals the one that is there to stay. */
function leastRoom({ total, day, hour, pacing, breaker }: Rooms): {
  readonly room: Micros;
  readonly limit: GrantLimit;
  readonly mustShrink: boolean;
} {
  let [room, limit]: [number, GrantLimit] = [total, 'total'];
  const bounds: [GrantLimit, Micros][] = [
    ['day', day],
    ['hour', hour],
    ['pacing', pacing],
  ];
  for (const [name, micros] of bounds) if (micros < room) [room, limit] = [micros, name];
  // Pacing is a forecast: what is out too early by it is not worth taking back.
  const mustShrink = Math.min(total, day, hour, breaker) < 0;
  return { room: Math.min(room, breaker), limit, mustShrink };
}
