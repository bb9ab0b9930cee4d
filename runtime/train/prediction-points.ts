/**
 * From a person's events to prediction points: what the engine would have known at that moment, by
 * the production feature code, and what the person did next.
 */
import { type ModalityBits, modalityBits } from '../../actors/model/inputs.ts';
import { Scorer } from '../../actors/model/scorer.ts';
import { FEATURE_COUNT, fillFeatures } from '../../actors/user/feature-vector.ts';
import { CHURN_MS, FORECAST_PLACES } from '../../actors/user/forecasts.ts';
import { foldEvent, NEW_USER, type UserReference } from '../../actors/user/state.ts';
import type { Event } from '../../protocols/event.ts';
import type { Model } from '../../protocols/model.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import { type FusedState, MODALITIES, type Modality } from '../../protocols/user-snapshot.ts';
import {
  backBy,
  type ConceptLabels,
  conceptLabels,
  NO_LABELS,
  type Visit,
} from './concept-labels.ts';
import type { UserLog } from './data/user-log.ts';

/** A moment of a person's history with all that was known and all that followed; NaN: unknown. */
export interface Point {
  readonly dataSet: string;
  readonly user: string;
  readonly features: Float64Array;
  readonly absent: ModalityBits;
  readonly concepts: ConceptLabels;
  /** The visit goes on: at least one more event. */
  readonly engagement: number;
  /** An order follows in this visit. */
  readonly purchase: number;
  /** No event (where only orders are known: no order) follows within CHURN_MS. */
  readonly churn: number;
  /** Milliseconds to the next order; Infinity if none came within `watchedMs`. */
  readonly orderInMs: number;
  readonly watchedMs: number;
  /**
   * One of the places of a visit that are looked at whatever comes. The others are looked at
   * because they are final, so what they say of the visit's length is no sample of it.
   */
  readonly isSampled: boolean;
  /** The last event of the visit before its first order, if any. */
  readonly isFinal: boolean;
}

/** What a data set of visits carries, and until when it was watched. */
export interface VisitTraits {
  /** Modalities that its events say nothing of. */
  readonly unmeasured: readonly Modality[];
  readonly endMs: number;
  /** Whether orders are part of it. */
  readonly hasOrders: boolean;
  /** Whether it follows people from visit to visit. */
  readonly hasReturns: boolean;
  /** Whether looks have prices. */
  readonly hasPrices: boolean;
  /**
   * Visits with fewer events were taken out of the data, which tells of earlier events that more
   * follow: they are no points. 1 unless given.
   */
  readonly visitEventsMin?: number;
}

export interface DataSetTraits extends VisitTraits {
  readonly name: string;
}

/** Without people's returns, nothing is known beyond the visit. */
const VISIT_MS = DEFAULT_SETTINGS.session_idle_ms;

const nothing = { bias: 0, absent: MODALITIES.map(() => 0), values: [] };
/** Features do not depend on scores: a model that reads none will do to fold events. */
const UNTRAINED: Model = {
  v: 1,
  version: 1,
  name: 'untrained',
  features: [],
  concepts: {
    frustration: nothing,
    stickiness: nothing,
    drop_off: nothing,
    hesitation: nothing,
    urgency: nothing,
    curiosity: nothing,
    price_sensitivity: nothing,
    loyalty: nothing,
  },
  intents: {
    engagement_intent: { bias: 0, concepts: {} },
    purchase_intent: { bias: 0, concepts: {} },
    churn_risk: { bias: 0, concepts: {} },
  },
  window: { thresholds: [0, 0, 0], concepts: {} },
  interests: { prior: 0 },
  reference: { features: [] },
};
const REFERENCE: UserReference = { settings: DEFAULT_SETTINGS, scorer: new Scorer(UNTRAINED) };

/** Follows a person's events as the engine does. */
class Follower {
  readonly absent: ModalityBits;
  #state: FusedState;

  constructor(withheld: readonly Modality[]) {
    this.absent = modalityBits(withheld);
    this.#state = { ...NEW_USER, consent: { ...NEW_USER.consent, withheld: [...withheld] } };
  }

  take(event: Event): void {
    this.#state = foldEvent(this.#state, event, this.#state.duplicates, REFERENCE);
  }

  features(atMs: number): Float64Array {
    const features = new Float64Array(FEATURE_COUNT);
    fillFeatures(this.#state, Math.max(atMs, this.#state.nowMs), features);
    return features;
  }
}

/**
 * The points of one person's visits.
 *
 * @param withheld modalities that the person does not want used.
 */
export function visitPoints(
  { user, events }: UserLog,
  traits: DataSetTraits,
  withheld: readonly Modality[] = [],
): Point[] {
  const follower = new Follower(absentIn(traits, withheld));
  const visits = visitsOf(events);
  const places = new Map<Visit, number>();
  const points: Point[] = [];
  events.forEach((event, i) => {
    follower.take(event);
    const visit = visits.get(event) as Visit;
    const place = (places.get(visit) ?? 0) + 1;
    places.set(visit, place);
    const isFinal = place === Math.min(visit.events.length, visit.orderAt - 1);
    if (visit.orderAt <= place || (!FORECAST_PLACES.has(place) && !isFinal)) return;
    if (place < (traits.visitEventsMin ?? 1)) return;
    const atMs = event.timestamp;
    const later = events.slice(i + 1);
    const nextMs = (later[0]?.timestamp ?? Number.POSITIVE_INFINITY) - atMs;
    points.push({
      dataSet: traits.name,
      user,
      features: follower.features(atMs),
      absent: follower.absent,
      concepts: conceptLabels(visit, place, events, i, traits),
      engagement: place < visit.events.length ? 1 : 0,
      purchase: traits.hasOrders ? Number(visit.orderAt <= visit.events.length) : Number.NaN,
      churn: traits.hasReturns ? goneBy(nextMs, traits.endMs - atMs) : Number.NaN,
      ...orderAfter(later, atMs, traits),
      isSampled: FORECAST_PLACES.has(place),
      isFinal,
    });
  });
  return points;
}

/** Points of a person of whom only orders are known, as of given moments. */
export function orderPoints(
  { user, events }: UserLog,
  traits: DataSetTraits,
  moments: readonly number[],
  withheld: readonly Modality[] = [],
): Point[] {
  const follower = new Follower(absentIn(traits, withheld));
  const points: Point[] = [];
  let taken = 0;
  for (const atMs of moments) {
    for (; taken < events.length && (events[taken] as Event).timestamp <= atMs; taken++) {
      follower.take(events[taken] as Event);
    }
    if (taken === 0) continue;
    const later = events.slice(taken).filter(({ type }) => type === 'conversion');
    const nextMs = (later[0]?.timestamp ?? Number.POSITIVE_INFINITY) - atMs;
    const watchedMs = traits.endMs - atMs;
    points.push({
      dataSet: traits.name,
      user,
      features: follower.features(atMs),
      absent: follower.absent,
      concepts: { ...NO_LABELS, loyalty: backBy(nextMs, watchedMs) },
      engagement: Number.NaN,
      purchase: Number.NaN,
      churn: goneBy(nextMs, watchedMs),
      ...orderAfter(later, atMs, traits),
      isSampled: true,
      isFinal: true,
    });
  }
  return points;
}

function absentIn(traits: DataSetTraits, withheld: readonly Modality[]): Modality[] {
  return MODALITIES.filter((m) => traits.unmeasured.includes(m) || withheld.includes(m));
}

function orderAfter(
  later: readonly Event[],
  atMs: number,
  traits: DataSetTraits,
): Pick<Point, 'orderInMs' | 'watchedMs'> {
  if (!traits.hasOrders) return { orderInMs: Number.NaN, watchedMs: 0 };
  const order = later.find(({ type }) => type === 'conversion');
  const nextMs = order === undefined ? Number.POSITIVE_INFINITY : order.timestamp - atMs;
  const watchedMs = traits.hasReturns ? traits.endMs - atMs : VISIT_MS;
  return { orderInMs: nextMs <= watchedMs ? nextMs : Number.POSITIVE_INFINITY, watchedMs };
}

/** 1 if nothing came within CHURN_MS, 0 if something did; NaN if not watched for so long. */
function goneBy(nextInMs: number, watchedMs: number): number {
  // Not even a return counts then: those who come back would be the only ones to be known.
  if (watchedMs < CHURN_MS) return Number.NaN;
  return nextInMs <= CHURN_MS ? 0 : 1;
}

/** The visits of a person: by session id where there is one, else by pauses. */
function visitsOf(events: readonly Event[]): Map<Event, Visit> {
  const visits = new Map<Event, Visit>();
  const byId = new Map<string, Visit>();
  let lastMs = Number.NEGATIVE_INFINITY;
  let pauses = 0;
  for (const event of events) {
    if (event.timestamp - lastMs > VISIT_MS) pauses++;
    lastMs = event.timestamp;
    const id = event.session_id ?? `#${pauses}`;
    const visit = byId.get(id) ?? { events: [], orderAt: Number.POSITIVE_INFINITY };
    byId.set(id, visit);
    visit.events.push(event);
    if (event.type === 'conversion') visit.orderAt = Math.min(visit.orderAt, visit.events.length);
    visits.set(event, visit);
  }
  return visits;
}
