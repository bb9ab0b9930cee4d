/**
 * What operators ask about campaigns, and the feed of all of them while anything changes.
 */

import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { audit, concatMap, filter, from, type Observable, type SchedulerLike, timer } from 'rxjs';
import type { z } from 'zod';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import {
  type applyCampaignsRequest,
  type CampaignChange,
  type CampaignDetail,
  type CampaignsReport,
  campaignChangeSchema,
  MAX_SHOWN_CHANGES,
  type setCampaignBudgetRequest,
  type setCampaignStatusRequest,
} from '../../protocols/campaign-services.ts';
import type { CellKind } from '../../protocols/cells.ts';
import type { CampaignId } from '../../protocols/ids.ts';
import type { Refusal, RefusalKind } from '../../protocols/refusal.ts';
import { ACTORS_STREAM, trailSubject } from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import type { Clock } from '../ports.ts';
import { type AttributionSources, attributionReport } from './attribution.ts';
import type { BudgetDesk } from './budget-desk.ts';
import {
  type CampaignFigures,
  campaignDetail,
  campaignParts,
  campaignsReport,
} from './campaign-report.ts';
import type { CellView } from './cell-view.ts';

/** How often the feed is sent while something changes. */
export const FEED_EVERY_MS = 1_000;
/** Making it takes at most one part of this many of the time: many campaigns wait longer. */
const FEED_SHARE = 10;

/** Cells that a report of campaigns is made from. */
const REPORTED_KINDS: ReadonlySet<CellKind> = new Set([
  ...(['campaign', 'delivery', 'suppressed', 'trial', 'reference'] as const),
]);

export interface CampaignSources {
  readonly view: Pick<CellView, 'cells' | 'changes'>;
  readonly desk: Pick<BudgetDesk, 'campaigns' | 'settings'>;
  readonly clock: Clock;
}

/** All campaigns, after every change; many of them come in several reports, to be put together. */
export function liveCampaigns(
  sources: CampaignSources,
  scheduler?: SchedulerLike,
): Observable<CampaignsReport> {
  const { view, clock } = sources;
  let tookMs = 0;
  return view.changes.pipe(
    filter(({ kind }) => REPORTED_KINDS.has(kind)),
    audit(() => timer(Math.max(FEED_EVERY_MS, tookMs * FEED_SHARE), scheduler)),
    concatMap(() => {
      const startedMs = clock.nowMs();
      const parts = [...campaignParts(figuresOf(sources))];
      tookMs = clock.nowMs() - startedMs;
      return from(parts);
    }),
  );
}

/** Campaigns by id, as many as one message holds; `after` asks for those that come next. */
export function inspectCampaigns(sources: CampaignSources, after?: string): CampaignsReport {
  return campaignsReport(figuresOf(sources), after);
}

/** One campaign in full, with the latest changes. Cost: that of attribution over all days. */
export async function inspectCampaign(
  nc: NatsConnection,
  sources: CampaignSources,
  attribution: AttributionSources,
  id: string,
): Promise<CampaignDetail | Refusal> {
  const actor = actorOf(sources.desk, id);
  if (actor === undefined) return unknownCampaign(id);
  const { campaigns } = attributionReport(attribution, {});
  const credit = campaigns.find(({ campaign }) => campaign === id)?.models ?? {};
  const changes = await latestChanges(await jetstreamManager(nc), actor);
  return campaignDetail(figuresOf(sources), actor, credit, changes);
}

/** Defines or changes campaigns, all or none; answers with these. */
export async function applyCampaigns(
  sources: CampaignSources & { readonly desk: Pick<BudgetDesk, 'apply'> },
  { campaigns, revisions, by }: z.infer<typeof applyCampaignsRequest>,
): Promise<CampaignsReport | Refusal> {
  const problem = await sources.desk.apply(campaigns, revisions, by);
  if (problem === undefined) return theseOf(sources, new Set(campaigns.map(({ id }) => id)));
  const stale = campaigns.some(({ id }) => isStale(sources.desk, id, revisions[id]));
  const ended = campaigns.some(({ id }) => actorOf(sources.desk, id)?.status === 'ended');
  return { problem, kind: stale ? 'stale' : ended ? 'conflict' : 'invalid' };
}

/** Pauses, resumes or ends a campaign; answers with it. */
export async function setCampaignStatus(
  sources: CampaignSources & { readonly desk: Pick<BudgetDesk, 'setStatus'> },
  { campaign, action, revision, by }: z.infer<typeof setCampaignStatusRequest>,
): Promise<CampaignsReport | Refusal> {
  const problem = await sources.desk.setStatus(campaign, action, revision, by);
  if (problem === undefined) return theseOf(sources, new Set([campaign]));
  return refusalOf(sources.desk, campaign, revision, problem, 'conflict');
}

/** Changes budgets of a campaign; answers with it. */
export async function setCampaignBudget(
  sources: CampaignSources & { readonly desk: Pick<BudgetDesk, 'setBudget'> },
  { campaign, revision, by, ...budgets }: z.infer<typeof setCampaignBudgetRequest>,
): Promise<CampaignsReport | Refusal> {
  const problem = await sources.desk.setBudget(campaign, budgets, revision, by);
  if (problem === undefined) return theseOf(sources, new Set([campaign]));
  const hasEnded = actorOf(sources.desk, campaign)?.status === 'ended';
  return refusalOf(sources.desk, campaign, revision, problem, hasEnded ? 'conflict' : 'invalid');
}

function figuresOf({ view, desk, clock }: CampaignSources): CampaignFigures {
  return { view, campaigns: desk.campaigns, settings: desk.settings, nowMs: clock.nowMs() };
}

function theseOf(sources: CampaignSources, ids: ReadonlySet<string>): CampaignsReport {
  const figures = figuresOf(sources);
  const campaigns = [...figures.campaigns].filter(({ campaign }) => ids.has(campaign.id));
  return campaignsReport({ ...figures, campaigns });
}

/** The desk says in words why it refused; what kind that is follows from what it holds. */
function refusalOf(
  desk: CampaignSources['desk'],
  id: string,
  revision: number | undefined,
  problem: string,
  otherwise: RefusalKind,
): Refusal {
  if (actorOf(desk, id) === undefined) return { problem, kind: 'unknown' };
  return { problem, kind: isStale(desk, id, revision) ? 'stale' : otherwise };
}

function isStale(desk: CampaignSources['desk'], id: string, basedOn: number | undefined): boolean {
  return basedOn !== undefined && actorOf(desk, id)?.revision !== basedOn;
}

function actorOf(desk: CampaignSources['desk'], id: string): CampaignActorState | undefined {
  for (const actor of desk.campaigns) if (actor.campaign.id === id) return actor;
  return undefined;
}

function unknownCampaign(id: string): Refusal {
  const problem = `no campaign "${id}"; \`microtarget campaigns list\` shows all`;
  return { problem, kind: 'unknown' };
}

/**
 * The newest first. Asked for by their revisions: a subject for each change would be more subjects
 * than a server looks up in one request.
 */
async function latestChanges(
  jsm: JetStreamManager,
  { campaign, revision }: CampaignActorState,
): Promise<CampaignChange[]> {
  const count = Math.min(revision, MAX_SHOWN_CHANGES);
  const subjects = Array.from({ length: count }, (_, i) =>
    trailSubject(campaign.id as CampaignId, revision - i),
  );
  const changes: CampaignChange[] = [];
  const found = await jsm.direct.getLastMessagesFor(ACTORS_STREAM, { multi_last: subjects });
  for await (const message of found)
    changes.push(campaignChangeSchema.parse(upcast('campaignChange', message.json())));
  return changes.sort((a, b) => b.revision - a.revision);
}
