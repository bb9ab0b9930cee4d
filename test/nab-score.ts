/**
 * The score of the Numenta Anomaly Benchmark (Lavin & Ahmad 2015, "Evaluating real-time anomaly
 * detection algorithms"; github.com/numenta/NAB at ea702d75cc22, `nab/sweeper.py`), written from
 * its rules.
 *
 * Invariants:
 *   N1 A window counts once, with the best weight of a detected row in it: the earliest.
 *   N2 Rows of the probation, the first 15 % and at most 750, neither cost nor earn anything.
 *   N3 One threshold serves all files: the one that is best for their sum.
 */

const PROBATION_SHARE = 0.15;
const PROBATION_ROWS_MAX = 750;
/** A threshold that no score reaches: no detection at all. */
const NO_DETECTION = 1.1;

/** What a detection earns and costs. */
export interface NabProfile {
  readonly truePositive: number;
  readonly falseNegative: number;
  readonly falsePositive: number;
}

/** The benchmark's application profiles that we report. */
export const NAB_PROFILES = {
  standard: { truePositive: 1, falseNegative: 1, falsePositive: 0.11 },
  reward_low_FP_rate: { truePositive: 1, falseNegative: 1, falsePositive: 0.22 },
} as const satisfies Record<string, NabProfile>;

/** A series with the windows in which its anomalies lie; timestamps as text, both ends included. */
export interface NabSeries {
  readonly name: string;
  readonly timestamps: readonly string[];
  readonly values: readonly number[];
  readonly windows: readonly (readonly [start: string, end: string])[];
}

/** What each row weighs, before a profile: positive inside a window, negative outside. */
export interface NabWeights {
  readonly weights: Float64Array;
  /** Index of the window that a row lies in, or -1. */
  readonly windowOf: Int32Array;
  readonly windowCount: number;
  /** Rows before this one are on probation. */
  readonly firstScored: number;
}

/** A series' scores with the weights of its rows. */
export interface NabRun {
  readonly weights: NabWeights;
  readonly scores: ArrayLike<number>;
}

/** What a detector comes to over a corpus. */
export interface NabTotal {
  readonly threshold: number;
  readonly raw: number;
  /** 0 for a detector that finds nothing, 100 for a perfect one. */
  readonly normalised: number;
}

function sigmoid(x: number): number {
  return x > 3 ? -1 : 2 / (1 + Math.exp(5 * x)) - 1;
}

/** The weights of a series' rows. O(n). */
export function nabWeights({ timestamps, windows }: NabSeries): NabWeights {
  const n = timestamps.length;
  const firstIndex = new Map<string, number>();
  timestamps.forEach((each, i) => {
    if (!firstIndex.has(each)) firstIndex.set(each, i);
  });
  const bounds = windows.map(([start, end]) => {
    const [left, right] = [firstIndex.get(start), firstIndex.get(end)];
    if (left === undefined || right === undefined) throw new Error(`no row at ${start} or ${end}`);
    return { left, right };
  });
  const weights = new Float64Array(n).fill(-1);
  const windowOf = new Int32Array(n).fill(-1);
  bounds.forEach(({ left, right }, window) => {
    const width = right - left + 1;
    for (let i = left; i <= right; i++) {
      weights[i] = sigmoid(-(right - i + 1) / width) / sigmoid(-1);
      windowOf[i] = window;
    }
    const next = bounds[window + 1]?.left ?? n;
    for (let i = right + 1; i < next; i++) weights[i] = sigmoid((i - right) / (width - 1));
  });
  const firstScored = Math.min(Math.floor(PROBATION_SHARE * n), PROBATION_ROWS_MAX);
  return { weights, windowOf, windowCount: windows.length, firstScored };
}

/** The raw score of one file at a threshold (N1, N2). O(n). */
export function nabRawScore(run: NabRun, threshold: number, profile: NabProfile): number {
  const { weights, windowOf, windowCount, firstScored } = run.weights;
  const best = new Float64Array(windowCount).fill(-profile.falseNegative);
  let raw = 0;
  for (let i = firstScored; i < weights.length; i++) {
    if ((run.scores[i] as number) < threshold) continue;
    const weight = weights[i] as number;
    const window = windowOf[i] as number;
    if (window < 0) raw += profile.falsePositive * weight;
    else best[window] = Math.max(best[window] as number, profile.truePositive * weight);
  }
  return best.reduce((sum, each) => sum + each, raw);
}

/** A corpus' total at the threshold that is best for it (N3). O(n log n) in all rows. */
export function nabBest(runs: readonly NabRun[], profile: NabProfile): NabTotal {
  const rows: { readonly score: number; readonly weight: number; readonly window: number }[] = [];
  let windowCount = 0;
  for (const { weights: each, scores } of runs) {
    for (let i = each.firstScored; i < each.weights.length; i++) {
      const window = each.windowOf[i] as number;
      rows.push({
        score: scores[i] as number,
        weight: each.weights[i] as number,
        window: window < 0 ? -1 : windowCount + window,
      });
    }
    windowCount += each.windowCount;
  }
  rows.sort((a, b) => b.score - a.score);
  const windowScore = new Float64Array(windowCount).fill(-profile.falseNegative);
  let raw = -profile.falseNegative * windowCount;
  let best = { threshold: NO_DETECTION, raw };
  rows.forEach(({ score, weight, window }, i) => {
    if (window < 0) raw += profile.falsePositive * weight;
    else {
      const gained = profile.truePositive * weight - (windowScore[window] as number);
      if (gained > 0) {
        raw += gained;
        windowScore[window] = profile.truePositive * weight;
      }
    }
    if (rows[i + 1]?.score !== score && raw > best.raw) best = { threshold: score, raw };
  });
  return { ...best, normalised: normalised(best.raw, windowCount, profile) };
}

/** A corpus' total at a given threshold. O(n). */
export function nabAt(runs: readonly NabRun[], threshold: number, profile: NabProfile): NabTotal {
  const raw = runs.reduce((sum, run) => sum + nabRawScore(run, threshold, profile), 0);
  const windowCount = runs.reduce((sum, { weights }) => sum + weights.windowCount, 0);
  return { threshold, raw, normalised: normalised(raw, windowCount, profile) };
}

/** 100 · (raw - null) / (perfect - null). */
function normalised(raw: number, windowCount: number, profile: NabProfile): number {
  const base = -profile.falseNegative * windowCount;
  return (100 * (raw - base)) / (profile.truePositive * windowCount - base);
}
