/**
 * Live figures as they are published: a small pulse several times a second, and each second a
 * frame with rates, fill, velocity and alerts, once for marketers (small groups put together) and
 * once for operators. Their meaning: docs/semantics.md, Live figures.
 */
import { z } from 'zod';
import { alertSchema } from './alert.ts';
import { PULSE_FIGURES } from './pulse.ts';

/** Sums over all partitions since the engine began, as stored at this moment. */
export const pulseFrameSchema = z.object({
  v: z.literal(1),
  at_ms: z.int(),
  events: z.int(),
  duplicates: z.int(),
  rejected: z.int(),
  conversions: z.int(),
  decisions: z.int(),
  wins: z.int(),
  /** What conversions were worth, less what was refunded. */
  value_micros: z.int(),
  /** What touches cost and what campaigns spent. */
  cost_micros: z.int(),
  spend_micros: z.int(),
  /** value_micros over cost_micros and spend_micros together; null where nothing was spent. */
  roas: z.number().nullable(),
});
export type PulseFrame = z.infer<typeof pulseFrameSchema>;

/** A share with its 95 % interval (Wilson 1927); null where there is nothing to divide by. */
const share = z.object({ estimate: z.number(), low: z.number(), high: z.number() }).nullable();
const figures = z.object(
  Object.fromEntries(PULSE_FIGURES.map((name) => [name, z.int()])) as Record<
    (typeof PULSE_FIGURES)[number],
    z.ZodInt
  >,
);

/** How figures of one group stand: over the last closed minute, and since the beginning. */
const standing = {
  /** Sums over the last 60 closed seconds of event time. */
  minute: figures,
  /** Sums since the engine began. */
  total: figures,
  /** Distinct users on the UTC day of the watermark. */
  visitors_today: z.int(),
  /** Conversions over visits: over the last closed hour, and since the beginning. */
  conversion_rate_hour: share,
  conversion_rate: share,
  /** Received over received and missing, by gaps of session_index: of the hour, and of all time. */
  fill_rate_hour: z.number().nullable(),
  fill_rate: z.number().nullable(),
  /** Events per second that the detector expects now; null while it knows too little. */
  expected_events_per_s: z.number().nullable(),
  /** Events of the minute over those expected, at most 1; null while too little is known. */
  fill_by_arrival: z.number().nullable(),
};

/** Groups named in one frame at most; the others are OTHER_NAME together. */
export const MAX_FRAME_GROUPS = 256;

export const liveFrameSchema = z.object({
  v: z.literal(1),
  at_ms: z.int(),
  currency: z.string(),
  /** All events up to this event time are in, but for those that come late; null before any. */
  watermark_ms: z.int().nullable(),
  /** Partitions whose backlog holds the watermark back. */
  held_back_by: z.array(z.int()),
  /** The share of the last hour's events that came before their second was closed. */
  completeness: z.number().nullable(),
  /** Events in seconds that are not closed yet. */
  open_events: z.int(),
  all: z.object(standing),
  /** By source, over all regions; by source and region. */
  sources: z.array(z.object({ source: z.string(), ...standing })).max(MAX_FRAME_GROUPS),
  groups: z
    .array(z.object({ source: z.string(), region: z.string(), ...standing }))
    .max(MAX_FRAME_GROUPS),
  /** Groups below the least number of users (marketers' frames), put together as `(small)`. */
  small_groups: z.object({ min_users: z.int(), count: z.int() }).nullable(),
  campaigns: z
    .array(
      z.object({
        campaign: z.string(),
        spend_micros_minute: z.int(),
        spend_micros: z.int(),
        wins_minute: z.int(),
      }),
    )
    .max(MAX_FRAME_GROUPS),
  /** Transitions between funnel states; times are of the UTC day of the watermark. */
  velocity: z.array(
    z.object({
      from: z.string(),
      to: z.string(),
      users_minute: z.int(),
      users_today: z.int(),
      /** Of those whose time is known; null without any. */
      p50_ms: z.number().nullable(),
      p90_ms: z.number().nullable(),
      p99_ms: z.number().nullable(),
      /** Quantiles are within this part of an observed value. */
      relative_error: z.number(),
    }),
  ),
  /** Alerts that are not resolved, the latest first. */
  alerts: z.array(alertSchema),
});
export type LiveFrame = z.infer<typeof liveFrameSchema>;
/** What marketers' frames call groups that are put together because they are small. */
export const SMALL_GROUPS = '(small)';

/** How far back the history goes, and the width of its windows. */
export const HISTORY_WINDOW_MS = 5_000;
export const MAX_HISTORY_WINDOWS = 720;

/** The closed windows of the last hour, the oldest first, and what detectors expected of them. */
export const liveHistorySchema = z.object({
  window_ms: z.int(),
  windows: z
    .array(
      z.object({
        from_ms: z.int(),
        events: z.int(),
        expected_events: z.number().nullable(),
        visits: z.int(),
        conversions: z.int(),
        value_micros: z.int(),
        cost_micros: z.int(),
        spend_micros: z.int(),
        decisions: z.int(),
      }),
    )
    .max(MAX_HISTORY_WINDOWS),
});
export type LiveHistory = z.infer<typeof liveHistorySchema>;

export const liveReportSchema = z.object({ frame: liveFrameSchema, history: liveHistorySchema });
export type LiveReport = z.infer<typeof liveReportSchema>;
