/**
 * The channel actors' figures over a range of cohorts: removal effects from the paths, rule-based
 * models from the credits of each conversion.
 */
import { CHAIN_ENDS } from '../../protocols/chain.ts';
import type { CreditKind } from '../../protocols/path-journal.ts';
import type { Cohort, Cohorts, CreditFigures } from './cohorts.ts';
import { MICRO_CONVERSIONS } from './conversion-credits.ts';
import type { MarkovChain } from './markov-chain.ts';
import { PathTable } from './path-table.ts';
import { RULE_MODELS, type RuleModel } from './rule-models.ts';

/** The cohorts of a range of UTC days `yyyymmdd`, both inclusive. */
export function cohortsBetween({ days }: Cohorts, from: string, to: string): Cohort[] {
  return [...days].flatMap(([day, cohort]) => (day >= from && day <= to ? [cohort] : []));
}

/** One table of all their paths. O(distinct paths of all). */
export function unitedTable({ index }: Cohorts, cohorts: readonly Cohort[]): PathTable {
  const table = new PathTable(index);
  for (const cohort of cohorts) {
    for (const { path, conversions, nulls, value } of cohort.table.rows()) {
      table.add(path, conversions, nulls, value);
    }
  }
  return table;
}

/** A model's credit. */
export interface Credit {
  readonly conversions: number;
  readonly micros: number;
}

/** Credits by channel or campaign and model. O(names of all cohorts). */
export function sumCredits(
  cohorts: readonly Cohort[],
  kind: CreditKind,
): Map<string, Record<RuleModel, Credit>> {
  const sums = new Map<string, CreditFigures>();
  for (const { credits } of cohorts) {
    for (const [name, figures] of credits[kind]) {
      const sum = sums.get(name);
      sums.set(name, sum === undefined ? figures : sum.map((each, i) => each + (figures[i] ?? 0)));
    }
  }
  const byName = new Map<string, Record<RuleModel, Credit>>();
  for (const [name, figures] of sums) {
    const byModel = {} as Record<RuleModel, Credit>;
    RULE_MODELS.forEach((model, m) => {
      const conversions = (figures[2 * m] as number) / MICRO_CONVERSIONS;
      byModel[model] = { conversions, micros: figures[2 * m + 1] as number };
    });
    byName.set(name, byModel);
  }
  return byName;
}

/** A transition of a chain of order 1, by name. */
export interface NamedTransition {
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

/** The transitions of a chain of order 1, its start and ends included. */
export function namedTransitions(
  chain: MarkovChain,
  channels: readonly string[],
): NamedTransition[] {
  const { start, conversion, none } = CHAIN_ENDS;
  const name = (state: number): string => {
    return channels[(chain.states[state] as string).charCodeAt(0)] as string;
  };
  const list: NamedTransition[] = [];
  const add = (from: string, to: string, count: number): void => {
    if (count > 0) list.push({ from, to, count });
  };
  chain.states.forEach((_, i) => {
    const [first, end] = [chain.rowStart[i] as number, chain.rowStart[i + 1] as number];
    let nulls = (chain.exits[i] as number) - (chain.conversions[i] as number);
    add(start, name(i), chain.starts[i] as number);
    for (let at = first; at < end; at++) {
      const count = chain.counts[at] as number;
      add(name(i), name(chain.to[at] as number), count);
      nulls -= count;
    }
    add(name(i), conversion, chain.conversions[i] as number);
    add(name(i), none, nulls);
  });
  return list.sort((a, b) => (a.from + a.to < b.from + b.to ? -1 : 1));
}
