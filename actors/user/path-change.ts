/**
 * Changing a user's path: what changed is counted and told to the ledger, and what no event can
 * reach any more settles.
 *
 * Invariants:
 *   J2 A conversion that has settled keeps its path, so that a refund weeks later takes back
 *      exactly what was counted.
 */

import type { LedgerEntry } from '../../protocols/conversion-ledger.ts';
import type { Micros } from '../../protocols/money.ts';
import type { Settings } from '../../protocols/settings.ts';
import {
  type FusedState,
  isPathConversion,
  type PathConversion,
  type PathItem,
  type SettledOrder,
  type TouchFact,
  touchFact,
} from '../../protocols/user-snapshot.ts';
import {
  type CutPaths,
  countChange,
  cutPaths,
  isSameTouches,
  type PathCounts,
  prune,
} from './path.ts';

/** Settled orders kept per user, the latest to settle; refunds of older ones are unmatched. */
export const MAX_SETTLED_ORDERS = 8;

/** What a path cannot show, and what refunds took back; each grows by what one event did. */
export interface PathTally {
  touchesTooLate: number;
  conversionsTooLate: number;
  touchesOutsideWindow: number;
  conversionsWithoutPath: number;
  refundsUnmatched: number;
  refundedMicros: Micros;
  touchesSampledOut: number;
  conversionsSampledOut: number;
}

/** A tally in which nothing has happened. */
export function emptyTally(): PathTally {
  return {
    touchesTooLate: 0,
    conversionsTooLate: 0,
    touchesOutsideWindow: 0,
    conversionsWithoutPath: 0,
    refundsUnmatched: 0,
    refundedMicros: 0,
    touchesSampledOut: 0,
    conversionsSampledOut: 0,
  };
}

/** Where the effects of a user's journey go. */
export interface JourneyEffects extends PathCounts {
  /** What the event did that no count of paths shows. */
  readonly tally: PathTally;
  /** Puts a conversion into the ledger as it now is. */
  order(entry: LedgerEntry): void;
  /** The ledger must forget this user. */
  forgetOrders(): void;
}

/** Puts changed items in place: counts the change, settles what no event can reach any more. */
export function withItems(
  state: FusedState,
  change: readonly PathItem[],
  settings: Settings,
  effects: JourneyEffects,
): FusedState {
  const { tally } = effects;
  const { lookback_ms: lookbackMs, lateness_ms: latenessMs, path_sample_ppm: samplePpm } = settings;
  // What is taken back has to be what was counted, under whatever window and sample that was.
  const was = cutPaths(state.path, state.pathLookbackMs, state.pathSamplePpm);
  const is = cutPaths(change, lookbackMs, samplePpm);
  countChange(was.paths, is.paths, effects);
  tellOrders(was, is, effects);
  tally.touchesOutsideWindow += is.touchesOutsideWindow - was.touchesOutsideWindow;
  tally.conversionsWithoutPath += is.withoutPath.length - was.withoutPath.length;
  const { items, settledMs } = prune(change, state.nowMs, { lookbackMs, latenessMs });
  const watermarkMs = state.nowMs - latenessMs;
  return {
    ...state,
    path: items as PathItem[],
    pathSettledMs: Math.max(state.pathSettledMs, settledMs),
    pathLookbackMs: items.length === 0 ? 0 : lookbackMs,
    pathSamplePpm: items.length === 0 ? 0 : samplePpm,
    orders:
      items.length === change.length ? state.orders : settle(state.orders, is, items, samplePpm),
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
    const isSame = known?.conversion === conversion && isSameTouches(known.touches, touches);
    if (isSame) continue;
    effects.order(counted(conversion, touches));
  }
  for (const [order, { conversion }] of before) {
    effects.order(takenBack(order, conversion.t));
  }
}

/** An order in the ledger that counts for its path. */
export function counted(
  { order, t, micros }: Pick<PathConversion, 'order' | 't' | 'micros'>,
  touches: readonly TouchFact[],
): LedgerEntry {
  const facts = touches.map(touchFact);
  return { v: 1, order, t, value_micros: micros, taken_back: false, touches: facts };
}

/** An order in the ledger that counts for nothing. */
export function takenBack(order: string, t: number): LedgerEntry {
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

/** The settled orders after pruning: those that left the items join with their paths (J2). */
function settle(
  orders: readonly SettledOrder[],
  cut: CutPaths,
  kept: readonly PathItem[],
  samplePpm: number,
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
    settled.push({ order, t, micros, touches: touches.map(touchFact), samplePpm });
  }
  return settled.slice(-MAX_SETTLED_ORDERS);
}

/** What a state holds of a path when none is kept. */
export const NO_PATH = { path: [], pathLookbackMs: 0, pathSamplePpm: 0 };

/** Takes the open path out of the counts; returns what the items are cut into. */
export function takeOutOpenPath(state: FusedState, effects: PathCounts): CutPaths {
  const cut = cutPaths(state.path, state.pathLookbackMs, state.pathSamplePpm);
  const last = state.path[state.path.length - 1];
  const hasOpenPath = last !== undefined && !isPathConversion(last);
  if (hasOpenPath) countChange(cut.paths, cut.paths.slice(0, -1), effects);
  return cut;
}

/** A smaller sample leaves this user out: conversions settle, the open path leaves the counts. */
export function leaveSample(state: FusedState, effects: JourneyEffects): FusedState {
  if (state.path.length === 0 && state.pathSettledMs === state.nowMs) return state;
  const cut = takeOutOpenPath(state, effects);
  const orders = settle(state.orders, cut, [], state.pathSamplePpm);
  return { ...state, ...NO_PATH, pathSettledMs: state.nowMs, orders };
}
