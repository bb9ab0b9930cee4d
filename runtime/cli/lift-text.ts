/**
 * What a campaign causes, in a few words.
 */
import type { LiftReport } from '../../protocols/campaign-services.ts';

/** A share as percent with one decimal, e.g. `12.3 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** The relative lift of conversions with its interval; what there is to say if there is none. */
export function liftText(lift: LiftReport | null): string {
  if (lift === null) return '–';
  if (!lift.is_split_as_planned) return 'the arms are not split as planned';
  const { estimate, low, high } = lift.relative;
  if (estimate === null || high === null) return 'too early';
  const signed = (share: number): string => `${share < 0 ? '−' : '+'}${percent(Math.abs(share))}`;
  return `${signed(estimate)} (${signed(low)} … ${signed(high)})${lift.is_proven ? ' proven' : ''}`;
}
