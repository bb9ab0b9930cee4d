/**
 * Exact additive explanations of a user's scores: features -> concept, concepts -> intent. What a
 * network made of the features is one part that is not divided any further.
 *
 * Invariants:
 *   M3 The parts of a logit add up to it within 1e-12.
 */
import type { Explanation } from '../../protocols/explanation.ts';
import type { Model } from '../../protocols/model.ts';
import { CONCEPTS, type Concept, type Intent, MODALITIES } from '../../protocols/user-snapshot.ts';
import { inputOf, type ModalityBits } from './inputs.ts';
import { type Concepts, curveAt } from './scorer.ts';

/**
 * Explains one user's scores.
 *
 * @param features the vector of feature-vector.ts.
 * @param concepts what the model made of it.
 * @param listed features listed per concept, the largest first; the others are one sum.
 * Cost: O(features x concepts), some 20 microseconds.
 */
export function explainScores(
  model: Model,
  features: Float64Array,
  absent: ModalityBits,
  concepts: Concepts,
  listed: number,
): Explanation {
  const read = model.network === undefined ? readings(model, features, absent) : [];
  const explained = (concept: Concept): Explanation['concepts'][Concept] =>
    model.network === undefined
      ? explainConcept(model.concepts[concept], read, absent, listed)
      : undivided(model.concepts[concept], concepts[concept]);
  return {
    absent: MODALITIES.filter((_, m) => (absent & (1 << m)) !== 0),
    concepts: {
      frustration: explained('frustration'),
      stickiness: explained('stickiness'),
      drop_off: explained('drop_off'),
      hesitation: explained('hesitation'),
      urgency: explained('urgency'),
      curiosity: explained('curiosity'),
      price_sensitivity: explained('price_sensitivity'),
      loyalty: explained('loyalty'),
    },
    intents: {
      engagement_intent: explainIntent(model, 'engagement_intent', concepts),
      purchase_intent: explainIntent(model, 'purchase_intent', concepts),
      churn_risk: explainIntent(model, 'churn_risk', concepts),
    },
  };
}

/** The logit of a concept at 0 or 1 would be infinite, which JSON cannot hold; e^-40 is as good. */
const MAX_LOGIT = 40;

/** What a network made of the features, as one part. */
function undivided(
  { bias }: Model['concepts'][Concept],
  p: number,
): Explanation['concepts'][Concept] {
  const logit = Math.min(MAX_LOGIT, Math.max(-MAX_LOGIT, Math.log(p / (1 - p))));
  return { logit, bias, features: {}, other: logit - bias };
}

/** Where a present feature's value lies between the knots of its curves. */
interface Reading {
  readonly name: string;
  /** Its place in the model. */
  readonly i: number;
  /** The knots on either side, and how far from the lower one to the upper, 0 to 1. */
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

function readings(model: Model, features: Float64Array, absent: ModalityBits): Reading[] {
  const read: Reading[] = [];
  model.features.forEach(({ name, knots }, i) => {
    const { place, bit } = inputOf(name);
    if ((absent & bit) !== 0) return;
    const x = features[place] as number;
    let high = 0;
    while (high < knots.length && (knots[high] as number) < x) high++;
    const last = knots.length - 1;
    if (high === 0 || high > last) {
      const end = Math.min(high, last);
      read.push({ name, i, low: end, high: end, share: 0 });
      return;
    }
    const below = knots[high - 1] as number;
    const share = (x - below) / ((knots[high] as number) - below);
    read.push({ name, i, low: high - 1, high, share });
  });
  return read;
}

/** What each feature adds to one concept's logit, and which features those are. */
function explainConcept(
  { bias, absent: constants, values }: Model['concepts'][Concept],
  read: readonly Reading[],
  absent: ModalityBits,
  listed: number,
): Explanation['concepts'][Concept] {
  let other = 0;
  constants.forEach((constant, m) => {
    if ((absent & (1 << m)) !== 0) other += constant;
  });
  const largest: Part[] = [];
  for (const { name, i, low, high, share } of read) {
    const curve = values[i] as readonly number[];
    const below = curve[low] as number;
    const part = below + share * ((curve[high] as number) - below);
    const out = offer(largest, { name, part }, listed);
    if (out !== undefined) other += out.part;
  }
  const shown: Record<string, number> = {};
  let logit = bias + other;
  for (const { name, part } of largest) {
    shown[name] = part;
    logit += part;
  }
  return { logit, bias, features: shown, other };
}

interface Part {
  readonly name: string;
  readonly part: number;
}

/** Keeps the `most` largest parts in order, and gives back the one that has no place. */
function offer(largest: Part[], part: Part, most: number): Part | undefined {
  let at = largest.length;
  while (at > 0 && isLarger(part, largest[at - 1] as Part)) at--;
  if (at === most) return part;
  largest.splice(at, 0, part);
  return largest.length > most ? largest.pop() : undefined;
}

function isLarger(a: Part, b: Part): boolean {
  const more = Math.abs(a.part) - Math.abs(b.part);
  return more > 0 || (more === 0 && a.name < b.name);
}

function explainIntent(
  model: Model,
  intent: Intent,
  concepts: Concepts,
): Explanation['intents'][Intent] {
  const { bias, concepts: curves } = model.intents[intent];
  const parts: Explanation['intents'][Intent]['concepts'] = {};
  let logit = bias;
  for (const concept of CONCEPTS) {
    const curve = curves[concept];
    if (curve === undefined) continue;
    const part = curveAt(curve, concepts[concept]);
    parts[concept] = part;
    logit += part;
  }
  return { logit, bias, concepts: parts };
}
