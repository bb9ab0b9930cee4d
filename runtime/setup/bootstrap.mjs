#!/usr/bin/env node
/**
 * Installs, builds, then runs: what `npm start`, `npm test` and the `microtarget` command call.
 *
 *     node runtime/setup/bootstrap.mjs <start|test|bench|crash|run> [arguments…]
 *
 * The only file in plain JavaScript, with nothing but Node's own modules: it runs before anything
 * is installed or compiled.
 * Owns node_modules/, dist/ and the build stamps in .microtarget/cache/.
 * B1 It does nothing that is already done: no install when the lock file is met, no compilation
 *    when no source is newer than the last one.
 * B2 The engine runs without the dashboard's page: where that cannot be built, only tests stop.
 */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, '.microtarget', 'cache');
const BUILD_STAMP = join(CACHE, 'build.stamp');
const PAGE_STAMP = join(CACHE, 'dashboard.stamp');
const BUILD_INFO = join(CACHE, 'build.tsbuildinfo');
const SOURCES = ['protocols', 'actors', 'runtime', 'examples', 'bench', 'test'];
const BUILD_SETTINGS = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
const PAGE_SOURCES = ['runtime/dashboard', 'protocols', 'package-lock.json'];
const PAGE = 'dist/dashboard/index.html';
const PAGE_CONFIG = 'runtime/dashboard/vite.config.ts';

const MIN_NODE_VERSION = [20, 10];
// vitest and knip need more than the engine does.
const MIN_NODE_VERSION_FOR_TESTS = [20, 19];

const NPM_ERROR_LINES_MAX = 10;
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };

/** The program behind each command; the arguments of the person come after the fixed ones. */
const PROGRAMS = {
  start: { file: 'dist/runtime/main.js', fixed: ['up', '--demo'] },
  run: { file: 'dist/runtime/main.js', fixed: [] },
  bench: { file: 'dist/bench/main.js', fixed: [] },
  crash: { file: 'dist/test/crash/main.js', fixed: [] },
};

const TYPESCRIPT = 'node_modules/typescript/bin/tsc';
const VITE = 'node_modules/vite/bin/vite.js';
const LAYERS = SOURCES.filter((folder) => existsSync(join(ROOT, folder)));

/** Checked in this order; the quickest to fail come first. */
const STATIC_CHECKS = [
  ['Format and lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '.']],
  ['Types', [TYPESCRIPT, '-p', 'tsconfig.json']],
  ['Types of the dashboard', [TYPESCRIPT, '-p', 'runtime/dashboard/tsconfig.json']],
  ['Unused code', ['node_modules/knip/bin/knip.js']],
  [
    'Import directions',
    [
      'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
      ...['--config', '.dependency-cruiser.cjs', ...LAYERS],
    ],
  ],
];

/** A reason to stop that a person can act on; its stack would not help. */
class SetupError extends Error {}

await main(process.argv.slice(2)).catch((error) => {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`microtarget: ${error.message}\n`);
  process.exitCode = 1;
});

async function main(arguments_) {
  const [first, ...rest] = arguments_;
  const isSetup = basename(process.argv[1] ?? '') === basename(import.meta.url);
  requireNode(MIN_NODE_VERSION, 'microtarget');
  if (isSetup && first === 'test') {
    requireNode(MIN_NODE_VERSION_FOR_TESTS, 'the test tools');
    await installWhenNeeded();
    await test(rest);
    return;
  }
  await installWhenNeeded();
  await buildWhenNeeded();
  await buildPageWhenNeeded().catch(warn);
  const isCommand = isSetup && first !== undefined && Object.hasOwn(PROGRAMS, first);
  await runProgram(isCommand ? PROGRAMS[first] : PROGRAMS.run, isCommand ? rest : arguments_);
}

/**
 * Runs the program in this process, as if Node had been started with it: signals, exit code and
 * terminal are then its own, with nobody in between to lose one.
 */
async function runProgram(program, arguments_) {
  const file = join(ROOT, program.file);
  if (!existsSync(file)) {
    throw new SetupError(`expected the build to make ${program.file}, found none in ${ROOT}.`);
  }
  process.argv = [process.execPath, file, ...program.fixed, ...arguments_];
  process.setSourceMapsEnabled(true);
  await import(pathToFileURL(file).href);
}

/** With arguments only vitest runs, with them; without, every check and then every test. */
async function test(arguments_) {
  const checks = arguments_.length === 0 ? STATIC_CHECKS : [];
  await buildWhenNeeded();
  await buildPageWhenNeeded();
  for (const [title, command] of checks) await runStep(title, command);
  await runStep('Tests', ['node_modules/vitest/vitest.mjs', 'run', ...arguments_]);
}

async function runStep(title, command) {
  process.stdout.write(`\n== ${title}\n`);
  const startedAtMs = performance.now();
  const { code } = await runNode(command, 'inherit');
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
  process.stdout.write(`== ${title}: ${code === 0 ? 'passed' : 'FAILED'} in ${seconds} s\n`);
  if (code !== 0) process.exit(code);
}

function requireNode(minimum, who) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const isEnough = major > minimum[0] || (major === minimum[0] && minor >= minimum[1]);
  if (isEnough) return;
  throw new SetupError(
    `expected Node.js ${minimum.join('.')} or newer for ${who}, found ${process.versions.node}. ` +
      'Install a newer one from your package manager or Node.js itself, then run this again.',
  );
}

async function installWhenNeeded() {
  if (isInstalled()) return;
  process.stderr.write('microtarget: installing the locked dependencies (npm ci)\n');
  const quiet = ['--ignore-scripts', '--include=dev', '--no-audit', '--no-fund'];
  const { code, output } = await runNpm(['ci', ...quiet]);
  if (code === 0) return;
  throw new SetupError(
    `expected "npm ci" to install the dependencies, found it failing:\n${errorLines(output)}\n` +
      'Check that the npm registry can be reached (npm ping), then run this again.',
  );
}

/** npm's own reason, without its warnings and the usage text that follows. */
function errorLines(output) {
  const lines = output.split('\n');
  const errors = lines.filter((line) => /^npm error\s+(?!at )\S/.test(line));
  const telling = errors.length > 0 ? errors : lines;
  return telling.slice(0, NPM_ERROR_LINES_MAX).join('\n');
}

/**
 * True when node_modules holds what package-lock.json names. Compared by content, not by time: a
 * copied or freshly cloned folder has times that mean nothing.
 */
function isInstalled() {
  const installed = readPackages(join(ROOT, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  const locked = readPackages(join(ROOT, 'package-lock.json')) ?? {};
  return Object.entries(locked).every(([path, { version, optional }]) => {
    if (path === '') return true;
    // Optional packages are builds for other machines; npm leaves them out.
    if (installed[path] === undefined) return optional === true;
    return installed[path].version === version && existsSync(join(ROOT, path));
  });
}

function readPackages(lockFile) {
  if (!existsSync(lockFile)) return undefined;
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages ?? {};
}

async function buildWhenNeeded() {
  const dist = join(ROOT, 'dist');
  if (existsSync(dist) && isUpToDate(BUILD_STAMP, [...BUILD_SETTINGS, ...LAYERS])) return;
  // The compiler believes its notes over the folder, and would leave a removed dist/ empty.
  if (!existsSync(dist)) rmSync(BUILD_INFO, { force: true });
  process.stderr.write('microtarget: compiling\n');
  const startedAt = new Date();
  const { code, output } = await runNode([TYPESCRIPT, '-p', 'tsconfig.build.json'], 'pipe');
  if (code !== 0) throw new SetupError(`expected the sources to compile, found:\n${output}`);
  stamp(BUILD_STAMP, startedAt);
}

/** Builds the dashboard's page; throws a SetupError where that fails (B2). */
async function buildPageWhenNeeded() {
  if (existsSync(join(ROOT, PAGE)) && isUpToDate(PAGE_STAMP, PAGE_SOURCES)) return;
  process.stderr.write('microtarget: building the dashboard\n');
  const startedAt = new Date();
  const build = [VITE, 'build', '--config', PAGE_CONFIG, '--logLevel', 'warn'];
  const { code, output } = await runNode(build, 'pipe');
  if (code !== 0) throw new SetupError(`expected the dashboard to build, found:\n${output}`);
  stamp(PAGE_STAMP, startedAt);
}

function warn(error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`microtarget: ${error.message}\nGoing on without a new dashboard.\n`);
}

/** Whether none of these files and folders has changed since the stamp. */
function isUpToDate(stampFile, sources) {
  const stampedAtMs = statSync(stampFile, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return sources.every((path) => newestChangeMs(join(ROOT, path)) <= stampedAtMs);
}

/** The stamp is the start: what is edited during a build is built next time. */
function stamp(file, startedAt) {
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(file, '');
  utimesSync(file, startedAt, startedAt);
}

/** Time of the newest change of a file or below a folder, whose own time tells of removed files. */
function newestChangeMs(path) {
  const found = statSync(path);
  if (!found.isDirectory()) return found.mtimeMs;
  const inside = readdirSync(path).map((name) => newestChangeMs(join(path, name)));
  return Math.max(found.mtimeMs, ...inside);
}

/** npm as it was called, else the one on the search path; its chatter is kept back. */
function runNpm(arguments_) {
  const calledAs = process.env.npm_execpath ?? '';
  if (basename(calledAs) === 'npm-cli.js') return runNode([calledAs, ...arguments_], 'pipe');
  return run('npm', arguments_, 'pipe');
}

function runNode(arguments_, output) {
  return run(process.execPath, arguments_, output);
}

/** Runs a command in the project's root; SIGINT and SIGTERM reach it too. */
function run(command, arguments_, output) {
  const child = spawn(command, arguments_, { cwd: ROOT, stdio: ['inherit', output, output] });
  const forward = (signal) => child.kill(signal);
  const chunks = [];
  process.on('SIGINT', forward).on('SIGTERM', forward);
  child.stdout?.on('data', (chunk) => chunks.push(chunk));
  child.stderr?.on('data', (chunk) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', () => {
      reject(
        new SetupError(
          `expected to find ${command} on the search path, found none. ` +
            'Install npm (it comes with Node.js), then run this again.',
        ),
      );
    });
    child.once('close', (code, signal) => {
      process.off('SIGINT', forward).off('SIGTERM', forward);
      if (signal !== null) process.exit(SIGNAL_EXIT_CODES[signal] ?? 1);
      resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString('utf8').trim() });
    });
  });
}
