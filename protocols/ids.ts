/**
 * Identifiers that must not be mixed up, and the encoding of user ids as subject tokens.
 *
 * Invariants:
 *   D1 decodeUserToken(encodeUserId(id)) === id for every legal id.
 *   D2 A user has exactly one token: a token that is not the canonical encoding is refused,
 *      so two subjects never mean the same user.
 */

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** The user's id as the application knows it. */
export type UserId = Branded<string, 'UserId'>;
/** The user's id as a NATS subject token: what is stored, hashed and used as a key. */
export type UserToken = Branded<string, 'UserToken'>;
export type CampaignId = Branded<string, 'CampaignId'>;
export type DecisionId = Branded<string, 'DecisionId'>;
/** A partition's number, 0 to P - 1. */
export type Partition = Branded<number, 'Partition'>;
/** A message's position in its JetStream stream, from 1; 0 stands for "before the first". */
export type StreamSequence = Branded<number, 'StreamSequence'>;

export const MAX_USER_ID_CHARS = 128;

/** Why a user id or token was refused, in words for the person who sent it. */
export interface UserIdProblem {
  readonly expected: string;
  readonly found: string;
}

const LEGAL_CHAR = /^[!-~]$/;
const RESERVED = new Set(['.', '*', '>', '%']);
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const CONTROL = /[\u0000-\u001f\u007f]/;
const PLAIN_TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Says what is wrong with a user id, or undefined if it is legal: 1 to MAX_USER_ID_CHARS
 * characters, no control characters, and neither `*` nor `>`, which are wildcards to every
 * NATS tool and so never stand in a name by honest accident.
 */
export function userIdProblem(id: string): UserIdProblem | undefined {
  const found = JSON.stringify(id.length > 40 ? `${id.slice(0, 40)}…` : id);
  if (id.length === 0 || id.length > MAX_USER_ID_CHARS) {
    return { expected: `1 to ${MAX_USER_ID_CHARS} characters`, found: `${id.length} characters` };
  }
  if (/[*>]/.test(id)) return { expected: 'no "*" and no ">" (NATS wildcards)', found };
  if (CONTROL.test(id)) return { expected: 'no control characters', found };
  if (!id.isWellFormed()) return { expected: 'well-formed Unicode', found };
  return undefined;
}

/**
 * Encodes a legal user id as a subject token: printable ASCII stays, `.`, `%`, spaces and
 * everything beyond ASCII become the percent-encoded bytes of their UTF-8 form, upper-case.
 */
export function encodeUserId(id: UserId): UserToken {
  return encodeToken(id) as UserToken;
}

/** Encodes any other name, such as an order's, as a subject token, in the same way. */
export function encodeToken(name: string): string {
  if (PLAIN_TOKEN.test(name)) return name;
  let token = '';
  for (const char of name) {
    token += LEGAL_CHAR.test(char) && !RESERVED.has(char) ? char : percentEncode(char);
  }
  return token;
}

/** Decodes a subject token to the user id, or says why it is not a canonical token (D2). */
export function decodeUserToken(
  token: string,
): { readonly id: UserId; readonly token: UserToken } | UserIdProblem {
  if (PLAIN_TOKEN.test(token)) return { id: token as UserId, token: token as UserToken };
  let id: string;
  try {
    id = decodeURIComponent(token);
  } catch {
    return { expected: 'percent-encoded UTF-8', found: JSON.stringify(token.slice(0, 80)) };
  }
  const problem = userIdProblem(id);
  if (problem !== undefined) return problem;
  const canonical = encodeUserId(id as UserId);
  if (canonical !== token) {
    return { expected: `the canonical token "${canonical}"`, found: JSON.stringify(token) };
  }
  return { id: id as UserId, token: canonical };
}

function percentEncode(char: string): string {
  let encoded = '';
  for (const byte of new TextEncoder().encode(char)) {
    encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
