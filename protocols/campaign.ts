/**
 * What an operator says about a campaign, and the settings that all partitions share. Amounts are
 * integer micros of the reporting currency (I4).
 */
import { z } from 'zod';
import { channelRulesSchema } from './channel-rules.ts';
import { EVERYBODY_PPM } from './cohort.ts';
import { MAX_AMOUNT_UNITS, MICROS_PER_UNIT } from './money.ts';
import { MODALITIES } from './user-snapshot.ts';

/** A bid times a quality in parts per million must stay an exact integer: 10^9 x 10^6 < 2^53. */
export const MAX_BID_MICROS = 1_000_000_000;
export const MAX_CAMPAIGNS = 10_000;

const micros = z
  .int()
  .min(0)
  .max(MAX_AMOUNT_UNITS * MICROS_PER_UNIT);
const slug = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be letters, digits, _ or -');

/** The figures that targeting and quality may read: concepts and intents, never raw inputs. */
export const SIGNALS = [
  'engagement_intent',
  'purchase_intent',
  'churn_risk',
  'frustration',
  'stickiness',
  'drop_off',
  'hesitation',
  'urgency',
  'curiosity',
  'price_sensitivity',
  'loyalty',
] as const;
export type Signal = (typeof SIGNALS)[number];
const signal = z.enum(SIGNALS);

export const campaignSchema = z.strictObject({
  id: slug,
  name: z.string().min(1).max(128),
  /** How the application shows it, e.g. `in_app_modal`. */
  trigger_type: slug,
  /** Which events may start an auction for it; an `opportunity` or `decide: true` always does. */
  triggers: z
    .array(z.enum(['behavior', 'impression', 'click', 'conversion']))
    .default(['behavior']),
  /** The placements it fits; none named means all. */
  placements: z.array(slug).max(64).default([]),
  /** The most it pays for one win. */
  bid_micros: z.int().min(1).max(MAX_BID_MICROS),
  /** The most it may spend in all. */
  budget_micros: micros,
  /** quality = base + sum of weight x signal, held to 0.01 … 1; weights are never negative. */
  quality: z
    .strictObject({
      base: z.number().min(0).max(1),
      weights: z.partialRecord(signal, z.number().min(0).max(1)).default({}),
    })
    .default({ base: 0.5, weights: {} }),
  /** Every named signal must lie inside its bounds. */
  targeting: z
    .partialRecord(
      signal,
      z.strictObject({
        min: z.number().min(0).max(1).default(0),
        max: z.number().min(0).max(1).default(1),
      }),
    )
    .default({}),
  frequency: z
    .strictObject({
      /** The most wins for one user in any 24 hours. */
      max_per_day: z.int().min(1).max(32),
      /** The least time between two wins for one user. */
      min_spacing_s: z
        .int()
        .min(0)
        .max(86_400 * 30),
    })
    .default({ max_per_day: 3, min_spacing_s: 60 }),
  schedule: z
    .strictObject({ starts_at_ms: z.int().min(0), ends_at_ms: z.int().min(0) })
    .refine((s) => s.starts_at_ms < s.ends_at_ms, 'starts_at_ms must come before ends_at_ms')
    .optional(),
});
export type Campaign = z.infer<typeof campaignSchema>;

/** Where a campaign stands in its life; only `live` takes part in auctions. */
export const campaignStatusSchema = z.enum(['draft', 'live', 'exhausted', 'paused', 'ended']);
export type CampaignStatus = z.infer<typeof campaignStatusSchema>;

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
  /** The least price of a win. */
  reserve_micros: micros.default(10_000),
  /** Modalities that the applications never report: absent in every user, which is not zero. */
  unmeasured: z.array(z.enum(MODALITIES)).max(MODALITIES.length).default([]),
  /** What a user who was never asked has agreed to. */
  consent_default: z.enum(['granted', 'refused']).default('granted'),
});
export type Settings = z.infer<typeof settingsSchema>;

export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});
