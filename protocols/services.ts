/**
 * Questions that operators ask over NATS and what they get back. Every answer is either the
 * figure asked for or a problem that says what was expected.
 */
import { z } from 'zod';
import { ledgerEntrySchema } from './conversion-ledger.ts';
import { decisionSchema } from './decision.ts';
import { MAX_ID_CHARS } from './event.ts';
import { explanationSchema } from './explanation.ts';
import { MAX_MODEL_BYTES, type Model, modelSchema } from './model.ts';
import { userSnapshotSchema } from './user-snapshot.ts';

/** The highest order of a chain that is calculated live. */
export const MAX_LIVE_ORDER = 4;

export const problemSchema = z.object({ problem: z.string() });
export type Problem = z.infer<typeof problemSchema>;

export const inspectUserRequest = z.object({ user: z.string() });
export const userReportSchema = z.object({
  user_id: z.string(),
  partition: z.int(),
  /** As stored after the last event, but for regions that deadlines have moved since. */
  snapshot: userSnapshotSchema,
  as_of_ms: z.int(),
  /** The model that the scores are by. */
  model_version: z.int(),
  /** Why the model's network could not score the user where this was asked; all scores are 0. */
  unscored: z.string().optional(),
  /** Why the scores are what they are, with every feature; null while nothing may be known. */
  explanation: explanationSchema.nullable(),
  /** Interests as weights, 0 to 1, as of the user's last event. */
  interests: z.record(z.string(), z.number().min(0).max(1)),
  last_decision: decisionSchema.nullable(),
});
export type UserReport = z.infer<typeof userReportSchema>;

const day = z.string().regex(/^\d{8}$/, 'must be a UTC day such as 20260131');
export const inspectAttributionRequest = z.object({
  /** Cohorts of path start, inclusive UTC days `yyyymmdd`. */
  from: day.optional(),
  to: day.optional(),
  /** Of the Markov chain. */
  order: z.int().min(1).max(MAX_LIVE_ORDER).optional(),
  /** Adds the transition counts of order 1. */
  transitions: z.boolean().optional(),
  /** Adds the 95 % interval of each removal effect. */
  intervals: z.boolean().optional(),
  /** Adds how well each order predicts. */
  choose_order: z.boolean().optional(),
});
export type AttributionRequest = z.infer<typeof inspectAttributionRequest>;

const creditSchema = z.object({
  conversions: z.number(),
  value_micros: z.int(),
});
/** By rule-based model: first, last, linear, position, timeDecay, shapley. */
const creditByModelSchema = z.record(z.string(), creditSchema);

export const attributionReportSchema = z.object({
  v: z.literal(1),
  at_ms: z.int(),
  currency: z.string(),
  /** Of the Markov chain, and how many states it has. */
  order: z.int(),
  states: z.int(),
  paths: z.int(),
  conversions: z.int(),
  value_micros: z.int(),
  p_conversion: z.number(),
  /** What no path shows, over all days: the window's bias, and what came too late. */
  outside: z.object({
    lookback_ms: z.int(),
    touches: z.int(),
    conversions: z.int(),
    touches_too_late: z.int(),
    conversions_too_late: z.int(),
    touches_sampled_out: z.int(),
    conversions_sampled_out: z.int(),
  }),
  /** Where only a sample of users is counted: all figures are estimates, these their errors. */
  sampling: z
    .object({
      paths_standard_error: z.number(),
      conversions_standard_error: z.number(),
      value_micros_standard_error: z.number(),
    })
    .optional(),
  channels: z.array(
    z.object({
      channel: z.string(),
      removal_effect: z.number(),
      /** Of the 95 % interval, if asked for. */
      removal_effect_low: z.number().optional(),
      removal_effect_high: z.number().optional(),
      value_removal_effect: z.number(),
      /** By the Markov chain. */
      ...creditSchema.shape,
      models: creditByModelSchema,
      impressions: z.int(),
      clicks: z.int(),
      cost_micros: z.int(),
      /** Markov value over cost; null where nothing was spent. */
      roas: z.number().nullable(),
    }),
  ),
  /** `markov` among the models: the channels' credit, split as the linear model splits its own. */
  campaigns: z.array(z.object({ campaign: z.string(), models: creditByModelSchema })),
  transitions: z.array(z.object({ from: z.string(), to: z.string(), count: z.int() })).optional(),
  order_choice: z
    .object({
      suggested: z.int().nullable(),
      scores: z.array(z.object({ order: z.int(), auc: z.number(), penalized_auc: z.number() })),
    })
    .optional(),
});
export type AttributionReport = z.infer<typeof attributionReportSchema>;

export const inspectConversionRequest = z.object({ order: z.string().min(1).max(MAX_ID_CHARS) });
const namedCredit = z.object({ name: z.string(), ...creditSchema.shape });
export const conversionReportSchema = z.object({
  order: z.string(),
  currency: z.string(),
  /** More than one where users share an order id. */
  conversions: z.array(
    z.object({
      user_id: z.string(),
      ...ledgerEntrySchema.omit({ v: true, order: true }).shape,
      /** Per model, `markov` with the removal effects of this moment: who is credited with what. */
      credits: z.record(
        z.string(),
        z.object({ channels: z.array(namedCredit), campaigns: z.array(namedCredit) }),
      ),
    }),
  ),
});
export type ConversionReport = z.infer<typeof conversionReportSchema>;

export const partitionsReportSchema = z.object({
  partitions: z.array(
    z.object({
      partition: z.int(),
      owner: z.string(),
      epoch: z.int(),
      /** The last event whose effects are stored, and how many of the partition wait behind it. */
      sequence: z.int(),
      lag: z.int(),
    }),
  ),
});
export type PartitionsReport = z.infer<typeof partitionsReportSchema>;

/** The model in force, and how far the partitions have taken it in. */
export const modelReportSchema = z.object({
  version: z.int(),
  name: z.string(),
  /** How many features it reads. */
  features: z.int(),
  /** The digest of the network that it takes its concepts from, if it takes them from one. */
  network: z.string().optional(),
  partitions: z.array(
    z.object({
      partition: z.int(),
      /** Of the model that came through its log; null before the first one. */
      version: z.int().nullable(),
    }),
  ),
});
export type ModelReport = z.infer<typeof modelReportSchema>;

/** A model that fits a message of a partition's log. */
export const applicableModelSchema = modelSchema.superRefine((model, context) => {
  const bytes = modelBytes(model);
  if (bytes <= MAX_MODEL_BYTES) return;
  const message = `expected at most ${MAX_MODEL_BYTES} bytes of JSON, found ${bytes}`;
  context.addIssue({ code: 'custom', message });
});
export const applyModelRequest = z.object({ model: applicableModelSchema });

function modelBytes(model: Model): number {
  return new TextEncoder().encode(JSON.stringify(model)).length;
}
