/**
 * Fusion: a graph over the six modalities that evolves a state vector. A node is a modality with
 * level (today), trend (this visit against this fortnight) and confidence (how much evidence);
 * an edge lets one modality's level pull another's. The state follows its drive by elapsed time.
 */
import { MODALITIES, type Modality } from '../../protocols/user-snapshot.ts';
import { level, SCALES } from './features.ts';
import { COUPLING, FUSION_MS, TREND_WEIGHT } from './model.ts';

const SIZE = MODALITIES.length;

/** Coupling as [row, column, weight], so that the many zero edges cost nothing. */
const EDGES: readonly (readonly [number, number, number])[] = MODALITIES.flatMap((row, i) =>
  MODALITIES.flatMap((column, j) => {
    const weight = COUPLING[row]?.[column];
    return weight === undefined ? [] : [[i, j, weight] as const];
  }),
);

/** The fusion graph's nodes; each array has one entry per modality. */
export interface FusionNodes {
  readonly level: readonly number[];
  readonly trend: readonly number[];
  readonly confidence: readonly number[];
}

/** The nodes that evidence (6 x 3 sums) makes: level and confidence in 0 … 1, trend in -1 … 1. */
export function fusionNodes(evidence: readonly number[]): FusionNodes {
  const levels = new Array<number>(SIZE);
  const trend = new Array<number>(SIZE);
  const confidence = new Array<number>(SIZE);
  for (let i = 0; i < SIZE; i++) {
    levels[i] = level(evidence, i, 1);
    trend[i] = level(evidence, i, 0) - level(evidence, i, 2);
    const long = evidence[i * SCALES + 2] as number;
    confidence[i] = long / (long + 1);
  }
  return { level: levels, trend, confidence };
}

/**
 * Moves the state towards its drive, x <- d + (x - d) exp(-elapsed / tau), with
 * d(i) = clip(level + w trend + sum over edges of c(i,j) confidence(j) (level(j) - level(i))).
 *
 * @param state the vector so far, or undefined before the first event: it then starts at its drive.
 */
export function evolveFusion(
  state: readonly number[] | undefined,
  nodes: FusionNodes,
  elapsedMs: number,
): number[] {
  const drive = new Array<number>(SIZE);
  for (let i = 0; i < SIZE; i++) {
    drive[i] = (nodes.level[i] as number) + TREND_WEIGHT * (nodes.trend[i] as number);
  }
  for (const [i, j, weight] of EDGES) {
    const pull = (nodes.level[j] as number) - (nodes.level[i] as number);
    drive[i] = (drive[i] as number) + weight * (nodes.confidence[j] as number) * pull;
  }
  const kept = Math.exp(-elapsedMs / FUSION_MS);
  for (let i = 0; i < SIZE; i++) {
    const target = Math.min(1, Math.max(0, drive[i] as number));
    drive[i] = state === undefined ? target : target + ((state[i] as number) - target) * kept;
  }
  return drive;
}

/** The index of a modality in every vector of this file. */
export function modalityIndex(modality: Modality): number {
  return MODALITIES.indexOf(modality);
}
