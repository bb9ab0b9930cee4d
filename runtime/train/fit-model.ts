/**
 * Fits a model: first the concepts, then the intents on what the concepts say of users whom they
 * were not fitted on, so that an intent learns how good the concepts are, not how well they
 * remember. Concepts that mean nothing are kept from the intents.
 */
import { curveAt } from '../../actors/model/scorer.ts';
import type { Model } from '../../protocols/model.ts';
import { CONCEPTS, type Concept, type Intent } from '../../protocols/user-snapshot.ts';
import type { FitOptions } from './additive-fit.ts';
import { gated, meaningfulConcepts } from './concept-gate.ts';
import { featureReference } from './feature-reference.ts';
import {
  type ConceptLabel,
  crossFitted,
  eachFold,
  type FoldedPoints,
  fitConcepts,
  foldedPoints,
  sampledLabels,
  storedConcept,
} from './fit-concepts.ts';
import { fitHeads, fitIntent, type HeadOptions } from './fit-intents.ts';
import type { Point } from './prediction-points.ts';

/** Everything that was chosen rather than fitted; the model card says how. */
export interface Settings {
  readonly concepts: FitOptions;
  readonly heads: HeadOptions;
  /** Folds of users for cross-fitting. */
  readonly folds: number;
  /** Whether data sets have constants of their own in the concepts. */
  readonly hasGroups: boolean;
}

export const SETTINGS: Settings = {
  concepts: { smooth: 250, ridge: 50, steps: 15 },
  heads: {
    ridge: 0.3,
    quantiles: [0.0005, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.9995],
    setWeightMax: 4_000,
    hasFinals: false,
  },
  folds: 4,
  hasGroups: true,
};

/** What to fit; the ablations of the model card change these. */
export interface ModelOptions {
  readonly version: number;
  readonly name: string;
  /** Of interests: see interest-prior.ts. */
  readonly prior: number;
  readonly settings?: Settings;
  /** Features that may be read; all unless given. */
  readonly reads?: (feature: string) => boolean;
  /** What teaches the concepts; the points' own labels unless given. */
  readonly labelOf?: ConceptLabel;
  /** Whether concepts that mean nothing are kept from the intents, as they are unless told. */
  readonly isGated?: boolean;
}

/** A model, with what its heads were fitted on. */
export interface FittedModel {
  readonly model: Model;
  readonly set: FoldedPoints;
  /** What the concepts say of every point by a fit without its user: points x 8, row-major. */
  readonly said: Float64Array;
  /** The concepts that say more of their own labels than the base rate. */
  readonly meaningful: ReadonlySet<Concept>;
}

/** Fits concepts, intents and the conversion window on points, and rounds what is stored. */
export function fitModel(points: readonly Point[], options: ModelOptions): FittedModel {
  const {
    settings = SETTINGS,
    reads = () => true,
    labelOf = sampledLabels(points),
    isGated = true,
  } = options;
  const set = foldedPoints(points, settings.folds, reads, settings.hasGroups);
  const fits = fitConcepts(set, labelOf, eachFold(settings.folds), settings.concepts);
  const raw = crossFitted(set, fits);
  const meaningful = meaningfulConcepts(points, raw, labelOf);
  const said = isGated ? gated(raw, meaningful) : raw;
  const stored = CONCEPTS.map((concept, c) => [
    concept,
    storedConcept(fits.whole[c] as Float64Array, set),
  ]);
  // Live forecasts are made in visits; histories of orders alone are spread otherwise.
  const visits = points.filter((each) => each.isSampled && !Number.isNaN(each.engagement));
  const model: Model = {
    v: 1,
    version: options.version,
    name: options.name,
    features: set.features.map(({ name, knots }) => ({ name, knots: [...knots] })),
    concepts: Object.fromEntries(stored) as Record<Concept, Model['concepts'][Concept]>,
    ...fitHeads(points, said, settings.heads),
    interests: { prior: options.prior },
    reference: { features: set.features.map((feature) => featureReference(visits, feature)) },
  };
  return { model, set, said, meaningful };
}

/**
 * Every point's intents by a model that was fitted without its fold, concepts and intents alike.
 *
 * @param intents those that are asked for.
 * @returns logits by intent, one per point.
 * Cost: one fit of the concepts and folds x (folds + 1) / 2 short ones.
 */
export function outOfFoldIntents(
  points: readonly Point[],
  folds: number,
  intents: readonly Intent[],
  settings: Settings = SETTINGS,
): Readonly<Record<Intent, Float64Array>> {
  const set = foldedPoints(points, folds, () => true, settings.hasGroups);
  const pairs = eachFold(folds).flatMap(([a = 0]) =>
    Array.from({ length: folds - a - 1 }, (_, i) => [a, a + i + 1]),
  );
  const leftOut = [...eachFold(folds), ...pairs];
  const labelOf = sampledLabels(points);
  const fits = fitConcepts(set, labelOf, leftOut, settings.concepts);
  const logits = intents.map((intent) => [intent, new Float64Array(points.length)] as const);
  for (let fold = 0; fold < folds; fold++) {
    const raw = crossFitted(set, fits, fold);
    const isKept = (row: number): boolean => set.foldOf[row] !== fold;
    const said = gated(raw, meaningfulConcepts(points, raw, labelOf, isKept));
    for (const [intent, out] of logits) {
      const head = fitIntent(points, said, intent, settings.heads, isKept);
      for (let row = 0; row < points.length; row++) {
        if (!isKept(row)) out[row] = headLogit(head, said, row);
      }
    }
  }
  return Object.fromEntries(logits) as Record<Intent, Float64Array>;
}

/** An intent's logit over what the concepts say of a row. */
export function headLogit(
  { bias, concepts }: Model['intents'][Intent],
  said: Float64Array,
  row: number,
): number {
  let logit = bias;
  CONCEPTS.forEach((concept, c) => {
    const curve = concepts[concept];
    if (curve !== undefined) logit += curveAt(curve, said[row * CONCEPTS.length + c] as number);
  });
  return logit;
}
