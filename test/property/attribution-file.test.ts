/**
 * Files drawn at random: the order of a file's rows does not matter, its paths are those of the
 * plain definition, and what is written as CSV is read back.
 */
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { readRecords } from '../../runtime/attribution-file/csv-file.ts';
import { cellText } from '../../runtime/attribution-file/csv-records.ts';
import { readAttributionFile } from '../../runtime/attribution-file/read-file.ts';
import { settingsOf } from '../../runtime/cli/attribute-file-options.ts';
import { attributeJson, TestFiles } from '../attribute-run.ts';
import { BASE_MS, DAY_MS, HOUR_MS, holdsInTime } from '../generators.ts';

const files = new TestFiles();
afterAll(() => files[Symbol.dispose]());

const EVENTS = 'cookie,time,interaction,conversion,conversion_value,channel';

interface Touch {
  readonly cookie: string;
  readonly timeMs: number;
  readonly channel: string;
  /** What it converted for, or undefined. */
  readonly value: number | undefined;
}

/** Touches of a few cookies, no two of one cookie at the same time. */
const touches: fc.Arbitrary<Touch[]> = fc.uniqueArray(
  fc.record({
    cookie: fc.constantFrom('x', 'y', 'z'),
    timeMs: fc.integer({ min: 0, max: 60 }).map((hour) => BASE_MS + hour * HOUR_MS),
    channel: fc.constantFrom('a', 'b', 'c', 'd'),
    value: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined, freq: 3 }),
  }),
  { selector: ({ cookie, timeMs }) => `${cookie} ${timeMs}`, maxLength: 60 },
);

function eventFile(rows: readonly Touch[]): string {
  const lines = rows.map(({ cookie, timeMs, channel, value }) => {
    const end = value === undefined ? 'impression,0,0.0' : `conversion,1,${value}`;
    return `${cookie},${new Date(timeMs).toISOString()},${end},${channel}`;
  });
  return files.write([EVENTS, ...lines].join('\n'));
}

function inOrder(rows: readonly Touch[]): Touch[] {
  return rows.toSorted((a, b) => a.cookie.localeCompare(b.cookie) || a.timeMs - b.timeMs);
}

test('the order of rows in a file of events does not matter', async () => {
  const shuffled = touches.chain((rows) =>
    fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })),
  );
  await holdsInTime(
    fc.asyncProperty(shuffled, fc.constantFrom(undefined, 0.5), async ([rows, other], lookback) => {
      const options = lookback === undefined ? {} : { lookback };
      const sorted = await attributeJson(eventFile(inOrder(rows)), options);
      const random = await attributeJson(eventFile(other), options);
      const { models, ...rest } = random;
      expect(rest).toEqual({ ...rest, totals: sorted.totals, outside: sorted.outside });
      for (const [model, figures] of Object.entries(models)) {
        const expected = sorted.models[model as keyof typeof models];
        for (const of of ['conversions', 'value'] as const) {
          for (const [channel, credit] of Object.entries(figures[of])) {
            expect(Math.abs(credit - (expected?.[of][channel] ?? 0))).toBeLessThan(1e-9);
          }
        }
      }
    }),
    100,
  );
});

/** The definition, word for word: pieces by gaps and conversions, of each what is young enough. */
function plainPaths(rows: readonly Touch[], lookbackMs: number): Map<string, number[]> {
  const paths = new Map<string, number[]>();
  let piece: Touch[] = [];
  const close = (): void => {
    const end = piece.at(-1);
    if (end === undefined) return;
    const inside = piece.filter(({ timeMs }) => timeMs > end.timeMs - lookbackMs);
    const path = inside.map(({ channel }) => channel).join('');
    const [conversions, nulls, value] = paths.get(path) ?? [0, 0, 0];
    const isConversion = end.value !== undefined;
    paths.set(path, [
      (conversions as number) + (isConversion ? 1 : 0),
      (nulls as number) + (isConversion ? 0 : 1),
      (value as number) + (end.value ?? 0),
    ]);
    piece = [];
  };
  for (const touch of inOrder(rows)) {
    const last = piece.at(-1);
    const isApart = last?.cookie !== touch.cookie || touch.timeMs - last.timeMs > lookbackMs;
    if (isApart || last.value !== undefined) close();
    piece.push(touch);
  }
  close();
  return paths;
}

test('the paths of events are those of the definition', async () => {
  const lookbacks = fc.constantFrom(Number.POSITIVE_INFINITY, 2 * HOUR_MS, 7 * HOUR_MS, DAY_MS);
  await holdsInTime(
    fc.asyncProperty(touches, lookbacks, async (rows, lookbackMs) => {
      const { table, events } = await readAttributionFile(eventFile(rows), {
        ...settingsOf({}),
        lookbackMs,
      });
      const found = [...table.rows()].map(({ path, conversions, nulls, value }) => {
        const channels = Array.from(path, (unit) => table.channels[unit.charCodeAt(0)]);
        return [channels.join(''), [conversions, nulls, value]] as const;
      });
      const expected = plainPaths(rows, lookbackMs);
      expect(new Map(found)).toEqual(expected);
      const inside = found.reduce((sum, [path, [c = 0, n = 0]]) => sum + path.length * (c + n), 0);
      expect(events?.outside.touches).toBe(rows.length - inside);
      const credited = events?.timeDecay.reduce((sum, { value }) => sum + value, 0) ?? 0;
      expect(Math.abs(credited - table.totals().value)).toBeLessThan(1e-9);
    }),
    200,
  );
});

/** A file's rows as cells, and the lines of those that are malformed. */
async function cellsOf(content: string) {
  const rows: string[][] = [];
  const malformed: number[] = [];
  await readRecords(files.write(content), ',', {
    record: (record) =>
      rows.push(Array.from({ length: record.cellCount }, (_, i) => cellText(record, i))),
    malformed: (line) => malformed.push(line),
  });
  return { rows, malformed };
}

/** Text that is hard on a CSV reader. */
const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom('"', ',', '\n', '\r', ' ', '\t', 'x', 'é', '>'),
    maxLength: 8,
  }),
  fc.constantFrom('__proto__', 'constructor', '""', '\uFEFF', '1e3', '=1+1'),
);

/** A cell that has to be read back as the text; `isQuoted` quotes it needlessly too. */
function csvCell(text: string, isQuoted: boolean): string {
  const isPlain = !/[",\r\n]|^[ \t]|[ \t]$/.test(text);
  return isPlain && !isQuoted ? text : `"${text.replaceAll('"', '""')}"`;
}

test('cells written as CSV are read back, whatever is in them', async () => {
  const cells = fc.array(fc.tuple(hostileText, fc.boolean()), { minLength: 2, maxLength: 4 });
  const lineEnd = fc.constantFrom('\n', '\r\n');
  await holdsInTime(
    fc.asyncProperty(fc.array(cells, { maxLength: 6 }), lineEnd, async (rows, end) => {
      const lines = rows.map((row) =>
        row.map(([text, isQuoted]) => csvCell(text, isQuoted)).join(),
      );
      // A first row keeps a byte order mark from being the file's own.
      const { rows: found, malformed } = await cellsOf(['first,row', ...lines].join(end));
      expect(malformed).toEqual([]);
      expect(found.slice(1)).toEqual(rows.map((row) => row.map(([text]) => text)));
    }),
    300,
  );
});

/** What csv-parse reads, or undefined for text that it does not take for CSV. */
function parsedByPackage(text: string): string[][] | undefined {
  try {
    return parse(text, { relax_column_count: true, record_delimiter: ['\r\n', '\n'] });
  } catch {
    return undefined;
  }
}

test('what the package csv-parse takes for CSV is read as it reads it', async () => {
  const text = fc
    .array(fc.constantFrom('"', '"', '""', ',', '\n', '\r\n', 'x', 'é'), { maxLength: 24 })
    .map((pieces) => pieces.join(''));
  const isRow = (cells: readonly string[]): boolean => cells.length > 1 || cells[0] !== '';
  let compared = 0;
  await holdsInTime(
    fc.asyncProperty(text, async (content) => {
      const expected = parsedByPackage(content);
      if (expected === undefined) return;
      compared++;
      const { rows, malformed } = await cellsOf(content);
      expect(malformed).toEqual([]);
      expect(rows).toEqual(expected.filter(isRow));
    }),
    1000,
  );
  expect(compared).toBeGreaterThan(process.env.FC_SEED === undefined ? 100 : 0);
});

test('channels of any name are credited under that name', async () => {
  const names = fc.uniqueArray(
    hostileText.map((text) => text.trim()).filter((text) => text !== ''),
    { minLength: 1, maxLength: 5 },
  );
  await holdsInTime(
    fc.asyncProperty(names, async (channels) => {
      const lines = channels.map(
        (channel, i) => `c${i},${i},conversion,1,2,${csvCell(channel, false)}`,
      );
      const { models, rejected } = await attributeJson(files.write([EVENTS, ...lines].join('\n')));
      expect(rejected).toEqual([]);
      for (const { conversions } of Object.values(models)) {
        expect(Object.keys(conversions).toSorted()).toEqual(channels.toSorted());
        for (const channel of channels) expect(conversions[channel]).toBeCloseTo(1, 9);
      }
    }),
    100,
  );
});
