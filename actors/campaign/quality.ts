/**
 * How well a campaign fits a user: its quality from signals, and what rules multiply it by.
 *
 * Invariants:
 *   Q1 base + sum of weight x signal, added up in the order of SIGNALS, is held to 0.01 … 1: a bid
 *      never counts for nothing, and no signal for more than all.
 *   Q2 The product of the factors whose rules hold, in the campaign's order, is held to
 *      MIN_FACTOR … MAX_FACTOR, so a score is an exact integer (MAX_BID_MICROS).
 */
import { MAX_FACTOR, MIN_FACTOR } from '../../protocols/campaign.ts';
import type { RuleFacts } from '../../protocols/rule-facts.ts';
import type { CampaignEntry } from './entry.ts';
import { qualitySum } from './figures.ts';

const PPM = 1_000_000;
const MIN_QUALITY = 0.01;

/** Quality in parts per million, 1,250 … 8,000,000. */
export function qualityPpm(entry: CampaignEntry, facts: RuleFacts): number {
  const quality = qualitySum(entry, facts.signals);
  const held = Math.min(1, Math.max(MIN_QUALITY, quality));
  const factor = entry.multipliers.length === 0 ? 1 : factorOf(entry, facts);
  return Math.round(held * factor * PPM);
}

/** What quality is multiplied by; 1 if no rule of a multiplier holds. */
export function factorOf({ multipliers }: CampaignEntry, facts: RuleFacts): number {
  let product = 1;
  for (const { rule, factor } of multipliers) if (rule.test(facts)) product *= factor;
  return Math.min(MAX_FACTOR, Math.max(MIN_FACTOR, product));
}
