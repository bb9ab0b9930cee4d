/**
 * Markov attribution from transition counts: removal effects of all channels from one
 * factorisation of the absorbing chain, no simulation.
 *
 * With Q the transition matrix among transient states, N = (I - Q)^-1 the fundamental matrix,
 * b the probability to convert from each state and s the start, removing channel c leaves
 * P(conversion) = b[s] - N[s,c] b[c] / N[c,c], so
 *
 *   RE(c) = N[s,c] b[c] / (N[c,c] b[s]).
 *
 * (Kemeny & Snell, Finite Markov Chains, ch. 3; the attribution use: Anderl et al. 2016.) The
 * value-weighted effect replaces b by the expected conversion value from each state.
 *
 * Invariants:
 *   M1 P(conversion) of the chain equals conversions / paths, the empirical rate.
 *   M2 Attributed conversions and value sum to what was converted.
 */
import { LuDecomposition, Matrix } from 'ml-matrix';
import { CONVERSION, NULL, START } from '../../protocols/cells.ts';

/** Counts that a chain is made of; what a sum over partitions and cohorts gives. */
export interface PathTotals {
  readonly paths: number;
  readonly conversions: number;
  readonly valueMicros: number;
  /** from -> to -> count, with START, CONVERSION and NULL among the states. */
  readonly transitions: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly valueByLast: ReadonlyMap<string, number>;
}

export interface ChannelEffect {
  readonly channel: string;
  /** The share of conversions that are lost without the channel, 0 to 1. */
  readonly removalEffect: number;
  /** The share of conversion value that is lost without it. */
  readonly valueRemovalEffect: number;
  /** Its part of all conversions: removal effect over the sum of removal effects. */
  readonly conversions: number;
  readonly valueMicros: number;
}

export interface MarkovAttribution {
  readonly pConversion: number;
  /** By channel name. */
  readonly channels: readonly ChannelEffect[];
}

/** How far rounding may take the chain's P(conversion) from the empirical rate (M1). */
const RATE_TOLERANCE = 1e-9;

/**
 * Attributes conversions and value to channels.
 *
 * Cost: one LU factorisation, O(K^3), and one inverse, for K channels.
 * @throws Error if the counts do not form a chain (M1): paths in and out of a state differ.
 */
export function attributeMarkov(totals: PathTotals): MarkovAttribution {
  const channels = [...totals.transitions.keys()].filter((state) => state !== START).sort();
  if (channels.length === 0) return { pConversion: 0, channels: [] };
  const chain = chainOf(totals, channels);
  const fundamental = new LuDecomposition(chain.identityMinusQ).solve(
    Matrix.eye(channels.length + 1),
  );
  const toConversion = fundamental.mmul(Matrix.columnVector(chain.conversion)).to1DArray();
  const toValue = fundamental.mmul(Matrix.columnVector(chain.value)).to1DArray();
  const pConversion = toConversion[0] as number;
  const rate = totals.paths === 0 ? 0 : totals.conversions / totals.paths;
  if (Math.abs(pConversion - rate) > RATE_TOLERANCE) {
    throw new Error(`M1: the chain converts at ${pConversion}, the paths at ${rate}`);
  }
  const effects = channels.map((channel, i) => {
    const state = i + 1;
    const visits = fundamental.get(0, state) / fundamental.get(state, state);
    return {
      channel,
      removalEffect: ratio(visits * (toConversion[state] as number), pConversion),
      valueRemovalEffect: ratio(visits * (toValue[state] as number), toValue[0] as number),
    };
  });
  const sum = effects.reduce((total, e) => total + e.removalEffect, 0);
  const valueSum = effects.reduce((total, e) => total + e.valueRemovalEffect, 0);
  return {
    pConversion,
    channels: effects.map((effect) => ({
      ...effect,
      conversions: ratio(effect.removalEffect, sum) * totals.conversions,
      valueMicros: ratio(effect.valueRemovalEffect, valueSum) * totals.valueMicros,
    })),
  };
}

interface Chain {
  /** (K + 1) x (K + 1), the start first. */
  readonly identityMinusQ: Matrix;
  /** Per state, the probability to convert in the next step. */
  readonly conversion: number[];
  /** Per state, the expected conversion value of the next step, in micros. */
  readonly value: number[];
}

function chainOf(totals: PathTotals, channels: readonly string[]): Chain {
  const states = [START, ...channels];
  const index = new Map(states.map((state, i) => [state, i]));
  const identityMinusQ = Matrix.eye(states.length);
  const conversion = new Array<number>(states.length).fill(0);
  const value = new Array<number>(states.length).fill(0);
  states.forEach((state, row) => {
    const exits = totals.transitions.get(state);
    if (exits === undefined) return;
    let out = 0;
    for (const count of exits.values()) out += count;
    for (const [to, count] of exits) {
      if (to === CONVERSION) conversion[row] = count / out;
      else if (to !== NULL) {
        const column = index.get(to);
        if (column === undefined)
          throw new Error(`M1: ${state} leads to ${to}, which leads nowhere`);
        identityMinusQ.set(row, column, identityMinusQ.get(row, column) - count / out);
      }
    }
    value[row] = (totals.valueByLast.get(state) ?? 0) / out;
  });
  return { identityMinusQ, conversion, value };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
