/**
 * Fetches nats-server from its official release: the archive and the SHA256SUMS beside it.
 *
 * Owns nothing but the folder it is given.
 * R1 Nothing is unpacked whose SHA-256 is not the published one.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';
import { PINNED_NATS_SERVER_VERSION } from './server-version.ts';

/** Where the pinned release lies. */
export const RELEASE_BASE_URL = `https://github.com/nats-io/nats-server/releases/download/v${PINNED_NATS_SERVER_VERSION}`;

// A machine without internet must reach the next source quickly: the small file is asked first.
const FIRST_ANSWER_TIMEOUT_MS = 5_000;
const ARCHIVE_TIMEOUT_MS = 120_000;
const SUMS_BYTES_MAX = 64 * 1024;
const ARCHIVE_BYTES_MAX = 64 * 1024 * 1024;
const UNPACK_TIMEOUT_MS = 30_000;

const PLATFORMS: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'darwin' };
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'arm7',
  ia32: '386',
  ppc64: 'ppc64le',
  s390x: 's390x',
};

/**
 * Downloads, checks (R1) and unpacks the pinned release for this machine into `folder`; returns
 * the binary's path. Throws when the site is out of reach, there is no archive for this machine,
 * a bound is passed, or the checksum differs.
 */
export async function fetchRelease(folder: string, baseUrl: string): Promise<string> {
  const name = archiveName();
  const archive = `${name}.tar.gz`;
  const sums = await download(`${baseUrl}/SHA256SUMS`, FIRST_ANSWER_TIMEOUT_MS, SUMS_BYTES_MAX);
  const expected = publishedChecksum(sums.toString('utf8'), archive);
  const bytes = await download(`${baseUrl}/${archive}`, ARCHIVE_TIMEOUT_MS, ARCHIVE_BYTES_MAX);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== expected) {
    throw new Error(`expected SHA-256 ${expected} of ${archive}, found ${found}; not used`);
  }
  const file = join(folder, archive);
  writeFileSync(file, bytes);
  await runCommand('tar', ['-xzf', file, '-C', folder], { timeoutMs: UNPACK_TIMEOUT_MS });
  return join(folder, name, 'nats-server');
}

/** `nats-server-v2.15.1-linux-amd64` for this machine. Throws where no archive is published. */
function archiveName(): string {
  const platform = PLATFORMS[process.platform];
  const architecture = ARCHITECTURES[process.arch];
  if (platform === undefined || architecture === undefined) {
    throw new Error(`no release archive for ${process.platform} on ${process.arch}`);
  }
  return `nats-server-v${PINNED_NATS_SERVER_VERSION}-${platform}-${architecture}`;
}

function publishedChecksum(sums: string, archive: string): string {
  for (const line of sums.split('\n')) {
    const match = /^([0-9a-f]{64})\s+\*?(\S+)$/.exec(line.trim());
    if (match?.[1] && match[2] === archive) return match[1];
  }
  throw new Error(`expected a checksum of ${archive} in SHA256SUMS, found none`);
}

async function download(url: string, timeoutMs: number, bytesMax: number): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new Error(`answered ${response.status}`);
    const chunks: Uint8Array[] = [];
    let byteCount = 0;
    for await (const chunk of response.body ?? []) {
      byteCount += chunk.byteLength;
      if (byteCount > bytesMax) throw new Error(`sent more than ${bytesMax} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw new Error(`${new URL(url).host} ${describe(error, timeoutMs)}`, { cause: error });
  }
}

/** fetch says only "fetch failed"; the reason is in its cause. */
function describe(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `did not answer in full within ${timeoutMs} ms`;
  if (error.cause instanceof Error) return `is out of reach (${error.cause.message})`;
  return error.message;
}
