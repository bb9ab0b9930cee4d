/**
 * Who is held out from a campaign, so that its effect can be measured (ADR 7).
 *
 * Invariants:
 *   H1 The same user, campaign and share give the same answer, everywhere and always.
 *   H2 Who is held out at some share is held out at every greater one.
 */
import { EVERYBODY_PPM } from '../../protocols/cohort.ts';
import type { UserToken } from '../../protocols/ids.ts';
import { hash64 } from '../hash.ts';

/** Draws the control groups: by this number, not by the one that draws anything else. */
export const HOLDOUT_SEED = 20_171_117;

const LANE_DIGITS = 8;
const LANE_SIZE = 16 ** LANE_DIGITS;

/**
 * Whether a user is in a campaign's control group; O(length of both ids).
 *
 * @param campaign its id, or ALL_CAMPAIGNS.
 * @param ppm the control group's users per million.
 */
export function isHeldOut(user: UserToken, campaign: string, ppm: number): boolean {
  if (ppm === 0) return false;
  const lane = hash64(`${user}\n${campaign}`, HOLDOUT_SEED).slice(0, LANE_DIGITS);
  return Number.parseInt(lane, 16) * EVERYBODY_PPM < ppm * LANE_SIZE;
}
