/**
 * What the dashboard asks: every question goes to a service of the engine over the connection of
 * whoever asks, and is answered with the JSON that the service answers.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { alertSchema } from '../../protocols/alert.ts';
import { inspectAttributionRequest } from '../../protocols/services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { allCampaigns } from '../campaign-pages.ts';
import { askService, ServiceProblem } from '../nats/ask-service.ts';
import type { Access } from './access.ts';
import type { Operator, Rights } from './operators.ts';
import { answerProblem, type ProblemHints, parsed, refuseOtherSites } from './problems.ts';

const MAX_NAME_CHARS = 64;
/** A whole partition's log may have to be replayed. */
const EXPLANATION_TIMEOUT_MS = 35_000;

const HINTS: ProblemHints = {
  notAuthorized: 'log in: POST /v1/session, or HTTP Basic authentication',
  forbidden: 'log in as an operator, at the address of the dashboard itself',
  unavailable: 'try again in a moment',
};

/** Of an answer, that it is an object is all that matters here: who asks knows what is in it. */
const anyObject = z.looseObject({});

const flag = z.enum(['true', 'false']).transform((given) => given === 'true');
const attributionQuery = z.strictObject({
  ...inspectAttributionRequest.pick({ from: true, to: true }).shape,
  order: z.coerce.number().pipe(inspectAttributionRequest.shape.order.unwrap()).optional(),
  transitions: flag.optional(),
  intervals: flag.optional(),
});

/** A question with what it needs from the path or the query. */
interface Question {
  readonly path: string;
  readonly subject: string;
  readonly timeoutMs?: number;
  request?(asked: FastifyRequest<NamedRoute>): object;
}

interface NamedRoute {
  readonly Params: Readonly<Record<'id' | 'user', string>>;
}

/** A question about small groups too where an operator asks it, and without them otherwise. */
interface QuestionByRights extends Readonly<Record<Rights, string>> {
  readonly path: string;
}

const QUESTIONS_BY_RIGHTS: readonly QuestionByRights[] = [
  {
    path: '/live',
    viewer: SERVICES.inspectMarketerLive,
    operator: SERVICES.inspectOperatorLive,
  },
  {
    path: '/alerts',
    viewer: SERVICES.inspectMarketerAlerts,
    operator: SERVICES.inspectAlerts,
  },
];

const VIEWERS_QUESTIONS: readonly Question[] = [
  {
    path: '/attribution',
    subject: SERVICES.inspectAttribution,
    request: ({ query }) => parsed(attributionQuery, query),
  },
  {
    path: '/campaigns/:id',
    subject: SERVICES.inspectCampaign,
    request: ({ params }) => ({ campaign: params.id }),
  },
];

const ofUser = ({ params }: FastifyRequest<NamedRoute>) => ({ user: params.user });
const OPERATORS_QUESTIONS: readonly Question[] = [
  { path: '/partitions', subject: SERVICES.inspectPartitions },
  { path: '/model', subject: SERVICES.inspectModel },
  { path: '/model-quality', subject: SERVICES.inspectModelQuality },
  { path: '/dead-letters', subject: SERVICES.inspectDeadLetters },
  { path: '/users/:user', subject: SERVICES.inspectUser, request: ofUser },
  { path: '/users/:user/history', subject: SERVICES.inspectHistory, request: ofUser },
  { path: '/users/:user/decisions', subject: SERVICES.inspectDecisions, request: ofUser },
  {
    path: '/decisions/:id/explanation',
    subject: SERVICES.inspectExplanation,
    timeoutMs: EXPLANATION_TIMEOUT_MS,
    request: ({ params }) => ({ decision: params.id }),
  },
];

/** Adds the routes; none of them reads anything before it knows who asks. */
export function addInspectRoutes(server: FastifyInstance, by: Access): void {
  void server.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => answerProblem(error, request, reply, HINTS));
    scope.addHook('onRequest', async (request, reply) => {
      refuseOtherSites(request);
      await by(request);
      reply.header('cache-control', 'no-store');
    });
    for (const question of VIEWERS_QUESTIONS) addQuestion(scope, question, by);
    for (const question of OPERATORS_QUESTIONS) {
      addQuestion(scope, question, async (request) => onlyOperator(await by(request)));
    }
    for (const { path, ...subjects } of QUESTIONS_BY_RIGHTS) {
      scope.get(`/v1/inspect${path}`, async (request) => {
        const { nc, rights } = await by(request);
        return askService(nc, subjects[rights], {}, anyObject);
      });
    }
    scope.get('/v1/inspect/campaigns', async (request) => {
      const { nc } = await by(request);
      return allCampaigns((subject, asked, answer) => askService(nc, subject, asked, answer));
    });
    scope.post<NamedRoute>('/v1/alerts/:id/acknowledge', async (request) => {
      const { nc, name } = onlyOperator(await by(request));
      const acknowledgement = { id: request.params.id, by: name.slice(0, MAX_NAME_CHARS) };
      return askService(nc, SERVICES.acknowledgeAlert, acknowledgement, alertSchema);
    });
  });
}

function addQuestion(scope: FastifyInstance, question: Question, by: Access): void {
  const { path, subject, timeoutMs, request: requestOf } = question;
  scope.get<NamedRoute>(`/v1/inspect${path}`, async (request) => {
    const { nc } = await by(request);
    return askService(nc, subject, requestOf?.(request) ?? {}, anyObject, timeoutMs);
  });
}

/** The server would refuse a viewer's question too; here it costs it nothing. */
function onlyOperator(operator: Operator): Operator {
  if (operator.rights === 'operator') return operator;
  throw new ServiceProblem(`${operator.name} may not see or do this`, { kind: 'forbidden' });
}
