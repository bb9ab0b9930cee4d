/**
 * The bounds of the channel actors' state: what they lump together or forget leaves the totals
 * exact (H3), and whatever has to be stored fits into a message.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cohorts, MAX_CHUNKS, MAX_CREDITED_NAMES, MAX_DAYS } from '../../actors/channel/cohorts.ts';
import { CREDIT_FIGURES } from '../../actors/channel/conversion-credits.ts';
import { MAX_CHANNELS } from '../../actors/channel/path-table.ts';
import { OTHER_CHANNEL, utcDay } from '../../protocols/cells.ts';
import { MAX_NAME_CHARS } from '../../protocols/event.ts';
import type { PathJournalEntry } from '../../protocols/path-journal.ts';
import { MAX_BATCH_MESSAGES } from '../../runtime/nats/atomic-batch.ts';
import { CohortStore, CREDIT_COLUMNS, journalOf, named } from '../cohort-store.ts';
import { BASE_MS, DAY_MS, holds } from '../generators.ts';
import { seededRandom } from '../journeys.ts';

/** What the server takes in one message: max_payload of nats.conf. */
const MESSAGE_BYTES_MAX = 1024 * 1024;
const DAY = '20260401';
const TOUCHES = 128;
const CREDIT_KINDS = ['channel', 'campaign', 'pair'] as const;
const FOLD_MS_MAX = 60_000;

/** Journals of `count` long paths, no two the same, over some of the channels, `each` a commit. */
function longPaths(
  count: number,
  channels: readonly string[],
  touched: readonly number[],
  each = 500,
): PathJournalEntry[] {
  const random = seededRandom(count);
  const one = (): PathJournalEntry['paths'][number] => {
    const path = Array.from({ length: TOUCHES }, () => {
      return touched[Math.floor(random() * touched.length)] as number;
    });
    return [0, path, 1, 2, 1_000_000];
  };
  return Array.from({ length: Math.ceil(count / each) }, (_, i) => {
    const paths = Array.from({ length: each }, one);
    return journalOf(i + 1, { days: [DAY], channels: [...channels], paths });
  });
}

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `channel ${i}`);
}

function dayAfter(days: number): string {
  return utcDay(BASE_MS + days * DAY_MS);
}

/** What all days count and credit together. */
function totals({ days }: Cohorts): number[] {
  const sums = new Array<number>(3 + 2 * CREDIT_COLUMNS + CREDIT_FIGURES.pair).fill(0);
  const add = (from: number, figures: readonly number[]): void => {
    for (const [i, figure] of figures.entries()) sums[from + i] = (sums[from + i] ?? 0) + figure;
  };
  for (const { table, credits } of days.values()) {
    const { conversions, nulls, value } = table.totals();
    add(0, [conversions, nulls, value]);
    for (const figures of credits.channel.values()) add(3, figures);
    for (const figures of credits.campaign.values()) add(3 + CREDIT_COLUMNS, figures);
    for (const figures of credits.pair.values()) add(3 + 2 * CREDIT_COLUMNS, figures);
  }
  return sums;
}

test('a day of many paths is stored in chunks, and is the same when it is read again', {
  timeout: FOLD_MS_MAX,
}, () => {
  const cohorts = new Cohorts();
  const store = new CohortStore();
  let chunksBefore = 0;
  // So few in a commit that a split is stored before each of its chunks has got a new path.
  for (const entry of longPaths(6_000, namesOf(5), [0, 1, 2, 3, 4], 5)) {
    cohorts.fold(entry);
    const { chunks = 0 } = cohorts.days.get(DAY) ?? {};
    if (chunks === chunksBefore) continue;
    chunksBefore = chunks;
    store.store(cohorts);
    expect(named(store.load())).toEqual(named(cohorts));
  }
  store.store(cohorts);
  const chunks = cohorts.days.get(DAY)?.chunks ?? 0;
  expect(chunks).toBeGreaterThanOrEqual(8);
  expect(store.messages.size).toBe(chunks + 1);
  expect(store.largest('paths')).toBeLessThan(MESSAGE_BYTES_MAX);
  const again = store.load();
  expect(named(again)).toEqual(named(cohorts));
  // Both go on in the same way, and what changes is stored into the same chunks.
  const [more] = longPaths(500, namesOf(5), [4, 0]);
  for (const each of [again, cohorts])
    each.fold({ ...(more as PathJournalEntry), sequence: 9_999 });
  expect(named(again)).toEqual(named(cohorts));
  store.store(again);
  expect(named(store.load())).toEqual(named(cohorts));
});

const TOUCHED = [
  { what: 'every second channel', channels: 7, touched: [0, 2, 4, 6] },
  { what: 'the first and the 17th channel', channels: 17, touched: [0, 16] },
  { what: 'the first and the 65th channel', channels: 65, touched: [0, 64] },
  { what: 'channels of many digits', channels: 9_000, touched: [8_001, 8_302, 8_703, 8_904] },
];
for (const { what, channels, touched } of TOUCHED) {
  test(`a chunk of a day whose paths touch ${what} fits into a message`, {
    timeout: FOLD_MS_MAX,
  }, () => {
    const cohorts = new Cohorts();
    for (const entry of longPaths(8_000, namesOf(channels), touched)) cohorts.fold(entry);
    const store = new CohortStore();
    store.store(cohorts);
    expect(store.largest('paths')).toBeLessThan(MESSAGE_BYTES_MAX);
    expect(named(store.load())).toEqual(named(cohorts));
  });
}

test('when there is no room for more chunks, new paths are lumped and totals stay exact', {
  timeout: FOLD_MS_MAX,
}, () => {
  // Days that an earlier, larger state has left with many chunks use up what there is.
  const days = Object.fromEntries([
    ...Array.from({ length: MAX_CHUNKS - 4 }, (_, i) => [String(20_200_000 + i), 1]).slice(0, 390),
    ['20250101', MAX_CHUNKS - 392],
  ]);
  const cohorts = new Cohorts({ v: 1, epoch: 1, positions: {}, channels: [], days });
  const entries = longPaths(2_000, namesOf(3), [0, 1, 2]);
  for (const entry of entries) cohorts.fold(entry);
  const table = cohorts.days.get(DAY)?.table;
  expect(table?.has(table.encode([OTHER_CHANNEL]))).toBe(true);
  expect(table?.size).toBeLessThan(2_000);
  expect(totals(cohorts).slice(0, 3)).toEqual([2_000, 4_000, 2_000_000_000]);
  const store = new CohortStore();
  store.store(cohorts);
  expect(named(store.load()).figures).toEqual(named(cohorts).figures);
});

test('days that come when all chunks are in use leave room for one commit of everything', () => {
  const few = Array.from({ length: 70 }, (_, i) => [dayAfter(i), 1] as const);
  const days = Object.fromEntries([...few, [dayAfter(100), 512]]);
  const cohorts = new Cohorts({ v: 1, epoch: 1, positions: {}, channels: [], days });
  for (let i = 0; i < 300; i++) {
    const paths: PathJournalEntry['paths'] = [[0, [0], 0, 1, 0]];
    cohorts.fold(journalOf(i + 1, { days: [dayAfter(200 + i)], channels: ['a'], paths }));
  }
  const chunks = Object.values(cohorts.head(1).days).reduce((sum, each) => sum + each, 0);
  // Each chunk, each day's credits, and the head.
  expect(chunks + cohorts.days.size + 1).toBeLessThanOrEqual(MAX_BATCH_MESSAGES);
});

test('names and pairs beyond those credited by name are lumped, and totals stay exact (H3)', () => {
  const extra = 300;
  const steps = fc.array(
    fc.tuple(
      fc.constantFrom(...CREDIT_KINDS),
      fc.nat({ max: MAX_CREDITED_NAMES + extra }),
      fc.integer({ min: -1_000, max: 1_000 }),
    ),
    { maxLength: 200 },
  );
  holds(
    fc.property(steps, fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (drawn, order) => {
      const all = Array.from({ length: MAX_CREDITED_NAMES + extra }, (_, i) => {
        return [CREDIT_KINDS, i, 1] as const;
      }).flatMap(([kinds, i, figure]) => kinds.map((kind) => [kind, i, figure] as const));
      const steps = [...all, ...drawn];
      const credits: PathJournalEntry['credits'] = steps.map(([kind, i, figure]) => {
        return [0, kind, `n>${i}`, new Array<number>(CREDIT_FIGURES[kind]).fill(figure)];
      });
      const cohorts = new Cohorts();
      for (const [i, quarter] of order.entries()) {
        const part = credits.filter((_, n) => n % 4 === quarter);
        cohorts.fold(journalOf(i + 1, { credits: part }));
      }
      for (const [k, kind] of CREDIT_KINDS.entries()) {
        const [byName] = [...cohorts.days.values()].map((cohort) => cohort.credits[kind]);
        expect(byName?.size).toBeLessThanOrEqual(MAX_CREDITED_NAMES);
        expect(byName?.has(OTHER_CHANNEL)).toBe(true);
        const sum = steps.reduce((total, step) => total + (step[0] === kind ? step[2] : 0), 0);
        const from = 3 + k * CREDIT_COLUMNS;
        const found = totals(cohorts).slice(from, from + CREDIT_FIGURES[kind]);
        expect(found).toEqual(new Array(CREDIT_FIGURES[kind]).fill(sum));
      }
      const store = new CohortStore();
      store.store(cohorts);
      expect(named(store.load())).toEqual(named(cohorts));
    }),
    20,
  );
});

/** The longest names that an event may hold, in an alphabet of three bytes a letter. */
function longNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i}`.padEnd(MAX_NAME_CHARS, '漢'));
}

test('the credits of a day fit into a message, however long its names are', () => {
  const cohorts = new Cohorts();
  const figures = new Array<number>(CREDIT_COLUMNS).fill(12_345_678_901_234);
  longNames(MAX_CREDITED_NAMES).forEach((name, i) => {
    const credits: PathJournalEntry['credits'] = [
      [0, 'channel', name, figures],
      [0, 'campaign', name, figures],
      // Of two names: as long as pairs get.
      [0, 'pair', `${name}>${name}`, figures.slice(0, CREDIT_FIGURES.pair)],
    ];
    cohorts.fold(journalOf(i + 1, { credits }));
  });
  const store = new CohortStore();
  store.store(cohorts);
  expect(store.largest('credits')).toBeLessThan(MESSAGE_BYTES_MAX);
});

test('however many pairs there are, they drive no channel and no campaign out of a day', () => {
  const cohorts = new Cohorts();
  longNames(3 * MAX_CREDITED_NAMES).forEach((name, i) => {
    cohorts.fold(journalOf(i + 1, { credits: [[0, 'pair', `${name}>${name}`, [1, 1]]] }));
  });
  const [day] = cohorts.days.values();
  expect(day?.credits.pair.has(OTHER_CHANNEL)).toBe(true);
  const figures = new Array<number>(CREDIT_COLUMNS).fill(1);
  cohorts.fold(journalOf(9_999, { credits: [[0, 'campaign', 'NEW', figures]] }));
  expect(day?.credits.campaign.get('NEW')).toEqual(figures);
});

test('the head fits into a message, however many channels there are and however long', () => {
  const cohorts = new Cohorts();
  const channels = longNames(MAX_CHANNELS);
  cohorts.fold(journalOf(1, { channels, paths: channels.map((_, i) => [0, [i], 0, 1, 0]) }));
  const store = new CohortStore();
  store.store(cohorts);
  expect(store.largest('head')).toBeLessThan(MESSAGE_BYTES_MAX);
});

test('of more days than are kept the oldest is forgotten, and the others are untouched', () => {
  const order = fc.shuffledSubarray(
    Array.from({ length: MAX_DAYS + 12 }, (_, i) => i),
    { minLength: MAX_DAYS + 12 },
  );
  holds(
    fc.property(order, fc.nat({ max: MAX_DAYS }), (drawn, storedAfter) => {
      const store = new CohortStore();
      let cohorts = new Cohorts();
      const figures = new Array<number>(CREDIT_COLUMNS).fill(3);
      const entry = (day: number, sequence: number): PathJournalEntry =>
        journalOf(sequence, {
          days: [dayAfter(day)],
          channels: ['a'],
          paths: [[0, [0], 1, 0, day]],
          credits: [[0, 'channel', 'a', figures]],
        });
      drawn.forEach((day, i) => {
        const before = named(cohorts).figures;
        const known = [...cohorts.days.keys()].sort();
        cohorts.fold(entry(day, i + 1));
        expect(cohorts.days.size).toBe(Math.min(i + 1, MAX_DAYS));
        if (i % 50 !== 0) return;
        const kept = Object.entries(before).filter(([name]) => {
          return known.length < MAX_DAYS || !name.includes(known[0] as string);
        });
        expect(named(cohorts).figures).toMatchObject(Object.fromEntries(kept));
        if (i >= storedAfter) store.store(cohorts);
      });
      // The latest days are left; what still comes for a forgotten one counts nowhere.
      const days = Array.from({ length: MAX_DAYS }, (_, i) => dayAfter(12 + i));
      expect([...cohorts.days.keys()].sort()).toEqual(days);
      const latest = named(cohorts).figures;
      cohorts.fold(entry(3, drawn.length + 1));
      expect(named(cohorts).figures).toEqual(latest);
      store.store(cohorts);
      cohorts = store.load();
      expect(named(cohorts).figures).toEqual(latest);
    }),
    10,
  );
});
