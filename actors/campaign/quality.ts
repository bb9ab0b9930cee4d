/**
 * How well a campaign fits a user: its quality from signals, and what rules multiply it by.
 *
 * Invariants:
 *   Q1 base + sum of weight x signal, added up in the order of SIGNALS, is held to 0.01 … 1: a bid
 *      never counts for nothing, and no signal for more than all.
 *   Q2 The product of the factors whose rules hold, in the campaign's order, is held to
 *      MIN_FACTOR … MAX_FACTOR, so a score is an exact integer (MAX_BID_MICROS).
 */
import { MAX_FACTOR, MIN_FACTOR, SIGNALS } from '../../protocols/campaign.ts';
import type { RuleFacts } from '../../protocols/rule-facts.ts';
import type { CampaignEntry } from './entry.ts';

const PPM = 1_000_000;
const MIN_QUALITY = 0.01;

/** Quality in parts per million, 1,250 … 8,000,000. */
export function qualityPpm(entry: CampaignEntry, facts: RuleFacts): number {
  const { quality: terms, multipliers } = entry;
  const { signals } = facts;
  let quality = terms[0] as number;
  for (let i = 1; i < terms.length; i += 2) {
    quality += (terms[i + 1] as number) * (signals[terms[i] as number] as number);
  }
  const held = Math.min(1, Math.max(MIN_QUALITY, quality));
  const factor = multipliers.length === 0 ? 1 : factorOf(entry, facts);
  return Math.round(held * factor * PPM);
}

/** What quality is multiplied by; 1 if no rule of a multiplier holds. */
export function factorOf({ multipliers }: CampaignEntry, facts: RuleFacts): number {
  let product = 1;
  for (const { rule, factor } of multipliers) if (rule.test(facts)) product *= factor;
  return Math.min(MAX_FACTOR, Math.max(MIN_FACTOR, product));
}

/** What each part adds to the quality before it is held: `base`, then each weighed signal's. */
export function contributionsOf(
  { quality: terms }: CampaignEntry,
  { signals }: RuleFacts,
): Record<string, number> {
  const parts: Record<string, number> = { base: terms[0] as number };
  for (let i = 1; i < terms.length; i += 2) {
    const column = terms[i] as number;
    parts[SIGNALS[column] as string] = (terms[i + 1] as number) * (signals[column] as number);
  }
  return parts;
}
