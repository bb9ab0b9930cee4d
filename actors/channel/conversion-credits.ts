/**
 * How one conversion is divided among the touches of its path by every rule-based model, in
 * integers: live figures are sums of these, so the ledger adds up to the report.
 *
 * Invariants:
 *   C1 The parts of a conversion sum to MICRO_CONVERSIONS and to its value, under every model (I4).
 */
import type { CreditKind } from '../../protocols/path-journal.ts';
import type { TouchFact } from '../../protocols/user-snapshot.ts';
import {
  DEFAULT_HALF_LIFE_MS,
  RULE_MODELS,
  type RuleModel,
  splitExactly,
  type TouchPath,
  touchWeights,
} from './rule-models.ts';

/** One conversion, in millionths. */
export const MICRO_CONVERSIONS = 1_000_000;

/** The model whose credits of pairs of channel and campaign are kept. */
export const PAIR_MODEL = 'linear' satisfies RuleModel;

/** Figures that are kept of a credited name, by its kind: two per model. */
export const CREDIT_FIGURES: Readonly<Record<CreditKind, number>> = {
  channel: 2 * RULE_MODELS.length,
  campaign: 2 * RULE_MODELS.length,
  pair: 2,
};

/** By touch of the path. */
export interface TouchCredits {
  /** In millionths of a conversion. */
  readonly conversions: readonly number[];
  readonly micros: readonly number[];
}

/**
 * Divides a conversion. O(models x touches).
 *
 * @param touches its path, in order; with none there is nobody to credit.
 * @param endMs when it converted.
 * @param micros what it is worth.
 */
export function conversionCredits(
  touches: readonly TouchFact[],
  endMs: number,
  micros: number,
): Record<RuleModel, TouchCredits> {
  const path: TouchPath = {
    channels: touches.map(({ channel }) => channel),
    ageMs: (i) => endMs - (touches[i] as TouchFact).t,
  };
  const credits = {} as Record<RuleModel, TouchCredits>;
  for (const model of RULE_MODELS) {
    const weights = touchWeights(model, path, DEFAULT_HALF_LIFE_MS);
    credits[model] = {
      conversions: splitExactly(MICRO_CONVERSIONS, weights),
      micros: splitExactly(micros, weights),
    };
  }
  return credits;
}

/** A channel's or campaign's part of one conversion. */
export interface NamedCredit {
  readonly name: string;
  readonly conversions: number;
  readonly micros: number;
}

/** Sums touches' credits by channel or by campaign; touches without one are left out. */
export function creditsByName(
  touches: readonly TouchFact[],
  { conversions, micros }: TouchCredits,
  kind: 'channel' | 'campaign',
): NamedCredit[] {
  const byName = new Map<string, { conversions: number; micros: number }>();
  touches.forEach((touch, i) => {
    const name = touch[kind];
    if (name === undefined) return;
    const sum = byName.get(name) ?? { conversions: 0, micros: 0 };
    sum.conversions += conversions[i] as number;
    sum.micros += micros[i] as number;
    byName.set(name, sum);
  });
  return [...byName].map(([name, sum]) => ({ name, ...sum }));
}
