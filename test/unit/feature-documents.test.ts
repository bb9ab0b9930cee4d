/**
 * The pages that define and list the features name exactly those that models may read.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FEATURES } from '../../actors/user/feature-vector.ts';
import { MODALITIES } from '../../protocols/user-snapshot.ts';
import { FEATURE_VALUES } from '../../runtime/audit/feature-values.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';

/** The cells of a page's table rows from `from` on, without the head. */
function rowsOf(page: string, from: string): string[][] {
  const text = readFileSync(join(projectRoot(), 'docs', page), 'utf8');
  const [, after = ''] = text.split(from);
  const [table = ''] = after.split('|---|').slice(1).join('|---|').split('\n\n');
  const lines = table.split('\n').slice(1);
  return lines.filter(Boolean).map((line) => line.split('|').map((cell) => cell.trim()));
}

test('docs/features.md lists every feature in the order of the vector, as the code has it', () => {
  const listed = rowsOf('features.md', '# Features').map(([, at, name, modality, unit]) => ({
    at: Number(at),
    name: name?.replaceAll('`', ''),
    modality,
    unit,
  }));
  expect(listed).toEqual(FEATURES.map((feature, at) => ({ at, ...feature })));
});

test('docs/features.md says in a sentence what each feature means', () => {
  for (const [, , name, , , meaning] of rowsOf('features.md', '# Features')) {
    expect(meaning, name).toMatch(/^.{10,80}\.$/);
  }
});

test('docs/semantics.md defines every feature, in the same order', () => {
  const names = rowsOf('semantics.md', '## Features').flatMap(([, cell = '']) => {
    const family = /^`(\w+_)app` … `\1zero_party`$/.exec(cell)?.[1];
    if (family !== undefined) return MODALITIES.map((modality) => `${family}${modality}`);
    return [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  });
  expect(names).toEqual(FEATURES.map(({ name }) => name));
});

test('the audit calculates every feature', () => {
  expect(FEATURES.filter(({ name }) => !FEATURE_VALUES.has(name))).toEqual([]);
});
