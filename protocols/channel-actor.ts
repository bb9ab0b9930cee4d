/**
 * The channel actors' durable state: the path journal, folded. All of it is stored in one commit
 * with how far the journal has been folded, fenced on the head.
 */
import { z } from 'zod';

const count = z.int();
const index = z.int().min(0);

/** `channels.head`: positions, and what the other messages' indices point to. */
export const channelsHeadSchema = z.object({
  v: z.literal(1),
  epoch: z.int().min(0),
  /** By partition, the last commit (its position in the log) that is folded. */
  positions: z.record(z.string(), z.int()),
  /** Channels by index. */
  channels: z.array(z.string()),
  /** By UTC day of path start, over how many chunks its paths are spread. */
  days: z.record(z.string(), z.int().min(1)),
});
export type ChannelsHead = z.infer<typeof channelsHeadSchema>;

/** `channels.paths.<day>.<chunk>`: channel indices in order, conversions, nulls, micros. */
export const pathChunkSchema = z.object({
  v: z.literal(1),
  rows: z.array(z.tuple([z.array(index), count, count, count])),
});
export type PathChunk = z.infer<typeof pathChunkSchema>;

/** `channels.credits.<day>`: per rule-based model millionths of a conversion, and micros. */
export const dayCreditsSchema = z.object({
  v: z.literal(2),
  channel: z.record(z.string(), z.array(count)),
  campaign: z.record(z.string(), z.array(count)),
  /**
   * Touches of a channel that name a campaign, by `channel>campaign`, under the linear model; null
   * for ever where an older release, which did not know them, has counted some of the day.
   */
  pair: z.record(z.string(), z.array(count)).nullable(),
});
export type DayCredits = z.infer<typeof dayCreditsSchema>;
