/**
 * The ledger of conversions: one message each, `ledger.<user>.<order>`, last value. It holds the
 * facts that credit follows from; credits are calculated when somebody asks.
 */
import { z } from 'zod';
import { touchFactSchema } from './user-snapshot.ts';

export const ledgerEntrySchema = z.object({
  v: z.literal(1),
  order: z.string(),
  /** When it converted, by event time. */
  t: z.int(),
  /** What is left of its value after refunds. */
  value_micros: z.int(),
  /** Refunded whole: it counts as if it had never been. */
  taken_back: z.boolean(),
  /** Its path, in order; empty if no touch was inside the lookback window. */
  touches: z.array(touchFactSchema),
});
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>;

/** A task, `erasure.<user>`: what is stored about this user's conversions must go. */
export const erasureSchema = z.object({
  v: z.literal(1),
  /** The event that asked for it: what is stored later stays. */
  sequence: z.int(),
});
export type Erasure = z.infer<typeof erasureSchema>;
