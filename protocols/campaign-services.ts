/**
 * What operators ask of campaigns and what they get back: definitions, budgets, delivery, what a
 * campaign causes, and who changed what. Also the feed of all campaigns, each second.
 */
import { z } from 'zod';
import { amountMicros, campaignSchema, campaignStatusSchema, MAX_CAMPAIGNS } from './campaign.ts';
import { exclusionSchema } from './decision.ts';
import { grantSchema } from './grant.ts';

export const MAX_CAMPAIGNS_PER_REQUEST = 256;
/** Changes of a campaign that a detailed report shows, the latest first; all of them are kept. */
export const MAX_SHOWN_CHANGES = 20;
const MAX_NAME_CHARS = 64;

/** Who asks: shown in the trail as given, so that people can find each other. */
const by = z.string().min(1).max(MAX_NAME_CHARS);
/** The revision that a change is based on: another one in force refuses it. */
const revision = z.int().min(1);

export const applyCampaignsRequest = z.object({
  campaigns: z.array(campaignSchema).min(1).max(MAX_CAMPAIGNS_PER_REQUEST),
  /** By campaign; one that is not named is changed whatever its revision. */
  revisions: z.record(z.string(), revision).default({}),
  by,
});
export const setCampaignStatusRequest = z.object({
  campaign: z.string(),
  action: z.enum(['pause', 'resume', 'end']),
  revision: revision.optional(),
  by,
});
/** New budgets; what is not named stays, null takes a cap away. */
export const setCampaignBudgetRequest = z.object({
  campaign: z.string(),
  budget_micros: amountMicros.optional(),
  daily_micros: amountMicros.nullable().optional(),
  hourly_micros: amountMicros.nullable().optional(),
  revision: revision.optional(),
  by,
});
export const inspectCampaignRequest = z.object({ campaign: z.string() });

/** A change that an operator, or the engine itself, made to a campaign. Stored for good. */
export const campaignChangeSchema = z.object({
  v: z.literal(1),
  campaign: z.string(),
  revision,
  at_ms: z.int(),
  by,
  action: z.enum(['create', 'change', 'pause', 'resume', 'end', 'budget', 'throttle']),
  /** The fields that differ, by path such as `quality.base`; null where there was nothing. */
  changed: z.array(z.object({ field: z.string(), from: z.unknown(), to: z.unknown() })),
});
export type CampaignChange = z.infer<typeof campaignChangeSchema>;

/** A figure with its 95 % interval, which holds at whatever moment one looks. */
const measured = z.object({ estimate: z.number(), low: z.number(), high: z.number() });
const armReport = z.object({
  users: z.int(),
  converted: z.int(),
  conversion_rate: z.number().nullable(),
  revenue_micros: z.int(),
});
/** What showing a campaign causes, by its holdout; null where there is too little to say. */
export const liftReportSchema = z.object({
  control_ppm: z.int(),
  treated: armReport,
  control: armReport,
  /** Treated minus control. */
  conversion_rate: measured.nullable(),
  revenue_micros_per_user: measured.nullable(),
  /**
   * Conversions of the treated over those of the control group, minus 1; no estimate and no upper
   * bound while no control user has converted.
   */
  relative: z.object({
    estimate: z.number().nullable(),
    low: z.number(),
    high: z.number().nullable(),
  }),
  /** False if the arms' sizes do not fit control_ppm: then nothing here holds. */
  is_split_as_planned: z.boolean(),
  /** Whether no effect on conversions can be excluded. */
  is_proven: z.boolean(),
});
export type LiftReport = z.infer<typeof liftReportSchema>;

export const campaignReportSchema = z.object({
  campaign: campaignSchema,
  status: campaignStatusSchema,
  version: z.int(),
  revision: z.int(),
  /** All that was spent and all that partitions may spend without asking. */
  granted_micros: z.int(),
  spent_micros: z.int(),
  /** Spent on the campaign's day and in its hour so far; null without such a budget. */
  spent_today_micros: z.int().nullable(),
  spent_this_hour_micros: z.int().nullable(),
  unbilled_micros: z.int(),
  wins: z.int(),
  shown: z.int(),
  clicked: z.int(),
  dismissed: z.int(),
  converted: z.int(),
  /** What its conversions were worth, each counted for the last win before it. */
  value_micros: z.int(),
  /** value_micros over spent_micros; null where nothing was spent. */
  roas: z.number().nullable(),
  /** How often it would have fitted and was kept back, by reason. */
  suppressed: z.partialRecord(exclusionSchema, z.int()),
  /** Null without a holdout. */
  lift: liftReportSchema.nullable(),
});
export type CampaignReport = z.infer<typeof campaignReportSchema>;

export const campaignsReportSchema = z.object({
  campaigns: z.array(campaignReportSchema).max(MAX_CAMPAIGNS),
  /** Of the holdout from all campaigns; null without one. */
  lift: liftReportSchema.nullable(),
});
export type CampaignsReport = z.infer<typeof campaignsReportSchema>;

/** One campaign in full: with its partitions, its credit by model, and its latest changes. */
export const campaignDetailSchema = z.object({
  ...campaignReportSchema.shape,
  partitions: z.array(
    z.object({ partition: z.int(), grant: grantSchema.nullable(), spent_micros: z.int() }),
  ),
  /** By attribution model, of the touches that name the campaign: association, not cause. */
  /** `markov` first, then the rule-based models. */
  credit: z.record(z.string(), z.object({ conversions: z.number(), value_micros: z.int() })),
  changes: z.array(campaignChangeSchema).max(MAX_SHOWN_CHANGES),
});
export type CampaignDetail = z.infer<typeof campaignDetailSchema>;
