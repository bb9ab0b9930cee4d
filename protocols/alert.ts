/**
 * Something that people should look at: what, where, since when, how far from expected, and what it
 * may mean. Each alert is one message, kept, and published as it changes.
 *
 *   open → acknowledged → resolved     (an alert that nobody looked at resolves all the same)
 */
import { z } from 'zod';

/** What is watched. All but `runaway_spend` (a campaign's breaker) come from detectors. */
export const ALERT_KINDS = [
  'runaway_spend',
  'event_rate',
  'conversions',
  'conversion_rate',
  'revenue',
  'fill_rate',
  'spend_rate',
  'decision_rate',
  'lag',
] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** What it may mean, for programs; `meaning` says it to people. */
export const ALERT_CAUSES = [
  'runaway_spend',
  'source_outage',
  'total_outage',
  'viral_trend',
  'conversion_feed_outage',
  'conversion_surge',
  'missing_partner',
  'lost_events',
  'engine_behind',
  'unusual',
] as const;
export type AlertCause = (typeof ALERT_CAUSES)[number];

export const alertSchema = z.object({
  v: z.literal(2),
  /** Unique: kind, key and the moment it opened. */
  id: z.string(),
  kind: z.enum(ALERT_KINDS),
  /** What it is about: a campaign's id, or `source/region` with ALL_NAMES for all of them. */
  key: z.string(),
  scope: z.object({
    source: z.string().optional(),
    region: z.string().optional(),
    campaign: z.string().optional(),
  }),
  status: z.enum(['open', 'acknowledged', 'resolved']),
  /** Event time at which it opened, and at which it was last heard of. */
  since_ms: z.int(),
  changed_ms: z.int(),
  acknowledged: z.object({ by: z.string(), at_ms: z.int() }).nullable(),
  direction: z.enum(['low', 'high']),
  /** Figures in `unit`, at the moment that was furthest from expected so far. */
  expected: z.number(),
  found: z.number(),
  unit: z.string(),
  /** Of that moment, in the detector's deviations; null where no detector found it. */
  z: z.number().nullable(),
  cause: z.enum(ALERT_CAUSES),
  /** For people: what it may mean and what to do. */
  meaning: z.string(),
});
export type Alert = z.infer<typeof alertSchema>;
