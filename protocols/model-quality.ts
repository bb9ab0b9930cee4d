/**
 * How well a model holds, live: what `inspect.model-quality` answers and `metrics.model` carries.
 */
import { z } from 'zod';
import { INTENTS } from './user-snapshot.ts';

const count = z.int().min(0);
const share = z.number().min(0).max(1);

export const modelQualitySchema = z.object({
  v: z.literal(1),
  version: z.int(),
  name: z.string(),
  intents: z.record(
    z.enum(INTENTS),
    z.object({
      /** Forecasts whose outcome is known; of churn, those of weeks that lie far enough back. */
      forecasts: count,
      mean_forecast: share.nullable(),
      /** How often it came so. */
      rate: z.number().nullable(),
      /** Mean distance of forecast and rate over the bins, by their forecasts. */
      ece: z.number().nullable(),
      bins: z.array(
        z.object({
          forecasts: count,
          mean_forecast: share.nullable(),
          rate: z.number().nullable(),
        }),
      ),
    }),
  ),
  /** Per feature how far its readings are from training: population stability index. */
  features: z.array(z.object({ name: z.string(), readings: count, psi: z.number().nullable() })),
});
export type ModelQuality = z.infer<typeof modelQualitySchema>;
