/**
 * Markov attribution: what share of conversions, and of their value, would be lost without each
 * channel. Exact, no simulation: from one factorisation at order 1, by pushing along the sparse
 * transitions at higher orders; both give what solving the reduced chain gives.
 *
 * At order k removing a channel removes every state that holds it.
 *
 * Invariants:
 *   M1 P(conversion) of the chain equals conversions / paths, the empirical rate, to 1e-12; it is
 *      checked at every calculation.
 *   M2 Attributed conversions and value sum to what was converted; none is negative.
 */
import type { ChainSolver } from './chain-solver.ts';
import { denseSolver, MAX_DENSE_STATES } from './dense-solver.ts';
import type { MarkovChain } from './markov-chain.ts';
import { sparseSolver } from './sparse-solver.ts';

/** How far rounding may take the chain's P(conversion) from the empirical rate (M1). */
export const RATE_TOLERANCE = 1e-12;

/** A channel's part. */
export interface ChannelEffect {
  readonly channel: string;
  /** The share of conversions that are lost without the channel, 0 to 1. */
  readonly removalEffect: number;
  /** The share of conversion value that is lost without it. */
  readonly valueRemovalEffect: number;
  /** Its part of all conversions: removal effect over the sum of removal effects. */
  readonly conversions: number;
  readonly value: number;
}

export interface MarkovAttribution {
  readonly order: number;
  /** Transient states of the chain. */
  readonly states: number;
  readonly pConversion: number;
  /** In the order of the path table's channels. */
  readonly channels: readonly ChannelEffect[];
}

/** Solves a chain the faster way. */
export function solveChain(chain: MarkovChain): ChainSolver {
  const { length } = chain.states;
  const isSmall = length > 0 && length <= MAX_DENSE_STATES;
  const solver = chain.order === 1 && isSmall ? denseSolver(chain) : sparseSolver(chain);
  const rate = chain.totalPaths === 0 ? 0 : chain.totalConversions / chain.totalPaths;
  if (!(Math.abs(solver.whole.conversion - rate) <= RATE_TOLERANCE)) {
    throw new Error(
      `M1: the chain converts at ${solver.whole.conversion}, its paths at ${rate}: counts that ` +
        'are not those of paths, or loops too long for double precision',
    );
  }
  return solver;
}

/**
 * Attributes conversions and value to channels.
 *
 * Cost: one solution of the chain at order 1, one per channel above.
 * @param channels names by index, as in the chain's path table.
 * @throws Error if the counts do not form a chain (M1).
 */
export function attributeMarkov(
  chain: MarkovChain,
  channels: readonly string[],
  solver: ChainSolver = solveChain(chain),
): MarkovAttribution {
  const { whole } = solver;
  const present = new Set(chain.states.join(''));
  const effects = channels.map((channel, index) => {
    // A channel that is on no path changes nothing, and need not be solved for.
    const without = present.has(String.fromCharCode(index)) ? solver.without(index) : whole;
    return {
      channel,
      removalEffect: lost(without.conversion, whole.conversion),
      valueRemovalEffect: lost(without.value, whole.value),
    };
  });
  const sum = effects.reduce((total, e) => total + e.removalEffect, 0);
  const valueSum = effects.reduce((total, e) => total + e.valueRemovalEffect, 0);
  return {
    order: chain.order,
    states: chain.states.length,
    pConversion: whole.conversion,
    channels: effects.map((effect) => ({
      ...effect,
      conversions: ratio(effect.removalEffect, sum) * chain.totalConversions,
      value: ratio(effect.valueRemovalEffect, valueSum) * chain.totalValue,
    })),
  };
}

/** The share that is gone; rounding must not make it negative (M2). */
function lost(without: number, whole: number): number {
  return whole === 0 ? 0 : Math.min(1, Math.max(0, 1 - without / whole));
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
