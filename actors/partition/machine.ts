/**
 * A partition's life in one worker, as a statechart. The runtime provides what each state does.
 *
 *   vacant      somebody else's, or nobody's
 *   claiming    waiting for the last owner to let go or to die, then writing a new fence
 *   recovering  reading reference data and aggregates as of the claim
 *   running     following the log; its events go into the worker's commits
 *   draining    finishing what is in flight, then giving the partition away
 *   fenced      a commit failed: what is in memory is void
 *
 * Invariants:
 *   W1 Memory is trusted only from a claim to the first failed commit; then it is thrown away and
 *      the partition is claimed anew, so a commit of unknown fate can never be stored later.
 */
import { assign, fromPromise, setup } from 'xstate';

/** How long a partition rests before it is claimed again after a failure. */
export const RECLAIM_DELAY_MS = 100;

export type PartitionMachineEvent =
  | { readonly type: 'assigned' }
  | { readonly type: 'unassigned' }
  | { readonly type: 'commit.failed'; readonly reason: string };

/** A step that the runtime provides; it has to stop when the signal aborts. */
const step = fromPromise<void>(() => Promise.reject(new Error('W1: no runtime provided')));

export const partitionMachine = setup({
  types: { context: {} as { assigned: boolean }, events: {} as PartitionMachineEvent },
  actors: { claim: step, recover: step, follow: step, drain: step },
  actions: { discard: () => {}, report: () => {} },
  guards: {
    isAssigned: ({ context }) => context.assigned,
    isUnassigned: ({ context }) => !context.assigned,
  },
  delays: { RECLAIM_DELAY_MS },
}).createMachine({
  id: 'partition',
  initial: 'vacant',
  context: { assigned: false },
  on: {
    assigned: { actions: assign({ assigned: true }) },
    unassigned: { actions: assign({ assigned: false }) },
  },
  states: {
    vacant: { always: { guard: 'isAssigned', target: 'claiming' } },
    claiming: {
      invoke: {
        src: 'claim',
        onDone: 'recovering',
        onError: { target: 'fenced', actions: 'report' },
      },
      always: { guard: 'isUnassigned', target: 'draining' },
    },
    recovering: {
      invoke: {
        src: 'recover',
        onDone: 'running',
        onError: { target: 'fenced', actions: 'report' },
      },
    },
    running: {
      invoke: { src: 'follow', onError: { target: 'fenced', actions: 'report' } },
      on: { 'commit.failed': { target: 'fenced', actions: 'report' } },
      always: { guard: 'isUnassigned', target: 'draining' },
    },
    draining: {
      invoke: {
        src: 'drain',
        onDone: 'vacant',
        onError: { target: 'fenced', actions: 'report' },
      },
      on: { 'commit.failed': { target: 'fenced', actions: 'report' } },
      exit: 'discard',
    },
    fenced: {
      entry: 'discard',
      after: {
        RECLAIM_DELAY_MS: [{ guard: 'isAssigned', target: 'claiming' }, { target: 'draining' }],
      },
    },
  },
});
