/**
 * A partition's position in the log. Its stream sequence is the fence of the next commit (I1).
 */
import { z } from 'zod';

export const checkpointSchema = z.object({
  v: z.literal(1),
  partition: z.int(),
  /** The last message of EVENTS whose effects are stored; 0 before the first. */
  sequence: z.int().min(0),
  /** The worker that wrote it, and how often the partition changed hands. */
  owner: z.string(),
  epoch: z.int().min(0),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;
