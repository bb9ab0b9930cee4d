/**
 * `microtarget attribute <file>`: formats, quoting, rows that cannot be used, and what is
 * printed. Every test writes a real file.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readRecords } from '../../runtime/attribution-file/csv-file.ts';
import { cellText, MAX_RECORD_BYTES } from '../../runtime/attribution-file/csv-records.ts';
import { MAX_REJECTED_LISTED } from '../../runtime/attribution-file/rejections.ts';
import { settingsOf } from '../../runtime/cli/attribute-file-options.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';
import { attributeJson, runAttribute, TestFiles } from '../attribute-run.ts';

const files = new TestFiles();
afterAll(() => files[Symbol.dispose]());

const PATHS = 'path,total_conversions,total_conversion_value,total_null';
const EVENTS = 'cookie,time,interaction,conversion,conversion_value,channel';

/** The file's rows as cells, and the lines of those that are malformed. */
async function cellsOf(content: string | Uint8Array, delimiter = ',') {
  const rows: { line: number; cells: string[] }[] = [];
  const malformed: number[] = [];
  await readRecords(files.write(content), delimiter, {
    record: (record) =>
      rows.push({
        line: record.line,
        cells: Array.from({ length: record.cellCount }, (_, i) => cellText(record, i)),
      }),
    malformed: (line) => malformed.push(line),
  });
  return { rows, malformed };
}

describe('CSV', () => {
  test('CRLF, a byte order mark, blank lines and blanks around cells do not count', async () => {
    const { rows } = await cellsOf('\uFEFFa , b\r\n\r\n  \r\n c,\td \r\ne,');
    expect(rows).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 4, cells: ['c', 'd'] },
      { line: 5, cells: ['e', ''] },
    ]);
  });

  test('quoted cells hold delimiters, doubled quotes and counted line ends', async () => {
    const { rows, malformed } = await cellsOf(
      '"a,b","c\r\nd" , e\n"say ""hi""","",x\r\nlast,5" tv,""',
    );
    expect(rows).toEqual([
      { line: 1, cells: ['a,b', 'c\r\nd', 'e'] },
      { line: 3, cells: ['say "hi"', '', 'x'] },
      { line: 4, cells: ['last', '5" tv', ''] },
    ]);
    expect(malformed).toEqual([]);
  });

  test('a quote that does not fit costs its own line only', async () => {
    const { rows, malformed } = await cellsOf('a,"b\n"c",d\n"e"f,g\nh,i\n"j,k\nl,m\n');
    expect(malformed).toEqual([1, 3, 5]);
    expect(rows.map(({ line }) => line)).toEqual([2, 4, 6]);
  });

  test('a tab delimits, and blanks within tabs are still trimmed', async () => {
    const { rows } = await cellsOf('a\t b\t"c\t""d"""\n\t\t\n', '\t');
    expect(rows.map(({ cells }) => cells)).toEqual([
      ['a', 'b', 'c\t"d"'],
      ['', '', ''],
    ]);
  });

  test('rows across the ends of chunks are whole, quoted ones too', async () => {
    const row = `${'x'.repeat(997)},"y\nz",""""\n`;
    const { rows, malformed } = await cellsOf(row.repeat(3_000));
    expect(malformed).toEqual([]);
    expect(rows).toHaveLength(3_000);
    const cells = JSON.stringify(['x'.repeat(997), 'y\nz', '"']);
    expect(rows.every((each) => JSON.stringify(each.cells) === cells)).toBe(true);
    expect(rows[2_999]?.line).toBe(5_999);
  });

  test('a row longer than the bound is malformed, the next one is read', async () => {
    const long = 'x'.repeat(3 * MAX_RECORD_BYTES);
    const { rows, malformed } = await cellsOf(`a,b\n${long}\nc,d\n"${long}\ne,f`);
    expect(malformed).toEqual([2, 4]);
    expect(rows.map(({ line }) => line)).toEqual([1, 3, 5]);
  });
});

describe('path tables', () => {
  test('columns come in any order; value and nulls need not be there', async () => {
    const full = await attributeJson(
      files.write('total_null,Path,x,total_conversion_value,total_conversions\n3,a > b,?,5.5,2\n'),
    );
    expect(full).toMatchObject({ kind: 'paths', rows: 1, rejected: [], rejectedTotal: 0 });
    expect(full.totals).toEqual({ conversions: 2, value: 5.5, nulls: 3 });
    expect(full.models.linear).toEqual({
      conversions: { a: 1, b: 1 },
      value: { a: 2.75, b: 2.75 },
    });
    const short = await attributeJson(files.write('path,total_conversions\na,1e+05\n'));
    expect(short.totals).toEqual({ conversions: 100_000, value: 0, nulls: 0 });
  });

  test('path_count of the Kaggle table is conversions and nulls together', async () => {
    const file = files.write(',path,conversion,path_count\n0,a>b,2,10\n1,b,3,2\n');
    const { kind, totals, rejected } = await attributeJson(file);
    expect(kind).toBe('pathCounts');
    expect(totals).toEqual({ conversions: 2, value: 0, nulls: 8 });
    expect(rejected).toEqual([
      { line: 3, reason: 'path_count: expected at least conversion 3, found 2' },
    ]);
  });

  test('separator and delimiter can be chosen', async () => {
    const file = files.write('path;total_conversions\na -> b->c;1\n');
    const { models } = await attributeJson(file, { separator: ' -> ', delimiter: ';' });
    expect(models.first?.conversions).toEqual({ a: 1, b: 0, c: 0 });
    const blanks = files.write('path\ttotal_conversions\na b\t1\n');
    const byBlank = await attributeJson(blanks, { separator: ' ', delimiter: 'tab' });
    expect(byBlank.models.last?.conversions).toEqual({ a: 0, b: 1 });
  });

  test('every row that cannot be used is listed with its line and the reason', async () => {
    const file = files.write(
      [
        PATHS,
        'a > b,1,2,3',
        'a,1,2',
        'a >  > b,1,2,3',
        ',1,2,3',
        '',
        'a,-1,2,3',
        'a,1.5,2,3',
        'a,NaN,2,3',
        'a,1,NaN,3',
        'a,1,-2,3',
        'a,0,2,3',
        'a,,2,3',
        'a,1,2,0x3',
        '"a,1,2,3',
        'a,1,Infinity,3',
        'b,1,2,3',
      ].join('\n'),
    );
    const { printed, exitCode } = await runAttribute(file, { json: true });
    const { rows, rejected, rejectedTotal, totals } = JSON.parse(printed);
    expect(exitCode).toBe(1);
    expect(rows).toBe(15);
    expect(rejectedTotal).toBe(13);
    expect(totals).toEqual({ conversions: 2, value: 4, nulls: 6 });
    const count = (column: string, text: string) =>
      `${column}: expected a whole number from 0 to 1e9, found "${text}"`;
    const value = (text: string) =>
      `total_conversion_value: expected a number from 0 to 1e15, found "${text}"`;
    expect(rejected).toEqual([
      { line: 3, reason: 'expected 4 cells, found 3' },
      { line: 4, reason: 'path: a channel without a name in "a >  > b"' },
      { line: 5, reason: 'path: a channel without a name in ""' },
      { line: 7, reason: count('total_conversions', '-1') },
      { line: 8, reason: count('total_conversions', '1.5') },
      { line: 9, reason: count('total_conversions', 'NaN') },
      { line: 10, reason: value('NaN') },
      { line: 11, reason: value('-2') },
      { line: 12, reason: 'a value of 2 without conversion' },
      { line: 13, reason: count('total_conversions', '') },
      { line: 14, reason: count('total_null', '0x3') },
      { line: 15, reason: 'a quote that is not closed' },
      { line: 16, reason: value('Infinity') },
    ]);
  });

  test('a row without conversions and nulls changes nothing', async () => {
    const file = files.write(`${PATHS}\nz,0,0,0\na,1,1,1\n`);
    const { rows, rejectedTotal, models } = await attributeJson(file);
    expect({ rows, rejectedTotal }).toEqual({ rows: 2, rejectedTotal: 0 });
    expect(models.markov?.conversions).toEqual({ a: 1 });
  });

  test('a person sees the first rejected rows, JSON all up to the bound', async () => {
    const count = MAX_REJECTED_LISTED + 5;
    const file = files.write(`path,total_conversions\na,1\n${'a,x\n'.repeat(count)}`);
    const { printed, exitCode } = await runAttribute(file);
    expect(exitCode).toBe(1);
    expect(printed).toContain('rows rejected: 10,005');
    expect(printed).toContain('  line 22: ');
    expect(printed).not.toContain('  line 23: ');
    expect(printed).toContain('and 9,985 more');
    const json = await attributeJson(file);
    expect(json.rejected).toHaveLength(MAX_REJECTED_LISTED);
    expect(json.rejectedTotal).toBe(count);
  });

  test('channels may be called like members of every object', async () => {
    const file = files.write('path,total_conversions\n__proto__ > constructor > toString,4\n');
    const { models } = await attributeJson(file, { intervals: true });
    for (const model of Object.values(models)) {
      expect(Object.keys(model.conversions)).toEqual(['__proto__', 'constructor', 'toString']);
      const sum = Object.values(model.conversions).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(4, 9);
    }
    const { printed } = await runAttribute(file);
    expect(printed).toMatch(/^__proto__ .*1\.00/m);
    const csv = await runAttribute(file, { csv: true, models: ['first'] });
    expect(csv.printed).toContain('__proto__,4,0\n');
  });

  test('a channel cannot move the cursor of a terminal', async () => {
    const file = files.write('path,total_conversions\n"a\u001b[2J\u009bb\nc",1\n');
    const { printed } = await runAttribute(file);
    expect(printed).toContain('a\\u{1b}[2J\\u{9b}b\\u{a}c');
  });
});

describe('files that are none', () => {
  test.each([
    [
      'empty',
      '',
      /expected a header[\s\S]*path, total_conversions[\s\S]*cookie, time[\s\S]*empty file/,
    ],
    [
      'of unknown columns',
      'when,who\n1,2\n',
      /cookie, time, conversion, channel[\s\S]*found when, who/,
    ],
    ['with a column twice', 'path,path,total_conversions\n', /the column path stands twice/],
    ['in UTF-16', Buffer.from('\uFEFFpath', 'utf16le'), /expected UTF-8 text, found UTF-16/],
    ['with a header that never ends', '"path,total_conversions\na,1', /in the header, a quote/],
  ])('a file %s is refused', async (_, content, message) => {
    const run = runAttribute(files.write(content));
    await expect(run).rejects.toMatchObject({ name: 'CommandFailed', exitCode: 1 });
    await expect(run).rejects.toThrow(message);
  });

  test('a missing file and a folder are refused by name', async () => {
    await expect(runAttribute('nowhere.csv')).rejects.toThrow('nowhere.csv: no such file');
    await expect(runAttribute('docs')).rejects.toThrow('docs: expected a file, found a folder');
  });

  test.each([
    ['a header alone', `${PATHS}\n`, {}],
    ['nulls alone', `${PATHS}\na > b,0,0,3\n`, {}],
    ['nulls alone, which are left out', `${PATHS}\na > b,0,0,3\n`, { nulls: false }],
    ['no event', `${EVENTS}\n`, {}],
    ['no conversion', `${EVENTS}\nc,2018-07-03T13:02:11Z,impression,0,0.0,a\n`, {}],
  ])('of %s nothing is attributed', async (_, content, options) => {
    const all = { ...options, intervals: true, chooseOrder: true };
    const { exitCode } = await runAttribute(files.write(content), all);
    const { models, totals, orderChoice } = await attributeJson(files.write(content), all);
    expect(exitCode).toBe(0);
    expect(totals).toMatchObject({ conversions: 0, value: 0 });
    expect(orderChoice).toEqual({ scores: [], suggested: null, isAtLimit: false });
    const credited = Object.values(models).flatMap(({ conversions, value }) => [
      ...Object.values(conversions),
      ...Object.values(value),
    ]);
    expect(Object.keys(models)).toHaveLength(7);
    expect(credited.every((figure) => figure === 0)).toBe(true);
  });

  test('options that contradict each other are wrong usage', () => {
    const usage = expect.objectContaining({ exitCode: 2 });
    for (const options of [
      { json: true, csv: true },
      { maxOrder: 3 },
      { separator: '' },
      { delimiter: '"' },
      { delimiter: 'ab' },
    ]) {
      expect(() => settingsOf(options)).toThrow(usage);
    }
  });
});

test('the example of docs/attribute.md prints what is shown there', async () => {
  const text = readFileSync(join(projectRoot(), 'docs', 'attribute.md'), 'utf8');
  const block = (kind: string) => new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``).exec(text)?.[1];
  const { printed, exitCode } = await runAttribute(files.write(block('csv') as string));
  expect(printed).toBe(block('text'));
  expect(exitCode).toBe(1);
});

describe('what is printed', () => {
  const file = files.write(`${PATHS}\na > b,6,60,10\nb > c > b,3,15,20\n"x, y",1,5,4\nc,0,0,9\n`);

  test('people see channels by Markov conversions, models side by side, and totals', async () => {
    const { printed, exitCode } = await runAttribute(file, { intervals: true });
    expect(exitCode).toBe(0);
    expect(printed).toMatch(/^rows 4, paths 53, conversions 10 \(18\.87 %\), nulls 43, value 80/);
    const lines = printed.split('\n').map((line) => line.trim().split(/ {2,}/));
    const heading = lines.find(([head]) => head === 'conversions');
    const models = ['markov', 'first', 'last', 'linear', 'position', 'timeDecay', 'shapley'];
    expect(heading).toEqual(['conversions', 'removal effect', '95 % interval', ...models]);
    const { models: figures } = await attributeJson(file);
    const byMarkov = Object.entries(figures.markov?.conversions ?? {})
      .sort(([, a], [, b]) => b - a)
      .map(([channel]) => channel);
    const shown = lines.map(([name]) => name ?? '').filter((name) => byMarkov.includes(name));
    expect(shown).toEqual([...byMarkov, ...byMarkov]);
    expect(lines.find(([name]) => name === 'total')).toEqual([
      'total',
      ...models.map(() => '10.00'),
    ]);
  });

  test('CSV has one row a channel and a column for each figure', async () => {
    const { printed } = await runAttribute(file, {
      ...{ csv: true, intervals: true, models: ['markov', 'last'] },
    });
    const [heading, ...rows] = printed.trimEnd().split('\n');
    expect(heading).toBe(
      'channel,markov_conversions,markov_value,last_conversions,last_value,' +
        'removal_effect,removal_effect_value,removal_effect_low,removal_effect_high',
    );
    expect(rows).toHaveLength(4);
    expect(rows.find((row) => row.startsWith('"x, y",'))?.split(',')).toHaveLength(10);
  });

  test('the suggested order is used unless one is given', async () => {
    const rows = ['a>b,3,1', 'b>a,1,3', 'a>b>a,1,5', 'b>a>b,5,1', 'a,1,1', 'b,2,2', 'b>b>a,0,4'];
    const file = files.write(`path,total_conversions,total_null\n${rows.join('\n')}\n`);
    const suggested = await attributeJson(file, { chooseOrder: true, maxOrder: 2 });
    expect(suggested.orderChoice?.scores.length).toBeGreaterThan(0);
    expect(suggested.models.markov).toMatchObject({ order: suggested.orderChoice?.suggested });
    const given = await attributeJson(file, { chooseOrder: true, order: 3 });
    expect(given.models.markov).toMatchObject({ order: 3 });
  });
});
