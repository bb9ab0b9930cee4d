/**
 * Forecasts and what came of them: how well a model's probabilities hold, live, and how far the
 * features are from those it was trained on.
 *
 * Forecasts are made at the same places of a visit as in training, when an event comes in time.
 * The next event of the visit settles that it goes on; an order settles all forecasts of one in
 * the visit; the next visit, if it begins within CHURN_MS, settles that the user came back. So
 * all is counted as it happens, and what never happens needs no timer.
 */
import { PROBABILITY_EDGES, utcWeek } from '../../protocols/cells.ts';
import type { Event } from '../../protocols/event.ts';
import type { Model } from '../../protocols/model.ts';
import type { FusedState, Intent, OpenForecasts } from '../../protocols/user-snapshot.ts';

/** Places in a visit, from 1, at which forecasts are made and models are trained. */
export const FORECAST_PLACES: ReadonlySet<number> = new Set([1, 2, 3, 5, 8, 13, 21, 34]);
/** Who has not been seen for so long has left. */
export const CHURN_MS = 91 * 86_400_000;

const BINS = PROBABILITY_EDGES.length + 1;
/** A visit that begins. */
const BEGUN: Omit<OpenForecasts, 'model'> = {
  place: 1,
  engagement: -1,
  purchase: new Array<number>(BINS).fill(0),
  churn: -1,
};

/** Whose forecasts they are: the model's, in visits that began in a week. */
export interface ForecastWeek {
  readonly model: number;
  /** Its Monday, UTC, `yyyymmdd`. */
  readonly week: string;
}

/** Where forecasts and outcomes are counted. */
export interface ForecastEffects {
  forecast(of: ForecastWeek, intent: Intent, bin: number, probability: number): void;
  settled(of: ForecastWeek, intent: Intent, bin: number, count: number): void;
  /** The features were read for a forecast. */
  read(of: ForecastWeek): void;
}

/** The bin of a number between rising bounds: how many of them are below it. */
export function binOf(x: number, edges: readonly number[]): number {
  let bin = 0;
  while (bin < edges.length && x > (edges[bin] as number)) bin++;
  return bin;
}

/**
 * Settles what an accepted event settles, and makes the forecasts that it asks for.
 *
 * @param before the user before the event; `after`, with the scores that follow from it.
 * @returns what waits from now on; null where nothing may be known of the user.
 */
export function moveForecasts(
  before: FusedState,
  after: FusedState,
  event: Event,
  { version }: Model,
  effects: ForecastEffects,
): OpenForecasts | null {
  if (after.counted === 0) return null;
  const open = before.forecasts;
  const isOnTime = before.events === 0 || event.timestamp >= before.nowMs;
  if (!isOnTime) return open;
  const opensVisit = after.session.count > before.session.count;
  if (open !== null) settle(open, before.session.startedAtMs, event, opensVisit, effects);
  if (opensVisit) {
    return forecast({ ...BEGUN, model: version }, after, effects);
  }
  if (open === null) return null;
  const purchase = event.type === 'conversion' ? [] : open.purchase;
  const { model, place, churn } = open;
  const moved: OpenForecasts = { model, place: place + 1, engagement: -1, purchase, churn };
  // A visit stays with the model that it began with.
  return moved.model === version ? forecast(moved, after, effects) : moved;
}

function settle(
  open: OpenForecasts,
  visitMs: number,
  event: Event,
  opensVisit: boolean,
  effects: ForecastEffects,
): void {
  const of = { model: open.model, week: utcWeek(visitMs) };
  if (opensVisit) {
    if (event.timestamp - visitMs > CHURN_MS || open.churn < 0) return;
    effects.settled(of, 'churn_risk', open.churn, 1);
    return;
  }
  if (open.engagement >= 0) effects.settled(of, 'engagement_intent', open.engagement, 1);
  if (event.type !== 'conversion') return;
  open.purchase.forEach((count, bin) => {
    if (count > 0) effects.settled(of, 'purchase_intent', bin, count);
  });
}

function forecast(
  open: OpenForecasts,
  { intents, session }: FusedState,
  effects: ForecastEffects,
): OpenForecasts {
  if (!FORECAST_PLACES.has(open.place)) return open;
  const of = { model: open.model, week: utcWeek(session.startedAtMs) };
  effects.read(of);
  const made = (intent: Intent): number => {
    const probability = intents[intent];
    const bin = binOf(probability, PROBABILITY_EDGES);
    effects.forecast(of, intent, bin, probability);
    return bin;
  };
  const engagement = made('engagement_intent');
  const churn = open.place === 1 ? made('churn_risk') : open.churn;
  if (open.purchase.length === 0) return { ...open, engagement, churn };
  const bin = made('purchase_intent');
  const purchase = open.purchase.map((count, b) => (b === bin ? count + 1 : count));
  return { ...open, engagement, churn, purchase };
}
