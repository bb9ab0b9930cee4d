/**
 * How much traffic each hour of the week brings, as the coordinator has learnt it: what even pacing
 * spreads budgets by.
 */
import { z } from 'zod';

/** Hours of the UTC week, from Monday 00:00. */
export const WEEK_HOURS = 168;

const perHour = z.array(z.number().min(0)).length(WEEK_HOURS);

/** Both figures are decayed from week to week, so that what is long past counts little. */
export const demandSchema = z.object({
  v: z.literal(1),
  /** Accepted events. */
  accepted: perHour,
  /** For how long they were counted, in hours. */
  observed_hours: perHour,
  /** The hour that was counted last, in hours since 1970. */
  last_hour: z.int().min(0),
});
export type Demand = z.infer<typeof demandSchema>;
