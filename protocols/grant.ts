/**
 * What a campaign actor allows one partition to spend, and when: so that partitions need not ask
 * before they spend, and no cap is ever passed (I5).
 */
import { z } from 'zod';

const ms = z.int();

/** Which bound holds a campaign back where a grant is used up. */
export const grantLimitSchema = z.enum(['total', 'day', 'hour', 'pacing']);
export type GrantLimit = z.infer<typeof grantLimitSchema>;

/** The end of a window that never ends. */
export const FOREVER_MS = Number.MAX_SAFE_INTEGER;

/**
 * An allowance for one window of time, by the log's own clock. A later grant of the same window
 * replaces this one, whether it allows more or less; of another window, what is left is void.
 */
export const grantSchema = z.object({
  /** The window: spending is allowed from from_ms to before until_ms. */
  from_ms: ms,
  until_ms: ms,
  /** When the campaign's day began that the window is part of; 0 without a daily budget. */
  day_from_ms: ms,
  /** The most that this partition may spend in the window; never less than it has spent. */
  allow_micros: z.int().min(0),
  /** What the operator should know when it is used up. */
  limited_by: grantLimitSchema,
});
export type Grant = z.infer<typeof grantSchema>;
