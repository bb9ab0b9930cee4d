/**
 * How good the concepts are by themselves, against their own labels, and how well the conversion
 * window's probabilities are met.
 */
import { logistic, type Scorer } from '../../actors/model/scorer.ts';
import { CONCEPTS, type Concept } from '../../protocols/user-snapshot.ts';
import { WINDOW_MS } from './fit-intents.ts';
import { type BootstrapInterval, bootstrapIntervals } from './intervals.ts';
import { type CalibrationBin, calibration, logLoss, rankScores } from './metrics.ts';
import type { Point } from './prediction-points.ts';
import { meanShift, ROUNDS } from './task-figures.ts';
import type { TrainingSet } from './training-sets.ts';

const SEED = 20_262;
const LEAST_LABELS = 5;
const LEAST_ROWS = 100;

/** Probabilities against labels. */
export interface ProbabilityFigures {
  readonly rows: number;
  readonly positives: number;
  readonly auc: BootstrapInterval;
  readonly ece: number;
  /** With one constant that meets the mean of the data set's training part, as the next ones. */
  readonly eceShifted: number;
  readonly logLoss: number;
  readonly logLossBase: number;
  readonly bins: readonly CalibrationBin[];
}

export interface ConceptFigures extends ProbabilityFigures {
  readonly concept: Concept;
  readonly dataSet: string;
}

export interface WindowFigures extends ProbabilityFigures {
  readonly dataSet: string;
  /** Which of WINDOW_MS. */
  readonly end: number;
}

/** Every concept on every data set whose test part has labels of it. */
export function conceptFigures(sets: readonly TrainingSet[], scorer: Scorer): ConceptFigures[] {
  return CONCEPTS.flatMap((concept, c) =>
    sets.flatMap((set) => {
      const figures = probabilityFigures(
        set,
        ({ concepts }) => concepts[concept],
        ({ features, absent }) => scorer.conceptLogits(features, 0, absent)[c] as number,
      );
      return figures === undefined ? [] : [{ concept, dataSet: set.name, ...figures }];
    }),
  );
}

/** Every end of the conversion window on every data set that was watched for so long. */
export function windowFigures(sets: readonly TrainingSet[], scorer: Scorer): WindowFigures[] {
  return sets.flatMap((set) =>
    WINDOW_MS.flatMap((endMs, end) => {
      const figures = probabilityFigures(
        set,
        ({ orderInMs, watchedMs }) =>
          Number.isNaN(orderInMs) || watchedMs < endMs ? Number.NaN : Number(orderInMs <= endMs),
        ({ features, absent }) => {
          const { conversion_window: parts } = scorer.intents(scorer.concepts(features, 0, absent));
          const p = parts.slice(0, end + 1).reduce((a, b) => a + b, 0);
          return Math.log(p / (1 - p));
        },
      );
      return figures === undefined ? [] : [{ dataSet: set.name, end, ...figures }];
    }),
  );
}

function probabilityFigures(
  { train, test }: TrainingSet,
  labelOf: (point: Point) => number,
  logitOf: (point: Point) => number,
): ProbabilityFigures | undefined {
  const isKnown = (point: Point): boolean => point.isSampled && !Number.isNaN(labelOf(point));
  const points = test.filter(isKnown);
  const labels = points.map(labelOf);
  const positives = labels.reduce((sum, label) => sum + label, 0);
  if (labels.length < LEAST_ROWS) return undefined;
  if (Math.min(positives, labels.length - positives) < LEAST_LABELS) return undefined;
  const logits = points.map(logitOf);
  const probabilities = logits.map(logistic);
  const trained = train.filter(isKnown);
  const shift = meanShift(trained.map(logitOf), trained.map(labelOf));
  const shifted = logits.map((logit) => logistic(logit + shift));
  const ranking = rankScores(logits, labels);
  const { auc } = bootstrapIntervals(
    points.map(({ user }) => user),
    (weights) => ({ auc: ranking.rocAuc(weights) }),
    { seed: SEED, rounds: ROUNDS },
  );
  const rate = positives / labels.length;
  const { ece, bins } = calibration(shifted, labels);
  return {
    rows: labels.length,
    positives,
    auc,
    ece: calibration(probabilities, labels).ece,
    eceShifted: ece,
    logLoss: logLoss(shifted, labels),
    logLossBase: -(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate)),
    bins,
  };
}
