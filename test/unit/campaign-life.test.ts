/** A campaign's life: draft, live, throttled, exhausted, paused, ended; its version and grants. */
import { describe, expect, test } from 'vitest';
import { planGrants } from '../../actors/campaign/grants.ts';
import { type CampaignEvent, draftCampaign, moveCampaign } from '../../actors/campaign/machine.ts';
import type { PartitionBudget } from '../../actors/campaign/plan.ts';
import { isTakenIn, nextWindow, reachOf, windowOf } from '../../actors/campaign/windows.ts';
import { emptyDelivery } from '../../actors/partition/empty-cells.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import { FOREVER_MS, type Grant } from '../../protocols/grant.ts';
import { campaignWith } from '../generators.ts';

const SALE = campaignWith('sale', { budget_micros: 1_000, bid_micros: 100 });
const LAUNCH: CampaignEvent = { type: 'campaign.launched' };
const PAUSE: CampaignEvent = { type: 'campaign.paused' };
const RESUME: CampaignEvent = { type: 'campaign.resumed' };
const END: CampaignEvent = { type: 'campaign.ended' };
const THROTTLE: CampaignEvent = { type: 'campaign.throttled' };

function spent(spentMicros: number): CampaignEvent {
  return { type: 'spend.reported', spentMicros };
}

function applied(budget_micros: number): CampaignEvent {
  return { type: 'campaign.applied', campaign: { ...SALE, budget_micros } };
}

const ALWAYS = { from_ms: 0, until_ms: FOREVER_MS, day_from_ms: 0 };

function always(allow_micros: number): Grant {
  return { ...ALWAYS, allow_micros, limited_by: 'total' };
}

function told(allowed: Readonly<Record<string, number>>): CampaignEvent {
  const grants = Object.entries(allowed).map(([partition, micros]) => [
    partition,
    { version: 1, grant: always(micros), before: null },
  ]);
  return { type: 'grants.told', grants: Object.fromEntries(grants) };
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
    ['is throttled while it runs', [LAUNCH, THROTTLE], 'throttled'],
    ['is throttled when exhausted', [LAUNCH, spent(1_000), THROTTLE], 'throttled'],
    ['is not throttled when paused', [LAUNCH, PAUSE, THROTTLE], 'paused'],
    ['stays throttled whatever comes', [LAUNCH, THROTTLE, spent(5), applied(9_000)], 'throttled'],
    ['is resumed by an operator', [LAUNCH, THROTTLE, RESUME], 'live'],
    ['ends when throttled', [LAUNCH, THROTTLE, END], 'ended'],
  ])('%s', (_what, events, status) => {
    expect(after(...events).status).toBe(status);
  });
});

test('a house campaign needs no money', () => {
  const house = draftCampaign({ ...SALE, house: true, budget_micros: 0 });
  expect(moveCampaign(house, 0, LAUNCH).status).toBe('live');
});

describe('its revision', () => {
  test('grows with what operators do, and with its throttling', () => {
    const path = [LAUNCH, PAUSE, RESUME, applied(2_000), THROTTLE, RESUME, END];
    const revisions = path.map((_, i) => after(...path.slice(0, i + 1)).revision);
    expect(revisions).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('stays when it is only exhausted, or grants are told', () => {
    expect(after(LAUNCH, spent(950))).toMatchObject({ revision: 1, version: 3 });
    expect(after(LAUNCH, told({ 0: 100 })).revision).toBe(1);
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
    expect(after(LAUNCH, told({ 0: 100 })).version).toBe(2);
    const live = after(LAUNCH);
    expect(moveCampaign(live, 10, spent(10))).toBe(live);
  });

  test('a move leaves the state it came from as it was', () => {
    const live = after(LAUNCH);
    const before = JSON.stringify(live);
    moveCampaign(live, 0, told({ 1: 5 }));
    moveCampaign(live, 1_000, spent(1_000));
    expect(JSON.stringify(live)).toBe(before);
  });

  test('grants of other partitions stay', () => {
    const { grants } = after(LAUNCH, told({ 0: 100, 1: 50 }), told({ 1: 80 }));
    expect([grants[0]?.grant.allow_micros, grants[1]?.grant.allow_micros]).toEqual([100, 80]);
  });
});

const NOON_MS = Date.parse('2024-04-08T12:00Z');

/** What is planned at noon, as what each partition may spend beyond what it has. */
function planned(
  campaign: Campaign,
  partitions: readonly PartitionBudget[],
): Record<string, number> {
  const window = windowOf(campaign, NOON_MS);
  const plan = planGrants(campaign, partitions, {
    nowMs: NOON_MS,
    window,
    pacedMicros: undefined,
  });
  return Object.fromEntries(
    Object.entries(plan).map(([partition, { allow_micros }]) => [partition, allow_micros]),
  );
}

/** A partition that took in an allowance for ever and has spent some of it. */
function partition(n: number, allow: number, spentMicros: number, isActive = false) {
  const grant = always(allow);
  const spent = { spent_micros: spentMicros, window_micros: spentMicros };
  const cell = { ...emptyDelivery(), grant, grant_version: 1, ...spent };
  return { partition: n, told: { version: 1, grant, before: null }, cell, isActive };
}

function unheard(n: number): PartitionBudget {
  return { partition: n, told: undefined, cell: undefined, isActive: false };
}

describe('its grants', () => {
  const large = campaignWith('large', { budget_micros: 16_000, bid_micros: 100 });

  test('begin as equal slices of a quarter of the budget', () => {
    const plan = planned(large, [0, 1, 2, 3].map(unheard));
    expect(plan).toEqual({ 0: 1_000, 1: 1_000, 2: 1_000, 3: 1_000 });
  });

  test('go to who runs low, and to nobody else', () => {
    const low = partition(1, 1_000, 900, true);
    expect(planned(large, [partition(0, 1_900, 0), low])).toEqual({ 1: 900 + 1_887 });
    expect(planned(large, [partition(0, 1_900, 0), partition(1, 1_900, 100, true)])).toEqual({});
  });

  test('leave nothing to who is idle where little is left', () => {
    const small = campaignWith('small', { budget_micros: 700, bid_micros: 100 });
    expect(planned(small, [0, 1, 2, 3].map(unheard))).toEqual({});
    const busy = { ...unheard(2), isActive: true };
    expect(planned(small, [unheard(0), unheard(1), busy, unheard(3)])).toEqual({ 2: 400 });
  });

  test('are taken back from who is idle when others lack them, and not else', () => {
    const idle = partition(0, 8_000, 1_000);
    const busy = partition(1, 8_000, 8_000, true);
    expect(planned(large, [idle, busy])).toEqual({ 0: 1_000 });
    expect(planned(large, [idle, { ...busy, isActive: false }])).toEqual({});
  });

  test('are not told anew before the last were taken in', () => {
    const { cell } = partition(0, 8_000, 1_000);
    const busy = partition(1, 8_000, 8_000, true);
    const told = { version: 2, grant: always(9_000), before: cell.grant };
    expect(planned(large, [{ partition: 0, told, cell, isActive: false }, busy])).toEqual({});
  });

  test('end with the budget, and shrink with it', () => {
    const gone = [partition(0, 16_000, 16_000, true), unheard(1)];
    expect(planned(large, gone)).toEqual({});
    const lowered = { ...large, budget_micros: 1_000 };
    expect(planned(lowered, [partition(0, 4_000, 700), partition(1, 500, 200)])).toEqual({
      0: 700,
      1: 200,
    });
  });

  test('say which bound it is that holds them back', () => {
    const limits = { daily_micros: 5_000, hourly_micros: 9_000, time_zone: 'UTC' };
    const limited = (campaign: Campaign, pacedMicros?: number): (string | undefined)[] => {
      const window = windowOf(campaign, NOON_MS);
      const plan = planGrants(campaign, [unheard(0)], { nowMs: NOON_MS, window, pacedMicros });
      return Object.values(plan).map(({ limited_by }) => limited_by);
    };
    expect(limited(large)).toEqual(['total']);
    expect(limited({ ...large, ...limits })).toEqual(['day']);
    expect(limited({ ...large, ...limits, hourly_micros: 900 })).toEqual(['hour']);
    expect(limited({ ...large, ...limits }, 600)).toEqual(['pacing']);
    // Of two that bind alike, the one that does not pass.
    expect(limited({ ...large, daily_micros: 16_000 })).toEqual(['total']);
  });
});

describe('its windows', () => {
  const window = (from: number, until: number, day = 0) => {
    return { from_ms: from, until_ms: until, day_from_ms: day };
  };
  const HOUR = 3_600_000;
  const DAY = 24 * HOUR;

  test('are the hour, else the day, else all time', () => {
    const zoned = { ...SALE, time_zone: 'Asia/Kolkata' };
    const day = Date.parse('2024-04-07T18:30Z');
    const hour = Date.parse('2024-04-08T11:30Z');
    expect(windowOf(zoned, NOON_MS)).toEqual(ALWAYS);
    const daily = { ...zoned, daily_micros: 1 };
    expect(windowOf(daily, NOON_MS)).toEqual(window(day, day + DAY, day));
    const hourly = window(hour, hour + HOUR, day);
    expect(windowOf({ ...daily, hourly_micros: 1 }, NOON_MS)).toEqual(hourly);
    const only = window(hour, hour + HOUR);
    expect(windowOf({ ...zoned, hourly_micros: 1 }, NOON_MS)).toEqual(only);
  });

  test.each([
    ['begin as the clock says', undefined, window(5, 9), window(5, 9)],
    ['follow each other', window(0, DAY, 0), window(DAY, 2 * DAY, DAY), window(DAY, 2 * DAY, DAY)],
    ['stay when the clock is put back', window(DAY, 2 * DAY), window(0, DAY), window(DAY, 2 * DAY)],
    [
      'go on when the hourly cap goes, with what the day has spent',
      window(5 * HOUR, 6 * HOUR, HOUR),
      window(HOUR, HOUR + DAY, HOUR),
      window(5 * HOUR, HOUR + DAY, HOUR),
    ],
    [
      'begin anew for a new hourly cap, on the same day',
      window(HOUR, HOUR + DAY, HOUR),
      window(5 * HOUR, 6 * HOUR, HOUR),
      window(5 * HOUR, 6 * HOUR, HOUR),
    ],
    [
      'begin anew for a new daily cap',
      ALWAYS,
      window(DAY, 2 * DAY, DAY),
      window(DAY, 2 * DAY, DAY),
    ],
    [
      'go on, on the same day, where the zone changes',
      window(DAY, 2 * DAY, DAY),
      window(DAY + 6 * HOUR, 2 * DAY + 6 * HOUR, DAY + 6 * HOUR),
      window(DAY, 2 * DAY + 6 * HOUR, DAY),
    ],
    [
      'take a new day at its midnight',
      window(2 * DAY - HOUR, 2 * DAY, DAY),
      window(2 * DAY, 2 * DAY + HOUR, 2 * DAY),
      window(2 * DAY, 2 * DAY + HOUR, 2 * DAY),
    ],
  ])('%s', (_what, last, now, next) => {
    expect(nextWindow(last, now)).toEqual(next);
  });
});

describe('what a partition can spend at most', () => {
  const DAY_1 = { from_ms: 100, until_ms: 200, day_from_ms: 100 };
  const DAY_2 = { from_ms: 200, until_ms: 300, day_from_ms: 200 };
  const grant = (window: typeof DAY_1, allow_micros: number): Grant => {
    return { ...window, allow_micros, limited_by: 'day' };
  };
  const cell = (had: Grant, grant_version: number, window_micros: number) => {
    const spent = { window_micros, day_micros: window_micros, spent_micros: 1_000 + window_micros };
    return { ...emptyDelivery(), grant: had, grant_version, ...spent };
  };
  const told = (next: Grant, before: Grant | null) => ({ version: 7, grant: next, before });

  test('is the greater of two grants for one window until the newer is taken in', () => {
    const [high, low] = [grant(DAY_1, 50), grant(DAY_1, 30)];
    const both = { total: 1_050, day: 50, window: 50, unspent: 40 };
    expect(reachOf(told(low, high), cell(high, 6, 10), DAY_1)).toEqual(both);
    expect(reachOf(told(high, low), cell(low, 6, 10), DAY_1)).toEqual(both);
    const lower = { total: 1_030, day: 30, window: 30, unspent: 20 };
    expect(reachOf(told(low, high), cell(low, 7, 10), DAY_1)).toEqual(lower);
  });

  test('is both, where the newer one is for another window', () => {
    const [old, next] = [grant(DAY_1, 50), grant(DAY_2, 30)];
    expect(reachOf(told(next, old), cell(old, 6, 10), DAY_2)).toEqual({
      total: 1_080,
      day: 30,
      window: 30,
      unspent: 70,
    });
  });

  test('counts what an hour has left for the day that the hour is part of', () => {
    const had = grant(DAY_1, 50);
    const later = { ...DAY_1, from_ms: 150 };
    const both = { total: 1_050, day: 50, window: 0, unspent: 40 };
    expect(reachOf(told(had, null), cell(had, 7, 10), later)).toEqual(both);
    expect(reachOf(told(grant(later, 5), had), cell(had, 6, 10), later)).toEqual({
      ...{ total: 1_055, day: 55 },
      ...{ window: 5, unspent: 45 },
    });
  });

  test('is what it is known to have, if nobody told it anything', () => {
    expect(reachOf(undefined, undefined, DAY_1)).toEqual({
      total: 0,
      day: 0,
      window: 0,
      unspent: 0,
    });
  });

  test('a grant is taken in when its message, or a later one, was, and it is there', () => {
    const [high, low] = [grant(DAY_1, 50), grant(DAY_1, 30)];
    expect(isTakenIn(told(high, null), cell(high, 6, 0))).toBe(false);
    expect(isTakenIn(told(high, null), cell(high, 7, 0))).toBe(true);
    expect(isTakenIn(told(high, null), cell(high, 9, 0))).toBe(true);
    expect(isTakenIn(told(high, null), cell(low, 9, 0))).toBe(false);
    // Never less than what is spent, so that the partition had to raise it.
    expect(isTakenIn(told(low, high), cell(grant(DAY_1, 40), 7, 40))).toBe(true);
    expect(isTakenIn(told(high, null), undefined)).toBe(false);
  });
});
