/**
 * A chain with and without each channel, for chains of many states and few transitions (order 2
 * and up): what starts is pushed along the transitions until practically nothing is left inside.
 *
 * Pushing one state's mass on, state after state, is Gauss-Seidel on v = α + v Q (Berman &
 * Plemmons, Nonnegative Matrices, ch. 7). All terms are positive, so nothing cancels, and the error
 * has a certificate: mass that is still inside can add at most itself to P(conversion), and at most
 * itself times the greatest value of a state to the value.
 */

import type { ChainSolver, Outcome } from './chain-solver.ts';
import type { MarkovChain } from './markov-chain.ts';

/** Mass left inside, relative to what has converted, at which a solution is exact enough. */
const MASS_LEFT = 1e-16;
/** Sweeps over all states: a chain that needs more loops practically for ever. */
export const MAX_SWEEPS = 100_000;

/** Probabilities in the layout of the chain. */
interface Probabilities {
  readonly chain: MarkovChain;
  /** Per transition. */
  readonly step: Float64Array;
  /** Per state: the next step converts, and the value that the next step brings. */
  readonly conversion: Float64Array;
  readonly value: Float64Array;
  readonly start: Float64Array;
  /** The most value that mass in a state can still bring, by a bound over all states. */
  readonly maxValue: number;
}

/**
 * Prepares a chain.
 *
 * Cost of each solution: O(transitions) a sweep, about log(1e-16) / log(P(a path goes on)) sweeps.
 * @throws Error from a solution if the chain does not empty within MAX_SWEEPS.
 */
export function sparseSolver(chain: MarkovChain): ChainSolver {
  const probabilities = probabilitiesOf(chain);
  const nothing = new Uint8Array(chain.states.length);
  const whole = push(probabilities, nothing, undefined);
  return {
    whole,
    without: (channel) => push(probabilities, statesWith(chain, channel), undefined),
    flowWithout(channel) {
      const removed = statesWith(chain, channel);
      const visits = new Float64Array(chain.states.length);
      push(probabilities, removed, visits);
      return { visits, toConversion: pull(probabilities, removed) };
    },
  };
}

/** The states that hold a channel: at order k it may be any of their touches. */
function statesWith({ states }: MarkovChain, channel: number): Uint8Array {
  const letter = String.fromCharCode(channel);
  return Uint8Array.from(states, (state) => (state.includes(letter) ? 1 : 0));
}

function probabilitiesOf(chain: MarkovChain): Probabilities {
  const { rowStart, counts, exits, conversions, values, starts, totalPaths } = chain;
  const step = new Float64Array(counts.length);
  let maxValue = 0;
  for (let i = 0; i < exits.length; i++) {
    const out = exits[i] as number;
    for (let at = rowStart[i] as number; at < (rowStart[i + 1] as number); at++) {
      step[at] = (counts[at] as number) / out;
    }
    const converted = conversions[i] as number;
    if (converted > 0) maxValue = Math.max(maxValue, (values[i] as number) / converted);
  }
  return {
    chain,
    step,
    conversion: conversions.map((count, i) => count / (exits[i] as number)),
    value: values.map((value, i) => value / (exits[i] as number)),
    start: starts.map((count) => count / totalPaths),
    maxValue,
  };
}

/** @param visits filled with the expected visits to each state, if given. */
function push(
  { chain, step, conversion, value, start, maxValue }: Probabilities,
  removed: Uint8Array,
  visits: Float64Array | undefined,
): Outcome {
  const { rowStart, to } = chain;
  const n = start.length;
  const mass = start.map((share, i) => (removed[i] === 1 ? 0 : share));
  let converted = 0;
  let worth = 0;
  /** What rounding took from `converted` (Kahan 1965): it is the sum of very many small terms. */
  let owed = 0;
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let left = 0;
    for (let i = 0; i < n; i++) {
      const here = mass[i] as number;
      if (here === 0) continue;
      mass[i] = 0;
      left += here;
      const term = here * (conversion[i] as number) + owed;
      const sum = converted + term;
      owed = term - (sum - converted);
      converted = sum;
      worth += here * (value[i] as number);
      if (visits !== undefined) visits[i] = (visits[i] as number) + here;
      const end = rowStart[i + 1] as number;
      for (let at = rowStart[i] as number; at < end; at++) {
        const j = to[at] as number;
        if (removed[j] === 0) mass[j] = (mass[j] as number) + here * (step[at] as number);
      }
    }
    // What was inside during this sweep bounds what is inside after it.
    if (left <= MASS_LEFT * converted && left * maxValue <= MASS_LEFT * worth) break;
    if (left <= Number.MIN_VALUE / MASS_LEFT) break;
    if (sweep === MAX_SWEEPS - 1) throw tooSlow(left);
  }
  return { conversion: converted, value: worth };
}

/** The probability to convert from each state, 0 from a removed one. */
function pull({ chain, step, conversion }: Probabilities, removed: Uint8Array): Float64Array {
  const { rowStart, to } = chain;
  const n = conversion.length;
  const reach = new Float64Array(n);
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let moved = 0;
    for (let i = n - 1; i >= 0; i--) {
      if (removed[i] === 1) continue;
      let sum = conversion[i] as number;
      const end = rowStart[i + 1] as number;
      for (let at = rowStart[i] as number; at < end; at++) {
        sum += (step[at] as number) * (reach[to[at] as number] as number);
      }
      moved = Math.max(moved, Math.abs(sum - (reach[i] as number)));
      reach[i] = sum;
    }
    if (moved <= MASS_LEFT) return reach;
  }
  throw tooSlow(1);
}

function tooSlow(left: number): Error {
  return new Error(
    `the chain still holds ${left} of its paths after ${MAX_SWEEPS} sweeps: expected paths that ` +
      'end, found loops that practically never do; shorten the paths (lookback) or lower the order',
  );
}
