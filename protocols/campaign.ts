/**
 * What an operator says about a campaign. Amounts are integer micros of the reporting currency
 * (I4).
 */
import { z } from 'zod';
import { courtesySchema, quietHoursSchema, timeZone } from './courtesy.ts';
import { MAX_AMOUNT_UNITS, MICROS_PER_UNIT } from './money.ts';

/** A bid times a quality in parts per million must stay an exact integer: 10^9 x 10^6 < 2^53. */
export const MAX_BID_MICROS = 1_000_000_000;
export const MAX_CAMPAIGNS = 10_000;

/** Rules are short: they are evaluated for every campaign of every auction. */
export const MAX_RULE_CHARS = 2_000;
export const MAX_MULTIPLIERS = 8;
/** A multiplier may weaken or strengthen a quality this much; all of one campaign's likewise. */
export const MIN_FACTOR = 0.125;
export const MAX_FACTOR = 8;
/** At most half of the users: a control group is for measuring. */
export const MAX_HOLDOUT_PPM = 500_000;
export const MAX_PRIORITY = 9;

/** An amount of money in micros. */
export const amountMicros = z
  .int()
  .min(0)
  .max(MAX_AMOUNT_UNITS * MICROS_PER_UNIT);
/** Ids that are also tokens of subjects. */
export const slug = z
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

export const campaignSchema = z
  .strictObject({
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
    /** What it pays for: winning, or the first time that the application reports this of a win. */
    pay_per: z.enum(['win', 'impression', 'click', 'action']).default('win'),
    /** Fills places that nobody wins, where a decision was asked for; it neither bids nor pays. */
    house: z.boolean().default(false),
    /** Tiers: whoever has the greater priority ranks first, whatever the scores. */
    priority: z.int().min(0).max(MAX_PRIORITY).default(5),
    /** The most it may spend in all. */
    budget_micros: amountMicros,
    /** The most it may spend on a day, and in an hour, of its time zone. */
    daily_micros: amountMicros.optional(),
    hourly_micros: amountMicros.optional(),
    time_zone: timeZone.default('UTC'),
    /** `even` spreads each day (without daily_micros: the schedule) as traffic is expected. */
    pacing: z.enum(['asap', 'even']).default('asap'),
    /** Throttles the campaign, with an alert, when it spends more than this in so long a time. */
    breaker: z
      .strictObject({ spend_micros: amountMicros.min(1), within_s: z.int().min(10).max(86_400) })
      .optional(),
    /** quality = base + sum of weight x signal, held to 0.01 … 1; weights are never negative. */
    quality: z
      .strictObject({
        base: z.number().min(0).max(1),
        weights: z.partialRecord(signal, z.number().min(0).max(1)).default({}),
      })
      .default({ base: 0.5, weights: {} }),
    /** Quality is multiplied by each factor whose rule holds. */
    multipliers: z
      .array(
        z.strictObject({
          when: z.string().min(1).max(MAX_RULE_CHARS),
          factor: z.number().min(MIN_FACTOR).max(MAX_FACTOR),
        }),
      )
      .max(MAX_MULTIPLIERS)
      .default([]),
    /** Whom it is for, in CEL over what protocols/rule-facts.ts names. */
    rule: z.string().min(1).max(MAX_RULE_CHARS).optional(),
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
    frequency: courtesySchema.default({ max_per_day: 3, min_spacing_s: 60 }),
    /** When it is not shown, by the user's own clock. */
    quiet_hours: quietHoursSchema.optional(),
    /** Users per million whom it is withheld from, to measure what it causes. */
    holdout_ppm: z.int().min(0).max(MAX_HOLDOUT_PPM).default(0),
    schedule: z
      .strictObject({ starts_at_ms: z.int().min(0), ends_at_ms: z.int().min(0) })
      .refine((s) => s.starts_at_ms < s.ends_at_ms, 'starts_at_ms must come before ends_at_ms')
      .optional(),
  })
  .refine(
    ({ pacing, daily_micros, schedule }) =>
      pacing === 'asap' || daily_micros !== undefined || schedule !== undefined,
    { path: ['pacing'], message: 'even pacing needs daily_micros or a schedule to spread over' },
  )
  .refine(
    ({ breaker, bid_micros }) => breaker === undefined || breaker.spend_micros >= bid_micros,
    { path: ['breaker', 'spend_micros'], message: 'must pay for a bid, or nothing is ever spent' },
  );
export type Campaign = z.infer<typeof campaignSchema>;

/** Where a campaign stands in its life; only `live` takes part in auctions. */
export const campaignStatusSchema = z.enum([
  ...(['draft', 'live', 'throttled', 'exhausted', 'paused', 'ended'] as const),
]);
export type CampaignStatus = z.infer<typeof campaignStatusSchema>;
