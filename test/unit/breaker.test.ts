/** The breaker's memory, and what it does to a campaign. */
import { describe, expect, test } from 'vitest';
import { SpendHistory } from '../../actors/campaign/breaker.ts';
import { DemandCurve, noDemand } from '../../actors/campaign/demand.ts';
import { draftCampaign, moveCampaign } from '../../actors/campaign/machine.ts';
import { CampaignMemory, settleCampaign } from '../../actors/campaign/settle.ts';
import { emptyDelivery } from '../../actors/partition/empty-cells.ts';
import { campaignWith, SECOND_MS } from '../generators.ts';

const MINUTE_S = 60;

describe('what was spent within a minute', () => {
  const within = (seen: readonly (readonly [second: number, spent: number])[]): number => {
    const history = new SpendHistory();
    let found = 0;
    for (const [second, spent] of seen) {
      found = history.within(second * SECOND_MS, spent, MINUTE_S * SECOND_MS);
    }
    return found;
  };

  test.each<[string, [number, number][], number]>([
    ['is nothing at first, whatever was spent before', [[0, 900]], 0],
    [
      'is all that came since',
      [
        [0, 900],
        [10, 950],
        [59, 980],
      ],
      80,
    ],
    [
      'is not what is longer ago',
      [
        [0, 0],
        [30, 100],
        [60, 150],
        [95, 200],
      ],
      100,
    ],
    [
      'is nothing after a minute of rest',
      [
        [0, 0],
        [1, 500],
        [61, 500],
        [122, 500],
      ],
      0,
    ],
    [
      'goes on when the clock is put back',
      [
        [0, 0],
        [50, 100],
        [20, 120],
        [40, 150],
      ],
      150,
    ],
  ])('%s', (_what, seen, expected) => {
    expect(within(seen)).toBe(expected);
  });

  test('is never taken for less than it was, nor for more than that of a 64th longer', () => {
    const history = new SpendHistory();
    const rate = 7;
    for (let ms = 0; ms < 600_000; ms += 50) {
      const found = history.within(ms, (ms / 50) * rate, MINUTE_S * SECOND_MS);
      const exact = (Math.min(ms, MINUTE_S * SECOND_MS) / 50) * rate;
      expect(found).toBeGreaterThanOrEqual(exact);
      expect(found).toBeLessThanOrEqual(exact * (1 + 1 / 64) + rate);
    }
  });
});

describe('a campaign with a breaker', () => {
  const breaker = { spend_micros: 5_000, within_s: MINUTE_S };
  const campaign = campaignWith('sale', { bid_micros: 1_000, breaker });
  const curve = new DemandCurve(noDemand());

  /** What becomes of it when its only partition shows such spending, second by second. */
  function statuses(spent: readonly number[]): string[] {
    const memory = new CampaignMemory();
    let actor = moveCampaign(draftCampaign(campaign), 0, { type: 'campaign.launched' });
    return spent.map((spent_micros, second) => {
      const cell = { ...emptyDelivery(), spent_micros };
      const turn = { nowMs: second * SECOND_MS, curve, memory, version: second + 1 };
      const settled = settleCampaign(actor, [{ cell, refusals: 0 }], turn);
      actor = settled.actor;
      return `${actor.status} ${settled.runawayMicros ?? ''}`.trim();
    });
  }

  test('runs while it spends no more than that', () => {
    expect(statuses([0, 2_000, 5_000])).toEqual(['live', 'live', 'live']);
  });

  test('is throttled once it does, and says what it spent; once', () => {
    expect(statuses([0, 3_000, 5_001, 9_000])).toEqual([
      'live',
      'live',
      'throttled 5001',
      'throttled',
    ]);
  });

  test('counts anew when it is resumed', () => {
    const memory = new CampaignMemory();
    let actor = moveCampaign(draftCampaign(campaign), 0, { type: 'campaign.launched' });
    const settle = (second: number, spent_micros: number): string => {
      const cell = { ...emptyDelivery(), spent_micros };
      const turn = { nowMs: second * SECOND_MS, curve, memory, version: second + 1 };
      actor = settleCampaign(actor, [{ cell, refusals: 0 }], turn).actor;
      return actor.status;
    };
    expect([settle(0, 0), settle(1, 6_000), settle(2, 6_500)].at(-1)).toBe('throttled');
    actor = moveCampaign(actor, 6_500, { type: 'campaign.resumed' });
    expect([settle(3, 6_500), settle(4, 7_000)]).toEqual(['live', 'live']);
    expect(settle(5, 11_501)).toBe('throttled');
  });
});
