/**
 * How a feature was spread in training, for the drift figures of a live system: bins of about equal
 * mass where it was present, and their shares.
 */
import { binOf } from '../../actors/user/forecasts.ts';
import type { Model } from '../../protocols/model.ts';
import type { KnottedFeature } from './additive-design.ts';
import type { Point } from './prediction-points.ts';

const BINS = 10;
const DIGITS = 4;

export function featureReference(
  points: readonly Point[],
  { place, bit }: KnottedFeature,
): Model['reference']['features'][number] {
  const present = points.filter(({ absent }) => (absent & bit) === 0);
  const sorted = Float64Array.from(present, ({ features }) => features[place] as number).sort();
  if (sorted.length === 0) return { edges: [], shares: [1] };
  const edges = new Set<number>();
  for (let bin = 1; bin < BINS; bin++) {
    edges.add(Number((sorted[Math.floor((bin / BINS) * sorted.length)] as number).toFixed(DIGITS)));
  }
  const rising = [...edges].sort((a, b) => a - b);
  const counts = new Array<number>(rising.length + 1).fill(0);
  for (const x of sorted) {
    const bin = binOf(x, rising);
    counts[bin] = (counts[bin] as number) + 1;
  }
  const shares = counts.map((count) => Number((count / sorted.length).toFixed(DIGITS)));
  return { edges: rising, shares };
}
