/**
 * From the fused state to concepts, and from concepts alone to intents: the auction and the
 * intents never see a raw input (the concept bottleneck).
 */
import type { Signal } from '../../protocols/campaign.ts';
import {
  CONCEPTS,
  type Concept,
  type FusedState,
  MODALITIES,
  type Modality,
} from '../../protocols/user-snapshot.ts';
import { type FusionNodes, modalityIndex } from './fusion.ts';
import { CONCEPT_WEIGHTS, INTENT_WEIGHTS, WINDOW_WEIGHTS } from './model.ts';

export type Concepts = FusedState['concepts'];
export type Intents = FusedState['intents'];

type Terms = readonly (readonly [number, number])[];

const terms = (weights: Partial<Record<Modality, number>>): Terms =>
  MODALITIES.flatMap((m) => {
    const weight = weights[m];
    return weight === undefined ? [] : [[modalityIndex(m), weight] as const];
  });

interface ConceptTerms {
  readonly bias: number;
  readonly state: Terms;
  readonly trend: Terms;
}

const CONCEPT_TERMS = Object.fromEntries(
  CONCEPTS.map((concept): [Concept, ConceptTerms] => {
    const { bias, state, trend } = CONCEPT_WEIGHTS[concept];
    return [concept, { bias, state: terms(state), trend: terms(trend) }];
  }),
) as Readonly<Record<Concept, ConceptTerms>>;

/** The concepts, each 0 to 1: logistic in the fused state and the trends. */
export function conceptsOf(state: readonly number[], nodes: FusionNodes): Concepts {
  return {
    frustration: conceptOf('frustration', state, nodes),
    stickiness: conceptOf('stickiness', state, nodes),
    drop_off: conceptOf('drop_off', state, nodes),
    hesitation: conceptOf('hesitation', state, nodes),
    urgency: conceptOf('urgency', state, nodes),
    curiosity: conceptOf('curiosity', state, nodes),
  };
}

/** The intents, each 0 to 1, from the concepts alone; the window's four parts sum to 1. */
export function intentsOf(concepts: Concepts): Intents {
  const purchase = intent('purchase_intent', concepts);
  return {
    engagement_intent: intent('engagement_intent', concepts),
    purchase_intent: purchase,
    churn_risk: intent('churn_risk', concepts),
    conversion_window: conversionWindow(purchase, concepts.urgency),
  };
}

/** All that targeting, quality and receipts may read of a user. */
export function signalsOf(concepts: Concepts, intents: Intents): Record<Signal, number> {
  return {
    engagement_intent: intents.engagement_intent,
    purchase_intent: intents.purchase_intent,
    churn_risk: intents.churn_risk,
    ...concepts,
  };
}

/** The concept that stands out most, with its level, e.g. `high_stickiness`. */
export function leadingConcept(concepts: Concepts): string {
  let leader: Concept = CONCEPTS[0];
  for (const concept of CONCEPTS) {
    if (concepts[concept] > concepts[leader]) leader = concept;
  }
  const value = concepts[leader];
  const grade = value >= 0.66 ? 'high' : value >= 0.33 ? 'moderate' : 'low';
  return `${grade}_${leader}`;
}

function conceptOf(concept: Concept, state: readonly number[], nodes: FusionNodes): number {
  const { bias, state: levels, trend } = CONCEPT_TERMS[concept];
  let logit = bias;
  for (const [i, weight] of levels) logit += weight * (state[i] as number);
  for (const [i, weight] of trend) logit += weight * (nodes.trend[i] as number);
  return logistic(logit);
}

function intent(name: keyof typeof INTENT_WEIGHTS, concepts: Concepts): number {
  const { bias, concepts: weights } = INTENT_WEIGHTS[name];
  let logit = bias;
  for (const concept in weights) {
    logit += (weights[concept as Concept] as number) * concepts[concept as Concept];
  }
  return logistic(logit);
}

function conversionWindow(purchase: number, urgency: number): [number, number, number, number] {
  const weights = WINDOW_WEIGHTS.map(([b, p, u]) => Math.exp(b + p * purchase + u * urgency));
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => w / total) as [number, number, number, number];
}

function logistic(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
