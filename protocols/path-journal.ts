/**
 * What one commit changed about paths: `journal.<p>.<sequence>.<part>`. Path counts are too many to
 * be rewritten as last values with every commit; the channel actors fold this journal, and store
 * what they have folded together with how far they have come, so that nothing counts twice.
 */
import { z } from 'zod';

const count = z.int();
const index = z.int().min(0);

export const pathJournalSchema = z.object({
  v: z.literal(1),
  partition: index,
  /** The commit's position in the log; with the partition it names the commit. */
  sequence: z.int().min(1),
  /** A long journal comes in parts, from 0. */
  part: index,
  parts: z.int().min(1),
  /**
   * Cohorts and channels: what the indices below point to. A cohort is the UTC day `yyyymmdd` of
   * path start, with `@<users per million>` where not everybody is in the sample.
   */
  days: z.array(z.string()),
  channels: z.array(z.string()),
  /** Day, channels in order, and what is added: conversions, nulls, value in micros. */
  paths: z.array(z.tuple([index, z.array(index), count, count, count])),
  /**
   * Day, `channel` or `campaign`, its name, and per rule-based model (RULE_MODELS) what is added:
   * millionths of a conversion, and micros.
   */
  credits: z.array(z.tuple([index, z.enum(['channel', 'campaign']), z.string(), z.array(count)])),
});
export type PathJournalEntry = z.infer<typeof pathJournalSchema>;
export type CreditKind = PathJournalEntry['credits'][number][1];
