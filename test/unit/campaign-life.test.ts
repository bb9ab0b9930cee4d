/** A campaign's life: draft, live, exhausted, paused, ended; its version and its grants. */
import { describe, expect, test } from 'vitest';
import { planGrants } from '../../actors/campaign/grants.ts';
import { type CampaignEvent, draftCampaign, moveCampaign } from '../../actors/campaign/machine.ts';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import { campaignWith } from '../generators.ts';

const SALE = campaignWith('sale', { budget_micros: 1_000, bid_micros: 100 });
const LAUNCH: CampaignEvent = { type: 'campaign.launched' };
const PAUSE: CampaignEvent = { type: 'campaign.paused' };
const RESUME: CampaignEvent = { type: 'campaign.resumed' };
const END: CampaignEvent = { type: 'campaign.ended' };

function spent(spentMicros: number): CampaignEvent {
  return { type: 'spend.reported', spentMicros };
}

function applied(budget_micros: number): CampaignEvent {
  return { type: 'campaign.applied', campaign: { ...SALE, budget_micros } };
}

/** Where a campaign stands after some events; spend stays as last reported. */
function after(...events: readonly CampaignEvent[]): CampaignActorState {
  let state = draftCampaign(SALE);
  let spentMicros = 0;
  for (const event of events) {
    if (event.type === 'spend.reported') spentMicros = event.spentMicros;
    state = moveCampaign(state, spentMicros, event);
  }
  return state;
}

describe('its states', () => {
  test.each<[string, readonly CampaignEvent[], string]>([
    ['is a draft before its launch', [], 'draft'],
    ['goes live at its launch', [LAUNCH], 'live'],
    ['stays live while its budget pays for another win', [LAUNCH, spent(900)], 'live'],
    ['is exhausted when it does not', [LAUNCH, spent(901)], 'exhausted'],
    ['is exhausted at once without a budget', [applied(0), LAUNCH], 'exhausted'],
    ['lives again when its budget is raised', [LAUNCH, spent(1_000), applied(2_000)], 'live'],
    ['is paused and resumed', [LAUNCH, PAUSE, RESUME], 'live'],
    ['stays paused whatever is spent or defined', [LAUNCH, PAUSE, spent(1), applied(5)], 'paused'],
    ['is paused when exhausted', [LAUNCH, spent(1_000), PAUSE], 'paused'],
    ['resumes as exhausted if nothing is left', [LAUNCH, spent(1_000), PAUSE, RESUME], 'exhausted'],
    ['ends for good', [LAUNCH, END, RESUME, LAUNCH, applied(9_000), PAUSE], 'ended'],
    ['ends as a draft', [END], 'ended'],
    ['ends when paused', [LAUNCH, PAUSE, END], 'ended'],
    ['ends when exhausted', [LAUNCH, spent(1_000), END], 'ended'],
    ['cannot be paused or resumed as a draft', [PAUSE, RESUME], 'draft'],
    ['is not launched twice', [LAUNCH, PAUSE, LAUNCH], 'paused'],
  ])('%s', (_what, events, status) => {
    expect(after(...events).status).toBe(status);
  });
});

describe('its version', () => {
  test('grows when partitions have to know: a new definition or another status', () => {
    const versions = [[], [LAUNCH], [LAUNCH, PAUSE], [LAUNCH, PAUSE, RESUME]].map(
      (events) => after(...events).version,
    );
    expect(versions).toEqual([1, 2, 3, 4]);
    expect(after(LAUNCH, applied(2_000)).version).toBe(3);
    expect(after(LAUNCH, spent(950)).version).toBe(3);
  });

  test('stays when nothing moves', () => {
    expect(after(LAUNCH, spent(10), spent(20), LAUNCH, RESUME).version).toBe(2);
    const grants: CampaignEvent = { type: 'grants.raised', grants: { 0: 100 } };
    expect(after(LAUNCH, grants)).toMatchObject({ version: 2, granted_micros: { 0: 100 } });
  });

  test('a move leaves the state it came from as it was', () => {
    const live = after(LAUNCH);
    const before = JSON.stringify(live);
    moveCampaign(live, 0, { type: 'grants.raised', grants: { 1: 5 } });
    moveCampaign(live, 1_000, spent(1_000));
    expect(JSON.stringify(live)).toBe(before);
  });

  test('grants of other partitions stay', () => {
    const first: CampaignEvent = { type: 'grants.raised', grants: { 0: 100, 1: 50 } };
    const second: CampaignEvent = { type: 'grants.raised', grants: { 1: 80 } };
    expect(after(LAUNCH, first, second).granted_micros).toEqual({ 0: 100, 1: 80 });
  });
});

describe('its grants', () => {
  const large = campaignWith('large', { budget_micros: 16_000, bid_micros: 100 });
  const partition = (n: number, grantedMicros: number, spentMicros: number) => ({
    partition: n,
    grantedMicros,
    spentMicros,
  });

  test('begin as equal slices of a quarter of the budget', () => {
    const plan = planGrants(
      large,
      [0, 1, 2, 3].map((n) => partition(n, 0, 0)),
    );
    expect(plan).toEqual({ 0: 1_000, 1: 1_000, 2: 1_000, 3: 1_000 });
  });

  test('go to who runs low, and to nobody else', () => {
    const low = partition(1, 1_000, 900);
    expect(planGrants(large, [partition(0, 1_000, 0), low])).toEqual({ 1: 2_650 });
    expect(planGrants(large, [partition(0, 1_000, 0), partition(1, 1_000, 100)])).toEqual({});
  });

  test('pay for a few wins even where slices would be tiny, while there is so much', () => {
    const small = campaignWith('small', { budget_micros: 900, bid_micros: 100 });
    const four = [0, 1, 2, 3].map((n) => partition(n, 0, 0));
    expect(planGrants(small, four)).toEqual({ 0: 400, 1: 400, 2: 100 });
  });

  test('end with the budget', () => {
    const gone = [partition(0, 16_000, 16_000), partition(1, 0, 0)];
    expect(planGrants(large, gone)).toEqual({});
    expect(planGrants({ ...large, budget_micros: 1_000 }, gone)).toEqual({});
  });
});
