/**
 * The live actor's durable state: the pulses, folded. All of it is stored in one commit with how
 * far the pulses have been folded, fenced on the head. Parts are written only when they changed.
 */
import { z } from 'zod';
import { alertSchema } from './alert.ts';

const count = z.int();
const index = z.int().min(0);

/** Groups, and campaigns, in a part of `live.groups.<n>`; series in one of `live.series.<n>`. */
export const GROUPS_PER_PART = 8;
export const SERIES_PER_PART = 12;

/** Sums by event time; figures are in the order of PULSE_FIGURES, or of campaigns: spend, wins. */
const sumsSchema = z.object({
  /** Since the engine began, late ones included. */
  total: z.array(count),
  /** By Unix second that is not closed yet: the second, then its figures. */
  open: z.array(z.tuple([z.int()]).rest(count)),
  /** The same of the last 60 closed seconds, but for those without anything. */
  recent: z.array(z.tuple([z.int()]).rest(count)),
  /** Of closed seconds by Unix minute, an hour of them: the minute, then its figures. */
  minutes: z.array(z.tuple([z.int()]).rest(count)),
});
export type StoredSums = z.infer<typeof sumsSchema>;

/** `live.head`: positions, the clock of the windows, and what there is only one of. */
export const liveHeadSchema = z.object({
  v: z.literal(1),
  epoch: index,
  /** By partition, the last commit (its position in the log) whose pulse is folded. */
  positions: z.record(z.string(), z.int()),
  /** Unix second up to which, not including it, seconds are closed; null before the first is. */
  open_second: z.int().nullable(),
  /** Unix second before which windows are not judged, because some of their rows are elsewhere. */
  judged_from: z.int(),
  /** How many parts of `live.groups.<n>` and `live.series.<n>` there are. */
  parts: z.object({ groups: index, series: index }),
  /** UTC days (yyyymmdd) of `live.moves.<day>`, the oldest first. */
  days: z.array(z.string()),
  /** Moves by from * 6 + to, as FUNNEL_STATES counts them. */
  moves: sumsSchema,
  /** Late events by the Unix minute in which they came, the oldest first. */
  late: z.array(z.tuple([z.int(), count])),
  /**
   * Closed windows of the last hour: number of the window since 1970, then events, visits,
   * conversions, value, cost, spend (micros) and decisions; last the events that were expected.
   */
  history: z.array(
    z.tuple([z.int(), count, count, count, count, count, count, count, z.number().nullable()]),
  ),
  /** Alerts that are not resolved. */
  alerts: z.array(alertSchema),
  /**
   * When alerts of the trailing day opened, in ms: what the level of the next test follows from.
   */
  opened: z.array(z.int()),
});
export type LiveHead = z.infer<typeof liveHeadSchema>;

/** `live.groups.<n>`: groups and campaigns n * GROUPS_PER_PART and following, as they came. */
export const liveGroupsSchema = z.object({
  v: z.literal(1),
  groups: z.array(
    z.object({
      source: z.string(),
      region: z.string(),
      ...sumsSchema.shape,
      /** By UTC day since 1970, the latest three: users whose first event of the day it was. */
      visitors: z.array(z.tuple([z.int(), count])),
    }),
  ),
  /** Figures are micros spent and wins. */
  campaigns: z.array(z.object({ campaign: z.string(), ...sumsSchema.shape })),
});
export type LiveGroups = z.infer<typeof liveGroupsSchema>;
export type StoredGroup = LiveGroups['groups'][number];
export type StoredCampaign = LiveGroups['campaigns'][number];

/** What a series went through when it became unusual, until it is usual again. */
const incidentSchema = z.object({
  direction: z.enum(['low', 'high']),
  since_ms: z.int(),
  /** As the detector sees them: what it was before, and what was furthest from that. */
  before: z.number(),
  worst: z.number(),
  z: z.number(),
  /** Points in a row that were as before. */
  calm: index,
  /** Why it has no alert of its own: the series that it follows from; null if it has one. */
  follows: z.string().nullable(),
});
export type StoredIncident = z.infer<typeof incidentSchema>;

/** `live.series.<n>`: series n * SERIES_PER_PART and following, as they came. */
export const liveSeriesSchema = z.object({
  v: z.literal(1),
  series: z.array(
    z.object({
      metric: z.string(),
      /** `source/region`, or a campaign's id. */
      key: z.string(),
      /** As of `actors/detector`, which also says what the fields mean. */
      detector: z.looseObject({ mode: z.literal('robust'), version: z.literal(1) }),
      /** The spacing of seconds with events, of series whose silence is watched. */
      silence: z.looseObject({ latestMs: z.int().nullable() }).nullable(),
      incident: incidentSchema.nullable(),
      /** When the last incident was over, in event time; 0 if there was none. */
      ended_ms: z.int(),
      /** End of the last window that was judged; 0 before the first. */
      judged_ms: z.int(),
    }),
  ),
});
export type LiveSeries = z.infer<typeof liveSeriesSchema>;
export type StoredSeries = LiveSeries['series'][number];

/** A DDSketch (Masson, Rim & Lee 2019) of times in ms, relative accuracy 0.01. */
export const sketchSchema = z.object({
  /** Times of 0 ms. */
  zeros: index,
  /** Bins in rising order, each as the distance from the one before (from 0) and its count. */
  bins: z.array(z.tuple([z.int(), z.int().min(1)])),
});
export type StoredSketch = z.infer<typeof sketchSchema>;

/** `live.moves.<day>`: who moved along the funnel on a UTC day, by `from>to`. */
export const liveMovesSchema = z.object({
  v: z.literal(1),
  moves: z.record(
    z.string(),
    z.object({
      /** All moves, those of unknown time included. */
      count,
      sketch: sketchSchema,
    }),
  ),
});
export type LiveMoves = z.infer<typeof liveMovesSchema>;

/** All of it, as it is read back; parts by number, moves by day. */
export interface LiveSnapshot {
  readonly head: LiveHead;
  readonly groups: readonly LiveGroups[];
  readonly series: readonly LiveSeries[];
  readonly moves: Readonly<Record<string, LiveMoves>>;
}
