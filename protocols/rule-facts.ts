/**
 * What a targeting rule may read: concepts and intents, the named states of the statechart,
 * interests and the occasion; never raw inputs.
 *
 * The facts of one auction lie in columns, not under names: ten thousand rules read them by index,
 * which takes half of the time and, unlike reading a number by its name, leaves no garbage.
 */
import { SIGNALS, type Signal } from './campaign.ts';
import { type Event, eventSchema } from './event.ts';
import { type Chart, chartSchema } from './user-snapshot.ts';

/** The texts that a rule may read; "" is one that is not known. */
export const RULE_WORDS = [
  'event',
  'placement',
  'source',
  'region',
  'device',
  'user_mode',
  'funnel',
  'risk',
] as const;
export type RuleWord = (typeof RULE_WORDS)[number];

/** All values of the words that have only so many: one that is not here can never occur. */
export const LEGAL_WORDS: Readonly<Partial<Record<RuleWord, readonly string[]>>> = {
  event: eventSchema.options.map((option) => option.shape.type.value),
  user_mode: eventSchema.options[0].shape.user_mode.options,
  funnel: chartSchema.shape.funnel.options,
  risk: chartSchema.shape.risk.options,
};

/** The facts as the auction knows them. */
export interface RuleOccasion {
  readonly signals: Readonly<Record<Signal, number>>;
  /** Weight in [0, 1] by topic. */
  readonly interests: Readonly<Record<string, number>>;
  readonly event: Event['type'];
  readonly user_mode: Event['user_mode'];
  readonly funnel: Chart['funnel'];
  readonly risk: Chart['risk'];
  readonly placement?: string | undefined;
  readonly source?: string | undefined;
  readonly region?: string | undefined;
  readonly device?: string | undefined;
}

/** The same facts as rules read them; whoever made them may change them between evaluations. */
export interface RuleFacts {
  /** In the order of SIGNALS. */
  readonly signals: Float64Array;
  /** In the order of RULE_WORDS. */
  readonly words: string[];
  readonly interests: ReadonlyMap<string, number>;
}

/** Lays out the facts of one auction; O(signals, words and interests), to be done once for it. */
export function ruleFacts(occasion: RuleOccasion): RuleFacts {
  const signals = new Float64Array(SIGNALS.length);
  for (const [column, name] of SIGNALS.entries()) signals[column] = occasion.signals[name];
  return {
    signals,
    words: RULE_WORDS.map((word) => occasion[word] ?? ''),
    interests: new Map(Object.entries(occasion.interests)),
  };
}
