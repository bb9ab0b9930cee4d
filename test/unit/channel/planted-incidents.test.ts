/**
 * Incidents of each kind, planted at noon of a second day: each is one alert that says what it is,
 * and nothing else is alerted because of it.
 */
import { beforeAll, expect, test } from 'vitest';
import { LiveActor } from '../../../actors/channel/live/live-actor.ts';
import type { Alert } from '../../../protocols/alert.ts';
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
  type Told,
} from '../../simulated-days.ts';

const HOUR_S = 3_600;
const SEED = 1;
const FIRST_S = 14 * HOUR_S;
const NOON_S = DAY_S + 12 * HOUR_S;
/** Incidents begin there, at these seconds of a minute, last so long, and are then over. */
const CALM_S = 300;
const OFFSETS_S = [0, 17, 43];
const INCIDENT_S = 600;
/** Five calm windows of a minute, and the one that it ends in. */
const OVER_S = 360;
const RUN_S = 1_800;
const BASE_MS = 120_000;

let noon: LiveSnapshot;

beforeAll(() => {
  const actor = new LiveActor();
  lived(actor, { seed: SEED, fromS: FIRST_S, untilS: NOON_S });
  noon = new LiveStore().store(actor);
}, BASE_MS);

type Planted = Omit<Incident, 'fromS' | 'untilS'>;

interface Heard {
  /** The one alert, as it opened and as it was last. */
  readonly first: Alert;
  readonly last: Alert;
  /** Seconds from the incident's beginning, and from its end. */
  readonly delayS: number;
  readonly overS: number;
}

function planted(offsetS: number, incidents: readonly Planted[]): Told[] {
  const fromS = NOON_S + CALM_S + offsetS;
  const untilS = fromS + INCIDENT_S;
  const actor = new LiveActor(noon);
  return lived(actor, {
    seed: SEED + offsetS,
    fromS: NOON_S,
    untilS: NOON_S + RUN_S,
    incidents: incidents.map((each) => ({ ...each, fromS, untilS })),
  });
}

/** What is heard of an incident, which is to be one alert that resolves. */
function heard(offsetS: number, incident: Planted): Heard {
  const told = planted(offsetS, [incident]);
  expect([...new Set(told.map(({ alert }) => alert.id))]).toHaveLength(1);
  const [first, last] = [told[0] as Told, told.at(-1) as Told];
  const fromS = NOON_S + CALM_S + offsetS;
  const delayS = first.atS - fromS;
  const overS = last.atS - fromS - INCIDENT_S;
  expect([first.alert.status, last.alert.status]).toEqual(['open', 'resolved']);
  expect(overS).toBeGreaterThan(0);
  expect(overS).toBeLessThanOrEqual(OVER_S);
  expect(last.alert.meaning).toContain(
    `${new Date(first.alert.since_ms).toISOString().slice(11, 19)} UTC`,
  );
  return { first: first.alert, last: last.alert, delayS, overS };
}

test.each(OFFSETS_S)(
  'conversions stop, some 20 a minute: their feed is alerted within two minutes (%i s)',
  (offsetS) => {
    const { last, delayS } = heard(offsetS, { of: 'conversions', factor: 0 });
    expect(delayS).toBeLessThanOrEqual(120);
    expect(last).toMatchObject({
      ...{ kind: 'conversions', scope: {}, direction: 'low', cause: 'conversion_feed_outage' },
      ...{ found: 0, unit: 'a minute' },
    });
    expect(last.expected).toBeGreaterThan(15);
    expect(last.expected).toBeLessThan(27);
    expect(last.meaning).toMatch(/^Conversions fell from [\d.]+ to 0 a minute at .* the feed of/);
  },
);

test.each([
  ...OFFSETS_S.map((offsetS) => ({ offsetS, source: 'email', region: 'fr', rate: 2.7 })),
  ...OFFSETS_S.map((offsetS) => ({ offsetS, source: 'direct', region: 'de', rate: 3 })),
  ...OFFSETS_S.map((offsetS) => ({ offsetS, source: 'search', region: 'de', rate: 12 })),
])(
  'nothing comes from $source in $region, $rate events/s: only that partner is missed ($offsetS s)',
  ({ offsetS, source, region, rate }) => {
    const { first, last, delayS } = heard(offsetS, { source, region, factor: 0 });
    expect(delayS).toBeLessThanOrEqual(rate > 6 ? 15 : 120);
    expect(first.scope).toEqual({ source, region });
    expect(last).toMatchObject({
      ...{ kind: 'event_rate', key: `${source}/${region}`, direction: 'low' },
      ...{ cause: 'missing_partner', found: 0, unit: 'events/s' },
    });
    expect(Math.abs(last.expected / rate - 1)).toBeLessThan(0.25);
    expect(last.meaning).toMatch(
      new RegExp(`^Events from ${source} in region ${region} fell from [\\d.]+ to 0 events/s at `),
    );
  },
);

test.each(
  ['search', 'social', 'partner'].flatMap((source) =>
    OFFSETS_S.map((offsetS) => ({ source, offsetS })),
  ),
)('a fifth of the events of $source is lost: lost events, no outage ($offsetS s)', (planted) => {
  const { source, offsetS } = planted;
  const { last, delayS } = heard(offsetS, { of: 'arrived', source, factor: 0.8 });
  expect(delayS).toBeLessThanOrEqual(120);
  expect(last).toMatchObject({
    ...{ kind: 'fill_rate', scope: { source }, direction: 'low', cause: 'lost_events' },
  });
  expect(last.expected).toBeGreaterThan(0.98);
  expect(Math.abs(last.found - 0.8)).toBeLessThan(0.07);
  expect(last.meaning).toMatch(
    new RegExp(
      `^The share of events that arrive from ${source} fell from (9\\d.*|100) % to [78]\\d.* % at`,
    ),
  );
});

test('all sources but the smallest lose events: one alert, of all of them', () => {
  const lossy = Object.keys(SOURCES).filter((source) => source !== 'affiliate');
  const told = planted(
    17,
    lossy.map((source) => ({ of: 'arrived', source, factor: 0.75 })),
  );
  expect([...new Set(told.map(({ alert }) => alert.key))]).toEqual(['(all)/(all)']);
  expect(told.at(-1)?.alert).toMatchObject({ kind: 'fill_rate', cause: 'lost_events' });
});

// At 43 s the minute is over first.
test.each(OFFSETS_S.slice(0, 2))(
  'half of a source is lost: its events are missed first, then it is said why (%i s)',
  (offsetS) => {
    const told = planted(offsetS, [{ of: 'arrived', source: 'search', factor: 0.5 }]);
    const open = new Set<string>();
    for (const { alert, atS } of told) {
      if (alert.status === 'resolved') open.delete(alert.kind);
      else open.add(alert.kind);
      expect(alert.scope).toEqual({ source: 'search' });
      // One alert at a time once a window of a minute is full of it.
      if (atS > NOON_S + CALM_S + offsetS + 120) expect([...open]).not.toContain('event_rate');
    }
    expect(told[0]?.alert.kind).toBe('event_rate');
    expect(told.at(-1)?.alert).toMatchObject({ kind: 'fill_rate', status: 'resolved' });
  },
);

test('a source that stops while it loses events is an outage all the same', () => {
  const told = planted(0, [{ of: 'arrived', source: 'social', factor: 0.8 }]);
  expect(told.map(({ alert }) => alert.cause)).not.toContain('source_outage');
  const fromS = NOON_S + CALM_S;
  const lossAndStop = lived(new LiveActor(noon), {
    ...{ seed: SEED, fromS: NOON_S, untilS: NOON_S + RUN_S },
    incidents: [
      { of: 'arrived', source: 'social', factor: 0.8, fromS, untilS: fromS + INCIDENT_S },
      { source: 'social', factor: 0, fromS: fromS + 200, untilS: fromS + 400 },
    ],
  });
  const outage = lossAndStop.find(({ alert }) => alert.cause === 'source_outage');
  expect(outage?.alert).toMatchObject({ key: 'social/(all)', status: 'open' });
  expect((outage as Told).atS - fromS - 200).toBeLessThanOrEqual(10);
  const over = lossAndStop.find(
    ({ alert }) => alert.id === outage?.alert.id && alert.status === 'resolved',
  );
  expect((over as Told).atS).toBeGreaterThan(fromS + 400);
});

test.each(OFFSETS_S)('spend of a campaign jumps tenfold: it runs away (%i s)', (offsetS) => {
  const { last, delayS } = heard(offsetS, { of: 'wins', campaign: 'SUMMER', factor: 10 });
  expect(delayS).toBeLessThanOrEqual(120);
  expect(last).toMatchObject({
    ...{ kind: 'spend_rate', key: 'SUMMER', scope: { campaign: 'SUMMER' }, direction: 'high' },
    ...{ cause: 'runaway_spend', unit: 'units/minute' },
  });
  expect(last.found / last.expected).toBeGreaterThan(8);
  expect(last.found / last.expected).toBeLessThan(12);
  expect(last.meaning).toMatch(
    /^Spend of campaign SUMMER rose from 0\.\d+ to \d\.\d+ units a minute/,
  );
});

test.each([
  ...OFFSETS_S.map((offsetS) => ({ offsetS, factor: 0.2, worth: 4 })),
  { offsetS: 17, factor: 0, worth: 0.2 },
])(
  'conversions are worth $factor of what they were: revenue is alerted ($offsetS s)',
  ({ offsetS, factor, worth }) => {
    const { last, delayS } = heard(offsetS, { of: 'value', factor });
    expect(delayS).toBeLessThanOrEqual(120);
    expect(last).toMatchObject({
      ...{ kind: 'revenue', scope: {}, direction: 'low', cause: 'unusual' },
      unit: 'units/conversion',
    });
    expect(Math.abs(last.expected / 20 - 1)).toBeLessThan(0.2);
    expect(Math.abs(last.found / worth - 1)).toBeLessThan(0.5);
    expect(last.meaning).toMatch(
      /^The value of conversions fell from [\d.]+ to [\d.]+ units a conversion/,
    );
  },
);

test('the engine is a minute behind: that alone is alerted, and resolves', () => {
  const actor = new LiveActor(noon);
  const heldFrom = NOON_S + CALM_S;
  const told: Told[] = [];
  for (const pulse of pulsesOf({ seed: SEED, fromS: NOON_S, untilS: NOON_S + RUN_S })) {
    const second = pulse.log_ms / 1_000 - START_S;
    const isHeld = second >= heldFrom && second < heldFrom + INCIDENT_S;
    actor.fold(pulse);
    const watermarkMs = (START_S + second + 1 - LAG_S - (isHeld ? 60 : 0)) * 1_000;
    for (const alert of actor.advance(watermarkMs, pulse.log_ms + 1_000)) {
      told.push({ alert, atS: second });
    }
  }
  expect([...new Set(told.map(({ alert }) => alert.id))]).toHaveLength(1);
  const { alert, atS } = told[0] as Told;
  expect(atS - heldFrom).toBeLessThanOrEqual(10);
  expect(alert).toMatchObject({
    ...{ kind: 'lag', scope: {}, direction: 'high', cause: 'engine_behind', unit: 's' },
  });
  expect(alert.expected).toBeCloseTo(LAG_S, 0);
  expect(alert.found).toBeCloseTo(LAG_S + 60, 0);
  expect(alert.meaning).toMatch(/^The time by which figures are behind rose from 2 to 62 s at /);
  expect(told.at(-1)?.alert.status).toBe('resolved');
  expect((told.at(-1) as Told).atS - heldFrom - INCIDENT_S).toBeLessThanOrEqual(60);
});
