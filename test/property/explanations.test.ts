/** Explanations: their parts are the score, exactly, whatever the model and the user. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { explainScores } from '../../actors/model/explain.ts';
import { logistic, Scorer } from '../../actors/model/scorer.ts';
import { explanationSchema } from '../../protocols/explanation.ts';
import { CONCEPTS, INTENTS } from '../../protocols/user-snapshot.ts';
import { holds } from '../generators.ts';
import { featureVectors, models } from '../models.ts';

const EXACT = 1e-12;
const absences = fc.integer({ min: 0, max: 63 });
const sum = (parts: Readonly<Record<string, number>>): number =>
  Object.values(parts).reduce((total, part) => total + part, 0);

test('the parts of every concept and every intent add up to its logit within 1e-12', () => {
  holds(
    fc.property(models(), featureVectors, absences, fc.nat(8), (model, vector, absent, listed) => {
      const scorer = new Scorer(model);
      const concepts = scorer.concepts(vector, 0, absent);
      const explained = explainScores(model, vector, absent, concepts, listed);
      expect(explanationSchema.parse(explained)).toEqual(explained);
      const logits = scorer.conceptLogits(vector, 0, absent);
      CONCEPTS.forEach((concept, c) => {
        const { logit, bias, features, other } = explained.concepts[concept];
        const scale = Math.max(1, Math.abs(logit));
        expect(Math.abs(bias + sum(features) + other - logit)).toBeLessThan(EXACT * scale);
        expect(Math.abs((logits[c] as number) - logit)).toBeLessThan(EXACT * scale);
        expect(Object.keys(features).length).toBeLessThanOrEqual(listed);
      });
      const intents = scorer.intents(concepts);
      for (const intent of INTENTS) {
        const { logit, bias, concepts: parts } = explained.intents[intent];
        expect(Math.abs(bias + sum(parts) - logit)).toBeLessThan(EXACT);
        expect(Math.abs(logistic(logit) - intents[intent])).toBeLessThan(EXACT);
      }
    }),
  );
});

test('the features listed are the largest parts, and those of absent modalities never', () => {
  holds(
    fc.property(models(), featureVectors, absences, (model, vector, absent) => {
      const concepts = new Scorer(model).concepts(vector, 0, absent);
      const all = explainScores(model, vector, absent, concepts, model.features.length);
      const some = explainScores(model, vector, absent, concepts, 3);
      for (const concept of CONCEPTS) {
        const whole = Object.entries(all.concepts[concept].features);
        const largest = whole.map(([, part]) => Math.abs(part)).sort((a, b) => b - a);
        const shown = Object.entries(some.concepts[concept].features);
        expect(shown.map(([, part]) => Math.abs(part))).toEqual(largest.slice(0, 3));
      }
      const without = explainScores(model, vector, 63, concepts, model.features.length);
      expect(without.concepts.loyalty.features).toEqual({});
    }),
    100,
  );
});
