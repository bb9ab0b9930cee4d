/**
 * Live attribution: an RxJS pipeline from changed cells to the channels' removal effects and ROAS,
 * recalculated at most once per period while anything moves.
 */
import { auditTime, filter, map, type Observable, type SchedulerLike } from 'rxjs';
import { attributeMarkov } from '../../actors/channel/removal-effects.ts';
import { sumPaths, sumSpend } from '../../actors/channel/totals.ts';
import type { AttributionReport, AttributionRequest } from '../../protocols/services.ts';
import type { Clock } from '../ports.ts';
import type { CellView } from './cell-view.ts';

/** How soon after a change the figures are calculated again. */
export const RECALCULATE_AFTER_MS = 250;

/** The whole history's attribution, after every change that concerns it. */
export function liveAttribution(
  view: CellView,
  currency: string,
  clock: Clock,
  scheduler?: SchedulerLike,
): Observable<AttributionReport> {
  return view.changes.pipe(
    filter(({ kind }) => kind === 'paths' || kind === 'channels'),
    auditTime(RECALCULATE_AFTER_MS, scheduler),
    map(() => attributionReport(view, {}, currency, clock)),
  );
}

/**
 * Attribution over a range of cohorts.
 *
 * Cost: the sum over the range's cells, and one factorisation of the channels' chain.
 */
export function attributionReport(
  view: CellView,
  { from = '00000000', to = '99999999', transitions }: AttributionRequest,
  currency: string,
  clock: Clock,
): AttributionReport {
  const totals = sumPaths(inRange(view.cells('paths'), from, to));
  const spend = sumSpend(inRange(view.cells('channels'), from, to));
  const { pConversion, channels } = attributeMarkov(totals);
  return {
    v: 1,
    at_ms: clock.nowMs(),
    currency,
    model: 'markov',
    order: 1,
    paths: totals.paths,
    conversions: totals.conversions,
    value_micros: totals.valueMicros,
    p_conversion: pConversion,
    channels: channels.map((effect) => {
      const cost = spend.get(effect.channel);
      const costMicros = cost?.costMicros ?? 0;
      return {
        channel: effect.channel,
        removal_effect: effect.removalEffect,
        value_removal_effect: effect.valueRemovalEffect,
        conversions: effect.conversions,
        value_micros: effect.valueMicros,
        impressions: cost?.impressions ?? 0,
        clicks: cost?.clicks ?? 0,
        cost_micros: costMicros,
        roas: costMicros === 0 ? null : effect.valueMicros / costMicros,
      };
    }),
    ...(transitions === true ? { transitions: listTransitions(totals.transitions) } : {}),
  };
}

function* inRange<T>(
  cells: Iterable<readonly [number, string, T]>,
  from: string,
  to: string,
): Generator<T> {
  for (const [, day, cell] of cells) if (day >= from && day <= to) yield cell;
}

function listTransitions(
  transitions: ReadonlyMap<string, ReadonlyMap<string, number>>,
): { from: string; to: string; count: number }[] {
  const list: { from: string; to: string; count: number }[] = [];
  for (const [from, row] of transitions) {
    for (const [to, count] of row) list.push({ from, to, count });
  }
  return list.sort((a, b) => (a.from + a.to < b.from + b.to ? -1 : 1));
}
