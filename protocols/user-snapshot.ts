/**
 * A user actor in full: where its statechart stands and its fused behavioural state, as operators
 * see it; user-record.ts is its stored form.
 * Sizes are bounded, so a snapshot is at most a few kilobytes whatever the user does.
 */
import { z } from 'zod';

export const MODALITIES = [
  'app',
  'temporal',
  'engagement',
  'purchase',
  'churn',
  'zero_party',
] as const;
export type Modality = (typeof MODALITIES)[number];

export const CONCEPTS = [
  'frustration',
  'stickiness',
  'drop_off',
  'hesitation',
  'urgency',
  'curiosity',
  'price_sensitivity',
  'loyalty',
] as const;
export type Concept = (typeof CONCEPTS)[number];

/** What the engine expects of a user, as probabilities. */
export const INTENTS = ['engagement_intent', 'purchase_intent', 'churn_risk'] as const;
export type Intent = (typeof INTENTS)[number];

/** What evidence is summed of: the six modalities, and three counts that models read too. */
export const EVIDENCE_KINDS = [...MODALITIES, 'look', 'step', 'order'] as const;
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];
/** Decay times of the time scales: this moment, this visit, today, this month. */
export const SCALE_MS = [300_000, 3_600_000, 86_400_000, 28 * 86_400_000] as const;
/** The looks at items that are remembered, the latest by event time. */
export const MAX_LOOKS = 12;

const unit = z.number().min(0).max(1);
const ms = z.int();

/** A look at an item. */
export const lookSchema = z.object({
  t: ms,
  /** 32-bit hashes of the item and of its first topic; 0 for none. */
  item: z.int(),
  topic: z.int(),
  /** In micros of the reporting currency; 0 if not stated. */
  micros: z.int(),
});
export type Look = z.infer<typeof lookSchema>;

/** `[first, last]`, both inclusive, of session indices seen. */
const indexRange = z.tuple([z.int(), z.int()]);

export const duplicatesSchema = z.object({
  /** Per series (`session_id`, or "" for the user's own), the exact set of indices seen. */
  series: z.array(z.object({ id: z.string(), lastMs: ms, ranges: z.array(indexRange) })),
  /** The last event ids, as 12 hexadecimal digits each, oldest first. */
  recentIds: z.array(z.string()),
  /** Events of forgotten series up to this time cannot be told from duplicates, so are refused. */
  forgottenThroughMs: ms,
});
export type DuplicateMemory = z.infer<typeof duplicatesSchema>;

/** What applications report of a decision's winner. */
export const OUTCOMES = ['shown', 'clicked', 'dismissed'] as const;

/** A channel touch on a path. */
export const pathTouchSchema = z.object({
  t: ms,
  id: z.string(),
  channel: z.string(),
  campaign: z.string().optional(),
});
/** A conversion on a path; `micros` is what is left of its value after refunds. */
export const pathConversionSchema = z.object({
  t: ms,
  id: z.string(),
  order: z.string(),
  micros: z.int(),
});
export const pathItemSchema = z.union([pathTouchSchema, pathConversionSchema]);
export type PathTouch = z.infer<typeof pathTouchSchema>;
export type PathConversion = z.infer<typeof pathConversionSchema>;
export type PathItem = z.infer<typeof pathItemSchema>;

/** What a touch is to attribution, whoever counts it. */
export const touchFactSchema = pathTouchSchema.omit({ id: true });
export type TouchFact = z.infer<typeof touchFactSchema>;

/** What the ledger keeps of a touch. */
export function touchFact({ t, channel, campaign }: TouchFact): TouchFact {
  return campaign === undefined ? { t, channel } : { t, channel, campaign };
}

/** One path: its touches in order, and the conversion that ended it; without one, null so far. */
export interface Path {
  readonly touches: readonly TouchFact[];
  readonly conversion: { readonly t: number; readonly micros: number } | undefined;
  /** Users per million in the sample that it stands for. */
  readonly samplePpm: number;
}

/** A conversion that has settled with its path, which refunds still reach. */
export const settledOrderSchema = z.object({
  order: z.string(),
  t: ms,
  /** What is left of its value. */
  micros: z.int(),
  touches: z.array(touchFactSchema),
  /** Users per million in the sample that its path was counted in. */
  samplePpm: z.int(),
});
export type SettledOrder = z.infer<typeof settledOrderSchema>;

/** Refunds of an order that has not come yet. */
export const pendingRefundSchema = z.object({
  order: z.string(),
  /** The latest one's event time. */
  t: ms,
  count: z.int(),
  micros: z.int(),
  /** One of them takes back the whole order. */
  isWhole: z.boolean(),
});
export type PendingRefund = z.infer<typeof pendingRefundSchema>;

/** True for a conversion, false for a touch. */
export function isPathConversion(item: PathItem): item is PathConversion {
  return 'order' in item;
}

/** Forecasts of the current session that wait for what comes. */
export const openForecastsSchema = z.object({
  /** The model that made them. */
  model: z.int(),
  /** The user's events of the visit so far that came in time. */
  place: z.int(),
  /** Bin of the probability that the visit goes on, forecast at its last event; -1 for none. */
  engagement: z.int(),
  /** Per bin, forecasts of an order in this visit; empty once one has come. */
  purchase: z.array(z.int()),
  /** Bin of the churn risk when the visit began. */
  churn: z.int(),
});
export type OpenForecasts = z.infer<typeof openForecastsSchema>;

/** Trials that a user can take part in at a time. */
export const MAX_TRIALS = 16;

/** A win that outcomes may follow. */
export const exposureSchema = z.object({
  campaign: z.string(),
  t: ms,
  decision: z.string(),
  /** Outcomes that were reported of it. */
  seen: z.array(z.enum(OUTCOMES)),
  /** The price that an outcome makes due; null if none is. */
  owes: z.object({ on: z.enum(['shown', 'clicked', 'converted']), micros: z.int() }).nullable(),
});
export type Exposure = z.infer<typeof exposureSchema>;

/** A user in a holdout, of one campaign or of all (ALL_CAMPAIGNS). */
export const trialEntrySchema = z.object({
  campaign: z.string(),
  /** Users per million in the control group. */
  ppm: z.int(),
  isControl: z.boolean(),
  /** When the campaign first won, or would have won, an auction on the user. */
  t: ms,
  conversions: z.int(),
  /** What the user bought within the outcome window, in hundredths of a unit. */
  cents: z.int(),
});
export type TrialEntry = z.infer<typeof trialEntrySchema>;

export const fusedStateSchema = z.object({
  events: z.int(),
  firstMs: ms,
  /** The latest event time seen: the user's own clock. */
  nowMs: ms,
  consent: z.object({
    measurement: z.enum(['unasked', 'granted', 'refused']),
    personalization: z.enum(['unasked', 'granted', 'refused']),
    /** Modalities that must not be used. */
    withheld: z.array(z.enum(MODALITIES)),
    atMs: ms,
  }),
  session: z.object({ count: z.int(), startedAtMs: ms, endsAtMs: ms }),
  lapsesAtMs: ms,
  /** When the user entered the funnel state that the chart shows; -1 where that is not known. */
  funnelSinceMs: ms,
  duplicates: duplicatesSchema,
  /** Events that features are made of: those since the user last agreed to it. */
  counted: z.int(),
  /** Whether the latest of them, by time, was of a user who is signed in. */
  signedIn: z.boolean(),
  /** The latest time but one of these events; -1 without one. */
  previousMs: ms,
  /** Evidence per kind and time scale, decayed to nowMs; row-major, 9 x 4. */
  evidence: z.array(z.number()),
  /** The hour of the day as a mean direction over the longest scale: sums of cosine and sine. */
  habit: z.tuple([z.number(), z.number()]),
  /** The latest looks, by time. */
  looks: z.array(lookSchema),
  /** All orders so far; firstMs and lastMs are 0 without any. */
  purchases: z.object({ count: z.int(), firstMs: ms, lastMs: ms, micros: z.int() }),
  /** The fused state vector, one entry per modality, 0 to 1. */
  fusion: z.array(unit),
  concepts: z.record(z.enum(CONCEPTS), unit),
  intents: z.object({
    engagement_intent: unit,
    purchase_intent: unit,
    churn_risk: unit,
    /** P(next conversion now, today, this week, later); sums to 1. */
    conversion_window: z.tuple([unit, unit, unit, unit]),
  }),
  /** Per topic its declared interest, 0 to 1, or its mentions so far, faded to atMs. */
  interests: z.record(
    z.string(),
    z.object({ weight: z.number().min(0), atMs: ms, declared: z.boolean() }),
  ),
  /** The furthest funnel step that the last event showed. */
  step: z.enum(['none', 'exploring', 'considering', 'buying', 'customer']),
  path: z.array(pathItemSchema),
  /** Touches and conversions up to this time have settled: none can be placed among them. */
  pathSettledMs: ms,
  /** The lookback window under which the path is counted; 0 while it is empty. */
  pathLookbackMs: ms,
  /** Users per million in the sample that the path is counted in; 0 while it is empty. */
  pathSamplePpm: z.int(),
  /** Orders that have settled, the latest last. */
  orders: z.array(settledOrderSchema),
  refunds: z.array(pendingRefundSchema),
  /** Null without a visit that forecasts were made in. */
  forecasts: openForecastsSchema.nullable(),
  /** The zone of the user's clock, as the latest event to name one did; null so far. */
  timeZone: z.object({ name: z.string(), atMs: ms }).nullable(),
  /** Recent wins, in the order in which they were decided. */
  exposures: z.array(exposureSchema),
  /** The holdouts that the user takes part in, in the order of enrolment. */
  trials: z.array(trialEntrySchema),
  lastDecision: z.string().nullable(),
});
/** The state as the engine holds it: as operators see it, but for the looks (looks.ts). */
export type FusedState = Omit<z.infer<typeof fusedStateSchema>, 'looks'> & {
  looks: readonly number[];
};

export const chartSchema = z.object({
  consent: z.enum(['unasked', 'granted', 'limited', 'refused']),
  session: z.enum(['idle', 'active']),
  funnel: z.enum(['aware', 'exploring', 'considering', 'buying', 'customer', 'lapsed']),
  risk: z.enum(['steady', 'drifting', 'atRisk', 'churned']),
});
export type Chart = z.infer<typeof chartSchema>;

export const userSnapshotSchema = z.object({
  v: z.literal(1),
  user: z.string(),
  /** Stream sequence of the last event that this snapshot holds. */
  sequence: z.int(),
  chart: chartSchema,
  state: fusedStateSchema,
});
export type UserSnapshot = z.infer<typeof userSnapshotSchema>;
