/**
 * The page's live state: what it shows after which messages, whatever order they come in.
 */
import { expect, test } from 'vitest';
import type { Alert } from '../../../protocols/alert.ts';
import type { CampaignReport } from '../../../protocols/campaign-services.ts';
import type { LiveFrame, LiveHistory, PulseFrame } from '../../../protocols/live-figures.ts';
import { freshnessOf } from '../../../runtime/dashboard/live/freshness.ts';
import {
  atMoment,
  FIRST_STATE,
  hasLostAlert,
  type LiveMessage,
  MAX_KEPT_ALERTS,
  SILENCE_MS,
  withAlerts,
  withMessage,
} from '../../../runtime/dashboard/live/live-state.ts';
import { ratePerS, trailWith } from '../../../runtime/dashboard/live/pulse-rate.ts';
import { appendWindow, isBehind, WINDOW_MS } from '../../../runtime/dashboard/live/windows.ts';

const FIGURES = {
  ...{ events: 0, missing: 0, visits: 0, visitors: 0, conversions: 0, value_micros: 0 },
  ...{ refunded_micros: 0, cost_micros: 0, decisions: 0, wins: 0 },
};
const T = 1_800_000_000_000;

function frame(change: Partial<LiveFrame> = {}, minute: Partial<typeof FIGURES> = {}): LiveFrame {
  const standing = {
    ...{ minute: { ...FIGURES, ...minute }, total: FIGURES, visitors_today: 0 },
    ...{ conversion_rate_hour: null, conversion_rate: null, fill_rate_hour: null, fill_rate: null },
    ...{ expected_events_per_s: 8, fill_by_arrival: null },
  };
  return {
    ...{ v: 1, at_ms: T + 2_000, currency: 'EUR', watermark_ms: T, held_back_by: [] },
    ...{ completeness: 1, open_events: 0, all: standing, sources: [], groups: [] },
    ...{ small_groups: null, campaigns: [], velocity: [], alerts: [], ...change },
  };
}

function pulse(at_ms: number, events: number): PulseFrame {
  return {
    ...{ v: 1, at_ms, events, duplicates: 0, rejected: 0, conversions: 0, decisions: 0, wins: 0 },
    ...{ value_micros: 0, cost_micros: 0, spend_micros: 0, roas: null },
  };
}

function alert(change: Partial<Alert>): Alert {
  return {
    ...{ v: 2, id: 'a', kind: 'event_rate', key: 'ios/(all)', scope: { source: 'ios' } },
    ...{ status: 'open', since_ms: T, changed_ms: T, acknowledged: null, direction: 'low' },
    ...{ expected: 8.4, found: 0, unit: 'events/s', z: -9, cause: 'source_outage', meaning: '' },
    ...change,
  };
}

function windowsUpTo(endMs: number, count: number, events: number): LiveHistory['windows'] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ from_ms: endMs - (count - index) * WINDOW_MS, events, expected_events: null, visits: 1 },
    ...{ conversions: 1, value_micros: 7, cost_micros: 2, spend_micros: 3, decisions: 4 },
  }));
}

test('an older pulse that comes late does not turn figures back', () => {
  const late: LiveMessage = { feed: 'pulse', value: pulse(T, 5) };
  const state = withMessage(FIRST_STATE, { feed: 'pulse', value: pulse(T + 1, 6) }, 1);
  expect(withMessage(state, late, 2).pulse?.events).toBe(6);
});

test('campaigns that come in parts are all there, each as it was last heard of', () => {
  const part = (id: string, wins: number): LiveMessage => ({
    feed: 'campaigns',
    value: { lift: null, campaigns: [{ campaign: { id }, wins } as unknown as CampaignReport] },
  });
  const parts = [part('x', 1), part('y', 2), part('x', 3)];
  const { campaigns } = parts.reduce((state, each) => withMessage(state, each, 1), FIRST_STATE);
  expect([...campaigns].map(([id, { wins }]) => [id, wins])).toEqual([
    ['x', 3],
    ['y', 2],
  ]);
});

test('an alert moves on from open to resolved and never back', () => {
  const resolved = withAlerts([alert({})], [alert({ status: 'resolved', changed_ms: T + 9 })]);
  expect(resolved.map(({ status }) => status)).toEqual(['resolved']);
  const again = withAlerts(resolved, [alert({ changed_ms: T + 20 })]);
  expect(again.map(({ status }) => status)).toEqual(['resolved']);
});

test('the newest alert comes first, and only old resolved ones are forgotten', () => {
  const many = Array.from({ length: MAX_KEPT_ALERTS + 5 }, (_, index) =>
    alert({ id: `a${index}`, since_ms: T + index, status: index === 0 ? 'open' : 'resolved' }),
  );
  const kept = withAlerts([], many);
  expect(kept).toHaveLength(MAX_KEPT_ALERTS);
  expect(kept[0]?.id).toBe(`a${MAX_KEPT_ALERTS + 4}`);
  expect(kept.at(-1)?.id).toBe('a0');
  expect(kept.some(({ id }) => id === 'a5')).toBe(false);
});

test('a frame shows an open alert whose own message was lost', () => {
  const message: LiveMessage = { feed: 'frame', value: frame({ alerts: [alert({})] }) };
  expect(withMessage(FIRST_STATE, message, 1).alerts).toHaveLength(1);
});

test('a viewer knows of the alerts that were listed last and those of the last frame', () => {
  const listed = (...value: Alert[]): LiveMessage => ({ feed: 'viewers-alerts', value });
  const framed = (at_ms: number, ...alerts: Alert[]): LiveMessage => ({
    feed: 'frame',
    value: frame({ at_ms, alerts }),
  });
  const statuses = (...messages: LiveMessage[]) => {
    const { alerts } = messages.reduce((state, each) => withMessage(state, each, 1), FIRST_STATE);
    return alerts.map(({ id, status }) => `${id} ${status}`);
  };
  const spend = alert({ id: 'spend', kind: 'runaway_spend' });
  const over = alert({ status: 'resolved', changed_ms: T + 9 });
  const open = framed(T, alert({}));
  expect(statuses(listed(spend), open), 'breakers are in no frame').toEqual([
    'a open',
    'spend open',
  ]);
  expect(statuses(open, listed(spend)), 'newer than the list').toEqual(['a open', 'spend open']);
  expect(statuses(open, listed(over)), 'older than the list').toEqual(['a resolved']);
  expect(statuses(open, listed(over), open), 'never open again').toEqual(['a resolved']);
  expect(statuses(open, framed(T + 1)), 'until the list says why').toEqual(['a open']);
  expect(statuses(open, framed(T + 1), listed()), 'its group became small').toEqual([]);
});

test('the page notices that an alert has gone from the frame, whatever else comes', () => {
  const [one, other] = [alert({}), alert({ id: 'b' })];
  expect(hasLostAlert(frame({ alerts: [one] }), frame({ alerts: [other] }))).toBe(true);
  expect(hasLostAlert(frame({ alerts: [one] }), frame({ alerts: [other, one] }))).toBe(false);
  expect(hasLostAlert(undefined, frame({ alerts: [one] }))).toBe(false);
});

test('silence of more than five seconds is a lost connection, anything heard ends it', () => {
  const beat: LiveMessage = { feed: 'beat', value: { at_ms: T } };
  const state = withMessage(FIRST_STATE, beat, 1_000);
  expect(atMoment(state, 1_000 + SILENCE_MS).connection).toBe('live');
  const lost = atMoment(state, 1_001 + SILENCE_MS);
  expect(lost.connection).toBe('reconnecting');
  expect(withMessage(lost, beat, 9_000).connection).toBe('live');
});

test('a window that a frame closes is the minute less the eleven windows before it', () => {
  const before = windowsUpTo(T - WINDOW_MS, 20, 10);
  const spent = [{ campaign: 'x', spend_micros_minute: 40, spend_micros: 99, wins_minute: 0 }];
  const closing = frame({ watermark_ms: T + 400, campaigns: spent }, { events: 152, visits: 13 });
  expect(appendWindow(before, closing).slice(before.length)).toEqual([
    {
      ...{ from_ms: T - WINDOW_MS, events: 42, expected_events: 40, visits: 2 },
      ...{ conversions: -11, value_micros: -77, cost_micros: -22, spend_micros: 7, decisions: -44 },
    },
  ]);
});

test('no window is guessed between two ends, after a gap, or before a minute is known', () => {
  const closing = frame({}, { events: 152 });
  const before = windowsUpTo(T - WINDOW_MS, 20, 10);
  const unknown: [LiveHistory['windows'], LiveFrame][] = [
    [before, frame({ watermark_ms: T + 1_000 }, { events: 152 })],
    [before, frame({ watermark_ms: null }, { events: 152 })],
    [before.filter((_, index) => index !== 15), closing],
    [before.slice(0, -1), closing],
    [before.slice(-10), closing],
    [before, frame({}, { events: 100 })],
  ];
  for (const [windows, each] of unknown) expect(appendWindow(windows, each)).toBe(windows);
});

test('the history is asked for again when two windows or more are missing', () => {
  expect(isBehind(windowsUpTo(T - WINDOW_MS, 5, 1), frame())).toBe(false);
  expect(isBehind(windowsUpTo(T - 2 * WINDOW_MS, 5, 1), frame())).toBe(true);
  expect(isBehind([], frame({ watermark_ms: null }))).toBe(false);
});

test('rates are of the last seconds, and unknown after sums began anew', () => {
  const trail = [pulse(T, 100), pulse(T + 4_000, 300), pulse(T + 8_000, 900)];
  const kept = trail.reduce<readonly PulseFrame[]>(trailWith, []);
  expect(ratePerS(kept, 'events')).toBe(150);
  expect(ratePerS(trailWith(kept, pulse(T + 8_500, 3)), 'events')).toBeNull();
  expect(ratePerS([pulse(T, 1)], 'events')).toBeNull();
});

test('the header says what is wrong, the worst first, and how old figures are', () => {
  const live = withMessage(FIRST_STATE, { feed: 'frame', value: frame({ at_ms: T + 2_100 }) }, 100);
  expect(freshnessOf(live, 200)).toMatchObject({ status: 'live', isStale: false });
  expect(freshnessOf(live, 200).detail).toContain('2.1 s behind');
  expect(freshnessOf(live, 200).completeness).toBeUndefined();
  const still = { ...live, heardAtMs: 10_000 };
  expect(freshnessOf(still, 10_000)).toMatchObject({ status: 'standing still', isStale: true });
  expect(freshnessOf(still, 10_000).detail).toContain('no coordinator answers: figures from');
  const cut = { ...still, isEngineConnected: false };
  expect(freshnessOf(cut, 10_000).status).toBe('engine unreachable');
  const lost = atMoment(cut, 17_000);
  expect(freshnessOf(lost, 17_000)).toMatchObject({ status: 'reconnecting', isStale: true });
  expect(freshnessOf(lost, 17_000).detail).toContain('nothing heard for 7.0 s');
});

test('incomplete and held back figures say so', () => {
  const late = frame({ at_ms: T + 40_000, completeness: 0.9934, held_back_by: [3] });
  const state = withMessage(FIRST_STATE, { feed: 'frame', value: late }, 100);
  expect(freshnessOf(state, 100)).toMatchObject({
    ...{ status: 'late', tone: 'warn', completeness: '99.3 % of events on time' },
  });
  expect(freshnessOf(state, 100).detail).toContain('1 partition behind');
});
