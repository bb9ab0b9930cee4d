/** Campaigns as operators see them: sums over partitions, present windows, lift, and the feed. */
import { Subject, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { liftOf } from '../../actors/campaign/lift.ts';
import { type Campaign, campaignSchema } from '../../protocols/campaign.ts';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import {
  type CampaignChange,
  type CampaignsReport,
  campaignDetailSchema,
  campaignsReportSchema,
} from '../../protocols/campaign-services.ts';
import type { CellByKind, CellKind, DeliveryCell, TrialCell } from '../../protocols/cells.ts';
import { FOREVER_MS, type Grant } from '../../protocols/grant.ts';
import { DEFAULT_SETTINGS, settingsSchema } from '../../protocols/settings.ts';
import {
  campaignDetail,
  campaignParts,
  campaignsReport,
  MAX_PART_BYTES,
} from '../../runtime/coordinator/campaign-report.ts';
import { FEED_EVERY_MS, liveCampaigns } from '../../runtime/coordinator/campaign-services.ts';
import type { CellChange } from '../../runtime/coordinator/cell-view.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 10:30 UTC; in Berlin 12:30. */
const DAY_FROM_MS = Date.UTC(2026, 5, 1);
const NOW_MS = DAY_FROM_MS + 10.5 * HOUR_MS;

type Named = {
  [K in CellKind]: readonly [partition: number, name: string, kind: K, cell: CellByKind[K]];
}[CellKind];

/** Cells as the coordinator's view gives them. */
function viewOf(...cells: readonly Named[]) {
  return {
    changes: new Subject<CellChange>(),
    *cells<K extends CellKind>(kind: K): Generator<readonly [number, string, CellByKind[K]]> {
      for (const [partition, name, of, cell] of cells) {
        if (of === kind) yield [partition, name, cell as CellByKind[K]];
      }
    },
  };
}

function actor(changes: Partial<Campaign> = {}, state: Partial<CampaignActorState> = {}) {
  const required = { id: 'sale', name: 'Sale', trigger_type: 'modal', bid_micros: 1_000 };
  const campaign = campaignSchema.parse({ ...required, budget_micros: 1_000_000, ...changes });
  const known: CampaignActorState = {
    ...{ v: 2, campaign, status: 'live', version: 3, revision: 2, grants: {} },
    ...state,
  };
  return known;
}

function grant(changes: Partial<Grant> = {}): Grant {
  const forever = { from_ms: 0, until_ms: FOREVER_MS, day_from_ms: 0 };
  return { ...forever, allow_micros: 500, limited_by: 'total', ...changes };
}

function delivery(partition: number, cell: Partial<DeliveryCell>, id = 'sale'): Named {
  const counts = { wins: 0, shown: 0, clicked: 0, dismissed: 0, converted: 0, value_micros: 0 };
  const money = { window_micros: 0, day_micros: 0, spent_micros: 0, unbilled_micros: 0 };
  const none: DeliveryCell = { v: 2, grant: null, grant_version: 1, ...money, ...counts };
  return [partition, id, 'delivery', { ...none, ...cell }];
}

function reportOn(state: CampaignActorState, ...cells: readonly Named[]) {
  const figures = { view: viewOf(...cells), settings: DEFAULT_SETTINGS, nowMs: NOW_MS };
  const report = campaignsReport({ ...figures, campaigns: [state] });
  expect(campaignsReportSchema.parse(report)).toEqual(report);
  return report.campaigns[0] as CampaignsReport['campaigns'][number];
}

describe('what partitions report', () => {
  test('is summed, each campaign for itself', () => {
    const report = reportOn(
      actor(),
      delivery(0, { wins: 3, shown: 2, clicked: 1, spent_micros: 300, value_micros: 900 }),
      delivery(1, { wins: 4, dismissed: 1, converted: 2, spent_micros: 400, unbilled_micros: 7 }),
      delivery(1, { wins: 50, spent_micros: 5_000 }, 'other'),
    );
    expect(report).toMatchObject({
      ...{ status: 'live', version: 3, revision: 2 },
      ...{ wins: 7, shown: 2, clicked: 1, dismissed: 1, converted: 2 },
      ...{ spent_micros: 700, value_micros: 900, unbilled_micros: 7, roas: 900 / 700 },
    });
  });

  test('is nothing before a partition has reported, and costs nothing per nothing', () => {
    expect(reportOn(actor())).toMatchObject({
      ...{ wins: 0, spent_micros: 0, granted_micros: 0, roas: null, suppressed: {}, lift: null },
      ...{ spent_today_micros: null, spent_this_hour_micros: null },
    });
  });

  test('counts how often it was kept back, by reason', () => {
    const suppressed = (partition: number, campaigns: CellByKind['suppressed']['campaigns']) =>
      [partition, '', 'suppressed', { v: 2, campaigns }] as const;
    const report = reportOn(
      actor(),
      suppressed(0, { sale: { budget: 2, pacing: 1 }, other: { budget: 9 } }),
      suppressed(1, { sale: { budget: 3 } }),
    );
    expect(report.suppressed).toEqual({ budget: 5, pacing: 1 });
  });
});

describe('today and this hour', () => {
  const hour = grant({ from_ms: NOW_MS - HOUR_MS / 2, until_ms: NOW_MS + HOUR_MS / 2 });
  const today = { ...hour, day_from_ms: DAY_FROM_MS };
  const capped = actor({ daily_micros: 10_000, hourly_micros: 1_000 });

  test('count the partitions whose grants are of the present window', () => {
    const earlier = { ...today, from_ms: today.from_ms - HOUR_MS, until_ms: today.from_ms };
    const report = reportOn(
      capped,
      delivery(0, { grant: today, window_micros: 30, day_micros: 200 }),
      delivery(1, { grant: today, window_micros: 40, day_micros: 300 }),
      // It has no grant for this hour yet: what it spent was in the hour before, on the same day.
      delivery(2, { grant: earlier, window_micros: 500, day_micros: 600 }),
      // Nor for this day: all that it has spent was yesterday.
      delivery(3, {
        grant: { ...earlier, from_ms: 0, day_from_ms: DAY_FROM_MS - DAY_MS },
        ...{ window_micros: 7_000, day_micros: 8_000 },
      }),
    );
    expect(report.spent_this_hour_micros).toBe(70);
    expect(report.spent_today_micros).toBe(1_100);
  });

  test('are nothing when the window is over, though no newer grant has come', () => {
    const old = grant({
      ...{ from_ms: DAY_FROM_MS - HOUR_MS, until_ms: DAY_FROM_MS },
      day_from_ms: DAY_FROM_MS - DAY_MS,
    });
    const report = reportOn(capped, delivery(0, { grant: old, window_micros: 5, day_micros: 9 }));
    expect(report).toMatchObject({ spent_this_hour_micros: 0, spent_today_micros: 0 });
  });

  test('go on in a window that began before, as when a time zone was changed', () => {
    const longer = { ...today, from_ms: DAY_FROM_MS - HOUR_MS, day_from_ms: DAY_FROM_MS - HOUR_MS };
    const cell = { grant: longer, window_micros: 5, day_micros: 9 };
    const report = reportOn(capped, delivery(0, cell), delivery(1, { ...cell, grant: today }));
    expect(report).toMatchObject({ spent_this_hour_micros: 10, spent_today_micros: 18 });
  });

  test("are those of the campaign's time zone", () => {
    const beganMs = DAY_FROM_MS - 2 * HOUR_MS;
    const firstHour = grant({ from_ms: beganMs, until_ms: DAY_FROM_MS - HOUR_MS });
    const cell = { grant: { ...firstHour, day_from_ms: beganMs }, day_micros: 9 };
    const zones = { UTC: 0, 'Europe/Berlin': 9 };
    for (const [time_zone, micros] of Object.entries(zones)) {
      const report = reportOn(actor({ daily_micros: 100, time_zone }), delivery(0, cell));
      expect(report.spent_today_micros, time_zone).toBe(micros);
    }
  });
});

describe('what is granted', () => {
  const told = (version: number, allow_micros: number, before: Grant | null = null) => {
    return { version, grant: grant({ allow_micros }), before };
  };

  test('is what was spent and what may be spent without asking', () => {
    const cell = { grant: grant(), spent_micros: 200, window_micros: 200 };
    expect(reportOn(actor(), delivery(0, cell)).granted_micros).toBe(500);
  });

  test('counts a grant that is under way, up or down, until it was taken in', () => {
    const cell = { grant: grant(), grant_version: 4, spent_micros: 200, window_micros: 200 };
    const grantedWith = (version: number, micros: number): number =>
      reportOn(actor({}, { grants: { 0: told(version, micros) } }), delivery(0, cell))
        .granted_micros;
    expect(grantedWith(5, 900)).toBe(900);
    // Less was granted: until the partition knows, it may spend what it has.
    expect(grantedWith(5, 300)).toBe(500);
    expect(grantedWith(4, 500)).toBe(500);
  });

  test('counts the window before and the one to come, where the news is under way', () => {
    const ends = NOW_MS + 1_000;
    const old = grant({ until_ms: ends, allow_micros: 100 });
    const next = grant({ from_ms: ends, allow_micros: 50 });
    const grants = { 0: { version: 2, grant: next, before: old } };
    const cell = delivery(0, { grant: old, window_micros: 60, spent_micros: 60 });
    expect(reportOn(actor({}, { grants }), cell).granted_micros).toBe(60 + 40 + 50);
    // Not heard of yet: it may have taken in either.
    expect(reportOn(actor({}, { grants })).granted_micros).toBe(100 + 50);
  });
});

describe('lift', () => {
  const arm = (users: number, converted: number) => {
    const revenue_cents = converted * 2_000;
    return { users, converted, revenue_cents, revenue_cents_squared: revenue_cents * 2_000 };
  };
  const trial = (partition: number, name: string, scale: number): Named => {
    const cell: TrialCell = {
      ...{
        v: 2,
        treated: arm(9_000 * scale, 900 * scale),
        control: arm(1_000 * scale, 50 * scale),
      },
    };
    return [partition, name, 'trial', cell];
  };

  test('is that of the sums over partitions, in micros', () => {
    const cells = [trial(0, 'sale.100000', 1), trial(1, 'sale.100000', 2)];
    const { lift } = reportOn(actor({ holdout_ppm: 100_000 }), ...cells);
    const expected = liftOf({
      ...{ treated: arm(27_000, 2_700), control: arm(3_000, 150), control_ppm: 100_000 },
    });
    expect(lift).toMatchObject({
      control_ppm: 100_000,
      treated: { users: 27_000, converted: 2_700, conversion_rate: 0.1 },
      control: { users: 3_000, converted: 150, revenue_micros: 150 * 20_000_000 },
      conversion_rate: expected.conversionRate,
      relative: expected.relative,
      is_proven: true,
    });
    const cents = expected.revenueCents?.estimate ?? Number.NaN;
    expect(lift?.revenue_micros_per_user?.estimate).toBeCloseTo(cents * 10_000, 6);
    // 10 % of 20.00 against 5 % of it: one unit more per user.
    expect(lift?.revenue_micros_per_user?.estimate).toBeCloseTo(1_000_000, 3);
  });

  test('is of the present share held out: another one was another trial', () => {
    const cells = [trial(0, 'sale.100000', 1), trial(0, 'sale.200000', 5)];
    const { lift } = reportOn(actor({ holdout_ppm: 100_000 }), ...cells);
    expect(lift?.treated.users).toBe(9_000);
  });

  test('says nothing while there is too little to say', () => {
    const { lift } = reportOn(actor({ holdout_ppm: 100_000 }));
    expect(lift).toMatchObject({
      treated: { users: 0, conversion_rate: null },
      ...{ conversion_rate: null, revenue_micros_per_user: null },
      relative: { estimate: null, low: -1, high: null },
      is_proven: false,
    });
    expect(reportOn(actor(), trial(0, 'sale.100000', 1)).lift).toBeNull();
  });

  test('of a house campaign is none: nobody is held out from it', () => {
    const { lift } = reportOn(actor({ holdout_ppm: 100_000, house: true }));
    expect(lift).toBeNull();
  });

  test('of all campaigns together follows from the holdout of the settings', () => {
    const settings = settingsSchema.parse({ holdout_ppm: 50_000 });
    const view = viewOf(trial(0, '(all).50000', 1), trial(0, '(all).100000', 9));
    const { lift } = campaignsReport({ view, campaigns: [], settings, nowMs: NOW_MS });
    expect(lift?.treated.users).toBe(9_000);
  });
});

describe('one campaign in full', () => {
  test('adds partitions, credit and changes to its report', () => {
    const state = actor();
    const view = viewOf(
      delivery(2, { spent_micros: 5 }),
      delivery(0, { grant: grant(), spent_micros: 7 }),
      delivery(0, { spent_micros: 9 }, 'other'),
    );
    const credit = { last: { conversions: 1.5, value_micros: 30 } };
    const changed = [{ field: 'bid_micros', from: 1, to: 2 }];
    const changes: CampaignChange[] = [
      { v: 1, campaign: 'sale', revision: 2, at_ms: NOW_MS, by: 'ada', action: 'change', changed },
    ];
    const detail = campaignDetail({ view, nowMs: NOW_MS }, state, credit, changes);
    expect(campaignDetailSchema.parse(detail)).toEqual(detail);
    expect(detail).toMatchObject({ spent_micros: 12, credit, changes });
    expect(detail.partitions).toEqual([
      { partition: 0, grant: grant(), spent_micros: 7 },
      { partition: 2, grant: null, spent_micros: 5 },
    ]);
  });
});

describe('many campaigns', () => {
  const campaigns = Array.from({ length: 1_500 }, (_, i) => {
    return actor({ id: `c${String((i * 7_919) % 1_500).padStart(4, '0')}` });
  });
  const figures = { view: viewOf(), campaigns, settings: DEFAULT_SETTINGS, nowMs: NOW_MS };

  test('come in parts that fit into a message, each campaign once, by id', () => {
    const parts = [...campaignParts(figures)];
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) {
      expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThan(MAX_PART_BYTES + 10_000);
    }
    const ids = parts.flatMap((part) => part.campaigns.map(({ campaign }) => campaign.id));
    expect(ids).toEqual(campaigns.map(({ campaign }) => campaign.id).sort());
  });

  test('can be asked for one message after the other', () => {
    const ids: string[] = [];
    for (let after = ''; ; after = ids.at(-1) ?? '') {
      const page = campaignsReport(figures, after).campaigns;
      if (page.length === 0 || ids.length > 2_000) break;
      ids.push(...page.map(({ campaign }) => campaign.id));
    }
    expect(ids).toHaveLength(1_500);
    expect(new Set(ids).size).toBe(1_500);
  });
});

describe('the feed', () => {
  test('comes once a second while something changes that it is made from', () => {
    const scheduler = new VirtualTimeScheduler();
    const view = viewOf(delivery(0, { wins: 1 }));
    const desk = { campaigns: [actor()], settings: DEFAULT_SETTINGS };
    const heard: [atMs: number, report: CampaignsReport][] = [];
    const clock = { nowMs: () => NOW_MS };
    const subscription = liveCampaigns({ view, desk, clock }, scheduler).subscribe((report) => {
      heard.push([scheduler.now(), report]);
    });
    const change = (atMs: number, kind: CellKind): void => {
      scheduler.schedule(() => view.changes.next({ partition: 0, kind, key: '' }), atMs);
    };
    for (let atMs = 0; atMs < 1_500; atMs += 100) change(atMs, 'delivery');
    // Nothing to report: no campaign depends on these.
    change(5_000, 'traffic');
    change(9_000, 'trial');
    scheduler.flush();
    subscription.unsubscribe();
    expect(heard.map(([atMs]) => atMs)).toEqual([FEED_EVERY_MS, 2_100, 10_000]);
    expect(heard[0]?.[1].campaigns[0]?.wins).toBe(1);
  });
});
