/**
 * Turns feature vectors into the rows of an additive model's design: two hat functions per feature
 * that is present, a constant per modality that is absent, one per data set, and one for all.
 */

import { FEATURES } from '../../actors/user/feature-vector.ts';
import { MODALITIES } from '../../protocols/user-snapshot.ts';
import type { AdditiveDesign } from './additive-fit.ts';

/** What a design needs of a point. */
export interface DesignRow {
  readonly features: Float64Array;
  /** Bits of the modalities that are absent. */
  readonly absent: number;
}

/** A feature that a model reads. */
export interface KnottedFeature {
  readonly name: string;
  /** Its place in the vector. */
  readonly place: number;
  /** Its modality's bit; 0 for one that is always present. */
  readonly bit: number;
  readonly knots: readonly number[];
}

/** Quantiles at which curves may bend. */
const QUANTILES = [0.02, 0.2, 0.4, 0.6, 0.8, 0.95, 0.995];
const DIGITS = 4;

/** Knots at quantiles of the rows where a feature is present; constant features are left out. */
export function knotsFor(rows: readonly DesignRow[]): KnottedFeature[] {
  return FEATURES.flatMap(({ name, modality }, place) =>
    knottedFeature(rows, name, place, 1 << MODALITIES.indexOf(modality)),
  );
}

/** The feature at one place of the rows, or nothing where it is constant. O(rows log rows). */
export function knottedFeature(
  rows: readonly DesignRow[],
  name: string,
  place: number,
  bit: number,
): KnottedFeature[] {
  const present = rows.filter(({ absent }) => (absent & bit) === 0);
  const sorted = Float64Array.from(present, ({ features }) => features[place] as number).sort();
  const knots = new Set<number>();
  for (const q of QUANTILES) {
    const x = sorted[Math.floor(q * (sorted.length - 1))];
    if (x !== undefined) knots.add(Number(x.toFixed(DIGITS)));
  }
  // A feature that is mostly zero still needs a second knot where it is not.
  const top = sorted[sorted.length - 1];
  if (knots.size === 1 && top !== undefined) knots.add(Number(top.toFixed(DIGITS)));
  return knots.size < 2 ? [] : [{ name, place, bit, knots: [...knots].sort((a, b) => a - b) }];
}

/**
 * The design of rows over knots.
 *
 * @param groups per row, from 0 on: each has a constant; without them, none has.
 * Cost: O(rows x features).
 */
export function designOf(
  rows: readonly DesignRow[],
  features: readonly KnottedFeature[],
  groups?: Int32Array,
): AdditiveDesign {
  const firstOf = [0];
  for (const { knots } of features) firstOf.push((firstOf.at(-1) as number) + knots.length);
  const absentAt = firstOf.at(-1) as number;
  const groupCount = groups === undefined ? 0 : groups.reduce((a, b) => Math.max(a, b), 0) + 1;
  const columns = absentAt + MODALITIES.length + groupCount + 1;
  const width = 2 * features.length + MODALITIES.length + (groupCount === 0 ? 1 : 2);
  const index = new Int32Array(rows.length * width);
  const value = new Float64Array(rows.length * width);
  rows.forEach((row, r) => {
    let at = r * width;
    features.forEach((feature, f) => {
      if ((row.absent & feature.bit) === 0) {
        const x = row.features[feature.place] as number;
        fillHats(feature.knots, firstOf[f] as number, x, index, value, at);
      }
      at += 2;
    });
    for (let m = 0; m < MODALITIES.length; m++) {
      index[at] = absentAt + m;
      value[at] = (row.absent & (1 << m)) === 0 ? 0 : 1;
      at++;
    }
    if (groups !== undefined) {
      index[at] = absentAt + MODALITIES.length + (groups[r] as number);
      value[at++] = 1;
    }
    index[at] = columns - 1;
    value[at] = 1;
  });
  return { columns, index, value, width, firstOf };
}

/** The hat functions at x: beyond the ends, the last one alone. */
function fillHats(
  knots: readonly number[],
  first: number,
  x: number,
  index: Int32Array,
  value: Float64Array,
  at: number,
): void {
  let k = 0;
  while (k < knots.length && (knots[k] as number) < x) k++;
  if (k === 0 || k === knots.length) {
    index[at] = first + Math.min(k, knots.length - 1);
    value[at] = 1;
    return;
  }
  const low = knots[k - 1] as number;
  const share = (x - low) / ((knots[k] as number) - low);
  index[at] = first + k - 1;
  index[at + 1] = first + k;
  value[at] = 1 - share;
  value[at + 1] = share;
}
