/**
 * Days of simulated traffic as pulses: sources of unequal share, a daily season, Poisson counts or
 * burstier ones, and what happens to them. All of it follows from a seed.
 */
import type { LiveActor } from '../actors/channel/live/live-actor.ts';
import type { Alert } from '../protocols/alert.ts';
import type { Pulse } from '../protocols/pulse.ts';
import { seededRandom } from '../runtime/simulate/random.ts';
import { normals } from './simulated-series.ts';

export const DAY_S = 86_400;
/** Midnight of a day on which the simulation begins, in Unix seconds. */
export const START_S = 1_772_323_200;
/** How far the watermark is behind what has come. */
export const LAG_S = 2;
const REGIONS: Readonly<Record<string, number>> = { de: 0.5, fr: 0.3, pl: 0.2 };
export const SOURCES: Readonly<Record<string, number>> = {
  search: 0.4,
  social: 0.25,
  email: 0.15,
  direct: 0.1,
  partner: 0.07,
  affiliate: 0.03,
};
const CAMPAIGNS = ['SPRING', 'SUMMER', 'AUTUMN'];
const VISITS_PER_EVENT = 0.12;
const CONVERSIONS_PER_VISIT = 0.05;
const DECISIONS_PER_EVENT = 0.3;
const WINS_PER_DECISION = 0.6;
const MISSING_PER_EVENT = 0.004;
/** Seconds over which bursts of one pair last. */
const BURST_S = 10;

/** What an incident multiplies: `arrived` is the share of events that are not lost on their way. */
type Struck = 'events' | 'arrived' | 'conversions' | 'value' | 'wins';

/** A change of something, from a second of the simulation on, for a while. */
export interface Incident {
  /** Of events unless told. */
  readonly of?: Struck;
  /** Of every source, region or campaign unless told. */
  readonly source?: string;
  readonly region?: string;
  readonly campaign?: string;
  readonly fromS: number;
  readonly untilS: number;
  readonly factor: number;
}

export interface Days {
  readonly seed: number;
  readonly fromS: number;
  readonly untilS: number;
  /** Events a second of all sources at noon; at night a fifth of it. */
  readonly noonRate?: number;
  readonly sources?: Readonly<Record<string, number>>;
  readonly incidents?: readonly Incident[];
  /** Variance over mean of the rate in bursts, as of a negative binomial; 0 is Poisson. */
  readonly burstiness?: number;
}

/** The rate at a second of the day as a part of noon's: 1 at noon, 0.2 at midnight. */
export function season(second: number): number {
  return 0.6 - 0.4 * Math.cos((2 * Math.PI * second) / DAY_S);
}

/** Draws of Poisson counts: by inversion where they are small, else rounded normals. */
export class Poisson {
  readonly #random: () => number;
  readonly #normal: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#normal = normals(seed ^ 0x5bd1e995);
  }

  of(mean: number): number {
    if (mean <= 0) return 0;
    if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.#normal()));
    let left = this.#random();
    let part = Math.exp(-mean);
    let count = 0;
    while (left > part && count < 200) {
      left -= part;
      count++;
      part *= mean / count;
    }
    return count;
  }

  /** A mean of 1 with this variance (gamma by Marsaglia & Tsang 2000 for shapes of at least 1). */
  gamma(variance: number): number {
    const shape = 1 / variance;
    const d = Math.max(shape, 1) - 1 / 3;
    for (;;) {
      const x = this.#normal();
      const v = (1 + x / Math.sqrt(9 * d)) ** 3;
      if (v <= 0) continue;
      if (Math.log(1 - this.#random()) < (x * x) / 2 + d - d * v + d * Math.log(v)) {
        return (d * v) / (d + 1 / 3);
      }
    }
  }
}

/** By how much incidents multiply something at a second. */
function factorOf(
  of: Struck,
  { incidents = [] }: Days,
  second: number,
  where: Pick<Incident, 'source' | 'region' | 'campaign'>,
): number {
  let factor = 1;
  for (const each of incidents) {
    const isOn = second >= each.fromS && second < each.untilS && (each.of ?? 'events') === of;
    const isHere =
      (each.source ?? where.source) === where.source &&
      (each.region ?? where.region) === where.region &&
      (each.campaign ?? where.campaign) === where.campaign;
    if (isOn && isHere) factor *= each.factor;
  }
  return factor;
}

/** A pulse a second, each with what one partition has committed in it. */
export function* pulsesOf(days: Days): Generator<Pulse> {
  const { seed, fromS, untilS, noonRate = 60, sources = SOURCES, burstiness = 0 } = days;
  const draw = new Poisson(seed);
  const names = [...Object.keys(sources), ...Object.keys(REGIONS), ...CAMPAIGNS];
  const bursts = new Map<string, number>();
  for (let second = fromS; second < untilS; second++) {
    const rows: Pulse['rows'] = [];
    let wins = 0;
    for (const [source, share] of Object.entries(sources)) {
      for (const [region, part] of Object.entries(REGIONS)) {
        const factor = (of: Struck): number => factorOf(of, days, second, { source, region });
        let rate = noonRate * season(second) * share * part * factor('events');
        if (burstiness > 0) {
          const key = `${source}/${region}`;
          if (second % BURST_S === 0) bursts.set(key, draw.gamma(burstiness));
          rate *= bursts.get(key) ?? 1;
        }
        const sent = draw.of(rate);
        if (sent === 0) continue;
        const lost = Math.min(sent, draw.of(sent * (1 - factor('arrived'))));
        const events = sent - lost;
        const visits = draw.of(VISITS_PER_EVENT * events);
        const orders = CONVERSIONS_PER_VISIT * VISITS_PER_EVENT * events;
        const conversions = draw.of(orders * factor('conversions'));
        const decisions = draw.of(DECISIONS_PER_EVENT * events);
        const won = draw.of(WINS_PER_DECISION * decisions);
        wins += won;
        let value = 0;
        for (let i = 0; i < conversions; i++) value += 20_000_000 * draw.gamma(0.5);
        value *= factor('value');
        rows.push([
          START_S + second,
          names.indexOf(source),
          names.indexOf(region),
          ...[events, lost + draw.of(MISSING_PER_EVENT * events), visits, Math.min(visits, events)],
          ...[conversions, Math.round(value), 0, visits * 50_000, decisions, won],
        ]);
      }
    }
    const spend: Pulse['spend'] = [];
    CAMPAIGNS.forEach((campaign, i) => {
      const own = draw.of((wins / (i + 2)) * factorOf('wins', days, second, { campaign }));
      if (own > 0) spend.push([START_S + second, names.indexOf(campaign), own * 3_000, own]);
    });
    const sequence = second + 1;
    const log_ms = (START_S + second) * 1_000;
    yield { v: 1, partition: 0, sequence, log_ms, names, rows, spend, moves: [] };
  }
}

/**
 * An alert as it was returned, with the watermark at which it was, in seconds of the simulation.
 */
export interface Told {
  readonly alert: Alert;
  readonly atS: number;
}

/** Folds days into an actor, the watermark LAG_S behind, and gathers what it says. */
export function lived(actor: LiveActor, days: Days): Told[] {
  const told: Told[] = [];
  for (const pulse of pulsesOf(days)) {
    actor.fold(pulse);
    const endMs = pulse.log_ms + 1_000;
    for (const alert of actor.advance(endMs - LAG_S * 1_000, endMs)) {
      told.push({ alert, atS: endMs / 1_000 - LAG_S - START_S });
    }
  }
  return told;
}
