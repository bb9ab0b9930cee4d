/**
 * How well a model holds, live: its probabilities against what came, and its features against those
 * it was trained on, from the sums of all partitions' counts.
 */
import type { CalibrationCell, DriftCell } from '../../protocols/cells.ts';
import type { Model } from '../../protocols/model.ts';
import type { ModelQuality } from '../../protocols/model-quality.ts';
import type { Intent } from '../../protocols/user-snapshot.ts';
import { CHURN_MS } from '../user/forecasts.ts';

const PPM = 1_000_000;
const WEEK_MS = 7 * 86_400_000;
/** Added to each bin's count, so that an empty bin is unlikely, not impossible. */
const SMOOTHING = 0.5;

/** A week's counts of one partition; `week` is its Monday, `yyyymmdd`. */
export interface WeekOf<T> {
  readonly week: string;
  readonly cell: T;
}

/**
 * The quality of one model.
 *
 * @param nowMs until when churn was watched: a week counts once CHURN_MS have passed since its end.
 */
export function modelQuality(
  model: Model,
  calibrations: readonly WeekOf<CalibrationCell>[],
  drifts: readonly WeekOf<DriftCell>[],
  nowMs: number,
): ModelQuality {
  const ripe = calibrations.filter(({ week }) => mondayMs(week) + WEEK_MS + CHURN_MS <= nowMs);
  return {
    v: 1,
    version: model.version,
    name: model.name,
    intents: {
      engagement_intent: intentQuality('engagement_intent', calibrations),
      purchase_intent: intentQuality('purchase_intent', calibrations),
      churn_risk: intentQuality('churn_risk', ripe),
    },
    features: model.features.map(({ name }, i) => {
      const { shares } = model.reference.features[i] as Model['reference']['features'][number];
      const counts = shares.map((_, bin) => {
        return drifts.reduce((sum, { cell }) => sum + (cell.features[i]?.[bin] ?? 0), 0);
      });
      const readings = counts.reduce((sum, count) => sum + count, 0);
      return { name, readings, psi: readings === 0 ? null : stabilityIndex(shares, counts) };
    }),
  };
}

function intentQuality(
  intent: Intent,
  weeks: readonly WeekOf<CalibrationCell>[],
): ModelQuality['intents'][Intent] {
  const cells = weeks.map(({ cell }) => cell.intents[intent]);
  const sum = (pick: (cell: (typeof cells)[number]) => readonly number[], bin: number): number =>
    cells.reduce((total, cell) => total + (pick(cell)[bin] ?? 0), 0);
  const bins = (cells[0]?.forecasts ?? []).map((_, bin) => {
    const forecasts = sum((cell) => cell.forecasts, bin);
    const settled = sum((cell) => cell.settled, bin);
    // Who came back has not left.
    const came = intent === 'churn_risk' ? forecasts - settled : settled;
    return { forecasts, expected: sum((cell) => cell.forecast_ppm, bin) / PPM, came };
  });
  const forecasts = bins.reduce((total, bin) => total + bin.forecasts, 0);
  if (forecasts === 0) return { forecasts, mean_forecast: null, rate: null, ece: null, bins: [] };
  const expected = bins.reduce((total, bin) => total + bin.expected, 0);
  const came = bins.reduce((total, bin) => total + bin.came, 0);
  const off = bins.reduce((total, bin) => total + Math.abs(bin.expected - bin.came), 0);
  return {
    forecasts,
    mean_forecast: expected / forecasts,
    rate: came / forecasts,
    ece: off / forecasts,
    bins: bins.map((bin) => ({
      forecasts: bin.forecasts,
      mean_forecast: bin.forecasts === 0 ? null : bin.expected / bin.forecasts,
      rate: bin.forecasts === 0 ? null : bin.came / bin.forecasts,
    })),
  };
}

/** The population stability index: sum of (now - then) ln(now / then) over bins' shares. */
export function stabilityIndex(shares: readonly number[], counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const all = total + SMOOTHING * counts.length;
  return shares.reduce((index, share, bin) => {
    const now = ((counts[bin] as number) + SMOOTHING) / all;
    const then = (share * total + SMOOTHING) / all;
    return index + (now - then) * Math.log(now / then);
  }, 0);
}

function mondayMs(week: string): number {
  return Date.UTC(Number(week.slice(0, 4)), Number(week.slice(4, 6)) - 1, Number(week.slice(6)));
}
