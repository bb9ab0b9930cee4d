#!/usr/bin/env node
/**
 * Installs, builds, then runs: what `npm start`, `npm test` and the `microtarget` command call.
 *
 *     node runtime/setup/bootstrap.mjs <start|test|bench|crash|run> [arguments…]
 *
 * The only file in plain JavaScript, with nothing but Node's own modules: it runs before anything
 * is installed or compiled.
 * Owns node_modules/, dist/ and the build stamp in .microtarget/cache/.
 * B1 It does nothing that is already done: no install when the lock file is met, no compilation
 *    when no source is newer than the last one.
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
const BUILD_INFO = join(CACHE, 'build.tsbuildinfo');
const SOURCES = ['protocols', 'actors', 'runtime', 'examples', 'bench', 'test'];
const BUILD_SETTINGS = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

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
const LAYERS = SOURCES.filter((folder) => existsSync(join(ROOT, folder)));

/** Checked in this order; the quickest to fail come first. */
const STATIC_CHECKS = [
  ['Format and lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '.']],
  ['Types', [TYPESCRIPT, '-p', 'tsconfig.json']],
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
  const builtAtMs = statSync(BUILD_STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const changedAtMs = Math.max(
    ...BUILD_SETTINGS.map((file) => statSync(join(ROOT, file)).mtimeMs),
    ...LAYERS.map((folder) => newestChangeMs(join(ROOT, folder))),
  );
  if (existsSync(dist) && changedAtMs <= builtAtMs) return;
  // The compiler believes its notes over the folder, and would leave a removed dist/ empty.
  if (!existsSync(dist)) rmSync(BUILD_INFO, { force: true });
  process.stderr.write('microtarget: compiling\n');
  const startedAt = new Date();
  const { code, output } = await runNode([TYPESCRIPT, '-p', 'tsconfig.build.json'], 'pipe');
  if (code !== 0) throw new SetupError(`expected the sources to compile, found:\n${output}`);
  // The stamp is the start: what is edited during the compilation is compiled next time.
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(BUILD_STAMP, '');
  utimesSync(BUILD_STAMP, startedAt, startedAt);
}

/** Time of the newest change below a folder; a folder's own time tells of removed files. */
function newestChangeMs(folder) {
  let newestMs = statSync(folder).mtimeMs;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const changedMs = entry.isDirectory() ? newestChangeMs(path) : statSync(path).mtimeMs;
    newestMs = Math.max(newestMs, changedMs);
  }
  return newestMs;
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
