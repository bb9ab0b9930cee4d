/**
 * What became of one event: the answer that a worker gives a waiting gateway, after the commit.
 */
import { z } from 'zod';
import { decisionSchema } from './decision.ts';

export const verdictSchema = z.discriminatedUnion('verdict', [
  z.object({ verdict: z.literal('accepted'), decision: decisionSchema.optional() }),
  z.object({
    verdict: z.literal('duplicate'),
    /** What was seen before, e.g. `session_index 42 was seen before`. */
    reason: z.string(),
    /** The id that the first event's decision has, if it had one. */
    decision_id: z.string(),
  }),
  z.object({
    verdict: z.literal('rejected'),
    field: z.string(),
    expected: z.string(),
    found: z.string(),
    hint: z.string(),
  }),
]);
export type Verdict = z.infer<typeof verdictSchema>;
