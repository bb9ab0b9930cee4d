/**
 * What an event does to a user's path, and through it to the partition's transition counts.
 */
import type { Settings } from '../../protocols/campaign.ts';
import type { ConversionEvent, Event } from '../../protocols/event.ts';
import { type Micros, toMicros } from '../../protocols/money.ts';
import { type FusedState, isPathConversion, type PathItem } from '../../protocols/user-snapshot.ts';
import { channelOf } from '../channel/derive-channel.ts';
import { shortId } from './duplicates.ts';
import {
  countChange,
  cutPaths,
  type PathBounds,
  type PathCounts,
  placeItem,
  prune,
} from './path.ts';
import { allows } from './state.ts';

/** What a path cannot show, and what refunds took back; each grows by what one event did. */
export interface PathTally {
  touchesTooLate: number;
  conversionsTooLate: number;
  touchesOutsideWindow: number;
  conversionsWithoutPath: number;
  refundsUnmatched: number;
  refundedMicros: Micros;
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
  counts: PathCounts,
  tally: PathTally,
): FusedState {
  if (!allows(state, 'measurement', settings)) return forgetPath(state, event, counts, tally);
  const change = changedItems(before, state, event, settings, tally);
  if (change === undefined) return state;
  const bounds = pathBounds(settings);
  // What is taken back has to be what was counted, under whatever window that was.
  const was = cutPaths(state.path, state.pathLookbackMs);
  const is = cutPaths(change, bounds.lookbackMs);
  countChange(was.paths, is.paths, counts);
  tally.touchesOutsideWindow += is.touchesOutsideWindow - was.touchesOutsideWindow;
  tally.conversionsWithoutPath += is.conversionsWithoutPath - was.conversionsWithoutPath;
  const { items, settledMs } = prune(change, state.nowMs, bounds);
  const pathSettledMs = Math.max(state.pathSettledMs, settledMs);
  const pathLookbackMs = items.length === 0 ? 0 : bounds.lookbackMs;
  return { ...state, path: items as PathItem[], pathSettledMs, pathLookbackMs };
}

/** The path's items after the event, or undefined if it leaves them alone. */
function changedItems(
  before: FusedState,
  state: FusedState,
  event: Event,
  settings: Settings,
  tally: PathTally,
): PathItem[] | undefined {
  const t = event.timestamp;
  const isTooLate =
    before.events > 0 && (t < before.nowMs - settings.lateness_ms || t <= state.pathSettledMs);
  const id = shortId(event.event_id);
  switch (event.type) {
    case 'impression':
    case 'click':
      if (isTooLate) {
        tally.touchesTooLate++;
        return undefined;
      }
      return placeItem(state.path, { t, id, channel: channelOf(event) });
    case 'conversion':
      if (isTooLate) {
        tally.conversionsTooLate++;
        return undefined;
      }
      return placeItem(state.path, { t, id, order: event.order_id, micros: toMicros(event.value) });
    case 'refund':
      return refunded(state, event.order_id, event.value, tally);
    default:
      return undefined;
  }
}

/** A whole refund takes the conversion out of the path; a part of it lowers its value. */
function refunded(
  state: FusedState,
  order: string,
  value: number | undefined,
  tally: PathTally,
): PathItem[] | undefined {
  const at = orderIndex(state.path, order);
  const item = state.path[at];
  if (item === undefined || !isPathConversion(item)) {
    tally.refundsUnmatched++;
    tally.refundedMicros += toMicros(value ?? 0);
    return undefined;
  }
  const micros = value === undefined ? 0 : Math.max(0, item.micros - toMicros(value));
  tally.refundedMicros += item.micros - micros;
  const items = state.path.slice();
  if (micros === 0) items.splice(at, 1);
  else items[at] = { ...item, micros };
  return items;
}

/** Whether the path holds a conversion of this order already. */
export function hasOrder(state: FusedState, event: ConversionEvent): boolean {
  return orderIndex(state.path, event.order_id) >= 0;
}

function orderIndex(items: readonly PathItem[], order: string): number {
  return items.findIndex((item) => isPathConversion(item) && item.order === order);
}

/**
 * Without consent to measurement no path is kept (I7): the open path is taken out of the counts,
 * and nothing from before can come back. Paths that had ended stay in the totals, without a user.
 */
function forgetPath(
  state: FusedState,
  event: Event,
  counts: PathCounts,
  tally: PathTally,
): FusedState {
  if (event.type === 'conversion') tally.conversionsWithoutPath++;
  if (event.type === 'refund') {
    tally.refundsUnmatched++;
    tally.refundedMicros += toMicros(event.value ?? 0);
  }
  if (state.path.length === 0 && state.pathSettledMs === state.nowMs) return state;
  const { paths } = cutPaths(state.path, state.pathLookbackMs);
  const last = state.path[state.path.length - 1];
  const hasOpenPath = last !== undefined && !isPathConversion(last);
  if (hasOpenPath) countChange(paths, paths.slice(0, -1), counts);
  return { ...state, path: [], pathSettledMs: state.nowMs, pathLookbackMs: 0 };
}
