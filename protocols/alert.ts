/**
 * Something that people should look at: what, where, since when, how far from expected, and what it
 * may mean. The latest state of each alert is kept, and published as it changes.
 */
import { z } from 'zod';

export const alertSchema = z.object({
  v: z.literal(1),
  /** Unique: kind, key and the moment it opened. */
  id: z.string(),
  kind: z.enum(['runaway_spend']),
  /** What it is about: a campaign's id. */
  key: z.string(),
  status: z.enum(['open', 'acknowledged', 'resolved']),
  since_ms: z.int(),
  changed_ms: z.int(),
  /** Figures in `unit`. */
  expected: z.number(),
  found: z.number(),
  unit: z.string(),
  /** For people: what it may mean and what to do. */
  meaning: z.string(),
});
export type Alert = z.infer<typeof alertSchema>;
