/**
 * What models read of a user: a vector of features, each of one modality, as of a given time.
 *
 * Counts and times enter as ln(1 + x), so that the tenth event adds less than the first. A model
 * names the features that it was trained on; a new feature goes to the end of the list.
 *
 * Hot path: fills a caller's array, once per event (`npm run bench -- --only scoring`).
 */
import { LOOK_NUMBERS, type PackedLooks } from '../../protocols/looks.ts';
import {
  EVIDENCE_KINDS,
  type EvidenceKind,
  type FusedState,
  MAX_LOOKS,
  MODALITIES,
  type Modality,
  SCALE_MS,
} from '../../protocols/user-snapshot.ts';
import { hourAngle, SCALES } from './features.ts';
import { evolveFusion, type FusionNodes, fusionNodes } from './fusion.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MONTH_DAYS = 28;
const MICROS = 1_000_000;
/** The longest gap between two events that counts; also that of a first event. */
const MAX_GAP_MS = MONTH_DAYS * DAY_MS;
/** A longer pause between two looks is a pause between visits, not a pace. */
const MAX_PACE_MS = 30 * MINUTE_MS;

/** A feature: its modality and what its number is. */
export interface Feature {
  readonly name: string;
  readonly modality: Modality;
  readonly unit: string;
}

const SCALE_NAMES = ['5min', '1h', '1d', '28d'] as const;
type ScaleName = (typeof SCALE_NAMES)[number];

/** Features that are sums of evidence: name, kind, scale. */
const SUMS: readonly (readonly [string, EvidenceKind, ScaleName])[] = [
  ['app_5min', 'app', '5min'],
  ['app_1h', 'app', '1h'],
  ['app_1d', 'app', '1d'],
  ['app_28d', 'app', '28d'],
  ['visits_1d', 'temporal', '1d'],
  ['visits_28d', 'temporal', '28d'],
  ['engagement_5min', 'engagement', '5min'],
  ['engagement_1h', 'engagement', '1h'],
  ['engagement_28d', 'engagement', '28d'],
  ['looks_5min', 'look', '5min'],
  ['looks_1h', 'look', '1h'],
  ['looks_28d', 'look', '28d'],
  ['steps_5min', 'step', '5min'],
  ['steps_1h', 'step', '1h'],
  ['steps_28d', 'step', '28d'],
  ['orders_1d', 'order', '1d'],
  ['orders_28d', 'order', '28d'],
  ['friction_5min', 'churn', '5min'],
  ['friction_1h', 'churn', '1h'],
  ['friction_28d', 'churn', '28d'],
  ['declared_1d', 'zero_party', '1d'],
  ['declared_28d', 'zero_party', '28d'],
];
const MODALITY_OF: Partial<Record<EvidenceKind, Modality>> = {
  look: 'engagement',
  step: 'purchase',
  order: 'purchase',
};

/** Features of the clock, the looks and the orders, in the order that `fillOthers` writes. */
const OTHERS: readonly Feature[] = [
  { name: 'signed_in', modality: 'app', unit: '1 if signed in, else 0' },
  { name: 'visit_length', modality: 'temporal', unit: 'ln(1 + minutes since the visit began)' },
  { name: 'gap', modality: 'temporal', unit: 'ln(1 + seconds between the last two events)' },
  { name: 'silence', modality: 'temporal', unit: 'ln(1 + hours since the last event)' },
  { name: 'tenure', modality: 'temporal', unit: 'ln(1 + days since the first event)' },
  { name: 'habit', modality: 'temporal', unit: '-1 … 1, how usual this hour of the day is' },
  { name: 'distinct_items', modality: 'engagement', unit: '0 … 1, different items per look' },
  { name: 'repeated_look', modality: 'engagement', unit: 'earlier looks at the last item' },
  { name: 'back_and_forth', modality: 'engagement', unit: 'returns to the item before last' },
  { name: 'distinct_topics', modality: 'engagement', unit: '0 … 1, different topics per look' },
  { name: 'look_pace', modality: 'engagement', unit: 'ln(1 + mean seconds between looks)' },
  { name: 'orders_ever', modality: 'purchase', unit: 'ln(1 + orders)' },
  { name: 'since_order', modality: 'purchase', unit: 'ln(1 + days since the last order)' },
  { name: 'order_span', modality: 'purchase', unit: 'ln(1 + days from first to last order)' },
  { name: 'order_rate', modality: 'purchase', unit: 'ln(1 + orders per 28 days known)' },
  { name: 'order_value', modality: 'purchase', unit: 'ln(1 + mean value of an order)' },
  { name: 'price_level', modality: 'purchase', unit: 'ln(1 + mean price of the looks)' },
  { name: 'price_step', modality: 'purchase', unit: 'ln(last price / mean price of the looks)' },
];

/** All features, in the order of the vector. */
export const FEATURES: readonly Feature[] = [
  ...SUMS.map(
    ([name, kind, scale]): Feature => ({
      name,
      modality: MODALITY_OF[kind] ?? (kind as Modality),
      unit: `ln(1 + ${kind} evidence, decayed over ${scale})`,
    }),
  ),
  ...OTHERS,
  ...MODALITIES.map(
    (modality): Feature => ({ name: `fused_${modality}`, modality, unit: '0 … 1, fused state' }),
  ),
  ...MODALITIES.map(
    (modality): Feature => ({ name: `trend_${modality}`, modality, unit: '-1 … 1, visit - month' }),
  ),
];
export const FEATURE_COUNT = FEATURES.length;

const SUM_CELLS = SUMS.map(
  ([, kind, scale]) => EVIDENCE_KINDS.indexOf(kind) * SCALES + SCALE_NAMES.indexOf(scale),
);
const APP_28D = EVIDENCE_KINDS.indexOf('app') * SCALES + SCALES - 1;
const OTHERS_AT = SUMS.length;
const FUSED_AT = OTHERS_AT + OTHERS.length;
const TREND_AT = FUSED_AT + MODALITIES.length;

/** What the vector is made of. */
export type FeatureSource = Pick<
  FusedState,
  | 'firstMs'
  | 'nowMs'
  | 'signedIn'
  | 'previousMs'
  | 'session'
  | 'evidence'
  | 'habit'
  | 'looks'
  | 'purchases'
  | 'fusion'
>;

/**
 * Writes a user's features as of `atMs` into `out[at … at + FEATURE_COUNT - 1]`.
 *
 * @param atMs at or after the user's clock; later means that the user has been silent since.
 */
export function fillFeatures(state: FeatureSource, atMs: number, out: Float64Array, at = 0): void {
  const silentMs = atMs - state.nowMs;
  if (silentMs <= 0) {
    fillNow(state, fusionNodes(state.evidence), out, at);
    return;
  }
  const evidence = fadedEvidence(state.evidence, silentMs);
  const nodes = fusionNodes(evidence);
  const fusion = evolveFusion(state.fusion, nodes, silentMs);
  fillVector(state, atMs, evidence, fusion, nodes, out, at);
}

/** The same as of the user's clock, for one who has the nodes of the fusion graph at hand. */
export function fillNow(
  state: FeatureSource,
  nodes: FusionNodes,
  out: Float64Array,
  at: number,
): void {
  fillVector(state, state.nowMs, state.evidence, state.fusion, nodes, out, at);
}

function fillVector(
  state: FeatureSource,
  atMs: number,
  evidence: readonly number[],
  fusion: readonly number[],
  { trend }: FusionNodes,
  out: Float64Array,
  at: number,
): void {
  for (let i = 0; i < SUM_CELLS.length; i++) {
    const sum = evidence[SUM_CELLS[i] as number] as number;
    // Most sums are of what never happened.
    out[at + i] = sum === 0 ? 0 : Math.log1p(sum);
  }
  out[at + OTHERS_AT] = state.signedIn ? 1 : 0;
  fillClock(state, atMs, out, at + OTHERS_AT + 1);
  fillLooks(state.looks, out, at + OTHERS_AT + 6);
  fillOrders(state, atMs, out, at + OTHERS_AT + 11);
  for (let i = 0; i < MODALITIES.length; i++) {
    out[at + FUSED_AT + i] = fusion[i] as number;
    out[at + TREND_AT + i] = trend[i] as number;
  }
}

function fadedEvidence(evidence: readonly number[], silentMs: number): number[] {
  return evidence.map(
    (sum, cell) => sum * Math.exp(-silentMs / (SCALE_MS[cell % SCALES] as number)),
  );
}

function fillClock(state: FeatureSource, atMs: number, out: Float64Array, at: number): void {
  const { nowMs, previousMs, firstMs, session, habit } = state;
  const gapMs = previousMs < 0 ? MAX_GAP_MS : Math.min(nowMs - previousMs, MAX_GAP_MS);
  out[at] = Math.log1p(Math.max(0, nowMs - session.startedAtMs) / MINUTE_MS);
  out[at + 1] = Math.log1p(gapMs / 1_000);
  out[at + 2] = Math.log1p((atMs - nowMs) / HOUR_MS);
  out[at + 3] = Math.log1p((atMs - firstMs) / DAY_MS);
  const angle = hourAngle(atMs);
  // The sums fade alike, so their ratio to the count of events does not.
  const events = state.evidence[APP_28D] as number;
  const usual = habit[0] * Math.cos(angle) + habit[1] * Math.sin(angle);
  // After a modality was withheld for a time, the sums are not of the same events.
  out[at + 4] = events > 0 ? Math.min(1, Math.max(-1, usual / events)) : 0;
}

/** The looks' items and topics, side by side. */
const items = new Float64Array(MAX_LOOKS);
const topics = new Float64Array(MAX_LOOKS);

function fillLooks(looks: PackedLooks, out: Float64Array, at: number): void {
  const count = looks.length / LOOK_NUMBERS;
  let pauses = 0;
  let pausedMs = 0;
  let beforeMs = 0;
  for (let i = 0, cell = 0; i < count; i++, cell += LOOK_NUMBERS) {
    const t = looks[cell] as number;
    items[i] = looks[cell + 1] as number;
    topics[i] = looks[cell + 2] as number;
    const pauseMs = t - beforeMs;
    beforeMs = t;
    if (i === 0 || pauseMs >= MAX_PACE_MS) continue;
    pauses++;
    pausedMs += pauseMs;
  }
  let distinctItems = 0;
  let distinctTopics = 0;
  let named = 0;
  let repeats = 0;
  let returns = 0;
  for (let i = 0; i < count; i++) {
    const item = items[i] as number;
    const topic = topics[i] as number;
    let j = 0;
    while (j < i && items[j] !== item) j++;
    if (j === i) distinctItems++;
    if (i < count - 1 && item === items[count - 1]) repeats++;
    if (i >= 2 && items[i - 2] === item && items[i - 1] !== item) returns++;
    if (topic === 0) continue;
    named++;
    j = 0;
    while (j < i && topics[j] !== topic) j++;
    if (j === i) distinctTopics++;
  }
  out[at] = count === 0 ? 1 : distinctItems / count;
  out[at + 1] = repeats;
  out[at + 2] = returns;
  out[at + 3] = named === 0 ? 1 : distinctTopics / named;
  out[at + 4] = Math.log1p(pauses === 0 ? MAX_PACE_MS / 1_000 : pausedMs / pauses / 1_000);
}

function fillOrders(state: FeatureSource, atMs: number, out: Float64Array, at: number): void {
  const { looks, purchases } = state;
  const { count, firstMs, lastMs, micros } = purchases;
  const knownDays = (atMs - state.firstMs) / DAY_MS;
  out[at] = Math.log1p(count);
  // Who never ordered has not ordered for as long as the user is known.
  out[at + 1] = count === 0 ? Math.log1p(knownDays) : Math.log1p((atMs - lastMs) / DAY_MS);
  out[at + 2] = Math.log1p((lastMs - firstMs) / DAY_MS);
  out[at + 3] = Math.log1p(count / (1 + knownDays / MONTH_DAYS));
  out[at + 4] = count === 0 ? 0 : Math.log1p(micros / count / MICROS);
  let prices = 0;
  let sum = 0;
  let last = 0;
  for (let cell = 3; cell < looks.length; cell += LOOK_NUMBERS) {
    const price = looks[cell] as number;
    if (price === 0) continue;
    prices++;
    sum += price;
    last = price;
  }
  out[at + 5] = prices === 0 ? 0 : Math.log1p(sum / prices / MICROS);
  out[at + 6] = prices === 0 ? 0 : Math.log((last * prices) / sum);
}
