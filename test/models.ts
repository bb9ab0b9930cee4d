/**
 * Scoring models drawn at random: valid ones with any curves, and the way a model is told by hand.
 *
 * Owns nothing. Numbers are short decimals, so that failures shrink to readable models.
 */
import fc from 'fast-check';
import { FEATURES } from '../actors/user/feature-vector.ts';
import {
  type Curve,
  DIRECTIONS,
  type Model,
  modelSchema,
  WINDOW_DIRECTIONS,
} from '../protocols/model.ts';
import { CONCEPTS, type Concept, INTENTS, MODALITIES } from '../protocols/user-snapshot.ts';

type Directions = Readonly<Partial<Record<Concept, 1 | -1>>>;

const KNOTS_MAX = 5;
const FEATURES_MAX = 12;

const decimal = (max: number): fc.Arbitrary<number> =>
  fc.integer({ min: -100, max: 100 }).map((hundredths) => (hundredths / 100) * max);

/** Strictly rising knots, some of them far apart. */
const knots = (min: number, max: number): fc.Arbitrary<number[]> =>
  fc
    .uniqueArray(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: KNOTS_MAX })
    .map((percents) =>
      percents.sort((a, b) => a - b).map((percent) => min + (percent / 100) * (max - min)),
    );

const valuesFor = (count: number): fc.Arbitrary<number[]> =>
  fc.array(decimal(2), { minLength: count, maxLength: count });

/** A curve over a concept that never goes against its direction. */
function curve(direction: 1 | -1): fc.Arbitrary<Curve> {
  return knots(0, 1).chain((of) =>
    valuesFor(of.length).map((drawn) => ({
      knots: of,
      values: drawn.sort((a, b) => direction * (a - b)),
    })),
  );
}

function curves(directions: Directions): fc.Arbitrary<Partial<Record<Concept, Curve>>> {
  const each = Object.entries(directions).map(([concept, direction]) => [
    concept,
    curve(direction),
  ]);
  return fc.record(Object.fromEntries(each), { requiredKeys: [] });
}

function intents(): fc.Arbitrary<Model['intents']> {
  const each = INTENTS.map((intent) => [
    intent,
    fc.record({ bias: decimal(3), concepts: curves(DIRECTIONS[intent]) }),
  ]);
  return fc.record(Object.fromEntries(each)) as unknown as fc.Arbitrary<Model['intents']>;
}

function conceptsOver(features: Model['features']): fc.Arbitrary<Model['concepts']> {
  const one = fc.record({
    bias: decimal(3),
    absent: fc.array(decimal(1), { minLength: MODALITIES.length, maxLength: MODALITIES.length }),
    values: fc.tuple(...features.map(({ knots: of }) => valuesFor(of.length))),
  });
  return fc.record(Object.fromEntries(CONCEPTS.map((concept) => [concept, one]))) as never;
}

/** Valid models over some of the features, in any order; knots lie where features do. */
export function models(): fc.Arbitrary<Model> {
  return fc
    .shuffledSubarray(
      FEATURES.map(({ name }) => name),
      { maxLength: FEATURES_MAX },
    )
    .chain((names) =>
      fc.tuple(...names.map((name) => fc.record({ name: fc.constant(name), knots: knots(-1, 6) }))),
    )
    .chain((features) =>
      fc.record({
        v: fc.constant(1 as const),
        version: fc.integer({ min: 1, max: 9 }),
        name: fc.constant('drawn'),
        features: fc.constant(features),
        concepts: conceptsOver(features),
        intents: intents(),
        window: fc.record({
          thresholds: fc
            .tuple(decimal(4), decimal(4), decimal(4))
            .map((drawn) => drawn.sort((a, b) => a - b)),
          concepts: curves(WINDOW_DIRECTIONS),
        }),
        interests: fc.record({ prior: fc.constantFrom(0, 0.5, 5) }),
        reference: fc.constant({ features: features.map(() => ({ edges: [], shares: [1] })) }),
      }),
    )
    .map((model) => modelSchema.parse(model));
}

/** A vector of features, mostly where real ones are, at times far outside. */
export const featureVectors: fc.Arbitrary<Float64Array> = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: fc.double({ min: -1, max: 6, noNaN: true }) },
      { weight: 1, arbitrary: fc.constantFrom(0, -1e6, 1e6, 0.5) },
    ),
    { minLength: FEATURES.length, maxLength: FEATURES.length },
  )
  .map((features) => Float64Array.from(features));

/** A model by hand: nothing but the constants 0, changed as asked. */
export function modelWith(changes: Partial<Model> = {}): Model {
  const flat = { bias: 0, absent: MODALITIES.map(() => 0) };
  const features = changes.features ?? [];
  const values = features.map(({ knots: of }) => of.map(() => 0));
  return {
    ...{ v: 1, version: 1, name: 'by hand', features },
    concepts: Object.fromEntries(
      CONCEPTS.map((concept) => [concept, { ...flat, values }]),
    ) as Model['concepts'],
    intents: {
      engagement_intent: { bias: 0, concepts: {} },
      purchase_intent: { bias: 0, concepts: {} },
      churn_risk: { bias: 0, concepts: {} },
    },
    window: { thresholds: [-3, -2, -1], concepts: {} },
    interests: { prior: 5 },
    reference: { features: features.map(() => ({ edges: [], shares: [1] })) },
    ...changes,
  };
}

/** A model in which churn is a matter of friction alone: 12 % without any, far more with some. */
export function frictionModel(): Model {
  const model = modelWith({ features: [{ name: 'friction_1h', knots: [0, 1] }] });
  const frustration = { ...model.concepts.frustration, bias: -2, values: [[0, 4]] };
  const curve = { knots: [0.1, 0.9], values: [0, 6] };
  return {
    ...model,
    concepts: { ...model.concepts, frustration },
    intents: { ...model.intents, churn_risk: { bias: -2, concepts: { frustration: curve } } },
  };
}
