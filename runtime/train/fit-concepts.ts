/**
 * Fits the concepts, each on its own labels and independently of the others and of the intents,
 * and says what they would say of people whom they were not fitted on (cross-fitting).
 */
import { curveAt, logistic } from '../../actors/model/scorer.ts';
import type { Model } from '../../protocols/model.ts';
import { CONCEPTS, type Concept, MODALITIES } from '../../protocols/user-snapshot.ts';
import { designOf, type KnottedFeature, knotsFor } from './additive-design.ts';
import {
  type AdditiveDesign,
  type AdditiveProblem,
  designLogit,
  type FitOptions,
  fitAdditive,
  fitWithoutFolds,
} from './additive-fit.ts';
import type { Point } from './prediction-points.ts';
import { chanceOf } from './training-sets.ts';

const C = CONCEPTS.length;
/** Digits of a stored number: finer differences are noise. */
const DIGITS = 5;

/** Points with the design of their features, in folds of whole users. */
export interface FoldedPoints {
  readonly points: readonly Point[];
  readonly features: readonly KnottedFeature[];
  readonly design: AdditiveDesign;
  /** The constants of data sets in the design; 0 without. */
  readonly groupCount: number;
  readonly folds: number;
  readonly foldOf: Int8Array;
}

/** Puts points in folds, the same user always in the same one, and makes their design. */
export function foldedPoints(
  points: readonly Point[],
  folds: number,
  reads: (feature: string) => boolean,
  hasGroups: boolean,
): FoldedPoints {
  const features = knotsFor(points.filter(({ isSampled }) => isSampled)).filter(({ name }) =>
    reads(name),
  );
  const names = [...new Set(points.map(({ dataSet }) => dataSet))];
  const groups = hasGroups
    ? Int32Array.from(points, ({ dataSet }) => names.indexOf(dataSet))
    : undefined;
  return {
    points,
    features,
    design: designOf(points, features, groups),
    groupCount: hasGroups ? names.length : 0,
    folds,
    foldOf: Int8Array.from(points, ({ user }) => Math.floor(chanceOf(`fold ${user}`) * folds)),
  };
}

/** What a point teaches a concept: 1, 0 or NaN for nothing. */
export type ConceptLabel = (row: number, concept: Concept) => number;

/** Coefficients by concept. */
type Coefficients = readonly Float64Array[];

export interface ConceptFits {
  readonly whole: Coefficients;
  /** Without a set of folds, named by their numbers in order, such as "3" or "3,5". */
  readonly without: ReadonlyMap<string, Coefficients>;
}

/** Labels of sampled points; a final point says that a visit ends, which biases what follows. */
export function sampledLabels(points: readonly Point[]): ConceptLabel {
  return (row, concept) => {
    const point = points[row] as Point;
    return point.isSampled ? point.concepts[concept] : Number.NaN;
  };
}

/** Fits every concept on all folds, and without each set of folds. */
export function fitConcepts(
  { points, design, foldOf }: FoldedPoints,
  labelOf: ConceptLabel,
  leftOut: readonly (readonly number[])[],
  options: FitOptions,
): ConceptFits {
  const whole: Float64Array[] = [];
  const without = new Map<string, Float64Array[]>(leftOut.map((folds) => [folds.join(), []]));
  for (const concept of CONCEPTS) {
    const rows = Int32Array.from(points.keys()).filter(
      (row) => !Number.isNaN(labelOf(row, concept)),
    );
    const problem: AdditiveProblem = {
      design,
      rows,
      labels: Uint8Array.from(rows, (row) => labelOf(row, concept)),
      weights: new Float64Array(rows.length).fill(1),
      options,
    };
    const beta = fitAdditive(problem);
    whole.push(beta);
    const folds = Int8Array.from(rows, (row) => foldOf[row] as number);
    fitWithoutFolds(problem, beta, folds, leftOut).forEach((each, i) => {
      without.get((leftOut[i] as readonly number[]).join())?.push(each);
    });
  }
  return { whole, without };
}

/** Every fold by itself, for `crossFitted`. */
export function eachFold(folds: number): number[][] {
  return Array.from({ length: folds }, (_, fold) => [fold]);
}

/**
 * What the concepts say of every point by a fit without the point's fold, and without one more.
 *
 * @returns points x 8 probabilities, row-major.
 */
export function crossFitted(set: FoldedPoints, fits: ConceptFits, besides?: number): Float64Array {
  const { points, design, foldOf } = set;
  const said = new Float64Array(points.length * C);
  for (let row = 0; row < points.length; row++) {
    const folds = new Set([foldOf[row] as number, besides ?? (foldOf[row] as number)]);
    const key = [...folds].sort((a, b) => a - b).join();
    const coefficients = fits.without.get(key) as Coefficients;
    for (let c = 0; c < C; c++) {
      const beta = coefficients[c] as Float64Array;
      said[row * C + c] = logistic(designLogit(design, row, beta) - groupShift(set, row, beta));
    }
  }
  return said;
}

/** How far the point's data set is from the mean of all, which a model does not know. */
function groupShift({ design, groupCount }: FoldedPoints, row: number, beta: Float64Array): number {
  if (groupCount === 0) return 0;
  const column = design.index[(row + 1) * design.width - 2] as number;
  const first = design.columns - 1 - groupCount;
  const mean = beta.subarray(first, first + groupCount).reduce((a, b) => a + b, 0) / groupCount;
  return (beta[column] as number) - mean;
}

/** Coefficients as stored: curves centred where they are present, so that the bias is the mean. */
export function storedConcept(
  beta: Float64Array,
  { points, features, design, groupCount }: FoldedPoints,
): Model['concepts'][Concept] {
  const values = features.map(({ knots, place, bit }, f) => {
    const first = design.firstOf[f] as number;
    const raw = [...knots].map((_, k) => beta[first + k] as number);
    let sum = 0;
    let weight = 0;
    for (const point of points) {
      if ((point.absent & bit) !== 0 || !point.isSampled) continue;
      sum += curveAt({ knots: [...knots], values: raw }, point.features[place] as number);
      weight++;
    }
    const mean = sum / weight;
    return { mean, bit, values: raw.map((value) => rounded(value - mean)) };
  });
  const absentAt = design.firstOf[features.length] as number;
  const means = (bit: number): number =>
    values.reduce((sum, each) => (each.bit === bit ? sum + each.mean : sum), 0);
  const all = values.reduce((sum, { mean }) => sum + mean, 0);
  const groupsAt = absentAt + MODALITIES.length;
  const groups = beta.subarray(groupsAt, groupsAt + groupCount);
  const group = groupCount === 0 ? 0 : groups.reduce((a, b) => a + b, 0) / groupCount;
  return {
    bias: rounded((beta[design.columns - 1] as number) + group + all),
    // An absent modality lacks its curves, and so the means that the bias counts on.
    absent: MODALITIES.map((_, m) => rounded((beta[absentAt + m] as number) - means(1 << m))),
    values: values.map((each) => each.values),
  };
}

/** A number as it is stored. */
export function rounded(x: number): number {
  const value = Number(x.toFixed(DIGITS));
  return value === 0 ? 0 : value;
}
