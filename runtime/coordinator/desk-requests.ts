/**
 * What operators ask of the budget desk, judged before anything is stored: the moves that a request
 * leads to, or what is wrong with it.
 */
import { campaignMistakes } from '../../actors/campaign/entry.ts';
import { draftCampaign, moveCampaign } from '../../actors/campaign/machine.ts';
import { UnknownFeature } from '../../actors/model/inputs.ts';
import { Scorer } from '../../actors/model/scorer.ts';
import { type Campaign, campaignSchema, MAX_CAMPAIGNS } from '../../protocols/campaign.ts';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import type { Model } from '../../protocols/model.ts';
import type { Problem } from '../../protocols/services.ts';
import { changedFields } from './desk-trail.ts';

/** Budgets as operators change them: null takes a cap away, undefined leaves it. */
export interface Budgets {
  readonly budget_micros?: number | undefined;
  readonly daily_micros?: number | null | undefined;
  readonly hourly_micros?: number | null | undefined;
}

/** A campaign before and after its definition; nothing before if it is new. */
export interface Move {
  readonly before: CampaignActorState | null;
  readonly actor: CampaignActorState;
}

/**
 * Where definitions lead; those that change nothing lead nowhere.
 *
 * @param revisions by campaign: that which its definition is based on.
 * @param spentMicros what a campaign has spent so far.
 */
export function defined(
  campaigns: readonly Campaign[],
  revisions: Readonly<Record<string, number>>,
  known: ReadonlyMap<string, CampaignActorState>,
  spentMicros: (id: string) => number,
): { readonly moved: readonly Move[] } | Problem {
  const moved: Move[] = [];
  const ids = new Set<string>();
  for (const campaign of campaigns) {
    const { id } = campaign;
    const before = known.get(id) ?? null;
    const problem = definitionProblem(campaign, before, revisionIn(revisions, id), ids);
    if (problem !== undefined) return { problem };
    ids.add(id);
    if (before === null) {
      const draft = draftCampaign(campaign);
      moved.push({ before, actor: moveCampaign(draft, 0, { type: 'campaign.launched' }) });
    } else if (changedFields(before.campaign, campaign).length > 0) {
      const event = { type: 'campaign.applied', campaign } as const;
      moved.push({ before, actor: moveCampaign(before, spentMicros(id), event) });
    }
  }
  const added = moved.filter(({ before }) => before === null).length;
  if (known.size + added > MAX_CAMPAIGNS) {
    const found = known.size + added;
    return { problem: `expected at most ${MAX_CAMPAIGNS} campaigns, found ${found}; reuse some` };
  }
  return { moved };
}

function definitionProblem(
  campaign: Campaign,
  before: CampaignActorState | null,
  revision: number | undefined,
  ids: ReadonlySet<string>,
): string | undefined {
  const { id } = campaign;
  if (ids.has(id)) return `campaign ${id}: expected each campaign once; name it once`;
  if (before === null && revision !== undefined) {
    return `campaign ${id}: expected revision ${revision}, found no such campaign; leave it out`;
  }
  if (before !== null) {
    const stale = staleProblem(before, revision);
    if (stale !== undefined) return stale;
    if (before.status === 'ended') return `campaign ${id} has ended: use a new id`;
  }
  const mistakes = campaignMistakes(campaign);
  if (mistakes.length === 0) return undefined;
  const texts = mistakes.map(({ field, message }) => `campaign ${id}, ${field}: ${message}`);
  return texts.join('\n');
}

/** Why a change that is based on another revision than the one in force is refused. */
export function staleProblem(
  { campaign, revision: inForce }: CampaignActorState,
  revision: number | undefined,
): string | undefined {
  if (revision === undefined || revision === inForce) return undefined;
  return (
    `campaign ${campaign.id}: expected revision ${inForce}, which is in force, found ` +
    `${revision}: somebody has changed it since; look at it again and repeat your change on ` +
    'what it is now'
  );
}

/** That there is no such campaign. */
export function missing(id: string): string {
  return `no campaign "${id}"; \`microtarget campaigns list\` shows all`;
}

/** A campaign with other budgets, or what is wrong with them. */
export function withBudgets(campaign: Campaign, budgets: Budgets): Campaign | Problem {
  const changed: Record<string, unknown> = { ...campaign };
  for (const [field, micros] of Object.entries(budgets)) {
    if (micros === null) delete changed[field];
    else if (micros !== undefined) changed[field] = micros;
  }
  const parsed = campaignSchema.safeParse(changed);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return { problem: `campaign ${campaign.id}: ${issues.join('; ')}` };
}

/** Why a model cannot follow another one. */
export function modelProblem(model: Model, inForce: Model): string | undefined {
  if (model.version <= inForce.version) {
    const names = { inForce: JSON.stringify(inForce.name), found: JSON.stringify(model.name) };
    return (
      `model version: expected more than ${inForce.version}, that of ${names.inForce} in force, ` +
      `found ${model.version}, of ${names.found}; give it version ${inForce.version + 1} or more`
    );
  }
  try {
    new Scorer(model);
    return undefined;
  } catch (error) {
    if (error instanceof UnknownFeature) return error.message;
    throw error;
  }
}

function revisionIn(revisions: Readonly<Record<string, number>>, id: string): number | undefined {
  return Object.hasOwn(revisions, id) ? revisions[id] : undefined;
}
