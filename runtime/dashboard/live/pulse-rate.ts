/**
 * Rates per second from pulses, which are sums since the beginning: a moving average that answers
 * within a second and does not flicker.
 */
import type { PulseFrame } from '../../../protocols/live-figures.ts';

/** How far back the average looks, and how many pulses it keeps at most. */
const TRAIL_MS = 5_000;
const MAX_TRAIL = 64;
/** Less time than this between the first and the last pulse says too little about a rate. */
const MIN_SPAN_MS = 500;

type Counted = 'events' | 'decisions' | 'conversions';

/** The trail with one more pulse, without those that are too old to count. */
export function trailWith(trail: readonly PulseFrame[], pulse: PulseFrame): readonly PulseFrame[] {
  const recent = trail.filter((each) => pulse.at_ms - each.at_ms <= TRAIL_MS);
  return [...recent, pulse].slice(-MAX_TRAIL);
}

/** How many a second the trail shows; null while it is too short, or after sums began anew. */
export function ratePerS(trail: readonly PulseFrame[], figure: Counted): number | null {
  const first = trail[0];
  const last = trail.at(-1);
  if (first === undefined || last === undefined) return null;
  const spanMs = last.at_ms - first.at_ms;
  const grown = last[figure] - first[figure];
  return spanMs < MIN_SPAN_MS || grown < 0 ? null : (grown * 1000) / spanMs;
}
