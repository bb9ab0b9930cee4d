/** The encoding of user ids over arbitrary text: D1 it round-trips, D2 a user has one token. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeUserToken, encodeUserId, type UserId, userIdProblem } from '../../protocols/ids.ts';
import { holds } from '../generators.ts';

const anyText = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ maxLength: 20, unit: 'grapheme' }),
  fc.string({ maxLength: 20, unit: 'binary' }),
  fc.string({ maxLength: 20, unit: fc.constantFrom('%', '2', 'E', '.', 'a', '_', '@', ' ') }),
);
const legalId = anyText.filter((id) => userIdProblem(id) === undefined) as fc.Arbitrary<UserId>;

test('every legal id comes back from its token (D1)', () => {
  holds(
    fc.property(legalId, (id) => {
      expect(decodeUserToken(encodeUserId(id))).toEqual({ id, token: encodeUserId(id) });
    }),
    1_000,
  );
});

test('a token is one subject token of printable ASCII, without wildcards', () => {
  holds(
    fc.property(legalId, (id) => {
      expect(encodeUserId(id)).toMatch(/^[!-~]+$/);
      expect(encodeUserId(id)).not.toMatch(/[.*>\s]/);
    }),
    1_000,
  );
});

test('different users never share a token, and any other spelling of it is refused (D2)', () => {
  holds(
    fc.property(legalId, legalId, (a, b) => {
      expect(encodeUserId(a) === encodeUserId(b)).toBe(a === b);
    }),
  );
  holds(
    fc.property(anyText, (token) => {
      const decoded = decodeUserToken(token);
      if ('id' in decoded) expect(encodeUserId(decoded.id)).toBe(token);
      else expect(decoded.expected + decoded.found).not.toBe('');
    }),
    1_000,
  );
});
