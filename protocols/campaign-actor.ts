/**
 * The coordinator's durable state: one message per campaign actor, the model in force (as model.ts
 * has it), and the checkpoint that fences them all.
 */
import { z } from 'zod';
import { campaignSchema, campaignStatusSchema, settingsSchema } from './campaign.ts';

export const campaignActorSchema = z.object({
  v: z.literal(1),
  campaign: campaignSchema,
  status: campaignStatusSchema,
  /** Grows with every change that partitions have to know. */
  version: z.int().min(1),
  /** All that was ever granted, by partition; the sum never exceeds the budget (I5). */
  granted_micros: z.record(z.string(), z.int().min(0)),
});
export type CampaignActorState = z.infer<typeof campaignActorSchema>;

export const coordinatorCheckpointSchema = z.object({
  v: z.literal(1),
  owner: z.string(),
  epoch: z.int().min(0),
  settings: settingsSchema,
  settings_version: z.int().min(1),
  /** Grows with every grants message, so that a later one overrides an earlier one. */
  grants_version: z.int().min(0),
});
export type CoordinatorCheckpoint = z.infer<typeof coordinatorCheckpointSchema>;
