/**
 * Why a user's scores are what they are: exact parts that add up to each logit, for receipts and
 * for operators. A logit L is the probability 1 / (1 + exp(-L)).
 */
import { z } from 'zod';
import { CONCEPTS, INTENTS, MODALITIES } from './user-snapshot.ts';

/** Features listed of a concept in a receipt, by size; the rest is one sum. */
export const MAX_RECEIPT_FEATURES = 3;

export const explanationSchema = z.object({
  /** Modalities that had no part: withheld by the user, or not measured. */
  absent: z.array(z.enum(MODALITIES)),
  /** Per concept: logit = bias + the features' parts + other. The bias is a usual user's. */
  concepts: z.record(
    z.enum(CONCEPTS),
    z.object({
      logit: z.number(),
      bias: z.number(),
      features: z.record(z.string(), z.number()),
      /** The parts of features not listed, and of absent modalities. */
      other: z.number(),
    }),
  ),
  /** Per intent: logit = bias + the concepts' parts. */
  intents: z.record(
    z.enum(INTENTS),
    z.object({
      logit: z.number(),
      bias: z.number(),
      concepts: z.partialRecord(z.enum(CONCEPTS), z.number()),
    }),
  ),
});
export type Explanation = z.infer<typeof explanationSchema>;
