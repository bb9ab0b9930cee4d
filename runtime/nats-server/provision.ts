/**
 * Gets a fit nats-server onto this machine: the one that is there, else a fetched one.
 *
 * Owns `.microtarget/cache/nats-server/<version>/nats-server`. Sources, in this order:
 * NATS_SERVER, the search path, that cache, the official release, Debian's package.
 * P1 Whatever the source, a binary is used only after it reported a fit version itself.
 * P2 A fetched binary reaches the cache by one rename of a finished folder, so processes that
 *    provision at the same time cannot see or break each other's half-written files.
 * P3 No source takes forever: connecting, downloading and running are all bounded.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { projectRoot } from '../setup/project-root.ts';
import { fetchDebianPackage } from './debian-source.ts';
import { fetchRelease, RELEASE_BASE_URL } from './release-source.ts';
import {
  MIN_NATS_SERVER_VERSION,
  PINNED_NATS_SERVER_VERSION,
  readFitVersion,
} from './server-version.ts';

/** A nats-server that was found fit, and where it was found. */
export interface NatsServerBinary {
  readonly path: string;
  /** Without the leading `v`. */
  readonly version: string;
  readonly source: 'NATS_SERVER' | 'path' | 'cache' | 'release' | 'debian';
}

/** Where to look; every part has a default that suits a user's machine. */
export interface ProvisionOptions {
  /** Default `process.env`; `NATS_SERVER` and `PATH` are read. */
  readonly env?: NodeJS.ProcessEnv;
  /** Default `.microtarget/cache/nats-server` in the project root. */
  readonly cacheDir?: string;
  /** Told in one line what is tried and what came of it; quiet by default. */
  readonly report?: (line: string) => void;
  /** Folder address of the release's archive and SHA256SUMS. */
  readonly releaseBaseUrl?: string;
  /** Folder with apt's sources.list and sources.list.d. */
  readonly aptDir?: string;
  /** Folders searched after PATH: packages put servers where a user's PATH does not look. */
  readonly systemDirs?: readonly string[];
}

/** No source gave a fit nats-server; the message lists each with its reason and what to do. */
export class NatsServerUnavailable extends Error {
  override readonly name = 'NatsServerUnavailable';
  readonly retryable = true;
}

const BINARY_NAME = 'nats-server';
const SYSTEM_DIRS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin'];
const ABANDONED_AFTER_MS = 60 * 60 * 1_000;

/**
 * Returns the path of a nats-server that is at least `MIN_NATS_SERVER_VERSION`, fetching one when
 * needed (about 7 MB from the release, about 20 MB through apt).
 * Throws `NatsServerUnavailable` when no source has one, and at once when NATS_SERVER is set but
 * unfit: who names a binary does not want another one.
 */
export async function provisionNatsServer(
  options: ProvisionOptions = {},
): Promise<NatsServerBinary> {
  const env = options.env ?? process.env;
  const report = options.report ?? (() => {});
  const failures: string[] = [];
  const fail = (reason: string): void => {
    failures.push(reason);
    report(`nats-server: ${reason}`);
  };

  const named = env.NATS_SERVER;
  if (named) return useNamed(named);
  const cacheDir = options.cacheDir ?? join(projectRoot(), '.microtarget', 'cache', 'nats-server');
  const found =
    (await firstFit(installedPaths(env, options.systemDirs ?? SYSTEM_DIRS), 'path', fail)) ??
    (await firstFit(cachedPaths(cacheDir), 'cache', fail));
  if (found !== undefined) return found;
  if (failures.length === 0) failures.push('none on the search path and none in the cache');

  const fetches = {
    release: (folder: string) => fetchRelease(folder, options.releaseBaseUrl ?? RELEASE_BASE_URL),
    debian: (folder: string) => fetchDebianPackage(folder, options.aptDir ?? '/etc/apt'),
  };
  for (const source of ['release', 'debian'] as const) {
    report(`nats-server: none here, trying ${DESCRIPTIONS[source]}`);
    try {
      const binary = await fetchIntoCache(cacheDir, fetches[source]);
      report(`nats-server: got ${binary.version} from ${DESCRIPTIONS[source]}`);
      return { ...binary, source };
    } catch (error) {
      fail(`${DESCRIPTIONS[source]}: ${firstLine(error)}`);
    }
  }
  throw new NatsServerUnavailable(adviseAfter(failures));
}

const DESCRIPTIONS = {
  release: `the official release v${PINNED_NATS_SERVER_VERSION}`,
  debian: "Debian's current package",
} as const;

async function useNamed(path: string): Promise<NatsServerBinary> {
  try {
    return { path, version: await readFitVersion(path), source: 'NATS_SERVER' };
  } catch (error) {
    throw new NatsServerUnavailable(
      `Expected NATS_SERVER to name a nats-server ${MIN_NATS_SERVER_VERSION} or newer, found ` +
        `${path}: ${firstLine(error)}. Correct it, or unset it to have one found or fetched.`,
      { cause: error },
    );
  }
}

function installedPaths(env: NodeJS.ProcessEnv, systemDirs: readonly string[]): readonly string[] {
  const folders = new Set([...(env.PATH ?? '').split(delimiter), ...systemDirs]);
  const paths = [...folders].filter(Boolean).map((folder) => join(folder, BINARY_NAME));
  return paths.filter((path) => existsSync(path));
}

/** Newest version first. */
function cachedPaths(cacheDir: string): readonly string[] {
  const names = existsSync(cacheDir) ? readdirSync(cacheDir) : [];
  const versions = names.filter((name) => /^\d/.test(name));
  versions.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return versions.map((version) => join(cacheDir, version, BINARY_NAME));
}

async function firstFit(
  paths: readonly string[],
  source: NatsServerBinary['source'],
  fail: (reason: string) => void,
): Promise<NatsServerBinary | undefined> {
  for (const path of paths) {
    try {
      return { path, version: await readFitVersion(path), source };
    } catch (error) {
      fail(`${path}: ${firstLine(error)}`);
    }
  }
  return undefined;
}

/** Fetches into a folder of its own beside the cache, checks (P1), then renames (P2). */
async function fetchIntoCache(
  cacheDir: string,
  fetchBinary: (folder: string) => Promise<string>,
): Promise<{ readonly path: string; readonly version: string }> {
  mkdirSync(cacheDir, { recursive: true });
  await removeAbandoned(cacheDir);
  const incoming = mkdtempSync(join(cacheDir, '.incoming-'));
  try {
    const fetched = await fetchBinary(incoming);
    chmodSync(fetched, 0o755);
    const version = await readFitVersion(fetched);
    const finished = join(incoming, 'finished');
    mkdirSync(finished);
    await rename(fetched, join(finished, BINARY_NAME));
    const path = join(cacheDir, version, BINARY_NAME);
    await rename(finished, dirname(path)).catch((error: unknown) => {
      // Another process finished first; its binary passed the same check.
      if (!existsSync(path)) throw error;
    });
    return { path, version };
  } finally {
    await rm(incoming, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A process killed in mid-download leaves its folder; an hour later nobody is using it. */
async function removeAbandoned(cacheDir: string): Promise<void> {
  for (const name of readdirSync(cacheDir).filter((each) => each.startsWith('.incoming-'))) {
    const folder = join(cacheDir, name);
    const modifiedMs = statSync(folder, { throwIfNoEntry: false })?.mtimeMs;
    if (modifiedMs === undefined || Date.now() - modifiedMs < ABANDONED_AFTER_MS) continue;
    await rm(folder, { recursive: true, force: true });
  }
}

function adviseAfter(failures: readonly string[]): string {
  return [
    `Expected a nats-server ${MIN_NATS_SERVER_VERSION} or newer, found none:`,
    ...failures.map((each) => `  - ${each}`),
    'Do one of these:',
    '  - install nats-server so that it is on the search path,',
    '  - set NATS_SERVER to the path of its binary,',
    '  - set MICROTARGET_NATS_URL to the address of a NATS server that already runs.',
  ].join('\n');
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n')[0] ?? text;
}
