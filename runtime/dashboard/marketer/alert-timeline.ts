/**
 * Alerts of the last day on a time axis: a lane for each thing that was watched.
 *
 * Pure: from alerts and a moment to lanes of bars, as shares of the axis.
 */
import type { Alert } from '../../../protocols/alert.ts';
import { subjectOf } from '../components/alert-words.ts';

export const TIMELINE_MS = 24 * 3_600_000;
/** Lanes drawn; the list has all alerts. */
const MAX_LANES = 12;
/** A bar is at least this share of the axis wide, so that it can be seen. */
const MIN_WIDTH = 0.004;

export interface Lane {
  readonly key: string;
  /** What the lane is about, in words. */
  readonly name: string;
  readonly bars: readonly {
    readonly alert: Alert;
    /** From 0, a day ago, to 1, now. */
    readonly from: number;
    readonly width: number;
  }[];
}

/** Alerts that were open at some time of the last day, the newest first. */
export function alertsOfDay(alerts: readonly Alert[], nowMs: number): readonly Alert[] {
  return alerts.filter((alert) => endOf(alert, nowMs) >= nowMs - TIMELINE_MS);
}

/** Lanes of these alerts, that with the newest alert first; at most MAX_LANES. */
export function alertLanes(alerts: readonly Alert[], nowMs: number): readonly Lane[] {
  const startMs = nowMs - TIMELINE_MS;
  const share = (ms: number) => Math.min(1, Math.max(0, (ms - startMs) / TIMELINE_MS));
  const lanes = new Map<string, Lane>();
  for (const alert of alerts) {
    const from = share(alert.since_ms);
    const width = Math.max(MIN_WIDTH, share(endOf(alert, nowMs)) - from);
    const key = `${alert.kind} ${alert.key}`;
    const bar = { alert, from: Math.min(from, 1 - width), width };
    const bars = [...(lanes.get(key)?.bars ?? []), bar];
    lanes.set(key, { key, name: subjectOf(alert), bars });
  }
  return [...lanes.values()].slice(0, MAX_LANES);
}

/** Until when an alert lasted; those that are not resolved last until now. */
export function endOf(alert: Alert, nowMs: number): number {
  return alert.status === 'resolved' ? alert.changed_ms : nowMs;
}
