/**
 * The anomaly score: how much of a surprise is new, from 0 to 1.
 *
 * An incident that lasts is one incident. Its first points score by their surprise s; the ones
 * behind score only where they surpass it by BOOST, and this bar sinks by FADE a point.
 *
 *   score = s / (1 + s):   0.5 one in ten, 0.75 one in a thousand, 0.857 one in a million
 *
 * Invariants:
 *   N1 The score is in [0, 1) and strictly rises with the surprise: no two are rounded together.
 */

const BOOST = 1.2;
const FADE = 0.01;

/** What of a surprise is above the bar that earlier points set, and the bar behind it. O(1). */
export function takeNews(
  bar: number,
  surprise: number,
): { readonly news: number; readonly bar: number } {
  const news = surprise > bar ? surprise : 0;
  return { news, bar: Math.max(BOOST * news, bar * (1 - FADE)) };
}

/** A surprise as a score (N1). */
export function scoreOf(surprise: number): number {
  return surprise / (1 + surprise);
}
