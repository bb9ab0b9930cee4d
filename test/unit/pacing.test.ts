/** How much even pacing allows by when. */
import { describe, expect, test } from 'vitest';
import { DemandCurve, noDemand } from '../../actors/campaign/demand.ts';
import { PACING_LEAD_MS, pacedMicros } from '../../actors/campaign/pacing.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import { campaignWith, DAY_MS, HOUR_MS } from '../generators.ts';

const MIDNIGHT_MS = Date.parse('2024-04-08T00:00Z');
const CURVE = new DemandCurve(noDemand());
const DAILY = { bid_micros: 1, daily_micros: 2_400_000, pacing: 'even' as const };

function allowed(hours: number, changes: Partial<Campaign> = {}): number | undefined {
  const nowMs = MIDNIGHT_MS + hours * HOUR_MS - PACING_LEAD_MS;
  return pacedMicros(campaignWith('sale', { ...DAILY, ...changes }), nowMs, CURVE);
}

describe('of a flat day', () => {
  test('each hour allows its part, with a lead and a bid', () => {
    expect([6, 12, 23].map((hours) => allowed(hours))).toEqual([600_001, 1_200_001, 2_300_001]);
    expect(allowed(6, { bid_micros: 500 })).toBe(600_500);
  });

  test('all is allowed in time to be spent, and never more', () => {
    expect(allowed(24)).toBe(2_400_000);
    expect(allowed(24 + PACING_LEAD_MS / HOUR_MS - 0.001)).toBe(2_400_000);
  });

  test('only the hours count in which the campaign runs', () => {
    const from = (hours: number, until: number) => ({
      schedule: {
        starts_at_ms: MIDNIGHT_MS + hours * HOUR_MS,
        ends_at_ms: MIDNIGHT_MS + until * HOUR_MS,
      },
    });
    expect(allowed(18, from(12, 24))).toBe(1_200_001);
    expect(allowed(6, from(-48, 12))).toBe(1_200_001);
    expect(allowed(6, from(12, 24))).toBe(0);
    expect(allowed(13, from(6, 12))).toBe(2_400_000);
  });

  test('days are those of the campaign, of 23 hours too', () => {
    const midnightMs = Date.parse('2024-03-30T23:00Z');
    const campaign = campaignWith('sale', {
      ...{ ...DAILY, daily_micros: 2_300_000 },
      time_zone: 'Europe/Berlin',
    });
    const nowMs = midnightMs + HOUR_MS - PACING_LEAD_MS;
    expect(pacedMicros(campaign, nowMs, CURVE)).toBe(100_001);
  });
});

test('a campaign that is not paced may spend at once', () => {
  expect(allowed(1, { pacing: 'asap' })).toBeUndefined();
});

test('a budget without days is for its schedule', () => {
  const schedule = { starts_at_ms: MIDNIGHT_MS, ends_at_ms: MIDNIGHT_MS + 10 * DAY_MS };
  const { daily_micros: _, ...rest } = campaignWith('sale', { ...DAILY, schedule });
  const campaign = { ...rest, budget_micros: 1_000_000 };
  expect(pacedMicros(campaign, MIDNIGHT_MS + DAY_MS - PACING_LEAD_MS, CURVE)).toBe(100_001);
});
