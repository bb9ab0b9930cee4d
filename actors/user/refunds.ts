/**
 * Refunds: taken from an order on the path, from one that has settled, or kept for one that has
 * not come yet.
 *
 * Invariants:
 *   J1 In any order of arrival within the lateness bound, touches, conversions and the refunds of
 *      conversions that have not settled end in the counts of the sorted log (I6): a refund that
 *      comes before its order waits for it. Once settled, a path is not cut again: taken back, it
 *      ends in null where it ended.
 */

import type { Event } from '../../protocols/event.ts';
import { type Micros, toMicros } from '../../protocols/money.ts';
import type { Settings } from '../../protocols/settings.ts';
import {
  type FusedState,
  isPathConversion,
  type Path,
  type PendingRefund,
  type SettledOrder,
} from '../../protocols/user-snapshot.ts';
import { countChange } from './path.ts';
import { counted, type JourneyEffects, takenBack, withItems } from './path-change.ts';

/** Orders per user whose refund came first; beyond, the one that waits longest is given up. */
export const MAX_PENDING_REFUNDS = 8;

/** What a refund leaves of a value; undefined if it takes the conversion back. */
export function leftAfter(micros: Micros, back: Micros | undefined): Micros | undefined {
  return back === undefined || back >= micros ? undefined : micros - back;
}

type RefundEvent = Extract<Event, { type: 'refund' }>;

/** What a refund does to a user's path. */
export function refunded(
  state: FusedState,
  event: RefundEvent,
  settings: Settings,
  effects: JourneyEffects,
): FusedState {
  const { tally } = effects;
  const { order_id: order, value } = event;
  const back = value === undefined ? undefined : toMicros(value);
  const at = state.path.findIndex((item) => isPathConversion(item) && item.order === order);
  const item = state.path[at];
  if (item !== undefined && isPathConversion(item)) {
    const left = leftAfter(item.micros, back);
    tally.refundedMicros += item.micros - (left ?? 0);
    const items = state.path.slice();
    if (left === undefined) items.splice(at, 1);
    else items[at] = { ...item, micros: left };
    return withItems(state, items, settings, effects);
  }
  const settled = state.orders.find((each) => each.order === order);
  if (settled !== undefined) return takenFromSettled(state, settled, back, effects);
  tally.refundsUnmatched++;
  tally.refundedMicros += back ?? 0;
  return withPendingRefund(state, event, back, settings);
}

/** Takes a refund from a conversion that has settled: its path ends in null, if nothing is left. */
function takenFromSettled(
  state: FusedState,
  settled: SettledOrder,
  back: Micros | undefined,
  effects: JourneyEffects,
): FusedState {
  const { tally } = effects;
  const { order, t, micros, touches, samplePpm } = settled;
  const left = leftAfter(micros, back);
  tally.refundedMicros += micros - (left ?? 0);
  if (touches.length === 0) tally.conversionsWithoutPath -= left === undefined ? 1 : 0;
  else {
    const after = left === undefined ? undefined : { t, micros: left };
    countChange([pathOf(settled)], [{ touches, conversion: after, samplePpm }], effects);
  }
  const entry =
    left === undefined ? takenBack(order, t) : counted({ order, t, micros: left }, touches);
  effects.order(entry);
  const orders = state.orders.flatMap((each) => {
    if (each !== settled) return [each];
    return left === undefined ? [] : [{ ...settled, micros: left }];
  });
  return { ...state, orders };
}

function pathOf({ t, micros, touches, samplePpm }: SettledOrder): Path {
  return { touches, conversion: { t, micros }, samplePpm };
}

/** Keeps a refund for its order, as long as that may still come. */
function withPendingRefund(
  state: FusedState,
  { order_id: order, timestamp: t }: RefundEvent,
  back: Micros | undefined,
  settings: Settings,
): FusedState {
  if (t < state.nowMs - settings.lateness_ms) return state;
  const known = state.refunds.find((refund) => refund.order === order);
  const pending: PendingRefund = {
    order,
    t: Math.max(known?.t ?? 0, t),
    count: (known?.count ?? 0) + 1,
    micros: (known?.micros ?? 0) + (back ?? 0),
    isWhole: known?.isWhole === true || back === undefined,
  };
  const refunds = state.refunds.filter((refund) => refund !== known).concat(pending);
  refunds.sort((a, b) => a.t - b.t || (a.order < b.order ? -1 : 1));
  return { ...state, refunds: refunds.slice(-MAX_PENDING_REFUNDS) };
}
