/**
 * Fits the intents and the conversion window on what the concepts say, each concept only in its
 * documented direction. Data sets have constants of their own, so that a difference between shops
 * is not taken for a meaning of a concept.
 */
import { curveAt } from '../../actors/model/scorer.ts';
import { type Curve, DIRECTIONS, type Model, WINDOW_DIRECTIONS } from '../../protocols/model.ts';
import { CONCEPTS, type Concept, INTENTS, type Intent } from '../../protocols/user-snapshot.ts';
import { rounded } from './fit-concepts.ts';
import { fitMonotone, type MonotoneSum } from './monotone-fit.ts';
import type { Point } from './prediction-points.ts';

const C = CONCEPTS.length;
const STEPS = 15;
/** A concept's chance is held this far from 0 and 1 where its logit is taken. */
const LEAST_CHANCE = 1e-4;
/** In logits of a concept; a narrower ramp counts as so wide. */
const LEAST_WIDTH = 0.01;
/** The window's thresholds are no effects that should be small. */
const THRESHOLD_RIDGE = 0.01;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Ends of the conversion window's parts but the last. */
export const WINDOW_MS = [30 * MINUTE_MS, DAY_MS, 7 * DAY_MS] as const;

/** How the sums are fitted. */
export interface HeadOptions {
  /** On what a ramp does per logit of its concept, per unit of row weight. */
  readonly ridge: number;
  /** Where a curve over a concept may bend. */
  readonly quantiles: readonly number[];
  /** No data set counts more than this many rows, so that the largest does not decide alone. */
  readonly setWeightMax: number;
  /** Whether purchases are also learnt from final points that are not sampled. */
  readonly hasFinals: boolean;
}

/** What the intents and the window are. */
export type Heads = Pick<Model, 'intents' | 'window'>;

/** What a point says of an intent: 1, 0 or NaN. */
export function intentLabel(point: Point, intent: Intent): number {
  switch (intent) {
    case 'engagement_intent':
      return point.engagement;
    case 'purchase_intent':
      return point.purchase;
    case 'churn_risk':
      return point.churn;
    default:
      return intent satisfies never;
  }
}

/** Whether a point teaches an intent. */
export function isTaught(point: Point, intent: Intent, hasFinals: boolean): boolean {
  if (Number.isNaN(intentLabel(point, intent))) return false;
  // That a point is final says how long the visit is, so it says nothing else of engagement.
  return point.isSampled || (hasFinals && intent === 'purchase_intent');
}

/**
 * Fits all intents and the window.
 *
 * @param said what the concepts say of every point: points x 8, row-major.
 * @param isUsed which points may be used.
 */
export function fitHeads(
  points: readonly Point[],
  said: Float64Array,
  options: HeadOptions,
  isUsed: (row: number) => boolean = () => true,
): Heads {
  const intents = {} as Record<Intent, Model['intents'][Intent]>;
  for (const intent of INTENTS) intents[intent] = fitIntent(points, said, intent, options, isUsed);
  return { intents, window: fitWindow(points, said, options, isUsed) };
}

/** One intent over what the concepts say. */
export function fitIntent(
  points: readonly Point[],
  said: Float64Array,
  intent: Intent,
  options: HeadOptions,
  isUsed: (row: number) => boolean = () => true,
): Model['intents'][Intent] {
  const rows = [...points.keys()].filter(
    (row) => isUsed(row) && isTaught(points[row] as Point, intent, options.hasFinals),
  );
  const curves = rampCurves(said, rows, DIRECTIONS[intent], options.quantiles);
  const weights = balanced(points, rows, options.setWeightMax);
  const problem = {
    ...rampValues(said, rows, curves),
    labels: rows.map((row) => intentLabel(points[row] as Point, intent)),
    weights,
    groups: groupsOf(points, rows),
    ridges: ridgesOf(curves, options.ridge),
  };
  const fitted = fitMonotone(problem, STEPS);
  return storedSum(fitted, curves, centre(said, rows, weights));
}

/**
 * The conversion window as proportional odds (McCullagh 1980): whether the order came by each of
 * three times, with thresholds that cannot cross; times that were not watched do not count.
 */
function fitWindow(
  points: readonly Point[],
  said: Float64Array,
  options: HeadOptions,
  isUsed: (row: number) => boolean,
): Model['window'] {
  const rows: number[] = [];
  const ends: number[] = [];
  points.forEach(({ orderInMs, watchedMs, isSampled }, row) => {
    if (!isUsed(row) || !isSampled || Number.isNaN(orderInMs)) return;
    WINDOW_MS.forEach((endMs, end) => {
      if (watchedMs < endMs) return;
      rows.push(row);
      ends.push(end);
    });
  });
  const weights = balanced(points, rows, options.setWeightMax);
  const curves = rampCurves(said, rows, WINDOW_DIRECTIONS, options.quantiles);
  const { ramps, columns } = rampValues(said, rows, curves);
  const problem = {
    ...withThresholds(ramps, columns, ends),
    labels: rows.map((row, i) =>
      Number((points[row] as Point).orderInMs <= (WINDOW_MS[ends[i] as number] as number)),
    ),
    weights,
    groups: groupsOf(points, rows),
    ridges: Float64Array.of(...ridgesOf(curves, options.ridge), THRESHOLD_RIDGE, THRESHOLD_RIDGE),
  };
  const fitted = fitMonotone(problem, STEPS);
  const sum = storedSum(fitted, curves, centre(said, rows, weights));
  const today = sum.bias - (fitted.ramps[columns] as number);
  const now = today - (fitted.ramps[columns + 1] as number);
  return { thresholds: [rounded(now), rounded(today), sum.bias], concepts: sum.concepts };
}

/** Two columns more, which lower the earlier thresholds and cannot raise them. */
function withThresholds(
  ramps: Float64Array,
  columns: number,
  ends: readonly number[],
): { readonly ramps: Float64Array; readonly columns: number } {
  const wide = columns + 2;
  const values = new Float64Array(ends.length * wide);
  ends.forEach((end, i) => {
    values.set(ramps.subarray(i * columns, (i + 1) * columns), i * wide);
    values[i * wide + columns] = end < 2 ? -1 : 0;
    values[i * wide + columns + 1] = end < 1 ? -1 : 0;
  });
  return { ramps: values, columns: wide };
}

/** A concept's curve before it is fitted: where it may bend, and which way it may go. */
interface RampCurve {
  readonly concept: Concept;
  readonly direction: 1 | -1;
  readonly knots: readonly number[];
}

function rampCurves(
  said: Float64Array,
  rows: readonly number[],
  directions: Readonly<Partial<Record<Concept, 1 | -1>>>,
  quantiles: readonly number[],
): RampCurve[] {
  if (rows.length === 0) return [];
  return CONCEPTS.flatMap((concept, c) => {
    const direction = directions[concept];
    if (direction === undefined) return [];
    const sorted = Float64Array.from(rows, (row) => said[row * C + c] as number).sort();
    const knots = new Set<number>();
    for (const q of quantiles) {
      knots.add(rounded(sorted[Math.floor(q * (sorted.length - 1))] as number));
    }
    const rising = [...knots].sort((a, b) => a - b);
    return rising.length < 2 ? [] : [{ concept, direction, knots: rising }];
  });
}

/**
 * The ridge on each ramp: on what it does per logit of its concept, so that a concept that hardly
 * says anything, and moves by a tenth of a logit, cannot be made to say much.
 */
function ridgesOf(curves: readonly RampCurve[], ridge: number): Float64Array {
  return Float64Array.from(
    curves.flatMap(({ knots }) =>
      knots.slice(1).map((knot, k) => {
        const width = logit(knot) - logit(knots[k] as number);
        return ridge / Math.max(width, LEAST_WIDTH) ** 2;
      }),
    ),
  );
}

function logit(p: number): number {
  const held = Math.min(1 - LEAST_CHANCE, Math.max(LEAST_CHANCE, p));
  return Math.log(held / (1 - held));
}

/** Each curve's ramps at each row: rows x columns. */
function rampValues(
  said: Float64Array,
  rows: readonly number[],
  curves: readonly RampCurve[],
): { readonly ramps: Float64Array; readonly columns: number } {
  const columns = curves.reduce((sum, { knots }) => sum + knots.length - 1, 0);
  const ramps = new Float64Array(rows.length * columns);
  rows.forEach((row, i) => {
    let at = i * columns;
    for (const { concept, direction, knots } of curves) {
      const x = said[row * C + CONCEPTS.indexOf(concept)] as number;
      for (let k = 1; k < knots.length; k++) {
        const low = knots[k - 1] as number;
        const share = (x - low) / ((knots[k] as number) - low);
        ramps[at++] = direction * Math.min(1, Math.max(0, share));
      }
    }
  });
  return { ramps, columns };
}

/** The mean of each concept, at which its part in an intent counts as nothing. */
function centre(said: Float64Array, rows: readonly number[], weights: Float64Array): Float64Array {
  const means = new Float64Array(C);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  rows.forEach((row, i) => {
    const share = (weights[i] as number) / total;
    for (let c = 0; c < C; c++) {
      means[c] = (means[c] as number) + share * (said[row * C + c] as number);
    }
  });
  return means;
}

/** The sum of fitted ramps as curves that are 0 at the concepts' means. */
function storedSum(
  { bias, ramps }: MonotoneSum,
  curves: readonly RampCurve[],
  means: Float64Array,
): { bias: number; concepts: Model['window']['concepts'] } {
  const concepts: Model['window']['concepts'] = {};
  let shifted = Number.isNaN(bias) ? 0 : bias;
  let at = 0;
  for (const { concept, direction, knots } of curves) {
    const values = [0];
    for (let k = 1; k < knots.length; k++) {
      values.push((values[k - 1] as number) + direction * (ramps[at++] as number));
    }
    const curve: Curve = { knots: [...knots], values };
    const usual = curveAt(curve, means[CONCEPTS.indexOf(concept)] as number);
    shifted += usual;
    if (values.every((value) => rounded(value) === 0)) continue;
    concepts[concept] = { knots: curve.knots, values: values.map((v) => rounded(v - usual)) };
  }
  return { bias: rounded(shifted), concepts };
}

/** Each row's data set as a number; final points that are not sampled are a set of their own. */
function groupsOf(points: readonly Point[], rows: readonly number[]): Int32Array {
  const names = new Map<string, number>();
  return Int32Array.from(rows, (row) => {
    const { dataSet, isSampled } = points[row] as Point;
    const name = isSampled ? dataSet : `${dataSet} final`;
    const group = names.get(name) ?? names.size;
    names.set(name, group);
    return group;
  });
}

/** Row weights, scaled down where a data set would count more than allowed. */
function balanced(points: readonly Point[], rows: readonly number[], most: number): Float64Array {
  const totals = new Map<string, number>();
  for (const row of rows) {
    const { dataSet } = points[row] as Point;
    totals.set(dataSet, (totals.get(dataSet) ?? 0) + 1);
  }
  return Float64Array.from(rows, (row) => {
    const { dataSet } = points[row] as Point;
    return Math.min(1, most / (totals.get(dataSet) as number));
  });
}
