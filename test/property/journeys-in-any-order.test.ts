/**
 * Touches, conversions and refunds of one user in any order of arrival within the lateness bound:
 * path counts, credits and ledger are those of the log sorted by time (J1, I6).
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Event } from '../../protocols/event.ts';
import { named } from '../cohort-store.ts';
import {
  BASE_MS,
  click,
  conversion,
  DAY_MS,
  HOUR_MS,
  holds,
  refund,
  settingsWith,
} from '../generators.ts';
import { PartitionLog } from '../partition-log.ts';

const LOOKBACK_MS = 100 * HOUR_MS;
const LATENESS_HOURS = 60;
const UNBOUNDED_MS = 10_000 * DAY_MS;
const RUNS = 2_000;
/** More could be refunded, but then the longest waiting refund may be given up. */
const MAX_ORDERS = 8;
const CHANNELS = ['email', 'search', 'social'];

/** What is given back of an order, how long after it, and how much later still it arrives. */
interface Back {
  readonly afterHours: number;
  readonly delayHours: number;
  /** Of the order's value; absent, the refund states none and takes back the whole order. */
  readonly share?: number;
}

/** Anything with a time of its own, and how late it arrives. */
interface Timed {
  readonly hour: number;
  readonly delayHours: number;
}

interface Life {
  readonly touches: readonly (Timed & { channel: string; campaign: string | undefined })[];
  readonly orders: readonly (Timed & { value: number; refunds: readonly Back[] })[];
}

/** An event, and when it arrives. */
interface Arrival {
  readonly event: Event;
  readonly atMs: number;
}

/** A few hours many times over, so that times coincide, and long gaps in between. */
const hour = fc.oneof(fc.nat({ max: 12 }), fc.nat({ max: 150 }), fc.nat({ max: 700 }));
// Just in time is where a bound that is off by one shows.
const delayHours = fc.oneof(
  fc.constantFrom(0, LATENESS_HOURS, LATENESS_HOURS - 1),
  fc.nat({ max: LATENESS_HOURS }),
);
const afterHours = fc.nat({ max: 300 });

/** Parts that never sum to the whole, whenever they come. */
const parts: fc.Arbitrary<Back> = fc.record({
  afterHours,
  delayHours,
  share: fc.constantFrom(0, 0.1, 0.3),
});
/** Anything, so soon that the order cannot have settled when it arrives. */
const soon: fc.Arbitrary<Back> = fc
  .tuple(fc.nat({ max: LATENESS_HOURS }), delayHours, fc.constantFrom(undefined, 0, 0.5, 1, 2))
  .map(([afterHours, late, share]) => {
    const delayHours = Math.min(late, LATENESS_HOURS - afterHours);
    return share === undefined ? { afterHours, delayHours } : { afterHours, delayHours, share };
  });
/** Anything at any time. */
const anything: fc.Arbitrary<Back> = fc
  .tuple(afterHours, fc.constantFrom(undefined, 0, 0.3, 0.5, 1, 2))
  .map(([afterHours, share]) => {
    return { afterHours, delayHours: 0, ...(share === undefined ? {} : { share }) };
  });

/** Lives whose orders are each refunded in one of some ways, or not. */
function lives(...ways: readonly fc.Arbitrary<Back>[]): fc.Arbitrary<Life> {
  const touch = fc.record({
    hour,
    delayHours,
    channel: fc.constantFrom(...CHANNELS),
    campaign: fc.constantFrom(undefined, 'SPRING', 'SUMMER'),
  });
  const order = fc.record({
    hour,
    delayHours,
    value: fc.constantFrom(0.07, 10, 99.99),
    refunds: fc.oneof(fc.constant([]), ...ways.map((way) => fc.array(way, { maxLength: 3 }))),
  });
  // What is worth nothing is given back whole by any refund.
  const free = fc.record({
    ...{ hour, delayHours, value: fc.constant(0) },
    refunds: fc.array(soon, { maxLength: 2 }),
  });
  return fc.record({
    touches: fc.array(touch, { maxLength: 20 }),
    orders: fc.array(fc.oneof({ weight: 5, arbitrary: order }, { weight: 1, arbitrary: free }), {
      maxLength: MAX_ORDERS,
    }),
  });
}

/** A life's events sorted by time and numbered in that order, each with its arrival. */
function arrivalsOf({ touches, orders }: Life): Arrival[] {
  const makers = [
    ...touches.map(({ hour, delayHours, channel, campaign }) => ({
      t: BASE_MS + hour * HOUR_MS,
      delayHours,
      make: (n: number, t: number) => ({ ...click(n, t, channel), campaign }) as Event,
    })),
    ...orders.flatMap(({ hour, delayHours, value, refunds }, i) => {
      const order = `o${i}`;
      const t = BASE_MS + hour * HOUR_MS;
      const own = { t, delayHours, make: (n: number) => conversion(n, t, order, value) };
      const back = refunds.map(({ afterHours, delayHours, share }) => ({
        t: t + afterHours * HOUR_MS,
        delayHours,
        make: (n: number, t: number) =>
          refund(n, t, order, share === undefined ? undefined : share * value),
      }));
      return [own, ...back];
    }),
  ];
  return makers
    .sort((a, b) => a.t - b.t)
    .map(({ t, delayHours, make }, n) => {
      return { event: make(n, t), atMs: t + delayHours * HOUR_MS };
    });
}

/** A life's events as they arrive; of those that do at the same time, the latest first. */
function arrived(life: Life): Event[] {
  return arrivalsOf(life)
    .reverse()
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ event }) => event);
}

/** What has to be the same in whatever order a log came. */
function outcome(events: readonly Event[], latenessMs: number, commitEvery: number) {
  const log = new PartitionLog();
  log.putSettings(settingsWith({ lookback_ms: LOOKBACK_MS, lateness_ms: latenessMs }));
  const ledger: Record<string, unknown> = {};
  events.forEach((event, i) => {
    expect(log.apply(event).verdict).toBe('accepted');
    // Each look at the cohorts is a commit: where commits end must not show either.
    if (i % commitEvery === 0) void log.cohorts;
    for (const [, entry] of log.state.takeLedger().orders) ledger[entry.order] = entry;
  });
  const { figures } = named(log.cohorts);
  if (events.length === 0) return { figures, ledger };
  const { touches_too_late, conversions_too_late, ...traffic } = log.traffic();
  expect([touches_too_late, conversions_too_late]).toEqual([0, 0]);
  const { touches_outside_window, conversions_without_path } = traffic;
  return { figures, ledger, touches_outside_window, conversions_without_path };
}

function expectSameOutcome(
  arrived: readonly Event[],
  latenessMs: number,
  commitEvery: readonly [number, number],
): void {
  const sorted = arrived.toSorted((a, b) => a.session_index - b.session_index);
  const found = outcome(arrived, latenessMs, commitEvery[0]);
  expect(found).toEqual(outcome(sorted, latenessMs, commitEvery[1]));
}

const commits = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }));

test('any permutation of arrival gives the paths, credits and ledger of the sorted log', () => {
  const shuffled = lives(parts, anything)
    .map(arrived)
    .chain((events) => fc.shuffledSubarray(events, { minLength: events.length }));
  holds(
    fc.property(shuffled, commits, (events, commitEvery) => {
      expectSameOutcome(events, UNBOUNDED_MS, commitEvery);
    }),
    RUNS,
  );
});

test('events late by up to the bound give the paths, credits and ledger of the sorted log', () => {
  holds(
    fc.property(lives(parts, soon), commits, (life, commitEvery) => {
      expectSameOutcome(arrived(life), LATENESS_HOURS * HOUR_MS, commitEvery);
    }),
    RUNS,
  );
});

test('a whole refund that comes after its order settled ends the path; before, it goes on', () => {
  const hours = (n: number): number => BASE_MS + n * HOUR_MS;
  const [first, order, back, next] = [
    click(0, hours(0), 'email'),
    conversion(1, hours(1), 'o1'),
    refund(2, hours(40), 'o1'),
    click(3, hours(62), 'search'),
  ] as const;
  const paths = (...events: readonly Event[]) =>
    outcome(events, LATENESS_HOURS * HOUR_MS, 1).figures;
  // What docs/semantics.md says of a refund that takes a conversion back: it depends on whether
  // the next touch, more than the lateness after the order, came before the refund.
  expect(paths(first, order, back, next)).toEqual({ 'path 20240408 email > search': [0, 1, 0] });
  expect(paths(first, order, next, back)).toEqual({
    'path 20240408 email': [0, 1, 0],
    'path 20240411 search': [0, 1, 0],
  });
});
