/**
 * Forecasts and what came of them, from docs/semantics.md ("Forecasts"): every visit is kept with
 * what was forecast in it, and counted at the end.
 */
import { CHURN_MS, FORECAST_PLACES } from '../../actors/user/forecasts.ts';
import {
  type CalibrationCell,
  type DriftCell,
  PROBABILITY_EDGES,
  utcWeek,
} from '../../protocols/cells.ts';
import { type FusedState, INTENTS, type Intent } from '../../protocols/user-snapshot.ts';

const PPM = 1_000_000;
const BINS = PROBABILITY_EDGES.length + 1;
/** A millionth's fraction so near to a half may be rounded either way. */
const ROUNDING = 1e-6;

type Probabilities = Readonly<Record<Intent, number>>;
type Calibration = Record<Intent, Record<keyof CalibrationCell['intents'][Intent], number[]>>;

/** An event of a visit that came in time; with the intents, if forecasts were made at it. */
interface Step {
  readonly isOrder: boolean;
  readonly made: Probabilities | undefined;
}

interface Visit {
  readonly startedAtMs: number;
  readonly model: number;
  readonly steps: Step[];
  /** When the next visit began, if it is known to be the same user's. */
  nextMs: number | undefined;
}

/** An event that counts and came in time. */
export interface Timely {
  readonly t: number;
  readonly opensVisit: boolean;
  readonly isOrder: boolean;
  readonly model: number;
  readonly intents: Probabilities;
}

/** One user's visits. */
export class ExpectedForecasts {
  readonly visits: Visit[] = [];
  #visit: Visit | undefined;

  /** Takes in an event; returns the week to count it in if forecasts were made at it. */
  take({ t, opensVisit, isOrder, model, intents }: Timely): string | undefined {
    if (opensVisit) {
      if (this.#visit !== undefined) this.#visit.nextMs = t;
      this.#visit = { startedAtMs: t, model, steps: [], nextMs: undefined };
      this.visits.push(this.#visit);
    }
    const visit = this.#visit;
    if (visit === undefined) return undefined;
    const place = visit.steps.length + 1;
    const isMade = visit.model === model && FORECAST_PLACES.has(place);
    visit.steps.push({ isOrder, made: isMade ? intents : undefined });
    return isMade ? utcWeek(visit.startedAtMs) : undefined;
  }

  /** The user refused: nothing waits any more. */
  forget(): void {
    this.#visit = undefined;
  }

  /** As stored. */
  stored(): FusedState['forecasts'] {
    const visit = this.#visit;
    if (visit === undefined) return null;
    const { steps, model } = visit;
    const last = steps.at(-1)?.made;
    const purchase = new Array<number>(BINS).fill(0);
    for (const { purchase_intent } of ofOrders(visit)) add(purchase, binOf(purchase_intent), 1);
    return {
      model,
      place: steps.length,
      engagement: last === undefined ? -1 : binOf(last.engagement_intent),
      purchase: orderOf(visit) === undefined ? purchase : [],
      churn: binOf(steps[0]?.made?.churn_risk ?? 0),
    };
  }
}

/** A partition's counts of forecasts, and of features as they were when these were made. */
export class ForecastTotals {
  readonly #calibration = new Map<string, Calibration>();
  readonly #drift = new Map<string, number[][]>();
  /** Where sums of millionths may be one off, by cell, intent and bin. */
  readonly #unsure = new Map<string, number>();

  /** Counts features by their bins; undefined is absent. */
  read(model: number, week: string, bins: readonly (number | undefined)[], counts: number[]): void {
    const name = `drift.${model}.${week}`;
    let cell = this.#drift.get(name);
    if (cell?.map(({ length }) => length).join() !== counts.join()) {
      cell = counts.map((n) => new Array<number>(n).fill(0));
    }
    this.#drift.set(name, cell);
    bins.forEach((bin, i) => {
      if (bin !== undefined) add(cell[i] ?? [], bin, 1);
    });
  }

  /** Counts what was forecast in a user's visits, and what came of it. */
  count({ visits }: ExpectedForecasts): void {
    for (const visit of visits) {
      const name = `calibration.${visit.model}.${utcWeek(visit.startedAtMs)}`;
      const { steps, startedAtMs, nextMs } = visit;
      steps.forEach(({ made }, i) => {
        if (made === undefined) return;
        this.#add(name, 'engagement_intent', made, i + 1 < steps.length);
        const isBack = nextMs !== undefined && nextMs - startedAtMs <= CHURN_MS;
        if (i === 0) this.#add(name, 'churn_risk', made, isBack);
      });
      const isOrdered = orderOf(visit) !== undefined;
      for (const made of ofOrders(visit)) this.#add(name, 'purchase_intent', made, isOrdered);
    }
  }

  /** The cells by name; of those found, sums that rounding may have moved are taken as found. */
  cells(): [string, CalibrationCell | DriftCell][] {
    const calibration = [...this.#calibration].map(([name, intents]): [string, CalibrationCell] => [
      name,
      { v: 2, intents },
    ]);
    const drift = [...this.#drift].map(([name, features]): [string, DriftCell] => [
      name,
      { v: 2, features },
    ]);
    return [...calibration, ...drift];
  }

  /** Takes a sum of millionths as it was found, as far as rounding may have moved it. */
  settleRounding(name: string, { intents }: CalibrationCell): void {
    const own = this.#calibration.get(name);
    if (own === undefined) return;
    for (const intent of INTENTS) {
      own[intent].forecast_ppm.forEach((sum, bin) => {
        const found = intents[intent].forecast_ppm[bin] ?? sum;
        const slack = this.#unsure.get(`${name} ${intent} ${bin}`) ?? 0;
        if (Math.abs(found - sum) <= slack) own[intent].forecast_ppm[bin] = found;
      });
    }
  }

  #add(name: string, intent: Intent, made: Probabilities, isSettled: boolean): void {
    const cell = this.#calibration.get(name) ?? emptyCalibration();
    this.#calibration.set(name, cell);
    const bin = binOf(made[intent]);
    const ppm = made[intent] * PPM;
    add(cell[intent].forecasts, bin, 1);
    add(cell[intent].forecast_ppm, bin, Math.round(ppm));
    if (isSettled) add(cell[intent].settled, bin, 1);
    if (Math.abs(ppm - Math.floor(ppm) - 0.5) > ROUNDING) return;
    const key = `${name} ${intent} ${bin}`;
    this.#unsure.set(key, (this.#unsure.get(key) ?? 0) + 1);
  }
}

/** How many of some rising bounds a number is above. */
export function binOf(x: number, edges: readonly number[] = PROBABILITY_EDGES): number {
  return edges.filter((edge) => x > edge).length;
}

/** The place of the first order in a visit after its first event, from 0. */
function orderOf({ steps }: Visit): number | undefined {
  const at = steps.findIndex(({ isOrder }, i) => isOrder && i > 0);
  return at < 0 ? undefined : at;
}

/** Forecasts of an order: those made before it. */
function ofOrders(visit: Visit): Probabilities[] {
  return visit.steps.slice(0, orderOf(visit)).flatMap(({ made }) => made ?? []);
}

function add(counts: number[], bin: number, by: number): void {
  counts[bin] = (counts[bin] ?? 0) + by;
}

function emptyCalibration(): Calibration {
  const zeros = (): number[] => new Array<number>(BINS).fill(0);
  const none = () => ({ forecasts: zeros(), forecast_ppm: zeros(), settled: zeros() });
  return { engagement_intent: none(), purchase_intent: none(), churn_risk: none() };
}
