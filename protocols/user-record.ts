/**
 * A user actor's snapshot as it is stored: one compact JSON message per user.
 *
 * Snapshots are most of what the engine writes, so their size is its speed: packed, one takes less
 * than half the bytes of the plain form (1,150 B against 2,690 B on simulated shoppers) and 60 % of
 * its time (12 µs against 21 µs to write, 8 µs against 14 µs to read). A third of the numbers are
 * zero there, of a new user most, so zeros are left out. Concepts and intents are not stored: they
 * follow from the rest and the model in force.
 *
 * Invariants:
 *   S1 decodeUser(encodeUser(x)) equals x but for concepts and intents, to the last bit. (x has no
 *      -0 and no NaN, which no sum of evidence is.)
 */
import { z } from 'zod';
import { EVERYBODY_PPM } from './cohort.ts';
import {
  exposureRecord,
  packExposure,
  packTrial,
  trialRecord,
  unpackExposure,
  unpackTrial,
} from './delivery-record.ts';
import type { StreamSequence, UserToken } from './ids.ts';
import { readLooks, storeLooks, withLooks } from './looks.ts';
import {
  orderRecord,
  packItem,
  packOrder,
  packRefund,
  pathItemRecord,
  refundRecord,
  unpackItem,
  unpackOrder,
  unpackRefund,
} from './path-record.ts';
import { upcast } from './upcast.ts';
import {
  type Chart,
  chartSchema,
  EVIDENCE_KINDS,
  type FusedState,
  fusedStateSchema,
  MAX_LOOKS,
  MODALITIES,
  SCALE_MS,
  type UserSnapshot,
} from './user-snapshot.ts';

/** What of the fused state is stored; the rest follows from it. */
export type StoredState = Omit<FusedState, 'concepts' | 'intents'>;

/** A decoded record. */
export interface StoredUser {
  readonly user: UserToken;
  readonly sequence: StreamSequence;
  readonly chart: Chart;
  readonly state: StoredState;
}

const int = z.int();
const { shape } = fusedStateSchema;

/** The stored message, version 4. */
export const userRecordSchema = z.object({
  v: z.literal(4),
  sequence: int,
  /** The four regions' states, joined by dots: consent, session, funnel, risk. */
  chart: z.string(),
  events: int,
  /** firstMs, nowMs, lapsesAtMs. */
  seen: z.tuple([int, int, int]),
  /** measurement, personalization, atMs, withheld…; absent for a user who was never asked. */
  consent: z
    .tuple([shape.consent.shape.measurement, shape.consent.shape.personalization, int])
    .rest(z.enum(MODALITIES))
    .optional(),
  /** count, startedAtMs, endsAtMs. */
  session: z.tuple([int, int, int]),
  /** ms from funnelSinceMs to nowMs; absent where it is not known since when. */
  funnel: int.optional(),
  /** Per series: id, lastMs, then first and last index of each range. */
  series: z.array(z.tuple([z.string(), int]).rest(int)),
  /** The recent short event ids, 12 digits each. */
  ids: z.string(),
  forgotten: int,
  /** counted, 1 if signed in, ms from previousMs to nowMs (-1 for none); absent if none counts. */
  counted: z.tuple([int, z.union([z.literal(0), z.literal(1)]), int]).optional(),
  /**
   * Evidence (36), habit (2) and fused state (6) in base64: 6 bytes that say which of them are not
   * zero, the lowest bit first, then those as little-endian doubles. Absent if all are zero.
   */
  numbers: z.string().optional(),
  /** See StoredLook. */
  looks: z
    .array(z.tuple([int, int]).rest(int))
    .max(MAX_LOOKS)
    .optional(),
  /** count, firstMs, ms from first to last, micros; absent without orders. */
  purchases: z.tuple([int, int, int, int]).optional(),
  /** topic -> weight, ms from atMs to nowMs, and 1 if declared. */
  interests: z.record(z.string(), z.tuple([z.number(), int]).rest(z.literal(1))),
  step: shape.step,
  path: z.array(pathItemRecord),
  settled: int,
  /** pathLookbackMs, absent with an empty path. */
  lookback: int.optional(),
  /** pathSamplePpm, absent with an empty path and where everybody is in the sample. */
  sample: int.optional(),
  orders: z.array(orderRecord).optional(),
  refunds: z.array(refundRecord).optional(),
  /** Open forecasts: model, place, engagement, churn, and purchase's bins; absent without any. */
  forecasts: z.tuple([int, int, int, int]).rest(int).optional(),
  exposures: z.array(exposureRecord),
  trials: z.array(trialRecord).optional(),
  /** The zone of the user's clock, and when an event named it; absent if none did. */
  zone: z.tuple([z.string(), int]).optional(),
  lastDecision: z.string().nullable(),
});
type UserRecord = z.infer<typeof userRecordSchema>;

const SHORT_ID_CHARS = 12;
const EVIDENCE_NUMBERS = EVIDENCE_KINDS.length * SCALE_MS.length;
const FUSION_AT = EVIDENCE_NUMBERS + 2;
const NUMBERS = FUSION_AT + MODALITIES.length;
/** Bytes that say which numbers are not zero: a bit each. */
const MASK_BYTES = 6;
/** The mask ends where the doubles begin, which are aligned to 8 bytes. */
const MASK_AT = 8 - MASK_BYTES;
/** One scratch for all: packing allocates little. Every platform Node runs on is little-endian. */
const scratch = new Float64Array(1 + NUMBERS);
const scratchBytes = Buffer.from(scratch.buffer);
const mask = new Uint16Array(scratch.buffer, MASK_AT, MASK_BYTES / 2);

/** Packs a snapshot. The hot path of every commit: no validation, no copies that can be avoided. */
export function encodeUser(sequence: StreamSequence, chart: Chart, state: FusedState): string {
  const { consent, session, duplicates, nowMs, purchases } = state;
  const record: UserRecord = {
    v: 4,
    sequence,
    chart: `${chart.consent}.${chart.session}.${chart.funnel}.${chart.risk}`,
    events: state.events,
    seen: [state.firstMs, nowMs, state.lapsesAtMs],
    session: [session.count, session.startedAtMs, session.endsAtMs],
    series: duplicates.series.map(({ id, lastMs, ranges }) => [id, lastMs, ...ranges.flat()]),
    ids: duplicates.recentIds.join(''),
    forgotten: duplicates.forgottenThroughMs,
    numbers: packNumbers(state),
    interests: packInterests(state.interests, nowMs),
    step: state.step,
    path: state.path.map(packItem),
    settled: state.pathSettledMs,
    exposures: state.exposures.map(packExposure),
    lastDecision: state.lastDecision,
  };
  if (state.funnelSinceMs !== -1) record.funnel = nowMs - state.funnelSinceMs;
  if (consent.atMs !== 0 || consent.measurement !== 'unasked') {
    const { measurement, personalization, atMs, withheld } = consent;
    record.consent = [measurement, personalization, atMs, ...withheld];
  }
  if (state.counted !== 0) {
    const gapMs = state.previousMs < 0 ? -1 : nowMs - state.previousMs;
    record.counted = [state.counted, state.signedIn ? 1 : 0, gapMs];
  }
  if (state.looks.length > 0) record.looks = storeLooks(state.looks, nowMs);
  if (purchases.count > 0) {
    const { count, firstMs, lastMs, micros } = purchases;
    record.purchases = [count, firstMs, lastMs - firstMs, micros];
  }
  if (state.pathLookbackMs !== 0) record.lookback = state.pathLookbackMs;
  if (state.pathSamplePpm !== 0 && state.pathSamplePpm !== EVERYBODY_PPM) {
    record.sample = state.pathSamplePpm;
  }
  if (state.forecasts !== null) {
    const { model, place, engagement, churn, purchase } = state.forecasts;
    record.forecasts = [model, place, engagement, churn, ...purchase];
  }
  if (state.orders.length > 0) record.orders = state.orders.map(packOrder);
  if (state.refunds.length > 0) record.refunds = state.refunds.map(packRefund);
  if (state.trials.length > 0) record.trials = state.trials.map(packTrial);
  if (state.timeZone !== null) record.zone = [state.timeZone.name, state.timeZone.atMs];
  return JSON.stringify(record);
}

/**
 * Unpacks a stored record of any released version.
 *
 * @throws UnreadableVersion for a record of a newer release.
 */
export function decodeUser(user: UserToken, json: unknown): StoredUser {
  const record = upcast('user', json) as unknown as UserRecord;
  const [firstMs, nowMs, lapsesAtMs] = record.seen;
  const [measurement, personalization, atMs, ...withheld] = record.consent ?? NEVER_ASKED;
  const [count, startedAtMs, endsAtMs] = record.session;
  const [counted, signedIn, gapMs] = record.counted ?? [0, 0, -1];
  const state: StoredState = {
    events: record.events,
    firstMs,
    nowMs,
    lapsesAtMs,
    funnelSinceMs: record.funnel === undefined ? -1 : nowMs - record.funnel,
    consent: { measurement, personalization, withheld, atMs },
    session: { count, startedAtMs, endsAtMs },
    duplicates: {
      series: record.series.map(([id, lastMs, ...ends]) => ({ id, lastMs, ranges: pairs(ends) })),
      recentIds: record.ids.match(SHORT_IDS) ?? [],
      forgottenThroughMs: record.forgotten,
    },
    counted,
    signedIn: signedIn === 1,
    previousMs: gapMs < 0 ? -1 : nowMs - gapMs,
    ...unpackNumbers(record.numbers),
    looks: readLooks(record.looks ?? [], nowMs),
    purchases: unpackPurchases(record.purchases),
    interests: unpackInterests(record.interests, nowMs),
    step: record.step,
    path: record.path.map(unpackItem),
    pathSettledMs: record.settled,
    pathLookbackMs: record.lookback ?? 0,
    pathSamplePpm: record.path.length === 0 ? 0 : (record.sample ?? EVERYBODY_PPM),
    orders: record.orders?.map(unpackOrder) ?? [],
    refunds: record.refunds?.map(unpackRefund) ?? [],
    forecasts: unpackForecasts(record.forecasts),
    timeZone: record.zone === undefined ? null : { name: record.zone[0], atMs: record.zone[1] },
    exposures: record.exposures.map(unpackExposure),
    trials: record.trials?.map(unpackTrial) ?? [],
    lastDecision: record.lastDecision,
  };
  return { user, sequence: record.sequence as StreamSequence, chart: unpackChart(record), state };
}

const NEVER_ASKED: NonNullable<UserRecord['consent']> = ['unasked', 'unasked', 0];
const SHORT_IDS = new RegExp(`.{${SHORT_ID_CHARS}}`, 'g');

/** A snapshot in full, as operators see it. */
export function snapshotOf(
  { user, sequence }: StoredUser,
  chart: Chart,
  state: FusedState,
): UserSnapshot {
  return { v: 1, user, sequence, chart, state: withLooks(state) };
}

function unpackChart({ chart }: UserRecord): Chart {
  const [consent, session, funnel, risk] = chart.split('.');
  return chartSchema.parse({ consent, session, funnel, risk });
}

type Numbers = Pick<FusedState, 'evidence' | 'habit' | 'fusion'>;

/** Undefined if all numbers are zero. */
function packNumbers({ evidence, habit, fusion }: Numbers): string | undefined {
  mask.fill(0);
  let end = packPart(evidence, 0, 1);
  end = packPart(habit, EVIDENCE_NUMBERS, end);
  end = packPart(fusion, FUSION_AT, end);
  return end === 1 ? undefined : scratchBytes.toString('base64', MASK_AT, 8 * end);
}

/** Writes what is not zero of `numbers`, the first of which is number `first`, from `end` on. */
function packPart(numbers: readonly number[], first: number, end: number): number {
  let next = end;
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] as number;
    if (number === 0) continue;
    const bit = first + i;
    mask[bit >> 4] = (mask[bit >> 4] as number) | (1 << (bit & 15));
    scratch[next++] = number;
  }
  return next;
}

function unpackNumbers(packed: string | undefined): Numbers {
  const numbers = new Array<number>(NUMBERS).fill(0);
  if (packed !== undefined) {
    scratchBytes.write(packed, MASK_AT, 'base64');
    let next = 1;
    for (let bit = 0; bit < NUMBERS; bit++) {
      if (((mask[bit >> 4] as number) & (1 << (bit & 15))) === 0) continue;
      numbers[bit] = scratch[next++] as number;
    }
  }
  return {
    evidence: numbers.slice(0, EVIDENCE_NUMBERS),
    habit: [numbers[EVIDENCE_NUMBERS] as number, numbers[EVIDENCE_NUMBERS + 1] as number],
    fusion: numbers.slice(FUSION_AT),
  };
}

function unpackForecasts(packed: UserRecord['forecasts']): StoredState['forecasts'] {
  if (packed === undefined) return null;
  const [model, place, engagement, churn, ...purchase] = packed;
  return { model, place, engagement, churn, purchase };
}

function unpackPurchases(packed: UserRecord['purchases']): FusedState['purchases'] {
  const [count, firstMs, spanMs, micros] = packed ?? [0, 0, 0, 0];
  return { count, firstMs, lastMs: firstMs + spanMs, micros };
}

function packInterests(interests: FusedState['interests'], nowMs: number) {
  const packed: UserRecord['interests'] = {};
  for (const topic in interests) {
    const { weight, atMs, declared } = interests[topic] as FusedState['interests'][string];
    packed[topic] = declared ? [weight, nowMs - atMs, 1] : [weight, nowMs - atMs];
  }
  return packed;
}

function unpackInterests(packed: UserRecord['interests'], nowMs: number): FusedState['interests'] {
  const interests: FusedState['interests'] = {};
  for (const [topic, [weight, sinceMs, declared]] of Object.entries(packed)) {
    interests[topic] = { weight, atMs: nowMs - sinceMs, declared: declared === 1 };
  }
  return interests;
}

function pairs(ends: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (let i = 0; i + 1 < ends.length; i += 2) {
    ranges.push([ends[i] as number, ends[i + 1] as number]);
  }
  return ranges;
}
