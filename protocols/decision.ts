/**
 * What applications get back, and the receipt that says why.
 */
import { z } from 'zod';
import { SIGNALS } from './campaign.ts';
import { explanationSchema } from './explanation.ts';

/** Scored candidates come first; what is beyond the bound is counted by its reason only. */
export const MAX_RECEIPT_CANDIDATES = 64;

const unit = z.number().min(0).max(1);

export const decisionSchema = z.object({
  v: z.literal(1),
  decision_id: z.string(),
  /** From storing the event to emitting the decision; the one figure that a replay may change. */
  latency_ms: z.number().min(0),
  rtme_state: z.object({
    engagement_intent: unit,
    purchase_intent: unit,
    churn_risk: unit,
    /** The concept that stands out most, with its level, e.g. `high_stickiness`. */
    concept: z.string(),
  }),
  orchestration: z.object({
    /** Null when no campaign qualified; the receipt names each one's reason. */
    winner_campaign: z.string().nullable(),
    trigger_type: z.string().nullable(),
    /** All winners in order, where a placement fills several places and more than one won. */
    slots: z.array(z.object({ campaign: z.string(), trigger_type: z.string() })).optional(),
  }),
  event_id: z.string(),
  receipt_id: z.string(),
});
export type Decision = z.infer<typeof decisionSchema>;

/** Who got one place, and for how much. */
const winSchema = z.object({
  campaign: z.string(),
  price_micros: z.int(),
  /** Who or what set the price: a campaign's id, `reserve`, or `house` for a place nobody won. */
  price_setter: z.string(),
});
export type Win = z.infer<typeof winSchema>;

/** Why a campaign took no part in an auction: the first of these that applies. */
export const exclusionSchema = z.enum([
  'not_live',
  'not_triggered',
  'wrong_placement',
  'not_scheduled',
  'targeting',
  'rule',
  // From here on the campaign would have fitted: it was kept back, and that is counted.
  'quiet_hours',
  'min_spacing',
  'frequency_cap',
  'calendar_cap',
  'overall_spacing',
  'overall_cap',
  'overall_calendar_cap',
  'budget',
  'daily_budget',
  'hourly_budget',
  'pacing',
  'no_grant',
  'below_reserve',
  'holdout',
  'holdout_all',
]);
export type Exclusion = z.infer<typeof exclusionSchema>;

const candidateSchema = z.object({
  campaign: z.string(),
  version: z.int(),
  bid_micros: z.int(),
  /** Quality in parts per million; score = bid_micros x quality_ppm, an exact integer. */
  quality_ppm: z.int(),
  score: z.int(),
  excluded: exclusionSchema.optional(),
  /** Missing for 5, the middle one. */
  priority: z.int().optional(),
  /** What quality is made of: `base` and each signal's part, before it is held to 0.01 … 1. */
  contributions: z.record(z.string(), z.number()).optional(),
  /** What quality was then multiplied by, where rules of multipliers held. */
  factor: z.number().optional(),
});
export type Candidate = z.infer<typeof candidateSchema>;

/** What rules could read beside the signals; "" where it is not known. */
const receiptFactsSchema = z.object({
  event: z.string(),
  placement: z.string(),
  source: z.string(),
  region: z.string(),
  device: z.string(),
  user_mode: z.string(),
  funnel: z.string(),
  risk: z.string(),
  interests: z.record(z.string(), unit),
});

export const receiptSchema = z.object({
  v: z.literal(3),
  /** As applications got it, but for the latency, which a replay cannot give again. */
  decision: decisionSchema.omit({ latency_ms: true }),
  user: z.string(),
  event: z.object({
    event_id: z.string(),
    type: z.string(),
    sequence: z.int(),
    timestamp: z.int(),
    placement: z.string().optional(),
  }),
  versions: z.object({ model: z.int(), settings: z.int() }),
  /** All that the auction read of the user. */
  signals: z.record(z.enum(SIGNALS), unit),
  /** Why these are what they are; older receipts have none. */
  explanation: explanationSchema.optional(),
  /**
   * What else it read: the occasion, the user's statechart, and the interests that rules name;
   * older receipts have none.
   */
  facts: receiptFactsSchema.optional(),
  reserve_micros: z.int(),
  candidates: z.array(candidateSchema).max(MAX_RECEIPT_CANDIDATES),
  /** How many campaigns were excluded, by reason, beyond those listed too. */
  excluded: z.partialRecord(exclusionSchema, z.int()),
  /** The winners, place by place. */
  wins: z.array(winSchema),
  /** Who would have won a place, had the user not been held out from it. */
  held_out: z.array(z.string()).max(MAX_RECEIPT_CANDIDATES),
});
export type Receipt = z.infer<typeof receiptSchema>;
