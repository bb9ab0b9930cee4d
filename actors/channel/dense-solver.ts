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
import { LuDecomposition, Matrix } from 'ml-matrix';
import type { ChainSolver, Outcome } from './chain-solver.ts';
import type { MarkovChain } from './markov-chain.ts';

/** States beyond which a dense factorisation is the slower way. */
export const MAX_DENSE_STATES = 400;

/** Factorises a chain. O(n^3). */
export function denseSolver(chain: MarkovChain): ChainSolver {
  const n = chain.states.length;
  const { matrix, conversion, value, start } = probabilities(chain);
  const lu = new LuDecomposition(matrix);
  const fundamental = inverseOf(lu, n);
  const toConversion = refined(lu, matrix, conversion, product(fundamental, conversion));
  const toValue = product(fundamental, value);
  const visits = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const from = start[i] as number;
    if (from === 0) continue;
    for (let j = 0; j < n; j++) {
      visits[j] = (visits[j] as number) + from * (fundamental[i * n + j] as number);
    }
  }
  const whole: Outcome = { conversion: dot(start, toConversion), value: dot(start, toValue) };
  const stateOf = new Map(chain.states.map((state, i) => [state.charCodeAt(0), i]));
  const removed = (state: number): number => {
    return (visits[state] as number) / (fundamental[state * n + state] as number);
  };
  return {
    whole,
    without(channel) {
      const state = stateOf.get(channel);
      if (state === undefined) return whole;
      const scale = removed(state);
      return {
        conversion: whole.conversion - scale * (toConversion[state] as number),
        value: whole.value - scale * (toValue[state] as number),
      };
    },
    flowWithout(channel) {
      const state = stateOf.get(channel);
      if (state === undefined) return { visits, toConversion };
      const scale = removed(state);
      const diagonal = fundamental[state * n + state] as number;
      const converts = (toConversion[state] as number) / diagonal;
      return {
        visits: visits.map((v, j) => v - scale * (fundamental[state * n + j] as number)),
        toConversion: toConversion.map((b, i) => {
          return b - (fundamental[i * n + state] as number) * converts;
        }),
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

/**
 * The inverse from the factors, in flat arrays: a quarter of the time of solving for the identity
 * through the library (0.8 against 0.2 ms for 50 states), at the heart of every recalculation.
 */
function inverseOf(lu: LuDecomposition, n: number): Float64Array {
  const lower = Float64Array.from(lu.lowerTriangularMatrix.to1DArray());
  const upper = Float64Array.from(lu.upperTriangularMatrix.to1DArray());
  const inverse = new Float64Array(n * n);
  lu.pivotPermutationVector.forEach((column, row) => {
    inverse[row * n + column] = 1;
  });
  for (let k = 0; k < n; k++) {
    for (let i = k + 1; i < n; i++) subtractRow(inverse, n, i, k, lower[i * n + k] as number);
  }
  for (let k = n - 1; k >= 0; k--) {
    const pivot = upper[k * n + k] as number;
    for (let at = k * n; at < (k + 1) * n; at++) inverse[at] = (inverse[at] as number) / pivot;
    for (let i = 0; i < k; i++) subtractRow(inverse, n, i, k, upper[i * n + k] as number);
  }
  return inverse;
}

/** row `from` -= factor x row `row`, of a flat n x n matrix. */
function subtractRow(
  matrix: Float64Array,
  n: number,
  from: number,
  row: number,
  factor: number,
): void {
  if (factor === 0) return;
  const a = from * n;
  const b = row * n;
  for (let j = 0; j < n; j++) {
    matrix[a + j] = (matrix[a + j] as number) - factor * (matrix[b + j] as number);
  }
}

/** One step of iterative refinement: long loops cost digits that P(conversion) must not lose. */
function refined(
  lu: LuDecomposition,
  matrix: Matrix,
  right: Float64Array,
  solution: Float64Array,
): Float64Array {
  const residual = Matrix.columnVector(right).sub(matrix.mmul(Matrix.columnVector(solution)));
  const correction = lu.solve(residual).to1DArray();
  return solution.map((x, i) => x + (correction[i] as number));
}

function product(fundamental: Float64Array, right: Float64Array): Float64Array {
  const n = right.length;
  const result = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += (fundamental[i * n + j] as number) * (right[j] as number);
    result[i] = sum;
  }
  return result;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
