/**
 * Credit per channel under each attribution model, as one table of figures.
 *
 * Pure: from an attribution report to rows and bars.
 */
import type { AttributionReport } from '../../../protocols/services.ts';

/** The models side by side; Markov, which the engine calculates live, comes first. */
export const CREDIT_MODELS = [
  'markov',
  'shapley',
  'first',
  'last',
  'linear',
  'position',
  'timeDecay',
] as const;
export type CreditModel = (typeof CREDIT_MODELS)[number];

export const MODEL_NAMES: Readonly<Record<CreditModel, string>> = {
  markov: 'Markov',
  shapley: 'Shapley',
  first: 'First',
  last: 'Last',
  linear: 'Linear',
  position: 'Position',
  timeDecay: 'Time decay',
};

export type Measure = 'conversions' | 'value';

export interface CreditRow {
  readonly channel: string;
  /** Conversions, or micros of value. */
  readonly credit: Readonly<Record<CreditModel, number>>;
  readonly costMicros: number;
  readonly roas: number | null;
  readonly clicks: number;
  readonly impressions: number;
}

/** A row per channel, the one with the most Markov credit first. */
export function creditRows(
  report: Pick<AttributionReport, 'channels'>,
  measure: Measure,
): readonly CreditRow[] {
  return report.channels
    .map((channel) => ({
      channel: channel.channel,
      credit: Object.fromEntries(
        CREDIT_MODELS.map((model) => {
          const credit = model === 'markov' ? channel : channel.models[model];
          const figure = measure === 'value' ? credit?.value_micros : credit?.conversions;
          return [model, figure ?? 0];
        }),
      ) as Record<CreditModel, number>,
      costMicros: channel.cost_micros,
      roas: channel.roas,
      clicks: channel.clicks,
      impressions: channel.impressions,
    }))
    .sort((a, b) => b.credit.markov - a.credit.markov || a.channel.localeCompare(b.channel));
}
