/**
 * The plain detector: how many deviations a point lies from the mean of the last N, three sigma
 * being an alert. It is what most people mean by a z-score, kept for comparison: it has no season,
 * its own anomalies are in its baseline, and one normal point in 370 is an alert.
 *
 * Invariants:
 *   Z1 A point is judged by the points before it, and counts for the ones behind it.
 */
import { MIN_POINTS, standardised } from './moments.ts';
import { scoreOf } from './news.ts';
import type { Point, Verdict } from './point.ts';
import {
  emptyWindow,
  learnWindow,
  type WindowMoments,
  windowMean,
  windowVariance,
} from './window-moments.ts';

/** A day at a point in five minutes. */
export const DEFAULT_WINDOW_POINTS = 288;
const ALERT_Z = 3;

/** The last points of a series. */
export interface PlainState {
  readonly mode: 'plain';
  readonly version: 1;
  readonly window: WindowMoments;
}

/**
 * A series of which nothing is known.
 *
 * @throws RangeError as emptyWindow.
 */
export function newPlain(windowPoints = DEFAULT_WINDOW_POINTS): PlainState {
  return { mode: 'plain', version: 1, window: emptyWindow(windowPoints) };
}

/** Judges a point and takes it in (Z1). */
export function stepPlain(
  state: PlainState,
  { value }: Point,
): { readonly state: PlainState; readonly verdict: Verdict } {
  const { window } = state;
  const count = window.ring.length;
  const expected = count === 0 ? value : windowMean(window);
  const isKnown = count >= Math.min(MIN_POINTS, window.points);
  const z = isKnown ? standardised(value - expected, Math.sqrt(windowVariance(window))) : 0;
  // The Chernoff bound of the normal tail, 2 exp(-z² / 2): its logarithm never underflows.
  const surprise = Math.max(0, (z * z * Math.LOG10E) / 2 - Math.log10(2));
  return {
    state: { ...state, window: learnWindow(window, value) },
    verdict: {
      score: scoreOf(surprise),
      surprise,
      expected,
      z,
      isAnomalous: Math.abs(z) > ALERT_Z,
    },
  };
}
