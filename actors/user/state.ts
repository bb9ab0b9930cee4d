/**
 * The fused behavioural state: how one admitted event changes it. Everything here is a pure
 * function of the state, the event and the settings (I2); time is the user's own event time.
 */

import type { Event } from '../../protocols/event.ts';
import type { Explanation } from '../../protocols/explanation.ts';
import type { Settings } from '../../protocols/settings.ts';
import {
  type DuplicateMemory,
  type FusedState,
  MODALITIES,
} from '../../protocols/user-snapshot.ts';
import { explainScores } from '../model/explain.ts';
import { type ModalityBits, modalityBits } from '../model/inputs.ts';
import type { Scorer } from '../model/scorer.ts';
import type { MarkStage } from '../stage-marks.ts';
import { NO_DUPLICATES } from './duplicates.ts';
import { FEATURE_COUNT, fillFeatures, fillNow } from './feature-vector.ts';
import { foldFeatures, NO_FEATURES, withoutModalities } from './features.ts';
import { evolveFusion, fusionNodes, newNodes } from './fusion.ts';
import { interestsAfter, withoutInterests } from './interests.ts';
import { behaviorStep } from './steps.ts';

/** A user not seen for this long has lapsed. */
export const LAPSE_MS = 30 * 86_400_000;
const NO_FUSION = evolveFusion(undefined, fusionNodes(NO_FEATURES.evidence), 0);

/** The reference data that a user's state follows from, beside the events (I2). */
export interface UserReference {
  readonly settings: Settings;
  readonly scorer: Scorer;
}

/** The scores of a user of whom nothing may be known: no event counts yet, or all was refused. */
const UNSCORED: Pick<FusedState, 'concepts' | 'intents'> = {
  concepts: {
    frustration: 0,
    stickiness: 0,
    drop_off: 0,
    hesitation: 0,
    urgency: 0,
    curiosity: 0,
    price_sensitivity: 0,
    loyalty: 0,
  },
  intents: {
    engagement_intent: 0,
    purchase_intent: 0,
    churn_risk: 0,
    conversion_window: [0, 0, 0, 1],
  },
};

/** A user before the first event. */
export const NEW_USER: FusedState = {
  events: 0,
  firstMs: 0,
  nowMs: 0,
  consent: { measurement: 'unasked', personalization: 'unasked', withheld: [], atMs: 0 },
  session: { count: 0, startedAtMs: 0, endsAtMs: 0 },
  lapsesAtMs: 0,
  funnelSinceMs: -1,
  duplicates: NO_DUPLICATES,
  ...NO_FEATURES,
  fusion: NO_FUSION,
  ...UNSCORED,
  interests: {},
  step: 'none',
  path: [],
  pathSettledMs: -1,
  pathLookbackMs: 0,
  pathSamplePpm: 0,
  orders: [],
  refunds: [],
  forecasts: null,
  timeZone: null,
  exposures: [],
  trials: [],
  lastDecision: null,
};

/** Whether a consent purpose allows processing; silence means what the settings say. */
export function allows(
  state: Pick<FusedState, 'consent'>,
  purpose: 'measurement' | 'personalization',
  settings: Settings,
): boolean {
  const answer = state.consent[purpose];
  return answer === 'unasked' ? settings.consent_default === 'granted' : answer === 'granted';
}

/**
 * Folds an admitted event into everything but the path, which needs the partition's counts.
 *
 * @param duplicates the duplicate memory that admitted the event.
 * @param mark called as the event comes through features and scoring.
 */
export function foldEvent(
  state: FusedState,
  event: Event,
  duplicates: DuplicateMemory,
  reference: UserReference,
  mark?: MarkStage,
): FusedState {
  const { settings } = reference;
  const isFirst = state.events === 0;
  const nowMs = isFirst ? event.timestamp : Math.max(state.nowMs, event.timestamp);
  const isOnTime = isFirst || event.timestamp >= state.nowMs;
  const opensSession = isOnTime && event.timestamp > state.session.endsAtMs;
  const seen: Seen = {
    events: state.events + 1,
    firstMs: isFirst ? event.timestamp : Math.min(state.firstMs, event.timestamp),
    nowMs,
    duplicates,
    consent: event.type === 'consent' ? consentFrom(event, state) : state.consent,
    session: isOnTime
      ? sessionAfter(state, event.timestamp, opensSession, settings)
      : state.session,
    lapsesAtMs: nowMs + LAPSE_MS,
    funnelSinceMs: isFirst ? event.timestamp : state.funnelSinceMs,
    path: state.path,
    pathSettledMs: state.pathSettledMs,
    pathLookbackMs: state.pathLookbackMs,
    pathSamplePpm: state.pathSamplePpm,
    orders: state.orders,
    refunds: state.refunds,
  };
  return allows(seen, 'personalization', settings)
    ? withFeatures(seen, event, state, opensSession, reference, mark)
    : withoutFeatures(seen);
}

/** What is kept whatever the user has agreed to. */
type Seen = Pick<
  FusedState,
  | 'events'
  | 'firstMs'
  | 'nowMs'
  | 'duplicates'
  | 'consent'
  | 'session'
  | 'lapsesAtMs'
  | 'funnelSinceMs'
  | 'path'
  | 'pathSettledMs'
  | 'pathLookbackMs'
  | 'pathSamplePpm'
  | 'orders'
  | 'refunds'
>;

function withFeatures(
  seen: Seen,
  event: Event,
  before: FusedState,
  opensSession: boolean,
  { settings, scorer }: UserReference,
  mark?: MarkStage,
): FusedState {
  const { nowMs, consent } = seen;
  const fromMs = before.events === 0 ? nowMs : before.nowMs;
  const isFirst = before.counted === 0;
  const { withheld } = consent;
  const isUnchanged = withheld === before.consent.withheld;
  const kept = isUnchanged ? before : withoutModalities(before, withheld);
  const interests = isUnchanged ? before.interests : withoutInterests(before.interests, withheld);
  const features = foldFeatures(kept, fromMs, nowMs, event, opensSession, withheld);
  const nodes = fusionNodes(features.evidence, scratchNodes);
  // What was fused of a modality goes with it: the state starts anew.
  const isAnew = isFirst || (!isUnchanged && withheld.length > 0);
  const fusion = evolveFusion(isAnew ? undefined : before.fusion, nodes, nowMs - fromMs);
  // Field by field: this runs for every event, and spreading the old state costs twice as much.
  const state = {
    events: seen.events,
    firstMs: seen.firstMs,
    nowMs: seen.nowMs,
    consent: seen.consent,
    session: seen.session,
    lapsesAtMs: seen.lapsesAtMs,
    funnelSinceMs: seen.funnelSinceMs,
    duplicates: seen.duplicates,
    counted: features.counted,
    signedIn: features.signedIn,
    previousMs: features.previousMs,
    evidence: features.evidence,
    habit: features.habit,
    looks: features.looks,
    purchases: features.purchases,
    fusion,
    concepts: UNSCORED.concepts,
    intents: UNSCORED.intents,
    interests: interestsAfter(interests, event, withheld),
    step: stepOf(event),
    path: seen.path,
    pathSettledMs: seen.pathSettledMs,
    pathLookbackMs: seen.pathLookbackMs,
    pathSamplePpm: seen.pathSamplePpm,
    orders: seen.orders,
    refunds: seen.refunds,
    forecasts: before.forecasts,
    timeZone: timeZoneAfter(before.timeZone, event),
    exposures: before.exposures,
    trials: before.trials,
    lastDecision: before.lastDecision,
  };
  fillNow(state, nodes, vector, 0);
  mark?.('features');
  state.concepts = scorer.concepts(vector, 0, absentModalities(consent, settings));
  state.intents = scorer.intents(state.concepts);
  mark?.('scoring');
  return state;
}

/** One scratch for all users: nothing of them is kept. */
const vector = new Float64Array(FEATURE_COUNT);
const scratchNodes = newNodes();

/** The modalities that a user's scores have to do without. */
export function absentModalities(
  { withheld }: Pick<FusedState['consent'], 'withheld'>,
  { unmeasured }: Settings,
): ModalityBits {
  return withheld.length + unmeasured.length === 0
    ? 0
    : modalityBits(withheld) | modalityBits(unmeasured);
}

/**
 * Fills in the scores that a stored user has as of its last event. Where a network has not scored
 * the user, they are those of an unknown one: the next event scores before anything reads them.
 */
export function rescored(
  state: Omit<FusedState, 'concepts' | 'intents'>,
  { settings, scorer }: UserReference,
): FusedState {
  if (state.counted === 0) return { ...state, ...UNSCORED };
  fillFeatures(state, state.nowMs, vector);
  const concepts = scorer.knownConcepts(vector, 0, absentModalities(state.consent, settings));
  if (concepts === undefined) return { ...state, ...UNSCORED };
  return { ...state, concepts, intents: scorer.intents(concepts) };
}

/**
 * Why a user's scores are what they are, as of the last event.
 *
 * @param listed features listed per concept; see explainScores.
 */
export function explanationOf(
  state: FusedState,
  { settings, scorer }: UserReference,
  listed: number,
): Explanation {
  fillFeatures(state, state.nowMs, vector);
  const absent = absentModalities(state.consent, settings);
  return explainScores(scorer.model, vector, absent, state.concepts, listed);
}

/** What is kept of a user who refused: nothing beyond the refusal and duplicate detection (I7). */
function withoutFeatures(seen: Seen): FusedState {
  return { ...NEW_USER, ...seen };
}

function consentFrom(
  event: Extract<Event, { type: 'consent' }>,
  state: FusedState,
): FusedState['consent'] {
  // Consent given earlier must not undo a later refusal that arrived first.
  if (event.timestamp < state.consent.atMs) return state.consent;
  return {
    measurement: event.measurement ? 'granted' : 'refused',
    personalization: event.personalization ? 'granted' : 'refused',
    withheld:
      event.withheld === undefined ? [] : MODALITIES.filter((m) => event.withheld?.includes(m)),
    atMs: event.timestamp,
  };
}

function sessionAfter(
  state: FusedState,
  atMs: number,
  opens: boolean,
  settings: Settings,
): FusedState['session'] {
  const { count, startedAtMs } = state.session;
  const endsAtMs = atMs + settings.session_idle_ms;
  return opens
    ? { count: count + 1, startedAtMs: atMs, endsAtMs }
    : { count, startedAtMs, endsAtMs };
}

/** The zone that the latest event names, by its own time. */
function timeZoneAfter(before: FusedState['timeZone'], event: Event): FusedState['timeZone'] {
  const { time_zone: name, timestamp: atMs } = event;
  if (name === undefined || (before !== null && atMs < before.atMs)) return before;
  return { name, atMs };
}

function stepOf(event: Event): FusedState['step'] {
  switch (event.type) {
    case 'conversion':
      return 'customer';
    case 'click':
      return 'exploring';
    case 'behavior':
      return behaviorStep(event.name ?? '');
    default:
      return 'none';
  }
}
