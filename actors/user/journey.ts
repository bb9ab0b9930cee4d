/**
 * What an event does to a user's path, and through it to the partition's path counts and to the
 * ledger of conversions.
 *
 * Invariants:
 *   J1 In any order of arrival within the lateness bound, touches, conversions and refunds end in
 *      the counts of the sorted log (I6): a refund that comes before its order waits for it.
 *   J2 A conversion that has settled keeps its path, so that a refund weeks later takes back
 *      exactly what was counted.
 */
import type { Settings } from '../../protocols/campaign.ts';
import type { LedgerEntry } from '../../protocols/conversion-ledger.ts';
import type { ConversionEvent, Event, TouchEvent } from '../../protocols/event.ts';
import { type Micros, toMicros } from '../../protocols/money.ts';
import {
  type FusedState,
  isPathConversion,
  type Path,
  type PathConversion,
  type PathItem,
  type PathTouch,
  type PendingRefund,
  type SettledOrder,
  type TouchFact,
  touchFact,
} from '../../protocols/user-snapshot.ts';
import { channelOf } from '../channel/derive-channel.ts';
import { shortId } from './duplicates.ts';
import {
  type CutPaths,
  countChange,
  cutPaths,
  type PathBounds,
  type PathCounts,
  placeItem,
  prune,
} from './path.ts';
import { allows } from './state.ts';

/** Settled orders kept per user, the latest to settle; refunds of older ones are unmatched. */
export const MAX_SETTLED_ORDERS = 8;
/** Orders per user whose refund came first; beyond, the one that waits longest is given up. */
export const MAX_PENDING_REFUNDS = 8;

/** What a path cannot show, and what refunds took back; each grows by what one event did. */
export interface PathTally {
  touchesTooLate: number;
  conversionsTooLate: number;
  touchesOutsideWindow: number;
  conversionsWithoutPath: number;
  refundsUnmatched: number;
  refundedMicros: Micros;
}

/** Where the effects of a user's journey go. */
export interface JourneyEffects extends PathCounts {
  /** Puts a conversion into the ledger as it now is. */
  order(entry: LedgerEntry): void;
  /** The ledger must forget this user. */
  forgetOrders(): void;
}

/** The settings a path depends on. */
export function pathBounds(settings: Settings): PathBounds {
  return { lookbackMs: settings.lookback_ms, latenessMs: settings.lateness_ms };
}

/**
 * Moves a user's path on by one admitted event and counts the change.
 *
 * @param before the user's clock before the event, which decides what is too late.
 * @param state the state after foldEvent; its path is still the old one.
 * @returns the state with its new path; the same object if nothing changed.
 */
export function moveAlongPath(
  before: FusedState,
  state: FusedState,
  event: Event,
  settings: Settings,
  effects: JourneyEffects,
  tally: PathTally,
): FusedState {
  if (!allows(state, 'measurement', settings)) return forgetPath(state, event, effects, tally);
  switch (event.type) {
    case 'impression':
    case 'click':
      if (!isTooLate(before, state, event, settings)) {
        return withItems(state, placeItem(state.path, touchOf(event)), settings, effects, tally);
      }
      tally.touchesTooLate++;
      return state;
    case 'conversion':
      if (!isTooLate(before, state, event, settings)) {
        return converted(state, event, settings, effects, tally);
      }
      tally.conversionsTooLate++;
      return state;
    case 'refund':
      return refunded(state, event, settings, effects, tally);
    default:
      return state;
  }
}

function isTooLate(before: FusedState, state: FusedState, event: Event, settings: Settings) {
  const { timestamp: t } = event;
  if (before.events === 0) return false;
  return t < before.nowMs - settings.lateness_ms || t <= state.pathSettledMs;
}

function touchOf(event: TouchEvent): PathTouch {
  const { timestamp: t, campaign } = event;
  const touch = { t, id: shortId(event.event_id), channel: channelOf(event) };
  return campaign === undefined ? touch : { ...touch, campaign };
}

/** Puts changed items in place: counts the change, settles what no event can reach any more. */
function withItems(
  state: FusedState,
  change: readonly PathItem[],
  settings: Settings,
  effects: JourneyEffects,
  tally: PathTally,
): FusedState {
  const bounds = pathBounds(settings);
  // What is taken back has to be what was counted, under whatever window that was.
  const was = cutPaths(state.path, state.pathLookbackMs);
  const is = cutPaths(change, bounds.lookbackMs);
  countChange(was.paths, is.paths, effects);
  tellOrders(was, is, effects);
  tally.touchesOutsideWindow += is.touchesOutsideWindow - was.touchesOutsideWindow;
  tally.conversionsWithoutPath += is.withoutPath.length - was.withoutPath.length;
  const { items, settledMs } = prune(change, state.nowMs, bounds);
  const watermarkMs = state.nowMs - settings.lateness_ms;
  return {
    ...state,
    path: items as PathItem[],
    pathSettledMs: Math.max(state.pathSettledMs, settledMs),
    pathLookbackMs: items.length === 0 ? 0 : bounds.lookbackMs,
    orders: items.length === change.length ? state.orders : settle(state.orders, is, items),
    refunds: state.refunds.filter(({ t }) => t >= watermarkMs),
  };
}

/** Tells the ledger of conversions whose value or path differs from before. */
function tellOrders(was: CutPaths, is: CutPaths, effects: JourneyEffects): void {
  const before = conversionsOf(was);
  const after = conversionsOf(is);
  for (const [order, { conversion, touches }] of after) {
    const known = before.get(order);
    before.delete(order);
    const isSame = known?.conversion === conversion && isSameList(known.touches, touches);
    if (isSame) continue;
    effects.order(counted(conversion, touches));
  }
  for (const [order, { conversion }] of before) {
    effects.order(takenBack(order, conversion.t));
  }
}

function counted(
  { order, t, micros }: Pick<PathConversion, 'order' | 't' | 'micros'>,
  touches: readonly TouchFact[],
): LedgerEntry {
  const facts = touches.map(touchFact);
  return { v: 1, order, t, value_micros: micros, taken_back: false, touches: facts };
}

function takenBack(order: string, t: number): LedgerEntry {
  return { v: 1, order, t, value_micros: 0, taken_back: true, touches: [] };
}

interface Converted {
  readonly conversion: PathConversion;
  readonly touches: readonly TouchFact[];
}

function conversionsOf({ paths, withoutPath }: CutPaths): Map<string, Converted> {
  const byOrder = new Map<string, Converted>();
  for (const { touches, conversion } of paths) {
    // Paths of a cut end in the items they were cut from.
    const item = conversion as PathConversion | undefined;
    if (item !== undefined) byOrder.set(item.order, { conversion: item, touches });
  }
  for (const conversion of withoutPath) {
    byOrder.set(conversion.order, { conversion, touches: [] });
  }
  return byOrder;
}

function isSameList(a: readonly TouchFact[], b: readonly TouchFact[]): boolean {
  return a.length === b.length && a.every((touch, i) => touch === b[i]);
}

/** The settled orders after pruning: those that left the items join with their paths (J2). */
function settle(
  orders: readonly SettledOrder[],
  cut: CutPaths,
  kept: readonly PathItem[],
): SettledOrder[] {
  const stays = new Set(kept);
  const settled = [...orders];
  const leaving = [...conversionsOf(cut).values()]
    .filter(({ conversion }) => !stays.has(conversion))
    .sort(
      (a, b) => a.conversion.t - b.conversion.t || (a.conversion.id < b.conversion.id ? -1 : 1),
    );
  for (const { conversion, touches } of leaving) {
    const { order, t, micros } = conversion;
    settled.push({ order, t, micros, touches: touches.map(touchFact) });
  }
  return settled.slice(-MAX_SETTLED_ORDERS);
}

/** A conversion takes its place, less what refunds have taken back already (J1). */
function converted(
  state: FusedState,
  event: ConversionEvent,
  settings: Settings,
  effects: JourneyEffects,
  tally: PathTally,
): FusedState {
  const { timestamp: t, order_id: order } = event;
  const micros = toMicros(event.value);
  const pending = state.refunds.find((refund) => refund.order === order);
  let left: Micros | undefined = micros;
  let next = state;
  if (pending !== undefined) {
    left = leftAfter(micros, pending.isWhole ? undefined : pending.micros);
    tally.refundsUnmatched -= pending.count;
    tally.refundedMicros += micros - (left ?? 0) - pending.micros;
    next = { ...state, refunds: state.refunds.filter((refund) => refund !== pending) };
  }
  if (left === undefined) {
    effects.order(takenBack(order, t));
    return withItems(next, next.path, settings, effects, tally);
  }
  const item = { t, id: shortId(event.event_id), order, micros: left };
  return withItems(next, placeItem(next.path, item), settings, effects, tally);
}

/** What a refund leaves of a value; undefined if it takes the conversion back. */
function leftAfter(micros: Micros, back: Micros | undefined): Micros | undefined {
  return back === undefined || back >= micros ? undefined : micros - back;
}

type RefundEvent = Extract<Event, { type: 'refund' }>;

function refunded(
  state: FusedState,
  event: RefundEvent,
  settings: Settings,
  effects: JourneyEffects,
  tally: PathTally,
): FusedState {
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
    return withItems(state, items, settings, effects, tally);
  }
  const settled = state.orders.find((each) => each.order === order);
  if (settled !== undefined) return takenFromSettled(state, settled, back, effects, tally);
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
  tally: PathTally,
): FusedState {
  const { order, t, micros, touches } = settled;
  const left = leftAfter(micros, back);
  tally.refundedMicros += micros - (left ?? 0);
  if (touches.length === 0) tally.conversionsWithoutPath -= left === undefined ? 1 : 0;
  else {
    const after = left === undefined ? undefined : { t, micros: left };
    countChange([pathOf(settled)], [{ touches, conversion: after }], effects);
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

function pathOf({ t, micros, touches }: SettledOrder): Path {
  return { touches, conversion: { t, micros } };
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

/** Whether this order has been counted already. */
export function hasOrder(state: FusedState, event: ConversionEvent): boolean {
  const { order_id: order } = event;
  return (
    state.path.some((item) => isPathConversion(item) && item.order === order) ||
    state.orders.some((settled) => settled.order === order)
  );
}

/**
 * Without consent to measurement no path is kept (I7): the open path is taken out of the counts,
 * the ledger forgets the user, and nothing from before can come back. Paths that had ended stay in
 * the totals, without a user.
 */
function forgetPath(
  state: FusedState,
  event: Event,
  effects: JourneyEffects,
  tally: PathTally,
): FusedState {
  if (event.type === 'conversion') tally.conversionsWithoutPath++;
  if (event.type === 'refund') {
    tally.refundsUnmatched++;
    tally.refundedMicros += toMicros(event.value ?? 0);
  }
  const hadOrders = state.orders.length > 0 || state.path.some(isPathConversion);
  if (hadOrders) effects.forgetOrders();
  const isBlank = state.path.length === 0 && !hadOrders && state.refunds.length === 0;
  if (isBlank && state.pathSettledMs === state.nowMs) return state;
  const { paths } = cutPaths(state.path, state.pathLookbackMs);
  const last = state.path[state.path.length - 1];
  const hasOpenPath = last !== undefined && !isPathConversion(last);
  if (hasOpenPath) countChange(paths, paths.slice(0, -1), effects);
  const path = { path: [], pathSettledMs: state.nowMs, pathLookbackMs: 0, orders: [], refunds: [] };
  return { ...state, ...path };
}
