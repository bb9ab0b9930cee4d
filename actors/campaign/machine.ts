/**
 * The campaign actor: its life as a statechart over its definition, grants and reported spend.
 *
 *   draft      known, not bidding
 *   live       bidding wherever a partition has a grant left
 *   throttled  stopped by its breaker, until an operator resumes it
 *   exhausted  what is left of the total budget does not pay for another win
 *   paused     stopped by an operator
 *   ended      over for good
 *
 * Windows of time, pacing and days used up are matters of grants: no status follows from them.
 */
import { assign, type SnapshotFrom, setup, transition } from 'xstate';
import type { Campaign, CampaignStatus } from '../../protocols/campaign.ts';
import type { CampaignActorState, ToldGrant } from '../../protocols/campaign-actor.ts';
import type { Micros } from '../../protocols/money.ts';

export type CampaignEvent =
  | { readonly type: 'campaign.applied'; readonly campaign: Campaign }
  | { readonly type: 'campaign.launched' }
  | { readonly type: 'campaign.paused' }
  | { readonly type: 'campaign.resumed' }
  | { readonly type: 'campaign.ended' }
  | { readonly type: 'campaign.throttled' }
  | { readonly type: 'spend.reported'; readonly spentMicros: Micros }
  | { readonly type: 'grants.told'; readonly grants: Readonly<Record<string, ToldGrant>> };

interface CampaignContext {
  readonly campaign: Campaign;
  readonly grants: Readonly<Record<string, ToldGrant>>;
  readonly spentMicros: Micros;
}

const machineSetup = setup({
  types: {
    context: {} as CampaignContext,
    events: {} as CampaignEvent,
    input: {} as CampaignContext,
  },
  guards: {
    cannotPay: ({ context }) => !canPay(context.campaign, context.spentMicros),
    canPay: ({ context }) => canPay(context.campaign, context.spentMicros),
  },
  actions: {
    define: assign(({ context, event }) =>
      event.type === 'campaign.applied' ? { ...context, campaign: event.campaign } : context,
    ),
    report: assign(({ context, event }) =>
      event.type === 'spend.reported' ? { ...context, spentMicros: event.spentMicros } : context,
    ),
    grant: assign(({ context, event }) =>
      event.type === 'grants.told'
        ? { ...context, grants: { ...context.grants, ...event.grants } }
        : context,
    ),
  },
});

export const campaignMachine = machineSetup.createMachine({
  id: 'campaign',
  initial: 'draft',
  context: ({ input }) => input,
  on: {
    'campaign.applied': { actions: 'define' },
    'spend.reported': { actions: 'report' },
    'grants.told': { actions: 'grant' },
  },
  states: {
    draft: { on: { 'campaign.launched': 'live', 'campaign.ended': 'ended' } },
    live: {
      always: { guard: 'cannotPay', target: 'exhausted' },
      on: {
        'campaign.paused': 'paused',
        'campaign.ended': 'ended',
        'campaign.throttled': 'throttled',
      },
    },
    throttled: { on: { 'campaign.resumed': 'live', 'campaign.ended': 'ended' } },
    exhausted: {
      always: { guard: 'canPay', target: 'live' },
      on: {
        'campaign.paused': 'paused',
        'campaign.ended': 'ended',
        'campaign.throttled': 'throttled',
      },
    },
    paused: { on: { 'campaign.resumed': 'live', 'campaign.ended': 'ended' } },
    ended: {},
  },
});

type CampaignSnapshot = SnapshotFrom<typeof campaignMachine>;

/** Whether what is left of the total budget pays for a win; house campaigns need no money. */
export function canPay({ house, budget_micros, bid_micros }: Campaign, spent: Micros): boolean {
  return house || budget_micros - spent >= bid_micros;
}

/** A campaign actor before its launch. */
export function draftCampaign(campaign: Campaign): CampaignActorState {
  return { v: 2, campaign, status: 'draft', version: 1, revision: 1, grants: {} };
}

/**
 * Moves a campaign actor on. Its version grows if partitions have to know, its revision if somebody
 * else than the campaign itself has changed it; a launch belongs to the revision that defines it.
 *
 * @param spentMicros what all partitions have reported so far.
 * @returns the same state if nothing has changed.
 */
export function moveCampaign(
  state: CampaignActorState,
  spentMicros: Micros,
  event: CampaignEvent,
): CampaignActorState {
  const before: CampaignSnapshot = campaignMachine.resolveState({
    value: state.status,
    context: { campaign: state.campaign, grants: state.grants, spentMicros },
  });
  const [after] = transition(campaignMachine, before, event);
  const { campaign, grants } = after.context;
  const status = after.value as CampaignStatus;
  const isNews = status !== state.status || campaign !== state.campaign;
  if (!isNews && grants === state.grants) return state;
  const isRevision =
    isNews && event.type !== 'spend.reported' && event.type !== 'campaign.launched';
  return {
    v: 2,
    campaign,
    status,
    version: isNews ? state.version + 1 : state.version,
    revision: isRevision ? state.revision + 1 : state.revision,
    grants: grants as CampaignActorState['grants'],
  };
}
