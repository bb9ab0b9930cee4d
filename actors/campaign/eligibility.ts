/**
 * Who may bid: every campaign that may not has one named reason, the first that applies.
 */

import type { Campaign, CampaignStatus, Signal } from '../../protocols/campaign.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import type { Exclusion } from '../../protocols/decision.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import type { Signals } from './auction.ts';

const DAY_MS = 86_400_000;

/** Recent wins remembered per user, over all campaigns. */
export const MAX_EXPOSURES = 32;

/** What asks for a decision. */
export interface Occasion {
  readonly atMs: number;
  /** The event's type; undefined when the event asks outright, which every trigger allows. */
  readonly trigger: Campaign['triggers'][number] | undefined;
  readonly placement: string | undefined;
}

/** The first reason why a campaign may not bid on this occasion, or undefined if it may. */
export function exclusionOf(
  campaign: Campaign,
  status: CampaignStatus,
  delivery: DeliveryCell,
  occasion: Occasion,
  signals: Signals,
  exposures: FusedState['exposures'],
): Exclusion | undefined {
  if (status !== 'live') return 'not_live';
  const { trigger, placement, atMs } = occasion;
  if (trigger !== undefined && !campaign.triggers.includes(trigger)) return 'not_triggered';
  const { placements, schedule } = campaign;
  if (placement !== undefined && placements.length > 0 && !placements.includes(placement)) {
    return 'wrong_placement';
  }
  if (schedule !== undefined && (atMs < schedule.starts_at_ms || atMs >= schedule.ends_at_ms)) {
    return 'not_scheduled';
  }
  for (const signal in campaign.targeting) {
    const bounds = campaign.targeting[signal as Signal];
    const value = signals[signal as Signal];
    if (bounds !== undefined && (value < bounds.min || value > bounds.max)) return 'targeting';
  }
  const capped = frequencyExclusion(campaign, exposures, atMs);
  if (capped !== undefined) return capped;
  return delivery.granted_micros - delivery.spent_micros < campaign.bid_micros
    ? 'budget'
    : undefined;
}

function frequencyExclusion(
  campaign: Campaign,
  exposures: FusedState['exposures'],
  atMs: number,
): Exclusion | undefined {
  let wins = 0;
  for (const exposure of exposures) {
    if (exposure.campaign !== campaign.id) continue;
    // By distance, so that an event that comes late is held to the same courtesy.
    const distanceMs = Math.abs(atMs - exposure.t);
    if (distanceMs < campaign.frequency.min_spacing_s * 1_000) return 'min_spacing';
    if (distanceMs < DAY_MS) wins++;
  }
  if (wins >= campaign.frequency.max_per_day) return 'frequency_cap';
  // A full memory cannot tell what it has forgotten: nobody wins before it reaches back far enough.
  const [oldest] = exposures;
  if (oldest === undefined || exposures.length < MAX_EXPOSURES) return undefined;
  const horizonMs = Math.max(DAY_MS, campaign.frequency.min_spacing_s * 1_000);
  return Math.abs(atMs - oldest.t) < horizonMs ? 'frequency_cap' : undefined;
}
