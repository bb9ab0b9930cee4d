/**
 * How well a model's forecasts come true and how far its features have moved, as figures to draw.
 */
import type { ModelQuality } from '../../../protocols/model-quality.ts';

type IntentQuality = ModelQuality['intents'][keyof ModelQuality['intents']];

export interface ReliabilityPoint {
  /** The bin's mean forecast, and how often it came so; 0 to 1. */
  readonly forecast: number;
  readonly rate: number;
  readonly forecasts: number;
  /** Half the width of the 95 % interval of the rate, by the normal approximation. */
  readonly margin: number;
}

/** The bins that hold forecasts. */
export function reliabilityPoints({ bins }: IntentQuality): readonly ReliabilityPoint[] {
  return bins.flatMap(({ forecasts, mean_forecast, rate }) => {
    if (mean_forecast === null || rate === null) return [];
    const margin = 1.96 * Math.sqrt((rate * (1 - rate)) / forecasts);
    return [{ forecast: mean_forecast, rate, forecasts, margin }];
  });
}

export type DriftVerdict = 'stable' | 'moved' | 'far' | 'unknown';

/** The usual reading of a population stability index (Siddiqi 2006): 0.1 and 0.25. */
export const PSI_MOVED = 0.1;
export const PSI_FAR = 0.25;
/** Fewer readings than this say nothing about a distribution. */
export const MIN_READINGS = 100;

export interface FeatureDrift {
  readonly name: string;
  readonly readings: number;
  readonly psi: number | undefined;
  readonly verdict: DriftVerdict;
}

/** Features, those that moved furthest first. */
export function featureDrifts({ features }: ModelQuality): readonly FeatureDrift[] {
  return features
    .map(({ name, readings, psi }): FeatureDrift => {
      return { name, readings, psi: psi ?? undefined, verdict: driftVerdict(psi, readings) };
    })
    .sort((a, b) => rank(b) - rank(a) || (a.name < b.name ? -1 : 1));
}

/** Features of which too little is known come last. */
function rank({ verdict, psi = 0 }: FeatureDrift): number {
  return verdict === 'unknown' ? -1 : psi;
}

function driftVerdict(psi: number | null, readings: number): DriftVerdict {
  if (psi === null || readings < MIN_READINGS) return 'unknown';
  if (psi >= PSI_FAR) return 'far';
  return psi >= PSI_MOVED ? 'moved' : 'stable';
}
