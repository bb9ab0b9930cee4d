/**
 * Streaming equals batch (I6) over random journeys: in any order of arrival within the allowed
 * lateness the counts are those of a calculation from scratch (P1), and pruning never shows (P2).
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { markovChain } from '../../actors/channel/markov-chain.ts';
import { solveChain } from '../../actors/channel/removal-effects.ts';
import { MAX_PATH_ITEMS } from '../../actors/user/path.ts';
import type { Event } from '../../protocols/event.ts';
import { BASE_MS, click, conversion, HOUR_MS, holds, refund } from '../generators.ts';
import { Journey } from '../path-journey.ts';

const LOOKBACK_MS = 100 * HOUR_MS;
const LATENESS_MS = 60 * HOUR_MS;
const UNBOUNDED_MS = 1e12;
const CHANNELS = ['a', 'b', 'c', 'd'];

/** A touch, or an order that may be refunded, whole or in part, some time after it. */
interface Step {
  readonly hour: number;
  readonly delayHours: number;
  readonly channel: string | undefined;
  readonly refunds: readonly { readonly afterHours: number; readonly value: number | undefined }[];
}

/** Steps whose hours coincide now and then, leave gaps, and go over many days. */
function steps(maxLength: number, spanHours: number, minLength = 1): fc.Arbitrary<Step[]> {
  const refunds = fc.array(
    fc.record({
      afterHours: fc.integer({ min: 0, max: 90 }),
      value: fc.constantFrom(undefined, 4, 10),
    }),
    { maxLength: 3 },
  );
  return fc.array(
    fc.record({
      hour: fc.integer({ min: 0, max: spanHours }),
      delayHours: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 })),
      channel: fc.constantFrom(...CHANNELS, ...CHANNELS, undefined, undefined),
      refunds: fc.oneof(
        { weight: 2, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: refunds },
      ),
    }),
    { minLength, maxLength },
  );
}

/** The events of steps, each as many hours late as the step says. */
function arrivals(drawn: readonly Step[], withRefunds: boolean): Event[] {
  const late: { readonly atHour: number; readonly event: Event }[] = [];
  let n = 0;
  drawn.forEach(({ hour, delayHours, channel, refunds }, i) => {
    const t = BASE_MS + hour * HOUR_MS;
    const event = channel === undefined ? conversion(n, t, `o${i}`) : click(n, t, channel);
    late.push({ atHour: hour + delayHours, event });
    n++;
    if (channel !== undefined || !withRefunds) return;
    for (const { afterHours, value } of refunds) {
      const atHour = hour + delayHours + afterHours;
      late.push({ atHour, event: refund(n++, BASE_MS + atHour * HOUR_MS, `o${i}`, value) });
    }
  });
  return late.sort((x, y) => x.atHour - y.atHour).map(({ event }) => event);
}

/** Nothing is ever negative; chains of every order convert as often as paths do. */
function expectBalance(journey: Journey): void {
  expect(journey.tally.least).toBe(0);
  const table = journey.tally.table();
  if (table.size === 0) return;
  for (const order of [1, 2, 3, 4]) solveChain(markovChain(table.rows(), order));
}

function expectBatch(journey: Journey): void {
  expect(journey.counted()).toEqual(journey.batch());
  expectBalance(journey);
}

test('any order of arrival at all gives the counts of the sorted log (P1)', () => {
  const shuffled = steps(40, 1_000)
    .map((drawn) => arrivals(drawn, false))
    .chain((events) => fc.shuffledSubarray(events, { minLength: events.length }));
  holds(
    fc.property(shuffled, (events) => {
      const journey = new Journey(LOOKBACK_MS, UNBOUNDED_MS).applyAll(events);
      expect(journey.losses).toMatchObject({ touchesTooLate: 0, conversionsTooLate: 0 });
      expectBatch(journey);
    }),
    400,
  );
});

test('after every single event the counts are those of the log so far', () => {
  holds(
    fc.property(steps(25, 600), (drawn) => {
      const journey = new Journey(LOOKBACK_MS, LATENESS_MS);
      for (const event of arrivals(drawn, true)) {
        journey.apply(event);
        expectBatch(journey);
      }
    }),
    200,
  );
});

test('pruning never changes a count, while events come late and orders are refunded (P2)', () => {
  holds(
    fc.property(steps(80, 2_500), (drawn) => {
      const journey = new Journey(LOOKBACK_MS, LATENESS_MS).applyAll(arrivals(drawn, true));
      expect(journey.losses).toMatchObject({ touchesTooLate: 0, conversionsTooLate: 0 });
      expectBatch(journey);
    }),
    400,
  );
});

test('pruning forgets: what is older than the lateness is one path that may still grow', () => {
  holds(
    fc.property(steps(120, 5_000), (drawn) => {
      const journey = new Journey(LOOKBACK_MS, LATENESS_MS).applyAll(arrivals(drawn, false));
      const { nowMs, path } = journey.state;
      const old = path.filter(({ t }) => t < nowMs - LATENESS_MS);
      expect(old.some((item) => 'order' in item)).toBe(false);
      expect((old.at(-1)?.t ?? 0) - (old[0]?.t ?? 0)).toBeLessThan(LOOKBACK_MS);
    }),
  );
});

test('what comes later than allowed changes nothing but its own count', () => {
  const tooLate = fc.tuple(steps(40, 1_500), fc.array(fc.integer({ min: 0, max: 1_500 })));
  holds(
    fc.property(tooLate, ([drawn, hours]) => {
      const journey = new Journey(LOOKBACK_MS, LATENESS_MS).applyAll(arrivals(drawn, false));
      const counted = journey.counted();
      const tooLateMs = journey.state.nowMs - LATENESS_MS;
      let sent = 0;
      for (const hour of hours) {
        const t = BASE_MS + hour * HOUR_MS;
        if (t >= tooLateMs) continue;
        journey.applyAll([click(10_000 + hour, t, 'd'), conversion(20_000 + hour, t, `x${hour}`)]);
        sent++;
      }
      expect(journey.counted()).toEqual(counted);
      const { touchesTooLate, conversionsTooLate } = journey.losses;
      expect([touchesTooLate, conversionsTooLate]).toEqual([sent, sent]);
    }),
  );
});

test('an order refunded in full counts as if it had never been made', () => {
  const shuffled = steps(30, 800).chain((drawn) => {
    const events = arrivals(drawn, false);
    return fc.shuffledSubarray(events, { minLength: events.length });
  });
  holds(
    fc.property(shuffled, fc.boolean(), (events, inParts) => {
      const journey = new Journey(LOOKBACK_MS, UNBOUNDED_MS).applyAll(events);
      const touches = events.filter(({ type }) => type === 'click');
      const never = new Journey(LOOKBACK_MS, UNBOUNDED_MS).applyAll(touches);
      events.forEach((event, i) => {
        if (event.type !== 'conversion') return;
        const parts = inParts ? [3, 6.5, 0.5] : [undefined];
        parts.forEach((value, part) => {
          journey.apply(refund(1_000 + 10 * i + part, event.timestamp, event.order_id, value));
        });
      });
      expect(journey.counted().figures).toEqual(never.counted().figures);
      expectBatch(journey);
    }),
  );
});

test('a new lookback window counts again what is kept and takes back what was counted', () => {
  const change = fc.array(fc.integer({ min: 10, max: 200 }), { minLength: 1, maxLength: 5 });
  holds(
    fc.property(steps(40, 1_000), change, (drawn, windows) => {
      const journey = new Journey(LOOKBACK_MS, UNBOUNDED_MS);
      arrivals(drawn, true).forEach((event, i) => {
        const window = windows[Math.floor(i / 8)];
        if (i % 8 === 7 && window !== undefined) journey.setLookback(window * HOUR_MS);
        journey.apply(event);
        expectBalance(journey);
      });
      journey.apply(click(9_999, BASE_MS + 2_000 * HOUR_MS, 'a'));
      expectBatch(journey);
    }),
  );
});

test('a path never grows beyond its bound, and counts stay balanced when it settles early', () => {
  const crowd = steps(2 * MAX_PATH_ITEMS, 200, MAX_PATH_ITEMS + 10);
  holds(
    fc.property(crowd, (drawn) => {
      const journey = new Journey(LOOKBACK_MS, UNBOUNDED_MS).applyAll(arrivals(drawn, true));
      expect(journey.mostItems).toBeLessThanOrEqual(MAX_PATH_ITEMS);
      expectBalance(journey);
    }),
    20,
  );
});
