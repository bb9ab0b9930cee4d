/**
 * The last hour as series: events a second and what was expected, money and conversions a minute.
 *
 * Pure: from windows to points, for the chart and for the table beside it.
 */
import type { Alert } from '../../../protocols/alert.ts';
import type { LiveHistory } from '../../../protocols/live-figures.ts';
import { WINDOW_MS } from '../live/windows.ts';

type Windows = LiveHistory['windows'];
/** Time in ms and figure; null breaks the line. */
export type Point = readonly [atMs: number, figure: number | null];

const MINUTE_MS = 60_000;

/** Events per second of each window, and expected; a missing window breaks the line. */
export function eventSeries(windows: Windows): {
  readonly found: readonly Point[];
  readonly expected: readonly Point[];
} {
  const found: Point[] = [];
  const expected: Point[] = [];
  let nextMs: number | undefined;
  for (const window of windows) {
    if (nextMs !== undefined && window.from_ms > nextMs) {
      found.push([nextMs, null]);
      expected.push([nextMs, null]);
    }
    nextMs = window.from_ms + WINDOW_MS;
    const perS = (count: number) => (count * 1000) / WINDOW_MS;
    found.push([window.from_ms, perS(window.events)]);
    const { expected_events } = window;
    expected.push([window.from_ms, expected_events === null ? null : perS(expected_events)]);
  }
  return { found, expected };
}

export interface Minute {
  readonly fromMs: number;
  readonly events: number;
  readonly conversions: number;
  readonly valueMicros: number;
  readonly spentMicros: number;
  /** Whether windows of the minute are still to come. */
  readonly isOpen: boolean;
}

/** Sums by clock minute, the oldest first; the first is left out where its beginning is cut off. */
export function minuteSeries(windows: Windows): readonly Minute[] {
  const minutes = new Map<number, Minute>();
  for (const window of windows) {
    const fromMs = Math.floor(window.from_ms / MINUTE_MS) * MINUTE_MS;
    const sum = minutes.get(fromMs);
    minutes.set(fromMs, {
      fromMs,
      events: (sum?.events ?? 0) + window.events,
      conversions: (sum?.conversions ?? 0) + window.conversions,
      valueMicros: (sum?.valueMicros ?? 0) + window.value_micros,
      spentMicros: (sum?.spentMicros ?? 0) + window.cost_micros + window.spend_micros,
      isOpen: window.from_ms + WINDOW_MS < fromMs + MINUTE_MS,
    });
  }
  const all = [...minutes.values()];
  const first = windows[0]?.from_ms ?? 0;
  return first % MINUTE_MS === 0 ? all : all.slice(1);
}

/** Which of the charts an alert is about; alerts of other kinds are about none of them. */
const KINDS_BY_CHART = {
  events: ['event_rate', 'fill_rate', 'lag'],
  revenue: ['revenue'],
  conversions: ['conversions', 'conversion_rate'],
} as const satisfies Readonly<Record<string, readonly Alert['kind'][]>>;
export type HourChart = keyof typeof KINDS_BY_CHART;

/** When alerts that a chart is about were open, within the time shown. */
export function alertPeriods(
  alerts: readonly Alert[],
  chart: HourChart,
  fromMs: number,
  toMs: number,
): readonly { readonly fromMs: number; readonly toMs: number; readonly alert: Alert }[] {
  const kinds: readonly Alert['kind'][] = KINDS_BY_CHART[chart];
  return alerts
    .filter((alert) => kinds.includes(alert.kind))
    .map((alert) => ({
      alert,
      fromMs: Math.max(alert.since_ms, fromMs),
      toMs: alert.status === 'resolved' ? Math.min(alert.changed_ms, toMs) : toMs,
    }))
    .filter((period) => period.fromMs < period.toMs);
}
