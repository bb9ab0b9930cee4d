/** Why a campaign may not bid: each reason on its own, and which of several is named. */
import { describe, expect, test } from 'vitest';
import { holdAuction } from '../../actors/campaign/auction.ts';
import { type Campaign, type CampaignStatus, SIGNALS } from '../../protocols/campaign.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import { exclusionSchema } from '../../protocols/decision.ts';
import type { Grant } from '../../protocols/grant.ts';
import type { AuctionCase } from '../auction-by-force.ts';
import { exposureOf, grantedCase, inputOf, NO_DELIVERY } from '../auction-cases.ts';
import { BASE_MS, campaignWith, DAY_MS, HOUR_MS, settingsWith } from '../generators.ts';

const GRANT: Grant = {
  ...{ from_ms: BASE_MS, until_ms: BASE_MS + HOUR_MS, day_from_ms: 0 },
  ...{ allow_micros: 1_000_000, limited_by: 'total' },
};
const TRIGGERED: Partial<AuctionCase> = { trigger: 'behavior' };

interface Circumstances extends Partial<AuctionCase> {
  readonly status?: CampaignStatus;
  readonly delivery?: DeliveryCell;
}

/** Why a campaign with these changes may not bid; all else about it and the user is fine. */
function why(changes: Partial<Campaign>, circumstances: Circumstances = {}): string {
  const { status = 'live', delivery = { ...NO_DELIVERY, grant: GRANT }, ...rest } = circumstances;
  const campaign = campaignWith('sale', { triggers: ['behavior'], ...changes });
  const drawn = grantedCase([campaign], { deliveries: { sale: delivery }, ...rest });
  const cells = [{ campaign, version: 1, status }];
  return holdAuction(inputOf(drawn, cells)).candidates[0]?.excluded ?? 'may bid';
}

const at = (placement: string | undefined): Partial<AuctionCase> => {
  return { read: { ...grantedCase([], {}).read, placement } };
};

test('a live campaign with a grant may bid on what triggers it', () => {
  expect(why({})).toBe('may bid');
  expect(why({}, TRIGGERED)).toBe('may bid');
});

test.each(['draft', 'throttled', 'exhausted', 'paused', 'ended'] as const)(
  'not_live: it is %s',
  (status) => {
    expect(why({}, { status })).toBe('not_live');
  },
);

test('not_triggered: the event is of another type; an outright request triggers all', () => {
  expect(why({ triggers: ['click', 'conversion'] }, TRIGGERED)).toBe('not_triggered');
  expect(why({ triggers: [] }, TRIGGERED)).toBe('not_triggered');
  expect(why({ triggers: [] })).toBe('may bid');
});

test('wrong_placement: it names placements, and this is none of them', () => {
  expect(why({ placements: ['cart'] }, at('home_hero'))).toBe('wrong_placement');
  expect(why({ placements: ['cart', 'home_hero'] }, at('home_hero'))).toBe('may bid');
  expect(why({ placements: [] }, at('home_hero'))).toBe('may bid');
  expect(why({ placements: ['cart'] }, at(undefined))).toBe('may bid');
});

test('not_scheduled: before its start, and from its end on', () => {
  const schedule = { starts_at_ms: BASE_MS - HOUR_MS, ends_at_ms: BASE_MS + HOUR_MS };
  const named = [-HOUR_MS - 1, -HOUR_MS, HOUR_MS - 1, HOUR_MS].map((offset) =>
    why({ schedule }, { atMs: BASE_MS + offset }),
  );
  expect(named).toEqual(['not_scheduled', 'may bid', 'may bid', 'not_scheduled']);
});

test.each(SIGNALS)('targeting: %s lies outside its bounds, which are inclusive', (signal) => {
  const targeting = { [signal]: { min: 0.4, max: 0.6 } };
  const { read } = grantedCase([], {});
  const named = [0.39, 0.4, 0.6, 0.61].map((value) =>
    why({ targeting }, { read: { ...read, signals: { ...read.signals, [signal]: value } } }),
  );
  expect(named).toEqual(['targeting', 'may bid', 'may bid', 'targeting']);
});

test('targeting: every named signal has to fit', () => {
  const targeting = { urgency: { min: 0, max: 1 }, curiosity: { min: 0.9, max: 1 } };
  expect(why({ targeting })).toBe('targeting');
});

test('rule: it does not hold, or fails', () => {
  expect(why({ rule: 'urgency > 0.5' })).toBe('rule');
  expect(why({ rule: 'urgency >= 0.5' })).toBe('may bid');
  expect(why({ rule: '1 / size(region) == 1' })).toBe('rule');
});

describe('money', () => {
  const left = (micros: number, limited_by: Grant['limited_by'] = 'total') => {
    const grant = { ...GRANT, limited_by };
    const delivery = { ...NO_DELIVERY, grant, window_micros: 1_000_000 - micros };
    return why({ bid_micros: 10_000 }, { delivery });
  };

  test('budget: what is left of the grant does not pay for its whole bid', () => {
    expect([0, 9_999, 10_000].map((micros) => left(micros))).toEqual([
      'budget',
      'budget',
      'may bid',
    ]);
  });

  test('is named by what limits the grant', () => {
    const limits = (['total', 'day', 'hour', 'pacing'] as const).map((limit) => left(0, limit));
    expect(limits).toEqual(['budget', 'daily_budget', 'hourly_budget', 'pacing']);
  });

  test("no_grant: none came, or the partition's clock is outside its window", () => {
    expect(why({}, { delivery: NO_DELIVERY })).toBe('no_grant');
    const named = [-1, 0, HOUR_MS - 1, HOUR_MS].map((ms) => why({}, { clockMs: BASE_MS + ms }));
    expect(named).toEqual(['no_grant', 'may bid', 'may bid', 'no_grant']);
  });

  test('below_reserve: its bid is less than what a place costs', () => {
    const settings = settingsWith({ reserve_micros: 100 });
    expect([99, 100].map((bid_micros) => why({ bid_micros }, { settings }))).toEqual([
      'below_reserve',
      'may bid',
    ]);
  });
});

test('a house campaign is never kept back, but has to fit', () => {
  const settings = settingsWith({
    ...{ quiet_hours: { from: '00:00', until: '23:59' }, holdout_ppm: 500_000 },
    courtesy: { max_per_day: 1, min_spacing_s: 60 },
  });
  const exposures = [exposureOf('sale', BASE_MS)];
  const house: Partial<Campaign> = {
    ...{ house: true, holdout_ppm: 500_000, frequency: { max_per_day: 1, min_spacing_s: 60 } },
  };
  const hard = { settings, exposures, delivery: NO_DELIVERY };
  for (const user of ['ada', 'bob', 'cy', 'dan', 'eve']) {
    expect(why(house, { ...hard, user })).toBe('may bid');
  }
  expect(why({ ...house, rule: 'false' }, hard)).toBe('rule');
  expect(why(house, { ...hard, ...TRIGGERED })).toBe('not_triggered');
});

test('of several reasons the first in the documented order is named', () => {
  const all: Partial<Campaign> = {
    ...{ triggers: ['click'], placements: ['cart'], bid_micros: 5, rule: 'false' },
    schedule: { starts_at_ms: 0, ends_at_ms: 1 },
    targeting: { urgency: { min: 0.9, max: 1 } },
    frequency: { max_per_day: 1, min_spacing_s: 60, max_per_calendar_day: 1 },
    ...{ quiet_hours: { from: '00:00', until: '23:00' }, holdout_ppm: 500_000 },
  };
  const strict = { max_per_day: 2, min_spacing_s: 60, max_per_calendar_day: 2 };
  const settings = settingsWith({ courtesy: strict, holdout_ppm: 500_000 });
  const own = (ms: number) => exposureOf('sale', BASE_MS - ms);
  const other = (ms: number) => exposureOf('other', BASE_MS - ms);
  const user = controlOfBoth();
  const before = DAY_MS - 1;
  const fixes: readonly [Partial<Campaign>, Circumstances][] = [
    [{}, { status: 'live' }],
    [{ triggers: ['behavior'] }, {}],
    [{ placements: [] }, {}],
    [{ schedule: undefined }, {}],
    [{ targeting: {} }, {}],
    [{ rule: undefined }, {}],
    [{ quiet_hours: undefined }, {}],
    [{}, { exposures: [own(HOUR_MS), other(0), other(before)] }],
    [{ frequency: { ...strict, max_per_day: 9, max_per_calendar_day: 1 } }, {}],
    [{ frequency: { ...strict, max_per_day: 9 } }, {}],
    [{}, { exposures: [own(HOUR_MS), other(HOUR_MS)] }],
    [{}, { settings: { ...settings, courtesy: { ...strict, max_per_day: 9 } } }],
    [{}, { exposures: [] }],
    [{}, { delivery: { ...NO_DELIVERY, grant: { ...GRANT, allow_micros: 4 } } }],
    [{}, { delivery: { ...NO_DELIVERY, grant: GRANT } }],
    [{ bid_micros: 100_000 }, {}],
    [{ holdout_ppm: 0 }, {}],
    [{}, { settings: settingsWith({}) }],
  ];
  let now: [Partial<Campaign>, Circumstances] = [
    all,
    {
      ...{ status: 'paused', settings, exposures: [own(0)], delivery: NO_DELIVERY, user },
      ...{ ...TRIGGERED, ...at('home_hero') },
    },
  ];
  const named = [why(...now)];
  for (const [change, circumstance] of fixes) {
    now = [
      { ...now[0], ...change },
      { ...now[1], ...circumstance },
    ];
    named.push(why(...now));
  }
  const limits = ['daily_budget', 'hourly_budget', 'pacing'];
  const reasons: string[] = exclusionSchema.options.filter((reason) => !limits.includes(reason));
  // Whether there is no grant or too little, only one of both can be.
  const documented = reasons.filter((reason) => reason !== 'no_grant');
  documented.splice(documented.indexOf('budget'), 0, 'no_grant');
  expect(named).toEqual([...documented, 'may bid']);
});

/** A user in the control group of the campaign and of all campaigns. */
function controlOfBoth(): string {
  for (let n = 0; ; n++) {
    const user = `user-${n}`;
    const both = settingsWith({ holdout_ppm: 500_000 });
    const isOut = why({ holdout_ppm: 500_000 }, { user }) === 'holdout';
    if (isOut && why({}, { user, settings: both }) === 'holdout_all') return user;
  }
}
