/**
 * An event that could not be taken. The event itself stays in EVENTS under its sequence; the
 * letter says why it was refused and shows how it began.
 */
import { z } from 'zod';

export const MAX_EXCERPT_BYTES = 1_024;

export const deadLetterSchema = z.object({
  v: z.literal(1),
  /** Absent for a stray event, which is in no partition's log. */
  partition: z.int().optional(),
  sequence: z.int(),
  subject: z.string(),
  field: z.string(),
  expected: z.string(),
  found: z.string(),
  hint: z.string(),
  bytes: z.int(),
  /** The first MAX_EXCERPT_BYTES of the body, base64. */
  excerpt: z.string(),
});
export type DeadLetter = z.infer<typeof deadLetterSchema>;

/** The beginning of a body, as a letter holds it. */
export function excerptOf(body: Uint8Array): string {
  return Buffer.from(body.subarray(0, MAX_EXCERPT_BYTES)).toString('base64');
}
