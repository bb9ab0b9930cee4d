/**
 * Questions that operators ask over NATS and what they get back. Every answer is either the
 * figure asked for or a problem that says what was expected.
 */
import { z } from 'zod';
import { campaignSchema, campaignStatusSchema } from './campaign.ts';
import { decisionSchema } from './decision.ts';
import { userSnapshotSchema } from './user-snapshot.ts';

export const MAX_CAMPAIGNS_PER_REQUEST = 256;

export const problemSchema = z.object({ problem: z.string() });
export type Problem = z.infer<typeof problemSchema>;

export const inspectUserRequest = z.object({ user: z.string() });
export const userReportSchema = z.object({
  user_id: z.string(),
  partition: z.int(),
  /** As stored after the last event, but for regions that deadlines have moved since. */
  snapshot: userSnapshotSchema,
  as_of_ms: z.int(),
  last_decision: decisionSchema.nullable(),
});
export type UserReport = z.infer<typeof userReportSchema>;

const day = z.string().regex(/^\d{8}$/, 'must be a UTC day such as 20260131');
export const inspectAttributionRequest = z.object({
  /** Cohorts of path start, inclusive UTC days `yyyymmdd`. */
  from: day.optional(),
  to: day.optional(),
  /** Adds the transition counts. */
  transitions: z.boolean().optional(),
});
export type AttributionRequest = z.infer<typeof inspectAttributionRequest>;

export const attributionReportSchema = z.object({
  v: z.literal(1),
  at_ms: z.int(),
  currency: z.string(),
  model: z.literal('markov'),
  order: z.literal(1),
  paths: z.int(),
  conversions: z.int(),
  value_micros: z.int(),
  p_conversion: z.number(),
  channels: z.array(
    z.object({
      channel: z.string(),
      removal_effect: z.number(),
      value_removal_effect: z.number(),
      conversions: z.number(),
      value_micros: z.number(),
      impressions: z.int(),
      clicks: z.int(),
      cost_micros: z.int(),
      /** Attributed value over cost; null where nothing was spent. */
      roas: z.number().nullable(),
    }),
  ),
  transitions: z.array(z.object({ from: z.string(), to: z.string(), count: z.int() })).optional(),
});
export type AttributionReport = z.infer<typeof attributionReportSchema>;

export const campaignReportSchema = z.object({
  campaign: campaignSchema,
  status: campaignStatusSchema,
  version: z.int(),
  granted_micros: z.int(),
  spent_micros: z.int(),
  wins: z.int(),
  shown: z.int(),
  clicked: z.int(),
  dismissed: z.int(),
});
export type CampaignReport = z.infer<typeof campaignReportSchema>;
export const campaignsReportSchema = z.object({ campaigns: z.array(campaignReportSchema) });
export type CampaignsReport = z.infer<typeof campaignsReportSchema>;

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

export const applyCampaignsRequest = z.object({
  campaigns: z.array(campaignSchema).min(1).max(MAX_CAMPAIGNS_PER_REQUEST),
});
export const setCampaignStatusRequest = z.object({
  campaign: z.string(),
  action: z.enum(['pause', 'resume', 'end']),
});
