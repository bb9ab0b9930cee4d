/**
 * Campaigns over HTTP, for operators: read, define, pause, resume, end, change budgets, look back.
 *
 * Every answer that is no success is JSON with `problem` and `hint`. The revision of a campaign is
 * its ETag; with `If-Match` a change is made only if nobody else made one in between.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { campaignSchema } from '../../protocols/campaign.ts';
import {
  type CampaignReport,
  campaignDetailSchema,
  campaignsReportSchema,
  setCampaignBudgetRequest,
} from '../../protocols/campaign-services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { allCampaigns } from '../campaign-pages.ts';
import { askService, ServiceProblem } from '../nats/ask-service.ts';
import type { Access } from './access.ts';
import type { Operator } from './operators.ts';
import { answerProblem, jsonOf, type ProblemHints, parsed, refuseOtherSites } from './problems.ts';

/** A campaign with the longest rules in the widest script is smaller. */
export const MAX_CAMPAIGN_BYTES = 256 * 1024;
const MAX_NAME_CHARS = 64;
const ACTIONS = ['pause', 'resume', 'end'] as const;

const HINTS: ProblemHints = {
  isChallenging: true,
  unknown: 'GET /v1/campaigns shows all campaigns',
  conflict: 'GET the campaign to see how it stands',
  stale: 'GET the campaign, make the change to that one, and send its ETag as If-Match',
  forbidden: 'ask with the name and the password of an operator, from a program or the dashboard',
  tooLarge: 'send one campaign in each request',
  other: 'see docs/campaigns.md',
};

/** Adds the routes; none of them reads a body before it knows who sends it. */
export function addCampaignRoutes(server: FastifyInstance, by: Access): void {
  void server.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => answerProblem(error, request, reply, HINTS));
    scope.addHook('onRequest', async (request, reply) => {
      refuseOtherSites(request);
      await by(request);
      reply.header('cache-control', 'no-store');
    });
    scope.get('/v1/campaigns', async (request) => {
      const { nc } = await by(request);
      return allCampaigns((subject, asked, answer) => askService(nc, subject, asked, answer));
    });
    scope.get<CampaignRoute>('/v1/campaigns/:id', async (request, reply) => {
      const detail = await detailOf(await by(request), request);
      return tagged(reply, detail);
    });
    scope.get<CampaignRoute>('/v1/campaigns/:id/changes', async (request, reply) => {
      const { campaign, changes, revision } = await detailOf(await by(request), request);
      return reply.header('etag', etag(revision)).send({ campaign: campaign.id, changes });
    });
    const bodyLimit = MAX_CAMPAIGN_BYTES;
    scope.put<CampaignRoute>('/v1/campaigns/:id', { bodyLimit }, async (request, reply) =>
      tagged(reply, await putCampaign(await by(request), request)),
    );
    scope.patch<CampaignRoute>('/v1/campaigns/:id/budget', { bodyLimit }, async (request, reply) =>
      tagged(reply, await patchBudget(await by(request), request)),
    );
    for (const action of ACTIONS) {
      const path = `/v1/campaigns/:id/${action}`;
      scope.post<CampaignRoute>(path, { bodyLimit }, async (request, reply) =>
        tagged(reply, await setStatus(await by(request), request, action)),
      );
    }
  });
}

interface CampaignRoute {
  readonly Params: { readonly id: string };
}
type CampaignRequest = FastifyRequest<CampaignRoute>;

async function detailOf({ nc }: Operator, { params }: CampaignRequest) {
  const request = { campaign: params.id };
  return askService(nc, SERVICES.inspectCampaign, request, campaignDetailSchema);
}

async function putCampaign(operator: Operator, request: CampaignRequest): Promise<CampaignReport> {
  const { id } = request.params;
  const body = jsonOf(request, z.looseObject({ id: z.literal(id).default(id) }));
  const campaign = parsed(campaignSchema, body);
  const revision = revisionOf(request);
  const revisions = revision === undefined ? {} : { [id]: revision };
  return changed(operator, SERVICES.applyCampaigns, { campaigns: [campaign], revisions });
}

const budgetsSchema = setCampaignBudgetRequest
  .pick({ budget_micros: true, daily_micros: true, hourly_micros: true })
  .strict()
  .refine((budgets) => Object.keys(budgets).length > 0, 'at least one budget');

async function patchBudget(operator: Operator, request: CampaignRequest): Promise<CampaignReport> {
  const budgets = jsonOf(request, budgetsSchema);
  const revision = revisionOf(request);
  const { id: campaign } = request.params;
  return changed(operator, SERVICES.setCampaignBudget, { campaign, ...budgets, revision });
}

async function setStatus(
  operator: Operator,
  request: CampaignRequest,
  action: (typeof ACTIONS)[number],
): Promise<CampaignReport> {
  const { id: campaign } = request.params;
  const revision = revisionOf(request);
  return changed(operator, SERVICES.setCampaignStatus, { campaign, action, revision });
}

/** Asks for a change of one campaign; gives the campaign as it is then. */
async function changed(
  { nc, name }: Operator,
  subject: string,
  change: object,
): Promise<CampaignReport> {
  const request = { ...change, by: name.slice(0, MAX_NAME_CHARS) };
  const { campaigns } = await askService(nc, subject, request, campaignsReportSchema);
  return campaigns[0] as CampaignReport;
}

function tagged(reply: FastifyReply, report: CampaignReport): FastifyReply {
  return reply.header('etag', etag(report.revision)).send(report);
}

function etag(revision: number): string {
  return `"${revision}"`;
}

/** The revision that a change is based on; undefined if any will do. */
function revisionOf({ headers }: FastifyRequest): number | undefined {
  const header = headers['if-match'];
  if (header === undefined) return undefined;
  const [, digits] = /^"(\d{1,15})"$/.exec(header.trim()) ?? [];
  if (digits !== undefined && Number(digits) > 0) return Number(digits);
  throw new ServiceProblem(
    `If-Match: expected one revision in quotes, such as "3"; found ${header.slice(0, 80)}`,
    { kind: 'invalid' },
  );
}
