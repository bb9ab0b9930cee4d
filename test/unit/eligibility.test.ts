/** Why a campaign may not bid: each reason on its own, and which of several is named. */
import { describe, expect, test } from 'vitest';
import type { Signals } from '../../actors/campaign/auction.ts';
import { exclusionOf, type Occasion } from '../../actors/campaign/eligibility.ts';
import { type Campaign, type CampaignStatus, SIGNALS } from '../../protocols/campaign.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import { BASE_MS, campaignWith, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../generators.ts';

const EVEN = Object.fromEntries(SIGNALS.map((name) => [name, 0.5])) as Signals;
const GRANTED: DeliveryCell = {
  ...{ v: 1, granted_micros: 1_000_000, spent_micros: 0 },
  ...{ wins: 0, shown: 0, clicked: 0, dismissed: 0 },
};
const PAGE_VIEW: Occasion = { atMs: BASE_MS, trigger: 'behavior', placement: undefined };
const HERO: Occasion = { atMs: BASE_MS, trigger: undefined, placement: 'home_hero' };

interface Circumstances {
  readonly status?: CampaignStatus;
  readonly delivery?: DeliveryCell;
  readonly occasion?: Occasion;
  readonly signals?: Signals;
  readonly wonAtMs?: readonly number[];
}

function wins(campaign: string, atMs: readonly number[]): FusedState['exposures'] {
  return atMs.map((t, i) => ({ campaign, t, decision: `d_${i}` }));
}

/** Why a campaign with these changes may not bid; all else about it and the user is fine. */
function why(changes: Partial<Campaign>, circumstances: Circumstances = {}): string {
  const {
    status = 'live',
    delivery = GRANTED,
    occasion = PAGE_VIEW,
    signals = EVEN,
    wonAtMs = [],
  } = circumstances;
  const campaign = campaignWith('sale', { triggers: ['behavior'], ...changes });
  const exposures = wins('sale', wonAtMs);
  return exclusionOf(campaign, status, delivery, occasion, signals, exposures) ?? 'may bid';
}

test('a live campaign with a grant may bid on what triggers it', () => {
  expect(why({})).toBe('may bid');
});

test.each(['draft', 'exhausted', 'paused', 'ended'] as const)('not_live: it is %s', (status) => {
  expect(why({}, { status })).toBe('not_live');
});

test('not_triggered: the event is of another type; an outright request triggers all', () => {
  expect(why({ triggers: ['click'] })).toBe('not_triggered');
  expect(why({ triggers: [] })).toBe('not_triggered');
  expect(why({ triggers: [] }, { occasion: HERO })).toBe('may bid');
});

test('wrong_placement: it names placements, and this is none of them', () => {
  expect(why({ placements: ['cart'] }, { occasion: HERO })).toBe('wrong_placement');
  expect(why({ placements: ['cart', 'home_hero'] }, { occasion: HERO })).toBe('may bid');
  expect(why({ placements: [] }, { occasion: HERO })).toBe('may bid');
  expect(why({ placements: ['cart'] })).toBe('may bid');
});

test('not_scheduled: before its start, and from its end on', () => {
  const schedule = { starts_at_ms: BASE_MS, ends_at_ms: BASE_MS + HOUR_MS };
  const at = (atMs: number) => why({ schedule }, { occasion: { ...PAGE_VIEW, atMs } });
  expect([-1, 0, HOUR_MS - 1, HOUR_MS].map((offset) => at(BASE_MS + offset))).toEqual([
    'not_scheduled',
    'may bid',
    'may bid',
    'not_scheduled',
  ]);
});

test.each(SIGNALS)('targeting: %s lies outside its bounds, which are inclusive', (signal) => {
  const targeting = { [signal]: { min: 0.4, max: 0.6 } };
  const at = (value: number) => why({ targeting }, { signals: { ...EVEN, [signal]: value } });
  expect([0.39, 0.4, 0.6, 0.61].map(at)).toEqual(['targeting', 'may bid', 'may bid', 'targeting']);
});

test('targeting: every named signal has to fit', () => {
  const targeting = { urgency: { min: 0, max: 1 }, curiosity: { min: 0.9, max: 1 } };
  expect(why({ targeting })).toBe('targeting');
});

describe('wins that the user has seen', () => {
  const frequency = { max_per_day: 2, min_spacing_s: 60 };

  test('min_spacing: the last one was too short ago, or too soon after', () => {
    const at = (wonAtMs: number) => why({ frequency }, { wonAtMs: [wonAtMs] });
    expect(at(BASE_MS - MINUTE_MS + SECOND_MS)).toBe('min_spacing');
    expect(at(BASE_MS - MINUTE_MS)).toBe('may bid');
    expect(at(BASE_MS + MINUTE_MS - SECOND_MS)).toBe('min_spacing');
    expect(at(BASE_MS + MINUTE_MS)).toBe('may bid');
  });

  test('frequency_cap: as many as allowed within 24 hours', () => {
    const hoursAgo = (...hours: number[]) =>
      why({ frequency }, { wonAtMs: hours.map((h) => BASE_MS - h * HOUR_MS) });
    expect(hoursAgo(23)).toBe('may bid');
    expect(hoursAgo(23, 1)).toBe('frequency_cap');
    expect(hoursAgo(24, 1)).toBe('may bid');
    expect(hoursAgo(-2, -1)).toBe('frequency_cap');
  });

  test('of another campaign do not count', () => {
    const campaign = campaignWith('sale', { triggers: ['behavior'], frequency });
    const exposures = wins('other', [BASE_MS, BASE_MS - 1, BASE_MS - 2]);
    expect(exclusionOf(campaign, 'live', GRANTED, PAGE_VIEW, EVEN, exposures)).toBeUndefined();
  });
});

test('budget: what is left of the grant does not pay for its whole bid', () => {
  const left = (micros: number) =>
    why({ bid_micros: 100 }, { delivery: { ...GRANTED, spent_micros: 1_000_000 - micros } });
  expect([0, 99, 100].map(left)).toEqual(['budget', 'budget', 'may bid']);
});

test('of several reasons the first in the documented order is named', () => {
  const changes: Partial<Campaign> = {
    triggers: ['click'],
    placements: ['cart'],
    schedule: { starts_at_ms: 0, ends_at_ms: 1 },
    targeting: { urgency: { min: 0.9, max: 1 } },
    frequency: { max_per_day: 1, min_spacing_s: 60 },
  };
  const wonAtMs = [BASE_MS, BASE_MS - DAY_MS / 2];
  const delivery = { ...GRANTED, granted_micros: 0 };
  const occasion: Occasion = { atMs: BASE_MS, trigger: 'behavior', placement: 'home_hero' };
  const all = { status: 'paused' as const, occasion, wonAtMs, delivery };
  const fixes: readonly [Partial<Campaign>, Partial<typeof all> | object][] = [
    [{}, { status: 'live' }],
    [{ triggers: ['behavior'] }, {}],
    [{ placements: [] }, {}],
    [{ schedule: { starts_at_ms: 0, ends_at_ms: BASE_MS + DAY_MS } }, {}],
    [{ targeting: {} }, {}],
    [{}, { wonAtMs: wonAtMs.slice(1) }],
    [{}, { wonAtMs: [] }],
    [{}, { delivery: GRANTED }],
  ];
  let now: [Partial<Campaign>, Circumstances] = [changes, all];
  const named = [why(...now)];
  for (const [change, circumstance] of fixes) {
    now = [
      { ...now[0], ...change },
      { ...now[1], ...circumstance },
    ];
    named.push(why(...now));
  }
  expect(named).toEqual([
    ...['not_live', 'not_triggered', 'wrong_placement', 'not_scheduled', 'targeting'],
    ...['min_spacing', 'frequency_cap', 'budget', 'may bid'],
  ]);
});

test('frequency_cap: with 32 wins of a day remembered, whose so ever, nobody wins another', () => {
  const campaign = campaignWith('sale', { triggers: ['behavior'] });
  const others = (oldestMs: number) =>
    wins('other', [oldestMs, ...new Array<number>(31).fill(BASE_MS - MINUTE_MS)]);
  const reason = (oldestMs: number) =>
    exclusionOf(campaign, 'live', GRANTED, PAGE_VIEW, EVEN, others(oldestMs));
  expect(reason(BASE_MS - DAY_MS + 1)).toBe('frequency_cap');
  expect(reason(BASE_MS - DAY_MS)).toBeUndefined();
});
