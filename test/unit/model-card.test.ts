/**
 * The committed model, its card and its pictures belong together: a card of another model, or a
 * definition that has changed since, is found here; `npm run train -- --check` makes them anew.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { Scorer } from '../../actors/model/scorer.ts';
import { modelSchema } from '../../protocols/model.ts';
import { CONCEPTS } from '../../protocols/user-snapshot.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';
import { CONCEPT_DEFINITIONS } from '../../runtime/train/concept-labels.ts';
import { modelDigest, modelText } from '../../runtime/train/model-file.ts';

const MODEL = join(projectRoot(), 'actors', 'model', 'released-model.json');
const CARD = join(projectRoot(), 'docs', 'model-card.md');
const text = readFileSync(MODEL, 'utf8');
const card = readFileSync(CARD, 'utf8');
const model = modelSchema.parse(JSON.parse(text));

test('the released model reads features that this release has', () => {
  expect(() => new Scorer(model)).not.toThrow();
  expect(model.features.length).toBeGreaterThan(0);
});

test('the model file is written as training writes it, a feature or curve a line', () => {
  expect(modelText(model)).toBe(text);
});

test('the card is of this very model file; run "npm run train" if it is stale', () => {
  expect(card).toContain(`Model **${model.name}**, version ${model.version}`);
  expect(card).toContain(modelDigest(text));
  expect(card).toContain(`reads ${model.features.length} features`);
  expect(card).toContain(`as if ${model.interests.prior} mentions`);
});

test('the card defines every concept as the code labels it', () => {
  for (const concept of CONCEPTS) {
    expect(card).toContain(`| ${concept} | ${CONCEPT_DEFINITIONS[concept]} |`);
  }
});

test('every picture of the card is there, and is a picture', () => {
  const pictures = [...card.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, path]) => path as string);
  expect(pictures.length).toBeGreaterThanOrEqual(7);
  for (const picture of pictures) {
    const file = join(dirname(CARD), picture);
    expect(existsSync(file), picture).toBe(true);
    expect(readFileSync(file, 'utf8')).toMatch(/^<svg /);
  }
});
