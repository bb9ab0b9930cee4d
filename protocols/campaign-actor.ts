/**
 * The coordinator's durable state: one message per campaign actor, the model in force (as model.ts
 * has it), and the checkpoint that fences them all.
 */
import { z } from 'zod';
import { campaignSchema, campaignStatusSchema } from './campaign.ts';
import { grantSchema } from './grant.ts';
import { settingsSchema } from './settings.ts';

/** What one partition was told last, and what it may still go by until it has taken that in. */
export const toldGrantSchema = z.object({
  /** Of the message; the partition's cell names it once it was taken in. */
  version: z.int().min(1),
  grant: grantSchema,
  /** The grant before it, which counts until the newer one is known to have been taken in. */
  before: grantSchema.nullable(),
});
export type ToldGrant = z.infer<typeof toldGrantSchema>;

export const campaignActorSchema = z.object({
  v: z.literal(2),
  campaign: campaignSchema,
  status: campaignStatusSchema,
  /** Grows with every change that partitions have to know. */
  version: z.int().min(1),
  /** Grows with every change that an operator makes. */
  revision: z.int().min(1),
  /** By partition. */
  grants: z.record(z.string(), toldGrantSchema),
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
