/**
 * Live attribution: an RxJS pipeline from folded path journals and changed cells to the channels'
 * removal effects, credits and ROAS, recalculated at most once per period while anything moves.
 */
import { audit, filter, map, merge, type Observable, type SchedulerLike, timer } from 'rxjs';
import { attributeChain, DEFAULT_ATTRIBUTION } from '../../actors/channel/attribute.ts';
import { campaignMarkov } from '../../actors/channel/campaign-markov.ts';
import { chooseOrder } from '../../actors/channel/choose-order.ts';
import {
  type Credit,
  cohortsBetween,
  namedTransitions,
  samplingErrors,
  sumCredits,
  unitedTable,
  type WeightedCohort,
  weightedRows,
} from '../../actors/channel/live-attribution.ts';
import { markovChain } from '../../actors/channel/markov-chain.ts';
import type { PathTable } from '../../actors/channel/path-table.ts';
import { RULE_MODELS, type RuleModel, splitExactly } from '../../actors/channel/rule-models.ts';
import { sumSpend } from '../../actors/channel/totals.ts';
import {
  type AttributionReport,
  type AttributionRequest,
  MAX_LIVE_ORDER,
} from '../../protocols/services.ts';
import type { Settings } from '../../protocols/settings.ts';
import type { Clock } from '../ports.ts';
import type { CellView } from './cell-view.ts';
import type { PathFold } from './path-fold.ts';

/** How soon after a change the figures are calculated again. */
export const RECALCULATE_AFTER_MS = 250;
/** Calculating takes at most one part of this many of the time: many paths wait longer. */
const RECALCULATE_SHARE = 10;

/** What live attribution is made from. */
export interface AttributionSources {
  readonly fold: PathFold;
  readonly view: CellView;
  readonly settings: Settings;
  readonly clock: Clock;
}

/** The whole history's attribution, after every change that concerns it. */
export function liveAttribution(
  sources: AttributionSources,
  scheduler?: SchedulerLike,
): Observable<AttributionReport> {
  const { fold, view, clock } = sources;
  let tookMs = 0;
  const spent = view.changes.pipe(filter(({ kind }) => kind === 'channels'));
  return merge(fold.changes, spent).pipe(
    audit(() => timer(Math.max(RECALCULATE_AFTER_MS, tookMs * RECALCULATE_SHARE), scheduler)),
    map(() => {
      const startedMs = clock.nowMs();
      const report = attributionReport(sources, {});
      tookMs = clock.nowMs() - startedMs;
      return report;
    }),
  );
}

/**
 * Attribution over a range of cohorts.
 *
 * Cost: O(distinct paths in the range), and the chain's solution (see removal-effects.ts).
 */
export function attributionReport(
  { fold, view, settings, clock }: AttributionSources,
  { from = '00000000', to = '99999999', order = 1, ...wanted }: AttributionRequest,
): AttributionReport {
  const cohorts = cohortsBetween(fold.cohorts, from, to);
  const table = unitedTable(fold.cohorts, cohorts);
  const totals = table.totals();
  const seen = wanted.intervals === true ? weightedRows(cohorts) : undefined;
  const markov = attributeChain(table, order, DEFAULT_ATTRIBUTION.repeats, seen);
  // A sample's totals are estimates; rounded once, every model divides the same whole amount.
  const valueMicros = Math.round(totals.value);
  const effects = markov.channels.map(({ valueRemovalEffect }) => valueRemovalEffect);
  // Where nothing is worth anything there is nothing to divide.
  const values = effects.some((each) => each > 0) ? splitExactly(valueMicros, effects) : [];
  const credits = wholeCredits(sumCredits(cohorts, 'channel'), valueMicros);
  const spend = sumSpend(inRange(view.cells('channels'), from, to));
  const channels = markov.channels.flatMap((effect, i) => {
    const { channel, interval } = effect;
    const cost = spend.get(channel);
    const models = credits.get(channel);
    const isAbsent = effect.removalEffect === 0 && models === undefined && cost === undefined;
    if (isAbsent) return [];
    const value_micros = values[i] ?? 0;
    const costMicros = cost?.costMicros ?? 0;
    return {
      channel,
      removal_effect: effect.removalEffect,
      ...(interval && {
        removal_effect_low: interval.low,
        removal_effect_high: interval.high,
      }),
      value_removal_effect: effect.valueRemovalEffect,
      conversions: effect.conversions,
      value_micros,
      models: creditRows(models),
      impressions: cost?.impressions ?? 0,
      clicks: cost?.clicks ?? 0,
      cost_micros: costMicros,
      roas: costMicros === 0 ? null : value_micros / costMicros,
    };
  });
  return {
    v: 1,
    at_ms: clock.nowMs(),
    currency: settings.currency,
    order,
    states: markov.states,
    paths: Math.round(totals.paths),
    conversions: Math.round(totals.conversions),
    value_micros: valueMicros,
    p_conversion: markov.pConversion,
    outside: outsideOf(view, settings),
    ...(cohorts.some(({ weight }) => weight > 1) && { sampling: errorsOf(cohorts) }),
    channels: channels.sort(byName),
    campaigns: campaignRows(
      sumCredits(cohorts, 'campaign'),
      campaignMarkov(
        cohorts,
        markov.channels.map(({ channel, conversions }, i) => {
          return { channel, conversions, micros: values[i] ?? 0 };
        }),
      ),
    ),
    ...(wanted.transitions === true && {
      transitions: namedTransitions(markovChain(table.rows(), 1), table.channels),
    }),
    ...(wanted.choose_order === true && { order_choice: orderChoice(table) }),
  };
}

type Credits = Map<string, Record<RuleModel, Credit>>;

/** Credits whose values are integers that sum to the whole under every model. */
function wholeCredits(credits: Credits, valueMicros: number): Credits {
  const rows = [...credits.values()];
  if (rows.every((row) => RULE_MODELS.every((model) => Number.isInteger(row[model].micros)))) {
    return credits;
  }
  const parts = RULE_MODELS.map((model) => {
    return splitExactly(
      valueMicros,
      rows.map((row) => row[model].micros),
    );
  });
  return new Map(
    [...credits].map(([name, row], i) => {
      const whole = { ...row };
      RULE_MODELS.forEach((model, m) => {
        whole[model] = { ...row[model], micros: parts[m]?.[i] ?? 0 };
      });
      return [name, whole];
    }),
  );
}

function errorsOf(cohorts: readonly WeightedCohort[]): AttributionReport['sampling'] {
  const { paths, conversions, value } = samplingErrors(cohorts);
  return {
    paths_standard_error: paths,
    conversions_standard_error: conversions,
    value_micros_standard_error: value,
  };
}

function creditRows(
  models: Record<RuleModel, Credit> | undefined,
): AttributionReport['channels'][number]['models'] {
  const rows: AttributionReport['channels'][number]['models'] = {};
  for (const model of RULE_MODELS) {
    const { conversions, micros } = models?.[model] ?? { conversions: 0, micros: 0 };
    rows[model] = { conversions, value_micros: Math.round(micros) };
  }
  return rows;
}

/** The Markov credit first; a campaign may have one alone where bounds have lumped the others. */
function campaignRows(
  byRule: Credits,
  byChain: ReadonlyMap<string, Credit>,
): AttributionReport['campaigns'] {
  const names = [...new Set([...byRule.keys(), ...byChain.keys()])];
  return names.sort().map((campaign) => {
    const { conversions, micros } = byChain.get(campaign) ?? { conversions: 0, micros: 0 };
    const markov = { conversions, value_micros: micros };
    return { campaign, models: { markov, ...creditRows(byRule.get(campaign)) } };
  });
}

function orderChoice(table: PathTable): AttributionReport['order_choice'] {
  const { scores, suggested } = chooseOrder(table, MAX_LIVE_ORDER);
  return {
    suggested: suggested ?? null,
    scores: scores.map(({ order, auc, penalizedAuc }) => {
      return { order, auc, penalized_auc: penalizedAuc };
    }),
  };
}

function outsideOf(view: CellView, { lookback_ms }: Settings): AttributionReport['outside'] {
  const outside = {
    touches: 0,
    conversions: 0,
    touches_too_late: 0,
    conversions_too_late: 0,
    touches_sampled_out: 0,
    conversions_sampled_out: 0,
  };
  for (const [, , traffic] of view.cells('traffic')) {
    outside.touches += traffic.touches_outside_window;
    outside.conversions += traffic.conversions_without_path;
    outside.touches_too_late += traffic.touches_too_late;
    outside.conversions_too_late += traffic.conversions_too_late;
    outside.touches_sampled_out += traffic.touches_sampled_out;
    outside.conversions_sampled_out += traffic.conversions_sampled_out;
  }
  return { lookback_ms, ...outside };
}

function* inRange<T>(
  cells: Iterable<readonly [number, string, T]>,
  from: string,
  to: string,
): Generator<T> {
  for (const [, day, cell] of cells) if (day >= from && day <= to) yield cell;
}

function byName(a: { readonly channel: string }, b: { readonly channel: string }): number {
  return a.channel < b.channel ? -1 : 1;
}
