/**
 * Where an event is on its way through the actors. Actors have no clock: who wants to know how long
 * a stage takes gives them a function and looks at a clock when it is called.
 */

/**
 * What an event has just come through: duplicates, evidence, fusion and features; concepts and
 * intents; statechart, path and forecasts; an auction.
 */
export type StagePassed = 'features' | 'scoring' | 'journey' | 'auction';

/** Called as an event comes through a stage, in their order; a stage may be left out. */
export type MarkStage = (passed: StagePassed) => void;
