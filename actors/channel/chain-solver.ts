/**
 * What solving a chain gives, whichever way it is solved.
 */

/** What a path that starts brings on average. */
export interface Outcome {
  readonly conversion: number;
  readonly value: number;
}

/** Per state, with a channel taken out. */
export interface Flow {
  /** Expected visits by one path. */
  readonly visits: Float64Array;
  /** Probability to convert from there; 0 where the channel is. */
  readonly toConversion: Float64Array;
}

/** A chain, solved; channels are indices of the path table. */
export interface ChainSolver {
  readonly whole: Outcome;
  without(channel: number): Outcome;
  flowWithout(channel: number): Flow;
}
