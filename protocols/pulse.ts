/**
 * What one commit adds to the live figures: `pulse.<p>.<sequence>`. The live actor folds pulses
 * into event-time windows and totals, and stores what it has folded together with how far it has
 * come, so that nothing counts twice (ADR 8). What each figure means: docs/semantics.md, Live
 * figures.
 */
import { z } from 'zod';

const count = z.int();
const index = z.int().min(0);

/** Figures of a second, a source and a region, in the order in which rows hold them. */
export const PULSE_FIGURES = [
  /** Accepted events. */
  'events',
  /** Events that gaps in session_index show to be missing; negative where one came late. */
  'missing',
  /** Visits (sessions) that began. */
  'visits',
  /** Users whose first event of a UTC day this was. */
  'visitors',
  'conversions',
  'value_micros',
  'refunded_micros',
  /** What touches cost the advertiser. */
  'cost_micros',
  'decisions',
  'wins',
] as const;
export type PulseFigure = (typeof PULSE_FIGURES)[number];
export type Figures = Record<PulseFigure, number>;

/** States of the user actor's funnel region between which users are timed. */
export const FUNNEL_STATES = [
  'aware',
  'exploring',
  'considering',
  'buying',
  'customer',
  'lapsed',
] as const;
export type FunnelState = (typeof FUNNEL_STATES)[number];

/** The source or region of events that name none; those that name it so count with them. */
export const NO_NAME = '(none)';
/** Where what bounds lump together is counted. */
export const OTHER_NAME = '(other)';
/** Stands for all sources or all regions in the key of a figure. */
export const ALL_NAMES = '(all)';

export const pulseSchema = z.object({
  v: z.literal(1),
  partition: index,
  /** The commit's position in the log; with the partition it names the commit. */
  sequence: z.int().min(1),
  /** The partition's clock after the commit: the latest time that the log stored a message at. */
  log_ms: count,
  /** Sources, regions and campaigns: what the indices below point to. */
  names: z.array(z.string()),
  /**
   * Unix second, source, region, and PULSE_FIGURES as they are added. The second is that of the
   * event's time, or of the partition's clock where that is earlier.
   */
  rows: z.array(z.tuple([z.int(), index, index]).rest(count)),
  /** Unix second of the partition's clock, campaign, micros spent and wins added. */
  spend: z.array(z.tuple([z.int(), index, count, count])),
  /**
   * Users who moved along the funnel: Unix second as in rows, from and to (indices of
   * FUNNEL_STATES), and how long they were in `from`, in ms; -1 where that is not known.
   */
  moves: z.array(z.tuple([z.int(), index, index, count])),
});
export type Pulse = z.infer<typeof pulseSchema>;
