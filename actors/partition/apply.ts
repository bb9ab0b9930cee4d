/**
 * A partition's step: one event of its log, applied to its user and its aggregates. Everything
 * that follows from the event is in what this returns or marked dirty in the partition's state,
 * and is stored in one commit (I1).
 */
import { type TrafficCell, utcDay } from '../../protocols/cells.ts';
import type { Receipt } from '../../protocols/decision.ts';
import type { Event, Rejection } from '../../protocols/event.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import { toMicros } from '../../protocols/money.ts';
import { channelOf, rulesOf } from '../channel/derive-channel.ts';
import type { MarkStage } from '../stage-marks.ts';
import { passDeadlines, receiveOnTime, type UserActor, withState } from '../user/actor.ts';
import { admit } from '../user/duplicates.ts';
import { moveForecasts } from '../user/forecasts.ts';
import { hasOrder, moveAlongPath } from '../user/journey.ts';
import { emptyTally, type JourneyEffects, type PathTally } from '../user/path-change.ts';
import { allows } from '../user/state.ts';
import { decide, type WatchAuction } from './decide.ts';
import { ForecastCounts } from './forecast-counts.ts';
import { takeOutcomes } from './outcomes.ts';
import type { PartitionState } from './state.ts';

export type Applied =
  | { readonly verdict: 'accepted'; readonly actor: UserActor; readonly receipt?: Receipt }
  /** With an actor where the duplicate has to be remembered. */
  | { readonly verdict: 'duplicate'; readonly reason: string; readonly actor?: UserActor }
  | { readonly verdict: 'rejected'; readonly rejection: Rejection };

/** An event with its place in the log. */
export interface LoggedEvent {
  readonly user: UserToken;
  readonly sequence: StreamSequence;
  readonly event: Event;
}

/**
 * Applies one parsed event. A duplicate or a rejected event changes nothing but its count.
 *
 * @param watch shown the auction that the event leads to, before it is held.
 * @param mark called at each stage that the event comes through.
 */
export function applyEvent(
  partition: PartitionState,
  actor: UserActor,
  { user, sequence, event }: LoggedEvent,
  watch?: WatchAuction,
  mark?: MarkStage,
): Applied {
  const { userReference } = partition;
  const { settings } = userReference;
  const traffic = partition.traffic();
  const rejection = unfit(event, settings.currency);
  if (rejection !== undefined) {
    traffic.rejected++;
    return { verdict: 'rejected', rejection };
  }
  const admission = admit(actor.context.duplicates, event);
  if (admission.duplicate) {
    traffic.duplicates++;
    return { verdict: 'duplicate', reason: admission.reason };
  }
  if (event.type === 'conversion' && hasOrder(actor.context, event)) {
    traffic.duplicates++;
    return {
      verdict: 'duplicate',
      reason: `order_id ${event.order_id} was seen before`,
      // The order leaves the path one day; its index keeps a repetition of this event out.
      actor: withState(actor, { ...actor.context, duplicates: admission.memory }),
    };
  }
  traffic.accepted++;
  const before = actor.context;
  const onTime = passDeadlines(actor, event.timestamp);
  let next = receiveOnTime(onTime, event, admission.memory, userReference, mark);
  countEvent(partition, event);
  const tally = emptyTally();
  const effects: JourneyEffects = {
    tally,
    path: (path, by) => partition.journal.path(path, by),
    order: (entry) => partition.order(user, entry),
    forgetOrders: () => partition.forgetOrders(user, sequence),
  };
  let state = moveAlongPath(user, before, next.context, event, settings, effects);
  const { model } = userReference.scorer;
  const counts = new ForecastCounts(partition, state);
  // The fold has just made this state and nobody else has it: a copy would cost more than the rest.
  state.forecasts = moveForecasts(before, next.context, event, model, counts);
  countTally(traffic, tally);
  state = takeOutcomes(partition, before, state, event);
  mark?.('journey');
  const made = allows(state, 'personalization', settings)
    ? decide(partition, { user, chart: next.value, state }, { event, sequence }, watch)
    : undefined;
  if (made !== undefined) {
    state = made.state;
    mark?.('auction');
  }
  const receipt = made?.receipt;
  if (receipt !== undefined) {
    traffic.decisions++;
    traffic.wins += receipt.wins.length;
  }
  partition.pulse.count(partition.clockMs, {
    ...{ event, missing: admission.missing, onTime, next, refundedMicros: tally.refundedMicros },
    wins: receipt?.wins.length,
  });
  if (state !== next.context) next = withState(next, state);
  return receipt === undefined
    ? { verdict: 'accepted', actor: next }
    : { verdict: 'accepted', actor: next, receipt };
}

/** Takes the count of an event that could not even be parsed. */
export function countRejected(partition: PartitionState): void {
  partition.traffic().rejected++;
}

/** Why an event cannot be taken with these settings. */
export function unfit(event: Event, currency: string): Rejection | undefined {
  if (event.type !== 'conversion' || event.currency === currency) return undefined;
  return {
    field: 'currency',
    expected: `"${currency}", the reporting currency`,
    found: JSON.stringify(event.currency),
    hint: 'convert the value before sending it',
  };
}

function countTally(traffic: TrafficCell, tally: PathTally): void {
  traffic.touches_too_late += tally.touchesTooLate;
  traffic.conversions_too_late += tally.conversionsTooLate;
  traffic.touches_outside_window += tally.touchesOutsideWindow;
  traffic.conversions_without_path += tally.conversionsWithoutPath;
  traffic.refunds_unmatched += tally.refundsUnmatched;
  traffic.refunded_micros += tally.refundedMicros;
  traffic.touches_sampled_out += tally.touchesSampledOut;
  traffic.conversions_sampled_out += tally.conversionsSampledOut;
}

function countEvent(partition: PartitionState, event: Event): void {
  const traffic = partition.traffic();
  switch (event.type) {
    case 'impression':
    case 'click': {
      traffic.touches++;
      const kind = event.type === 'click' ? 'clicks' : 'impressions';
      const channel = channelOf(event, rulesOf(partition.userReference.settings));
      partition.touch(utcDay(event.timestamp), channel, kind, toMicros(event.cost ?? 0));
      return;
    }
    case 'conversion':
      traffic.conversions++;
      traffic.value_micros += toMicros(event.value);
      return;
    default:
      return;
  }
}
