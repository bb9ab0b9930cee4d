/**
 * What a detector is given and what it says.
 */

/** A value at an event time in milliseconds since 1970; a missing point is simply not given. */
export interface Point {
  readonly t: number;
  readonly value: number;
}

/** What a detector says of a point, by what it knew before it. */
export interface Verdict {
  /** 0 to 1: how much of the surprise is news. */
  readonly score: number;
  /** -log10 of the probability of so great a deviation, news or not. */
  readonly surprise: number;
  /** What the comparison that is most surprised expected, in the series' unit. */
  readonly expected: number;
  /** That comparison's residual in its deviations; the sign says whether high or low. */
  readonly z: number;
  /** An alert is open. */
  readonly isAnomalous: boolean;
}
