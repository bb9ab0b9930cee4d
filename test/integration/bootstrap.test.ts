/**
 * The set-up script, run in a small project of its own with the real compiler.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../../runtime/setup/project-root.ts';

const root = projectRoot();
const folder = mkdtempSync(join(tmpdir(), 'microtarget-bootstrap-'));
const bootstrap = join(folder, 'runtime', 'setup', 'bootstrap.mjs');
const main = join(folder, 'runtime', 'main.ts');

/** Says what it was given; `wait` stays until SIGTERM, `fail` ends with 7. */
const PROGRAM = `
const given: readonly string[] = process.argv.slice(2);
if (given.includes('fail')) process.exitCode = 7;
if (given.includes('wait')) {
  const timer = setInterval(() => {}, 1_000);
  process.on('SIGTERM', () => { console.log('stopping'); clearInterval(timer); });
}
// Said last: whoever reads it may send a signal at once.
console.log(JSON.stringify(given));
`;

const page = join(folder, 'runtime', 'dashboard', 'index.html');
const PAGE = '<!doctype html><title>page</title><script type="module" src="./main.ts"></script>';
const PAGE_CONFIG = `
export default { root: import.meta.dirname, build: { outDir: '../../dist/dashboard' } };
`;

beforeAll(() => {
  mkdirSync(join(folder, 'runtime', 'setup'), { recursive: true });
  const copied = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  for (const file of [...copied, 'runtime/setup/bootstrap.mjs']) {
    copyFileSync(join(root, file), join(folder, file));
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  symlinkSync(bootstrap, join(folder, 'microtarget'));
  writeFileSync(main, PROGRAM);
  mkdirSync(join(folder, 'runtime', 'dashboard'));
  mkdirSync(join(folder, 'protocols'));
  writeFileSync(page, PAGE);
  writeFileSync(join(folder, 'runtime', 'dashboard', 'main.ts'), 'document.title += "!";\n');
  writeFileSync(join(folder, 'runtime', 'dashboard', 'vite.config.ts'), PAGE_CONFIG);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(script: string, ...given: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...given], { cwd: tmpdir() }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

test('the first run compiles and builds the page, the second only runs', async () => {
  const first = await run(bootstrap, 'run', 'inspect', 'u1');
  expect(first).toMatchObject({ code: 0, stdout: '["inspect","u1"]\n' });
  expect(first.stderr).toContain('compiling');
  expect(first.stderr).toContain('building the dashboard');
  expect(readFileSync(join(folder, 'dist', 'dashboard', 'index.html'), 'utf8')).toContain('page');
  const second = await run(bootstrap, 'run', 'inspect', 'u1');
  expect(second).toEqual({ code: 0, stdout: '["inspect","u1"]\n', stderr: '' });
});

test('a changed source is compiled again, and so is a build that was removed', async () => {
  const later = new Date(Date.now() + 1_000);
  utimesSync(main, later, later);
  expect((await run(bootstrap, 'run')).stderr).toContain('compiling');
  utimesSync(main, new Date(0), new Date(0));
  rmSync(join(folder, 'dist'), { recursive: true });
  expect(await run(bootstrap, 'run')).toMatchObject({ code: 0, stdout: '[]\n' });
});

test('the engine runs without a page that cannot be built, but no tests do', async () => {
  const later = new Date(Date.now() + 2_000);
  writeFileSync(page, PAGE.replace('main.ts', 'missing.ts'));
  utimesSync(page, later, later);
  const outcome = await run(bootstrap, 'run');
  expect(outcome).toMatchObject({ code: 0, stdout: '[]\n' });
  expect(outcome.stderr).toContain('missing.ts');
  expect((await run(bootstrap, 'test')).code).toBe(1);
  writeFileSync(page, PAGE);
  expect((await run(bootstrap, 'run')).stderr).not.toContain('missing.ts');
});

test('start is the demo; anything unknown, and the linked command, go to the program', async () => {
  expect((await run(bootstrap, 'start', '--port', '1')).stdout).toBe(
    '["up","--demo","--port","1"]\n',
  );
  expect((await run(bootstrap, 'audit')).stdout).toBe('["audit"]\n');
  expect((await run(join(folder, 'microtarget'), 'bench')).stdout).toBe('["bench"]\n');
});

test("the program's exit code is the command's", async () => {
  expect((await run(bootstrap, 'run', 'fail')).code).toBe(7);
});

test('a source that does not compile is shown, and nothing runs', async () => {
  const broken = join(folder, 'runtime', 'broken.ts');
  writeFileSync(broken, 'export const count: number = "one";\n');
  const outcome = await run(bootstrap, 'run');
  rmSync(broken);
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toContain('runtime/broken.ts(1,14): error TS2322');
});

test('a signal to npm reaches the program, and npm ends with it', async () => {
  expect((await run(bootstrap, 'run')).code).toBe(0);
  const npm: ChildProcess = spawn('npm', ['start', '--silent', '--', 'wait'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (npm.stdout === null) throw new Error('Expected a pipe from npm, found none.');
  const lines = createInterface(npm.stdout)[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('["up","--demo","wait"]');
  npm.kill('SIGTERM');
  expect((await lines.next()).value).toBe('stopping');
  await once(npm, 'exit');
});

test('the scripts of package.json replace the shell, which would keep signals to itself', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const starting = Object.values(scripts).filter((script) => script.includes('bootstrap.mjs'));
  expect(starting.filter((script) => !script.startsWith('exec node '))).toEqual([]);
});
