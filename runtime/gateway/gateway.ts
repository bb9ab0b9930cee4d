/**
 * The HTTP gateway: events in with a verdict per item, decisions out, campaigns for operators, the
 * dashboard with what it hears and asks, health for orchestrators.
 */
import { join } from 'node:path';
import fastifyCookie from '@fastify/cookie';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Rejection } from '../../protocols/event.ts';
import { MAX_USER_ID_CHARS } from '../../protocols/ids.ts';
import { type Clock, systemClock } from '../ports.ts';
import { projectRoot } from '../setup/project-root.ts';
import { accessBy } from './access.ts';
import { addCampaignRoutes } from './campaign-routes.ts';
import type { Ingest, Taken } from './ingest.ts';
import { MAX_WAITING, NotStored } from './ingest.ts';
import { addInspectRoutes } from './inspect-routes.ts';
import { addLiveRoute, LiveStreams } from './live-streams.ts';
import type { Operators } from './operators.ts';
import { addPage } from './page.ts';
import { addSessionRoutes } from './session-routes.ts';
import { Sessions } from './sessions.ts';

/** A batch request's size; single events are held to MAX_EVENT_BYTES by their parser. */
export const MAX_BODY_BYTES = 1024 * 1024;
export const MAX_BATCH_ITEMS = 500;
const RETRY_AFTER_S = 1;
/** A user's id in a path: a character takes up to nine, percent-encoded. */
const MAX_PATH_PART_CHARS = 9 * MAX_USER_ID_CHARS;

export interface GatewayOptions {
  readonly ingest: Ingest;
  /** Closed with the gateway. */
  readonly operators: Operators;
  /** What sessions are sealed with; the same in all gateways of an engine. */
  readonly secret: string;
  readonly host: string;
  readonly port: number;
  /** What is missing before the engine can take events; empty when it is ready. */
  missing(): readonly string[];
  readonly clock?: Clock;
  /** Folder of the built dashboard; `dist/dashboard` unless told. */
  readonly pageFolder?: string;
}

interface UserQuery {
  readonly user?: string;
}

/** Opens the gateway; close the returned server to stop it. */
export async function openGateway(options: GatewayOptions): Promise<FastifyInstance> {
  const { ingest, host, port, missing } = options;
  const server = fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_PATH_PART_CHARS },
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  server.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  server.setNotFoundHandler((request, reply) => {
    const hint =
      'POST /v1/events, POST /v1/decide, GET /v1/campaigns, GET /healthz, GET /readyz; GET / ' +
      'is the dashboard';
    return reply.code(404).send({ problem: `no ${request.method} ${request.url}`, hint });
  });
  server.post<{ Querystring: UserQuery }>('/v1/events', (request, reply) =>
    takeEvents(ingest, request, reply),
  );
  server.post<{ Querystring: UserQuery }>('/v1/decide', (request, reply) =>
    decide(ingest, request, reply),
  );
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', (_request, reply) => {
    const needs = missing();
    return needs.length === 0
      ? { status: 'ready' }
      : reply.code(503).send({ status: 'not ready', missing: needs });
  });
  addOperatorRoutes(server, options);
  addPage(server, options.pageFolder ?? join(projectRoot(), 'dist', 'dashboard'));
  await server.listen({ host, port });
  return server;
}

/** What asks for a login. */
function addOperatorRoutes(
  server: FastifyInstance,
  { operators, clock = systemClock, secret }: GatewayOptions,
): void {
  const sessions = new Sessions(operators, clock.nowMs, secret);
  const streams = new LiveStreams(clock.nowMs);
  const by = accessBy(operators, sessions);
  void server.register(async (scope) => {
    await scope.register(fastifyCookie);
    addSessionRoutes(scope, { operators, sessions, by });
    addLiveRoute(scope, streams, by);
    addInspectRoutes(scope, by);
    addCampaignRoutes(scope, by);
  });
  server.addHook('preClose', async () => streams.close());
  server.addHook('onClose', () => operators[Symbol.asyncDispose]());
}

async function takeEvents(
  ingest: Ingest,
  request: FastifyRequest<{ Querystring: UserQuery }>,
  reply: FastifyReply,
): Promise<unknown> {
  const body = parseBody(request.body);
  if ('rejection' in body) return rejected(reply, body.rejection);
  const { user } = request.query;
  const items = itemsOf(body.json);
  if (items === undefined) {
    if (ingest.waiting >= MAX_WAITING) return shed(reply);
    const taken = await ingest.take(body.json, user);
    return taken.verdict === 'rejected' ? reply.code(422).send(taken) : taken;
  }
  if (items.length === 0 || items.length > MAX_BATCH_ITEMS) {
    return rejected(reply, {
      field: 'events',
      expected: `1 to ${MAX_BATCH_ITEMS} events`,
      found: String(items.length),
      hint: 'split the batch',
    });
  }
  if (ingest.waiting + items.length > MAX_WAITING) return shed(reply);
  const results = await Promise.all(items.map((item) => takeItem(ingest, item, user)));
  return { results, ...countVerdicts(results) };
}

/** One item's failure must not hide what became of the others. */
async function takeItem(
  ingest: Ingest,
  item: unknown,
  user: string | undefined,
): Promise<Taken | { readonly verdict: 'failed'; readonly hint: string }> {
  try {
    return await ingest.take(item, user);
  } catch (error) {
    if (!(error instanceof NotStored)) throw error;
    return { verdict: 'failed', hint: `not stored: ${error.message}; send it again as it is` };
  }
}

async function decide(
  ingest: Ingest,
  request: FastifyRequest<{ Querystring: UserQuery }>,
  reply: FastifyReply,
): Promise<unknown> {
  const startedMs = performance.now();
  const body = parseBody(request.body);
  if ('rejection' in body) return rejected(reply, body.rejection);
  if (ingest.waiting >= MAX_WAITING) return shed(reply);
  const taken = await ingest.take(body.json, request.query.user, true);
  if (taken.verdict === 'rejected') return reply.code(422).send(taken);
  if (taken.verdict === 'duplicate') {
    const user = userOf(body.json) ?? request.query.user ?? '';
    const decision = await ingest.earlierDecision(user, taken.decision_id);
    const latency_ms = performance.now() - startedMs;
    return decision === undefined ? reply.code(409).send(taken) : { ...decision, latency_ms };
  }
  if ('pending' in taken) {
    const hint = 'the event is stored; its decision will come on decisions.<user>';
    return reply.code(504).send({ problem: 'no decision in time', hint });
  }
  if (taken.decision !== undefined) return taken.decision;
  return reply.code(403).send({
    problem: 'the user has not agreed to personalization',
    hint: 'the event was taken; send a consent event with personalization true to get decisions',
  });
}

function parseBody(body: unknown): { readonly json: unknown } | { readonly rejection: Rejection } {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  try {
    return { json: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) };
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 120) : String(error);
    const found = bytes.length === 0 ? 'an empty body' : `${bytes.length} bytes: ${why}`;
    return {
      rejection: { field: 'body', expected: 'JSON in UTF-8', found, hint: 'check the JSON' },
    };
  }
}

function itemsOf(json: unknown): readonly unknown[] | undefined {
  if (Array.isArray(json)) return json;
  const events = (json as { events?: unknown } | null)?.events;
  return Array.isArray(events) ? events : undefined;
}

function userOf(json: unknown): string | undefined {
  const user = (json as { user_id?: unknown } | null)?.user_id;
  return typeof user === 'string' ? user : undefined;
}

function countVerdicts(results: readonly { readonly verdict: string }[]) {
  const count = (verdict: string): number => results.filter((r) => r.verdict === verdict).length;
  return {
    accepted: count('accepted'),
    duplicates: count('duplicate'),
    rejected: count('rejected'),
    failed: count('failed'),
  };
}

function rejected(reply: FastifyReply, rejection: Rejection): FastifyReply {
  return reply.code(422).send({ verdict: 'rejected', ...rejection });
}

function shed(reply: FastifyReply): FastifyReply {
  return reply
    .code(429)
    .header('retry-after', RETRY_AFTER_S)
    .send({
      problem: 'too many events wait for the workers',
      hint: `retry after ${RETRY_AFTER_S} s`,
    });
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof NotStored) {
    const hint = 'the event may be sent again as it is: it will count once';
    return reply
      .code(503)
      .header('retry-after', RETRY_AFTER_S)
      .send({ problem: error.message, hint });
  }
  const { code, message } = error as { code?: string; message: string };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const found = `${request.headers['content-length'] ?? 'more'} bytes`;
    const expected = `at most ${MAX_BODY_BYTES} bytes`;
    const hint = `send at most ${MAX_BATCH_ITEMS} events in one request`;
    return reply.code(413).send({ verdict: 'rejected', field: 'body', expected, found, hint });
  }
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  return reply.code(status).send({ problem: message });
}
