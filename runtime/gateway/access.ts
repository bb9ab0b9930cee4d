/**
 * Who asks: the operator of the session whose cookie a request brings, or, for programs, of its
 * `Authorization` header, which comes first.
 */
import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Operator, Operators } from './operators.ts';
import { AGE_MAX_MS, type Sessions } from './sessions.ts';

const SESSION_COOKIE = 'microtarget_session';

/**
 * Finds out who asks.
 *
 * @throws NotAuthorized, or LoginUnavailable if it cannot be told now.
 */
export type Access = (request: FastifyRequest) => Promise<Operator>;

/** Needs the cookie plugin where it is used. */
export function accessBy(operators: Operators, sessions: Sessions): Access {
  return async (request) => {
    const token = sessionTokenOf(request);
    const { authorization } = request.headers;
    if (authorization !== undefined || token === undefined) {
      return operators.authorize(authorization);
    }
    return sessions.operatorOf(token);
  };
}

/** The token that the request's cookie holds. */
export function sessionTokenOf({ cookies }: FastifyRequest): string | undefined {
  return cookies[SESSION_COOKIE];
}

/** Sets the cookie: out of scripts' reach, and never sent along by pages of other sites. */
export function setSessionCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
): void {
  reply.setCookie(SESSION_COOKIE, token, {
    ...attributesFor(request),
    maxAge: AGE_MAX_MS / 1_000,
  });
}

/** Has the browser forget the cookie. */
export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  reply.clearCookie(SESSION_COOKIE, attributesFor(request));
}

function attributesFor(request: FastifyRequest): CookieSerializeOptions {
  return { path: '/', httpOnly: true, sameSite: 'strict', secure: isByHttps(request) };
}

/** Whoever forges the header of a proxy keeps nobody's cookie but their own from coming back. */
function isByHttps({ protocol, headers }: FastifyRequest): boolean {
  const forwarded = headers['x-forwarded-proto'];
  return protocol === 'https' || String(forwarded).split(',')[0]?.trim() === 'https';
}
