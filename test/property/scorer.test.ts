/** The scoring model over random models and vectors: its curves, directions and absences. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { modalityBits } from '../../actors/model/inputs.ts';
import { curveAt, Scorer } from '../../actors/model/scorer.ts';
import { FEATURE_COUNT, FEATURES } from '../../actors/user/feature-vector.ts';
import { type Curve, DIRECTIONS, modelSchema, WINDOW_DIRECTIONS } from '../../protocols/model.ts';
import {
  CONCEPTS,
  type Concept,
  INTENTS,
  MODALITIES,
  type Modality,
} from '../../protocols/user-snapshot.ts';
import { concepts, holds } from '../generators.ts';
import { featureVectors, models } from '../models.ts';

const absences = fc.subarray([...MODALITIES]);

/** By definition: of the pieces that a value lies on, the line between its ends. */
function naive({ knots, values }: Curve, x: number): number {
  const first = knots[0] as number;
  const last = knots[knots.length - 1] as number;
  const held = Math.min(last, Math.max(first, x));
  for (let k = 1; k < knots.length; k++) {
    const [a, b] = [knots[k - 1] as number, knots[k] as number];
    if (held < a || held > b) continue;
    const [from, to] = [values[k - 1] as number, values[k] as number];
    return (from * (b - held) + to * (held - a)) / (b - a);
  }
  return values[0] as number;
}

function logitOf(p: number): number {
  return Math.log(p / (1 - p));
}

test('a concept is its constants and the curves of what is there, added up', () => {
  holds(
    fc.property(models(), featureVectors, absences, (model, vector, absent) => {
      const scorer = new Scorer(model);
      const logits = scorer.conceptLogits(vector, 0, modalityBits(absent));
      CONCEPTS.forEach((concept, c) => {
        const { bias, absent: standIns, values } = model.concepts[concept];
        let sum = bias;
        MODALITIES.forEach((modality, m) => {
          if (absent.includes(modality)) sum += standIns[m] as number;
        });
        model.features.forEach(({ name, knots }, i) => {
          const place = FEATURES.findIndex((feature) => feature.name === name);
          if (absent.includes(FEATURES[place]?.modality as Modality)) return;
          sum += naive({ knots, values: values[i] as number[] }, vector[place] as number);
        });
        expect(Math.abs((logits[c] as number) - sum)).toBeLessThan(1e-9);
      });
    }),
    300,
  );
});

test('intents and the window read the concepts alone, as documented', () => {
  holds(
    fc.property(models(), concepts, (model, of) => {
      const scorer = new Scorer(model);
      const found = scorer.intents(of);
      expect(scorer.intents({ ...of })).toEqual(found);
      const sumOf = (curves: Partial<Record<Concept, Curve>>) =>
        CONCEPTS.reduce((sum, concept) => {
          const curve = curves[concept];
          return curve === undefined ? sum : sum + naive(curve, of[concept]);
        }, 0);
      for (const intent of INTENTS) {
        const { bias, concepts: curves } = model.intents[intent];
        expect(Math.abs(logitOf(found[intent]) - bias - sumOf(curves))).toBeLessThan(1e-6);
      }
      const nearness = sumOf(model.window.concepts);
      let by = 0;
      model.window.thresholds.forEach((threshold, i) => {
        by += found.conversion_window[i] as number;
        expect(Math.abs(by - 1 / (1 + Math.exp(-threshold - nearness)))).toBeLessThan(1e-9);
      });
    }),
    300,
  );
});

test('a curve is linear between its knots and constant outside', () => {
  holds(
    fc.property(models(), fc.double({ min: -10, max: 10, noNaN: true }), (model, x) => {
      model.features.forEach(({ knots }, i) => {
        const values = model.concepts.urgency.values[i] as number[];
        const found = curveAt({ knots, values }, x);
        expect(Math.abs(found - naive({ knots, values }, x))).toBeLessThan(1e-9);
      });
    }),
  );
});

test('a concept that rises never moves an intent against its documented direction (M1)', () => {
  const risen = fc.tuple(
    fc.constantFrom(...CONCEPTS),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );
  holds(
    fc.property(models(), concepts, risen, (model, of, [concept, one, other]) => {
      const scorer = new Scorer(model);
      const below = scorer.intents({ ...of, [concept]: Math.min(one, other) });
      const above = scorer.intents({ ...of, [concept]: Math.max(one, other) });
      for (const intent of INTENTS) {
        const way = DIRECTIONS[intent][concept] ?? 0;
        if (way === 0) expect(above[intent]).toBe(below[intent]);
        else expect(way * (above[intent] - below[intent])).toBeGreaterThanOrEqual(-1e-12);
      }
      const way = WINDOW_DIRECTIONS[concept] ?? 0;
      let nearer = 0;
      for (let i = 0; i < 3; i++) {
        nearer += (above.conversion_window[i] as number) - (below.conversion_window[i] as number);
        if (way === 0) expect(nearer).toBe(0);
        else expect(way * nearer).toBeGreaterThanOrEqual(-1e-12);
      }
    }),
    500,
  );
});

test('the parts of the window are shares: at least 0, and 1 together', () => {
  const extreme = fc.constantFrom(-800, -40, -1, 0, 1, 40, 800);
  holds(
    fc.property(models(), concepts, fc.tuple(extreme, extreme, extreme), (model, of, drawn) => {
      const thresholds = drawn.sort((a, b) => a - b);
      for (const window of [model.window, { ...model.window, thresholds }]) {
        const { conversion_window: parts } = new Scorer({ ...model, window }).intents(of);
        for (const part of parts) expect(part).toBeGreaterThanOrEqual(0);
        expect(Math.abs(parts.reduce((sum, part) => sum + part, 0) - 1)).toBeLessThan(1e-12);
      }
    }),
    300,
  );
});

test('what an absent modality says changes nothing, to the last bit (M2)', () => {
  holds(
    fc.property(models(), featureVectors, featureVectors, absences, (model, one, other, absent) => {
      const scorer = new Scorer(model);
      const mixed = one.map((x, i) =>
        absent.includes(FEATURES[i]?.modality as Modality) ? (other[i] as number) : x,
      );
      const bits = modalityBits(absent);
      expect(scorer.concepts(mixed, 0, bits)).toEqual(scorer.concepts(one, 0, bits));
    }),
    300,
  );
});

test('many users at once score as each one alone, to the last bit', () => {
  const users = fc.array(fc.tuple(featureVectors, absences), { minLength: 1, maxLength: 6 });
  holds(
    fc.property(models(), users, (model, drawn) => {
      const scorer = new Scorer(model);
      const matrix = Float64Array.from(drawn.flatMap(([vector]) => [...vector]));
      const absent = Uint8Array.from(drawn.map(([, of]) => modalityBits(of)));
      const width = CONCEPTS.length + INTENTS.length;
      const out = new Float64Array(drawn.length * width);
      scorer.scoreBatch(matrix, absent, drawn.length, out);
      drawn.forEach(([vector], row) => {
        const of = scorer.concepts(vector, 0, absent[row] as number);
        const intents = scorer.intents(of);
        const alone = [...CONCEPTS.map((c) => of[c]), ...INTENTS.map((i) => intents[i])];
        expect([...out.subarray(row * width, (row + 1) * width)]).toEqual(alone);
        expect(scorer.concepts(matrix, row * FEATURE_COUNT, absent[row] as number)).toEqual(of);
      });
    }),
  );
});

test('a model that travels as JSON scores as before, to the last bit', () => {
  holds(
    fc.property(models(), featureVectors, (model, vector) => {
      const again = new Scorer(modelSchema.parse(JSON.parse(JSON.stringify(model))));
      const of = new Scorer(model).concepts(vector, 0, 0);
      expect(again.concepts(vector, 0, 0)).toEqual(of);
      expect(again.intents(of)).toEqual(new Scorer(model).intents(of));
    }),
    100,
  );
});
