/**
 * Reference data travels in each partition's own log, so that what an actor does follows from
 * the log alone (I2; ADR 1). Every message carries a version; an older or equal one is ignored,
 * so publishing again is harmless.
 */
import { z } from 'zod';
import { campaignSchema, campaignStatusSchema } from './campaign.ts';
import { grantSchema } from './grant.ts';
import { modelSchema } from './model.ts';
import { settingsSchema } from './settings.ts';

/** Grants in one message; a partition's commit holds all that one message changes. */
export const MAX_GRANTS_PER_MESSAGE = 256;

const version = z.int().min(1);

export const controlSchema = z.discriminatedUnion('type', [
  z.object({ v: z.literal(2), type: z.literal('settings.put'), version, settings: settingsSchema }),
  z
    .object({ v: z.literal(2), type: z.literal('model.put'), version, model: modelSchema })
    .refine((put) => put.version === put.model.version, {
      path: ['version'],
      message: "must be the model's own version",
    }),
  z.object({
    v: z.literal(2),
    type: z.literal('campaign.put'),
    /** Grows with every change of this campaign's definition or status. */
    version,
    campaign: campaignSchema,
    status: campaignStatusSchema,
  }),
  z.object({
    v: z.literal(2),
    type: z.literal('grants.put'),
    version,
    /** Per campaign, what this partition may spend from now on (I5). */
    grants: z
      .record(z.string(), grantSchema)
      .refine(
        (grants) => Object.keys(grants).length <= MAX_GRANTS_PER_MESSAGE,
        `at most ${MAX_GRANTS_PER_MESSAGE} grants`,
      ),
  }),
]);
export type Control = z.infer<typeof controlSchema>;
