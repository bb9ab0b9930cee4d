/**
 * What the marketers' view draws, as calculated from the feeds.
 */
import { expect, test } from 'vitest';
import type { Alert } from '../../../protocols/alert.ts';
import type { CampaignReport, LiftReport } from '../../../protocols/campaign-services.ts';
import type { LiveFrame, LiveHistory } from '../../../protocols/live-figures.ts';
import { alertLanes, alertsOfDay } from '../../../runtime/dashboard/marketer/alert-timeline.ts';
import { campaignRows, liftVerdict } from '../../../runtime/dashboard/marketer/campaign-rows.ts';
import { creditRows } from '../../../runtime/dashboard/marketer/credit.ts';
import { cellOf, fillGrid } from '../../../runtime/dashboard/marketer/fill-grid.ts';
import {
  alertPeriods,
  eventSeries,
  minuteSeries,
} from '../../../runtime/dashboard/marketer/hour-series.ts';
import { upperBound } from '../../../runtime/dashboard/marketer/scale.ts';
import {
  drawnEdges,
  transitionGraph,
} from '../../../runtime/dashboard/marketer/transition-graph.ts';
import { funnelSteps } from '../../../runtime/dashboard/marketer/velocity.ts';

type Group = LiveFrame['groups'][number];
const T = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

function group(source: string, region: string, change: Partial<Group>, events = 600): Group {
  const standing = { minute: { events }, total: { events: events * 100 }, fill_rate_hour: 1 };
  return {
    ...(standing as Group),
    ...{ source, region, expected_events_per_s: 10, fill_by_arrival: 1, ...change },
  };
}

test('a source that fell silent is told apart from one that never was loud', () => {
  expect(cellOf(group('ios', 'EU', {}, 0)).state).toBe('silent');
  expect(cellOf(group('ios', 'EU', { expected_events_per_s: null }, 0)).state).toBe('quiet');
  expect(cellOf(group('ios', 'EU', {})).state).toBe('fine');
  expect(cellOf(group('ios', 'EU', { fill_rate_hour: 0.96 })).state).toBe('low');
  expect(cellOf(group('ios', 'EU', { fill_rate_hour: 0.8 })).state).toBe('lower');
  expect(cellOf(group('ios', 'EU', { fill_by_arrival: 0.5 })).state).toBe('low');
  expect(cellOf(group('ios', 'EU', { fill_rate_hour: null, fill_by_arrival: null })).state).toBe(
    'fine',
  );
});

test('the fill grid has the busiest first, holes for unknown pairs, small groups apart', () => {
  const groups = [
    group('web', 'US', {}, 5),
    group('ios', 'EU', {}, 900),
    group('web', 'EU', {}, 50),
    group('(small)', '(small)', {}, 7),
  ];
  const grid = fillGrid({ groups, sources: [group('web', '', {})] });
  expect(grid.regions).toEqual(['EU', 'US']);
  expect(grid.rows.map(({ source }) => source)).toEqual(['ios', 'web']);
  expect(grid.rows.map(({ cells }) => cells.map((cell) => cell?.eventsPerS))).toEqual([
    [15, undefined],
    [50 / 60, 5 / 60],
  ]);
  expect(grid.rows.map(({ all }) => all === undefined)).toEqual([true, false]);
  expect(grid.small?.eventsPerS).toBe(7 / 60);
});

function windowsFrom(fromMs: number, count: number): LiveHistory['windows'] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ from_ms: fromMs + index * 5_000, events: 50, expected_events: index ? 60 : null },
    ...{ visits: 1, conversions: 1, value_micros: 2, cost_micros: 3, spend_micros: 4 },
    decisions: 1,
  }));
}

test('events are per second, and a missing window breaks the line', () => {
  const windows = windowsFrom(T, 5).filter((_, index) => index !== 2);
  const { found, expected } = eventSeries(windows);
  expect(found).toEqual([
    [T, 10],
    [T + 5_000, 10],
    [T + 10_000, null],
    [T + 15_000, 10],
    [T + 20_000, 10],
  ]);
  expect(expected.slice(0, 2)).toEqual([
    [T, null],
    [T + 5_000, 12],
  ]);
});

test('a minute whose beginning is cut off is not shown, one that goes on is marked', () => {
  const minuteMs = Math.ceil(T / 60_000) * 60_000;
  const minutes = minuteSeries(windowsFrom(minuteMs - 10_000, 16));
  expect(minutes).toEqual([
    {
      ...{ fromMs: minuteMs, events: 600, conversions: 12, valueMicros: 24, spentMicros: 84 },
      isOpen: false,
    },
    {
      ...{ fromMs: minuteMs + 60_000, events: 100, conversions: 2, valueMicros: 4 },
      ...{ spentMicros: 14, isOpen: true },
    },
  ]);
});

function alert(change: Partial<Alert>): Alert {
  return {
    ...{ v: 2, id: 'a', kind: 'event_rate', key: 'ios/(all)', scope: { source: 'ios' } },
    ...{ status: 'resolved', since_ms: T, changed_ms: T + HOUR_MS, acknowledged: null },
    ...{ direction: 'low', expected: 8, found: 0, unit: 'events/s', z: -9, meaning: '' },
    cause: 'source_outage',
    ...change,
  };
}

test('a chart shades what alerts about it cover, up to now while they are open', () => {
  const alerts = [
    alert({}),
    alert({ id: 'b', status: 'open' }),
    alert({ id: 'c', kind: 'revenue' }),
  ];
  const periods = alertPeriods(alerts, 'events', T + 1, T + 2 * HOUR_MS);
  expect(periods.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
    [T + 1, T + HOUR_MS],
    [T + 1, T + 2 * HOUR_MS],
  ]);
  expect(alertPeriods(alerts, 'revenue', T, T + 1).map((each) => each.alert.id)).toEqual(['c']);
  expect(alertPeriods(alerts, 'events', T + 3 * HOUR_MS, T + 3 * HOUR_MS)).toEqual([]);
});

test('the day of alerts has one lane per thing watched, and old ones are off it', () => {
  const nowMs = T + 24 * HOUR_MS;
  const alerts = [
    alert({ id: 'later', since_ms: T + 12 * HOUR_MS, changed_ms: T + 18 * HOUR_MS }),
    alert({ id: 'first', since_ms: T - HOUR_MS, changed_ms: T + 6 * HOUR_MS }),
    alert({ id: 'other', kind: 'revenue', status: 'open', since_ms: nowMs }),
    alert({ id: 'old', since_ms: T - 3 * HOUR_MS, changed_ms: T - 2 * HOUR_MS }),
  ];
  const day = alertsOfDay(alerts, nowMs);
  expect(day.map(({ id }) => id)).toEqual(['later', 'first', 'other']);
  const lanes = alertLanes(day, nowMs);
  expect(lanes.map(({ name }) => name)).toEqual(['events from ios', 'revenue from ios']);
  expect(lanes[0]?.bars.map(({ from, width }) => [from, width])).toEqual([
    [0.5, 0.25],
    [0, 0.25],
  ]);
  const [open] = lanes[1]?.bars ?? [];
  expect((open?.from ?? 0) + (open?.width ?? 0)).toBe(1);
});

test('credit by value and by conversions, under every model, the most credited first', () => {
  const channel = (name: string, conversions: number) => ({
    ...{ channel: name, conversions, value_micros: 10 * conversions, cost_micros: 1, roas: null },
    ...{ removal_effect: 0, value_removal_effect: 0, impressions: 0, clicks: 0 },
    models: { last: { conversions: 1, value_micros: 5 } },
  });
  const channels = [channel('a', 1), channel('b', 2)];
  const byCount = creditRows({ channels }, 'conversions');
  expect(byCount.map((row) => [row.channel, row.credit.markov, row.credit.last])).toEqual([
    ['b', 2, 1],
    ['a', 1, 1],
  ]);
  expect(creditRows({ channels }, 'value')[0]?.credit).toMatchObject({
    ...{ markov: 20, last: 5, shapley: 0 },
  });
});

test('the graph stands between start and ends, with likelihoods of what follows', () => {
  const graph = transitionGraph([
    { from: '(start)', to: 'search', count: 30 },
    { from: '(start)', to: 'mail', count: 10 },
    { from: 'search', to: 'mail', count: 20 },
    { from: 'search', to: 'search', count: 5 },
    { from: 'search', to: '(null)', count: 5 },
    { from: 'mail', to: '(conversion)', count: 28 },
    { from: 'mail', to: '(null)', count: 2 },
  ]);
  const at = new Map(graph.nodes.map((node) => [node.name, node]));
  const order = ['(start)', 'search', 'mail', '(conversion)'].map((name) => at.get(name)?.x ?? -1);
  expect(order).toEqual([...order].sort((a, b) => a - b));
  for (const node of graph.nodes) {
    expect(Math.min(node.x, node.y)).toBeGreaterThanOrEqual(0);
    expect(Math.max(node.x, node.y)).toBeLessThanOrEqual(1);
  }
  expect(at.get('(start)')?.visits).toBe(40);
  expect(at.get('mail')?.visits).toBe(30);
  const likely = drawnEdges(graph, 0.5).map(({ from, to, probability }) => [from, to, probability]);
  expect(likely).toEqual([
    ['mail', '(conversion)', 28 / 30],
    ['(start)', 'search', 0.75],
    ['search', 'mail', 20 / 30],
  ]);
  expect(drawnEdges(graph, 0).some(({ from, to }) => from === to)).toBe(false);
});

test('the funnel keeps its order, and other moves stand beside it', () => {
  const move = (from: string, to: string, users_today: number) => ({
    ...{ from, to, users_minute: 1, users_today, p50_ms: 1, p90_ms: 2, p99_ms: 3 },
    relative_error: 0.01,
  });
  const buys = move('buying', 'customer', 4);
  const { way, others } = funnelSteps([
    ...[move('aware', 'lapsed', 1), buys, move('customer', 'exploring', 9)],
  ]);
  expect(way.map(({ from, to }) => `${from} ${to}`)).toEqual([
    ...['aware exploring', 'exploring considering', 'considering buying', 'buying customer'],
  ]);
  expect(way[3]?.move).toBe(buys);
  expect(way[0]?.move).toBeUndefined();
  expect(others.map(({ from }) => from)).toEqual(['customer', 'aware']);
});

function report(id: string, change: object, campaign: object = {}): CampaignReport {
  return {
    ...{ status: 'live', spent_micros: 0, spent_today_micros: null, wins: 0, roas: null },
    ...{ spent_this_hour_micros: null, lift: null, ...change },
    campaign: { id, name: id, house: false, budget_micros: 100, ...campaign },
  } as unknown as CampaignReport;
}

test('campaigns that were throttled come first, then what spends most; budgets are shares', () => {
  const rows = campaignRows(
    [
      report('little', { spent_micros: 1 }),
      report('much', { spent_micros: 150, spent_today_micros: 20 }, { daily_micros: 80 }),
      report('stopped', { status: 'throttled' }),
      report('house', { status: 'paused' }, { house: true, budget_micros: 0 }),
    ],
    { campaigns: [{ ...SPEND, campaign: 'much' }] },
    { campaigns: [{ campaign: 'much', models: { markov: { conversions: 3, value_micros: 9 } } }] },
  );
  expect(rows.map(({ id }) => id)).toEqual(['stopped', 'much', 'little', 'house']);
  expect(rows[1]).toMatchObject({
    spendMicrosMinute: 7,
    credit: { conversions: 3, valueMicros: 9 },
    budgets: [
      { label: 'in all', share: 1 },
      { label: 'today', share: 0.25 },
    ],
  });
  expect(rows[2]).toMatchObject({ spendMicrosMinute: 0, credit: null });
  expect(rows[3]?.budgets).toEqual([]);
});
const SPEND = { spend_micros_minute: 7, spend_micros: 150, wins_minute: 1 };

test('a lift is called proven only if the split holds and zero is excluded', () => {
  const lift = (estimate: number | null, is_proven: boolean, is_split_as_planned = true) =>
    ({ relative: { estimate, low: 0, high: 1 }, is_proven, is_split_as_planned }) as LiftReport;
  expect(liftVerdict(null)).toBe('no holdout');
  expect(liftVerdict(lift(0.2, true))).toBe('proven');
  expect(liftVerdict(lift(0.2, false))).toBe('not proven');
  expect(liftVerdict(lift(null, true))).toBe('too little yet');
  expect(liftVerdict(lift(0.2, true, false))).toBe('split is off');
});

test('an axis ends at a round figure that holds all of them', () => {
  expect([[0.31, 0.356], [7], [], [0], [1], [260]].map(upperBound)).toEqual([
    0.4, 10, 1, 1, 1, 400,
  ]);
});
