/**
 * Features: evidence of nine kinds at four time scales. Evidence is a sum over events that decays
 * with elapsed event time, S(T) = sum of m(e) exp(-(T - t(e)) / tau), so that uneven gaps are exact
 * and an event that comes late counts as if it had come in time. What a model reads of them is in
 * feature-vector.ts.
 */
import type { Event } from '../../protocols/event.ts';
import { LOOK_NUMBERS, type PackedLooks, roomForLooks } from '../../protocols/looks.ts';
import { MAX_AMOUNT_UNITS, toMicros } from '../../protocols/money.ts';
import {
  EVIDENCE_KINDS,
  type FusedState,
  MAX_LOOKS,
  MODALITIES,
  type Modality,
  SCALE_MS,
} from '../../protocols/user-snapshot.ts';
import { hash32 } from '../hash.ts';
import { behaviorEvidence } from './behavior-evidence.ts';
import { isPurchaseStep } from './steps.ts';

export const SCALES = SCALE_MS.length;
const KINDS = EVIDENCE_KINDS.length;
const APP = EVIDENCE_KINDS.indexOf('app');
const TEMPORAL = EVIDENCE_KINDS.indexOf('temporal');
const ENGAGEMENT = EVIDENCE_KINDS.indexOf('engagement');
const PURCHASE = EVIDENCE_KINDS.indexOf('purchase');
const CHURN = EVIDENCE_KINDS.indexOf('churn');
const ZERO_PARTY = EVIDENCE_KINDS.indexOf('zero_party');
/** Rows of evidence that no modality is: a look is engagement, steps and orders are purchase. */
const LOOK = EVIDENCE_KINDS.indexOf('look');
const STEP = EVIDENCE_KINDS.indexOf('step');
const ORDER = EVIDENCE_KINDS.indexOf('order');
const DAY_MS = 86_400_000;

/** What the engine remembers of a user's behaviour: all that features are made of. */
export type FeatureState = Pick<
  FusedState,
  'counted' | 'signedIn' | 'previousMs' | 'evidence' | 'habit' | 'looks' | 'purchases'
>;

/** The features of a user of whom nothing is known. */
export const NO_FEATURES: FeatureState = {
  counted: 0,
  signedIn: false,
  previousMs: -1,
  evidence: zeros(KINDS * SCALES),
  habit: [0, 0],
  looks: roomForLooks(0),
  purchases: { count: 0, firstMs: 0, lastMs: 0, micros: 0 },
};

/**
 * What one event says, in the order of EVIDENCE_KINDS; entries are >= 0.
 *
 * @param row written and returned.
 */
export function evidenceOf(event: Event, opensSession: boolean, row = zeros(KINDS)): number[] {
  row.fill(0);
  row[APP] = 1;
  if (opensSession) row[TEMPORAL] = 1;
  switch (event.type) {
    case 'behavior':
      behaviorRow(event, row);
      return row;
    case 'impression':
    case 'opportunity':
      row[ENGAGEMENT] = 0.05;
      return row;
    case 'click':
      row[ENGAGEMENT] = 0.3;
      row[PURCHASE] = 0.1;
      return row;
    case 'conversion':
      row[ENGAGEMENT] = 0.5;
      row[PURCHASE] = 2;
      row[ORDER] = 1;
      return row;
    case 'refund':
      row[CHURN] = 0.8;
      return row;
    case 'preference':
      row[ENGAGEMENT] = 0.2;
      row[ZERO_PARTY] = 1;
      return row;
    case 'consent':
      row[ZERO_PARTY] = 0.2;
      return row;
    case 'outcome':
      if (event.outcome === 'clicked') row[ENGAGEMENT] = 0.5;
      if (event.outcome === 'dismissed') row[CHURN] = 0.3;
      return row;
    default:
      return event satisfies never;
  }
}

function behaviorRow(event: BehaviorEvent, row: number[]): void {
  const { name, vectors } = event;
  const known = behaviorEvidence(name);
  let { engagement, churn } = known;
  if (vectors !== undefined) {
    engagement += share(vectors.active_duration_s, 30);
    engagement += share(vectors.scroll_depth_hz, 60);
    churn += share(vectors.rage_taps, 2);
    churn += share(vectors.errors, 2);
    if (isHasty(vectors.tap_velocity_ms)) churn += 0.2;
  }
  row[ENGAGEMENT] = engagement;
  row[PURCHASE] = known.purchase;
  row[CHURN] = churn;
  // An item on its own, or viewed: not one put into a cart or taken out of it.
  const canBeLook = name === undefined || name === 'view_item';
  if (canBeLook && event.item !== undefined) row[LOOK] = 1;
  if (isPurchaseStep(name)) row[STEP] = 1;
}

/** Zeros in an array that holds doubles from the beginning: it need not change when one comes. */
function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0.5).fill(0);
}

/** What the event at hand says; read before the next. */
const eventRow = zeros(KINDS);

/** Modalities that may not be used: nothing is kept of them. */
export type Withheld = readonly Modality[];

/**
 * Takes one event into the features.
 *
 * @param fromMs the user's clock before the event, which the evidence is decayed to.
 * @param toMs the clock after it, >= fromMs.
 */
export function foldFeatures(
  before: FeatureState,
  fromMs: number,
  toMs: number,
  event: Event,
  opensSession: boolean,
  withheld: Withheld,
): FeatureState {
  const row = evidenceOf(event, opensSession, eventRow);
  const isWithheld = withheld.length > 0;
  if (isWithheld) withhold(row, withheld);
  const atMs = event.timestamp;
  // Not by a closure, which would be made anew for every event.
  const keepsApp = !isWithheld || !withheld.includes('app');
  const keepsTime = !isWithheld || !withheld.includes('temporal');
  const keepsPurchase = !isWithheld || !withheld.includes('purchase');
  const isFirst = before.counted === 0;
  return {
    counted: before.counted + 1,
    signedIn:
      keepsApp &&
      (isFirst || atMs >= fromMs ? event.user_mode === 'authenticated' : before.signedIn),
    previousMs: keepsTime ? previousAfter(before.previousMs, isFirst, fromMs, atMs) : -1,
    evidence: addEvidence(before.evidence, fromMs, toMs, atMs, row),
    habit: keepsTime ? habitAfter(before.habit, fromMs, toMs, atMs) : [0, 0],
    looks:
      row[LOOK] === 0
        ? before.looks
        : looksAfter(before.looks, event as BehaviorEvent, keepsPurchase),
    purchases:
      row[ORDER] === 0
        ? before.purchases
        : purchasesAfter(before.purchases, atMs, (event as Conversion).value),
  };
}

/** What is left of the features when modalities are withheld. */
export function withoutModalities(state: FeatureState, withheld: Withheld): FeatureState {
  const evidence = state.evidence.slice();
  for (let k = 0; k < SCALES; k++) {
    for (const kind of withheldRows(withheld)) evidence[kind * SCALES + k] = 0;
  }
  const isGone = (modality: Modality): boolean => withheld.includes(modality);
  const looks = isGone('purchase') ? withoutPrices(state.looks) : state.looks;
  return {
    counted: state.counted,
    signedIn: state.signedIn && !isGone('app'),
    previousMs: isGone('temporal') ? -1 : state.previousMs,
    evidence,
    habit: isGone('temporal') ? NO_FEATURES.habit : state.habit,
    looks: isGone('engagement') ? NO_FEATURES.looks : looks,
    purchases: isGone('purchase') ? NO_FEATURES.purchases : state.purchases,
  };
}

function withoutPrices(looks: PackedLooks): PackedLooks {
  return looks.map((number, i) => (i % LOOK_NUMBERS === 3 ? 0 : number));
}

/**
 * Adds an event's evidence and moves the sums to a new time.
 *
 * @param evidence 9 x 4 sums, decayed to `fromMs`.
 * @param toMs the user's clock after the event, >= fromMs.
 * @param atMs the event's own time, <= toMs; earlier means it came late and has decayed since.
 */
export function addEvidence(
  evidence: readonly number[],
  fromMs: number,
  toMs: number,
  atMs: number,
  row: readonly number[],
): number[] {
  // A copy keeps its doubles packed, which an array filled from nothing does not.
  const next = evidence.slice();
  for (let k = 0; k < SCALES; k++) {
    const tau = SCALE_MS[k] as number;
    const kept = toMs === fromMs ? 1 : Math.exp((fromMs - toMs) / tau);
    const fresh = toMs === atMs ? 1 : Math.exp((atMs - toMs) / tau);
    for (let i = 0, cell = k; i < KINDS; i++, cell += SCALES) {
      next[cell] = (next[cell] as number) * kept + (row[i] as number) * fresh;
    }
  }
  return next;
}

/** The second greatest event time so far; -1 after a single event. */
function previousAfter(previousMs: number, isFirst: boolean, nowMs: number, atMs: number): number {
  if (isFirst) return -1;
  return atMs >= nowMs ? nowMs : Math.max(previousMs, atMs);
}

const HABIT_MS = SCALE_MS[SCALES - 1] as number;

function habitAfter(
  habit: readonly [number, number],
  fromMs: number,
  toMs: number,
  atMs: number,
): [number, number] {
  const kept = toMs === fromMs ? 1 : Math.exp((fromMs - toMs) / HABIT_MS);
  const fresh = toMs === atMs ? 1 : Math.exp((atMs - toMs) / HABIT_MS);
  const angle = hourAngle(atMs);
  return [habit[0] * kept + Math.cos(angle) * fresh, habit[1] * kept + Math.sin(angle) * fresh];
}

/** The hour of the UTC day as an angle, 0 to 2 pi. */
export function hourAngle(ms: number): number {
  return ((ms % DAY_MS) / DAY_MS) * 2 * Math.PI;
}

type BehaviorEvent = Extract<Event, { type: 'behavior' }>;
type Conversion = Extract<Event, { type: 'conversion' }>;

/** The latest MAX_LOOKS by time, of equal times by item; so the order of arrival does not count. */
function looksAfter(looks: PackedLooks, event: BehaviorEvent, keepsPrice: boolean): PackedLooks {
  const { timestamp: t, topics } = event;
  const price = keepsPrice ? (event.vectors?.price ?? 0) : 0;
  const item = hash32(event.item as string);
  const topic = topics?.[0] === undefined ? 0 : hash32(topics[0]);
  const micros = price > 0 ? toMicros(Math.min(price, MAX_AMOUNT_UNITS)) : 0;
  const end = looks.length;
  let at = end;
  while (at > 0 && isBefore(t, item, topic, micros, looks, at - LOOK_NUMBERS)) at -= LOOK_NUMBERS;
  const isFull = end === MAX_LOOKS * LOOK_NUMBERS;
  // Earlier than all that are remembered, when no more may be.
  if (isFull && at === 0) return looks;
  const first = isFull ? LOOK_NUMBERS : 0;
  const next = roomForLooks((end - first) / LOOK_NUMBERS + 1);
  for (let i = first; i < at; i++) next[i - first] = looks[i] as number;
  for (let i = at; i < end; i++) next[i - first + LOOK_NUMBERS] = looks[i] as number;
  at -= first;
  next[at] = t;
  next[at + 1] = item;
  next[at + 2] = topic;
  next[at + 3] = micros;
  return next;
}

/** Whether a look comes before the one at `at`. */
function isBefore(
  t: number,
  item: number,
  topic: number,
  micros: number,
  looks: PackedLooks,
  at: number,
): boolean {
  const byTime = t - (looks[at] as number);
  if (byTime !== 0) return byTime < 0;
  const byItem = item - (looks[at + 1] as number);
  if (byItem !== 0) return byItem < 0;
  const byTopic = topic - (looks[at + 2] as number);
  return byTopic === 0 ? micros < (looks[at + 3] as number) : byTopic < 0;
}

function purchasesAfter(
  { count, firstMs, lastMs, micros }: FeatureState['purchases'],
  atMs: number,
  value: number,
): FeatureState['purchases'] {
  return {
    count: count + 1,
    firstMs: count === 0 ? atMs : Math.min(firstMs, atMs),
    lastMs: count === 0 ? atMs : Math.max(lastMs, atMs),
    micros: Math.min(micros + toMicros(value), Number.MAX_SAFE_INTEGER),
  };
}

/** Rows of EVIDENCE_KINDS that belong to modalities. */
function withheldRows(withheld: Withheld): number[] {
  const rows = withheld.map((modality) => MODALITIES.indexOf(modality));
  if (withheld.includes('engagement')) rows.push(LOOK);
  if (withheld.includes('purchase')) rows.push(STEP, ORDER);
  return rows;
}

function withhold(row: number[], withheld: Withheld): void {
  for (const kind of withheldRows(withheld)) row[kind] = 0;
}

function share(value: number | undefined, half: number): number {
  return value === undefined || value <= 0 ? 0 : value / (value + half);
}

/** Taps less than 80 ms apart are faster than reading: a sign of impatience. */
function isHasty(tapVelocityMs: number | undefined): boolean {
  return tapVelocityMs !== undefined && tapVelocityMs >= 0 && tapVelocityMs < 80;
}
