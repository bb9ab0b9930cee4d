/**
 * What the detectors notice in series with known incidents, and what they leave alone.
 */
import { expect, test } from 'vitest';
import { isSilent, learnOne, newDetector, scoreOne, step } from '../../actors/detector/detector.ts';
import type { Point } from '../../actors/detector/point.ts';
import { alertsOf, judged, normals, pointsOf } from '../simulated-series.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const FIVE_MINUTES_MS = 300_000;
const DAY_SECONDS = 86_400;
const DAY_POINTS = 288;
/** Seconds within which an outage or a surge has to be an alert. */
const ALERT_WITHIN = 10;
/** Points in which a level that stays is the new normal (docs/detect.md). */
const RECOVERY_POINTS = 1_000;

function noisy(count: number, change: (index: number) => number = () => 0, seed = 1): Point[] {
  const normal = normals(seed);
  return pointsOf(count, MINUTE_MS, (i) => 100 + 5 * normal() + change(i));
}

test('a spike is an alert at its point, high or low', () => {
  for (const size of [80, -80]) {
    const { verdicts } = judged(noisy(2_000, (i) => (i === 1_500 ? size : 0)));
    const [alert, ...others] = alertsOf(verdicts);
    expect(alert?.[0]).toBe(1_500);
    expect(others).toEqual([]);
    const { score, z, expected } = verdicts[1_500] as (typeof verdicts)[number];
    expect(score).toBeGreaterThan(0.85);
    expect(Math.sign(z)).toBe(Math.sign(size));
    expect(Math.abs(expected - 100)).toBeLessThan(15);
  }
});

test('a level that stays alerts once, and is the new normal within a thousand points', () => {
  const { verdicts } = judged(noisy(8_000, (i) => (i >= 4_000 ? 60 : 0)));
  const alerts = alertsOf(verdicts);
  expect(alerts.length).toBe(1);
  expect(alerts[0]?.[0]).toBe(4_000);
  expect(alerts[0]?.[1]).toBeLessThan(4_000 + RECOVERY_POINTS);
});

test('a small shift that no single point shows is an alert by its mean', () => {
  const { verdicts } = judged(noisy(4_000, (i) => (i >= 3_000 ? 20 : 0)));
  const [alert] = alertsOf(verdicts);
  expect(alert?.[0]).toBeGreaterThan(3_000);
  expect(alert?.[0]).toBeLessThan(3_030);
});

test('a steady trend is followed, without an alert', () => {
  const { verdicts } = judged(noisy(6_000, (i) => (i >= 1_000 ? (i - 1_000) * 0.01 : 0)));
  expect(alertsOf(verdicts)).toEqual([]);
});

test('after an incident the same incident is noticed again', () => {
  const isIncident = (i: number) => (i >= 3_000 && i < 3_060) || (i >= 6_000 && i < 6_060);
  const { verdicts } = judged(noisy(8_000, (i) => (isIncident(i) ? 100 : 0)));
  expect(alertsOf(verdicts).map(([since]) => since)).toEqual([3_000, 6_000]);
});

test('a series that stands still where it used to change is an alert until it moves', () => {
  const normal = normals(2);
  const isStill = (i: number) => i >= 1_500 && i < 1_600;
  const points = pointsOf(2_000, MINUTE_MS, (i) => {
    const moving = 100 + 5 * normal();
    return isStill(i) ? 101 : moving;
  });
  const alerts = alertsOf(judged(points).verdicts);
  expect(alerts).toHaveLength(1);
  expect(alerts[0]?.[0]).toBeLessThan(1_520);
  expect(alerts[0]?.[1]).toBeGreaterThanOrEqual(1_600);
  expect(alerts[0]?.[1]).toBeLessThan(1_620);
});

test('missing points are no zeros: a gap in a series leaves its level alone', () => {
  const points = noisy(3_000).filter((_, i) => i < 2_000 || i >= 2_200);
  const { verdicts } = judged(points);
  expect(alertsOf(verdicts)).toEqual([]);
  expect(Math.abs((verdicts[2_000]?.expected ?? 0) - 100)).toBeLessThan(20);
});

test('a source that falls silent is an alert by event time, one late point is not', () => {
  const { state } = judged(pointsOf(1_000, SECOND_MS, normals(3)));
  const latestMs = 999 * SECOND_MS;
  expect(isSilent(state, latestMs + 2 * SECOND_MS)).toBe(false);
  expect(isSilent(state, latestMs + ALERT_WITHIN * SECOND_MS)).toBe(true);
});

test('a source with gaps of its own may be silent for as long as it usually is', () => {
  const times: number[] = [];
  for (let i = 0, t = 0; i < 2_000; i++, t += i % 10 === 0 ? 8 * SECOND_MS : SECOND_MS)
    times.push(t);
  const normal = normals(4);
  const { state } = judged(times.map((t) => ({ t, value: normal() })));
  expect(isSilent(state, (times.at(-1) as number) + 10 * SECOND_MS)).toBe(false);
  expect(isSilent(state, (times.at(-1) as number) + 600 * SECOND_MS)).toBe(true);
});

test('the time of day is learnt: a night value at noon is an alert, at night it is not', () => {
  const normal = normals(5);
  const daily = (i: number) => 100 - 50 * Math.cos((2 * Math.PI * i) / DAY_POINTS) + 2 * normal();
  const noon = 9 * DAY_POINTS + DAY_POINTS / 2;
  const points = pointsOf(10 * DAY_POINTS, FIVE_MINUTES_MS, (i) => {
    const usual = daily(i);
    return i >= noon && i < noon + 12 ? usual - 95 : usual;
  });
  const { verdicts } = judged(points);
  expect(alertsOf(verdicts).map(([since]) => since)).toEqual([noon]);
  expect(verdicts[noon]?.z).toBeLessThan(-10);
});

test('a backup that loads the series every day is no news after three days', () => {
  const points = noisyDaily(12);
  const alerts = alertsOf(judged(points).verdicts).map(([since]) => Math.floor(since / DAY_POINTS));
  expect(alerts.length).toBeGreaterThan(0);
  expect(Math.max(...alerts)).toBeLessThanOrEqual(4);
});

function noisyDaily(days: number): Point[] {
  const normal = normals(6);
  return pointsOf(days * DAY_POINTS, FIVE_MINUTES_MS, (i) => {
    const usual = 10 + normal();
    return i % DAY_POINTS === 36 ? usual + 60 : usual;
  });
}

test('an outage and a threefold surge alert within 10 s; the quiet day before has no alert', () => {
  const normal = normals(7);
  const outage = DAY_SECONDS + 30_000;
  const surge = DAY_SECONDS + 60_000;
  const lasts = (since: number, i: number) => i >= since && i < since + 600;
  const points = pointsOf(2 * DAY_SECONDS, SECOND_MS, (i) => {
    const usual = 50 * (1 + 0.6 * Math.sin((2 * Math.PI * i) / DAY_SECONDS));
    const rate = lasts(outage, i) ? 0 : lasts(surge, i) ? 3 * usual : usual;
    return Math.max(0, Math.round(rate + Math.sqrt(rate) * normal()));
  });
  const alerts = alertsOf(judged(points).verdicts).map(([since]) => since);
  expect(alerts).toHaveLength(2);
  [outage, surge].forEach((since, i) => {
    expect(alerts[i]).toBeGreaterThanOrEqual(since);
    expect(alerts[i]).toBeLessThanOrEqual(since + ALERT_WITHIN);
  });
});

test('ten normal series of a point a second have no alert in a sixth of a day', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const normal = normals(seed);
    const { verdicts } = judged(pointsOf(DAY_SECONDS / 6, SECOND_MS, () => 100 + 10 * normal()));
    expect(alertsOf(verdicts), `seed ${seed}`).toEqual([]);
  }
});

test('a constant series is never surprising, its first change is', () => {
  const { verdicts } = judged(pointsOf(1_000, MINUTE_MS, (i) => (i === 900 ? 1 : 0)));
  expect(alertsOf(verdicts).map(([since]) => since)).toEqual([900]);
});

test('repeated times and times out of order are judged like any other point', () => {
  const points = noisy(1_000);
  const disordered = points.map((each, i) =>
    i % 50 === 10 ? { ...each, t: each.t - 300_000 } : each,
  );
  const { verdicts } = judged(disordered);
  expect(verdicts).toHaveLength(1_000);
  expect(alertsOf(verdicts)).toEqual([]);
});

test('plain mode: beyond three deviations of the last points is an alert', () => {
  const { verdicts } = judged(
    noisy(600, (i) => (i === 500 ? 40 : 0)),
    newDetector('plain', 100),
  );
  expect(verdicts[500]).toMatchObject({ isAnomalous: true });
  verdicts.forEach(({ z, isAnomalous }) => {
    expect(isAnomalous).toBe(Math.abs(z) > 3);
  });
});

test('learning and scoring are the two halves of a step', () => {
  const { state } = judged(noisy(500));
  const point = { t: 500 * MINUTE_MS, value: 130 };
  expect(step(state, point)).toEqual({
    state: learnOne(state, point),
    verdict: scoreOne(state, point),
  });
});

test('a window of no or endless points is refused', () => {
  expect(() => newDetector('plain', 1)).toThrow('expected 2 to 10000, found 1');
  expect(() => newDetector('plain', 10_001)).toThrow(RangeError);
});
