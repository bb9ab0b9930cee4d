/**
 * A partition's aggregates. Each cell is cumulative and stored as its subject's last value, so
 * the global figure is a sum over partitions and nothing is ever added twice (I3).
 */
import { z } from 'zod';
import { campaignSchema, campaignStatusSchema } from './campaign.ts';
import { exclusionSchema } from './decision.ts';
import { grantSchema } from './grant.ts';
import { modelSchema } from './model.ts';
import { settingsSchema } from './settings.ts';
import { INTENTS } from './user-snapshot.ts';

const count = z.int();
const micros = z.int();
const v = z.literal(2);

/** Channels of a day in one cell; the touches of others count as OTHER_CHANNEL's. */
export const MAX_DAY_CHANNELS = 1_000;
/** Where what bounds lump together is counted; no event may name it. */
export const OTHER_CHANNEL = '(other)';

/** Touches and what they cost on one UTC day of event time: name `channels.<yyyymmdd>`. */
export const channelsCellSchema = z.object({
  v,
  channels: z.record(
    z.string(),
    z.object({ impressions: count, clicks: count, cost_micros: micros }),
  ),
});
export type ChannelsCell = z.infer<typeof channelsCellSchema>;

/** What passed through the partition: name `traffic`. */
export const trafficCellSchema = z.object({
  v,
  /** The partition's clock: the latest time that the log stored a message at. */
  log_ms: count,
  accepted: count,
  duplicates: count,
  rejected: count,
  touches: count,
  /** Touches and conversions that came after their place in the path was settled. */
  touches_too_late: count,
  conversions_too_late: count,
  /** Touches dropped from a path because the lookback window had passed them. */
  touches_outside_window: count,
  /** Touches and conversions of users whose paths are not in the sample. */
  touches_sampled_out: count,
  conversions_sampled_out: count,
  conversions: count,
  /** Conversions with no touch inside the lookback window. */
  conversions_without_path: count,
  value_micros: micros,
  refunded_micros: micros,
  refunds_unmatched: count,
  decisions: count,
  wins: count,
});
export type TrafficCell = z.infer<typeof trafficCellSchema>;

/** One campaign as this partition knows it: name `campaign.<id>`. */
export const campaignCellSchema = z.object({
  v,
  version: count,
  status: campaignStatusSchema,
  campaign: campaignSchema,
});
export type CampaignCell = z.infer<typeof campaignCellSchema>;

/** One campaign's delivery in this partition: name `delivery.<id>`. */
export const deliveryCellSchema = z.object({
  v,
  /** The newest grant that came through the log; none before the first one. */
  grant: grantSchema.nullable(),
  /** Version of the message that brought it. */
  grant_version: count,
  /** Spent under grants of this one's window, and on its day; both are part of spent_micros. */
  window_micros: micros,
  day_micros: micros,
  spent_micros: micros,
  /** Prices that became due when no grant was left to pay them: given away. */
  unbilled_micros: micros,
  wins: count,
  shown: count,
  clicked: count,
  dismissed: count,
  /** Conversions within the outcome window of a win, each counted for the last win before it. */
  converted: count,
  value_micros: micros,
});
export type DeliveryCell = z.infer<typeof deliveryCellSchema>;

/** How often campaigns that would have fitted were kept back, by reason: name `suppressed`. */
export const suppressedCellSchema = z.object({
  v,
  /** The first MAX_SUPPRESSED_CAMPAIGNS to be kept back; the others count as OTHER_CAMPAIGNS. */
  campaigns: z.record(z.string(), z.partialRecord(exclusionSchema, count)),
});
export type SuppressedCell = z.infer<typeof suppressedCellSchema>;
/** Campaigns counted by name in a partition's `suppressed`, which is written with every commit. */
export const MAX_SUPPRESSED_CAMPAIGNS = 128;
export const OTHER_CAMPAIGNS = '(other)';

const armSchema = z.object({
  users: count,
  /** Users with a conversion within the outcome window. */
  converted: count,
  /** What they bought in it, and the sum of the squares of each user's, in hundredths of a unit. */
  revenue_cents: count,
  revenue_cents_squared: count,
});
/**
 * A holdout's users by arm: name `trial.<campaign>.<ppm>`, with ALL_CAMPAIGNS for the holdout from
 * all campaigns. Another share of users held out is another trial.
 */
export const trialCellSchema = z.object({ v, treated: armSchema, control: armSchema });
export type TrialCell = z.infer<typeof trialCellSchema>;
/** What stands for a campaign in the trial of all campaigns: no campaign's id has brackets. */
export const ALL_CAMPAIGNS = '(all)';

/** Settings and the versions of what has come through the log: name `reference`. */
export const referenceCellSchema = z.object({
  v,
  settings: settingsSchema,
  settings_version: count,
  grants_version: count,
});
export type ReferenceCell = z.infer<typeof referenceCellSchema>;

/** The newest model that came through the log: name `model`; none before the first one came. */
export const modelCellSchema = z.object({ v, version: count, model: modelSchema });
export type ModelCell = z.infer<typeof modelCellSchema>;

/** Bounds between the bins of a probability: 10 bins, finer where most users are. */
export const PROBABILITY_EDGES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9] as const;
const perProbability = z.array(count).length(PROBABILITY_EDGES.length + 1);

/**
 * What a model forecast in visits that began in a UTC week, by bins of probability, and what came
 * of it: name `calibration.<version>.<Monday>`. By week, because users who return settle forecasts
 * of long ago, and every week that a commit touches is a message of it.
 */
export const calibrationCellSchema = z.object({
  v,
  intents: z.record(
    z.enum(INTENTS),
    z.object({
      forecasts: perProbability,
      /** The probabilities forecast, summed, in parts per million. */
      forecast_ppm: perProbability,
      /** The visit went on, an order came in it, the user came back within CHURN_MS. */
      settled: perProbability,
    }),
  ),
});
export type CalibrationCell = z.infer<typeof calibrationCellSchema>;

/**
 * How the features that a model reads were spread, where present, over the bins of the model's
 * reference, at the same forecasts: name `drift.<version>.<Monday>`.
 */
export const driftCellSchema = z.object({ v, features: z.array(z.array(count)) });
export type DriftCell = z.infer<typeof driftCellSchema>;

/** Every cell by the first word of its name. */
export interface CellByKind {
  readonly channels: ChannelsCell;
  readonly traffic: TrafficCell;
  readonly campaign: CampaignCell;
  readonly delivery: DeliveryCell;
  readonly suppressed: SuppressedCell;
  readonly trial: TrialCell;
  readonly reference: ReferenceCell;
  readonly model: ModelCell;
  readonly calibration: CalibrationCell;
  readonly drift: DriftCell;
}
export type CellKind = keyof CellByKind;
export type Cell = CellByKind[CellKind];

/** The Monday of a time's UTC week, as `yyyymmdd`. */
export function utcWeek(ms: number): string {
  const daysSinceMonday = (new Date(ms).getUTCDay() + 6) % 7;
  return utcDay(ms - daysSinceMonday * 86_400_000);
}

/** The UTC day of a time, as `yyyymmdd`. */
export function utcDay(ms: number): string {
  const date = new Date(ms);
  const day = date.getUTCFullYear() * 10_000 + (date.getUTCMonth() + 1) * 100 + date.getUTCDate();
  return String(day).padStart(8, '0');
}
