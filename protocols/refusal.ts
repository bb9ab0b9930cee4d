/**
 * Why a service did not do what it was asked, in words for people and a kind for programs.
 */
import { z } from 'zod';

export const REFUSAL_KINDS = [
  /** The request cannot be understood, or breaks a rule: correct it. */
  'invalid',
  /** There is no such thing. */
  'unknown',
  /** As things stand it cannot be done, or would change nothing. */
  'conflict',
  /** It was based on a revision that is no longer in force: look again. */
  'stale',
  /** It may or may not have been done: look, and try again. */
  'unavailable',
] as const;
export type RefusalKind = (typeof REFUSAL_KINDS)[number];

/** An answer that is a problem; one without a kind is a fault of the engine. */
export const refusalSchema = z.object({
  problem: z.string(),
  kind: z.enum(REFUSAL_KINDS).optional(),
});
export type Refusal = z.infer<typeof refusalSchema>;
