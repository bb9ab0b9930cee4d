/**
 * What operators' requests are refused for, and how: JSON with `problem` and `hint`, and the status
 * that its kind has.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { ServiceProblem } from '../nats/ask-service.ts';
import { fieldName, schemaMistakes } from '../schema-mistakes.ts';
import { LoginUnavailable, NotAuthorized } from './operators.ts';

const RETRY_AFTER_S = 1;
const CHALLENGE = 'Basic realm="microtarget operators", charset="UTF-8"';

type ProblemKind = NonNullable<ServiceProblem['kind']>;

/** What to do about a problem, in the words of the routes where it arose. */
export interface ProblemHints
  extends Partial<Record<ProblemKind | 'notAuthorized' | 'tooLarge' | 'other', string>> {
  /** Whether programs are told that HTTP Basic authentication would do. */
  readonly isChallenging?: boolean;
}

const STATUS: Readonly<Record<ProblemKind, readonly [code: number, hint: string]>> = {
  invalid: [422, 'correct what is named and send it again'],
  unknown: [404, 'look whether the name is right'],
  conflict: [409, 'look how it stands now'],
  stale: [412, 'look how it stands now, and base the change on that'],
  unavailable: [503, 'look whether it was done, and try again'],
  forbidden: [403, 'log in as an operator'],
};

/** Answers an error thrown by a route or a hook. */
export function answerProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  hints: ProblemHints,
): FastifyReply {
  if (error instanceof NotAuthorized) {
    const hint = 'send the name and the password of an operator: HTTP Basic authentication';
    if (hints.isChallenging && isByProgram(request)) reply.header('www-authenticate', CHALLENGE);
    return reply.code(401).send({ problem: error.message, hint: hints.notAuthorized ?? hint });
  }
  const isLogin = error instanceof LoginUnavailable;
  if (isLogin || error instanceof ServiceProblem) {
    const kind = isLogin ? 'unavailable' : error.kind;
    if (kind === undefined) {
      const hint = 'see the log of the coordinator';
      return reply.code(500).send({ problem: error.message, hint });
    }
    const [code, hint] = STATUS[kind];
    if (code === 503) reply.header('retry-after', RETRY_AFTER_S);
    return reply.code(code).send({ problem: error.message, hint: hints[kind] ?? hint });
  }
  const { code, message, statusCode = 500 } = error as FaultOfFastify;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const found = `${request.headers['content-length'] ?? 'more'} bytes`;
    const limit = request.routeOptions.bodyLimit;
    const problem = `body: expected at most ${limit} bytes; found ${found}`;
    return reply.code(413).send({ problem, hint: hints.tooLarge ?? 'send less' });
  }
  return reply.code(statusCode).send({ problem: message, hint: hints.other ?? 'see README.md' });
}

interface FaultOfFastify {
  readonly code?: string;
  readonly message: string;
  readonly statusCode?: number;
}

/** A browser that is challenged opens a login window of its own, over the page's. */
function isByProgram({ headers }: FastifyRequest): boolean {
  return headers['sec-fetch-site'] === undefined && headers.cookie === undefined;
}

/**
 * Refuses what a page of another site makes a browser ask, which sends credentials along.
 *
 * Browsers say which site asks, but not where the page came over plain HTTP from another machine;
 * there the origin that they send with every change has to be the address that was asked.
 *
 * @throws ServiceProblem
 */
export function refuseOtherSites({ headers }: FastifyRequest): void {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  const isOwn =
    site === undefined
      ? origin === undefined || hostOf(origin) === host
      : site === 'same-origin' || site === 'none';
  if (isOwn) return;
  throw new ServiceProblem('a page of another site has no say here', { kind: 'forbidden' });
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/**
 * The body as the schema has it.
 *
 * @throws ServiceProblem with every field that is wrong.
 */
export function jsonOf<S extends z.ZodType>({ body }: FastifyRequest, schema: S): z.infer<S> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 120) : String(error);
    const found = bytes.length === 0 ? 'an empty body' : `${bytes.length} bytes: ${why}`;
    const problem = `body: expected JSON in UTF-8; found ${found}`;
    throw new ServiceProblem(problem, { kind: 'invalid', cause: error });
  }
  return parsed(schema, json);
}

/**
 * Parses what a request says.
 *
 * @throws ServiceProblem with every field that is wrong.
 */
export function parsed<S extends z.ZodType>(schema: S, json: unknown): z.infer<S> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const problems = schemaMistakes(result.error, json, schema).map(
    ({ path, expected, found }) =>
      `${fieldName(path) || 'body'}: expected ${expected}; found ${found}`,
  );
  throw new ServiceProblem(problems.join('\n'), { kind: 'invalid', cause: result.error });
}
