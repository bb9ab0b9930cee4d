/**
 * What an event does to a user's path, and through it to the partition's path counts and to the
 * ledger of conversions.
 */

import { EVERYBODY_PPM } from '../../protocols/cohort.ts';
import type { ConversionEvent, Event, TouchEvent } from '../../protocols/event.ts';
import type { UserToken } from '../../protocols/ids.ts';
import { type Micros, toMicros } from '../../protocols/money.ts';
import type { Settings } from '../../protocols/settings.ts';
import {
  type FusedState,
  isPathConversion,
  type PathTouch,
} from '../../protocols/user-snapshot.ts';
import { channelOf, rulesOf } from '../channel/derive-channel.ts';
import { isSampled, PATH_SAMPLE_SEED } from '../channel/sampling.ts';
import { shortId } from './duplicates.ts';
import { placeItem } from './path.ts';
import {
  type JourneyEffects,
  leaveSample,
  NO_PATH,
  takenBack,
  takeOutOpenPath,
  withItems,
} from './path-change.ts';
import { leftAfter, refunded } from './refunds.ts';
import { allows } from './state.ts';

/**
 * Moves a user's path on by one admitted event and counts the change.
 *
 * @param user decides whether the path is in the sample.
 * @param before the user's clock before the event, which decides what is too late.
 * @param state the state after foldEvent; its path is still the old one.
 * @returns the state with its new path; the same object if nothing changed.
 */
export function moveAlongPath(
  user: UserToken,
  before: FusedState,
  state: FusedState,
  event: Event,
  settings: Settings,
  effects: JourneyEffects,
): FusedState {
  if (!allows(state, 'measurement', settings)) return forgetPath(state, event, effects);
  const { tally } = effects;
  if (!isInSample(user, settings)) {
    if (isTouch(event)) tally.touchesSampledOut++;
    if (event.type === 'conversion') tally.conversionsSampledOut++;
    const left = leaveSample(state, effects);
    return event.type === 'refund' ? refunded(left, event, settings, effects) : left;
  }
  switch (event.type) {
    case 'impression':
    case 'click':
      if (!isTooLate(before, state, event, settings)) {
        const items = placeItem(state.path, touchOf(event, settings));
        return withItems(state, items, settings, effects);
      }
      tally.touchesTooLate++;
      return state;
    case 'conversion':
      if (!isTooLate(before, state, event, settings)) {
        return converted(state, event, settings, effects);
      }
      tally.conversionsTooLate++;
      return state;
    case 'refund':
      return refunded(state, event, settings, effects);
    default:
      return state;
  }
}

function isInSample(user: UserToken, { path_sample_ppm }: Settings): boolean {
  return path_sample_ppm === EVERYBODY_PPM || isSampled(user, PATH_SAMPLE_SEED, path_sample_ppm);
}

function isTouch(event: Event): event is TouchEvent {
  return event.type === 'impression' || event.type === 'click';
}

function isTooLate(before: FusedState, state: FusedState, event: Event, settings: Settings) {
  const { timestamp: t } = event;
  if (before.events === 0) return false;
  return t < before.nowMs - settings.lateness_ms || t <= state.pathSettledMs;
}

function touchOf(event: TouchEvent, settings: Settings): PathTouch {
  const { timestamp: t, campaign } = event;
  const channel = channelOf(event, rulesOf(settings));
  const touch = { t, id: shortId(event.event_id), channel };
  return campaign === undefined ? touch : { ...touch, campaign };
}

/** A conversion takes its place, less what refunds have taken back already (J1). */
function converted(
  state: FusedState,
  event: ConversionEvent,
  settings: Settings,
  effects: JourneyEffects,
): FusedState {
  const { tally } = effects;
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
    return withItems(next, next.path, settings, effects);
  }
  const item = { t, id: shortId(event.event_id), order, micros: left };
  return withItems(next, placeItem(next.path, item), settings, effects);
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
function forgetPath(state: FusedState, event: Event, effects: JourneyEffects): FusedState {
  const { tally } = effects;
  if (event.type === 'conversion') tally.conversionsWithoutPath++;
  if (event.type === 'refund') {
    tally.refundsUnmatched++;
    tally.refundedMicros += toMicros(event.value ?? 0);
  }
  const hadOrders = state.orders.length > 0 || state.path.some(isPathConversion);
  if (hadOrders) effects.forgetOrders();
  const isBlank = state.path.length === 0 && !hadOrders && state.refunds.length === 0;
  if (isBlank && state.pathSettledMs === state.nowMs) return state;
  takeOutOpenPath(state, effects);
  return { ...state, ...NO_PATH, pathSettledMs: state.nowMs, orders: [], refunds: [] };
}
