/**
 * Fusion: a graph over the six modalities that evolves a state vector. A node is a modality with
 * level (today), trend (this visit against this month) and confidence (how much evidence); an
 * edge lets one modality's level pull another's. The state follows its drive by elapsed time.
 *
 * The graph is set by the meaning of the modalities; what its state and trends are worth to the
 * concepts is learnt (docs/model-card.md shows what they add).
 */
import { MODALITIES, type Modality } from '../../protocols/user-snapshot.ts';
import { SCALES } from './features.ts';

const SIZE = MODALITIES.length;
const MINUTE_MS = 60_000;
/** Indices of SCALE_MS. */
const VISIT = 1;
const TODAY = 2;
const MONTH = 3;

/** Evidence at which a level reaches 1 - 1/e: this visit, today, this month. */
export const SATURATION: Readonly<Record<Modality, readonly [number, number, number]>> = {
  app: [6, 15, 80],
  temporal: [1, 2, 10],
  engagement: [1.5, 4, 25],
  purchase: [0.8, 1.5, 7],
  churn: [0.8, 1.5, 6],
  zero_party: [1, 1, 2],
};

/** How fast the fused state follows what drives it. */
export const FUSION_MS = 2 * MINUTE_MS;
/** How much a modality's trend moves its drive. */
export const TREND_WEIGHT = 0.5;

/** Edges of the graph: how strongly the column's level pulls the row's (row, column). */
export const COUPLING: Readonly<Partial<Record<Modality, Partial<Record<Modality, number>>>>> = {
  engagement: { app: 0.1, churn: -0.15, zero_party: 0.05 },
  purchase: { engagement: 0.1, zero_party: 0.05, churn: -0.05 },
  churn: { engagement: -0.1, temporal: -0.1 },
  temporal: { app: 0.1 },
};

/** The saturations of each modality in turn. */
const SATURATIONS = Float64Array.from(MODALITIES.flatMap((modality) => SATURATION[modality]));
/** The edges of the graph, side by side: an array of tuples would be taken apart at every event. */
const EDGES = MODALITIES.flatMap((row, i) =>
  MODALITIES.flatMap((column, j) => {
    const weight = COUPLING[row]?.[column];
    return weight === undefined ? [] : { i, j, weight };
  }),
);
const EDGE_ROW = Uint8Array.from(EDGES, ({ i }) => i);
const EDGE_COLUMN = Uint8Array.from(EDGES, ({ j }) => j);
const EDGE_WEIGHT = Float64Array.from(EDGES, ({ weight }) => weight);
/** Copied to make an array that holds doubles from the beginning. */
const DOUBLES: readonly number[] = MODALITIES.map(() => 0.5);

/** The fusion graph's nodes; each array has one entry per modality. */
export interface FusionNodes {
  readonly level: number[];
  readonly trend: number[];
  readonly confidence: number[];
}

/** Nodes to write to, again and again. */
export function newNodes(): FusionNodes {
  return { level: DOUBLES.slice(), trend: DOUBLES.slice(), confidence: DOUBLES.slice() };
}

/**
 * The nodes that evidence (9 x 4 sums) makes: level and confidence in 0 … 1, trend in -1 … 1.
 *
 * @param nodes written and returned.
 */
export function fusionNodes(evidence: ArrayLike<number>, nodes = newNodes()): FusionNodes {
  const { level, trend, confidence } = nodes;
  for (let i = 0; i < SIZE; i++) {
    const visit = SATURATIONS[3 * i] as number;
    const today = SATURATIONS[3 * i + 1] as number;
    const month = SATURATIONS[3 * i + 2] as number;
    const long = evidence[i * SCALES + MONTH] as number;
    level[i] = saturate(evidence[i * SCALES + TODAY] as number, today);
    trend[i] = saturate(evidence[i * SCALES + VISIT] as number, visit) - saturate(long, month);
    confidence[i] = long / (long + 1);
  }
  return nodes;
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
  const drive = DOUBLES.slice();
  for (let i = 0; i < SIZE; i++) {
    drive[i] = (nodes.level[i] as number) + TREND_WEIGHT * (nodes.trend[i] as number);
  }
  for (let e = 0; e < EDGE_WEIGHT.length; e++) {
    const i = EDGE_ROW[e] as number;
    const j = EDGE_COLUMN[e] as number;
    const weight = EDGE_WEIGHT[e] as number;
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

/** Evidence as a level: 0 with nothing, 1 - 1/e at the saturation, towards 1. */
export function saturate(evidence: number, saturation: number): number {
  return evidence === 0 ? 0 : 1 - Math.exp(-evidence / saturation);
}
