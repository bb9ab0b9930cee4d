/**
 * Attribution against the truth: how far each model's credit is from what channels caused, in
 * simulated worlds where that is known.
 *
 * A model's credit share of a channel is its part of the conversions credited to all channels; the
 * true share is the channel's lost conversions over the sum of all channels' lost conversions. Both
 * sum to 1, so that models are compared by how they divide and not by how much they claim. How much
 * the chain claims is compared apart: its removal effect with the causal one.
 */
import { attributeTable, MODELS } from '../../actors/channel/attribute.ts';
import type { PathTable } from '../../actors/channel/path-table.ts';
import { type CausalJourneys, simulateJourneys } from './causal-journeys.ts';
import type { Scenario } from './causal-scenarios.ts';

/** Orders of the chain beyond the first that are tried as well. */
const HIGHER_ORDERS = [2, 3] as const;

/** Mean and standard deviation over seeds. */
export interface Spread {
  readonly mean: number;
  readonly sd: number;
}

export interface ModelError {
  readonly model: string;
  /** Of credit shares against true shares, over channels. */
  readonly meanAbsoluteError: Spread;
  /** Spearman's, of credit shares and true shares. */
  readonly rankCorrelation: Spread;
  /** The channel whose credit share is furthest above the true one on average, and by how much. */
  readonly mostOverCredited: { readonly channel: string; readonly excess: Spread };
  /** Credit shares in the order of the scenario's channels. */
  readonly shares: readonly Spread[];
}

export interface ChannelTruth {
  readonly channel: string;
  readonly trueShare: Spread;
  /** Of all conversions, lost without the channel. */
  readonly causalEffect: Spread;
  /** Monte-Carlo standard error of one seed's causal effect, mean over seeds. */
  readonly causalStandardError: number;
  /** Removal effect of the order-1 chain. */
  readonly markovEffect: Spread;
}

export interface ScenarioReport {
  readonly scenario: string;
  readonly about: string;
  readonly users: number;
  readonly seeds: number;
  readonly conversionRate: Spread;
  /** The share of conversions whose user no channel ever touched. */
  readonly untouchedShare: Spread;
  readonly channels: readonly ChannelTruth[];
  readonly models: readonly ModelError[];
}

/** One seed's figures. */
interface Run {
  readonly journeys: CausalJourneys;
  readonly trueShares: readonly number[];
  readonly credits: ReadonlyMap<string, readonly number[]>;
  readonly markovEffects: readonly number[];
}

/**
 * Simulates a scenario with the seeds 1 to `seeds` and judges every model.
 *
 * Cost: see simulateJourneys, times the seeds; attribution is a tenth of it.
 */
export function reportScenario(scenario: Scenario, users: number, seeds: number): ScenarioReport {
  const runs = Array.from({ length: seeds }, (_, i) => {
    const journeys = simulateJourneys(scenario, { users, seed: i + 1 });
    return runOf(journeys);
  });
  const models = [...(runs[0]?.credits.keys() ?? [])];
  return {
    scenario: scenario.name,
    about: scenario.about,
    users,
    seeds,
    conversionRate: spread(runs.map(({ journeys }) => journeys.conversions / journeys.users)),
    untouchedShare: spread(
      runs.map(({ journeys }) => journeys.untouchedConversions / Math.max(1, journeys.conversions)),
    ),
    channels: scenario.channels.map(({ name }, c) => truthOf(name, c, runs)),
    models: models.map((model) => errorOf(model, scenario, runs)),
  };
}

/**
 * Credit shares of every model over a table, by model; each sums to 1, or is all zero where
 * nothing converted. Markov stands there at orders 1, 2 and 3.
 */
export function creditShares(table: PathTable): Map<string, readonly number[]> {
  const { markov, rules } = attributeTable(table);
  const shares = new Map<string, readonly number[]>();
  for (const model of MODELS) {
    if (model !== 'markov') {
      shares.set(model, normalized((rules[model] ?? []).map(({ conversions }) => conversions)));
      continue;
    }
    shares.set('markov 1', normalized((markov?.channels ?? []).map((each) => each.conversions)));
    for (const order of HIGHER_ORDERS) {
      const chain = attributeTable(table, { models: ['markov'], order }).markov;
      const credits = (chain?.channels ?? []).map(({ conversions }) => conversions);
      shares.set(`markov ${order}`, normalized(credits));
    }
  }
  return shares;
}

/**
 * Spearman's rank correlation: Pearson's of the ranks, equal figures sharing the mean of theirs;
 * 0 where one side is all equal and says nothing about order.
 */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const x = ranksOf(a);
  const y = ranksOf(b);
  const middle = (x.length + 1) / 2;
  let covariance = 0;
  let varianceX = 0;
  let varianceY = 0;
  for (const [i, rank] of x.entries()) {
    const dx = rank - middle;
    const dy = (y[i] as number) - middle;
    covariance += dx * dy;
    varianceX += dx * dx;
    varianceY += dy * dy;
  }
  return varianceX === 0 || varianceY === 0 ? 0 : covariance / Math.sqrt(varianceX * varianceY);
}

function runOf(journeys: CausalJourneys): Run {
  const { table, truth } = journeys;
  const { markov } = attributeTable(table, { models: ['markov'] });
  return {
    journeys,
    trueShares: normalized(truth.map(({ lostConversions }) => lostConversions)),
    credits: creditShares(table),
    markovEffects: (markov?.channels ?? []).map(({ removalEffect }) => removalEffect),
  };
}

function truthOf(channel: string, c: number, runs: readonly Run[]): ChannelTruth {
  const effects = runs.map(({ journeys }) => journeys.truth[c]);
  return {
    channel,
    trueShare: spread(runs.map(({ trueShares }) => trueShares[c] ?? 0)),
    causalEffect: spread(effects.map((effect) => effect?.removalEffect ?? 0)),
    causalStandardError: spread(effects.map((effect) => effect?.standardError ?? 0)).mean,
    markovEffect: spread(runs.map(({ markovEffects }) => markovEffects[c] ?? 0)),
  };
}

function errorOf(model: string, scenario: Scenario, runs: readonly Run[]): ModelError {
  const excesses = runs.map(({ credits, trueShares }) =>
    (credits.get(model) ?? []).map((share, c) => share - (trueShares[c] ?? 0)),
  );
  const byChannel = scenario.channels.map(({ name }, c) => ({
    channel: name,
    excess: spread(excesses.map((each) => each[c] ?? 0)),
  }));
  const [first, ...others] = byChannel as [(typeof byChannel)[0], ...typeof byChannel];
  return {
    model,
    meanAbsoluteError: spread(excesses.map((each) => meanOf(each.map(Math.abs)))),
    rankCorrelation: spread(
      runs.map(({ credits, trueShares }) => rankCorrelation(credits.get(model) ?? [], trueShares)),
    ),
    mostOverCredited: others.reduce(
      (most, each) => (each.excess.mean > most.excess.mean ? each : most),
      first,
    ),
    shares: scenario.channels.map((_, c) =>
      spread(runs.map(({ credits }) => credits.get(model)?.[c] ?? 0)),
    ),
  };
}

function ranksOf(figures: readonly number[]): number[] {
  return figures.map((figure) => {
    const less = figures.filter((other) => other < figure).length;
    const equal = figures.filter((other) => other === figure).length;
    return less + (equal + 1) / 2;
  });
}

function normalized(figures: readonly number[]): number[] {
  const sum = figures.reduce((total, figure) => total + figure, 0);
  return figures.map((figure) => (sum === 0 ? 0 : figure / sum));
}

function meanOf(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0) / Math.max(1, figures.length);
}

function spread(figures: readonly number[]): Spread {
  const mean = meanOf(figures);
  const squares = figures.reduce((total, figure) => total + (figure - mean) ** 2, 0);
  return { mean, sd: figures.length < 2 ? 0 : Math.sqrt(squares / (figures.length - 1)) };
}
