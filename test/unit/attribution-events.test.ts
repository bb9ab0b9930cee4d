/**
 * `microtarget attribute <file>` on files of events: how touches become paths, the lookback, the
 * forms of a time, and rows that cannot be used.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { ChannelIndex } from '../../actors/channel/path-table.ts';
import { recognise } from '../../runtime/attribution-file/columns.ts';
import { FileProblem, readRecords } from '../../runtime/attribution-file/csv-file.ts';
import { EventRowReader } from '../../runtime/attribution-file/event-rows.ts';
import { parseTimeMs } from '../../runtime/attribution-file/event-time.ts';
import { TouchStore } from '../../runtime/attribution-file/touch-store.ts';
import { attributeJson, TestFiles } from '../attribute-run.ts';

const files = new TestFiles();
afterAll(() => files[Symbol.dispose]());

const EVENTS = 'cookie,time,interaction,conversion,conversion_value,channel';

/** A file of events from short rows: cookie, day of July (may be a fraction), channel, value. */
function events(rows: readonly (readonly [string, number, string, number?])[]): string {
  const lines = rows.map(([cookie, day, channel, value]) => {
    const time = new Date(Date.UTC(2018, 6, 1) + day * 86_400_000).toISOString();
    const end = value === undefined ? 'impression,0,0.0' : `conversion,1,${value}`;
    return `${cookie},${time},${end},${channel}`;
  });
  return files.write([EVENTS, ...lines, ''].join('\n'));
}

describe('events', () => {
  test('a path ends with the touch that converts; what is left is a null path', async () => {
    const file = events([
      ['x', 1, 'a'],
      ['y', 1, 'b'],
      ['x', 2, 'b', 6.5],
      ['x', 3, 'c'],
      ['x', 4, 'a', 2],
      ['x', 5, 'a'],
    ]);
    const { kind, rows, totals, models, outside } = await attributeJson(file);
    expect({ kind, rows, outside }).toEqual({
      kind: 'events',
      rows: 6,
      outside: { touches: 0, conversions: 0 },
    });
    expect(totals).toEqual({ conversions: 2, value: 8.5, nulls: 2 });
    expect(models.first).toEqual({
      conversions: { a: 1, b: 0, c: 1 },
      value: { a: 6.5, b: 0, c: 2 },
    });
    expect(models.last?.conversions).toEqual({ a: 1, b: 1, c: 0 });
  });

  test('rows are sorted by time, at equal times by line', async () => {
    const file = events([
      ['x', 5, 'c', 1],
      ['x', 2, 'a'],
      ['x', 3, 'b'],
      ['x', 2, 'd'],
    ]);
    const { models } = await attributeJson(file, { models: ['first', 'position'] });
    expect(models.first?.conversions).toEqual({ a: 1, b: 0, c: 0, d: 0 });
    expect(models.position?.conversions.d).toBeCloseTo(0.1, 12);
    expect(Object.keys(models)).toEqual(['first', 'position']);
  });

  test('a lookback leaves old touches outside and ends a path in a gap', async () => {
    const rows: [string, number, string, number?][] = [
      ['x', 0, 'a'],
      ['x', 3, 'b'],
      ['x', 8, 'c', 1],
      ['y', 0, 'a'],
      ['y', 5.5, 'b', 1],
      ['z', 0, 'a'],
      ['z', 5, 'b'],
    ];
    const { totals, models, outside } = await attributeJson(events(rows), { lookback: 5 });
    // x: a and b are 8 and exactly 5 days old; y: the gap ends a path; z: a is at the edge.
    expect(outside).toEqual({ touches: 3, conversions: 0 });
    expect(totals).toEqual({ conversions: 2, value: 2, nulls: 2 });
    expect(models.linear?.conversions).toEqual({ a: 0, b: 1, c: 1 });
    const all = await attributeJson(events(rows));
    expect(all.totals).toEqual({ conversions: 2, value: 2, nulls: 1 });
    expect(all.outside).toEqual({ touches: 0, conversions: 0 });
  });

  test('time decay takes the real age of touches', async () => {
    const file = events([
      ['x', 0, 'a'],
      ['x', 7, 'b', 3],
    ]);
    const { models } = await attributeJson(file);
    expect(models.timeDecay?.conversions.a).toBeCloseTo(1 / 3, 12);
    expect(models.timeDecay?.value.b).toBeCloseTo(2, 12);
    const faster = await attributeJson(file, { halfLife: 3.5 });
    expect(faster.models.timeDecay?.conversions.a).toBeCloseTo(1 / 5, 12);
  });

  test('without nulls only paths that converted count', async () => {
    const file = events([
      ['x', 0, 'a'],
      ['x', 1, 'b', 3],
      ['y', 0, 'b'],
    ]);
    const { totals, models } = await attributeJson(file, { nulls: false });
    expect(totals).toEqual({ conversions: 1, value: 3, nulls: 0 });
    expect(models.markov).toMatchObject({ pConversion: 1, removalEffect: { a: 1, b: 1 } });
  });

  test('rows that cannot be used are listed with their lines', async () => {
    const file = files.write(
      [
        EVENTS,
        'c,2018-07-03T13:02:11Z,impression,0,0.0,a',
        'c,2018-02-30T13:02:11Z,impression,0,0.0,a',
        'c,yesterday,impression,0,0.0,a',
        'c,2018-07-03T13:02:11Z,impression,2,0.0,a',
        'c,2018-07-03T13:02:11Z,impression,0,1.5,a',
        'c,2018-07-03T13:02:11Z,conversion,0,0.0,a',
        'c,2018-07-03T13:02:11Z,scroll,0,0.0,a',
        'c,2018-07-03T13:02:11Z,conversion,1,,a',
        ',2018-07-03T13:02:11Z,impression,0,0.0,a',
        'c,2018-07-03T13:02:11Z,impression,0,0.0,',
        'c,2018-07-03T13:02:11Z,impression,0,0.0',
        'c,2018-07-03T13:02:12Z,conversion,1,1,a',
      ].join('\r\n'),
    );
    const { rejected, totals } = await attributeJson(file);
    expect(rejected.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(rejected.map(({ reason }) => reason.split(/[:,] /)[0])).toEqual([
      ...['time', 'time', 'conversion', 'a value of 1.5 without conversion', 'interaction'],
      ...['interaction', 'conversion_value', 'cookie', 'channel', 'expected 6 cells'],
    ]);
    expect(totals).toEqual({ conversions: 1, value: 1, nulls: 0 });
  });

  test.each([
    ['2018-07-03T13:02:11Z', Date.UTC(2018, 6, 3, 13, 2, 11)],
    ['2018-07-03 13:02:11', Date.UTC(2018, 6, 3, 13, 2, 11)],
    ['2018-07-03T13:02:11.250+02:00', Date.UTC(2018, 6, 3, 11, 2, 11, 250)],
    ['2018-07-03', Date.UTC(2018, 6, 3)],
    ['2016-02-29T23:59:60Z', Date.UTC(2016, 2, 1)],
    ['1530622931', 1_530_622_931_000],
    ['1530622931.5', 1_530_622_931_500],
    ['1530622931250', 1_530_622_931_250],
    ['2018-02-29T00:00:00Z', Number.NaN],
    ['2018-13-01T00:00:00Z', Number.NaN],
    ['2018-07-03T24:00:00Z', Number.NaN],
    ['2018-07-03T13:02:6xZ', Number.NaN],
    ['2018-07-03T13:02:75Z', Number.NaN],
    ['1530622931250000', Number.NaN],
    ['', Number.NaN],
  ])('the time %s is %d', (text, timeMs) => {
    const bytes = Buffer.from(`<${text}>`);
    expect(parseTimeMs(bytes, 1, bytes.length - 1)).toBe(timeMs);
  });

  test('more rows or cookies than the bounds are an error that says so', async () => {
    const store = new TouchStore(1);
    const content = `${EVENTS}\n${'a,0,impression,0,0,x\nb,0,impression,0,0,x\n'}`;
    const read = async (touches: TouchStore, maxCookies?: number): Promise<void> => {
      let reader: EventRowReader | undefined;
      await readRecords(files.write(content), ',', {
        record(record) {
          if (reader !== undefined) reader.take(record);
          else {
            const columns = recognise(record, 'a file');
            reader = new EventRowReader(columns, new ChannelIndex(), touches, maxCookies);
          }
        },
        malformed() {},
      });
    };
    await expect(read(store)).rejects.toThrow('expected at most 1 rows of events');
    await expect(read(new TouchStore(), 1)).rejects.toThrow(FileProblem);
    await expect(read(new TouchStore(), 1)).rejects.toThrow('expected at most 1 cookies');
  });
});
