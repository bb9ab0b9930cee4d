/**
 * What a set of models says about one task of the test part, with intervals: ranking, probabilities
 * and calibration of the model, and the same ranking by models that it is compared with.
 *
 * Invariants:
 *   T1 All figures of a task are of the same rows and the same resamples of users, so differences
 *      are paired.
 */
import { logistic } from '../../actors/model/scorer.ts';
import type { Intent } from '../../protocols/user-snapshot.ts';
import { type BootstrapInterval, bootstrapIntervals } from './intervals.ts';
import { type CalibrationBin, calibration, rankScores } from './metrics.ts';
import type { Point } from './prediction-points.ts';

/** Rows of the test part with a label each. */
export interface Task {
  readonly intent: Intent;
  readonly dataSet: string;
  /** Which points: every place looked at, the last one before an order, or a part of the users. */
  readonly part: string;
  readonly points: readonly Point[];
  readonly labels: Uint8Array;
}

/** What a task is scored by: logits of the model, and scores of others by name. */
export interface TaskScores {
  readonly logits: Float64Array;
  /** Added to the logits so that the data set's training part is met on average. */
  readonly shift: number;
  readonly others: ReadonlyMap<string, Float64Array>;
}

/** Figures of the model besides the rank of others. */
const OWN_FIGURES = [
  ...(['auc', 'precision', 'logLoss', 'logLossBase', 'ece'] as const),
  ...(['logLossShifted', 'eceShifted'] as const),
];
export type OwnFigure = (typeof OWN_FIGURES)[number];

export interface TaskFigures {
  readonly task: Task;
  readonly users: number;
  readonly positives: number;
  readonly own: Readonly<Record<OwnFigure, BootstrapInterval>>;
  /** By the name of what it is compared with: its ROC-AUC, and the model's less that. */
  readonly others: ReadonlyMap<
    string,
    { readonly auc: BootstrapInterval; readonly difference: BootstrapInterval }
  >;
  readonly bins: readonly CalibrationBin[];
  readonly binsShifted: readonly CalibrationBin[];
}

export const ROUNDS = 500;
const SEED = 20_261;
const BINS = 10;

/** Figures of one task. O(rounds · rows · models). */
export function taskFigures(task: Task, { logits, shift, others }: TaskScores): TaskFigures {
  const { points, labels } = task;
  const users = points.map(({ user }) => user);
  const asItIs = new Probabilities(logits, 0, labels);
  const shifted = new Probabilities(logits, shift, labels);
  const ranking = rankScores(logits, labels);
  const rankings = [...others].map(([name, scores]) => [name, rankScores(scores, labels)] as const);
  const intervals = bootstrapIntervals(
    users,
    (weights) => {
      const auc = ranking.rocAuc(weights);
      const figures: Record<string, number> = {
        auc,
        precision: ranking.averagePrecision(weights),
        logLoss: asItIs.logLoss(weights),
        logLossBase: rateLoss(labels, weights),
        ece: asItIs.ece(weights),
        logLossShifted: shifted.logLoss(weights),
        eceShifted: shifted.ece(weights),
      };
      for (const [name, each] of rankings) {
        const other = each.rocAuc(weights);
        figures[`auc ${name}`] = other;
        figures[`difference ${name}`] = auc - other;
      }
      return figures;
    },
    { seed: SEED, rounds: ROUNDS },
  );
  const of = (name: string): BootstrapInterval => intervals[name] as BootstrapInterval;
  return {
    task,
    users: new Set(users).size,
    positives: labels.reduce((sum, label) => sum + label, 0),
    own: Object.fromEntries(OWN_FIGURES.map((name) => [name, of(name)])) as TaskFigures['own'],
    others: new Map(
      rankings.map(([name]) => [
        name,
        { auc: of(`auc ${name}`), difference: of(`difference ${name}`) },
      ]),
    ),
    bins: asItIs.bins,
    binsShifted: shifted.bins,
  };
}

/** Probabilities whose losses and bins are found once, to be weighed often. */
class Probabilities {
  readonly bins: readonly CalibrationBin[];
  readonly #losses: Float64Array;
  readonly #errors: Float64Array;
  readonly #binOf: Uint8Array;

  constructor(logits: Float64Array, shift: number, labels: Uint8Array) {
    const values = logits.map((logit) => logistic(logit + shift));
    this.bins = calibration(values, labels, BINS).bins;
    this.#losses = values.map((p, i) => -Math.log(labels[i] === 1 ? p : 1 - p));
    this.#errors = values.map((p, i) => p - (labels[i] as number));
    this.#binOf = binsOf(values);
  }

  logLoss(weights: Uint32Array): number {
    let sum = 0;
    let total = 0;
    for (let i = 0; i < weights.length; i++) {
      sum += (weights[i] as number) * (this.#losses[i] as number);
      total += weights[i] as number;
    }
    return sum / total;
  }

  /** In the bins of the rows as they are. */
  ece(weights: Uint32Array): number {
    const sums = new Float64Array(BINS);
    let total = 0;
    for (let i = 0; i < weights.length; i++) {
      const bin = this.#binOf[i] as number;
      sums[bin] = (sums[bin] as number) + (weights[i] as number) * (this.#errors[i] as number);
      total += weights[i] as number;
    }
    return sums.reduce((sum, each) => sum + Math.abs(each), 0) / total;
  }
}

/** Bins of about equal count; equal values share the bin of their middle rank. */
function binsOf(values: Float64Array): Uint8Array {
  const rows = [...values.keys()].sort((a, b) => (values[a] as number) - (values[b] as number));
  const bins = new Uint8Array(rows.length);
  for (let first = 0; first < rows.length; ) {
    let end = first;
    while (end < rows.length && values[rows[end] as number] === values[rows[first] as number])
      end++;
    const bin = Math.floor((BINS * (first + end)) / (2 * rows.length));
    for (let i = first; i < end; i++) bins[rows[i] as number] = bin;
    first = end;
  }
  return bins;
}

/** The log loss of saying the rate of these very rows for each: the best that a constant does. */
function rateLoss(labels: Uint8Array, weights: Uint32Array): number {
  let positives = 0;
  let total = 0;
  for (let i = 0; i < labels.length; i++) {
    positives += (weights[i] as number) * (labels[i] as number);
    total += weights[i] as number;
  }
  const rate = positives / total;
  if (rate === 0 || rate === 1) return 0;
  return -(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate));
}

/** The constant that, added to all logits, makes the mean probability the mean label. */
export function meanShift(logits: ArrayLike<number>, labels: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < labels.length; i++) sum += labels[i] as number;
  let [low, high] = [-20, 20];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    let expected = 0;
    for (let i = 0; i < logits.length; i++) expected += logistic((logits[i] as number) + middle);
    if (expected < sum) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
