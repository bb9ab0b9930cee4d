/**
 * The settings that all partitions share. They travel in each partition's log (ADR 1).
 */
import { z } from 'zod';
import { MAX_BID_MICROS, MAX_HOLDOUT_PPM, slug } from './campaign.ts';
import { channelRulesSchema } from './channel-rules.ts';
import { EVERYBODY_PPM } from './cohort.ts';
import { courtesySchema, quietHoursSchema, timeZone } from './courtesy.ts';
import { MODALITIES } from './user-snapshot.ts';

/** Places that one placement fills with one decision. */
export const MAX_SLOTS = 8;
export const MAX_PLACEMENTS = 64;
const DAY_MS = 86_400_000;
/** No bid reaches a higher one, and a reserve times 10^6 must stay an exact integer. */
const reserve = z.int().min(0).max(MAX_BID_MICROS);

export const settingsSchema = z.strictObject({
  /** The reporting currency; conversions in another one are refused. */
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .default('USD'),
  /** How far back from a path's end its touches may lie. */
  lookback_ms: z
    .int()
    .min(60_000)
    .default(30 * 86_400_000),
  /** How late a touch or conversion may arrive, by event time, and still be put in its place. */
  lateness_ms: z.int().min(0).default(86_400_000),
  /** A session ends this long after its last event. */
  session_idle_ms: z
    .int()
    .min(1_000)
    .default(30 * 60_000),
  /** The rules that derive a touch's channel; those of the release if not given. */
  channel_rules: channelRulesSchema.optional(),
  /** Users per million whose paths are kept; figures built on them are estimates. */
  path_sample_ppm: z.int().min(1).max(EVERYBODY_PPM).default(EVERYBODY_PPM),
  /** The least price of a win; see reserve_kind. */
  reserve_micros: reserve.default(10_000),
  /**
   * `unweighted`: no bid and no price is below the reserve. `weighted`: no score is below the
   * reserve times a quality of 1, so who fits users better may pay less than who does not.
   */
  reserve_kind: z.enum(['unweighted', 'weighted']).default('unweighted'),
  /** Placements that are not like the others: how many places they fill, at what reserve. */
  placements: z
    .record(
      slug,
      z.strictObject({
        slots: z.int().min(1).max(MAX_SLOTS).default(1),
        reserve_micros: reserve.optional(),
      }),
    )
    .refine(
      (placements) => Object.keys(placements).length <= MAX_PLACEMENTS,
      `at most ${MAX_PLACEMENTS} placements`,
    )
    .default({}),
  /** What holds for a user over all campaigns together. */
  courtesy: courtesySchema.default(courtesySchema.parse({})),
  quiet_hours: quietHoursSchema.optional(),
  /** The clock of users whose events name no time zone. */
  time_zone: timeZone.default('UTC'),
  /** Users per million whom all campaigns are withheld from. */
  holdout_ppm: z.int().min(0).max(MAX_HOLDOUT_PPM).default(0),
  /** How long after a win a conversion counts as its outcome. */
  outcome_window_ms: z
    .int()
    .min(60_000)
    .max(90 * DAY_MS)
    .default(7 * DAY_MS),
  /** Modalities that the applications never report: absent in every user, which is not zero. */
  unmeasured: z.array(z.enum(MODALITIES)).max(MODALITIES.length).default([]),
  /** What a user who was never asked has agreed to. */
  consent_default: z.enum(['granted', 'refused']).default('granted'),
});
export type Settings = z.infer<typeof settingsSchema>;

export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});
