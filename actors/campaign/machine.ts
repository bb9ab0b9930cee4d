/**
 * The campaign actor: its life as a statechart over its definition, grants and reported spend.
 *
 *   draft      known, not bidding
 *   live       bidding wherever a partition has a grant left
 *   exhausted  what is left of the budget does not pay for another win
 *   paused     stopped by an operator
 *   ended      over for good
 */
import { assign, type SnapshotFrom, setup, transition } from 'xstate';
import type { Campaign, CampaignStatus } from '../../protocols/campaign.ts';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import type { Micros } from '../../protocols/money.ts';

export type CampaignEvent =
  | { readonly type: 'campaign.applied'; readonly campaign: Campaign }
  | { readonly type: 'campaign.launched' }
  | { readonly type: 'campaign.paused' }
  | { readonly type: 'campaign.resumed' }
  | { readonly type: 'campaign.ended' }
  | { readonly type: 'spend.reported'; readonly spentMicros: Micros }
  | { readonly type: 'grants.raised'; readonly grants: Readonly<Record<string, Micros>> };

interface CampaignContext {
  readonly campaign: Campaign;
  readonly grantedMicros: Readonly<Record<string, Micros>>;
  readonly spentMicros: Micros;
}

const machineSetup = setup({
  types: {
    context: {} as CampaignContext,
    events: {} as CampaignEvent,
    input: {} as CampaignContext,
  },
  guards: {
    cannotPay: ({ context }) =>
      context.campaign.budget_micros - context.spentMicros < context.campaign.bid_micros,
    canPay: ({ context }) =>
      context.campaign.budget_micros - context.spentMicros >= context.campaign.bid_micros,
  },
  actions: {
    define: assign(({ context, event }) =>
      event.type === 'campaign.applied' ? { ...context, campaign: event.campaign } : context,
    ),
    report: assign(({ context, event }) =>
      event.type === 'spend.reported' ? { ...context, spentMicros: event.spentMicros } : context,
    ),
    grant: assign(({ context, event }) =>
      event.type === 'grants.raised'
        ? { ...context, grantedMicros: { ...context.grantedMicros, ...event.grants } }
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
    'grants.raised': { actions: 'grant' },
  },
  states: {
    draft: { on: { 'campaign.launched': 'live', 'campaign.ended': 'ended' } },
    live: {
      always: { guard: 'cannotPay', target: 'exhausted' },
      on: { 'campaign.paused': 'paused', 'campaign.ended': 'ended' },
    },
    exhausted: {
      always: { guard: 'canPay', target: 'live' },
      on: { 'campaign.paused': 'paused', 'campaign.ended': 'ended' },
    },
    paused: { on: { 'campaign.resumed': 'live', 'campaign.ended': 'ended' } },
    ended: {},
  },
});

type CampaignSnapshot = SnapshotFrom<typeof campaignMachine>;

/** A campaign actor before its launch. */
export function draftCampaign(campaign: Campaign): CampaignActorState {
  return { v: 1, campaign, status: 'draft', version: 1, granted_micros: {} };
}

/**
 * Moves a campaign actor on; its version grows if partitions have to know.
 *
 * @param spentMicros what all partitions have reported so far.
 */
export function moveCampaign(
  state: CampaignActorState,
  spentMicros: Micros,
  event: CampaignEvent,
): CampaignActorState {
  const before: CampaignSnapshot = campaignMachine.resolveState({
    value: state.status,
    context: { campaign: state.campaign, grantedMicros: state.granted_micros, spentMicros },
  });
  const [after] = transition(campaignMachine, before, event);
  const { campaign, grantedMicros } = after.context;
  const status = after.value as CampaignStatus;
  const isNews = status !== state.status || campaign !== state.campaign;
  return {
    v: 1,
    campaign,
    status,
    version: isNews ? state.version + 1 : state.version,
    granted_micros: grantedMicros as Record<string, Micros>,
  };
}
