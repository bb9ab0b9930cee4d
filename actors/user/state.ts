/**
 * The fused behavioural state: how one admitted event changes it. Everything here is a pure
 * function of the state, the event and the settings (I2); time is the user's own event time.
 */
import type { Settings } from '../../protocols/campaign.ts';
import type { Event } from '../../protocols/event.ts';
import type { DuplicateMemory, FusedState } from '../../protocols/user-snapshot.ts';
import { NO_DUPLICATES } from './duplicates.ts';
import { addEvidence, evidenceOf, NO_EVIDENCE, SCALES } from './features.ts';
import { evolveFusion, fusionNodes } from './fusion.ts';
import { conceptsOf, intentsOf } from './intents.ts';
import { BEHAVIOR_STEP } from './steps.ts';

/** A user not seen for this long has lapsed. */
export const LAPSE_MS = 30 * 86_400_000;
/** Topics kept per user; the lightest observed one is forgotten first. */
export const MAX_INTERESTS = 32;
/** How fast an observed interest fades. */
export const INTEREST_MS = 14 * 86_400_000;
/** What one mention adds to an observed interest, as a share of what is missing to 1. */
const INTEREST_GAIN = 0.2;

const NO_NODES = fusionNodes(NO_EVIDENCE);
const NO_FUSION = evolveFusion(undefined, NO_NODES, 0);
const NO_CONCEPTS = conceptsOf(NO_FUSION, NO_NODES);

/** A user before the first event. */
export const NEW_USER: FusedState = {
  events: 0,
  firstMs: 0,
  nowMs: 0,
  consent: { measurement: 'unasked', personalization: 'unasked', atMs: 0 },
  session: { count: 0, startedAtMs: 0, endsAtMs: 0 },
  lapsesAtMs: 0,
  duplicates: NO_DUPLICATES,
  evidence: NO_EVIDENCE as number[],
  fusion: NO_FUSION,
  concepts: NO_CONCEPTS,
  intents: intentsOf(NO_CONCEPTS),
  interests: {},
  step: 'none',
  path: [],
  pathSettledMs: -1,
  pathLookbackMs: 0,
  pathSamplePpm: 0,
  orders: [],
  refunds: [],
  exposures: [],
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
 */
export function foldEvent(
  state: FusedState,
  event: Event,
  duplicates: DuplicateMemory,
  settings: Settings,
): FusedState {
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
    path: state.path,
    pathSettledMs: state.pathSettledMs,
    pathLookbackMs: state.pathLookbackMs,
    pathSamplePpm: state.pathSamplePpm,
    orders: state.orders,
    refunds: state.refunds,
  };
  return allows(seen, 'personalization', settings)
    ? withFeatures(seen, event, state, opensSession)
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
): FusedState {
  const fromMs = before.events === 0 ? seen.nowMs : before.nowMs;
  const evidence = addEvidence(
    before.evidence,
    fromMs,
    seen.nowMs,
    event.timestamp,
    evidenceOf(event, opensSession),
  );
  const nodes = fusionNodes(evidence);
  // Every event is evidence of app use; at the longest scale none fades to nothing.
  const hadEvidence = before.evidence[SCALES - 1] !== 0;
  const fusion = evolveFusion(hadEvidence ? before.fusion : undefined, nodes, seen.nowMs - fromMs);
  const concepts = conceptsOf(fusion, nodes);
  // Field by field: this runs for every event, and spreading the old state costs twice as much.
  return {
    events: seen.events,
    firstMs: seen.firstMs,
    nowMs: seen.nowMs,
    consent: seen.consent,
    session: seen.session,
    lapsesAtMs: seen.lapsesAtMs,
    duplicates: seen.duplicates,
    evidence,
    fusion,
    concepts,
    intents: intentsOf(concepts),
    interests: interestsAfter(before.interests, event),
    step: stepOf(event),
    path: seen.path,
    pathSettledMs: seen.pathSettledMs,
    pathLookbackMs: seen.pathLookbackMs,
    pathSamplePpm: seen.pathSamplePpm,
    orders: seen.orders,
    refunds: seen.refunds,
    exposures: before.exposures,
    lastDecision: before.lastDecision,
  };
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

function stepOf(event: Event): FusedState['step'] {
  switch (event.type) {
    case 'conversion':
      return 'customer';
    case 'click':
      return 'exploring';
    case 'behavior':
      return namedStep(event.name ?? '');
    default:
      return 'none';
  }
}

/** Names come from outside: "constructor" is a name like any other, not a property of the table. */
function namedStep(name: string): FusedState['step'] {
  return Object.hasOwn(BEHAVIOR_STEP, name) ? (BEHAVIOR_STEP[name] ?? 'none') : 'none';
}

/** Declared interests override observed ones; observed ones fade by event time. */
function interestsAfter(interests: FusedState['interests'], event: Event): FusedState['interests'] {
  const declared = event.type === 'preference' ? Object.entries(event.interests ?? {}) : [];
  const observed = event.type === 'behavior' ? (event.topics ?? []) : [];
  if (declared.length === 0 && observed.length === 0) return interests;
  const next = { ...interests };
  for (const [topic, weight] of declared) {
    next[topic] = { weight, atMs: event.timestamp, declared: true };
  }
  for (const topic of observed) {
    const known = next[topic];
    if (known?.declared === true) continue;
    const elapsedMs = Math.max(0, event.timestamp - (known?.atMs ?? event.timestamp));
    const faded = (known?.weight ?? 0) * Math.exp(-elapsedMs / INTEREST_MS);
    const atMs = Math.max(known?.atMs ?? 0, event.timestamp);
    next[topic] = { weight: faded + (1 - faded) * INTEREST_GAIN, atMs, declared: false };
  }
  const topics = Object.keys(next);
  if (topics.length <= MAX_INTERESTS) return next;
  const ranked = topics.sort((a, b) => rank(next, b) - rank(next, a) || (a < b ? -1 : 1));
  return Object.fromEntries(ranked.slice(0, MAX_INTERESTS).map((t) => [t, interest(next, t)]));
}

type Interest = FusedState['interests'][string];

function interest(interests: FusedState['interests'], topic: string): Interest {
  return interests[topic] as Interest;
}

/** Declared topics outrank every observed one. */
function rank(interests: FusedState['interests'], topic: string): number {
  const { weight, declared } = interest(interests, topic);
  return declared ? weight + 1 : weight;
}
