/**
 * Scores users: from features to concepts, and from concepts alone to intents. The auction and the
 * intents never see a raw input (the concept bottleneck).
 *
 * A compiled model keeps its curves in typed arrays: 8 concepts at once per feature. A hot path,
 * so it mutates its own scratch; docs/benchmarks.md has the cost of one user.
 */

import type { Signal } from '../../protocols/campaign.ts';
import type { Curve, Model } from '../../protocols/model.ts';
import {
  CONCEPTS,
  type Concept,
  type FusedState,
  INTENTS,
  type Intent,
  MODALITIES,
} from '../../protocols/user-snapshot.ts';
import { FEATURE_COUNT } from '../user/feature-vector.ts';
import { inputOf, type ModalityBits } from './inputs.ts';
import { NetworkConcepts } from './network-concepts.ts';

export type Concepts = FusedState['concepts'];
export type Intents = FusedState['intents'];

const C = CONCEPTS.length;

/** An intent's curve over one concept. */
interface Term extends Curve {
  readonly concept: Concept;
}

export class Scorer {
  readonly model: Model;
  /** Where the concepts come from, if the model takes them from a network. */
  readonly network: NetworkConcepts | undefined;
  /** Per feature of the model: its place in the vector, its modality's bit, its first knot. */
  readonly #place: Int32Array;
  readonly #bit: Int32Array;
  readonly #first: Int32Array;
  readonly #knots: Float64Array;
  /** 8 values per knot. */
  readonly #values: Float64Array;
  readonly #bias: Float64Array;
  /** 8 values per modality. */
  readonly #absent: Float64Array;
  readonly #intents: Readonly<Record<Intent, { bias: number; terms: readonly Term[] }>>;
  readonly #window: readonly Term[];
  readonly #logits = new Float64Array(C);

  /**
   * @param network stands in for the model's own, where it has one.
   * @throws UnknownFeature if the model reads what this release does not calculate.
   */
  constructor(model: Model, network: NetworkConcepts | undefined = networkOf(model)) {
    this.model = model;
    this.network = network;
    const count = model.features.length;
    this.#place = new Int32Array(count);
    this.#bit = new Int32Array(count);
    this.#first = new Int32Array(count + 1);
    model.features.forEach(({ name, knots }, i) => {
      const { place, bit } = inputOf(name);
      this.#place[i] = place;
      this.#bit[i] = bit;
      this.#first[i + 1] = (this.#first[i] as number) + knots.length;
    });
    this.#knots = Float64Array.from(model.features.flatMap(({ knots }) => knots));
    this.#values = new Float64Array(this.#knots.length * C);
    this.#bias = Float64Array.from(CONCEPTS, (concept) => model.concepts[concept].bias);
    this.#absent = new Float64Array(MODALITIES.length * C);
    CONCEPTS.forEach((concept, c) => {
      const { values, absent } = model.concepts[concept];
      values.flat().forEach((value, knot) => {
        this.#values[knot * C + c] = value;
      });
      absent.forEach((value, m) => {
        this.#absent[m * C + c] = value;
      });
    });
    const { engagement_intent, purchase_intent, churn_risk } = model.intents;
    this.#intents = {
      engagement_intent: compiled(engagement_intent),
      purchase_intent: compiled(purchase_intent),
      churn_risk: compiled(churn_risk),
    };
    this.#window = termsOf(model.window.concepts);
  }

  /**
   * The concepts' logits of one user, by a model without a network.
   *
   * @param features the vector of feature-vector.ts, from `at` on.
   * @param absent modalities that may not be used.
   * @returns 8 logits in the order of CONCEPTS, valid until the next call.
   */
  conceptLogits(features: Float64Array, at: number, absent: ModalityBits): Float64Array {
    const logits = this.#logits;
    logits.set(this.#bias);
    for (let m = 0; m < MODALITIES.length; m++) {
      if ((absent & (1 << m)) === 0) continue;
      for (let c = 0; c < C; c++) logits[c] = entry(logits, c) + entry(this.#absent, m * C + c);
    }
    for (let i = 0; i < this.#place.length; i++) {
      if ((absent & entry(this.#bit, i)) !== 0) continue;
      this.#addCurve(i, entry(features, at + entry(this.#place, i)));
    }
    return logits;
  }

  /** Adds feature i's curves at x to the logits. */
  #addCurve(i: number, x: number): void {
    const logits = this.#logits;
    const values = this.#values;
    const last = entry(this.#first, i + 1) - 1;
    let k = entry(this.#first, i);
    while (k <= last && entry(this.#knots, k) < x) k++;
    if (k > last || k === entry(this.#first, i)) {
      const row = Math.min(k, last) * C;
      for (let c = 0; c < C; c++) logits[c] = entry(logits, c) + entry(values, row + c);
      return;
    }
    const low = entry(this.#knots, k - 1);
    const share = (x - low) / (entry(this.#knots, k) - low);
    const from = (k - 1) * C;
    for (let c = 0; c < C; c++) {
      const below = entry(values, from + c);
      logits[c] = entry(logits, c) + below + share * (entry(values, from + C + c) - below);
    }
  }

  /**
   * The concepts of one user, each 0 to 1; see conceptLogits.
   *
   * @throws ConceptsNotScored if a network has to score the user first.
   */
  concepts(features: Float64Array, at: number, absent: ModalityBits): Concepts {
    if (this.network !== undefined) return this.network.concepts(features, at, absent);
    const logits = this.conceptLogits(features, at, absent);
    return {
      frustration: logistic(entry(logits, 0)),
      stickiness: logistic(entry(logits, 1)),
      drop_off: logistic(entry(logits, 2)),
      hesitation: logistic(entry(logits, 3)),
      urgency: logistic(entry(logits, 4)),
      curiosity: logistic(entry(logits, 5)),
      price_sensitivity: logistic(entry(logits, 6)),
      loyalty: logistic(entry(logits, 7)),
    };
  }

  /** The same; undefined if a network has to score the user first. */
  knownConcepts(features: Float64Array, at: number, absent: ModalityBits): Concepts | undefined {
    return this.network === undefined
      ? this.concepts(features, at, absent)
      : this.network.find(features, at, absent);
  }

  /** The intents, each 0 to 1, from the concepts alone; the window's four parts sum to 1. */
  intents(concepts: Concepts): Intents {
    return {
      engagement_intent: logistic(this.intentLogit('engagement_intent', concepts)),
      purchase_intent: logistic(this.intentLogit('purchase_intent', concepts)),
      churn_risk: logistic(this.intentLogit('churn_risk', concepts)),
      conversion_window: this.#conversionWindow(concepts),
    };
  }

  intentLogit(intent: Intent, concepts: Concepts): number {
    const { bias, terms } = this.#intents[intent];
    return bias + sumOf(terms, concepts);
  }

  #conversionWindow(concepts: Concepts): Intents['conversion_window'] {
    const nearness = sumOf(this.#window, concepts);
    const [now, today, week] = this.model.window.thresholds;
    const a = logistic(now + nearness);
    const b = Math.max(a, logistic(today + nearness));
    const c = Math.max(b, logistic(week + nearness));
    return [a, b - a, c - b, 1 - c];
  }

  /**
   * Scores n users at once.
   *
   * @param features n x FEATURE_COUNT, row-major.
   * @param absent per user, modalities that may not be used.
   * @param out n x 11: the concepts in the order of CONCEPTS, then the intents of INTENTS.
   */
  scoreBatch(features: Float64Array, absent: Uint8Array, n: number, out: Float64Array): void {
    const width = C + INTENTS.length;
    for (let row = 0; row < n; row++) {
      const concepts = this.concepts(features, row * FEATURE_COUNT, entry(absent, row));
      let at = row * width;
      for (const concept of CONCEPTS) out[at++] = concepts[concept];
      for (const intent of INTENTS) out[at++] = logistic(this.intentLogit(intent, concepts));
    }
  }
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

/** From how much above the usual logit a concept is called high or moderate. */
const HIGH = 1.5;
const MODERATE = 0.5;

/**
 * The concept that stands out most from what is usual (the model's bias), the first of equals, with
 * how far: e.g. `high_stickiness`. A rare one at 30 % may stand out more than a common one at 60 %.
 */
export function leadingConcept(concepts: Concepts, { concepts: usual }: Model): string {
  let leader: Concept = CONCEPTS[0];
  let most = Number.NEGATIVE_INFINITY;
  for (const concept of CONCEPTS) {
    const p = concepts[concept];
    const excess = Math.log(p / (1 - p)) - usual[concept].bias;
    if (excess <= most) continue;
    leader = concept;
    most = excess;
  }
  const grade = most >= HIGH ? 'high' : most >= MODERATE ? 'moderate' : 'low';
  return `${grade}_${leader}`;
}

/** A curve's value at x. */
export function curveAt({ knots, values }: Curve, x: number): number {
  let k = 0;
  while (k < knots.length && (knots[k] as number) < x) k++;
  if (k === 0) return values[0] as number;
  if (k === knots.length) return values[k - 1] as number;
  const low = knots[k - 1] as number;
  const below = values[k - 1] as number;
  const share = (x - low) / ((knots[k] as number) - low);
  return below + share * ((values[k] as number) - below);
}

/** The probability that a logit stands for. */
export function logistic(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

function networkOf({ features, network }: Model): NetworkConcepts | undefined {
  return network && new NetworkConcepts(features, network.sha256);
}

function compiled(sum: Model['intents'][Intent]): { bias: number; terms: readonly Term[] } {
  return { bias: sum.bias, terms: termsOf(sum.concepts) };
}

function termsOf(curves: Model['window']['concepts']): readonly Term[] {
  return CONCEPTS.flatMap((concept) => {
    const curve = curves[concept];
    return curve === undefined ? [] : [{ concept, ...curve }];
  });
}

function sumOf(terms: readonly Term[], concepts: Concepts): number {
  let sum = 0;
  for (const term of terms) sum += curveAt(term, concepts[term.concept]);
  return sum;
}

/** An entry that the loops know to be there. */
function entry(array: Float64Array | Int32Array | Uint8Array, i: number): number {
  return array[i] as number;
}
