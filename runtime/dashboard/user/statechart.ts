/**
 * The user actor's statechart as the page draws it: constants, because the page imports no actors.
 * A test holds them equal to the machine in actors/user/machine.ts, so they cannot drift from it.
 *
 * Owns what people read of it: what moves each region, in words.
 */
import type { Chart } from '../../../protocols/user-snapshot.ts';

export type Region = keyof Chart;

/** What lets the regions move: an event's effects settle, or a deadline passes. */
export type MoveEvent = 'settle' | 'session.elapsed' | 'absence.elapsed';

export interface Transition {
  readonly from: string;
  readonly to: string;
  readonly event: MoveEvent;
  readonly guard?: Guard;
}

export interface RegionChart<R extends Region = Region> {
  readonly region: R;
  readonly initial: Chart[R];
  /** In the order in which they are drawn, from top to bottom. */
  readonly states: readonly Chart[R][];
  /** In the order in which they are tried. */
  readonly transitions: readonly Transition[];
}

/** Churn risk at which the risk region moves up, and, lower, at which it moves back. */
export const RISK_LEVELS = {
  up: { drifting: 0.7, atRisk: 0.85 },
  down: { steady: 0.6, drifting: 0.75 },
} as const;

/** Each guard of the machine, and what it asks. */
export const GUARD_MEANINGS = {
  consentGranted: 'measurement and personalization are both granted',
  consentRefused: 'measurement and personalization are both refused',
  consentLimited: 'one purpose is granted, the other is not',
  sessionOpen: "the user's clock has not passed the session's end",
  explores: 'the last event showed exploring',
  considers: 'the last event showed considering',
  buys: 'the last event showed buying',
  converts: 'the last event was a conversion',
  drifts: `churn risk is ${RISK_LEVELS.up.drifting} or more`,
  isAtRisk: `churn risk is ${RISK_LEVELS.up.atRisk} or more`,
  recovers: `churn risk is below ${RISK_LEVELS.down.steady}`,
  eases: `churn risk is below ${RISK_LEVELS.down.drifting}`,
} as const;
export type Guard = keyof typeof GUARD_MEANINGS;

export const EVENT_MEANINGS: Readonly<Record<MoveEvent, string>> = {
  settle: 'after an event',
  'session.elapsed': "when the session's end passes",
  'absence.elapsed': 'when the user has been away too long',
};

type Target = readonly [to: string, guard?: Guard];

function settles(from: string, targets: readonly Target[]): readonly Transition[] {
  return targets.map(([to, guard]) => ({ from, to, event: 'settle', ...(guard && { guard }) }));
}

function elapses(
  event: Exclude<MoveEvent, 'settle'>,
  sources: readonly string[],
  to: string,
): readonly Transition[] {
  return sources.map((from) => ({ from, to, event }));
}

const consent: RegionChart<'consent'> = {
  region: 'consent',
  initial: 'unasked',
  states: ['unasked', 'granted', 'limited', 'refused'],
  transitions: [
    ...settles('unasked', [
      ['granted', 'consentGranted'],
      ['refused', 'consentRefused'],
      ['limited', 'consentLimited'],
    ]),
    ...settles('granted', [
      ['refused', 'consentRefused'],
      ['limited', 'consentLimited'],
    ]),
    ...settles('limited', [
      ['granted', 'consentGranted'],
      ['refused', 'consentRefused'],
    ]),
    ...settles('refused', [
      ['granted', 'consentGranted'],
      ['limited', 'consentLimited'],
    ]),
  ],
};

const session: RegionChart<'session'> = {
  region: 'session',
  initial: 'idle',
  states: ['idle', 'active'],
  transitions: [
    ...settles('idle', [['active', 'sessionOpen']]),
    ...elapses('session.elapsed', ['active'], 'idle'),
  ],
};

const toCustomer: Target = ['customer', 'converts'];
const toBuying: Target = ['buying', 'buys'];
const toConsidering: Target = ['considering', 'considers'];
const toExploring: Target = ['exploring', 'explores'];

const funnel: RegionChart<'funnel'> = {
  region: 'funnel',
  initial: 'aware',
  states: ['aware', 'exploring', 'considering', 'buying', 'customer', 'lapsed'],
  transitions: [
    ...settles('aware', [toCustomer, toBuying, toConsidering, toExploring]),
    ...settles('exploring', [toCustomer, toBuying, toConsidering]),
    ...settles('considering', [toCustomer, toBuying]),
    ...settles('buying', [toCustomer]),
    ...settles('customer', [toBuying, toConsidering]),
    ...settles('lapsed', [toCustomer, toBuying, toConsidering, toExploring]),
    ...elapses(
      'absence.elapsed',
      ['aware', 'exploring', 'considering', 'buying', 'customer'],
      'lapsed',
    ),
  ],
};

const risk: RegionChart<'risk'> = {
  region: 'risk',
  initial: 'steady',
  states: ['steady', 'drifting', 'atRisk', 'churned'],
  transitions: [
    ...settles('steady', [
      ['atRisk', 'isAtRisk'],
      ['drifting', 'drifts'],
    ]),
    ...settles('drifting', [
      ['atRisk', 'isAtRisk'],
      ['steady', 'recovers'],
    ]),
    ...settles('atRisk', [
      ['steady', 'recovers'],
      ['drifting', 'eases'],
    ]),
    ...settles('churned', [['drifting']]),
    ...elapses('absence.elapsed', ['steady', 'drifting', 'atRisk'], 'churned'),
  ],
};

/** The four parallel regions, in the machine's order. */
export const STATECHART: readonly RegionChart[] = [consent, session, funnel, risk];

/** A transition as statecharts write it: `event [guard]`. */
export function transitionLabel({ event, guard }: Transition): string {
  return guard === undefined ? event : `${event} [${guard}]`;
}

/** The transitions between two charts, seen one after the other: of each region at most one. */
export function takenBetween(before: Chart, after: Chart): readonly TakenMove[] {
  return STATECHART.flatMap(({ region, transitions }) => {
    const [from, to] = [before[region], after[region]];
    if (from === to) return [];
    const direct = transitions.find((each) => each.from === from && each.to === to);
    return [{ region, from, to, ...(direct && { transition: direct }) }];
  });
}

/** A move of a region; without a transition where it took several steps. */
export interface TakenMove {
  readonly region: Region;
  readonly from: string;
  readonly to: string;
  readonly transition?: Transition;
}
