/**
 * Exact additive explanations of a user's scores: features -> concept, concepts -> intent. What a
 * network made of the features is one part that is not divided any further.
 *
 * Invariants:
 *   M3 The parts of a logit add up to it within 1e-12.
 */
import type { Explanation } from '../../protocols/explanation.ts';
import { MAX_MODEL_FEATURES, type Model } from '../../protocols/model.ts';
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
  const largest: number[] = [];
  for (let r = 0; r < read.length; r++) {
    const { i, low, high, share } = read[r] as Reading;
    const curve = values[i] as readonly number[];
    const below = curve[low] as number;
    parts[r] = below + share * ((curve[high] as number) - below);
    const out = offer(largest, r, read, listed);
    if (out !== undefined) other += parts[out] as number;
  }
  const shown: Record<string, number> = {};
  let logit = bias + other;
  for (const r of largest) {
    const part = parts[r] as number;
    shown[(read[r] as Reading).name] = part;
    logit += part;
  }
  return { logit, bias, features: shown, other };
}

/** The parts of one concept's logit; scratch, as an object for each would be garbage at once. */
const parts = new Float64Array(MAX_MODEL_FEATURES);

/** Keeps the `most` largest parts' places in order, and gives back the one that has no place. */
function offer(
  largest: number[],
  r: number,
  read: readonly Reading[],
  most: number,
): number | undefined {
  let at = largest.length;
  while (at > 0 && isLarger(r, largest[at - 1] as number, read)) at--;
  if (at === most) return r;
  largest.splice(at, 0, r);
  return largest.length > most ? largest.pop() : undefined;
}

function isLarger(a: number, b: number, read: readonly Reading[]): boolean {
  const more = Math.abs(parts[a] as number) - Math.abs(parts[b] as number);
  return more > 0 || (more === 0 && (read[a] as Reading).name < (read[b] as Reading).name);
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
