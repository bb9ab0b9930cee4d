/**
 * Which nats-server versions are fit, and how to ask a binary for its version.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Atomic batch publish came with 2.12; older servers ignore its headers and store halves. */
export const MIN_NATS_SERVER_VERSION = '2.12.0';

/** The release that is fetched when the machine has none. */
export const PINNED_NATS_SERVER_VERSION = '2.15.1';

const VERSION_TIMEOUT_MS = 5_000;

/** True when `version` (`2.15.1`, `v2.12.0-RC.1`) is at least `minimum`, by its three numbers. */
export function isAtLeast(version: string, minimum: string): boolean {
  const found = numbersOf(version);
  const wanted = numbersOf(minimum);
  if (found === undefined || wanted === undefined) return false;
  for (const [index, number] of wanted.entries()) {
    const difference = (found[index] ?? 0) - number;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/**
 * Runs `binary --version` and returns the version without its `v`.
 * Throws when it cannot be run, answers something else, or is older than 2.12.0.
 */
export async function readFitVersion(binary: string): Promise<string> {
  const { stdout } = await promisify(execFile)(binary, ['--version'], {
    timeout: VERSION_TIMEOUT_MS,
  });
  const version = /nats-server:\s*v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  if (version === undefined) {
    throw new Error(`expected "nats-server: v<version>", found "${stdout.trim().slice(0, 80)}"`);
  }
  if (!isAtLeast(version, MIN_NATS_SERVER_VERSION)) {
    throw new Error(`expected version ${MIN_NATS_SERVER_VERSION} or newer, found ${version}`);
  }
  return version;
}

function numbersOf(version: string): readonly number[] | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version);
  return match?.slice(1).map(Number);
}
