/** Even pacing: budgets follow the traffic that is expected, and last as long as it does. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DemandCurve, noDemand, observeDemand } from '../../actors/campaign/demand.ts';
import { draftCampaign, moveCampaign } from '../../actors/campaign/machine.ts';
import { PACING_LEAD_MS } from '../../actors/campaign/pacing.ts';
import { CampaignMemory, settleCampaign } from '../../actors/campaign/settle.ts';
import { emptyDelivery } from '../../actors/partition/empty-cells.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import { type Demand, WEEK_HOURS } from '../../protocols/demand.ts';
import type { Grant } from '../../protocols/grant.ts';
import { campaignWith, DAY_MS, HOUR_MS, holds, MINUTE_MS } from '../generators.ts';
import { GrantCluster } from '../grant-cluster.ts';

/** Monday, 2024-04-08T00:00Z. */
const MONDAY_MS = Date.parse('2024-04-08T00:00Z');
const BID = 1_000;
const STEP_MS = MINUTE_MS;

/** Twenty times as much at eight in the evening as at eight in the morning. */
function season(ms: number): number {
  const hour = (ms % DAY_MS) / HOUR_MS;
  return 1 + 9.5 * (1 + Math.cos(((hour - 20) / 24) * 2 * Math.PI));
}

/** What is learnt in some days of such traffic. */
function learnt(days: number): Demand {
  const demand = noDemand();
  for (let ms = MONDAY_MS - days * DAY_MS; ms < MONDAY_MS; ms += STEP_MS) {
    observeDemand(demand, ms, Math.round(100 * season(ms)), STEP_MS);
  }
  return demand;
}

/** The share of a day's traffic before a time of it. */
function trafficBy(ms: number): number {
  let [before, all] = [0, 0];
  for (let at = MONDAY_MS; at < MONDAY_MS + DAY_MS; at += STEP_MS) {
    all += season(at);
    if (at < ms) before += season(at);
  }
  return before / all;
}

/**
 * A day in which there are `perMinute` times the season's chances to win, over four partitions;
 * calls back every minute.
 */
function liveADay(
  cluster: GrantCluster,
  perMinute: (ms: number) => number,
  look: (ms: number) => void,
): void {
  let owed = 0;
  const { length } = cluster.partitions;
  for (let n = 0; cluster.nowMs < MONDAY_MS + DAY_MS; n++) {
    for (owed += perMinute(cluster.nowMs); owed >= 1; owed--) {
      cluster.win(Math.floor(owed * 7 + n) % length, BID - (n % 3) * 50);
    }
    cluster.calm(2);
    look(cluster.nowMs);
    cluster.nowMs += STEP_MS;
  }
}

const DAILY = 2_000 * BID;

function paced(changes: Partial<Campaign> = {}): Campaign {
  const limits = { budget_micros: 100_000 * BID, daily_micros: DAILY, pacing: 'even' as const };
  return campaignWith('sale', { bid_micros: BID, time_zone: 'UTC', ...limits, ...changes });
}

describe('a day with a strong season', () => {
  test('is spent as its traffic comes, to 2 % of the budget, and nearly all of it', () => {
    const cluster = new GrantCluster(paced(), 4, MONDAY_MS);
    cluster.curve = new DemandCurve(learnt(7));
    // Four times as many chances as the budget pays for.
    const all = 8_000 / (10.5 * 24 * 60);
    liveADay(
      cluster,
      (ms) => all * season(ms),
      (ms) => {
        const share = cluster.paid.total / DAILY;
        expect(Math.abs(share - trafficBy(ms)), new Date(ms).toISOString()).toBeLessThan(0.02);
      },
    );
    expect(cluster.paid.total).toBeGreaterThanOrEqual(0.98 * DAILY);
    expect(cluster.paid.total).toBeLessThanOrEqual(DAILY);
  });

  test('works from the first minute, when nothing is learnt', () => {
    const cluster = new GrantCluster(paced(), 4, MONDAY_MS);
    liveADay(
      cluster,
      () => 6,
      (ms) => {
        const share = (ms - MONDAY_MS) / DAY_MS;
        expect(Math.abs(cluster.paid.total / DAILY - share)).toBeLessThan(0.02);
      },
    );
    expect(cluster.paid.total).toBeGreaterThanOrEqual(0.98 * DAILY);
  });

  test('is not spent by a burst at once', () => {
    const cluster = new GrantCluster(paced(), 4, MONDAY_MS);
    cluster.curve = new DemandCurve(learnt(7));
    cluster.nowMs = MONDAY_MS + 6 * HOUR_MS;
    for (let second = 0; second < 60; second++) {
      for (let n = 0; n < 400; n++) cluster.win(n % 4, BID);
      cluster.calm();
      cluster.nowMs += 1_000;
    }
    const { paid, curve } = cluster;
    const most = curve.shareBy(cluster.nowMs + PACING_LEAD_MS, MONDAY_MS, MONDAY_MS + DAY_MS);
    expect(paid.total).toBeLessThanOrEqual(most * DAILY + BID);
    expect(most).toBeLessThan(0.2);
  });

  test('small budgets are spread too', () => {
    const daily_micros = 50 * BID;
    const cluster = new GrantCluster(paced({ daily_micros }), 4, MONDAY_MS);
    let half = 0;
    liveADay(
      cluster,
      () => 4,
      (ms) => {
        if (ms < MONDAY_MS + DAY_MS / 2) half = cluster.paid.total;
      },
    );
    expect(half).toBeGreaterThan(0.45 * daily_micros);
    expect(half).toBeLessThan(0.55 * daily_micros);
    expect(cluster.paid.total).toBeGreaterThanOrEqual(0.98 * daily_micros);
  });

  test('a budget without days is spread over its schedule', () => {
    const schedule = { starts_at_ms: MONDAY_MS, ends_at_ms: MONDAY_MS + DAY_MS };
    const { daily_micros: _, ...rest } = paced({ budget_micros: DAILY, schedule });
    const cluster = new GrantCluster(campaignWith('sale', rest), 4, MONDAY_MS);
    liveADay(
      cluster,
      () => 6,
      (ms) => {
        const share = (ms - MONDAY_MS) / DAY_MS;
        expect(Math.abs(cluster.paid.total / DAILY - share)).toBeLessThan(0.02);
      },
    );
    expect(cluster.paid.total).toBeGreaterThanOrEqual(0.98 * DAILY);
  });
});

describe('the demand curve', () => {
  const demand = fc.record({
    v: fc.constant(1 as const),
    accepted: fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), {
      minLength: WEEK_HOURS,
      maxLength: WEEK_HOURS,
    }),
    observed_hours: fc.array(fc.double({ min: 0.001, max: 3, noNaN: true }), {
      minLength: WEEK_HOURS,
      maxLength: WEEK_HOURS,
    }),
    last_hour: fc.constant(0),
  });
  const times = fc.array(fc.integer({ min: 0, max: 60 * DAY_MS }), { minLength: 4, maxLength: 4 });

  test('only grows from 0 to 1 in any stretch of time', () => {
    holds(
      fc.property(demand, times, (learntSoFar, some) => {
        const [from, one, other, until] = some.sort((a, b) => a - b) as [
          number,
          number,
          number,
          number,
        ];
        const curve = new DemandCurve(learntSoFar);
        const share = (at: number): number => curve.shareBy(at, from, until + 1);
        expect(share(from)).toBe(0);
        expect(share(until + 1)).toBe(1);
        expect(share(one)).toBeGreaterThanOrEqual(0);
        expect(share(other)).toBeGreaterThanOrEqual(share(one) - 1e-9);
        expect(share(other)).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });

  test('is flat while nothing is known', () => {
    const curve = new DemandCurve(noDemand());
    expect(curve.shareBy(3 * HOUR_MS, 0, 12 * HOUR_MS)).toBeCloseTo(0.25, 9);
  });

  test('follows another season after some weeks of it', () => {
    const demand = learnt(28);
    for (let ms = MONDAY_MS; ms < MONDAY_MS + 42 * DAY_MS; ms += STEP_MS) {
      observeDemand(demand, ms, ms % DAY_MS < HOUR_MS ? 20_000 : 200, STEP_MS);
    }
    const tuesday = MONDAY_MS + DAY_MS;
    const share = new DemandCurve(demand).shareBy(tuesday + HOUR_MS, tuesday, tuesday + DAY_MS);
    // 0.81 in truth; what was before counts for little.
    expect(share).toBeGreaterThan(0.6);
  });
});

/** What each partition of a campaign has spent of what it was told, at some moments. */
const spends = fc.array(fc.array(fc.nat({ max: 5_000 }), { minLength: 3, maxLength: 3 }), {
  minLength: 1,
  maxLength: 12,
});

test('what one campaign is granted depends on no other one, however that runs away', () => {
  /** Settles A and B side by side, as the desk does; returns what B is granted, turn by turn. */
  const grantsOfB = (ofA: readonly number[][], ofB: readonly number[][]): Grant[][] => {
    const curve = new DemandCurve(noDemand());
    const runs = [ofA, ofB].map((shares, i) => {
      const campaign = paced(i === 0 ? { breaker: { spend_micros: BID, within_s: 60 } } : {});
      const launched = moveCampaign(draftCampaign(campaign), 0, { type: 'campaign.launched' });
      const cells = [0, 1, 2].map(() => emptyDelivery());
      return { actor: launched, memory: new CampaignMemory(), cells, shares };
    });
    return ofB.map((_, round) => {
      const nowMs = MONDAY_MS + HOUR_MS + round * 7_000;
      for (const run of runs) {
        const reports = run.cells.map((cell, p) => {
          const grant = run.actor.grants[p]?.grant ?? null;
          const spent = Math.min(run.shares[round]?.[p] ?? 0, grant?.allow_micros ?? 0);
          const version = run.actor.grants[p]?.version ?? 0;
          return {
            cell: {
              ...cell,
              grant,
              grant_version: version,
              ...{ spent_micros: spent, window_micros: spent, day_micros: spent },
            },
            refusals: round,
          };
        });
        const turn = { nowMs, curve, memory: run.memory, version: 1 + round };
        run.actor = settleCampaign(run.actor, reports, turn).actor;
      }
      return Object.values(runs[1]?.actor.grants ?? {}).map(({ grant }) => grant);
    });
  };
  holds(
    fc.property(spends, spends, spends, (calm, wild, own) => {
      expect(grantsOfB(wild, own)).toEqual(grantsOfB(calm, own));
    }),
  );
});
