/**
 * A check of the method on a table that others have published figures of: the additive fit that
 * concepts are made of, logistic regression and boosted trees, out of fold.
 */
import { logistic } from '../../actors/model/scorer.ts';
import { designOf, knottedFeature } from './additive-design.ts';
import { type AdditiveProblem, designLogit, fitAdditive, fitWithoutFolds } from './additive-fit.ts';
import { fitBoostedTrees } from './boosted-trees.ts';
import { type LabelledTable, readOnlineShoppers } from './data/online-shoppers.ts';
import { type BootstrapInterval, bootstrapIntervals } from './intervals.ts';
import { fitLogistic } from './logistic.ts';
import { calibration, rankScores } from './metrics.ts';
import { ROUNDS } from './task-figures.ts';

const FOLDS = 10;
const TREE_FOLDS = 5;
const SEED = 20_264;

export interface ShopperFigures {
  readonly name: string;
  readonly auc: BootstrapInterval;
  readonly precision: BootstrapInterval;
  readonly ece: number;
  /** What others reach, and who. */
  readonly reference: string;
}

/** All models of the check; half a minute. */
export function onlineShoppersFigures(folder: string): ShopperFigures[] {
  const table = readOnlineShoppers(folder);
  const { labels } = table;
  const honest = withoutColumn(table, 'PageValues');
  const linear = (t: LabelledTable): Float64Array =>
    outOfFold(t, FOLDS, (rows, y) => fitLogistic(rows, y, { l2: 1 }));
  const trees = outOfFold(table, TREE_FOLDS, (rows, y) =>
    fitBoostedTrees(rows, y, { rounds: 100, depth: 4, learningRate: 0.1, seed: 1 }),
  );
  const scored: (readonly [string, Float64Array, string])[] = [
    ['logistic regression, all columns', linear(table), '0.8905 (README)'],
    ['the same without PageValues', linear(honest), '0.7483 (README)'],
    ['additive fit as for concepts, all columns', additive(table), 'none'],
    ['the same without PageValues', additive(honest), 'none'],
    [
      'boosted trees, all columns',
      trees,
      '0.9348 (README, histogram boosting); 0.937 (published, XGBoost)',
    ],
  ];
  return scored.map(([name, probabilities, reference]) => {
    const ranking = rankScores(probabilities, labels);
    const { auc, precision } = bootstrapIntervals(
      [...labels.keys()],
      (weights) => ({
        auc: ranking.rocAuc(weights),
        precision: ranking.averagePrecision(weights),
      }),
      { seed: SEED, rounds: ROUNDS },
    );
    return { name, auc, precision, ece: calibration(probabilities, labels).ece, reference };
  });
}

function withoutColumn({ columns, rows, labels }: LabelledTable, name: string): LabelledTable {
  const at = columns.indexOf(name);
  return {
    columns: columns.filter((_, i) => i !== at),
    rows: rows.map((row) => row.filter((_, i) => i !== at)),
    labels,
  };
}

/** Buyers are in all folds alike. */
function foldsOf(labels: Uint8Array, folds: number): Int8Array {
  const seen = [0, 0];
  return Int8Array.from(labels, (label) => {
    const before = seen[label] as number;
    seen[label] = before + 1;
    return before % folds;
  });
}

function outOfFold(
  { rows, labels }: LabelledTable,
  folds: number,
  fit: (rows: Float64Array[], labels: number[]) => { predict(row: Float64Array): number },
): Float64Array {
  const foldOf = foldsOf(labels, folds);
  const out = new Float64Array(rows.length);
  for (let fold = 0; fold < folds; fold++) {
    const kept = [...rows.keys()].filter((i) => foldOf[i] !== fold);
    const model = fit(
      kept.map((i) => rows[i] as Float64Array),
      kept.map((i) => labels[i] as number),
    );
    rows.forEach((row, i) => {
      if (foldOf[i] === fold) out[i] = model.predict(row);
    });
  }
  return out;
}

function additive({ columns, rows, labels }: LabelledTable): Float64Array {
  const points = rows.map((features) => ({ features, absent: 0 }));
  const features = columns.flatMap((name, place) => knottedFeature(points, name, place, 0));
  const design = designOf(points, features);
  const problem: AdditiveProblem = {
    design,
    rows: Int32Array.from(rows.keys()),
    labels,
    weights: new Float64Array(rows.length).fill(1),
    options: { smooth: 1, ridge: 1, steps: 15 },
  };
  const foldOf = foldsOf(labels, FOLDS);
  const leftOut = Array.from({ length: FOLDS }, (_, fold) => [fold]);
  const betas = fitWithoutFolds(problem, fitAdditive(problem), foldOf, leftOut);
  return Float64Array.from(rows, (_, row) =>
    logistic(designLogit(design, row, betas[foldOf[row] as number] as Float64Array)),
  );
}
