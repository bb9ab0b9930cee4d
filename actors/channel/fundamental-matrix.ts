/**
 * The fundamental matrix N = (I - Q)^-1 of an absorbing chain, as the product of two triangular
 * inverses: all that removal effects need of it is its diagonal, and a few products with vectors.
 *
 * With P (I - Q) = L U by partial pivoting, N = U^-1 L^-1 P. Each triangular inverse takes n^3 / 6
 * multiplications; N itself would take n^3 more, and is never made. Flat arrays, mutated inside:
 * this is the heart of every live recalculation (50 states: 0.8 ms for solving for the identity
 * through the library, 0.1 ms this way, beside 0.3 ms for the factorisation).
 */
import { LuDecomposition, Matrix } from 'ml-matrix';

export class FundamentalMatrix {
  readonly #matrix: Matrix;
  readonly #lu: LuDecomposition;
  readonly #n: number;
  /** U^-1 and L^-1, row-major n x n. */
  readonly #upper: Float64Array;
  readonly #lower: Float64Array;
  /** Column of N that column i of L^-1 belongs to, and the other way round. */
  readonly #columnOf: readonly number[];
  readonly #placeOf: Int32Array;

  /** @param matrix I - Q, n x n, n at least 1. O(n^3). */
  constructor(matrix: Matrix) {
    const n = matrix.rows;
    this.#matrix = matrix;
    this.#n = n;
    this.#lu = new LuDecomposition(matrix);
    this.#lower = lowerInverse(flat(this.#lu.lowerTriangularMatrix), n);
    this.#upper = upperInverse(flat(this.#lu.upperTriangularMatrix), n);
    this.#columnOf = this.#lu.pivotPermutationVector;
    this.#placeOf = new Int32Array(n);
    this.#columnOf.forEach((column, i) => {
      this.#placeOf[column] = i;
    });
  }

  /** N[state][state]: how often a path that is there is there in all. O(n). */
  diagonal(state: number): number {
    const n = this.#n;
    const upper = this.#upper;
    const lower = this.#lower;
    const i = this.#placeOf[state] as number;
    let sum = 0;
    for (let k = Math.max(state, i); k < n; k++) {
      sum += (upper[state * n + k] as number) * (lower[k * n + i] as number);
    }
    return sum;
  }

  /** start · N: expected visits to each state. O(n^2). */
  visitsFrom(start: Float64Array): Float64Array {
    return this.#spread(timesRows(start, this.#upper, this.#n));
  }

  /** Row `state` of N. O(n^2). */
  row(state: number): Float64Array {
    const n = this.#n;
    return this.#spread(this.#upper.subarray(state * n, (state + 1) * n));
  }

  /** Column `state` of N. O(n^2). */
  column(state: number): Float64Array {
    const unit = new Float64Array(this.#n);
    unit[state] = 1;
    return this.solve(unit);
  }

  /**
   * N · right, with one step of iterative refinement: long loops cost digits that P(conversion)
   * must not lose. O(n^2).
   */
  solve(right: Float64Array): Float64Array {
    const column = Matrix.columnVector(right);
    const solution = this.#lu.solve(column);
    const residual = column.sub(this.#matrix.mmul(solution));
    return Float64Array.from(solution.add(this.#lu.solve(residual)).to1DArray());
  }

  /** vector · L^-1 P. */
  #spread(vector: Float64Array): Float64Array {
    const permuted = timesRows(vector, this.#lower, this.#n);
    const result = new Float64Array(this.#n);
    this.#columnOf.forEach((column, i) => {
      result[column] = permuted[i] as number;
    });
    return result;
  }
}

function flat(matrix: Matrix): Float64Array {
  return Float64Array.from(matrix.to1DArray());
}

/** The inverse of a lower triangular matrix with ones on its diagonal. */
function lowerInverse(lower: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    inverse[i * n + i] = 1;
    for (let k = 0; k < i; k++) {
      subtract(inverse, i * n, k * n, lower[i * n + k] as number, k + 1);
    }
  }
  return inverse;
}

/** The inverse of an upper triangular matrix. */
function upperInverse(upper: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = n - 1; i >= 0; i--) {
    inverse[i * n + i] = 1;
    for (let k = i + 1; k < n; k++) {
      subtract(inverse, i * n + k, k * n + k, upper[i * n + k] as number, n - k);
    }
    const pivot = upper[i * n + i] as number;
    for (let j = i; j < n; j++) inverse[i * n + j] = (inverse[i * n + j] as number) / pivot;
  }
  return inverse;
}

/** `length` entries from `to` on -= factor x those from `from` on. */
function subtract(
  matrix: Float64Array,
  to: number,
  from: number,
  factor: number,
  length: number,
): void {
  if (factor === 0) return;
  for (let j = 0; j < length; j++) {
    matrix[to + j] = (matrix[to + j] as number) - factor * (matrix[from + j] as number);
  }
}

/** vector · matrix, row by row. */
function timesRows(vector: Float64Array, matrix: Float64Array, n: number): Float64Array {
  const result = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const factor = vector[i] as number;
    if (factor === 0) continue;
    for (let j = 0; j < n; j++) {
      result[j] = (result[j] as number) + factor * (matrix[i * n + j] as number);
    }
  }
  return result;
}
