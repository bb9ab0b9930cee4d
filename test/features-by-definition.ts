/**
 * The features of a user calculated from the list of the user's events, each by its definition and
 * in no hurry, to compare the event-by-event calculation with. Only constants are shared with it.
 *
 * Assumes that personalization is allowed throughout; modalities may be withheld on the way.
 */
import { hash32 } from '../actors/hash.ts';
import { evidenceOf } from '../actors/user/features.ts';
import { COUPLING, FUSION_MS, SATURATION, TREND_WEIGHT } from '../actors/user/fusion.ts';
import type { Event } from '../protocols/event.ts';
import { MAX_AMOUNT_UNITS } from '../protocols/money.ts';
import { DEFAULT_SETTINGS } from '../protocols/settings.ts';
import {
  EVIDENCE_KINDS,
  type EvidenceKind,
  MODALITIES,
  type Modality,
  SCALE_MS,
} from '../protocols/user-snapshot.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './generators.ts';

const MONTH_MS = 28 * DAY_MS;
const OWNER: Partial<Record<EvidenceKind, Modality>> = {
  look: 'engagement',
  step: 'purchase',
  order: 'purchase',
};
const SCALES = { '5min': 5 * MINUTE_MS, '1h': HOUR_MS, '1d': DAY_MS, '28d': MONTH_MS } as const;
type Scale = keyof typeof SCALES;
const SUMS: Readonly<Record<string, readonly [EvidenceKind, ...Scale[]]>> = {
  app: ['app', '5min', '1h', '1d', '28d'],
  visits: ['temporal', '1d', '28d'],
  engagement: ['engagement', '5min', '1h', '28d'],
  looks: ['look', '5min', '1h', '28d'],
  steps: ['step', '5min', '1h', '28d'],
  orders: ['order', '1d', '28d'],
  friction: ['churn', '5min', '1h', '28d'],
  declared: ['zero_party', '1d', '28d'],
};

/** An event as it arrived, with what follows from those before it. */
interface Arrival {
  readonly event: Event;
  readonly t: number;
  /** The clock before it; its own time if it is the first. */
  readonly fromMs: number;
  /** The clock after it. */
  readonly nowMs: number;
  readonly isOnTime: boolean;
  readonly opensSession: boolean;
  readonly startedAtMs: number;
  readonly withheld: readonly Modality[];
  /** It is a consent that withholds something. */
  readonly withholds: boolean;
}

interface Look {
  readonly t: number;
  readonly item: number;
  readonly topic: number;
  readonly micros: number;
}

/** Events in the order of their arrival, with clock, session and consent. */
function arrivalsOf(events: readonly Event[]): Arrival[] {
  const arrivals: Arrival[] = [];
  let nowMs = -1;
  let session = { startedAtMs: 0, endsAtMs: 0 };
  let consent: { atMs: number; withheld: readonly Modality[] } = { atMs: 0, withheld: [] };
  for (const event of events) {
    const t = event.timestamp;
    const fromMs = nowMs < 0 ? t : nowMs;
    const isOnTime = t >= nowMs;
    const opensSession = isOnTime && t > session.endsAtMs;
    const endsAtMs = t + DEFAULT_SETTINGS.session_idle_ms;
    if (isOnTime) session = { startedAtMs: opensSession ? t : session.startedAtMs, endsAtMs };
    const isTaken = event.type === 'consent' && t >= consent.atMs;
    if (isTaken) consent = { atMs: t, withheld: event.withheld ?? [] };
    nowMs = Math.max(nowMs, t);
    const { withheld } = consent;
    const withholds = isTaken && withheld.length > 0;
    const { startedAtMs } = session;
    arrivals.push({
      ...{ event, t, fromMs, nowMs, isOnTime, opensSession, startedAtMs, withheld, withholds },
    });
  }
  return arrivals;
}

/** What counts for a modality: all that came since it was withheld the last time. */
function counted(arrivals: readonly Arrival[], modality: Modality): readonly Arrival[] {
  return arrivals.slice(arrivals.findLastIndex((a) => a.withheld.includes(modality)) + 1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function evidence(
  arrivals: readonly Arrival[],
  kind: EvidenceKind,
  tauMs: number,
  atMs: number,
): number {
  const row = EVIDENCE_KINDS.indexOf(kind);
  const of = counted(arrivals, OWNER[kind] ?? (kind as Modality));
  return sum(
    of.map(({ event, opensSession, t }) => {
      return (evidenceOf(event, opensSession)[row] as number) * Math.exp(-(atMs - t) / tauMs);
    }),
  );
}

function trendOf(arrivals: readonly Arrival[], modality: Modality, atMs: number): number {
  const [visit, , month] = SATURATION[modality];
  const short = evidence(arrivals, modality, HOUR_MS, atMs);
  const long = evidence(arrivals, modality, MONTH_MS, atMs);
  return Math.exp(-long / month) - Math.exp(-short / visit);
}

function levelOf(arrivals: readonly Arrival[], modality: Modality, atMs: number): number {
  return 1 - Math.exp(-evidence(arrivals, modality, DAY_MS, atMs) / SATURATION[modality][1]);
}

function driveOf(arrivals: readonly Arrival[], modality: Modality, atMs: number): number {
  const level = levelOf(arrivals, modality, atMs);
  const pulls = Object.entries(COUPLING[modality] ?? {}).map(([other, weight]) => {
    const long = evidence(arrivals, other as Modality, MONTH_MS, atMs);
    const pull = levelOf(arrivals, other as Modality, atMs) - level;
    return weight * (long / (long + 1)) * pull;
  });
  const drive = level + TREND_WEIGHT * trendOf(arrivals, modality, atMs) + sum(pulls);
  return Math.min(1, Math.max(0, drive));
}

/** Follows the fused state from arrival to arrival, then through silence. */
function fusionOf(arrivals: readonly Arrival[], modality: Modality, atMs: number): number {
  let state = 0;
  const follow = (soFar: readonly Arrival[], ms: number, elapsedMs: number) => {
    const drive = driveOf(soFar, modality, ms);
    state = drive + (state - drive) * Math.exp(-elapsedMs / FUSION_MS);
  };
  arrivals.forEach(({ fromMs, nowMs, withholds }, i) => {
    const startsAnew = i === 0 || withholds;
    follow(arrivals.slice(0, i + 1), nowMs, startsAnew ? Number.POSITIVE_INFINITY : nowMs - fromMs);
  });
  const last = arrivals[arrivals.length - 1] as Arrival;
  if (atMs > last.nowMs) follow(arrivals, atMs, atMs - last.nowMs);
  return state;
}

function looksOf(arrivals: readonly Arrival[]): Look[] {
  const priced = new Set(counted(arrivals, 'purchase'));
  const looks = counted(arrivals, 'engagement').flatMap((arrival): Look[] => {
    const { event, t } = arrival;
    if (event.type !== 'behavior' || event.item === undefined) return [];
    if (event.name !== undefined && event.name !== 'view_item') return [];
    const price = priced.has(arrival) ? Math.max(0, event.vectors?.price ?? 0) : 0;
    const [topic] = event.topics ?? [];
    const micros = Math.round(Math.min(price, MAX_AMOUNT_UNITS) * 1e6);
    return [{ t, item: hash32(event.item), topic: topic ? hash32(topic) : 0, micros }];
  });
  const byKey = (a: Look, b: Look) =>
    a.t - b.t || a.item - b.item || a.topic - b.topic || a.micros - b.micros;
  return looks.sort(byKey).slice(-12);
}

function lookFeatures(looks: readonly Look[]): Record<string, number> {
  const last = looks[looks.length - 1];
  const topics = looks.map(({ topic }) => topic).filter((topic) => topic !== 0);
  const pauses = looks
    .slice(1)
    .map(({ t }, i) => t - (looks[i] as Look).t)
    .filter((ms) => ms < 30 * MINUTE_MS);
  const returns = looks.filter(
    ({ item }, i) => item === looks[i - 2]?.item && item !== looks[i - 1]?.item,
  );
  const distinct = (of: readonly number[]) => (of.length === 0 ? 1 : new Set(of).size / of.length);
  const prices = looks.map(({ micros }) => micros / 1e6).filter((price) => price > 0);
  const mean = sum(prices) / prices.length;
  const paceMs = pauses.length === 0 ? 30 * MINUTE_MS : sum(pauses) / pauses.length;
  return {
    distinct_items: distinct(looks.map(({ item }) => item)),
    repeated_look: looks.slice(0, -1).filter(({ item }) => item === last?.item).length,
    back_and_forth: returns.length,
    distinct_topics: distinct(topics),
    look_pace: Math.log(1 + paceMs / SECOND_MS),
    price_level: prices.length === 0 ? 0 : Math.log(1 + mean),
    price_step: prices.length === 0 ? 0 : Math.log((prices[prices.length - 1] as number) / mean),
  };
}

function orderFeatures(arrivals: readonly Arrival[], atMs: number): Record<string, number> {
  const orders = counted(arrivals, 'purchase').flatMap(({ event, t }) =>
    event.type === 'conversion' ? [{ t, value: event.value }] : [],
  );
  const known = (atMs - Math.min(...arrivals.map(({ t }) => t))) / DAY_MS;
  const times = orders.map(({ t }) => t);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const isNone = orders.length === 0;
  return {
    orders_ever: Math.log(1 + orders.length),
    since_order: Math.log(1 + (isNone ? known : (atMs - last) / DAY_MS)),
    order_span: isNone ? 0 : Math.log(1 + (last - first) / DAY_MS),
    order_rate: Math.log(1 + orders.length / (1 + known / 28)),
    order_value: isNone ? 0 : Math.log(1 + sum(orders.map((o) => o.value)) / orders.length),
  };
}

/** The second greatest time, also of those before what counts: the clock has seen them. */
function gapMs(arrivals: readonly Arrival[]): number {
  const of = counted(arrivals, 'temporal');
  if (of.length === 0) return MONTH_MS;
  const earlier = arrivals.slice(0, arrivals.length - of.length).map(({ t }) => t);
  const clock = earlier.length === 0 ? [] : [Math.max(...earlier)];
  const [latest, previous] = [...clock, ...of.map(({ t }) => t)].sort((a, b) => b - a);
  if (latest === undefined || previous === undefined) return MONTH_MS;
  return Math.min(latest - previous, MONTH_MS);
}

function clockFeatures(arrivals: readonly Arrival[], atMs: number): Record<string, number> {
  const { nowMs, startedAtMs } = arrivals[arrivals.length - 1] as Arrival;
  const turn = (ms: number): number => (((ms / DAY_MS) % 1) * 360 * Math.PI) / 180;
  const alike = counted(arrivals, 'temporal').map(({ t }) => {
    return Math.cos(turn(t) - turn(atMs)) * Math.exp(-(nowMs - t) / MONTH_MS);
  });
  const events = evidence(arrivals, 'app', MONTH_MS, nowMs);
  const usual = events === 0 ? 0 : sum(alike) / events;
  const signedIn = counted(arrivals, 'app').findLast(({ isOnTime }) => isOnTime);
  return {
    signed_in: signedIn?.event.user_mode === 'authenticated' ? 1 : 0,
    visit_length: Math.log(1 + Math.max(0, nowMs - startedAtMs) / MINUTE_MS),
    gap: Math.log(1 + gapMs(arrivals) / SECOND_MS),
    silence: Math.log(1 + (atMs - nowMs) / HOUR_MS),
    tenure: Math.log(1 + (atMs - Math.min(...arrivals.map(({ t }) => t))) / DAY_MS),
    habit: Math.min(1, Math.max(-1, usual)),
  };
}

/**
 * All features by name.
 *
 * @param events at least one, in the order of their arrival.
 * @param silentMs how long after the greatest time of them.
 */
export function featuresByDefinition(
  events: readonly Event[],
  silentMs: number,
): Record<string, number> {
  const arrivals = arrivalsOf(events);
  const atMs = Math.max(...events.map(({ timestamp }) => timestamp)) + silentMs;
  const sums = Object.entries(SUMS).flatMap(([name, [kind, ...scales]]) =>
    scales.map((scale) => [
      `${name}_${scale}`,
      Math.log(1 + evidence(arrivals, kind, SCALES[scale], atMs)),
    ]),
  );
  const fused = MODALITIES.flatMap((modality) => [
    [`fused_${modality}`, fusionOf(arrivals, modality, atMs)],
    [`trend_${modality}`, trendOf(arrivals, modality, atMs)],
  ]);
  return {
    ...Object.fromEntries([...sums, ...fused]),
    ...clockFeatures(arrivals, atMs),
    ...lookFeatures(looksOf(arrivals)),
    ...orderFeatures(arrivals, atMs),
  };
}

/** The sums of evidence at the clock, row by row, with nothing withheld. */
export function evidenceByDefinition(events: readonly Event[]): number[] {
  const arrivals = arrivalsOf(events);
  const nowMs = arrivals[arrivals.length - 1]?.nowMs ?? 0;
  return EVIDENCE_KINDS.flatMap((kind) =>
    SCALE_MS.map((tau) => evidence(arrivals, kind, tau, nowMs)),
  );
}
