/** Scoring by hand: what a model may say, what it is refused for, what its scores are called. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { modalityBits, UnknownFeature } from '../../actors/model/inputs.ts';
import { curveAt, leadingConcept, Scorer, signalsOf } from '../../actors/model/scorer.ts';
import { FEATURE_COUNT, FEATURES } from '../../actors/user/feature-vector.ts';
import { MAX_KNOTS, type Model, modelSchema } from '../../protocols/model.ts';
import { CONCEPTS, MODALITIES } from '../../protocols/user-snapshot.ts';
import { modelWith } from '../models.ts';

const LOOKS = FEATURES.findIndex(({ name }) => name === 'looks_5min');
const HALF = Object.fromEntries(CONCEPTS.map((concept) => [concept, 0.5])) as Record<
  (typeof CONCEPTS)[number],
  number
>;

/** One feature, of engagement, that raises curiosity; engagement's absence lowers it. */
function curious(): Model {
  const model = modelWith({ features: [{ name: 'looks_5min', knots: [0, 1, 3] }] });
  const absent = MODALITIES.map((modality) => (modality === 'engagement' ? -1 : 0));
  const curiosity = { bias: 0.5, absent, values: [[0, 2, 3]] };
  return { ...model, concepts: { ...model.concepts, curiosity } };
}

describe('a concept', () => {
  const scorer = new Scorer(curious());
  const vector = new Float64Array(FEATURE_COUNT);
  const curiosityAt = (looks: number, absent = 0) => {
    vector[LOOKS] = looks;
    return scorer.conceptLogits(vector, 0, absent)[CONCEPTS.indexOf('curiosity')];
  };

  test.each([
    ['below the first knot', -7, 0.5],
    ['at a knot', 1, 2.5],
    ['half-way', 0.5, 1.5],
    ['in the second piece', 2, 3],
    ['above the last knot', 50, 3.5],
  ])('%s', (_where, looks, logit) => {
    expect(curiosityAt(looks)).toBeCloseTo(logit, 12);
  });

  test('of an absent modality has its constant instead', () => {
    expect(curiosityAt(3, modalityBits(['engagement']))).toBeCloseTo(-0.5, 12);
    expect(curiosityAt(3, modalityBits(['purchase', 'churn']))).toBeCloseTo(3.5, 12);
  });

  test('is logistic in its logit; the others are not touched', () => {
    vector[LOOKS] = 1;
    const { curiosity, ...others } = scorer.concepts(vector, 0, 0);
    expect(curiosity).toBeCloseTo(1 / (1 + Math.exp(-2.5)), 12);
    expect(new Set(Object.values(others))).toEqual(new Set([0.5]));
  });
});

test('a curve of one knot is a constant', () => {
  const curve = { knots: [0.4], values: [7] };
  expect([-1, 0.4, 9].map((x) => curveAt(curve, x))).toEqual([7, 7, 7]);
});

test('an intent is its bias and its curves over concepts', () => {
  const model = modelWith();
  const rising = { knots: [0, 1], values: [0, 4] };
  const falling = { knots: [0, 1], values: [0, -1] };
  const purchase_intent = { bias: -1, concepts: { urgency: rising, frustration: falling } };
  const scorer = new Scorer({ ...model, intents: { ...model.intents, purchase_intent } });
  expect(scorer.intentLogit('purchase_intent', HALF)).toBeCloseTo(0.5, 12);
  expect(scorer.intents(HALF).purchase_intent).toBeCloseTo(1 / (1 + Math.exp(-0.5)), 12);
  expect(scorer.intents(HALF).churn_risk).toBe(0.5);
});

test('the window is what each threshold adds', () => {
  const { conversion_window: parts } = new Scorer(modelWith()).intents(HALF);
  const by = [-3, -2, -1].map((threshold) => 1 / (1 + Math.exp(-threshold))) as number[];
  const [now = 0, today = 0, week = 0] = by;
  [now, today - now, week - today, 1 - week].forEach((part, i) => {
    expect(parts[i]).toBeCloseTo(part, 12);
  });
});

test('signals are the intents and the concepts by name', () => {
  const intents = new Scorer(modelWith()).intents(HALF);
  const { conversion_window: _, ...named } = intents;
  expect(signalsOf(HALF, intents)).toEqual({ ...named, ...HALF });
});

describe('the leading concept', () => {
  const model = modelWith();
  const biased = (concept: 'frustration' | 'urgency', bias: number): Model => ({
    ...model,
    concepts: { ...model.concepts, [concept]: { ...model.concepts[concept], bias } },
  });

  test.each([
    [0.9, 'high_urgency'],
    [0.8, 'moderate_urgency'],
    [0.6, 'low_urgency'],
  ])('of urgency at %d is graded by what is unusual about it', (urgency, name) => {
    expect(leadingConcept({ ...HALF, urgency }, model)).toBe(name);
  });

  test('is the one that stands out, not the one that is always great', () => {
    const of = { ...HALF, urgency: 0.6, frustration: 0.9 };
    expect(leadingConcept(of, model)).toBe('high_frustration');
    expect(leadingConcept(of, biased('frustration', 4))).toBe('low_urgency');
    expect(leadingConcept({ ...HALF, urgency: 0.3 }, biased('urgency', -4))).toBe('high_urgency');
  });

  test('of equals is the first', () => {
    expect(leadingConcept(HALF, model)).toBe('low_frustration');
  });
});

test('a model that reads an unknown feature is refused with where to look', () => {
  const model = modelWith({ features: [{ name: 'shoe_size', knots: [0] }] });
  expect(() => new Scorer(model)).toThrow(UnknownFeature);
  expect(() => new Scorer(model)).toThrow(
    'the model reads the feature "shoe_size", which this release does not calculate; ' +
      'docs/features.md lists those that it does',
  );
});

test('the released model can be read and reads only what there is', () => {
  const { model } = DEFAULT_REFERENCE.scorer;
  expect(modelSchema.parse(JSON.parse(JSON.stringify(model)))).toEqual(model);
});

describe('a model is refused, with the place and the reason,', () => {
  const good = curious();
  const withIntent = (concept: string, values: number[], knots = [0, 0.5, 1]): unknown => ({
    ...good,
    intents: {
      ...good.intents,
      purchase_intent: { bias: 0, concepts: { [concept]: { knots, values } } },
    },
  });
  const withCuriosity = (changes: object): unknown => ({
    ...good,
    concepts: { ...good.concepts, curiosity: { ...good.concepts.curiosity, ...changes } },
  });
  const withKnots = (knots: number[]): unknown => ({
    ...modelWith({ features: [{ name: 'looks_5min', knots }] }),
  });
  const against = (way: string, at: number) =>
    `values may only ${way} with the concept (M1), but value ${at} does not`;
  const in_purchase = 'intents.purchase_intent.concepts';

  test.each<[string, unknown, string, string]>([
    ['an intent that falls', withIntent('urgency', [0, 2, 1]), 'urgency', against('rise', 2)],
    ['one that rises', withIntent('frustration', [0, 1, 1]), 'frustration', against('fall', 1)],
  ])('%s against its direction', (_what, model, concept, message) => {
    const { error } = modelSchema.safeParse(model);
    expect(error?.issues).toMatchObject([{ path: [...in_purchase.split('.'), concept], message }]);
  });

  test.each<[string, unknown, string, string]>([
    [
      'a concept that the intent does not read',
      {
        ...good,
        intents: {
          ...good.intents,
          churn_risk: { bias: 0, concepts: { curiosity: { knots: [0], values: [1] } } },
        },
      },
      'intents.churn_risk.concepts.curiosity',
      'this intent does not read the concept',
    ],
    [
      'a window that nears with frustration',
      {
        ...good,
        window: {
          ...good.window,
          concepts: { frustration: { knots: [0, 1], values: [0, 1] } },
        },
      },
      'window.concepts.frustration',
      against('fall', 1),
    ],
    ['knots that fall', withKnots([0, 2, 1]), 'features.0.knots', 'knots must rise strictly'],
    ['knots that stand', withKnots([0, 0]), 'features.0.knots', 'knots must rise strictly'],
    ['no knots', withKnots([]), 'features.0.knots', 'Too small'],
    [
      'too many knots',
      withKnots(Array.from({ length: MAX_KNOTS + 1 }, (_, i) => i)),
      'features.0.knots',
      'Too big',
    ],
    [
      'a curve with other numbers of knots and values',
      withIntent('urgency', [0, 1]),
      `${in_purchase}.urgency`,
      'as many values as knots',
    ],
    [
      'a concept with too few values',
      withCuriosity({ values: [[0, 1]] }),
      'concepts.curiosity.values',
      'expected 1 features with as many values as knots each',
    ],
    [
      'a concept with values of no feature',
      withCuriosity({ values: [[0, 1, 2], [0]] }),
      'concepts.curiosity.values',
      'expected 1 features with as many values as knots each',
    ],
    ['too few stand-ins', withCuriosity({ absent: [0] }), 'concepts.curiosity.absent', 'Too small'],
    [
      'thresholds that fall',
      { ...good, window: { thresholds: [-1, -2, 0], concepts: {} } },
      'window.thresholds',
      'must not fall: what is likely now is as likely within a day',
    ],
    [
      'reference figures of other features',
      { ...good, reference: { features: [] } },
      'reference.features',
      'expected 1 features, as the model reads',
    ],
    [
      'a number that is none',
      withCuriosity({ bias: Number.POSITIVE_INFINITY }),
      'concepts.curiosity.bias',
      'Invalid input',
    ],
    ['a field that nobody knows', { ...good, speed: 1 }, '', 'Unrecognized key'],
  ])('%s', (_what, model, path, message) => {
    const { error } = modelSchema.safeParse(model);
    const found = error?.issues.map((issue) => ({
      path: issue.path.join('.'),
      message: issue.message,
    }));
    expect(found).toContainEqual({ path, message: expect.stringContaining(message) });
  });

  test('unless it is good', () => {
    expect(modelSchema.safeParse(good).error).toBeUndefined();
  });
});
