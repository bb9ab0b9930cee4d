/**
 * What is alerted in simulated days, and above all what is not: the first day is a cold start, with
 * a season of which nothing is known.
 */
import { beforeAll, expect, test } from 'vitest';
import { LiveActor } from '../../../actors/channel/live/live-actor.ts';
import type { LiveSnapshot } from '../../../protocols/live-snapshot.ts';
import { LiveStore } from '../../live-store.ts';
import {
  DAY_S,
  type Incident,
  LAG_S,
  lived,
  pulsesOf,
  SOURCES,
  START_S,
  season,
  type Told,
} from '../../simulated-days.ts';

const SEED = 1;
const NOON_RATE = 60;
const HOUR_S = 3_600;
/** Hours of the second day from which incidents are tried. */
const HOURS = [1, 8, 12, 16].map((hour) => DAY_S + hour * HOUR_S);
/** How long a run goes on, when its incident begins, and how long that lasts. */
const RUN_S = 900;
const CALM_S = 60;
const INCIDENT_S = 300;
const WITHIN_S = 10;
/** Seconds into a window at which incidents begin. */
const OFFSETS_S = [0, 2, 4];
/** Sources of fewer events a second are noticed later. */
const DENSE_RATE = 6;
const TWO_DAYS_MS = 120_000;

/** Of the quiet days: what was alerted, and what was stored at HOURS. */
const quiet: { told: Told[]; stored: Map<number, LiveSnapshot> } = { told: [], stored: new Map() };

beforeAll(() => {
  const actor = new LiveActor();
  const store = new LiveStore();
  let fromS = 0;
  for (const untilS of [...HOURS, 2 * DAY_S]) {
    quiet.told.push(...lived(actor, { seed: SEED + fromS, fromS, untilS }));
    quiet.stored.set(untilS, store.store(actor));
    fromS = untilS;
  }
}, TWO_DAYS_MS);

function openings(told: readonly Told[]): string[] {
  const opened = told.filter(({ alert }) => alert.status === 'open');
  return [...new Set(opened.map(({ alert }) => `${alert.kind} ${alert.key} ${alert.direction}`))];
}

/** What is told from an hour on, with an incident that begins some seconds into a window. */
function tried(hour: number, source: string, factor: number, offsetS: number): Told[] {
  const actor = new LiveActor(quiet.stored.get(hour));
  const fromS = hour + CALM_S + offsetS;
  const incidents: Incident[] = [{ source, fromS, untilS: fromS + INCIDENT_S, factor }];
  return lived(actor, { seed: SEED + offsetS, fromS: hour, untilS: hour + RUN_S, incidents });
}

test('two days with a season, the first one a cold start, have no alert at all', () => {
  expect(openings(quiet.told)).toEqual([]);
});

const cases = Object.entries(SOURCES).flatMap(([source, share]) =>
  HOURS.map((hour) => ({ source, hour, rate: NOON_RATE * season(hour % DAY_S) * share })),
);

test.each(cases)(
  '$source at $hour s, $rate events/s: an outage is alerted, its end is not',
  ({ source, hour, rate }) => {
    for (const offsetS of OFFSETS_S) {
      const told = tried(hour, source, 0, offsetS);
      const [first, ...others] = openings(told);
      expect(first).toBe(`event_rate ${source}/(all) low`);
      expect(others).toEqual([]);
      const [{ alert, atS }] = told as [Told];
      expect(alert.cause).toBe('source_outage');
      expect(alert.found).toBeLessThan(0.6 * alert.expected);
      const delayS = atS - (hour + CALM_S + offsetS);
      const within = rate >= DENSE_RATE ? WITHIN_S : Math.max(WITHIN_S, 40 / rate);
      expect(delayS).toBeLessThanOrEqual(within);
      expect(alert.since_ms).toBe((START_S + atS) * 1_000);
      const last = told.at(-1) as Told;
      expect(last.alert).toMatchObject({ id: alert.id, status: 'resolved' });
      // Five windows in a row are as before; five short ones are dark now and then where rates are
      // low.
      const backS = rate >= DENSE_RATE ? 40 : 180;
      expect(last.atS).toBeLessThan(hour + CALM_S + offsetS + INCIDENT_S + backS);
    }
  },
);

const dense = cases.filter(({ rate }) => rate >= DENSE_RATE);
test.each(dense)(
  '$source at $hour s, $rate events/s: three times as many are alerted',
  ({ source, hour }) => {
    for (const offsetS of OFFSETS_S) {
      const told = tried(hour, source, 3, offsetS);
      // A region of it may be noticed first: its alert is then resolved into the source's.
      for (const each of openings(told)) expect(each).toMatch(`event_rate ${source}/`);
      const atS =
        told.find(({ alert }) => alert.key === `${source}/(all)`)?.atS ?? Number.POSITIVE_INFINITY;
      expect(told[0]?.alert.cause).toBe('viral_trend');
      expect(atS - (hour + CALM_S + offsetS)).toBeLessThanOrEqual(WITHIN_S);
      const open = new Map(told.map(({ alert }) => [alert.id, alert.status]));
      expect([...open.values()].every((status) => status === 'resolved')).toBe(true);
    }
  },
);

test('an outage of all sources is one alert, of all of them', () => {
  const hour = HOURS[1] as number;
  const actor = new LiveActor(quiet.stored.get(hour));
  const fromS = hour + CALM_S;
  const incidents = Object.keys(SOURCES).map((source) => {
    return { source, fromS, untilS: fromS + INCIDENT_S, factor: 0 };
  });
  const told = lived(actor, { seed: SEED, fromS: hour, untilS: hour + RUN_S, incidents });
  expect(openings(told)).toEqual(['event_rate (all)/(all) low']);
  expect(told.map(({ alert }) => [alert.status, alert.cause])).toEqual([
    ['open', 'total_outage'],
    ['resolved', 'total_outage'],
  ]);
});

test('while the watermark is held back nothing is judged, and the backlog is no outage', () => {
  const hour = HOURS[2] as number;
  const actor = new LiveActor(quiet.stored.get(hour));
  const heldFrom = hour + CALM_S;
  const heldUntil = heldFrom + 120;
  const told: string[] = [];
  for (const pulse of pulsesOf({ seed: SEED, fromS: hour, untilS: hour + RUN_S })) {
    const second = pulse.log_ms / 1_000 - START_S;
    actor.fold({ ...pulse, partition: 1 });
    const closed = second >= heldFrom && second < heldUntil ? heldFrom : second;
    const watermarkMs = (START_S + closed + 1 - LAG_S) * 1_000;
    for (const { kind } of actor.advance(watermarkMs, pulse.log_ms + 1_000)) told.push(kind);
  }
  expect(new Set(told)).toEqual(new Set(['lag']));
});
