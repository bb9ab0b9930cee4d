/**
 * Live figures as a page shows them, calculated from the log alone: docs/semantics.md, "Live
 * figures".
 */
import { PULSE_FIGURES, type PulseFigure } from '../../protocols/pulse.ts';
import type { LiveTally } from './live-tally.ts';

/** What the log says; sums since its beginning. */
export interface AuditFigures {
  readonly events: number;
  readonly missing: number;
  /** Events over events and missing, at most 1; null without events. */
  readonly fill_rate: number | null;
  readonly visits: number;
  readonly conversions: number;
  /** Conversions over visits; null without visits. */
  readonly conversion_rate: number | null;
  readonly value_micros: number;
  readonly refunded_micros: number;
  /** What touches cost. */
  readonly cost_micros: number;
  /** What campaigns spent. */
  readonly spend_micros: number;
  /** What is left of the value over cost and spend together; null where nothing was spent. */
  readonly roas: number | null;
  /** By UTC day, from and to. */
  readonly velocity: readonly Velocity[];
}

/** Who moved from one state of the funnel to another on a UTC day, and how long they took. */
export interface Velocity {
  readonly day: string;
  readonly from: string;
  readonly to: string;
  readonly users: number;
  /** Nearest-rank quantiles. */
  readonly p50_ms: number;
  readonly p90_ms: number;
  readonly p99_ms: number;
}

/** Figures of what all partitions' logs say. */
export function figuresOf(whole: LiveTally): AuditFigures {
  const sums = sumsOf(whole.groups.values());
  const sum = (name: PulseFigure): number => sums[PULSE_FIGURES.indexOf(name)] ?? 0;
  const [spend_micros = 0] = sumsOf(whole.campaigns.values());
  const [events, missing, visits] = [sum('events'), sum('missing'), sum('visits')];
  const conversions = sum('conversions');
  const [value_micros, refunded_micros] = [sum('value_micros'), sum('refunded_micros')];
  const cost_micros = sum('cost_micros');
  const paidMicros = cost_micros + spend_micros;
  return {
    events,
    missing,
    fill_rate: events === 0 ? null : Math.min(1, events / (events + missing)),
    visits,
    conversions,
    conversion_rate: visits === 0 ? null : conversions / visits,
    value_micros,
    refunded_micros,
    cost_micros,
    spend_micros,
    roas: paidMicros === 0 ? null : (value_micros - refunded_micros) / paidMicros,
    velocity: velocityOf(whole.moves),
  };
}

/** Adds up arrays of figures, place by place. */
export function sumsOf(rows: Iterable<readonly number[]>): number[] {
  const sums: number[] = [];
  for (const row of rows) {
    for (const [i, figure] of row.entries()) sums[i] = (sums[i] ?? 0) + figure;
  }
  return sums;
}

function velocityOf(moves: LiveTally['moves']): Velocity[] {
  return [...moves.keys()].sort().map((name) => {
    const [day, from, to] = JSON.parse(name) as [string, string, string];
    const times = (moves.get(name) ?? []).slice().sort((a, b) => a - b);
    const at = (share: number): number => times[Math.ceil(share * times.length) - 1] ?? 0;
    const quantiles = { p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99) };
    return { day, from, to, users: times.length, ...quantiles };
  });
}
