/**
 * Hashes that stored things rest on: event ids in snapshots, ids of decisions, users' partitions.
 * If one of these figures moved, an upgrade would count events twice or lose users.
 */
import { expect, test } from 'vitest';
import { hash64 } from '../../actors/hash.ts';
import { decisionIdOf } from '../../actors/partition/decide.ts';
import { shortId } from '../../actors/user/duplicates.ts';
import type { UserToken } from '../../protocols/ids.ts';
import { partitionOf } from '../../protocols/subjects.ts';

const EVENT_ID = '9f8c4b2a-1e3d-4f7c-8a2b-5d6e7f809102';

test.each([
  ['', '488bdcb81aee8d83'],
  ['a', '501c2ba782c97901'],
  ['ada', 'e4ba2f397d34f3fb'],
  ['Zoë', '2bd6f11f8ce91786'],
  ['😀', '8fd0ca036ef9b4ae'],
  ['x'.repeat(1_000), '819a7942aee5273b'],
])('the hash of %j is what it always was', (text, hash) => {
  expect(hash64(text)).toBe(hash);
});

test('another seed gives another hash', () => {
  expect(hash64('ada', 7)).toBe('8cdbb901167b1c58');
});

test('hashes of 100,000 ids are all different, in full and as short as snapshots hold them', () => {
  const ids = Array.from({ length: 100_000 }, (_, n) => `visitor-${n}`);
  expect(new Set(ids.map((id) => hash64(id))).size).toBe(ids.length);
  expect(new Set(ids.map(shortId)).size).toBe(ids.length);
});

test('an event has the short id and the decision that it always had', () => {
  expect(shortId(EVENT_ID)).toBe('12b45f73bf09');
  expect(decisionIdOf('ada' as UserToken, EVENT_ID)).toBe('d_66c785e711d7aa96');
});

test.each([
  ['ada', 3, 59],
  ['bob', 4, 20],
  ['visitor-1-0', 2, 2],
  ['ada@example%2Ecom', 2, 58],
  ['Zo%C3%AB', 5, 37],
])('%s stays in its partition', (token, of8, of64) => {
  expect(partitionOf(token as UserToken, 8)).toBe(of8);
  expect(partitionOf(token as UserToken, 64)).toBe(of64);
});
