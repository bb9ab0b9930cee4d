/**
 * The funnel's transitions in the order of the funnel, and the others beside it.
 */

import type { LiveFrame } from '../../../protocols/live-figures.ts';
import type { FunnelState } from '../../../protocols/pulse.ts';

export type Move = LiveFrame['velocity'][number];

/** The way from the first event to a purchase; `lapsed` is off it. */
export const FUNNEL_WAY = [
  'aware',
  'exploring',
  'considering',
  'buying',
  'customer',
] as const satisfies readonly FunnelState[];

export interface FunnelStep {
  readonly from: string;
  readonly to: string;
  /** Undefined while nobody has taken this step. */
  readonly move: Move | undefined;
}

/** The steps along the funnel, and all other moves, the most frequent of the day first. */
export function funnelSteps(velocity: readonly Move[]): {
  readonly way: readonly FunnelStep[];
  readonly others: readonly Move[];
} {
  const way = FUNNEL_WAY.slice(1).map((to, index) => {
    const from = FUNNEL_WAY[index] as string;
    return { from, to, move: velocity.find((each) => each.from === from && each.to === to) };
  });
  const onWay = new Set(way.map(({ move }) => move));
  const others = velocity
    .filter((move) => !onWay.has(move))
    .sort((a, b) => b.users_today - a.users_today || a.from.localeCompare(b.from));
  return { way, others };
}
