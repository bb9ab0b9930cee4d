/**
 * Reference data travels in each partition's own log, so that what an actor does follows from
 * the log alone (I2; ADR 1). Every message carries a version; an older or equal one is ignored,
 * so publishing again is harmless.
 */
import { z } from 'zod';
import { campaignSchema, campaignStatusSchema, settingsSchema } from './campaign.ts';
import { modelSchema } from './model.ts';

/** Grants in one message; a partition's commit holds all that one message changes. */
export const MAX_GRANTS_PER_MESSAGE = 256;

const version = z.int().min(1);

export const controlSchema = z.discriminatedUnion('type', [
  z.object({ v: z.literal(1), type: z.literal('settings.put'), version, settings: settingsSchema }),
  z
    .object({ v: z.literal(1), type: z.literal('model.put'), version, model: modelSchema })
    .refine((put) => put.version === put.model.version, {
      path: ['version'],
      message: "must be the model's own version",
    }),
  z.object({
    v: z.literal(1),
    type: z.literal('campaign.put'),
    /** Grows with every change of this campaign's definition or status. */
    version,
    campaign: campaignSchema,
    status: campaignStatusSchema,
  }),
  z.object({
    v: z.literal(1),
    type: z.literal('grants.put'),
    version,
    /** Per campaign, all that this partition was ever granted, in micros: it only grows (I5). */
    granted_micros: z
      .record(z.string(), z.int().min(0))
      .refine(
        (grants) => Object.keys(grants).length <= MAX_GRANTS_PER_MESSAGE,
        `at most ${MAX_GRANTS_PER_MESSAGE} grants`,
      ),
  }),
]);
export type Control = z.infer<typeof controlSchema>;
