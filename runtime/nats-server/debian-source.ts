/**
 * Fetches nats-server as Debian's current package, without root and without touching the system.
 *
 * apt runs with its lists, cache and sources in a folder of ours. The mirror and its keyring come
 * from the machine's own sources, so a private mirror, a proxy and the signature check all hold;
 * only the suite is another one, because a stable release carries a server that is too old.
 * Owns nothing but the folder it is given.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';

const SUITE = 'unstable';
const MIRROR_COUNT_MAX = 3;
const UPDATE_TIMEOUT_MS = 90_000;
const DOWNLOAD_TIMEOUT_MS = 90_000;
const UNPACK_TIMEOUT_MS = 30_000;
const APT_CONNECT_TIMEOUT_S = 10;

/** One archive that this machine already trusts. */
export interface AptMirror {
  readonly uri: string;
  /** Value of Signed-By, possibly a key of many lines; undefined leaves it to apt's own keys. */
  readonly signedBy: string | undefined;
}

/**
 * Downloads and unpacks the package into `folder`; returns the binary's path.
 * Throws when this is no Debian machine, or none of its mirrors gives the package.
 */
export async function fetchDebianPackage(folder: string, aptDir: string): Promise<string> {
  const mirrors = readAptMirrors(aptDir).slice(0, MIRROR_COUNT_MAX);
  if (mirrors.length === 0) throw new Error(`expected apt sources in ${aptDir}, found none`);
  const failures: string[] = [];
  for (const [index, mirror] of mirrors.entries()) {
    const attempt = join(folder, `mirror-${index}`);
    try {
      return await fetchFrom(mirror, attempt);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(failures.join('; '));
}

async function fetchFrom(mirror: AptMirror, folder: string): Promise<string> {
  const apt = prepareApt(mirror, folder);
  await runCommand('apt-get', [...apt, 'update'], { timeoutMs: UPDATE_TIMEOUT_MS });
  await runCommand('apt-get', [...apt, 'download', 'nats-server'], {
    timeoutMs: DOWNLOAD_TIMEOUT_MS,
    cwd: folder,
  });
  const archive = readdirSync(folder).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw new Error('apt-get download left no package');
  const unpacked = join(folder, 'unpacked');
  await runCommand('dpkg', ['-x', join(folder, archive), unpacked], {
    timeoutMs: UNPACK_TIMEOUT_MS,
  });
  const places = ['usr/sbin', 'usr/bin'].map((place) => join(unpacked, place, 'nats-server'));
  const binary = places.find((place) => existsSync(place));
  if (binary === undefined) throw new Error(`${archive} holds no nats-server`);
  return binary;
}

/** Lays out apt's own folders below `folder`; returns the options that point it there. */
function prepareApt(mirror: AptMirror, folder: string): readonly string[] {
  const sources = join(folder, 'sources.d');
  for (const each of [sources, join(folder, 'lists/partial'), join(folder, 'cache/archives')]) {
    mkdirSync(each, { recursive: true });
  }
  writeFileSync(join(folder, 'status'), '');
  const stanza = [`Types: deb`, `URIs: ${mirror.uri}`, `Suites: ${SUITE}`, 'Components: main'];
  if (mirror.signedBy !== undefined) stanza.push(`Signed-By: ${mirror.signedBy}`);
  writeFileSync(join(sources, 'nats-server.sources'), `${stanza.join('\n')}\n`);
  const settings = {
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': sources,
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::State': folder,
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    // As root apt would hand the download to a user who may not write here.
    'APT::Sandbox::User': 'root',
    'APT::Update::Error-Mode': 'any',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': String(APT_CONNECT_TIMEOUT_S),
    'Acquire::https::Timeout': String(APT_CONNECT_TIMEOUT_S),
  };
  return Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

/**
 * The archives named in `aptDir`'s sources.list, *.list and *.sources files, without those for
 * security updates (they have no such suite); the ones signed by Debian's keyring come first.
 */
export function readAptMirrors(aptDir: string): readonly AptMirror[] {
  const parts = join(aptDir, 'sources.list.d');
  const names = existsSync(parts) ? readdirSync(parts).sort() : [];
  const files = [join(aptDir, 'sources.list'), ...names.map((name) => join(parts, name))];
  const mirrors = files
    .filter((file) => existsSync(file))
    .flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      if (file.endsWith('.sources')) return parseDeb822Sources(text);
      return file.endsWith('.list') ? parseSourcesList(text) : [];
    });
  const byUri = new Map(mirrors.map((mirror) => [mirror.uri.replace(/\/+$/, ''), mirror]));
  const rank = (mirror: AptMirror): number => (/debian/.test(mirror.signedBy ?? '') ? 0 : 1);
  return [...byUri.values()].sort((a, b) => rank(a) - rank(b));
}

/** Mirrors of a file in the one-line format: `deb [signed-by=…] <uri> <suite> <component>…`. */
export function parseSourcesList(text: string): readonly AptMirror[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (match === null) return [];
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/.exec(options)?.[1]?.split(',').join(' ');
    return isUsable([suite], components.split(/\s+/)) ? [{ uri, signedBy }] : [];
  });
}

/** Mirrors of a file of `Key: value` stanzas; a value goes on in indented lines. */
export function parseDeb822Sources(text: string): readonly AptMirror[] {
  const withoutComments = text.replace(/^#.*\n?/gm, '');
  return withoutComments.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (key: string): string | undefined =>
      new RegExp(`^${key}:[ \\t]*(.*(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1]?.trimEnd();
    const words = (key: string): readonly string[] => (field(key) ?? '').split(/\s+/);
    const isOff = /^(no|false|0|off)$/i.test(field('Enabled') ?? '');
    if (isOff || !words('Types').includes('deb')) return [];
    if (!isUsable(words('Suites'), words('Components'))) return [];
    const signedBy = field('Signed-By') || undefined;
    return words('URIs')
      .filter(Boolean)
      .map((uri) => ({ uri, signedBy }));
  });
}

function isUsable(suites: readonly string[], components: readonly string[]): boolean {
  return components.includes('main') && suites.some((suite) => !suite.includes('security'));
}
