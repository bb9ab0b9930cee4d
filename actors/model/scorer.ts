/**
 * Scores users: from features to concepts, and from concepts alone to intents. The auction and the
 * intents never see a raw input (the concept bottleneck).
 *
 * A compiled model keeps its curves in typed arrays: 8 concepts at once per feature. A hot path,
 * so it mutates its own scratch; `npm run bench -- --only scoring` has the cost of one user.
 */

import type { Signal } from '../../protocols/campaign.ts';
import type { Model } from '../../protocols/model.ts';
import {
  CONCEPTS,
  type Concept,
  type FusedState,
  type Intent,
  MODALITIES,
} from '../../protocols/user-snapshot.ts';
import { FEATURE_COUNT } from '../user/feature-vector.ts';
import { inputOf, type ModalityBits, type ModelInput } from './inputs.ts';
import { NetworkConcepts } from './network-concepts.ts';

export type Concepts = FusedState['concepts'];
export type Intents = FusedState['intents'];

const C = CONCEPTS.length;

/** A curve over the concept at place `c` of CONCEPTS. */
interface Term {
  readonly c: number;
  readonly knots: Float64Array;
  readonly values: Float64Array;
}

/** A constant and curves over concepts. */
interface Sum {
  readonly bias: number;
  readonly terms: readonly Term[];
}

export class Scorer {
  readonly model: Model;
  /** Where the model's features are found, in its order. */
  readonly inputs: readonly ModelInput[];
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
  readonly #intents: Readonly<Record<Intent, Sum>>;
  readonly #window: Sum;
  readonly #logits = new Float64Array(C);
  /** The concepts of the user who is scored. */
  readonly #chances = new Float64Array(C);

  /**
   * @param network stands in for the model's own, where it has one.
   * @throws UnknownFeature if the model reads what this release does not calculate.
   */
  constructor(model: Model, network: NetworkConcepts | undefined = networkOf(model)) {
    this.model = model;
    this.network = network;
    this.inputs = model.features.map(({ name }) => inputOf(name));
    const count = model.features.length;
    this.#place = new Int32Array(count);
    this.#bit = new Int32Array(count);
    this.#first = new Int32Array(count + 1);
    model.features.forEach(({ knots }, i) => {
      const { place, bit } = this.inputs[i] as ModelInput;
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
    this.#window = compiled({ bias: 0, concepts: model.window.concepts });
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
    this.#addCurves(features, at, absent, logits);
    return logits;
  }

  /**
   * Adds all features' curves to the logits. Eight sums in variables instead of an array take half
   * the time: this is most of what scoring costs.
   */
  #addCurves(x: Float64Array, at: number, absent: number, logits: Float64Array): void {
    const places = this.#place;
    const bits = this.#bit;
    const firsts = this.#first;
    const knots = this.#knots;
    const v = this.#values;
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    let e = 0;
    let f = 0;
    let g = 0;
    let h = 0;
    for (let i = 0; i < places.length; i++) {
      if ((absent & bits[i]!) !== 0) continue;
      const value = x[at + places[i]!]!;
      const first = firsts[i]!;
      const last = firsts[i + 1]! - 1;
      let k = first;
      while (k <= last && knots[k]! < value) k++;
      // Outside its knots a curve is that of its end.
      const isInside = k > first && k <= last;
      const high = Math.min(k, last);
      const low = isInside ? k - 1 : high;
      const share = isInside ? (value - knots[low]!) / (knots[high]! - knots[low]!) : 0;
      const p = low * C;
      const q = high * C;
      a += v[p]! + share * (v[q]! - v[p]!);
      b += v[p + 1]! + share * (v[q + 1]! - v[p + 1]!);
      c += v[p + 2]! + share * (v[q + 2]! - v[p + 2]!);
      d += v[p + 3]! + share * (v[q + 3]! - v[p + 3]!);
      e += v[p + 4]! + share * (v[q + 4]! - v[p + 4]!);
      f += v[p + 5]! + share * (v[q + 5]! - v[p + 5]!);
      g += v[p + 6]! + share * (v[q + 6]! - v[p + 6]!);
      h += v[p + 7]! + share * (v[q + 7]! - v[p + 7]!);
    }
    logits[0] = logits[0]! + a;
    logits[1] = logits[1]! + b;
    logits[2] = logits[2]! + c;
    logits[3] = logits[3]! + d;
    logits[4] = logits[4]! + e;
    logits[5] = logits[5]! + f;
    logits[6] = logits[6]! + g;
    logits[7] = logits[7]! + h;
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
    this.#load(concepts);
    const { engagement_intent, purchase_intent, churn_risk } = this.#intents;
    return {
      engagement_intent: logistic(this.#sum(engagement_intent)),
      purchase_intent: logistic(this.#sum(purchase_intent)),
      churn_risk: logistic(this.#sum(churn_risk)),
      conversion_window: this.#conversionWindow(),
    };
  }

  /** The logit of one intent. */
  intentLogit(intent: Intent, concepts: Concepts): number {
    this.#load(concepts);
    return this.#sum(this.#intents[intent]);
  }

  /** Puts concepts where the sums read them: by place, as names are slow to look up. */
  #load(concepts: Concepts): void {
    const chances = this.#chances;
    chances[0] = concepts.frustration;
    chances[1] = concepts.stickiness;
    chances[2] = concepts.drop_off;
    chances[3] = concepts.hesitation;
    chances[4] = concepts.urgency;
    chances[5] = concepts.curiosity;
    chances[6] = concepts.price_sensitivity;
    chances[7] = concepts.loyalty;
  }

  #sum({ bias, terms }: Sum): number {
    let sum = bias;
    for (let i = 0; i < terms.length; i++) {
      const term = terms[i] as Term;
      sum += curveAt(term, entry(this.#chances, term.c));
    }
    return sum;
  }

  #conversionWindow(): Intents['conversion_window'] {
    const nearness = this.#sum(this.#window);
    const [now, today, week] = this.model.window.thresholds;
    const a = logistic(now + nearness);
    const b = Math.max(a, logistic(today + nearness));
    const c = Math.max(b, logistic(week + nearness));
    return [a, b - a, c - b, 1 - c];
  }

  /**
   * Scores n users at once, by a model without a network.
   *
   * @param features n x FEATURE_COUNT, row-major.
   * @param absent per user, modalities that may not be used.
   * @param out n x 11: the concepts in the order of CONCEPTS, then the intents of INTENTS.
   */
  scoreBatch(features: Float64Array, absent: Uint8Array, n: number, out: Float64Array): void {
    const { engagement_intent, purchase_intent, churn_risk } = this.#intents;
    const chances = this.#chances;
    let to = 0;
    for (let row = 0; row < n; row++) {
      const logits = this.conceptLogits(features, row * FEATURE_COUNT, entry(absent, row));
      for (let c = 0; c < C; c++) {
        const chance = logistic(entry(logits, c));
        chances[c] = chance;
        out[to++] = chance;
      }
      out[to++] = logistic(this.#sum(engagement_intent));
      out[to++] = logistic(this.#sum(purchase_intent));
      out[to++] = logistic(this.#sum(churn_risk));
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

/** A curve as stored, or compiled. */
interface AnyCurve {
  readonly knots: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

/** A curve's value at x. */
export function curveAt({ knots, values }: AnyCurve, x: number): number {
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

function compiled({ bias, concepts }: Model['intents'][Intent]): Sum {
  const terms = CONCEPTS.flatMap((concept, c): Term[] => {
    const curve = concepts[concept];
    if (curve === undefined) return [];
    return [{ c, knots: Float64Array.from(curve.knots), values: Float64Array.from(curve.values) }];
  });
  return { bias, terms };
}

/** An entry that the loops know to be there. */
function entry(array: Float64Array | Int32Array | Uint8Array, i: number): number {
  return array[i] as number;
}
