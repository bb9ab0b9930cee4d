/**
 * A path table attributed by every model that is asked for: what the command line shows of a file
 * and the coordinator of the live paths.
 */
import { markovChain, type Repeats } from './markov-chain.ts';
import type { PathTable, TableTotals } from './path-table.ts';
import { attributeMarkov, type ChannelEffect, solveChain } from './removal-effects.ts';
import {
  type RemovalInterval,
  removalIntervals,
  type WeightedPathRow,
} from './removal-intervals.ts';
import {
  attributeByRule,
  DEFAULT_HALF_LIFE_MS,
  RULE_MODELS,
  type RuleCredit,
  type RuleModel,
} from './rule-models.ts';

export const MODELS = ['markov', ...RULE_MODELS] as const;
export type Model = (typeof MODELS)[number];

export interface AttributionOptions {
  readonly models: readonly Model[];
  /** Of the Markov chain. */
  readonly order: number;
  readonly repeats: Repeats;
  readonly halfLifeMs: number;
  /** Adds the interval of each removal effect. */
  readonly intervals: boolean;
}

export const DEFAULT_ATTRIBUTION: AttributionOptions = {
  models: MODELS,
  order: 1,
  repeats: 'collapse',
  halfLifeMs: DEFAULT_HALF_LIFE_MS,
  intervals: false,
};

export interface MarkovResult {
  readonly order: number;
  readonly states: number;
  readonly pConversion: number;
  /** In the order of the table's channels. */
  readonly channels: readonly (ChannelEffect & { readonly interval?: RemovalInterval })[];
}

export interface AttributionResult {
  readonly totals: TableTotals;
  readonly markov?: MarkovResult;
  readonly rules: Readonly<Partial<Record<RuleModel, readonly RuleCredit[]>>>;
}

/**
 * Attributes a table.
 *
 * Cost: O(touches in distinct paths) a model; see removal-effects.ts for the chain's solution.
 */
export function attributeTable(
  table: PathTable,
  options: Partial<AttributionOptions> = {},
): AttributionResult {
  const { models, order, repeats, halfLifeMs, intervals } = { ...DEFAULT_ATTRIBUTION, ...options };
  const rules: Partial<Record<RuleModel, RuleCredit[]>> = {};
  for (const model of RULE_MODELS) {
    if (models.includes(model)) rules[model] = attributeByRule(table, model, halfLifeMs);
  }
  const totals = table.totals();
  if (!models.includes('markov')) return { totals, rules };
  const rows = intervals ? table.rows() : undefined;
  return { totals, rules, markov: attributeChain(table, order, repeats, rows) };
}

/**
 * The Markov chain of a table, and what it attributes.
 *
 * @param seen the paths as they were seen, if the intervals are wanted.
 */
export function attributeChain(
  table: PathTable,
  order: number,
  repeats: Repeats,
  seen: Iterable<WeightedPathRow> | undefined,
): MarkovResult {
  const chain = markovChain(table.rows(), order, repeats);
  const solver = solveChain(chain);
  const result = attributeMarkov(chain, table.channels, solver);
  if (seen === undefined) return result;
  const all = removalIntervals(seen, chain, solver, table.channels.length, repeats);
  const channels = result.channels.map((effect, i) => ({
    ...effect,
    interval: all[i] as RemovalInterval,
  }));
  return { ...result, channels };
}
