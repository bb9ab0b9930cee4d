/**
 * The channel actors' figures over a range of cohorts: removal effects from the paths, rule-based
 * models from the credits of each conversion.
 */
import { CHAIN_ENDS } from '../../protocols/chain.ts';
import { parseCohort } from '../../protocols/cohort.ts';
import type { CreditKind } from '../../protocols/path-journal.ts';
import type { Cohort, Cohorts, CreditFigures } from './cohorts.ts';
import { MICRO_CONVERSIONS } from './conversion-credits.ts';
import type { MarkovChain } from './markov-chain.ts';
import { PathTable } from './path-table.ts';
import type { WeightedPathRow } from './removal-intervals.ts';
import { RULE_MODELS, type RuleModel } from './rule-models.ts';

/** A cohort, and how many paths each one counted in it stands for. */
export interface WeightedCohort {
  readonly cohort: Cohort;
  /** 1 over the share of users in the sample. */
  readonly weight: number;
}

/** The cohorts of a range of UTC days `yyyymmdd`, both inclusive. */
export function cohortsBetween(
  { days }: Cohorts,
  from: string,
  to: string,
): readonly WeightedCohort[] {
  return [...days].flatMap(([name, cohort]) => {
    const { day, rate } = parseCohort(name);
    return day >= from && day <= to ? [{ cohort, weight: 1 / rate }] : [];
  });
}

/** Their paths as they count for all users; a path may come more than once. */
export function* weightedRows(cohorts: readonly WeightedCohort[]): Generator<WeightedPathRow> {
  for (const { cohort, weight } of cohorts) {
    for (const { path, conversions, nulls, value } of cohort.table.rows()) {
      yield {
        ...{ path, weight, conversions: conversions * weight },
        ...{ nulls: nulls * weight, value: value * weight },
      };
    }
  }
}

/** One table of all their paths. O(distinct paths of all). */
export function unitedTable({ index }: Cohorts, cohorts: readonly WeightedCohort[]): PathTable {
  const table = new PathTable(index);
  for (const { path, conversions, nulls, value } of weightedRows(cohorts)) {
    table.add(path, conversions, nulls, value);
  }
  return table;
}

/** Standard errors of totals that are estimated from a sample of users; 0 where it holds all. */
export interface SamplingErrors {
  readonly paths: number;
  readonly conversions: number;
  readonly value: number;
}

/**
 * How far totals may be off because only a sample of users is counted (Horvitz & Thompson; see
 * sampling.ts), with each path as a user of its own and conversions of one path worth the same.
 */
export function samplingErrors(cohorts: readonly WeightedCohort[]): SamplingErrors {
  const variance = { paths: 0, conversions: 0, value: 0 };
  for (const { cohort, weight } of cohorts) {
    const perUnit = (1 - 1 / weight) * weight * weight;
    if (perUnit === 0) continue;
    for (const { conversions, nulls, value } of cohort.table.rows()) {
      variance.paths += perUnit * (conversions + nulls);
      variance.conversions += perUnit * conversions;
      if (conversions > 0) variance.value += (perUnit * value * value) / conversions;
    }
  }
  return {
    paths: Math.sqrt(variance.paths),
    conversions: Math.sqrt(variance.conversions),
    value: Math.sqrt(variance.value),
  };
}

/** A model's credit. */
export interface Credit {
  readonly conversions: number;
  readonly micros: number;
}

/** What cohorts count of each name, for all users. O(names of all cohorts). */
export function sumFigures(
  cohorts: readonly WeightedCohort[],
  kind: CreditKind,
): Map<string, CreditFigures> {
  const sums = new Map<string, CreditFigures>();
  for (const { cohort, weight } of cohorts) {
    for (const [name, counted] of cohort.credits[kind]) {
      const sum = sums.get(name);
      const figures = weight === 1 ? counted : counted.map((each) => each * weight);
      sums.set(name, sum === undefined ? figures : sum.map((each, i) => each + (figures[i] ?? 0)));
    }
  }
  return sums;
}

/** Credits by channel or campaign and model. O(names of all cohorts). */
export function sumCredits(
  cohorts: readonly WeightedCohort[],
  kind: Exclude<CreditKind, 'pair'>,
): Map<string, Record<RuleModel, Credit>> {
  const byName = new Map<string, Record<RuleModel, Credit>>();
  for (const [name, figures] of sumFigures(cohorts, kind)) {
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
    if (Math.round(count) > 0) list.push({ from, to, count: Math.round(count) });
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
