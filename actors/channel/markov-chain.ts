/**
 * The absorbing Markov chain of a path table, of any order.
 *
 * At order k a state is the last k touches; a path shorter than k is one state. A path counts
 * (start) → s1 → … → sn → (conversion) or (null), each transition with the path's weight. A state
 * equal to the one before it is dropped (`collapse`, as the R package ChannelAttribution does in
 * markov_model) or counts as a loop (`keep`, as its transition_matrix does). Removal effects are
 * the same either way: a loop only delays. (Anderl et al. 2016, section 3; Kemeny & Snell ch. 3.)
 *
 * The hot loop of every recalculation: typed arrays, mutation inside one function.
 */
import type { PathRow } from './path-table.ts';

export const MAX_ORDER = 10;
/** States a chain may have: bounds memory and the time of a recalculation. */
export const MAX_STATES = 2_000_000;

export type Repeats = 'collapse' | 'keep';

/** Counts of a chain: n states, m distinct transitions between them, rows in CSR form. */
export interface MarkovChain {
  readonly order: number;
  /** Each state's touches, one code unit a touch as in a path table. */
  readonly states: readonly string[];
  /** Paths that begin in each state, length n. */
  readonly starts: Float64Array;
  /** Transitions of state i: to[rowStart[i] … rowStart[i + 1] - 1] with counts[…]. */
  readonly rowStart: Int32Array;
  readonly to: Int32Array;
  readonly counts: Float64Array;
  /** How often each state was left, all exits together, length n. */
  readonly exits: Float64Array;
  /** Exits into conversion and their value, length n. */
  readonly conversions: Float64Array;
  readonly values: Float64Array;
  readonly totalPaths: number;
  readonly totalConversions: number;
  readonly totalValue: number;
}

/**
 * Counts the chain of a table.
 *
 * Cost: O(touches in distinct paths).
 * @param order 1 to MAX_ORDER.
 * @throws RangeError for another order, or beyond MAX_STATES states.
 */
export function markovChain(
  rows: Iterable<PathRow>,
  order: number,
  repeats: Repeats = 'collapse',
): MarkovChain {
  if (!Number.isInteger(order) || order < 1 || order > MAX_ORDER) {
    throw new RangeError(`order: expected a whole number from 1 to ${MAX_ORDER}, found ${order}`);
  }
  const count = new ChainCount();
  for (const { path, conversions, nulls, value } of rows) {
    const weight = conversions + nulls;
    if (weight === 0) continue;
    // The same as statesOf() without a list: half the time of a live recalculation.
    let state = path.slice(0, order);
    let at = count.begin(state, weight);
    for (let i = 1; i + order <= path.length; i++) {
      const next = path.slice(i, i + order);
      if (repeats === 'collapse' && next === state) continue;
      at = count.step(at, next, weight);
      state = next;
    }
    count.end(at, conversions, nulls, value);
  }
  return count.chain(order);
}

/** The states that a path goes through; at least one. O(touches). */
export function statesOf(path: string, order: number, repeats: Repeats): string[] {
  const states = [path.slice(0, order)];
  for (let i = 1; i + order <= path.length; i++) {
    const state = path.slice(i, i + order);
    if (repeats === 'collapse' && state === states[states.length - 1]) continue;
    states.push(state);
  }
  return states;
}

/** The state that a path's end is counted in. */
export function lastState(path: string, order: number): string {
  return path.length <= order ? path : path.slice(path.length - order);
}

/** A transition's key: both indices in one exact number. */
const STRIDE = 2 ** 22;

class ChainCount {
  readonly #index = new Map<string, number>();
  readonly #states: string[] = [];
  readonly #starts: number[] = [];
  readonly #conversions: number[] = [];
  readonly #nulls: number[] = [];
  readonly #values: number[] = [];
  readonly #transitions = new Map<number, number>();

  begin(state: string, weight: number): number {
    const i = this.#indexOf(state);
    this.#starts[i] = (this.#starts[i] as number) + weight;
    return i;
  }

  step(from: number, state: string, weight: number): number {
    const to = this.#indexOf(state);
    const key = from * STRIDE + to;
    this.#transitions.set(key, (this.#transitions.get(key) ?? 0) + weight);
    return to;
  }

  end(state: number, conversions: number, nulls: number, value: number): void {
    this.#conversions[state] = (this.#conversions[state] as number) + conversions;
    this.#nulls[state] = (this.#nulls[state] as number) + nulls;
    this.#values[state] = (this.#values[state] as number) + value;
  }

  chain(order: number): MarkovChain {
    const n = this.#states.length;
    const rowStart = new Int32Array(n + 1);
    const exits = new Float64Array(n);
    for (const [key, weight] of this.#transitions) {
      const from = Math.floor(key / STRIDE);
      rowStart[from + 1] = (rowStart[from + 1] as number) + 1;
      exits[from] = (exits[from] as number) + weight;
    }
    for (let i = 0; i < n; i++) {
      rowStart[i + 1] = (rowStart[i + 1] as number) + (rowStart[i] as number);
      exits[i] =
        (exits[i] as number) + (this.#conversions[i] as number) + (this.#nulls[i] as number);
    }
    const to = new Int32Array(this.#transitions.size);
    const counts = new Float64Array(this.#transitions.size);
    const next = rowStart.slice();
    for (const [key, weight] of this.#transitions) {
      const from = Math.floor(key / STRIDE);
      const at = next[from] as number;
      next[from] = at + 1;
      to[at] = key % STRIDE;
      counts[at] = weight;
    }
    return {
      order,
      states: this.#states,
      starts: Float64Array.from(this.#starts),
      rowStart,
      to,
      counts,
      exits,
      conversions: Float64Array.from(this.#conversions),
      values: Float64Array.from(this.#values),
      totalPaths: sum(this.#starts),
      totalConversions: sum(this.#conversions),
      totalValue: sum(this.#values),
    };
  }

  #indexOf(state: string): number {
    const known = this.#index.get(state);
    if (known !== undefined) return known;
    const i = this.#states.length;
    if (i >= MAX_STATES) {
      throw new RangeError(`expected at most ${MAX_STATES} states; choose a lower order`);
    }
    this.#index.set(state, i);
    this.#states.push(state);
    this.#starts.push(0);
    this.#conversions.push(0);
    this.#nulls.push(0);
    this.#values.push(0);
    return i;
  }
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}
