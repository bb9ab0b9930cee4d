/**
 * Each feature by its name, from docs/semantics.md ("Features"), as of the user's last event.
 */
import { type EvidenceKind, type Look, MODALITIES } from '../../protocols/user-snapshot.ts';
import { directionOf, type Remembered } from './expected-features.ts';
import { trendOf } from './expected-fusion.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MONTH_DAYS = 28;
const MICROS = 1_000_000;
const NO_PACE_MS = 30 * MINUTE_MS;

/** A user as of the last event. */
export interface Described {
  readonly firstMs: number;
  readonly nowMs: number;
  readonly sessionStartedAtMs: number;
  readonly remembered: Remembered;
}

type Value = (user: Described) => number;

const SCALES = ['5min', '1h', '1d', '28d'] as const;
const NAMED_KINDS: readonly (readonly [string, EvidenceKind])[] = [
  ['app', 'app'],
  ['visits', 'temporal'],
  ['engagement', 'engagement'],
  ['looks', 'look'],
  ['steps', 'step'],
  ['orders', 'order'],
  ['friction', 'churn'],
  ['declared', 'zero_party'],
];

/** How to calculate a feature; sums are here at every scale, though models read only some. */
export const FEATURE_VALUES: ReadonlyMap<string, Value> = new Map<string, Value>([
  ...NAMED_KINDS.flatMap(([name, kind]) =>
    SCALES.map((scale, k): [string, Value] => [
      `${name}_${scale}`,
      ({ remembered }) => ln1(remembered.sums[kind][k] as number),
    ]),
  ),
  ['signed_in', ({ remembered }) => (remembered.signedIn ? 1 : 0)],
  [
    'visit_length',
    ({ nowMs, sessionStartedAtMs: from }) => ln1(Math.max(0, nowMs - from) / MINUTE_MS),
  ],
  ['gap', ({ nowMs, remembered }) => ln1(gapMs(nowMs, remembered.previousMs) / SECOND_MS)],
  ['silence', () => 0],
  ['tenure', (user) => ln1(knownDays(user))],
  ['habit', habitValue],
  ['distinct_items', ({ remembered: { looks } }) => distinct(looks.map(({ item }) => item))],
  ['repeated_look', ({ remembered: { looks } }) => repeatsOfLast(looks)],
  ['back_and_forth', ({ remembered: { looks } }) => returns(looks)],
  [
    'distinct_topics',
    ({ remembered: { looks } }) =>
      distinct(looks.map(({ topic }) => topic).filter((topic) => topic !== 0)),
  ],
  ['look_pace', ({ remembered: { looks } }) => ln1(paceMs(looks) / SECOND_MS)],
  ['orders_ever', ({ remembered: { purchases } }) => ln1(purchases.count)],
  ['since_order', (user) => ln1(daysSinceOrder(user))],
  [
    'order_span',
    ({ remembered: { purchases } }) => ln1((purchases.lastMs - purchases.firstMs) / DAY_MS),
  ],
  [
    'order_rate',
    (user) => ln1(user.remembered.purchases.count / (1 + knownDays(user) / MONTH_DAYS)),
  ],
  [
    'order_value',
    ({ remembered: { purchases } }) =>
      purchases.count === 0 ? 0 : ln1(purchases.micros / purchases.count / MICROS),
  ],
  ['price_level', ({ remembered: { looks } }) => ln1(meanOf(pricesOf(looks)) / MICROS)],
  ['price_step', ({ remembered: { looks } }) => priceStep(pricesOf(looks))],
  ...MODALITIES.map((m): [string, Value] => [
    `fused_${m}`,
    ({ remembered }) => remembered.fused[m],
  ]),
  ...MODALITIES.map((m): [string, Value] => [
    `trend_${m}`,
    ({ remembered }) => trendOf(remembered.sums, m),
  ]),
]);

function ln1(x: number): number {
  return Math.log1p(x);
}

function gapMs(nowMs: number, previousMs: number): number {
  const longest = MONTH_DAYS * DAY_MS;
  return previousMs < 0 ? longest : Math.min(longest, nowMs - previousMs);
}

function knownDays({ firstMs, nowMs }: Described): number {
  return (nowMs - firstMs) / DAY_MS;
}

function habitValue({ nowMs, remembered: { habit, sums } }: Described): number {
  const events = sums.app[3];
  if (events <= 0) return 0;
  const [cosine, sine] = directionOf(nowMs);
  return Math.min(1, Math.max(-1, (habit[0] * cosine + habit[1] * sine) / events));
}

function distinct(of: readonly number[]): number {
  return of.length === 0 ? 1 : new Set(of).size / of.length;
}

function repeatsOfLast(looks: readonly Look[]): number {
  const last = looks.at(-1);
  return last === undefined ? 0 : looks.filter(({ item }) => item === last.item).length - 1;
}

function returns(looks: readonly Look[]): number {
  const items = looks.map(({ item }) => item);
  return items.filter((item, i) => i > 1 && item === items[i - 2] && item !== items[i - 1]).length;
}

function paceMs(looks: readonly Look[]): number {
  const pauses = looks.flatMap(({ t }, i) => (i === 0 ? [] : t - (looks[i - 1] as Look).t));
  const short = pauses.filter((pauseMs) => pauseMs < NO_PACE_MS);
  return short.length === 0 ? NO_PACE_MS : meanOf(short);
}

function daysSinceOrder(user: Described): number {
  const { purchases } = user.remembered;
  return purchases.count === 0 ? knownDays(user) : (user.nowMs - purchases.lastMs) / DAY_MS;
}

function pricesOf(looks: readonly Look[]): number[] {
  return looks.flatMap(({ micros }) => (micros === 0 ? [] : micros));
}

function priceStep(prices: readonly number[]): number {
  const last = prices.at(-1);
  return last === undefined ? 0 : Math.log(last / meanOf(prices));
}

function meanOf(numbers: readonly number[]): number {
  if (numbers.length === 0) return 0;
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
