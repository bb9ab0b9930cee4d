/**
 * A detector over one series, in either mode: pure functions over a plain state.
 *
 * Invariants:
 *   X1 learnOne(state, point) is the state of step(state, point), scoreOne its verdict.
 */
import { DEFAULT_WINDOW_POINTS, newPlain, type PlainState, stepPlain } from './plain-detector.ts';
import type { Point, Verdict } from './point.ts';
import { NEW_ROBUST, type RobustState, silenceOf, stepRobust } from './robust-detector.ts';

export type DetectorMode = DetectorState['mode'];

/** Everything known of a series; JSON holds it without loss. */
export type DetectorState = PlainState | RobustState;

/** A point taken in, and what was said of it. */
export interface Step {
  readonly state: DetectorState;
  readonly verdict: Verdict;
}

/**
 * A detector that knows nothing.
 *
 * @param windowPoints of the plain mode: 2 to MAX_WINDOW_POINTS.
 * @throws RangeError for another window.
 */
export function newDetector(
  mode: DetectorMode,
  windowPoints: number = DEFAULT_WINDOW_POINTS,
): DetectorState {
  return mode === 'plain' ? newPlain(windowPoints) : NEW_ROBUST;
}

/** Judges a point by what was known before it, and takes it in. O(1); plain copies its window. */
export function step(state: DetectorState, point: Point): Step {
  return state.mode === 'plain' ? stepPlain(state, point) : stepRobust(state, point);
}

/** Takes a point in. Cost as step. */
export function learnOne(state: DetectorState, point: Point): DetectorState {
  return step(state, point).state;
}

/** Judges a point without taking it in. Cost as step. */
export function scoreOne(state: DetectorState, point: Point): Verdict {
  return step(state, point).verdict;
}

/**
 * Whether no point since the latest is an alert at this event time, which whoever owns the
 * watermark asks; the plain mode knows nothing of time. O(1).
 *
 * @param nowMs milliseconds since 1970.
 */
export function isSilent(state: DetectorState, nowMs: number): boolean {
  return state.mode === 'robust' && silenceOf(state, nowMs).isOpen;
}
