/**
 * What has happened before is no news: deviations that a series has shown several times over, such
 * as a backup that loads it once a day, are as common as their count says.
 *
 * With k remembered precedents of at least SIMILAR times the magnitude among n points, each of them
 * an event of about EVENT_POINTS points, the probability of such a point is at least
 * EVENT_POINTS · k / n, whatever a smooth tail says about it.
 *
 * Invariants:
 *   P1 At most MAX_PRECEDENTS are remembered, the latest; one or two never excuse a third.
 *   P2 The points of one event are one precedent, with the greatest magnitude among them.
 */

const MAX_PRECEDENTS = 16;
const MIN_PRECEDENTS = 3;
/** How much of a magnitude a precedent must have. */
const SIMILAR = 0.8;
const EVENT_POINTS = 8;
/** Points behind an event that still belong to it. */
const GAP_POINTS = 24;
/** Surprise from which a point is remembered: one in 200. */
const MIN_SURPRISE = 2.3;

/** An event: its magnitude, and the number of the point where it began. */
interface Precedent {
  readonly magnitude: number;
  readonly at: number;
}

export type Precedents = readonly Precedent[];

/**
 * A surprise that takes precedents into account, at most the given one. O(MAX_PRECEDENTS).
 *
 * @param at the number of the point, counted from 1.
 */
export function surpriseAfter(
  precedents: Precedents,
  magnitude: number,
  at: number,
  surprise: number,
): number {
  if (surprise < MIN_SURPRISE) return surprise;
  let similar = 0;
  for (const each of precedents) {
    if (at - each.at > GAP_POINTS && each.magnitude >= SIMILAR * magnitude) similar++;
  }
  if (similar < MIN_PRECEDENTS) return surprise;
  return Math.min(surprise, Math.max(0, -Math.log10((EVENT_POINTS * similar) / at)));
}

/** Remembers a surprising point (P1, P2). O(MAX_PRECEDENTS). */
export function rememberPrecedent(
  precedents: Precedents,
  magnitude: number,
  at: number,
  surprise: number,
): Precedents {
  if (surprise < MIN_SURPRISE) return precedents;
  const last = precedents.at(-1);
  if (last !== undefined && at - last.at <= GAP_POINTS) {
    if (magnitude <= last.magnitude) return precedents;
    return [...precedents.slice(0, -1), { magnitude, at: last.at }];
  }
  return [...precedents, { magnitude, at }].slice(-MAX_PRECEDENTS);
}
