/**
 * How uncertain removal effects are: an asymptotic interval from the paths themselves.
 *
 * RE = 1 - P_c / P, with P_c the probability to convert once channel c is taken out. Paths are
 * independent draws, so the variance of RE is the sum over paths of the squared influence of each
 * (Hampel 1974; van der Vaart 1998, ch. 20). Moving the counts by one path moves P_c by
 *
 *   IF_c(path) = sum over its transitions i → j of  v_i / n_i · (x_j - x_i)
 *
 * with v the expected visits and x the probability to convert from each state in the chain
 * without c, n_i how often state i was left. P moves by (converted - P) / paths. It needs no
 * assumption that the chain of this order is the truth, only that paths are independent; paths of
 * one user are not quite, so with few users and many paths each the interval is too narrow.
 */

import type { ChainSolver } from './chain-solver.ts';
import { type MarkovChain, type Repeats, statesOf } from './markov-chain.ts';
import type { PathRow } from './path-table.ts';

/** The 97.5 % point of the normal distribution. */
const Z_95 = 1.959963984540054;

/** A path whose figures stand for more paths than were seen. */
export interface WeightedPathRow extends PathRow {
  /** Paths that each one seen stands for; 1 unless given. */
  readonly weight?: number;
}

export interface RemovalInterval {
  readonly removalEffect: number;
  readonly standardError: number;
  /** Of the 95 % interval, held to 0 … 1. */
  readonly low: number;
  readonly high: number;
}

/**
 * The interval of each channel's removal effect, by index of the table's channels.
 *
 * Cost: O(channels x touches in distinct paths).
 */
export function removalIntervals(
  rows: Iterable<WeightedPathRow>,
  chain: MarkovChain,
  solver: ChainSolver,
  channelCount: number,
  repeats: Repeats = 'collapse',
): RemovalInterval[] {
  const paths = walks(rows, chain, repeats);
  const p = solver.whole.conversion;
  return Array.from({ length: channelCount }, (_, channel) => {
    if (p === 0) return { removalEffect: 0, standardError: 0, low: 0, high: 0 };
    const { visits, toConversion } = solver.flowWithout(channel);
    const without = solver.without(channel).conversion;
    const perExit = visits.map((v, i) => v / (chain.exits[i] as number));
    let variance = 0;
    for (const { states, conversions, nulls, weight } of paths) {
      const first = states[0] as number;
      let influence = ((toConversion[first] as number) - without) / chain.totalPaths;
      for (let at = 0; at + 1 < states.length; at++) {
        const i = states[at] as number;
        const j = states[at + 1] as number;
        const step = (toConversion[j] as number) - (toConversion[i] as number);
        influence += (perExit[i] as number) * step;
      }
      const end = states[states.length - 1] as number;
      const rest = perExit[end] as number;
      const x = toConversion[end] as number;
      const ifConverted = influence + rest * (1 - x);
      const ifNull = influence - rest * x;
      // A seen path of weight w moves the figures w times as far; there are 1/w as many of them.
      const converted = effectOf(ifConverted, (1 - p) / chain.totalPaths);
      const ended = effectOf(ifNull, -p / chain.totalPaths);
      variance += weight * (conversions * squared(converted) + nulls * squared(ended));
    }
    const removalEffect = Math.min(1, Math.max(0, 1 - without / p));
    const standardError = Math.sqrt(variance);
    return {
      removalEffect,
      standardError,
      low: Math.max(0, removalEffect - Z_95 * standardError),
      high: Math.min(1, removalEffect + Z_95 * standardError),
    };

    /** The influence on 1 - P_c / P of one on P_c and one on P. */
    function effectOf(onWithout: number, onWhole: number): number {
      return -onWithout / p + (without / (p * p)) * onWhole;
    }
  });
}

/** A path as indices of states, with its figures. */
interface Walk {
  readonly states: readonly number[];
  readonly conversions: number;
  readonly nulls: number;
  readonly weight: number;
}

function walks(rows: Iterable<WeightedPathRow>, chain: MarkovChain, repeats: Repeats): Walk[] {
  const index = new Map(chain.states.map((state, i) => [state, i]));
  const paths: Walk[] = [];
  for (const { path, conversions, nulls, weight = 1 } of rows) {
    if (conversions + nulls === 0) continue;
    const states = statesOf(path, chain.order, repeats).map((state) => index.get(state) as number);
    paths.push({ states, conversions, nulls, weight });
  }
  return paths;
}

function squared(x: number): number {
  return x * x;
}
