/**
 * The user actor's statechart: four parallel regions over the fused state.
 *
 *   consent  unasked, granted, limited (one purpose of two), refused
 *   session  idle, active
 *   funnel   aware, exploring, considering, buying, customer, lapsed
 *   risk     steady, drifting, atRisk, churned; up and down at different levels (hysteresis)
 *
 * Guards only read the context. Timers are absolute deadlines in the context (`session.endsAtMs`,
 * `lapsesAtMs`), so they are durable and replay with the log; XState's own `after` is not used.
 */
import { assign, raise, setup } from 'xstate';
import type { Event } from '../../protocols/event.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import { DEFAULT_REFERENCE } from '../model/default-reference.ts';
import { admit } from './duplicates.ts';
import { foldEvent, NEW_USER, type UserReference } from './state.ts';

/**
 * Churn risk at which the risk region moves up, and, lower, at which it moves back. Most visitors
 * of a shop never return: somebody seen once is at some 0.7 to 0.85.
 */
export const RISK_UP = { drifting: 0.7, atRisk: 0.85 } as const;
export const RISK_DOWN = { steady: 0.6, drifting: 0.75 } as const;

export type UserMachineEvent =
  /** An event as applications send it: folds it, then settles the regions. */
  | {
      readonly type: 'event.received';
      readonly event: Event;
      readonly reference?: UserReference;
    }
  /** The context has changed: each region moves to where its guards say. */
  | { readonly type: 'settle' }
  | { readonly type: 'session.elapsed' }
  | { readonly type: 'absence.elapsed' };

interface InContext {
  readonly context: FusedState;
}

/** What the regions' moves depend on: each a question to the context alone. */
export const GUARDS = {
  consentGranted: ({ context: { consent } }: InContext) =>
    consent.measurement === 'granted' && consent.personalization === 'granted',
  consentRefused: ({ context: { consent } }: InContext) =>
    consent.measurement === 'refused' && consent.personalization === 'refused',
  consentLimited: ({ context: { consent } }: InContext) =>
    consent.measurement !== consent.personalization,
  sessionOpen: ({ context }: InContext) => context.nowMs <= context.session.endsAtMs,
  explores: ({ context }: InContext) => context.step === 'exploring',
  considers: ({ context }: InContext) => context.step === 'considering',
  buys: ({ context }: InContext) => context.step === 'buying',
  converts: ({ context }: InContext) => context.step === 'customer',
  drifts: ({ context }: InContext) => context.intents.churn_risk >= RISK_UP.drifting,
  isAtRisk: ({ context }: InContext) => context.intents.churn_risk >= RISK_UP.atRisk,
  recovers: ({ context }: InContext) => context.intents.churn_risk < RISK_DOWN.steady,
  eases: ({ context }: InContext) => context.intents.churn_risk < RISK_DOWN.drifting,
};

const machineSetup = setup({
  types: { context: {} as FusedState, events: {} as UserMachineEvent },
  guards: {
    isNew: ({ context, event }) =>
      event.type === 'event.received' && !admit(context.duplicates, event.event).duplicate,
    ...GUARDS,
  },
  actions: {
    fold: assign(({ context, event }) => {
      if (event.type !== 'event.received') return context;
      const admission = admit(context.duplicates, event.event);
      if (admission.duplicate) return context;
      const reference = event.reference ?? DEFAULT_REFERENCE;
      return foldEvent(context, event.event, admission.memory, reference);
    }),
  },
});

const consent = {
  initial: 'unasked',
  states: {
    unasked: {
      on: {
        settle: [
          { guard: 'consentGranted', target: 'granted' },
          { guard: 'consentRefused', target: 'refused' },
          { guard: 'consentLimited', target: 'limited' },
        ],
      },
    },
    granted: {
      on: {
        settle: [
          { guard: 'consentRefused', target: 'refused' },
          { guard: 'consentLimited', target: 'limited' },
        ],
      },
    },
    limited: {
      on: {
        settle: [
          { guard: 'consentGranted', target: 'granted' },
          { guard: 'consentRefused', target: 'refused' },
        ],
      },
    },
    refused: {
      on: {
        settle: [
          { guard: 'consentGranted', target: 'granted' },
          { guard: 'consentLimited', target: 'limited' },
        ],
      },
    },
  },
} as const;

const session = {
  initial: 'idle',
  states: {
    idle: { on: { settle: { guard: 'sessionOpen', target: 'active' } } },
    active: { on: { 'session.elapsed': { target: 'idle' } } },
  },
} as const;

const toCustomer = { guard: 'converts', target: 'customer' } as const;
const toBuying = { guard: 'buys', target: 'buying' } as const;
const toConsidering = { guard: 'considers', target: 'considering' } as const;
const toExploring = { guard: 'explores', target: 'exploring' } as const;
const lapse = { 'absence.elapsed': { target: 'lapsed' } } as const;

const funnel = {
  initial: 'aware',
  states: {
    aware: { on: { settle: [toCustomer, toBuying, toConsidering, toExploring], ...lapse } },
    exploring: { on: { settle: [toCustomer, toBuying, toConsidering], ...lapse } },
    considering: { on: { settle: [toCustomer, toBuying], ...lapse } },
    buying: { on: { settle: [toCustomer], ...lapse } },
    // A customer who fills a cart again is on the way to the next purchase.
    customer: { on: { settle: [toBuying, toConsidering], ...lapse } },
    lapsed: { on: { settle: [toCustomer, toBuying, toConsidering, toExploring] } },
  },
} as const;

const churned = { 'absence.elapsed': { target: 'churned' } } as const;

const risk = {
  initial: 'steady',
  states: {
    steady: {
      on: {
        settle: [
          { guard: 'isAtRisk', target: 'atRisk' },
          { guard: 'drifts', target: 'drifting' },
        ],
        ...churned,
      },
    },
    drifting: {
      on: {
        settle: [
          { guard: 'isAtRisk', target: 'atRisk' },
          { guard: 'recovers', target: 'steady' },
        ],
        ...churned,
      },
    },
    atRisk: {
      on: {
        settle: [
          { guard: 'recovers', target: 'steady' },
          { guard: 'eases', target: 'drifting' },
        ],
        ...churned,
      },
    },
    // Whoever comes back has to prove steady again.
    churned: { on: { settle: { target: 'drifting' } } },
  },
} as const;

export const userMachine = machineSetup.createMachine({
  id: 'user',
  type: 'parallel',
  context: NEW_USER,
  on: { 'event.received': { guard: 'isNew', actions: ['fold', raise({ type: 'settle' })] } },
  states: { consent, session, funnel, risk },
});
