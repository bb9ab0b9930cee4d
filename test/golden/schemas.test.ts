/**
 * docs/schemas holds what the code checks: the published JSON Schemas are current, and the golden
 * messages are valid by them.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { schemaDocuments } from '../../runtime/cli/schemas.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';
import { golden, goldenFiles } from './golden.ts';

const FOLDER = join(projectRoot(), 'docs', 'schemas');
const documents = schemaDocuments();

/** Golden files whose document has another name. */
const DESCRIBED_BY: Readonly<Record<string, string>> = {
  'settings-put-v2.json': 'control.json',
  'campaign-put-v2.json': 'control.json',
  'grants-put-v2.json': 'control.json',
  'model-put-v2.json': 'control.json',
  'stray-letter-v1.json': 'dead-letter.json',
  'verdict-accepted-v1.json': 'verdict.json',
  'verdict-duplicate-v1.json': 'verdict.json',
  'verdict-rejected-v1.json': 'verdict.json',
};

function validates(document: string, message: unknown): boolean {
  const schema = JSON.parse(documents[document] ?? 'false') as Parameters<
    typeof z.fromJSONSchema
  >[0];
  return z.fromJSONSchema(schema).safeParse(message).success;
}

if (process.env.UPDATE_SCHEMAS === '1') {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, text] of Object.entries(documents)) writeFileSync(join(FOLDER, name), text);
}

test('docs/schemas is what the code checks', () => {
  const published = Object.fromEntries(
    readdirSync(FOLDER).map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]),
  );
  const hint = 'docs/schemas is not current: run UPDATE_SCHEMAS=1 npm test -- test/golden/schemas';
  expect(Object.keys(published).sort(), hint).toEqual(Object.keys(documents).sort());
  for (const [name, text] of Object.entries(documents)) expect(published[name], hint).toBe(text);
});

/** Published schemas are of the current version; older messages are brought forward when read. */
const current = goldenFiles().filter((file) => {
  const next = file.replace(/-v(\d+)\.json$/, (_, v) => `-v${Number(v) + 1}.json`);
  return !goldenFiles().includes(next);
});

test.each(current)('%s is valid by its published schema', (file) => {
  const document = DESCRIBED_BY[file] ?? file.replace(/-v\d+\.json$/, '.json');
  expect(Object.keys(documents)).toContain(document);
  expect(validates(document, golden(file))).toBe(true);
});

test('the published schema of an event takes and refuses what the parser does', () => {
  const sample = golden('event-v1.json') as object;
  const accepts = (changes: object) => validates('event.json', { ...sample, ...changes });
  expect(accepts({})).toBe(true);
  expect(accepts({ type: 'behavior', later: 1 })).toBe(true);
  expect(accepts({ type: 'purchase' })).toBe(false);
  expect(accepts({ type: 'conversion' })).toBe(false);
  expect(accepts({ session_index: '42' })).toBe(false);
  expect(accepts({ event_id: 'abc' })).toBe(false);
  expect(accepts({ source: '__proto__' })).toBe(false);
});
