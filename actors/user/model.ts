/**
 * The scoring model: what each signal counts for. Version 1 is set by hand from the meaning of
 * the signals; its shape (evidence, fused state, concepts, intents) is the product's, its numbers
 * are not claimed to be learnt.
 */
import type { Concept, Modality } from '../../protocols/user-snapshot.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export const MODEL_VERSION = 1;

/** Decay times of the three time scales: this visit, today, this fortnight. */
export const SCALE_MS = [30 * MINUTE_MS, DAY_MS, 14 * DAY_MS] as const;

/** Evidence at which a level reaches 1 - 1/e, per modality and time scale. */
export const SATURATION: Readonly<Record<Modality, readonly [number, number, number]>> = {
  app: [6, 15, 60],
  temporal: [1, 2, 8],
  engagement: [1.5, 4, 20],
  purchase: [0.8, 1.5, 6],
  churn: [0.8, 1.5, 5],
  zero_party: [1, 1, 2],
};

/** How fast the fused state follows what drives it. */
export const FUSION_MS = 2 * MINUTE_MS;
/** How much a modality's trend moves its drive. */
export const TREND_WEIGHT = 0.5;

/** Edges of the fusion graph: how strongly the column's level pulls the row's (row, column). */
export const COUPLING: Readonly<Partial<Record<Modality, Partial<Record<Modality, number>>>>> = {
  engagement: { app: 0.1, churn: -0.15, zero_party: 0.05 },
  purchase: { engagement: 0.1, zero_party: 0.05, churn: -0.05 },
  churn: { engagement: -0.1, temporal: -0.1 },
  temporal: { app: 0.1 },
};

/** Evidence of one named behavior, by what applications commonly call it. */
export const BEHAVIOR_EVIDENCE: Readonly<
  Record<string, Partial<Record<'engagement' | 'purchase' | 'churn', number>>>
> = {
  search: { engagement: 0.2, purchase: 0.1 },
  view_item: { engagement: 0.2, purchase: 0.15 },
  share: { engagement: 0.5 },
  add_to_wishlist: { engagement: 0.2, purchase: 0.4 },
  add_to_cart: { purchase: 0.7 },
  remove_from_cart: { churn: 0.2 },
  begin_checkout: { purchase: 1 },
  add_payment_info: { purchase: 1.2 },
  error: { churn: 0.4 },
  rage_tap: { churn: 0.6 },
  unsubscribe: { churn: 1 },
  cancel: { churn: 1.2 },
  uninstall: { churn: 2 },
};

export interface ConceptWeights {
  readonly bias: number;
  /** Weight of each fused state entry. */
  readonly state: Partial<Record<Modality, number>>;
  /** Weight of each modality's trend. */
  readonly trend: Partial<Record<Modality, number>>;
}

export const CONCEPT_WEIGHTS: Readonly<Record<Concept, ConceptWeights>> = {
  frustration: { bias: -2.5, state: { churn: 6, engagement: -1 }, trend: { churn: 1 } },
  stickiness: {
    bias: -1.5,
    state: { engagement: 4, temporal: 1.5, churn: -2.5 },
    trend: { engagement: 1 },
  },
  drop_off: {
    bias: -2,
    state: { churn: 3, engagement: -1.5, app: -1 },
    trend: { app: -2, engagement: -2 },
  },
  hesitation: { bias: -2.2, state: { purchase: 2, engagement: 1.5 }, trend: { purchase: -2 } },
  urgency: { bias: -2.5, state: { purchase: 4 }, trend: { purchase: 2, app: 0.5 } },
  curiosity: {
    bias: -1.2,
    state: { engagement: 2, app: 1, zero_party: 1, purchase: -1 },
    trend: { engagement: 0.5 },
  },
};

export const INTENT_WEIGHTS: Readonly<
  Record<
    'engagement_intent' | 'purchase_intent' | 'churn_risk',
    { readonly bias: number; readonly concepts: Partial<Record<Concept, number>> }
  >
> = {
  engagement_intent: {
    bias: -1.2,
    concepts: { stickiness: 3.5, curiosity: 1.8, frustration: -1.5, drop_off: -1 },
  },
  purchase_intent: {
    bias: -2.8,
    concepts: { urgency: 4.5, hesitation: 1, stickiness: 0.8, frustration: -0.8 },
  },
  churn_risk: {
    bias: -2.6,
    concepts: { frustration: 3, drop_off: 3.2, stickiness: -1.6 },
  },
};

/** Logits of the conversion window, as bias, weight of purchase intent, weight of urgency. */
export const WINDOW_WEIGHTS = [
  [-1.5, 2, 2],
  [-0.8, 2.2, 0.6],
  [0, 0.8, 0],
  [0.9, -1.5, -0.8],
] as const;
