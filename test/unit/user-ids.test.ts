/** User ids as subject tokens: which are legal, how they look, and that a user has one token. */
import { expect, test } from 'vitest';
import { decodeUserToken, encodeUserId, type UserId, userIdProblem } from '../../protocols/ids.ts';

test.each([
  ['ada', 'ada'],
  ['user-1_B', 'user-1_B'],
  ['ada@example.com', 'ada@example%2Ecom'],
  ['100%', '100%25'],
  ['two words', 'two%20words'],
  ['Zoë', 'Zo%C3%AB'],
  ['用户', '%E7%94%A8%E6%88%B7'],
  ['😀', '%F0%9F%98%80'],
  ['{a}$b/c', '{a}$b/c'],
  ['%2E', '%252E'],
])('the user %j has the token %s', (id, token) => {
  expect(userIdProblem(id)).toBeUndefined();
  expect(encodeUserId(id as UserId)).toBe(token);
  expect(decodeUserToken(token)).toEqual({ id, token });
});

test.each([
  ['', '1 to 128 characters', '0 characters'],
  ['x'.repeat(129), '1 to 128 characters', '129 characters'],
  ['a*', 'no "*" and no ">" (NATS wildcards)', '"a*"'],
  ['>', 'no "*" and no ">" (NATS wildcards)', '">"'],
  ['a\nb', 'no control characters', '"a\\nb"'],
  ['\u0000', 'no control characters', '"\\u0000"'],
  ['a\u007f', 'no control characters', '"a\u007f"'],
  ['\ud800', 'well-formed Unicode', '"\\ud800"'],
  [`${'x'.repeat(60)}*`, 'no "*" and no ">" (NATS wildcards)', `"${'x'.repeat(40)}…"`],
])('the id %j is refused with what was expected and found', (id, expected, found) => {
  expect(userIdProblem(id)).toEqual({ expected, found });
});

test('the longest legal id is legal, whatever it is made of', () => {
  expect(userIdProblem('x'.repeat(128))).toBeUndefined();
  const token = encodeUserId('é'.repeat(128) as UserId);
  expect(token).toHaveLength(128 * 6);
  expect(decodeUserToken(token)).toHaveProperty('id', 'é'.repeat(128));
});

test.each([
  ['%2e', '%2E'],
  ['a%62', 'ab'],
  ['%41da', 'Ada'],
  ['a b', 'a%20b'],
  ['Zoë', 'Zo%C3%AB'],
  ['%7B', '{'],
])('the token %j is refused: the same user has the token %s', (token, canonical) => {
  expect(decodeUserToken(token)).toEqual({
    expected: `the canonical token "${canonical}"`,
    found: JSON.stringify(token),
  });
});

test.each([
  ['%', 'percent-encoded UTF-8'],
  ['%zz', 'percent-encoded UTF-8'],
  ['%FF', 'percent-encoded UTF-8'],
  ['%ED%A0%80', 'percent-encoded UTF-8'],
  ['%2A', 'no "*" and no ">" (NATS wildcards)'],
  ['%0A', 'no control characters'],
  ['', '1 to 128 characters'],
  ['x'.repeat(129), '1 to 128 characters'],
])('the token %j means no legal user', (token, expected) => {
  expect(decodeUserToken(token)).toHaveProperty('expected', expected);
});
