/**
 * `microtarget detect <file.csv>` as a person and a program meet it.
 */
import { afterAll, expect, test } from 'vitest';
import { type DetectOptions, detectCommand } from '../../runtime/cli/detect.ts';
import { TestFiles } from '../attribute-run.ts';
import { normals } from '../simulated-series.ts';

const files = new TestFiles();
afterAll(() => files[Symbol.dispose]());

interface DetectRun {
  readonly out: string;
  readonly aside: string;
  readonly exitCode: number;
}

/** Runs the real command in this process, with what it prints and its exit code. */
async function runDetect(file: string, options: DetectOptions = {}): Promise<DetectRun> {
  const written = { out: '', aside: '' };
  const { exitCode } = process;
  const writers = { out: process.stdout.write, aside: process.stderr.write };
  const into = (name: keyof typeof written) => (text: string | Uint8Array) => {
    written[name] += String(text);
    return true;
  };
  process.exitCode = 0;
  process.stdout.write = into('out');
  process.stderr.write = into('aside');
  try {
    await detectCommand(file, options);
    return { ...written, exitCode: Number(process.exitCode) };
  } finally {
    process.stdout.write = writers.out;
    process.stderr.write = writers.aside;
    process.exitCode = exitCode;
  }
}

/** A minute's spacing from 2026-03-01 on, with a spike at row 900, as lines of a file. */
function spiky(timestampOf: (ms: number) => string | number): string[] {
  const normal = normals(1);
  const start = Date.UTC(2026, 2, 1);
  return Array.from({ length: 1_000 }, (_, i) => {
    const value = 20 + normal() + (i === 900 ? 30 : 0);
    return `${timestampOf(start + i * 60_000)},${value.toFixed(3)}`;
  });
}

const nabStyle = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

test('--json prints a judgement of each row, in the order of the file', async () => {
  const lines = spiky(nabStyle);
  const run = await runDetect(files.write(['timestamp,value', ...lines].join('\n')), {
    json: true,
  });
  expect(run).toMatchObject({ aside: '', exitCode: 0 });
  const rows = JSON.parse(run.out);
  expect(rows).toHaveLength(lines.length);
  rows.forEach((row: Record<string, unknown>, i: number) => {
    expect(`${row.timestamp},${(row.value as number).toFixed(3)}`).toBe(lines[i]);
    expect(Object.keys(row)).toEqual([
      ...['timestamp', 'value', 'anomaly_score', 'expected', 'z', 'alert'],
    ]);
  });
  expect(rows.findIndex((row: { alert: boolean }) => row.alert)).toBe(900);
});

test('a person sees when each alert was, its peak, what was found and expected', async () => {
  const file = files.write(['value,timestamp', ...spiky(nabStyle).map(swapped)].join('\r\n'));
  const { out } = await runDetect(file);
  expect(out).toMatch(/^rows 1,000, points 1,000, alerts 1 over \d+ points, silences 0\n/);
  expect(out).toMatch(/^2026-03-01 15:00:00 /m);
  expect(out).toMatch(/ 2026-03-01 15:00:00 +\d\d\.\d+ +\d\d\.\d+ +\d+\.\d$/m);
});

function swapped(line: string): string {
  return line.split(',').reverse().join(',');
}

test('ISO times, Unix seconds and milliseconds say the same', async () => {
  const styles = [nabStyle, (ms: number) => ms, (ms: number) => ms / 1_000, iso];
  const results: object[] = [];
  for (const style of styles) {
    const text = ['timestamp,value', ...spiky(style)].join('\n');
    const { out } = await runDetect(files.write(text), { json: true });
    results.push(JSON.parse(out).map((row: object) => ({ ...row, timestamp: '' })));
  }
  for (const each of results) expect(each).toEqual(results[0]);
});

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

test('bad rows are reported with their lines, counted, and stand in their places', async () => {
  const lines = spiky(nabStyle).slice(0, 50);
  lines[9] = 'yesterday,1';
  lines[19] = `${(lines[19] as string).split(',')[0]},`;
  lines[29] = `${lines[29]},more`;
  const file = files.write(['timestamp,value', ...lines].join('\n'));
  const person = await runDetect(file);
  expect(person.exitCode).toBe(1);
  expect(person.out).toContain('rows 50, points 47');
  expect(person.out).toContain('rows rejected: 3\n');
  expect(person.out).toContain('line 11: timestamp: expected ISO 8601');
  expect(person.out).toContain('line 21: value: expected a number, found ""');
  expect(person.out).toContain('line 31: expected 2 cells, found 3');
  const program = await runDetect(file, { json: true });
  expect(program.aside).toContain('rows rejected: 3');
  const rows = JSON.parse(program.out);
  expect(rows).toHaveLength(50);
  expect(rows[9]).toMatchObject({ timestamp: 'yesterday', value: null, alert: false, line: 11 });
});

test('a time without points is reported as a silence', async () => {
  const lines = spiky(nabStyle).slice(0, 800);
  lines.splice(500, 100);
  const { out } = await runDetect(files.write(['timestamp,value', ...lines].join('\n')));
  expect(out).toContain('silences 1');
  expect(out).toContain('2026-03-01 08:19:00  2026-03-01 10:00:00');
});

test('what cannot be read or meant is said, with what to do', async () => {
  const file = files.write('time,count\n1,2\n');
  await expect(runDetect(file)).rejects.toThrow('expected a header with the columns timestamp, va');
  await expect(runDetect(files.write(''))).rejects.toThrow('found an empty file');
  await expect(runDetect('no-such.csv')).rejects.toThrow('no such file');
  const wrong = { exitCode: 2 };
  await expect(runDetect(file, { mode: 'fast' })).rejects.toMatchObject(wrong);
  await expect(runDetect(file, { window: 100 })).rejects.toMatchObject(wrong);
  await expect(runDetect(file, { mode: 'plain', window: 2.5 })).rejects.toMatchObject(wrong);
});

test('--mode plain takes the points of its window', async () => {
  const file = files.write(['timestamp,value', ...spiky(nabStyle)].join('\n'));
  const { out } = await runDetect(file, { mode: 'plain', window: 60, json: true });
  expect(JSON.parse(out)[900]).toMatchObject({ alert: true });
});
