/**
 * The figures of the data sets' READMEs, by the READMEs' own protocols: out of fold over all
 * users for purchases of a visit, 39 weeks for CDNOW, a table of totals for Online Shoppers.
 */
import type { Scorer } from '../../actors/model/scorer.ts';
import { rawRow } from './baselines.ts';
import { expectedPurchases, purchaseSummary } from './bg-nbd.ts';
import type { UserLog } from './data/user-log.ts';
import { logitsBy } from './evaluate-tasks.ts';
import { outOfFoldIntents } from './fit-model.ts';
import { type BootstrapInterval, bootstrapIntervals } from './intervals.ts';
import { fitLogistic } from './logistic.ts';
import { rankScores, type Scores } from './metrics.ts';
import type { Point } from './prediction-points.ts';
import { ROUNDS } from './task-figures.ts';
import { chanceOf, type TrainingSet } from './training-sets.ts';

const SEED = 20_263;
export const REFERENCE_FOLDS = 10;
const WEEK_MS = 7 * 86_400_000;
const HOLDOUT_WEEKS = 39;
const CALIBRATION_END_MS = Date.UTC(1997, 8, 30);
const LOGISTIC_L2 = 10;

/** A figure of ours beside those of others on the same rows. */
export interface ReferenceFigures {
  readonly title: string;
  readonly rows: number;
  readonly positives: number;
  readonly auc: BootstrapInterval;
  readonly precision: BootstrapInterval;
  readonly comparisons: readonly {
    readonly name: string;
    readonly auc: BootstrapInterval;
    readonly difference: BootstrapInterval;
  }[];
  /** As the README states it; the rows need not be quite the same. */
  readonly reference: number;
  readonly referencePrecision?: number;
}

/** What the READMEs state of purchases within a visit. */
const VISIT_REFERENCES = [
  { name: 'rees46', reference: 0.702, referencePrecision: 0.275 },
  { name: 'diginetica', reference: 0.631, referencePrecision: 0.07 },
] as const;

/**
 * Purchases of a visit, each visit judged at its last event before an order, out of fold by user:
 * the nine other folds of these sets, and of the others' training parts, are trained on.
 */
export function visitReferences(
  sets: readonly TrainingSet[],
  taught: readonly Point[],
): ReferenceFigures[] {
  const isReferred = (name: string): boolean =>
    VISIT_REFERENCES.some((reference) => reference.name === name);
  const points = [
    ...sets.flatMap(({ name, all, train }) => (isReferred(name) ? all : train)),
    ...taught,
  ];
  const { purchase_intent: logits } = outOfFoldIntents(points, REFERENCE_FOLDS, [
    'purchase_intent',
  ]);
  return VISIT_REFERENCES.map(({ name, reference, referencePrecision }) => {
    const rows = [...points.keys()].filter((row) => points[row]?.dataSet === name);
    const logistic = outOfFoldLogistic(rows.map((row) => points[row] as Point));
    const finals = [...rows.keys()].filter((i) => points[rows[i] as number]?.isFinal === true);
    const its = finals.map((i) => points[rows[i] as number] as Point);
    return {
      ...referenceFigures(
        `${name}: the visit ends in a purchase`,
        its,
        Uint8Array.from(its, ({ purchase }) => purchase),
        finals.map((i) => logits[rows[i] as number] as number),
        { 'logistic regression, raw features, this data set': finals.map((i) => logistic[i]!) },
      ),
      reference,
      referencePrecision,
    };
  });
}

function outOfFoldLogistic(points: readonly Point[]): Float64Array {
  const rows = points.map(rawRow);
  const foldOf = points.map(({ user }) => Math.floor(chanceOf(`fold ${user}`) * REFERENCE_FOLDS));
  const out = new Float64Array(points.length);
  for (let fold = 0; fold < REFERENCE_FOLDS; fold++) {
    const kept = [...points.keys()].filter((i) => foldOf[i] !== fold);
    const model = fitLogistic(
      kept.map((i) => rows[i] as Float64Array),
      kept.map((i) => points[i]?.purchase as number),
      { l2: LOGISTIC_L2 },
    );
    rows.forEach((row, i) => {
      if (foldOf[i] === fold) out[i] = model.predict(row);
    });
  }
  return out;
}

/** CDNOW customers, none of them trained on, who are active in 39 weeks, beside BG/NBD. */
export function cdnowReferences(
  { test }: TrainingSet,
  logs: readonly UserLog[],
  sampleUsers: ReadonlySet<string>,
  scorer: Scorer,
): ReferenceFigures[] {
  const logOf = new Map(logs.map((log) => [log.user, log]));
  const isIn = ({ user }: Point): boolean => sampleUsers.has(user);
  const parts = [
    {
      title: 'cdnow 1/10 sample: active within 39 weeks',
      its: test.filter(isIn),
      reference: 0.7725,
    },
    {
      title: 'cdnow master, users not trained on: active within 39 weeks',
      its: test,
      reference: 0.7623,
    },
  ];
  return parts.map(({ title, its, reference }) => ({
    ...referenceFigures(
      title,
      its,
      Uint8Array.from(its, ({ orderInMs }) => Number(orderInMs < HOLDOUT_WEEKS * WEEK_MS)),
      logitsBy(scorer, 'churn_risk', its).map((logit) => -logit),
      {
        'BG/NBD expected purchases': its.map(({ user }) => {
          const summary = purchaseSummary(logOf.get(user) as UserLog, CALIBRATION_END_MS);
          return expectedPurchases(summary, HOLDOUT_WEEKS);
        }),
      },
    ),
    reference,
  }));
}

function referenceFigures(
  title: string,
  points: readonly Point[],
  labels: Uint8Array,
  scores: Scores,
  others: Readonly<Record<string, Scores>>,
): Omit<ReferenceFigures, 'reference'> {
  const ranking = rankScores(scores, labels);
  const rankings = Object.entries(others).map(
    ([name, each]) => [name, rankScores(each, labels)] as const,
  );
  const intervals = bootstrapIntervals(
    points.map(({ user }) => user),
    (weights) => {
      const auc = ranking.rocAuc(weights);
      const figures: Record<string, number> = {
        auc,
        precision: ranking.averagePrecision(weights),
      };
      for (const [name, each] of rankings) {
        figures[`auc ${name}`] = each.rocAuc(weights);
        figures[`difference ${name}`] = auc - (figures[`auc ${name}`] as number);
      }
      return figures;
    },
    { seed: SEED, rounds: ROUNDS },
  );
  const of = (name: string): BootstrapInterval => intervals[name] as BootstrapInterval;
  return {
    title,
    rows: points.length,
    positives: labels.reduce((sum, label) => sum + label, 0),
    auc: of('auc'),
    precision: of('precision'),
    comparisons: rankings.map(([name]) => ({
      name,
      auc: of(`auc ${name}`),
      difference: of(`difference ${name}`),
    })),
  };
}
