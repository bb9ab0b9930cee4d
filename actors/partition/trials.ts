/**
 * Holdouts, counted: who takes part in which trial, and what they buy (ADR 7). Sums of integers
 * per arm, so that they add up over partitions (I3) and can be calculated again (I2).
 */
import { ALL_CAMPAIGNS, type TrialCell } from '../../protocols/cells.ts';
import { MICROS_PER_UNIT, type Micros } from '../../protocols/money.ts';
import type { Settings } from '../../protocols/settings.ts';
import { type FusedState, MAX_TRIALS, type TrialEntry } from '../../protocols/user-snapshot.ts';
import type { AuctionResult } from '../campaign/auction.ts';
import type { PartitionState } from './state.ts';

const MICROS_PER_CENT = MICROS_PER_UNIT / 100;
/** What counts of one user's revenue: its square, summed over users, must stay exact. */
export const MAX_TRIAL_CENTS = 1_000_000;

type Trials = FusedState['trials'];

/** Enrols a user in the trials of those that won an auction, or would have won it. */
export function enrol(
  partition: PartitionState,
  trials: Trials,
  atMs: number,
  { wins, heldOut }: Pick<AuctionResult, 'wins' | 'heldOut'>,
): Trials {
  const { settings } = partition.reference;
  const shareOf = (campaign: string): number =>
    campaign === ALL_CAMPAIGNS
      ? settings.holdout_ppm
      : (partition.campaigns.get(campaign)?.campaign.holdout_ppm ?? 0);
  const bought = wins.flatMap(({ campaign }) => (campaign.house ? [] : [campaign.id]));
  if (bought.length > 0) bought.push(ALL_CAMPAIGNS);
  let next = trials;
  const enter = (campaign: string, isControl: boolean): void => {
    const ppm = shareOf(campaign);
    if (ppm === 0) return;
    if (next.some((entry) => entry.campaign === campaign && entry.ppm === ppm)) return;
    const kept = withRoom(next, atMs, settings);
    if (kept === undefined) return;
    next = kept.concat({ campaign, ppm, isControl, t: atMs, conversions: 0, cents: 0 });
    armOf(partition.trial(campaign, ppm), isControl).users++;
  };
  for (const campaign of heldOut) enter(campaign, true);
  for (const campaign of bought) enter(campaign, false);
  return next;
}

/** The trials with a place for another one; undefined if there is none. */
function withRoom(trials: Trials, atMs: number, settings: Settings): Trials | undefined {
  if (trials.length < MAX_TRIALS) return trials;
  const over = trials.findIndex(({ t }) => t + settings.outcome_window_ms < atMs);
  return over < 0 ? undefined : trials.filter((_, i) => i !== over);
}

/** Counts a conversion in the trials that it is an outcome of. */
export function countInTrials(
  partition: PartitionState,
  trials: Trials,
  atMs: number,
  value: Micros,
): Trials {
  const { outcome_window_ms } = partition.reference.settings;
  const isOutcome = ({ t }: TrialEntry): boolean => t <= atMs && atMs - t <= outcome_window_ms;
  if (!trials.some(isOutcome)) return trials;
  return trials.map((entry) => {
    if (!isOutcome(entry)) return entry;
    const { campaign, ppm, isControl } = entry;
    const cents = Math.min(entry.cents + Math.round(value / MICROS_PER_CENT), MAX_TRIAL_CENTS);
    const arm = armOf(partition.trial(campaign, ppm), isControl);
    if (entry.conversions === 0) arm.converted++;
    arm.revenue_cents += cents - entry.cents;
    arm.revenue_cents_squared += cents * cents - entry.cents * entry.cents;
    return { ...entry, conversions: entry.conversions + 1, cents };
  });
}

function armOf(cell: TrialCell, isControl: boolean): TrialCell['treated'] {
  return isControl ? cell.control : cell.treated;
}
