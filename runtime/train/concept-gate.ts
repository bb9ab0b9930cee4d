/**
 * The gate between concepts and intents: a concept that says no more of its own label than the
 * base rate does, out of fold, means nothing, and no intent may read it. Else it would still pass
 * on what the features know, as any function of them does (leakage: Mahinpei et al. 2021).
 */
import { logistic } from '../../actors/model/scorer.ts';
import { CONCEPTS, type Concept } from '../../protocols/user-snapshot.ts';
import type { ConceptLabel } from './fit-concepts.ts';
import { logLoss } from './metrics.ts';
import type { Point } from './prediction-points.ts';
import { meanShift } from './task-figures.ts';

const C = CONCEPTS.length;
/** What a shut gate says of everybody. */
const NOTHING = 0.5;

/**
 * The concepts that mean something: data set by data set, each at its own base rate, their log loss
 * over all is below that of the base rates.
 *
 * @param said what the concepts say of every point out of fold: points x 8, row-major.
 */
export function meaningfulConcepts(
  points: readonly Point[],
  said: Float64Array,
  labelOf: ConceptLabel,
  isUsed: (row: number) => boolean = () => true,
): ReadonlySet<Concept> {
  const meaningful = CONCEPTS.filter((concept, c) => {
    const rowsOf = new Map<string, number[]>();
    points.forEach(({ dataSet }, row) => {
      if (!isUsed(row) || Number.isNaN(labelOf(row, concept))) return;
      const rows = rowsOf.get(dataSet) ?? [];
      rows.push(row);
      rowsOf.set(dataSet, rows);
    });
    let gain = 0;
    for (const rows of rowsOf.values()) {
      const labels = rows.map((row) => labelOf(row, concept));
      const logits = rows.map((row) => {
        const p = said[row * C + c] as number;
        return Math.log(p / (1 - p));
      });
      const shift = meanShift(logits, labels);
      const shifted = logits.map((logit) => logistic(logit + shift));
      const rate = labels.reduce((sum, label) => sum + label, 0) / labels.length;
      const base = labels.map(() => rate);
      gain += labels.length * (logLoss(base, labels) - logLoss(shifted, labels));
    }
    return gain > 0;
  });
  return new Set(meaningful);
}

/** What the meaningful concepts say; of the others, that they say the same of everybody. */
export function gated(said: Float64Array, meaningful: ReadonlySet<Concept>): Float64Array {
  const isOpen = CONCEPTS.map((concept) => meaningful.has(concept));
  return said.map((p, i) => (isOpen[i % C] === true ? p : NOTHING));
}
