/**
 * The channel actors' state over random journals: what comes twice counts once (H1), and a crash
 * at any moment between or inside of commits leaves no trace (H2).
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cohorts } from '../../actors/channel/cohorts.ts';
import { CREDIT_FIGURES } from '../../actors/channel/conversion-credits.ts';
import type { PathJournalEntry } from '../../protocols/path-journal.ts';
import { CohortStore, CREDIT_COLUMNS, journalOf, named } from '../cohort-store.ts';
import { holds } from '../generators.ts';

const DAYS = ['20260401', '20260402', '20260501'];
// Names of members of objects, and names that look like indices, are names.
const CHANNELS = ['email', 'search', 'social', 'constructor', '7', '(other)'];
const CAMPAIGNS = ['SPRING', 'toString', '12', 'café > x'];
const PAIRS = ['email>SPRING', '7>12', 'search>café > x', '(other)'];

type Part = Pick<PathJournalEntry, 'days' | 'channels' | 'paths' | 'credits' | 'has_pairs'>;
type Credit = Part['credits'][number];

// Few different figures, so that sums return to nothing now and then.
const figure = fc.constantFrom(-3, -1, 0, 1, 1, 2, 3);
const credit: fc.Arbitrary<(days: number) => Credit> = fc
  .tuple(
    fc.nat(),
    fc.oneof(
      fc.tuple(fc.constant('channel' as const), fc.constantFrom(...CHANNELS)),
      fc.tuple(fc.constant('campaign' as const), fc.constantFrom(...CAMPAIGNS)),
      fc.tuple(fc.constant('pair' as const), fc.constantFrom(...PAIRS)),
    ),
    fc.array(figure, { minLength: CREDIT_COLUMNS, maxLength: CREDIT_COLUMNS }),
  )
  .map(([day, [kind, name], figures]) => (days) => {
    return [day % days, kind, name, figures.slice(0, CREDIT_FIGURES[kind])];
  });

/** A journal message names days and channels in an order of its own. */
const part: fc.Arbitrary<Part> = fc
  .record({
    days: fc.shuffledSubarray(DAYS, { minLength: 1 }),
    channels: fc.shuffledSubarray(CHANNELS, { minLength: 1 }),
    paths: fc.array(
      fc.tuple(
        fc.nat(),
        fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        fc.tuple(figure, figure, figure),
      ),
      { maxLength: 6 },
    ),
    credits: fc.array(credit, { maxLength: 6 }),
    // What an older release wrote knows no pairs.
    has_pairs: fc.oneof({ arbitrary: fc.constant(true), weight: 9 }, fc.constant(false)),
  })
  .map(({ days, channels, paths, credits, has_pairs }) => ({
    days,
    channels,
    paths: paths.map(([day, path, figures]) => {
      return [day % days.length, path.map((i) => i % channels.length), ...figures];
    }),
    credits: credits
      .map((make) => make(days.length))
      .filter(([, kind]) => has_pairs || kind !== 'pair'),
    has_pairs,
  }));

/** The journals of commits of a few partitions, in the order of the stream: parts side by side. */
const journals: fc.Arbitrary<PathJournalEntry[][]> = fc
  .array(
    fc.record({
      partition: fc.nat({ max: 3 }),
      step: fc.integer({ min: 1, max: 9 }),
      parts: fc.array(part, { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 12 },
  )
  .map((commits) => {
    const positions = new Map<number, number>();
    return commits.map(({ partition, step, parts }) => {
      const sequence = (positions.get(partition) ?? 0) + step;
      positions.set(partition, sequence);
      return parts.map((each, i) => {
        return { v: 2, partition, sequence, part: i, parts: parts.length, ...each };
      });
    });
  });

function folded(entries: Iterable<PathJournalEntry>): Cohorts {
  const cohorts = new Cohorts();
  for (const entry of entries) cohorts.fold(entry);
  return cohorts;
}

/** The sums of all journals, by name; of days that some came for without pairs, but for pairs. */
function sums(entries: readonly PathJournalEntry[]): Record<string, readonly number[]> {
  const figures = new Map<string, number[]>();
  const add = (name: string, added: readonly number[]): void => {
    const sum = figures.get(name) ?? added.map(() => 0);
    figures.set(
      name,
      sum.map((each, i) => each + (added[i] as number)),
    );
  };
  for (const { days, channels, paths, credits } of entries) {
    for (const [day, path, ...added] of paths) {
      add(`path ${days[day]} ${path.map((i) => channels[i]).join(' > ')}`, added);
    }
    for (const [day, kind, name, added] of credits) add(`${kind} ${days[day]} ${name}`, added);
  }
  const without = entries.flatMap(({ has_pairs, days, credits }) => {
    return has_pairs ? [] : credits.map(([day]) => `pair ${days[day]} `);
  });
  return Object.fromEntries(
    [...figures].filter(([name, sum]) => {
      return sum.some((each) => each !== 0) && !without.some((each) => name.startsWith(each));
    }),
  );
}

test('cohorts are the sums of all journals, and positions those of the last commits', () => {
  holds(
    fc.property(journals, (commits) => {
      const { figures, positions } = named(folded(commits.flat()));
      expect(figures).toEqual(sums(commits.flat()));
      const last = commits.map(([first]) => [first?.partition, first?.sequence]);
      expect(positions).toEqual(Object.fromEntries(last));
    }),
    500,
  );
});

test('commits that come again, even between the parts of another one, count once (H1)', () => {
  const again = fc.array(fc.array(fc.nat(), { maxLength: 3 }), { maxLength: 40 });
  holds(
    fc.property(journals, again, (commits, picks) => {
      const cohorts = new Cohorts();
      let n = 0;
      commits.forEach((parts, i) => {
        for (const entry of parts) {
          const earlier = commits.slice(0, i).flat();
          for (const pick of earlier.length === 0 ? [] : (picks[n] ?? [])) {
            const repeated = earlier[pick % earlier.length] as PathJournalEntry;
            expect(cohorts.fold(repeated)).toBe(false);
          }
          expect(cohorts.fold(entry)).toBe(true);
          n++;
        }
      });
      expect(named(cohorts)).toEqual(named(folded(commits.flat())));
    }),
    500,
  );
});

test('a crash at any moment, and the whole journal folded again, leave no trace', () => {
  const moments = fc.array(fc.constantFrom('nothing', 'stored', 'crashed'), { maxLength: 36 });
  holds(
    fc.property(journals, moments, (commits, moment) => {
      const entries = commits.flat();
      const stored = new CohortStore();
      let cohorts = new Cohorts();
      entries.forEach((entry, i) => {
        cohorts.fold(entry);
        if (moment[i] === 'stored' && cohorts.isWhole) stored.store(cohorts);
        if (moment[i] !== 'crashed') return;
        cohorts = stored.load();
        for (const known of entries.slice(0, i + 1)) cohorts.fold(known);
      });
      expect(named(cohorts)).toEqual(named(folded(entries)));
      stored.store(cohorts);
      expect(named(stored.load())).toEqual(named(folded(entries)));
      expect(cohorts.dirtyCount).toBe(0);
    }),
    500,
  );
});

test('nothing can be taken for storage between two parts of one commit (H2)', () => {
  holds(
    fc.property(journals, (commits) => {
      const cohorts = new Cohorts();
      for (const entry of commits.flat()) {
        cohorts.fold(entry);
        const isLast = entry.part + 1 === entry.parts;
        expect(cohorts.isWhole).toBe(isLast);
        const announced = cohorts.dirtyCount;
        if (!isLast) {
          expect(() => cohorts.takeChanges()).toThrow('H2');
          expect(cohorts.dirtyCount).toBe(announced);
          continue;
        }
        const { chunks, credits } = cohorts.takeChanges();
        expect(chunks.length + credits.length).toBe(announced);
      }
    }),
  );
});

test('a part that comes before its time, or twice, is refused and not counted (H1)', () => {
  const part = (n: number): PathJournalEntry =>
    journalOf(5, { part: n, parts: 3, channels: ['a'], paths: [[0, [0], 1, 0, 10]] });
  expect(() => folded([part(1)])).toThrow('out of order');
  expect(() => folded([part(0), { ...part(1), sequence: 6 }])).toThrow('out of order');
  expect(() => folded([part(0), { ...part(0), partition: 1 }])).toThrow('out of order');
  expect.soft(() => folded([part(0), part(0)]), 'the first part twice').toThrow('out of order');
  expect.soft(() => folded([part(0), part(2)]), 'the second part missing').toThrow('out of order');
});
