/**
 * The budget of false alerts that all series share, and how alerts loosen it.
 */
import { expect, test } from 'vitest';
import { GROUP_METRICS, type Level, SPEND_RATE } from '../../../actors/channel/live/metrics.ts';
import { Series } from '../../../actors/channel/live/series.ts';
import { strictnessOf, weightOf } from '../../../actors/channel/live/strictness.ts';
import { openSurprise } from '../../../actors/detector/alert.ts';

const DAY_MS = 86_400_000;
const LEVELS: readonly Level[] = ['all', 'source', 'pair'];
const series = [
  ...LEVELS.flatMap((level) =>
    GROUP_METRICS.filter(({ levels }) => levels.includes(level)).map(
      (metric) => new Series(metric, level, `${level}/x`),
    ),
  ),
  new Series(SPEND_RATE, 'campaign', 'SPRING'),
];
const weights = series.reduce((sum, each) => sum + weightOf(each), 0);

/** False alerts a day of a series, by the level at which its windows open one. */
function falseAlerts(of: Series, opened: number): number {
  const windowMs = of.metric.windowS * 1_000;
  return 10 ** -openSurprise(windowMs, strictnessOf(of, weights, opened)) * (DAY_MS / windowMs);
}

function total(opened: number): number {
  return series.reduce((sum, each) => sum + falseAlerts(each, opened), 0);
}

test('however many series there are, they share one false alert in ten days', () => {
  expect(total(0)).toBeCloseTo(0.1, 9);
});

test('with each alert of the trailing day the budget grows by as much again', () => {
  for (const opened of [1, 2, 9]) expect(total(opened)).toBeCloseTo(0.1 * (opened + 1), 9);
});

test('a total, a source and a campaign have four times the share of a pair', () => {
  const share = (level: Level): number =>
    falseAlerts(series.find((each) => each.level === level) as Series, 0);
  for (const level of ['all', 'source', 'campaign'] as const) {
    expect(share(level) / share('pair')).toBeCloseTo(4, 9);
  }
});
