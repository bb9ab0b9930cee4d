/**
 * From incidents to alerts: which of them people hear of.
 *
 * An incident has no alert of its own while it follows from another one (reasons.ts).
 *
 * Invariants:
 *   K1 A series has one alert at most, and only while it has an incident that follows from none.
 */
import type { Alert } from '../../../protocols/alert.ts';
import type { StoredIncident } from '../../../protocols/live-snapshot.ts';
import { causeOf, meaningOf } from './meaning.ts';
import type { Reasons } from './reasons.ts';
import type { Series } from './series.ts';
import type { Watch } from './watch.ts';

const DAY_MS = 86_400_000;
/** Openings that are remembered; more of them in a day make the level no less strict. */
const MAX_OPENED = 64;
export class AlertBook {
  readonly #watch: Watch;
  readonly #reasons: Reasons;
  readonly #alerts = new Map<string, Alert>();
  #opened: number[];

  constructor(
    watch: Watch,
    reasons: Reasons,
    alerts: readonly Alert[] = [],
    opened: readonly number[] = [],
  ) {
    this.#watch = watch;
    this.#reasons = reasons;
    this.#opened = [...opened];
    for (const alert of alerts) {
      // Of several series of a kind and a key, at most one has an incident that follows from none.
      const of = watch.series.find(
        ({ key, metric, incident }) =>
          key === alert.key && metric.kind === alert.kind && incident?.follows === null,
      );
      if (of !== undefined) this.#alerts.set(of.id, alert);
    }
  }

  /** Alerts that are not resolved, the latest first. */
  get alerts(): readonly Alert[] {
    return [...this.#alerts.values()].reverse();
  }

  /** The same in the order in which they opened, and when alerts of the trailing day did. */
  stored(): { readonly alerts: Alert[]; readonly opened: number[] } {
    return { alerts: [...this.#alerts.values()], opened: [...this.#opened] };
  }

  /** Alerts that opened in the day before. */
  openedBefore(nowMs: number): number {
    while ((this.#opened[0] ?? nowMs) <= nowMs - DAY_MS) this.#opened.shift();
    return this.#opened.length;
  }

  acknowledge(id: string, by: string, atMs: number): Alert | undefined {
    for (const [key, alert] of this.#alerts) {
      if (alert.id !== id) continue;
      if (alert.status === 'acknowledged') return alert;
      const acknowledged = { by, at_ms: atMs };
      const next: Alert = { ...alert, status: 'acknowledged', acknowledged };
      this.#alerts.set(key, next);
      return next;
    }
    return undefined;
  }

  /**
   * Brings alerts in line with incidents (K1); returns those that changed. O(series).
   *
   * @param nowMs event time; of a lag the clock's
   */
  update(nowMs: number): Alert[] {
    const changed: Alert[] = [];
    for (const series of this.#watch.series) {
      const alert = this.#alerts.get(series.id);
      if (series.incident === null && alert === undefined) continue;
      const next = this.#next(series, alert, nowMs);
      if (next === undefined || next === alert) continue;
      if (next.status === 'resolved') this.#alerts.delete(series.id);
      else this.#alerts.set(series.id, next);
      changed.push(next);
    }
    return changed;
  }

  #next(series: Series, alert: Alert | undefined, nowMs: number): Alert | undefined {
    const { incident } = series;
    if (incident === null) return alert && { ...alert, status: 'resolved', changed_ms: nowMs };
    const follows = this.#reasons.of(series, incident, nowMs);
    if (follows !== undefined) {
      series.follow(follows);
      return alert && { ...alert, status: 'resolved', changed_ms: nowMs };
    }
    if (alert === undefined) {
      // What was part of another incident, and is nearly over, is not worth a word of its own.
      if (incident.follows !== null && incident.calm > 0) return undefined;
      series.follow(null);
      this.#opened = [...this.#opened, nowMs].slice(-MAX_OPENED);
      return opened(series, incident, nowMs);
    }
    if (alert.z === incident.z) return alert;
    return { ...alert, ...figuresOf(series, incident), changed_ms: nowMs };
  }
}

function opened(series: Series, incident: StoredIncident, nowMs: number): Alert {
  const { metric, key, level } = series;
  const slash = key.lastIndexOf('/');
  const names = { source: key.slice(0, slash), region: key.slice(slash + 1) };
  const scopes = {
    all: {},
    source: { source: names.source },
    pair: names,
    campaign: { campaign: key },
  };
  return {
    v: 2,
    id: `${metric.kind}.${key}.${nowMs}`,
    kind: metric.kind,
    key,
    scope: scopes[level],
    status: 'open',
    since_ms: nowMs,
    changed_ms: nowMs,
    acknowledged: null,
    direction: incident.direction,
    unit: metric.unit,
    ...figuresOf(series, incident),
  };
}

function figuresOf(
  series: Series,
  incident: StoredIncident,
): Pick<Alert, 'expected' | 'found' | 'z' | 'cause' | 'meaning'> {
  const expected = series.metric.inUnits(incident.before);
  const found = series.metric.windowInUnits(incident.worst);
  return {
    expected,
    found,
    z: incident.z,
    cause: causeOf(series, incident.direction, expected, found),
    meaning: meaningOf(series, incident),
  };
}
