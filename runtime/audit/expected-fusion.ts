/**
 * The fused state, from docs/semantics.md ("Fusion"): levels, trends and what drives the state.
 */
import { COUPLING, FUSION_MS, SATURATION, TREND_WEIGHT } from '../../actors/user/fusion.ts';
import type { EvidenceKind, Modality } from '../../protocols/user-snapshot.ts';

/** Indices of SCALE_MS. */
const VISIT = 1;
const TODAY = 2;
const MONTH = 3;

export type PerModality = Record<Modality, number>;
/** Evidence by kind, at each of the four scales. */
export type Sums = Record<EvidenceKind, [number, number, number, number]>;

/** One number for each modality. */
export function perModality(make: (modality: Modality) => number): PerModality {
  // Written out, not made from entries: this is called several times for every event.
  return {
    app: make('app'),
    temporal: make('temporal'),
    engagement: make('engagement'),
    purchase: make('purchase'),
    churn: make('churn'),
    zero_party: make('zero_party'),
  };
}

/**
 * The state after the clock has moved on.
 *
 * @param elapsedMs since the state before; Infinity if there is none: it starts at its drive.
 */
export function fusedAfter(before: PerModality, sums: Sums, elapsedMs: number): PerModality {
  const drive = driveOf(sums);
  const kept = Math.exp(-elapsedMs / FUSION_MS);
  return perModality((m) => drive[m] + (before[m] - drive[m]) * kept);
}

function levelOf(sums: Sums, m: Modality, k: typeof VISIT | typeof TODAY | typeof MONTH): number {
  return 1 - Math.exp(-sums[m][k] / (SATURATION[m][k - 1] as number));
}

/** How much a modality has risen this visit above its month. */
export function trendOf(sums: Sums, m: Modality): number {
  return levelOf(sums, m, VISIT) - levelOf(sums, m, MONTH);
}

function driveOf(sums: Sums): PerModality {
  const levels = perModality((m) => levelOf(sums, m, TODAY));
  return perModality((i) => {
    let drive = levels[i] + TREND_WEIGHT * trendOf(sums, i);
    for (const [j, coupling] of Object.entries(COUPLING[i] ?? {}) as [Modality, number][]) {
      const confidence = sums[j][MONTH] / (sums[j][MONTH] + 1);
      drive += coupling * confidence * (levels[j] - levels[i]);
    }
    return Math.min(1, Math.max(0, drive));
  });
}
