/**
 * An operator who defines one small campaign after another while everything breaks: so budgets are
 * granted, spent and exhausted during every fault, and not only before the first.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { type Campaign, campaignSchema } from '../../protocols/campaign.ts';
import { campaignsReportSchema } from '../../protocols/campaign-services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { ask } from '../../runtime/cli/session.ts';
import { pause } from '../../runtime/timing.ts';

const WAVE_EVERY_MS = 6_000;
const RETRY_AFTER_MS = 300;
/** How long a wave may wait for a coordinator to lead. */
const WAVE_DEADLINE_MS = 60_000;
const MAX_WAVES = 200;
const MICROS = 1_000_000;
const OPERATOR = 'crash test';

/** Different tastes, so that waves compete with one another and lose in different ways. */
const TASTES = [
  { base: 0.1, weights: { engagement_intent: 0.5, purchase_intent: 0.4 } },
  { base: 0.2, weights: { hesitation: 0.5, purchase_intent: 0.3 } },
  { base: 0.05, weights: { churn_risk: 0.6, frustration: 0.4 } },
] as const;

/** The n-th campaign; its budget, or its hour's or day's, pays for a few seconds of the load. */
export function waveCampaign(n: number, rate: number): Campaign {
  const budget = rate * (0.01 + 0.02 * (n % 4));
  const cap = Math.round(0.7 * budget * MICROS);
  const caps = [{}, { hourly_micros: cap }, { daily_micros: cap }][n % 3];
  return campaignSchema.parse({
    id: `WAVE_${n}`,
    name: `Wave ${n}`,
    trigger_type: 'in_app_modal',
    triggers: ['behavior', 'click'],
    bid_micros: 400_000 + (n % 5) * 150_000,
    budget_micros: Math.round(budget * MICROS),
    ...caps,
    quality: TASTES[n % TASTES.length],
    frequency: { max_per_day: 6, min_spacing_s: 1 },
  });
}

/**
 * Applies one campaign after another until the signal aborts.
 *
 * @param nc a connection of an operator's account.
 * @returns the campaigns that the coordinator confirmed.
 * @throws CommandFailed if none could be applied for WAVE_DEADLINE_MS.
 */
export async function applyWaves(
  nc: NatsConnection,
  rate: number,
  signal: AbortSignal,
): Promise<Campaign[]> {
  const applied: Campaign[] = [];
  while (!signal.aborted && applied.length < MAX_WAVES) {
    const campaign = waveCampaign(applied.length, rate);
    await applyUntilConfirmed(nc, campaign);
    applied.push(campaign);
    await pause(WAVE_EVERY_MS, signal);
  }
  return applied;
}

/** Whether a request without an answer was carried out is unknown: applying again is harmless. */
async function applyUntilConfirmed(nc: NatsConnection, campaign: Campaign): Promise<void> {
  const deadlineMs = performance.now() + WAVE_DEADLINE_MS;
  for (;;) {
    try {
      await ask(
        nc,
        SERVICES.applyCampaigns,
        { campaigns: [campaign], by: OPERATOR },
        campaignsReportSchema,
      );
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await pause(RETRY_AFTER_MS);
    }
  }
}
