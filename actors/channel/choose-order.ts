/**
 * Which order a chain should have: how well the last state of a path tells conversions from
 * nulls, against the number of parameters, as the R package ChannelAttribution chooses it
 * (choose_order, version 2.2.4; Altomare & Loris). For each order:
 *
 *   score of a path   P(conversion | the path ends in its last state), from the chain's counts
 *   AUC               trapezoids under the ROC curve at ROC_POINTS thresholds, evenly spaced from
 *                     the greatest score to the least, closed by (1, 1)
 *   penalised AUC     1 - (1 - AUC) (N - 1) / (N - m - 1), N paths, m = C(K + k - 1, k) for K
 *                     channels and order k; 0 if it falls outside [0, 1]
 *
 * An order is left out when it has as many parameters as the table has rows.
 */
import { lastState } from './markov-chain.ts';
import type { PathTable } from './path-table.ts';

/** Orders tried unless told otherwise, as in the reference package. */
export const DEFAULT_MAX_ORDER = 10;
const ROC_POINTS = 100;

export interface OrderScore {
  readonly order: number;
  readonly auc: number;
  readonly penalizedAuc: number;
}

export interface OrderChoice {
  readonly scores: readonly OrderScore[];
  /** The order of the greatest penalised AUC; undefined if no order could be scored. */
  readonly suggested: number | undefined;
  /** The suggestion is the last order tried, so that a higher one may be better still. */
  readonly isAtLimit: boolean;
}

/**
 * Scores the orders from 1 to `maxOrder`.
 *
 * Cost: per order one pass over the table, and ROC_POINTS passes over the distinct last states.
 * @param rowCount rows of the file the table was read from; the distinct paths if not known.
 */
export function chooseOrder(
  table: PathTable,
  maxOrder = DEFAULT_MAX_ORDER,
  rowCount = table.size,
): OrderChoice {
  const scores: OrderScore[] = [];
  const { paths, conversions, nulls } = table.totals();
  // With only one kind of end there is nothing to tell apart.
  const last = conversions > 0 && nulls > 0 ? maxOrder : 0;
  for (let order = 1; order <= last; order++) {
    const parameters = combinations(table.channels.length + order - 1, order);
    if (parameters >= rowCount) break;
    const auc = areaUnderRoc(scoredEnds(table, order));
    const penalized = 1 - (1 - auc) * ((paths - 1) / (paths - parameters - 1));
    const isShare = penalized >= 0 && penalized <= 1;
    scores.push({ order, auc, penalizedAuc: isShare ? penalized : 0 });
  }
  let best: OrderScore | undefined;
  for (const score of scores) {
    if (best === undefined || score.penalizedAuc > best.penalizedAuc) best = score;
  }
  return { scores, suggested: best?.order, isAtLimit: best?.order === maxOrder };
}

/** Paths that end in one state; their score is the share of them that converted. */
interface ScoredEnd {
  readonly score: number;
  readonly conversions: number;
  readonly nulls: number;
}

function scoredEnds(table: PathTable, order: number): ScoredEnd[] {
  const ends = new Map<string, { conversions: number; nulls: number }>();
  for (const { path, conversions, nulls } of table.rows()) {
    const state = lastState(path, order);
    const end = ends.get(state);
    if (end === undefined) ends.set(state, { conversions, nulls });
    else {
      end.conversions += conversions;
      end.nulls += nulls;
    }
  }
  return [...ends.values()].flatMap(({ conversions, nulls }) => {
    const paths = conversions + nulls;
    return paths === 0 ? [] : [{ score: conversions / paths, conversions, nulls }];
  });
}

function areaUnderRoc(ends: readonly ScoredEnd[]): number {
  const least = ends.reduce((min, { score }) => Math.min(min, score), 1);
  const greatest = ends.reduce((max, { score }) => Math.max(max, score), 0);
  const conversions = ends.reduce((sum, end) => sum + end.conversions, 0);
  const nulls = ends.reduce((sum, end) => sum + end.nulls, 0);
  let area = 0;
  let truePositiveRate = 0;
  let falsePositiveRate = 0;
  const advance = (fpr: number, tpr: number): void => {
    const width = fpr - falsePositiveRate;
    area += width * truePositiveRate + (width * (tpr - truePositiveRate)) / 2;
    truePositiveRate = tpr;
    falsePositiveRate = fpr;
  };
  for (let k = ROC_POINTS - 1; k >= 0; k--) {
    const threshold = least + (k * (greatest - least)) / (ROC_POINTS - 1);
    let truePositives = 0;
    let falsePositives = 0;
    for (const end of ends) {
      if (end.score < threshold) continue;
      truePositives += end.conversions;
      falsePositives += end.nulls;
    }
    advance(falsePositives / nulls, truePositives / conversions);
  }
  advance(1, 1);
  return area;
}

function combinations(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return Math.round(result);
}
