/**
 * What one commit changed about paths: `journal.<p>.<sequence>.<part>`. Path counts are too many to
 * be rewritten as last values with every commit; the channel actors fold this journal, and store
 * what they have folded together with how far they have come, so that nothing counts twice.
 */
import { z } from 'zod';

const count = z.int();
const index = z.int().min(0);

export const pathJournalSchema = z.object({
  v: z.literal(2),
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
   * millionths of a conversion, and micros. A `pair` is a channel's touches that name a campaign,
   * named by pairName(), with the two figures of the linear model only.
   */
  credits: z.array(
    z.tuple([index, z.enum(['channel', 'campaign', 'pair']), z.string(), z.array(count)]),
  ),
  /** Whether pairs are among the credits: what version 1 wrote has none, whatever it credited. */
  has_pairs: z.boolean(),
});
export type PathJournalEntry = z.infer<typeof pathJournalSchema>;
export type CreditKind = PathJournalEntry['credits'][number][1];

/** No channel's name holds it; a campaign's may. */
const PAIR_MARK = '>';

/** The name of a channel and a campaign together. */
export function pairName(channel: string, campaign: string): string {
  return `${channel}${PAIR_MARK}${campaign}`;
}

/** What a pair's name is made of; undefined if it is no pair's, but of several lumped together. */
export function pairOf(
  name: string,
): { readonly channel: string; readonly campaign: string } | undefined {
  const at = name.indexOf(PAIR_MARK);
  return at < 0 ? undefined : { channel: name.slice(0, at), campaign: name.slice(at + 1) };
}
