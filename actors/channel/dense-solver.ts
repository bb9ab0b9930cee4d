/**
 * A chain without each of its states, all from one factorisation. For chains of order 1, where a
 * channel is a state.
 *
 * With Q the transition matrix among n states, N = (I - Q)^-1 the fundamental matrix, α the start
 * distribution and b the probability to convert from each state, taking state c out leaves
 *
 *   visits  α N - (α N)_c N_c· / N_cc        conversion  b - N_·c b_c / N_cc
 *
 * and P(conversion) = α b - (α N)_c b_c / N_cc. (Kemeny & Snell, Finite Markov Chains, ch. 3; the
 * removal as a rank-one change of I - Q: Sherman & Morrison 1950.)
 */
import { Matrix } from 'ml-matrix';
import type { ChainSolver, Outcome } from './chain-solver.ts';
import { FundamentalMatrix } from './fundamental-matrix.ts';
import type { MarkovChain } from './markov-chain.ts';

/** States beyond which a dense factorisation is the slower way. */
export const MAX_DENSE_STATES = 400;

/** Factorises a chain. O(n^3). */
export function denseSolver(chain: MarkovChain): ChainSolver {
  const { matrix, conversion, value, start } = probabilities(chain);
  const fundamental = new FundamentalMatrix(matrix);
  const toConversion = fundamental.solve(conversion);
  const toValue = fundamental.solve(value);
  const visits = fundamental.visitsFrom(start);
  const whole: Outcome = { conversion: dot(start, toConversion), value: dot(start, toValue) };
  const stateOf = new Map(chain.states.map((state, i) => [state.charCodeAt(0), i]));
  return {
    whole,
    without(channel) {
      const state = stateOf.get(channel);
      if (state === undefined) return whole;
      const scale = (visits[state] as number) / fundamental.diagonal(state);
      return {
        conversion: whole.conversion - scale * (toConversion[state] as number),
        value: whole.value - scale * (toValue[state] as number),
      };
    },
    flowWithout(channel) {
      const state = stateOf.get(channel);
      if (state === undefined) return { visits, toConversion };
      const diagonal = fundamental.diagonal(state);
      const scale = (visits[state] as number) / diagonal;
      const converts = (toConversion[state] as number) / diagonal;
      const row = fundamental.row(state);
      const column = fundamental.column(state);
      return {
        visits: visits.map((v, j) => v - scale * (row[j] as number)),
        toConversion: toConversion.map((b, i) => b - (column[i] as number) * converts),
      };
    },
  };
}

/** I - Q, the chances of each state's next step to convert, their value, and where paths start. */
function probabilities(chain: MarkovChain): {
  readonly matrix: Matrix;
  readonly conversion: Float64Array;
  readonly value: Float64Array;
  readonly start: Float64Array;
} {
  const { states, starts, rowStart, to, counts, exits, conversions, values, totalPaths } = chain;
  const matrix = Matrix.eye(states.length);
  for (let i = 0; i < states.length; i++) {
    for (let at = rowStart[i] as number; at < (rowStart[i + 1] as number); at++) {
      const j = to[at] as number;
      matrix.set(i, j, matrix.get(i, j) - (counts[at] as number) / (exits[i] as number));
    }
  }
  return {
    matrix,
    conversion: conversions.map((count, i) => count / (exits[i] as number)),
    value: values.map((value, i) => value / (exits[i] as number)),
    start: starts.map((count) => count / totalPaths),
  };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
