/**
 * What is watched of groups and campaigns, and as what detectors see it: transformed so that noise
 * is about the same by day and by night, whatever the season does to the level.
 *
 *   counts  2 sqrt(x + 3/8)     deviation 1 for Poisson counts (Anscombe 1948)
 *   shares  asin(sqrt(p))       deviation 1 / (2 sqrt(n)) for n independent trials
 *   money   2 sqrt(units)       deviation sqrt(V) for a Poisson number of orders worth V each
 *   means   ln(units)           deviation c / sqrt(n) for n orders with variation c each
 *
 * No deviation is taken to be less than these say, so that a series which never moved yet is not
 * taken for one that cannot.
 */
import type { AlertKind } from '../../../protocols/alert.ts';
import { PULSE_FIGURES, type PulseFigure } from '../../../protocols/pulse.ts';

export type Direction = 'low' | 'high';
export type Level = 'all' | 'source' | 'pair' | 'campaign';

/** Windows of 5 s and of a minute, both in UTC. */
export const SHORT_WINDOW_S = 5;
export const LONG_WINDOW_S = 60;
/**
 * Visits of a window that a conversion rate needs, and events received or missing of a fill rate.
 */
const MIN_VISITS = 20;
const MIN_NUMBERED = 50;
/** Conversions that a mean value needs, its spread at least, and how little one counts as worth. */
const MIN_PIECES = 10;
const SPREAD = 0.5;
const LEAST_WORTH = 0.01;
const MICROS_PER_UNIT = 1_000_000;

/** What a window comes to, as a detector sees it. */
export interface Reading {
  readonly value: number;
  /** The deviation that it has at least. */
  readonly minDeviation: number;
  /** Nothing at all came, which is never learnt as a level. */
  readonly isZero: boolean;
}

/** A figure of rows that parts add up to. */
export interface Sum {
  readonly figure: number;
  /** A level that a detector knows, and what it saw of one window, as that figure. */
  expected(level: number): number;
  found(value: number): number;
}

export interface Metric {
  /** Names it among all metrics; several may be of one kind. */
  readonly name: string;
  readonly kind: AlertKind;
  readonly windowS: number;
  readonly levels: readonly Level[];
  readonly directions: readonly Direction[];
  readonly unit: string;
  /** Where a group's figure is the sum of its parts' figures: which one, and back to it. */
  readonly sum: Sum | null;
  /**
   * A window's figures and those since the beginning; undefined where there is nothing to judge.
   */
  read(window: readonly number[], total: readonly number[]): Reading | undefined;
  /** A level that a detector knows, in `unit`: the mean of what it saw. */
  inUnits(level: number): number;
  /** What a detector saw of one window, in `unit`. */
  windowInUnits(value: number): number;
}

/** The place of each figure in a row. */
export const FIGURE = Object.fromEntries(PULSE_FIGURES.map((name, i) => [name, i])) as Readonly<
  Record<PulseFigure, number>
>;
/** Of a campaign's row. */
export const SPEND = 0;
export const WINS = 1;

const BOTH: readonly Direction[] = ['low', 'high'];

const OFFSET = 3 / 8;
/** The inverse of the mean of many is another than that of one (Anscombe 1948). */
const MEAN_OFFSET = 1 / 8;

/** A count as a detector sees it (Anscombe 1948). */
export function countReading(count: number): Reading {
  const value = 2 * Math.sqrt(Math.max(0, count) + OFFSET);
  return { value, minDeviation: 1, isZero: count <= 0 };
}

/** The mean count behind a mean of transformed ones. */
export function countOf(level: number): number {
  return Math.max(0, (level / 2) ** 2 - MEAN_OFFSET);
}

/** The count behind one transformed one, but for rounding. */
function oneCountOf(value: number): number {
  return Math.max(0, (value / 2) ** 2 - OFFSET);
}

function counted(
  kind: AlertKind,
  figure: PulseFigure,
  of: Pick<Metric, 'windowS' | 'levels' | 'unit'> & Partial<Pick<Metric, 'name'>>,
  perS: number,
): Metric {
  return {
    name: kind,
    ...of,
    kind,
    directions: BOTH,
    sum: { figure: FIGURE[figure], expected: countOf, found: oneCountOf },
    read: (window) => countReading(window[FIGURE[figure]] as number),
    inUnits: (level) => (countOf(level) / of.windowS) * perS,
    windowInUnits: (value) => (oneCountOf(value) / of.windowS) * perS,
  };
}

function shareReading(part: number, whole: number): Reading {
  const share = Math.max(0, Math.min(1, part / whole));
  const minDeviation = 1 / (2 * Math.sqrt(whole));
  return { value: Math.asin(Math.sqrt(share)), minDeviation, isZero: false };
}

const inShares = (value: number): number =>
  Math.sin(Math.max(0, Math.min(Math.PI / 2, value))) ** 2;

/** @param pieces since the beginning; what one is worth gives the deviation. */
function moneyReading(micros: number, totalMicros: number, pieces: number): Reading {
  const worth = pieces > 0 ? Math.max(0, totalMicros) / pieces / MICROS_PER_UNIT : 0;
  const value = 2 * Math.sqrt(Math.max(0, micros) / MICROS_PER_UNIT);
  return { value, minDeviation: Math.sqrt(worth), isZero: micros <= 0 };
}

const inUnits = (value: number): number => (value / 2) ** 2;

/** @param usualMicros what a piece is worth since the beginning; the log of nothing is none. */
function meanReading(micros: number, pieces: number, usualMicros: number): Reading | undefined {
  if (pieces < MIN_PIECES || !(usualMicros > 0)) return undefined;
  const mean = Math.max(micros / pieces, LEAST_WORTH * usualMicros) / MICROS_PER_UNIT;
  return { value: Math.log(mean), minDeviation: SPREAD / Math.sqrt(pieces), isZero: false };
}

const SHORT = { windowS: SHORT_WINDOW_S } as const;
const LONG = { windowS: LONG_WINDOW_S } as const;
const GROUPED: readonly Level[] = ['all', 'source'];
const EACH: readonly Level[] = [...GROUPED, 'pair'];

/** Of groups: each level has the series of those metrics that name it. */
export const GROUP_METRICS: readonly Metric[] = [
  counted('event_rate', 'events', { ...SHORT, levels: EACH, unit: 'events/s' }, 1),
  // What is too light to show in 5 s shows in a minute.
  counted(
    'event_rate',
    'events',
    { ...LONG, name: 'event_rate_minute', levels: EACH, unit: 'events/s' },
    1,
  ),
  counted('decision_rate', 'decisions', { ...SHORT, levels: ['all'], unit: 'decisions/s' }, 1),
  counted('conversions', 'conversions', { ...LONG, levels: GROUPED, unit: 'a minute' }, 60),
  {
    ...LONG,
    name: 'conversion_rate',
    kind: 'conversion_rate',
    levels: GROUPED,
    directions: BOTH,
    unit: 'conversions/visit',
    sum: null,
    read: (window) => {
      const visits = window[FIGURE.visits] as number;
      if (visits < MIN_VISITS) return undefined;
      return shareReading(window[FIGURE.conversions] as number, visits);
    },
    inUnits: inShares,
    windowInUnits: inShares,
  },
  // Before revenue, which follows from it.
  {
    ...LONG,
    name: 'order_value',
    kind: 'revenue',
    levels: GROUPED,
    directions: BOTH,
    unit: 'units/conversion',
    sum: null,
    read: (window, total) =>
      meanReading(
        window[FIGURE.value_micros] as number,
        window[FIGURE.conversions] as number,
        (total[FIGURE.value_micros] as number) / (total[FIGURE.conversions] as number),
      ),
    inUnits: Math.exp,
    windowInUnits: Math.exp,
  },
  {
    ...LONG,
    name: 'revenue',
    kind: 'revenue',
    levels: GROUPED,
    directions: BOTH,
    unit: 'units/minute',
    sum: {
      figure: FIGURE.value_micros,
      expected: (level) => inUnits(level) * MICROS_PER_UNIT,
      found: (value) => inUnits(value) * MICROS_PER_UNIT,
    },
    read: (window, total) =>
      moneyReading(
        window[FIGURE.value_micros] as number,
        total[FIGURE.value_micros] as number,
        total[FIGURE.conversions] as number,
      ),
    inUnits,
    windowInUnits: inUnits,
  },
  {
    ...LONG,
    name: 'fill_rate',
    kind: 'fill_rate',
    levels: GROUPED,
    directions: ['low'],
    unit: 'received/sent',
    sum: null,
    read: (window) => {
      const events = window[FIGURE.events] as number;
      const sent = events + (window[FIGURE.missing] as number);
      return Math.max(sent, events) < MIN_NUMBERED
        ? undefined
        : shareReading(events, Math.max(sent, 1));
    },
    inUnits: inShares,
    windowInUnits: inShares,
  },
];

/** A campaign that pauses spends nothing, which says nothing about its rate: no point. */
export const SPEND_RATE: Metric = {
  ...LONG,
  name: 'spend_rate',
  kind: 'spend_rate',
  levels: ['campaign'],
  directions: ['high'],
  unit: 'units/minute',
  sum: null,
  read: (window, total) => {
    const micros = window[SPEND] as number;
    if (micros <= 0) return undefined;
    return moneyReading(micros, total[SPEND] as number, total[WINS] as number);
  },
  inUnits,
  windowInUnits: inUnits,
};

/** What a lag counts as at least, as the logarithm of one more than its seconds. */
const LAG_DEVIATION = 0.25;
const MS_PER_SECOND = 1_000;

/** How far event time is behind; it is read from a clock and not from figures. */
export const LAG: Metric = {
  ...SHORT,
  name: 'lag',
  kind: 'lag',
  levels: ['all'],
  directions: ['high'],
  unit: 's',
  sum: null,
  read: () => undefined,
  inUnits: Math.expm1,
  windowInUnits: Math.expm1,
};

/** @param lagMs from the watermark to now. */
export function lagReading(lagMs: number): Reading {
  const value = Math.log1p(Math.max(0, lagMs) / MS_PER_SECOND);
  return { value, minDeviation: LAG_DEVIATION, isZero: false };
}
