/** Markov paths by hand-worked journeys: how touches become paths, and what the bounds do. */
import { describe, expect, test } from 'vitest';
import { Cohorts } from '../../actors/channel/cohorts.ts';
import { MAX_PART_BYTES, PathJournal } from '../../actors/partition/path-journal.ts';
import { countChange, cutPaths, MAX_PATH_ITEMS, placeItem } from '../../actors/user/path.ts';
import { utcDay } from '../../protocols/cells.ts';
import type { PathJournalEntry } from '../../protocols/path-journal.ts';
import type { PathItem } from '../../protocols/user-snapshot.ts';
import { BASE_MS, click, conversion, DAY_MS, HOUR_MS, refund } from '../generators.ts';
import { Journey } from '../path-journey.ts';

const LOOKBACK_MS = 10 * HOUR_MS;

function touch(hour: number, channel: string): PathItem {
  return { t: BASE_MS + hour * HOUR_MS, id: `${hour}${channel}`, channel };
}

function order(hour: number, micros = 5): PathItem {
  return { t: BASE_MS + hour * HOUR_MS, id: `${hour}o`, order: `o${hour}`, micros };
}

/** The paths of some items, as text: channels, then what the conversion is worth, or null. */
function pathsOf(...items: readonly PathItem[]): string[] {
  return cutPaths(items, LOOKBACK_MS).paths.map(({ touches, conversion }) =>
    [...touches.map(({ channel }) => channel), conversion?.micros ?? 'null'].join(' > '),
  );
}

describe('touches become paths', () => {
  test('an open path counts as ended in null', () => {
    expect(pathsOf(touch(0, 'a'), touch(1, 'b'))).toEqual(['a > b > null']);
  });

  test('a conversion ends a path, and the next touch begins another', () => {
    expect(pathsOf(touch(0, 'a'), order(1), touch(2, 'b'))).toEqual(['a > 5', 'b > null']);
  });

  test('repeats stay on the path: what they mean is for each model to say', () => {
    const items = ['a', 'a', 'b', 'a', 'a'].map((channel, hour) => touch(hour, channel));
    expect(pathsOf(...items)).toEqual(['a > a > b > a > a > null']);
  });

  test('a silence longer than the lookback window ends a path in null', () => {
    expect(pathsOf(touch(0, 'a'), touch(10, 'b'))).toEqual(['b > null']);
    expect(pathsOf(touch(0, 'a'), touch(10.1, 'b'))).toEqual(['a > null', 'b > null']);
    expect(pathsOf(touch(0, 'a'), order(10.1))).toEqual(['a > null']);
  });

  test('no touch before a conversion, no path', () => {
    expect(cutPaths([order(0)], LOOKBACK_MS)).toEqual({
      ...{ paths: [], touchesOutsideWindow: 0, withoutPath: [order(0)] },
    });
  });

  test('a path belongs to the UTC day of its first touch inside the window', () => {
    const days = [touch(0, 'a'), touch(6, 'b'), touch(12, 'c')];
    const dayOf = (items: readonly PathItem[]): string =>
      utcDay(cutPaths(items, LOOKBACK_MS).paths[0]?.touches[0]?.t ?? 0);
    expect(dayOf(days.slice(0, 2))).toBe('20240408');
    expect(dayOf(days)).toBe('20240409');
  });
});

describe('window bias is counted, not hidden', () => {
  test('touches that a later touch or the conversion leaves behind', () => {
    const items = [touch(0, 'a'), touch(6, 'b'), touch(11, 'c'), order(20)];
    const { paths, touchesOutsideWindow } = cutPaths(items, LOOKBACK_MS);
    expect(paths.map(({ touches }) => touches)).toEqual([[touch(11, 'c')]]);
    expect(touchesOutsideWindow).toBe(2);
  });

  test('a conversion exactly one window after its last touch has no path left', () => {
    expect(cutPaths([touch(0, 'a'), order(10)], LOOKBACK_MS)).toEqual({
      ...{ paths: [], touchesOutsideWindow: 1, withoutPath: [order(10)] },
    });
  });

  test('a refund that brings touches back takes them out of the count again', () => {
    const journey = new Journey(LOOKBACK_MS, DAY_MS);
    journey.applyAll([click(0, BASE_MS, 'a'), click(1, BASE_MS + HOUR_MS, 'b')]);
    journey.apply(conversion(2, BASE_MS + 10.5 * HOUR_MS, 'o1'));
    expect(journey.losses.touchesOutsideWindow).toBe(1);
    journey.apply(refund(3, BASE_MS + 11 * HOUR_MS, 'o1'));
    expect(journey.losses.touchesOutsideWindow).toBe(0);
    expect(journey.counted()).toEqual(journey.batch());
  });
});

describe('what comes just in time', () => {
  const LATENESS_MS = 20 * HOUR_MS;
  const bought = () =>
    new Journey(LOOKBACK_MS, LATENESS_MS).applyAll([
      click(0, BASE_MS, 'a'),
      conversion(1, BASE_MS + HOUR_MS, 'o1'),
      click(2, BASE_MS + HOUR_MS + LATENESS_MS, 'b'),
    ]);

  test('is put in its place, at the very last moment still before the conversion', () => {
    const journey = bought();
    journey.apply(click(3, BASE_MS + HOUR_MS, 'c'));
    expect(journey.losses.touchesTooLate).toBe(0);
    expect(journey.counted()).toEqual(journey.batch());
    expect(journey.counted().figures).toMatchObject({ '20240408 a > c > 10000000': 1 });
  });

  test('and a millisecond later is too late', () => {
    const journey = bought();
    journey.apply(click(3, BASE_MS + HOUR_MS - 1, 'c'));
    expect(journey.losses.touchesTooLate).toBe(1);
    expect(journey.counted()).toEqual(journey.batch());
  });
});

describe('items are in order', () => {
  test('by time, touches before conversions, then by id, however they arrive', () => {
    const items = [order(1), touch(1, 'b'), touch(1, 'a'), touch(0, 'c'), order(2)];
    const keys = ['0c', '1a', '1b', '1o', '2o'];
    for (const arrival of [items, [...items].reverse()]) {
      const placed = arrival.reduce<PathItem[]>((all, item) => placeItem(all, item), []);
      expect(placed.map(({ id }) => id)).toEqual(keys);
    }
  });

  test('placing an item leaves the list as it was', () => {
    const items = [touch(0, 'a'), touch(2, 'b')];
    placeItem(items, touch(1, 'c'));
    expect(items.map(({ id }) => id)).toEqual(['0a', '2b']);
  });
});

describe('bounds', () => {
  test('of a path of 300 touches the last 128 count', () => {
    const journey = new Journey(DAY_MS, DAY_MS);
    for (let n = 0; n < 300; n++) journey.apply(click(n, BASE_MS + n, n % 2 === 0 ? 'a' : 'b'));
    expect(journey.counted()).toEqual({
      figures: { [`20240408 ${'a > b > '.repeat(64)}null`]: 1 },
      touchesOutsideWindow: 172,
      conversionsWithoutPath: 0,
    });
    expect(journey.counted()).toEqual(journey.batch());
    expect(journey.mostItems).toBe(MAX_PATH_ITEMS);
  });

  test('beyond 256 items the oldest settle: their counts stay, and nothing can join them', () => {
    const journey = new Journey(HOUR_MS, 400 * DAY_MS);
    for (let n = 0; n < 300; n++) {
      journey.apply(click(2 * n, BASE_MS + n * DAY_MS, 'a'));
      journey.apply(conversion(2 * n + 1, BASE_MS + n * DAY_MS + 1, `o${n}`));
    }
    expect(journey.mostItems).toBe(MAX_PATH_ITEMS);
    expect(journey.counted()).toEqual(journey.batch());
    // The last pair to settle is the 172nd; its own time is settled with it, the next one is not.
    const settledMs = BASE_MS + 171 * DAY_MS + 1;
    expect(journey.state.pathSettledMs).toBe(settledMs);
    journey.apply(click(9_000, BASE_MS + 10 * DAY_MS, 'late'));
    journey.apply(click(9_003, settledMs, 'late'));
    expect(journey.losses.touchesTooLate).toBe(2);
    journey.apply(refund(9_001, BASE_MS + 300 * DAY_MS, 'o10'));
    expect(journey.losses).toMatchObject({ refundsUnmatched: 1, refundedMicros: 0 });
    // Of the last eight to settle a refund still finds the order and what was counted for it.
    journey.apply(refund(9_004, BASE_MS + 300 * DAY_MS, 'o171'));
    expect(journey.losses).toMatchObject({ refundsUnmatched: 1, refundedMicros: 10_000_000 });
    journey.apply(click(9_002, BASE_MS + 290 * DAY_MS + 2, 'late'));
    expect(journey.counted()).toEqual(journey.batch());
  });
});

describe('refunds', () => {
  const bought = () =>
    new Journey(DAY_MS, DAY_MS).applyAll([
      click(0, BASE_MS, 'a'),
      conversion(1, BASE_MS + 1, 'o1', 59.9),
    ]);

  test('of a part lower the value, of all take the conversion out', () => {
    const journey = bought();
    journey.apply(refund(2, BASE_MS + 2, 'o1', 9.9));
    expect(journey.tally.table().totals()).toMatchObject({ conversions: 1, value: 50_000_000 });
    journey.apply(refund(3, BASE_MS + 3, 'o1', 50));
    expect(journey.tally.table().totals()).toMatchObject({ paths: 1, conversions: 0, value: 0 });
    expect(journey.losses.refundedMicros).toBe(59_900_000);
  });

  test('of more than was paid take back what was paid', () => {
    const journey = bought();
    journey.apply(refund(2, BASE_MS + 2, 'o1', 1_000));
    expect(journey.losses).toMatchObject({ refundedMicros: 59_900_000, refundsUnmatched: 0 });
    expect(journey.tally.table().totals()).toMatchObject({ conversions: 0, value: 0 });
  });

  test('that come before their order wait for it', () => {
    const early = new Journey(DAY_MS, DAY_MS).applyAll([
      click(0, BASE_MS, 'a'),
      refund(2, BASE_MS + 2, 'o1', 9.9),
      refund(3, BASE_MS + 3, 'o2'),
    ]);
    expect(early.losses).toMatchObject({ refundsUnmatched: 2, refundedMicros: 9_900_000 });
    early.apply(conversion(1, BASE_MS + 1, 'o1', 59.9));
    early.apply(conversion(4, BASE_MS + 4, 'o2', 20));
    expect(early.losses).toMatchObject({ refundsUnmatched: 0, refundedMicros: 29_900_000 });
    expect(early.counted().figures).toEqual({ '20240408 a > 50000000': 1 });
    expect(early.state.refunds).toEqual([]);
  });

  test('weeks after the conversion has settled take back exactly what was counted', () => {
    const journey = bought();
    journey.apply(click(5, BASE_MS + 40 * DAY_MS, 'b'));
    expect(journey.state.path.some((item) => 'order' in item)).toBe(false);
    journey.apply(refund(6, BASE_MS + 41 * DAY_MS, 'o1', 9.9));
    expect(journey.counted().figures).toMatchObject({ '20240408 a > 50000000': 1 });
    journey.apply(refund(7, BASE_MS + 42 * DAY_MS, 'o1'));
    expect(journey.counted().figures).toMatchObject({ '20240408 a > null': 1 });
    expect(journey.losses).toMatchObject({ refundsUnmatched: 0, refundedMicros: 59_900_000 });
    expect(journey.tally.ledger.get('o1')).toMatchObject({ value_micros: 0, taken_back: true });
    expect(journey.counted()).toEqual(journey.batch());
  });

  test('of an unknown order, or the same one twice, are unmatched', () => {
    const journey = bought();
    journey.apply(refund(2, BASE_MS + 2, 'o9', 5));
    journey.apply(refund(3, BASE_MS + 3, 'o1'));
    journey.apply(refund(4, BASE_MS + 4, 'o1'));
    expect(journey.losses).toMatchObject({ refundsUnmatched: 2, refundedMicros: 64_900_000 });
  });
});

test('what is retracted leaves no trace in the journal, however often it was counted', () => {
  const journal = new PathJournal();
  const [path] = cutPaths([touch(0, 'a'), touch(1, '__proto__x'), order(2)], LOOKBACK_MS).paths;
  if (path === undefined) throw new Error('expected a path');
  countChange([], [path, path], journal);
  countChange([path, path], [path], journal);
  const [entry, ...more] = journal.take(3, 7);
  expect(more).toEqual([]);
  expect(entry).toMatchObject({
    ...{ partition: 3, sequence: 7, part: 0, parts: 1, days: ['20240408'] },
    ...{ channels: ['a', '__proto__x'], paths: [[0, [0, 1], 1, 0, 5]] },
  });
  countChange([path], [], journal);
  countChange([], [path], journal);
  expect(journal.take(3, 8)).toEqual([]);
  expect(journal.bytes).toBe(0);
});

test('a journal too long for one message comes in parts that fold to the same', () => {
  const journal = new PathJournal();
  for (let n = 0; n < 2_000; n++) {
    const items = Array.from({ length: 60 }, (_, i) =>
      touch(i / 100, `channel ${(n * 7 + i * (n % 89)) % 997}`),
    );
    countChange([], cutPaths([...items, order(1, n)], LOOKBACK_MS).paths, journal);
  }
  const promised = journal.messageCount;
  const parts = journal.take(0, 1);
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.length).toBeLessThanOrEqual(promised);
  const cohorts = new Cohorts();
  parts.forEach((part, i) => {
    expect(JSON.stringify(part).length).toBeLessThan(2 * MAX_PART_BYTES);
    cohorts.fold(part);
    expect(cohorts.isWhole).toBe(i === parts.length - 1);
  });
  expect(cohorts.days.get('20240408')?.table.totals()).toMatchObject({
    ...{ conversions: 2_000, nulls: 0, value: 1_999_000 },
  });
  expect(cohorts.fold(parts[0] as PathJournalEntry)).toBe(false);
});
