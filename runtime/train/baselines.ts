/**
 * What the model is compared with: models that read the raw features without a bottleneck, fitted
 * on exactly the rows that teach an intent. A plain logistic regression, and boosted trees as the
 * unconstrained model; each fitted on all data sets together and on one alone.
 */
import { FEATURE_COUNT } from '../../actors/user/feature-vector.ts';
import { INTENTS, type Intent, MODALITIES } from '../../protocols/user-snapshot.ts';
import { type BoostedTreeOptions, fitBoostedTrees } from './boosted-trees.ts';
import { intentLabel, isTaught } from './fit-intents.ts';
import { fitLogistic } from './logistic.ts';
import { rocAuc } from './metrics.ts';
import type { Point } from './prediction-points.ts';
import { chanceOf } from './training-sets.ts';

/** A fitted model of one intent. */
type Predictor = { predict(row: ArrayLike<number>): number };
type Fit = (rows: readonly Float64Array[], labels: readonly number[]) => Predictor;

export type BaselineKind = 'logistic' | 'trees';
export const BASELINE_KINDS: readonly BaselineKind[] = ['logistic', 'trees'];

const LOGISTIC_L2 = 10;
const TREES: BoostedTreeOptions = {
  rounds: 80,
  depth: 3,
  learningRate: 0.1,
  rowSample: 0.6,
  seed: 1,
};
const FITS: Readonly<Record<BaselineKind, Fit>> = {
  logistic: (rows, labels) => fitLogistic(rows, labels, { l2: LOGISTIC_L2 }),
  trees: (rows, labels) => fitBoostedTrees(rows, labels, TREES),
};
/** Folds of training users on which all sets together or one alone is chosen. */
const FOLDS = 3;

/** The better of two ways to fit a baseline for a data set. */
export interface Baseline {
  /** Whether it is fitted on all data sets together, rather than on the one alone. */
  readonly isPooled: boolean;
  /** The ROC-AUC out of fold on training users, by which it was chosen. */
  readonly trainingAuc: number;
  probability(point: Point): number;
}

/** By intent and data set. */
export type Baselines = ReadonlyMap<string, Readonly<Record<BaselineKind, Baseline>>>;

/** The key of an intent and a data set in `Baselines`. */
export function taskKey(intent: Intent, dataSet: string): string {
  return `${intent} ${dataSet}`;
}

/** A point's features and which modalities are absent, as one row of numbers. */
export function rawRow({ features, absent }: Point): Float64Array {
  const row = new Float64Array(FEATURE_COUNT + MODALITIES.length);
  row.set(features);
  for (let m = 0; m < MODALITIES.length; m++) row[FEATURE_COUNT + m] = (absent >> m) & 1;
  return row;
}

/** Fits the baselines of every intent and data set that teaches it. */
export function fitBaselines(
  points: readonly Point[],
  hasFinals: boolean,
  onFitted: (title: string) => void,
): Baselines {
  const baselines = new Map<string, Record<BaselineKind, Baseline>>();
  for (const intent of INTENTS) {
    const taught = points.filter((point) => isTaught(point, intent, hasFinals));
    const names = [...new Set(taught.map(({ dataSet }) => dataSet))];
    for (const kind of BASELINE_KINDS) {
      const pooled = fittedOn(taught, intent, FITS[kind]);
      for (const name of names) {
        const own = fittedOn(
          taught.filter(({ dataSet }) => dataSet === name),
          intent,
          FITS[kind],
        );
        const key = taskKey(intent, name);
        const both = [pooled, own].map((each) => each.aucOn(name));
        const isPooled = (both[0] as number) >= (both[1] as number);
        const best = isPooled ? pooled : own;
        const baseline: Baseline = {
          isPooled,
          trainingAuc: Math.max(...both),
          probability: (point) => best.whole.predict(rawRow(point)),
        };
        const known = baselines.get(key) ?? ({} as Record<BaselineKind, Baseline>);
        baselines.set(key, { ...known, [kind]: baseline });
      }
      onFitted(`${kind} of ${intent}`);
    }
  }
  return baselines;
}

interface Fitted {
  readonly whole: Predictor;
  /** The ROC-AUC on a data set's points, each by a fit without its fold of users. */
  aucOn(dataSet: string): number;
}

function fittedOn(points: readonly Point[], intent: Intent, fit: Fit): Fitted {
  const rows = points.map(rawRow);
  const labels = points.map((point) => intentLabel(point, intent));
  const foldOf = points.map(({ user }) => Math.floor(chanceOf(`baseline ${user}`) * FOLDS));
  const outOfFold = new Float64Array(points.length);
  for (let fold = 0; fold < FOLDS; fold++) {
    const kept = [...rows.keys()].filter((i) => foldOf[i] !== fold);
    const fitted = fit(
      kept.map((i) => rows[i] as Float64Array),
      kept.map((i) => labels[i] as number),
    );
    rows.forEach((row, i) => {
      if (foldOf[i] === fold) outOfFold[i] = fitted.predict(row);
    });
  }
  return {
    whole: fit(rows, labels),
    aucOn(dataSet) {
      const its = [...points.keys()].filter((i) => points[i]?.dataSet === dataSet);
      return rocAuc(
        its.map((i) => outOfFold[i] as number),
        its.map((i) => labels[i] as number),
      );
    },
  };
}
