/**
 * Logging in to the dashboard and out of it, and tickets that log in without typing a password.
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type Access, clearSessionCookie, sessionTokenOf, setSessionCookie } from './access.ts';
import { credentialsIn, type Operator, type Operators } from './operators.ts';
import { answerProblem, jsonOf, type ProblemHints, refuseOtherSites } from './problems.ts';
import type { Sessions } from './sessions.ts';

const MAX_LOGIN_BYTES = 4_096;
const MAX_TEXT_CHARS = 512;

const text = z.string().min(1).max(MAX_TEXT_CHARS);
const loginSchema = z.union([
  z.strictObject({ name: text, password: text }),
  z.strictObject({ ticket: text }),
]);

const HINTS: ProblemHints = {
  notAuthorized: 'log in with the name and the password of an operator, or print a new link',
  unavailable: 'try again in a moment',
  forbidden: 'open the dashboard at its own address',
};

/** Adds the routes. */
export function addSessionRoutes(
  server: FastifyInstance,
  { operators, sessions, by }: SessionRouteOptions,
): void {
  void server.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => answerProblem(error, request, reply, HINTS));
    scope.addHook('onRequest', async (request, reply) => {
      refuseOtherSites(request);
      reply.header('cache-control', 'no-store');
    });
    const bodyLimit = MAX_LOGIN_BYTES;
    scope.post('/v1/session', { bodyLimit }, async (request, reply) => {
      const asked = jsonOf(request, loginSchema);
      const opening = 'ticket' in asked ? sessions.redeem(asked.ticket) : sessions.open(asked);
      const { token, operator } = await opening;
      const earlier = sessionTokenOf(request);
      if (earlier !== undefined) sessions.end(earlier);
      setSessionCookie(request, reply, token);
      return shown(operator);
    });
    scope.get('/v1/session', async (request) => shown(await by(request)));
    scope.delete('/v1/session', async (request, reply) => {
      const token = sessionTokenOf(request);
      if (token !== undefined) sessions.end(token);
      clearSessionCookie(request, reply);
      return reply.code(204).send();
    });
    scope.post('/v1/session/ticket', { bodyLimit }, async (request) => {
      const credentials = credentialsIn(request.headers.authorization);
      await operators.login(credentials);
      return { ticket: sessions.issueTicket(credentials) };
    });
  });
}

interface SessionRouteOptions {
  readonly operators: Operators;
  readonly sessions: Sessions;
  readonly by: Access;
}

function shown({ name, rights }: Operator) {
  return { name, rights };
}
