/**
 * Where a nats-server comes from, in which order, and what is refused on the way.
 *
 * The release site is a server on this machine, and a binary is a script that answers
 * `--version`: nothing here leaves the machine.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  parseDeb822Sources,
  parseSourcesList,
  readAptMirrors,
} from '../../runtime/nats-server/debian-source.ts';
import { type ProvisionOptions, provisionNatsServer } from '../../runtime/nats-server/provision.ts';
import {
  isAtLeast,
  MIN_NATS_SERVER_VERSION,
  PINNED_NATS_SERVER_VERSION,
} from '../../runtime/nats-server/server-version.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'microtarget-provision-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a stand-in for nats-server that reports `version`; returns its path. */
function fakeServer(path: string, version: string): string {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), `#!/bin/sh\necho "nats-server: v${version}"\n`);
  chmodSync(join(folder, path), 0o755);
  return join(folder, path);
}

/** Options under which nothing of this machine is found: no path, empty cache, no sources. */
function nowhere(env: NodeJS.ProcessEnv = {}): Required<ProvisionOptions> & { lines: string[] } {
  const lines: string[] = [];
  return {
    env,
    cacheDir: join(folder, 'cache'),
    report: (line) => void lines.push(line),
    releaseBaseUrl: 'http://127.0.0.1:9',
    aptDir: join(folder, 'no-apt'),
    systemDirs: [],
    lines,
  };
}

interface ReleaseSite extends AsyncDisposable {
  readonly url: string;
  readonly requestCount: () => number;
}

/** A release site with one archive for this machine; `corrupt` publishes another checksum. */
async function startReleaseSite(version: string, corrupt = false): Promise<ReleaseSite> {
  const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };
  const machine = `${process.platform}-${architectures[process.arch]}`;
  const name = `nats-server-v${PINNED_NATS_SERVER_VERSION}-${machine}`;
  fakeServer(`site/${name}/nats-server`, version);
  const archive = join(folder, 'site', `${name}.tar.gz`);
  execFileSync('tar', ['-czf', archive, '-C', join(folder, 'site'), name]);
  const sum = corrupt
    ? '0'.repeat(64)
    : createHash('sha256').update(readFileSync(archive)).digest('hex');
  writeFileSync(join(folder, 'site', 'SHA256SUMS'), `${sum}  ${name}.tar.gz\n`);
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    response.end(readFileSync(join(folder, 'site', basename(request.url ?? ''))));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    requestCount: () => requests,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('order of sources', () => {
  test('NATS_SERVER comes before the search path', async () => {
    const named = fakeServer('named/nats-server', '2.12.0');
    fakeServer('bin/nats-server', '2.15.1');
    const options = nowhere({ NATS_SERVER: named, PATH: join(folder, 'bin') });
    const found = await provisionNatsServer(options);
    expect(found).toEqual({ path: named, version: '2.12.0', source: 'NATS_SERVER' });
  });

  test('the search path comes before the cache', async () => {
    const installed = fakeServer('bin/nats-server', '2.12.0');
    fakeServer('cache/2.15.1/nats-server', '2.15.1');
    const found = await provisionNatsServer(nowhere({ PATH: join(folder, 'bin') }));
    expect(found).toEqual({ path: installed, version: '2.12.0', source: 'path' });
  });

  test('a server on the path that is too old is passed over, and said so', async () => {
    fakeServer('bin/nats-server', '2.9.10');
    const cached = fakeServer('cache/2.15.1/nats-server', '2.15.1');
    const options = nowhere({ PATH: join(folder, 'bin') });
    const found = await provisionNatsServer(options);
    expect(found).toEqual({ path: cached, version: '2.15.1', source: 'cache' });
    expect(options.lines.join()).toContain('expected version 2.12.0 or newer, found 2.9.10');
  });

  test('the newest cached version is used, by number', async () => {
    fakeServer('cache/2.9.0/nats-server', '2.12.9');
    const newest = fakeServer('cache/2.15.1/nats-server', '2.15.1');
    expect((await provisionNatsServer(nowhere())).path).toBe(newest);
  });

  test('the release is fetched once, then found in the cache', async () => {
    await using site = await startReleaseSite(PINNED_NATS_SERVER_VERSION);
    const options = { ...nowhere(), releaseBaseUrl: site.url };
    const first = await provisionNatsServer(options);
    const second = await provisionNatsServer(options);
    expect(first.source).toBe('release');
    expect(second).toEqual({ ...first, source: 'cache' });
    expect(site.requestCount()).toBe(2);
    expect(readdirSync(options.cacheDir)).toEqual([PINNED_NATS_SERVER_VERSION]);
  });

  test('two that provision at once both get the one cached binary', async () => {
    await using site = await startReleaseSite(PINNED_NATS_SERVER_VERSION);
    const options = { ...nowhere(), releaseBaseUrl: site.url };
    const both = await Promise.all([provisionNatsServer(options), provisionNatsServer(options)]);
    expect(both[0]).toEqual(both[1]);
    expect(readdirSync(options.cacheDir)).toEqual([PINNED_NATS_SERVER_VERSION]);
  });
});

describe('what is refused', () => {
  test('an archive whose checksum is not the published one', async () => {
    await using site = await startReleaseSite(PINNED_NATS_SERVER_VERSION, true);
    const options = { ...nowhere(), releaseBaseUrl: site.url };
    await expect(provisionNatsServer(options)).rejects.toThrow(/expected SHA-256 0{64}.*not used/);
    expect(readdirSync(options.cacheDir)).toEqual([]);
  });

  test('a release that reports an old version', async () => {
    await using site = await startReleaseSite('2.10.27');
    const options = { ...nowhere(), releaseBaseUrl: site.url };
    await expect(provisionNatsServer(options)).rejects.toThrow(/or newer, found 2\.10\.27/);
  });

  test('a NATS_SERVER that is unfit, without a look elsewhere', async () => {
    const named = fakeServer('named/nats-server', '2.9.10');
    fakeServer('bin/nats-server', '2.15.1');
    const options = nowhere({ NATS_SERVER: named, PATH: join(folder, 'bin') });
    await expect(provisionNatsServer(options)).rejects.toThrow(/NATS_SERVER.*found 2\.9\.10/);
  });
});

test('when nothing works the message lists each attempt and what to do', async () => {
  const error = await provisionNatsServer(nowhere()).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'NatsServerUnavailable', retryable: true });
  const { message } = error as Error;
  expect(message).toContain(`nats-server ${MIN_NATS_SERVER_VERSION} or newer, found none`);
  expect(message).toMatch(/search path and none in the cache/);
  expect(message).toMatch(/official release v\S+: 127\.0\.0\.1:9 is out of reach/);
  expect(message).toMatch(/Debian's current package: expected apt sources/);
  expect(message).toMatch(/install[\s\S]*NATS_SERVER[\s\S]*MICROTARGET_NATS_URL/);
});

test.each([
  ['2.12.0', true],
  ['2.15.1', true],
  ['3.0.0', true],
  ['v2.12.0-RC.2', true],
  ['2.11.9', false],
  ['2.9.10', false],
  ['nightly', false],
])('version %s is fit: %s', (version, isFit) => {
  expect(isAtLeast(version, MIN_NATS_SERVER_VERSION)).toBe(isFit);
});

describe("the machine's own apt sources", () => {
  test('are read from stanzas, with keyring, several addresses and a key of many lines', () => {
    const text = [
      '# a comment',
      'Types: deb deb-src',
      'URIs: http://mirror.example/debian http://other.example/debian',
      'Suites: bookworm bookworm-updates',
      'Components: main contrib',
      'Signed-By: /keys/debian-archive-keyring.gpg',
      '',
      'Types: deb',
      'URIs: http://mirror.example/debian-security',
      'Suites: bookworm-security',
      'Components: main',
      '',
      'Enabled: no',
      'Types: deb',
      'URIs: http://off.example/debian',
      'Suites: bookworm',
      'Components: main',
      '',
      'Types: deb',
      'URIs: http://inline.example/debian',
      'Suites: trixie',
      'Components: main',
      'Signed-By:',
      ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
      ' .',
      ' abc',
    ].join('\n');
    const signedBy = '/keys/debian-archive-keyring.gpg';
    expect(parseDeb822Sources(text)).toEqual([
      { uri: 'http://mirror.example/debian', signedBy },
      { uri: 'http://other.example/debian', signedBy },
      {
        uri: 'http://inline.example/debian',
        signedBy: '\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc',
      },
    ]);
  });

  test('are read from single lines, with and without options', () => {
    const text = [
      '# deb http://off.example/debian bookworm main',
      'deb http://mirror.example/debian bookworm main contrib # the usual',
      'deb [arch=amd64 signed-by=/keys/a.gpg,/keys/b.gpg] http://b.example/debian sid main',
      'deb-src http://src.example/debian bookworm main',
      'deb http://mirror.example/debian-security bookworm-security main',
      'deb https://tools.example/apt tools stable',
    ].join('\n');
    expect(parseSourcesList(text)).toEqual([
      { uri: 'http://mirror.example/debian', signedBy: undefined },
      { uri: 'http://b.example/debian', signedBy: '/keys/a.gpg /keys/b.gpg' },
    ]);
  });

  test("are taken from all files, Debian's own first, each address once", () => {
    const parts = join(folder, 'apt', 'sources.list.d');
    mkdirSync(parts, { recursive: true });
    writeFileSync(join(folder, 'apt', 'sources.list'), 'deb http://a.example/x stable main\n');
    const stanza = 'Types: deb\nURIs: http://d.example/debian/\nSuites: sid\nComponents: main\n';
    writeFileSync(join(parts, 'b.sources'), `${stanza}Signed-By: /keys/debian-archive.gpg\n`);
    writeFileSync(join(parts, 'c.list'), 'deb http://a.example/x testing main\n');
    writeFileSync(join(parts, 'd.list.disabled'), 'deb http://off.example/x testing main\n');
    const uris = readAptMirrors(join(folder, 'apt')).map((mirror) => mirror.uri);
    expect(uris).toEqual(['http://d.example/debian/', 'http://a.example/x']);
  });
});
