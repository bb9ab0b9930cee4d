/**
 * Rule-based attribution: how one conversion is divided among the touches of its own path.
 *
 *   first, last   all of it to one touch
 *   linear        the same to every touch; repeats count each time
 *   position      40 % first, 40 % last, the rest to those between; with two touches half each
 *   timeDecay     2^(-age / half-life), age before the conversion
 *   shapley       the Shapley value of the game whose worth v(S) is what was converted on paths
 *                 all of whose channels are in S. Its dividends are the paths themselves, so a
 *                 conversion is divided equally among the distinct channels of its path (Zhao,
 *                 Mahboobi & Bagheri 2018, eq. 9): exact for any number of channels, with no
 *                 coalition to enumerate and nothing to estimate.
 *
 * Invariants:
 *   R1 Weights are never negative and sum to 1, so every model conserves what was converted.
 *   R2 splitExactly() divides integers without a remainder: credits sum to the micro (I4).
 */
import type { PathTable } from './path-table.ts';

export const RULE_MODELS = ['first', 'last', 'linear', 'position', 'timeDecay', 'shapley'] as const;
export type RuleModel = (typeof RULE_MODELS)[number];

/** The age at which a touch counts half as much as one at the conversion. */
export const DEFAULT_HALF_LIFE_MS = 7 * 86_400_000;
/** How far apart the touches of a path are taken to be where the table has no times. */
export const STEP_MS = 86_400_000;

const END_SHARE = 0.4;

/** What a model gives to the touches of one converted path. */
export interface TouchPath {
  /** The channel of each touch, in order; any value that can be compared. */
  readonly channels: ArrayLike<string>;
  /** How long before the conversion touch `i` was. */
  ageMs(i: number): number;
}

/**
 * The share of each touch, in the order of the path (R1). O(touches).
 *
 * @param halfLifeMs greater than 0; used by timeDecay only.
 */
export function touchWeights(
  model: RuleModel,
  { channels, ageMs }: TouchPath,
  halfLifeMs: number,
): Float64Array {
  const n = channels.length;
  const weights = new Float64Array(n);
  if (n === 0) return weights;
  switch (model) {
    case 'first':
      weights[0] = 1;
      return weights;
    case 'last':
      weights[n - 1] = 1;
      return weights;
    case 'linear':
      return weights.fill(1 / n);
    case 'position':
      if (n <= 2) return weights.fill(1 / n);
      weights.fill((1 - 2 * END_SHARE) / (n - 2));
      weights[0] = END_SHARE;
      weights[n - 1] = END_SHARE;
      return weights;
    case 'timeDecay': {
      // Relative to the youngest touch: of an old path not all weights may vanish.
      const youngestMs = ageMs(n - 1);
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const weight = 2 ** ((youngestMs - ageMs(i)) / halfLifeMs);
        weights[i] = weight;
        sum += weight;
      }
      return weights.map((weight) => weight / sum);
    }
    case 'shapley': {
      const occurrences = new Map<string, number>();
      for (let i = 0; i < n; i++) {
        const channel = channels[i] as string;
        occurrences.set(channel, (occurrences.get(channel) ?? 0) + 1);
      }
      // A channel's share is that of its touches together.
      return weights.map((_, i) => {
        return 1 / occurrences.size / (occurrences.get(channels[i] as string) as number);
      });
    }
    default:
      return model satisfies never;
  }
}

/** What a model credits each channel with, over a table. */
export interface RuleCredit {
  readonly channel: string;
  readonly conversions: number;
  readonly value: number;
}

/** Divides the conversions of a table among its channels. O(touches in converted paths). */
export function attributeByRule(
  table: PathTable,
  model: RuleModel,
  halfLifeMs = DEFAULT_HALF_LIFE_MS,
): RuleCredit[] {
  const credits = table.channels.map((channel) => ({ channel, conversions: 0, value: 0 }));
  for (const { path, conversions, value } of table.rows()) {
    if (conversions === 0) continue;
    const n = path.length;
    const touches: TouchPath = { channels: path, ageMs: (i) => (n - 1 - i) * STEP_MS };
    const weights = touchWeights(model, touches, halfLifeMs);
    for (let i = 0; i < n; i++) {
      const weight = weights[i] as number;
      const credit = credits[path.charCodeAt(i)];
      if (weight === 0 || credit === undefined) continue;
      credit.conversions += conversions * weight;
      credit.value += value * weight;
    }
  }
  return credits;
}

/**
 * Divides an integer by weights into integers that sum to it (R2): each gets its share rounded
 * down, and what is left goes to the greatest fractions, of equal ones the first (Hamilton's
 * method). O(n log n).
 *
 * @param amount an integer, 0 to 10^15; up to 2^53 the sum still holds, a part may be a few off.
 * @param weights not negative; all zero divides nothing and gives the amount to the first.
 */
export function splitExactly(amount: number, weights: ArrayLike<number>): number[] {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i] as number;
  if (!(sum > 0)) return Array.from(weights, (_, i) => (i === 0 ? amount : 0));
  const shares = Array.from(weights, (weight) => amount * (weight / sum));
  const parts = shares.map(Math.floor);
  let left = amount - parts.reduce((total, part) => total + part, 0);
  const byFraction = parts
    .map((part, i) => ({ i, fraction: (shares[i] as number) - part }))
    .sort((a, b) => b.fraction - a.fraction || a.i - b.i);
  // Rounding of the shares may leave more or less than one unit a part: go round until it fits.
  for (let k = 0; left !== 0 && byFraction.length > 0; k++) {
    const { i } = byFraction[k % byFraction.length] as { i: number };
    const unit = Math.sign(left);
    if ((parts[i] as number) + unit < 0) continue;
    parts[i] = (parts[i] as number) + unit;
    left -= unit;
  }
  return parts;
}
