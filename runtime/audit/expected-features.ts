/**
 * What is remembered of a user's behaviour, from docs/semantics.md: every counted event is kept
 * and the stored figures are summed from them when they are asked for. What scores need at every
 * event (the sums and the fused state as of then) follows the log.
 */
import { BEHAVIOR_EVIDENCE } from '../../actors/user/behavior-evidence.ts';
import { BEHAVIOR_STEP } from '../../actors/user/steps.ts';
import type { Event } from '../../protocols/event.ts';
import type { WithLooks } from '../../protocols/looks.ts';
import { MAX_AMOUNT_UNITS, toMicros } from '../../protocols/money.ts';
import {
  EVIDENCE_KINDS,
  type EvidenceKind,
  type FusedState,
  type Look,
  MAX_LOOKS,
  MODALITIES,
  type Modality,
  SCALE_MS,
} from '../../protocols/user-snapshot.ts';
import { fusedAfter, type PerModality, perModality, type Sums } from './expected-fusion.ts';

const DAY_MS = 86_400_000;
const HABIT_MS = 28 * DAY_MS;
const SCALES = [0, 1, 2, 3] as const;
const MONTH = 3;
const MAX_MICROS = Number.MAX_SAFE_INTEGER;
const NO_PURCHASES: FusedState['purchases'] = { count: 0, firstMs: 0, lastMs: 0, micros: 0 };

/** Whose evidence each kind is: what goes when that modality is withheld. */
const MODALITY_OF: Readonly<Record<EvidenceKind, Modality>> = {
  app: 'app',
  temporal: 'temporal',
  engagement: 'engagement',
  purchase: 'purchase',
  churn: 'churn',
  zero_party: 'zero_party',
  look: 'engagement',
  step: 'purchase',
  order: 'purchase',
};

type Row = Record<EvidenceKind, number>;
type Purchases = FusedState['purchases'];
type Stored = WithLooks<
  Pick<
    FusedState,
    'counted' | 'signedIn' | 'previousMs' | 'evidence' | 'habit' | 'looks' | 'purchases' | 'fusion'
  >
>;

/** An event that counts, and how it met the user's clock. */
export interface Counting {
  readonly event: Event;
  readonly opensSession: boolean;
  readonly isOnTime: boolean;
  /** The user's clock before and after it. */
  readonly beforeMs: number;
  readonly nowMs: number;
  readonly withheld: readonly Modality[];
  /** It is a consent event that stands and withholds something. */
  readonly withholds: boolean;
}

/** What is kept of a counted event. */
interface Counted {
  readonly t: number;
  readonly beforeMs: number;
  readonly nowMs: number;
  readonly row: Row;
  /** Whether it says who uses the application now: undefined if it came late. */
  readonly signedIn: boolean | undefined;
  readonly look: Look | undefined;
  /** Of a conversion. */
  readonly micros: number | undefined;
}

/** As of the last event, as far as scores read it. */
export interface Remembered {
  readonly sums: Sums;
  readonly fused: PerModality;
  readonly signedIn: boolean;
  readonly previousMs: number;
  readonly habit: readonly [number, number];
  readonly looks: readonly Look[];
  readonly purchases: Purchases;
}

/** What one event says: a row of the table on the page. */
export function rowOf(event: Event, opensSession: boolean): Row {
  const row = emptyRow();
  row.app = 1;
  if (opensSession) row.temporal = 1;
  if (event.type === 'behavior') {
    const { name = '', vectors = {} } = event;
    const named = Object.hasOwn(BEHAVIOR_EVIDENCE, name) ? BEHAVIOR_EVIDENCE[name] : undefined;
    row.engagement = named?.engagement ?? 0;
    row.engagement += share(vectors.active_duration_s, 30);
    row.engagement += share(vectors.scroll_depth_hz, 60);
    row.purchase = named?.purchase ?? 0;
    row.churn = named?.churn ?? 0;
    row.churn += share(vectors.rage_taps, 2);
    row.churn += share(vectors.errors, 2);
    const tapMs = vectors.tap_velocity_ms ?? -1;
    if (tapMs >= 0 && tapMs < 80) row.churn += 0.2;
    if (lookOf(event) !== undefined) row.look = 1;
    const step = Object.hasOwn(BEHAVIOR_STEP, name) ? BEHAVIOR_STEP[name] : undefined;
    if (step === 'considering' || step === 'buying') row.step = 1;
  }
  if (event.type === 'impression' || event.type === 'opportunity') row.engagement = 0.05;
  if (event.type === 'click') row.engagement = 0.3;
  if (event.type === 'click') row.purchase = 0.1;
  if (event.type === 'conversion') row.engagement = 0.5;
  if (event.type === 'conversion') row.purchase = 2;
  if (event.type === 'conversion') row.order = 1;
  if (event.type === 'refund') row.churn = 0.8;
  if (event.type === 'preference') row.engagement = 0.2;
  if (event.type === 'preference') row.zero_party = 1;
  if (event.type === 'consent') row.zero_party = 0.2;
  if (event.type === 'outcome' && event.outcome === 'clicked') row.engagement = 0.5;
  if (event.type === 'outcome' && event.outcome === 'dismissed') row.churn = 0.3;
  return row;
}

/** A 32-bit FNV-1a hash of a string's UTF-16 code units, low byte first; never 0. */
export function fnv1a(text: string): number {
  let hash = 2_166_136_261;
  for (const byte of Buffer.from(text, 'utf16le')) {
    // Times the prime 2^24 + 403, modulo 2^32, in steps that a double holds exactly.
    const mixed = (hash ^ byte) >>> 0;
    hash = (mixed * 403 + (mixed & 0xff) * 2 ** 24) % 2 ** 32;
  }
  return hash === 0 ? 1 : hash;
}

export class ExpectedFeatures {
  /** Every event that counts, since the user last refused. */
  readonly #counted: Counted[] = [];
  /** Per modality, the first of these after which it was kept throughout. */
  readonly #since = perModality(() => 0);
  #remembered: Remembered = {
    sums: noEvidence(),
    fused: perModality(() => 0),
    signedIn: false,
    previousMs: -1,
    habit: [0, 0],
    looks: [],
    purchases: NO_PURCHASES,
  };

  /** As of the last event taken in. */
  get remembered(): Remembered {
    return this.#remembered;
  }

  /** Takes in an event that counts. */
  take(counting: Counting): void {
    const { event, beforeMs, nowMs, withheld } = counting;
    const isFirst = this.#counted.length === 0;
    const { timestamp: t } = event;
    const speaks = isFirst || counting.isOnTime;
    const counted: Counted = {
      t,
      beforeMs,
      nowMs,
      row: rowOf(event, counting.opensSession),
      signedIn: speaks ? event.user_mode === 'authenticated' : undefined,
      look: lookOf(event),
      micros: event.type === 'conversion' ? toMicros(event.value) : undefined,
    };
    this.#counted.push(counted);
    for (const modality of withheld) this.#since[modality] = this.#counted.length;
    const next = without(withheld, this.#after(counted, isFirst, counting.isOnTime));
    const elapsedMs = isFirst || counting.withholds ? Number.POSITIVE_INFINITY : nowMs - beforeMs;
    const fused = fusedAfter(this.#remembered.fused, next.sums, elapsedMs);
    this.#remembered = { ...next, fused };
  }

  #after(counted: Counted, isFirst: boolean, isOnTime: boolean): Remembered {
    const { t, beforeMs, nowMs, row, look, micros } = counted;
    const { sums, habit, looks, purchases, signedIn, previousMs, fused } = this.#remembered;
    const elapsedMs = isFirst ? 0 : nowMs - beforeMs;
    const kept = SCALE_MS.map((tau) => Math.exp(-elapsedMs / tau));
    const fresh = SCALE_MS.map((tau) => Math.exp(-(nowMs - t) / tau));
    for (const kind of EVIDENCE_KINDS) {
      for (const k of SCALES) {
        sums[kind][k] = sums[kind][k] * (kept[k] ?? 0) + row[kind] * (fresh[k] ?? 0);
      }
    }
    const hour = directionOf(t);
    const turned = ([0, 1] as const).map(
      (i) => habit[i] * (kept[MONTH] ?? 0) + hour[i] * (fresh[MONTH] ?? 0),
    ) as [number, number];
    const later = isOnTime ? beforeMs : Math.max(previousMs, t);
    return {
      sums,
      fused,
      signedIn: counted.signedIn ?? signedIn,
      previousMs: isFirst ? -1 : later,
      habit: turned,
      looks: look === undefined ? looks : latest([...looks, look]),
      purchases: micros === undefined ? purchases : withOrder(purchases, t, micros),
    };
  }

  /** As stored: summed over the events that count, each modality's since it was last withheld. */
  stored(): Stored {
    const all = this.#counted;
    const of = (modality: Modality): readonly Counted[] => all.slice(this.#since[modality]);
    const nowMs = all.at(-1)?.nowMs ?? 0;
    const orders = of('purchase').filter(({ micros }) => micros !== undefined);
    const modes = of('app').flatMap(({ signedIn }) => signedIn ?? []);
    return {
      counted: all.length,
      signedIn: modes.at(-1) ?? false,
      previousMs: this.#previousMs(),
      evidence: EVIDENCE_KINDS.flatMap((kind) => evidenceOf(of(MODALITY_OF[kind]), kind, nowMs)),
      habit: habitOf(of('temporal'), nowMs),
      looks: this.#looks(),
      purchases: orders.reduce((sum, { t, micros = 0 }) => withOrder(sum, t, micros), NO_PURCHASES),
      fusion: MODALITIES.map((modality) => this.#remembered.fused[modality]),
    };
  }

  /** The second greatest time; the clock stands for what was before. */
  #previousMs(): number {
    const from = this.#since.temporal;
    const [first, ...later] = this.#counted.slice(from);
    if (first === undefined) return -1;
    const times = from === 0 ? [first.nowMs] : [first.beforeMs, first.t];
    for (const { t } of later) times.push(t);
    return times.sort((a, b) => b - a)[1] ?? -1;
  }

  #looks(): Look[] {
    const looks = this.#counted.flatMap(({ look }, i) => {
      if (look === undefined || i < this.#since.engagement) return [];
      return i < this.#since.purchase ? [{ ...look, micros: 0 }] : [look];
    });
    return latest(looks);
  }
}

/** The sums of one kind over events, at each scale. */
function evidenceOf(events: readonly Counted[], kind: EvidenceKind, nowMs: number): number[] {
  return SCALE_MS.map((tau) =>
    events.reduce((sum, { t, row }) => sum + row[kind] * Math.exp(-(nowMs - t) / tau), 0),
  );
}

function habitOf(events: readonly Counted[], nowMs: number): [number, number] {
  const sums: [number, number] = [0, 0];
  for (const { t } of events) {
    const [cosine, sine] = directionOf(t);
    const weight = Math.exp(-(nowMs - t) / HABIT_MS);
    sums[0] += cosine * weight;
    sums[1] += sine * weight;
  }
  return sums;
}

/** The time of the UTC day as a direction. */
export function directionOf(ms: number): readonly [number, number] {
  const turn = (2 * Math.PI * (ms % DAY_MS)) / DAY_MS;
  return [Math.cos(turn), Math.sin(turn)];
}

/** The look that an event is, if it is one. */
function lookOf(event: Event): Look | undefined {
  if (event.type !== 'behavior' || event.item === undefined) return undefined;
  if (event.name !== undefined && event.name !== 'view_item') return undefined;
  const { item, topics = [], vectors = {}, timestamp: t } = event;
  const [topic] = topics;
  const price = Math.min(Math.max(0, vectors.price ?? 0), MAX_AMOUNT_UNITS);
  return {
    t,
    item: fnv1a(item),
    topic: topic === undefined ? 0 : fnv1a(topic),
    micros: toMicros(price),
  };
}

function latest(looks: readonly Look[]): Look[] {
  const byTime = (a: Look, b: Look): number =>
    a.t - b.t || a.item - b.item || a.topic - b.topic || a.micros - b.micros;
  return [...looks].sort(byTime).slice(-MAX_LOOKS);
}

function withOrder({ count, firstMs, lastMs, micros }: Purchases, t: number, more: number) {
  return {
    count: count + 1,
    firstMs: count === 0 ? t : Math.min(firstMs, t),
    lastMs: Math.max(lastMs, t),
    micros: Math.min(MAX_MICROS, micros + more),
  };
}

/** What is left when nothing is kept of some modalities. */
function without(withheld: readonly Modality[], remembered: Remembered): Remembered {
  let left = remembered;
  for (const modality of withheld) {
    for (const kind of EVIDENCE_KINDS) {
      if (MODALITY_OF[kind] === modality) left.sums[kind].fill(0);
    }
    if (modality === 'app') left = { ...left, signedIn: false };
    if (modality === 'temporal') left = { ...left, previousMs: -1, habit: [0, 0] };
    if (modality === 'engagement') left = { ...left, looks: [] };
    if (modality === 'purchase') {
      const looks = left.looks.map((look) => ({ ...look, micros: 0 }));
      left = { ...left, looks, purchases: NO_PURCHASES };
    }
  }
  return left;
}

function emptyRow(): Row {
  return {
    app: 0,
    temporal: 0,
    engagement: 0,
    purchase: 0,
    churn: 0,
    zero_party: 0,
    look: 0,
    step: 0,
    order: 0,
  };
}

function noEvidence(): Sums {
  const sums = EVIDENCE_KINDS.map((kind) => [kind, [0, 0, 0, 0]] as const);
  return Object.fromEntries(sums) as unknown as Sums;
}

function share(x: number | undefined, half: number): number {
  return x !== undefined && x > 0 ? x / (x + half) : 0;
}
