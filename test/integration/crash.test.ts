/**
 * The crash test in short: one fault of each kind at a modest rate. `npm run crash` is the long
 * form, with more faults, more load and a seed of its own.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../runtime/setup/project-root.ts';
import { FAULT_KINDS } from '../crash/fault-plan.ts';
import { runCrashTest } from '../crash/harness.ts';

const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
const OPTIONS = {
  seed: SEED,
  faults: FAULT_KINDS.length,
  rate: 200,
  workers: 2,
  coordinators: 2,
  partitions: 4,
  visitors: 200,
  pace: 0.5,
};

test('nothing is lost, doubled or overspent whatever is killed', async () => {
  const main = join(projectRoot(), 'dist', 'runtime', 'main.js');
  if (!existsSync(main)) throw new Error(`expected a build at ${main}, found none: npm run build`);
  const said: string[] = [];
  const report = await runCrashTest({ ...OPTIONS, report: (line) => said.push(line) });
  const story = said.join('\n');
  const replay = `CRASH_SEED=${SEED} does the same again; kept: ${report.folder}\n${story}`;
  expect(report.problems, replay).toEqual([]);
  expect(new Set(report.faults.map(({ kind }) => kind)).size, replay).toBe(FAULT_KINDS.length);
  expect(report.acknowledged, replay).toBeGreaterThan(OPTIONS.rate);
}, 240_000);
