/**
 * What the dashboard asks beside the feeds: alerts, one user's past and decisions, dead letters.
 */
import { z } from 'zod';
import { alertSchema } from './alert.ts';
import { deadLetterSchema } from './dead-letter.ts';
import { receiptSchema } from './decision.ts';
import { CONCEPTS, chartSchema, fusedStateSchema } from './user-snapshot.ts';

/** Alerts that are kept; beyond, the oldest resolved ones go. */
export const MAX_ALERTS = 500;
export const alertsReportSchema = z.object({ alerts: z.array(alertSchema).max(MAX_ALERTS) });
export type AlertsReport = z.infer<typeof alertsReportSchema>;
export const acknowledgeAlertRequest = z.object({ id: z.string(), by: z.string().min(1).max(64) });

/** Events of a user that a history replays, and those of which it shows the state. */
export const MAX_REPLAYED_EVENTS = 5_000;
export const MAX_HISTORY_EVENTS = 200;
export const inspectHistoryRequest = z.object({ user: z.string() });
/** A user's latest events, the oldest first, with the state after each, by the model in force. */
export const userHistorySchema = z.object({
  user_id: z.string(),
  model_version: z.int(),
  /** Whether older events were left out, so that the states build on less than all of them. */
  is_partial: z.boolean(),
  points: z
    .array(
      z.object({
        t: z.int(),
        sequence: z.int(),
        type: z.string(),
        /** What happened, e.g. a behaviour's name or a touch's channel. */
        name: z.string(),
        verdict: z.enum(['accepted', 'duplicate', 'rejected']),
        chart: chartSchema,
        ...fusedStateSchema.pick({ fusion: true, concepts: true, intents: true }).shape,
      }),
    )
    .max(MAX_HISTORY_EVENTS),
});
export type UserHistory = z.infer<typeof userHistorySchema>;

export const MAX_SHOWN_RECEIPTS = 20;
export const inspectDecisionsRequest = z.object({ user: z.string() });
/** A user's latest decisions, the latest first. */
export const decisionsReportSchema = z.object({
  receipts: z.array(receiptSchema).max(MAX_SHOWN_RECEIPTS),
});
export type DecisionsReport = z.infer<typeof decisionsReportSchema>;

/**
 * Messages of the log up to a decision that its explanation replays here; beyond them,
 * `microtarget explain` does it.
 */
export const MAX_EXPLAINED_MESSAGES = 200_000;
/** Explanations that wait for the one under way; who comes then is asked to try again. */
export const MAX_WAITING_EXPLANATIONS = 4;
export const inspectExplanationRequest = z.object({ decision: z.string() });
/** A decision made again from the log, and the smallest changes with another winner. */
export const decisionExplanationSchema = z.object({
  decision_id: z.string(),
  receipt: receiptSchema,
  /** Whether the log gives the stored receipt again, to the byte. */
  is_same: z.boolean(),
  flips: z.object({
    /** Of one campaign's bid; null where no bid would change the winner. */
    bid: z
      .object({
        campaign: z.string(),
        from_micros: z.int(),
        to_micros: z.int(),
        /** Null if nobody would win. */
        winner: z.string().nullable(),
      })
      .nullable(),
    /** Of one concept, intents following it; null where no value would change the winner. */
    concept: z
      .object({
        concept: z.enum(CONCEPTS),
        from: z.number(),
        to: z.number(),
        winner: z.string().nullable(),
      })
      .nullable(),
  }),
});
export type DecisionExplanation = z.infer<typeof decisionExplanationSchema>;

export const MAX_SHOWN_LETTERS = 50;
export const deadLettersReportSchema = z.object({
  /** All that are kept. */
  total: z.int(),
  /** The latest first. */
  letters: z.array(deadLetterSchema).max(MAX_SHOWN_LETTERS),
});
export type DeadLettersReport = z.infer<typeof deadLettersReportSchema>;
