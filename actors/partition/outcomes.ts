/**
 * What becomes of wins: outcomes that applications report, conversions that follow, and the prices
 * that they make due.
 */
import type { ConversionEvent, Event } from '../../protocols/event.ts';
import { type Micros, toMicros } from '../../protocols/money.ts';
import type { Settings } from '../../protocols/settings.ts';
import type { Exposure, FusedState } from '../../protocols/user-snapshot.ts';
import { allows } from '../user/state.ts';
import type { PartitionState } from './state.ts';
import { countInTrials } from './trials.ts';

type OutcomeEvent = Extract<Event, { type: 'outcome' }>;

/**
 * Counts what an event says of earlier wins.
 *
 * @param before the user before the event: an outcome counts even if the event ends the consent to
 *   remember the win.
 * @param state the user after it; returned with what has changed about wins and trials.
 */
export function takeOutcomes(
  partition: PartitionState,
  before: FusedState,
  state: FusedState,
  event: Event,
): FusedState {
  if (event.type === 'outcome') return takeOutcome(partition, before, state, event);
  if (event.type === 'conversion') return takeConversion(partition, state, event);
  return state;
}

function takeOutcome(
  partition: PartitionState,
  { exposures }: FusedState,
  state: FusedState,
  { decision_id, campaign, outcome }: OutcomeEvent,
): FusedState {
  const isMeant = (win: Exposure): boolean =>
    win.decision === decision_id && (campaign === undefined || win.campaign === campaign);
  const win = exposures.find(isMeant);
  if (win === undefined || win.seen.includes(outcome)) return state;
  partition.changeDelivery(win.campaign)[outcome]++;
  const changed = { ...settled(partition, win, outcome), seen: [...win.seen, outcome] };
  return { ...state, exposures: withWin(state.exposures, win, changed) };
}

function takeConversion(
  partition: PartitionState,
  state: FusedState,
  { timestamp, value }: ConversionEvent,
): FusedState {
  const { settings } = partition.reference;
  const mayKnow =
    allows(state, 'measurement', settings) && allows(state, 'personalization', settings);
  if (!mayKnow) return state;
  const micros = toMicros(value);
  const trials = countInTrials(partition, state.trials, timestamp, micros);
  const win = lastWinBefore(state.exposures, timestamp, settings);
  if (win === undefined) return trials === state.trials ? state : { ...state, trials };
  const delivery = partition.changeDelivery(win.campaign);
  delivery.converted++;
  delivery.value_micros += micros;
  const changed = settled(partition, win, 'converted');
  return { ...state, trials, exposures: withWin(state.exposures, win, changed) };
}

/** The win that a conversion belongs to: the last one before it, within the outcome window. */
function lastWinBefore(
  exposures: readonly Exposure[],
  atMs: number,
  { outcome_window_ms }: Settings,
): Exposure | undefined {
  let last: Exposure | undefined;
  for (const win of exposures) {
    if (win.t > atMs || atMs - win.t > outcome_window_ms) continue;
    if (last === undefined || win.t >= last.t) last = win;
  }
  return last;
}

/** A win whose price is paid, or given away, if this makes it due. */
function settled(
  partition: PartitionState,
  win: Exposure,
  on: NonNullable<Exposure['owes']>['on'] | 'dismissed',
): Exposure {
  if (win.owes === null || win.owes.on !== on) return win;
  chargeLater(partition, win.campaign, win.owes.micros);
  return { ...win, owes: null };
}

/** A price that comes due after its win: no grant may be left for it. */
function chargeLater(partition: PartitionState, campaign: string, micros: Micros): void {
  if (!partition.pay(campaign, micros))
    partition.changeDelivery(campaign).unbilled_micros += micros;
}

function withWin(exposures: readonly Exposure[], win: Exposure, changed: Exposure): Exposure[] {
  return exposures.map((each) => (each === win ? changed : each));
}
