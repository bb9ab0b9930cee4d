/**
 * Series with known incidents for detectors, drawn from a seed, and what a detector says of them.
 */
import { type DetectorState, newDetector, step } from '../actors/detector/detector.ts';
import type { Point, Verdict } from '../actors/detector/point.ts';
import { seededRandom } from '../runtime/simulate/random.ts';

/** Standard normal numbers (Box & Muller 1958). */
export function normals(seed: number): () => number {
  const random = seededRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Points at equal spacing from 1970 on, the value of each by its index. */
export function pointsOf(
  count: number,
  spacingMs: number,
  valueAt: (index: number) => number,
): Point[] {
  return Array.from({ length: count }, (_, i) => ({ t: i * spacingMs, value: valueAt(i) }));
}

/** A detector's run: its verdicts, and its state behind the last point. */
export interface DetectorRun {
  readonly verdicts: readonly Verdict[];
  readonly state: DetectorState;
}

/** Runs a detector over points, from a state or from nothing. */
export function judged(
  points: Iterable<Point>,
  start: DetectorState = newDetector('robust'),
): DetectorRun {
  const verdicts: Verdict[] = [];
  let state = start;
  for (const point of points) {
    const next = step(state, point);
    state = next.state;
    verdicts.push(next.verdict);
  }
  return { verdicts, state };
}

/** Alerts as [first index, index behind the last]. */
export function alertsOf(verdicts: readonly Verdict[]): (readonly [number, number])[] {
  const alerts: [number, number][] = [];
  verdicts.forEach(({ isAnomalous }, i) => {
    if (!isAnomalous) return;
    const last = alerts.at(-1);
    if (last?.[1] === i) last[1] = i + 1;
    else alerts.push([i, i + 1]);
  });
  return alerts;
}
