/**
 * Concepts, intents and the leading concept, from docs/semantics.md ("Concepts and intents").
 */
import released from '../../actors/model/released-model.json' with { type: 'json' };
import { FEATURES } from '../../actors/user/feature-vector.ts';
import type { Signal } from '../../protocols/campaign.ts';
import type { Explanation } from '../../protocols/explanation.ts';
import { type Curve, type Model, modelSchema } from '../../protocols/model.ts';
import {
  CONCEPTS,
  type Concept,
  type FusedState,
  INTENTS,
  type Intent,
  MODALITIES,
  type Modality,
} from '../../protocols/user-snapshot.ts';
import { binOf } from './expected-forecasts.ts';
import { type Described, FEATURE_VALUES } from './feature-values.ts';

type Concepts = FusedState['concepts'];
type Intents = FusedState['intents'];

const HIGH = 1.5;
const MODERATE = 0.5;

/** What is expected of a user. */
export interface Scores {
  readonly concepts: Concepts;
  readonly intents: Intents;
}

/** The scores of a user of whom no event counts. */
export const NO_SCORES: Scores = {
  concepts: byName(CONCEPTS, () => 0),
  intents: {
    engagement_intent: 0,
    purchase_intent: 0,
    churn_risk: 0,
    conversion_window: [0, 0, 0, 1],
  },
};

/** A feature that a model reads: how to calculate it, and what it is worth to each concept. */
interface Read {
  readonly name: string;
  readonly modality: Modality;
  readonly value: (user: Described) => number;
  readonly knots: readonly number[];
  /** By concept, in the order of CONCEPTS. */
  readonly values: readonly (readonly number[])[];
}

export class ExpectedModel {
  readonly model: Model;
  readonly #reads: readonly Read[];

  /** @param model reads only features that there are; see readsKnownFeatures. */
  constructor(model: Model) {
    this.model = model;
    this.#reads = model.features.map(({ name, knots }, i) => {
      const modality = FEATURES.find((feature) => feature.name === name)?.modality;
      const value = FEATURE_VALUES.get(name);
      if (modality === undefined || value === undefined) throw new Error(`no feature ${name}`);
      const values = CONCEPTS.map((concept) => model.concepts[concept].values[i] ?? []);
      return { name, modality, value, knots, values };
    });
  }

  /** Scores a user without the modalities that are absent. */
  scores(user: Described, absent: readonly Modality[]): Scores {
    const concepts = this.#concepts(user, absent);
    const { engagement_intent, purchase_intent, churn_risk } = this.model.intents;
    const intent = ({ bias, concepts: curves }: Model['intents'][Intent]): number =>
      logistic(bias + sumOf(curves, concepts));
    return {
      concepts,
      intents: {
        engagement_intent: intent(engagement_intent),
        purchase_intent: intent(purchase_intent),
        churn_risk: intent(churn_risk),
        conversion_window: this.#window(concepts),
      },
    };
  }

  #concepts(user: Described, absent: readonly Modality[]): Concepts {
    const logits = CONCEPTS.map((concept) => {
      const { bias, absent: constants } = this.model.concepts[concept];
      return absent.reduce((sum, m) => sum + (constants[MODALITIES.indexOf(m)] ?? 0), bias);
    });
    for (const { modality, value, knots, values } of this.#reads) {
      if (absent.includes(modality)) continue;
      const place = placeOf(knots, value(user));
      for (let c = 0; c < logits.length; c++) {
        logits[c] = (logits[c] ?? 0) + heightAt(values[c] ?? [], place);
      }
    }
    return byName(CONCEPTS, (_, c) => logistic(logits[c] ?? 0));
  }

  /** Per feature the bin of its reference that it is in; undefined if it is absent. */
  bins(user: Described, absent: readonly Modality[]): (number | undefined)[] {
    return this.model.reference.features.map(({ edges }, i) => {
      const read = this.#reads[i];
      if (read === undefined || absent.includes(read.modality)) return undefined;
      return binOf(read.value(user), edges);
    });
  }

  /** What the scores are made of; of each concept the `listed` largest parts by name. */
  explanation(
    user: Described,
    absent: readonly Modality[],
    { concepts }: Scores,
    listed: number,
  ): Explanation {
    const reads = this.#reads.filter(({ modality }) => !absent.includes(modality));
    const places = reads.map(({ knots, value }) => placeOf(knots, value(user)));
    const explainConcept = (concept: Concept, c: number) => {
      const { bias, absent: constants } = this.model.concepts[concept];
      const parts = reads.map(({ name, values }, i): [string, number] => [
        name,
        heightAt(values[c] ?? [], places[i] as Place),
      ]);
      parts.sort(([a, x], [b, y]) => Math.abs(y) - Math.abs(x) || (a < b ? -1 : 1));
      const others = parts.slice(listed).map(([, part]) => part);
      for (const m of absent) others.push(constants[MODALITIES.indexOf(m)] ?? 0);
      const features = parts.slice(0, listed);
      const other = total(others);
      const logit = bias + other + total(features.map(([, part]) => part));
      return { logit, bias, features: Object.fromEntries(features), other };
    };
    const explainIntent = (intent: Intent) => {
      const { bias, concepts: curves } = this.model.intents[intent];
      const parts = partsOf(curves, concepts);
      return { logit: bias + total(Object.values(parts)), bias, concepts: parts };
    };
    return {
      absent: [...absent],
      concepts: byName(CONCEPTS, explainConcept),
      intents: byName(INTENTS, explainIntent),
    };
  }

  #window(concepts: Concepts): Intents['conversion_window'] {
    const { thresholds, concepts: curves } = this.model.window;
    const nearness = sumOf(curves, concepts);
    const [now, day, week] = thresholds.map((threshold) => logistic(threshold + nearness)) as [
      number,
      number,
      number,
    ];
    return [now, day - now, week - day, 1 - week];
  }
}

/** The model that holds until one comes through the log. */
export const RELEASED_MODEL = new ExpectedModel(modelSchema.parse(released));

/** Whether all that a model reads is calculated. */
export function readsKnownFeatures({ features }: Model): boolean {
  return features.every(({ name }) => FEATURES.some((feature) => feature.name === name));
}

/** All that campaigns may read of a user. */
export function signalsOf({ concepts, intents }: Scores): Record<Signal, number> {
  const { conversion_window: _, ...expected } = intents;
  return { ...expected, ...concepts };
}

/** The concept furthest above what is usual, the first of equals, with how far in words. */
export function leadingConceptOf(
  concepts: Readonly<Record<Concept, number>>,
  model: Model,
): string {
  const excesses = CONCEPTS.map((concept) => {
    const p = concepts[concept];
    return Math.log(p / (1 - p)) - model.concepts[concept].bias;
  });
  const most = Math.max(...excesses);
  const leader = CONCEPTS[excesses.indexOf(most)];
  if (most >= HIGH) return `high_${leader}`;
  return most >= MODERATE ? `moderate_${leader}` : `low_${leader}`;
}

function sumOf(curves: Partial<Record<Concept, Curve>>, concepts: Concepts): number {
  let sum = 0;
  for (const concept of CONCEPTS) {
    const curve = curves[concept];
    if (curve !== undefined) sum += partOf(curve, concepts[concept]);
  }
  return sum;
}

function partsOf(
  curves: Partial<Record<Concept, Curve>>,
  concepts: Concepts,
): Partial<Record<Concept, number>> {
  const parts = Object.entries(curves).map(([concept, curve]) => [
    concept,
    partOf(curve, concepts[concept as Concept]),
  ]);
  return Object.fromEntries(parts);
}

function partOf({ knots, values }: Curve, concept: number): number {
  return heightAt(values, placeOf(knots, concept));
}

function total(parts: readonly number[]): number {
  return parts.reduce((sum, part) => sum + part, 0);
}

function byName<Name extends string, T>(
  names: readonly Name[],
  make: (name: Name, i: number) => T,
): Record<Name, T> {
  return Object.fromEntries(names.map((name, i) => [name, make(name, i)])) as Record<Name, T>;
}

/** Where a number lies: after how many knots, and how far to the next as a share of the way. */
type Place = readonly [knot: number, share: number];

function placeOf(knots: readonly number[], x: number): Place {
  let after = knots.length - 1;
  while (after >= 0 && (knots[after] as number) > x) after--;
  const [from, to] = [knots[after], knots[after + 1]];
  if (from === undefined) return [0, 0];
  return [after, to === undefined ? 0 : (x - from) / (to - from)];
}

function heightAt(values: readonly number[], [knot, share]: Place): number {
  const from = values[knot] ?? 0;
  return share === 0 ? from : from + ((values[knot + 1] ?? 0) - from) * share;
}

function logistic(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
