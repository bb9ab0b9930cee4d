/**
 * Local credentials and the choice of the server: made once, private, and overruled by the
 * environment.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadOrCreateCredentials } from '../../runtime/nats-server/credentials.ts';
import { natsTarget } from '../../runtime/nats-server/target.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'microtarget-credentials-'));
  file = join(folder, 'state', 'local.env');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the first use makes a private file, later ones read it', () => {
  const first = loadOrCreateCredentials({ env: {}, file });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(loadOrCreateCredentials({ env: {}, file })).toEqual(first);
  expect(new Set(Object.values(first).map((login) => login.pass)).size).toBe(5);
  expect(first.app).toMatchObject({ user: 'app', inboxPrefix: '_INBOX_app' });
});

test('every password is a string to the nats.conf parser', () => {
  for (let round = 0; round < 50; round += 1) {
    rmSync(file, { force: true });
    const logins = Object.values(loadOrCreateCredentials({ env: {}, file }));
    for (const { pass } of logins) expect(pass).toMatch(/^[A-Za-z][A-Za-z0-9_-]{20,}$/);
  }
});

test('the environment wins over the file, which stays as it is', () => {
  const stored = loadOrCreateCredentials({ env: {}, file });
  const text = readFileSync(file, 'utf8');
  const env = { MICROTARGET_APP_PASSWORD: 'from-the-environment' };
  const loaded = loadOrCreateCredentials({ env, file });
  expect(loaded).toEqual({ ...stored, app: { ...stored.app, pass: 'from-the-environment' } });
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test.each(['1234567890k', '$2a$11$notastring', 'short', 'with space in it', 'quote"quote'])(
  'the password %s is refused by the name of its variable',
  (pass) => {
    const env = { MICROTARGET_OPS_PASSWORD: pass };
    expect(() => loadOrCreateCredentials({ env, file })).toThrow(/MICROTARGET_OPS_PASSWORD/);
  },
);

test('a file of an earlier release gets a password for the viewer and keeps the others', () => {
  const first = loadOrCreateCredentials({ env: {}, file });
  const earlier = readFileSync(file, 'utf8').replace(/MICROTARGET_VIEWER_PASSWORD=.*\n/, '');
  writeFileSync(file, earlier.trimEnd());
  const added = loadOrCreateCredentials({ env: {}, file });
  const text = readFileSync(file, 'utf8');
  expect(text).toBe(`${earlier}MICROTARGET_VIEWER_PASSWORD=${added.viewer.pass}\n`);
  expect({ ...added, viewer: first.viewer }).toEqual(first);
  expect(added.viewer).toMatchObject({ user: 'viewer', inboxPrefix: '_INBOX_viewer' });
  expect(Object.values(first).map(({ pass }) => pass)).not.toContain(added.viewer.pass);
  expect(loadOrCreateCredentials({ env: {}, file })).toEqual(added);
  expect(readFileSync(file, 'utf8')).toBe(text);
  // Two processes that both find it missing add the same one.
  writeFileSync(file, earlier);
  expect(loadOrCreateCredentials({ env: {}, file })).toEqual(added);
});

test('an environment with the passwords of an earlier release needs no file', () => {
  const names = ['ENGINE', 'APP', 'OPS', 'SYS'];
  const env = Object.fromEntries(
    names.map((name) => [`MICROTARGET_${name}_PASSWORD`, `password-of-${name}`]),
  );
  const { viewer } = loadOrCreateCredentials({ env, file });
  expect(loadOrCreateCredentials({ env, file }).viewer).toEqual(viewer);
  expect(existsSync(file)).toBe(false);
  const MICROTARGET_VIEWER_PASSWORD = 'password-of-the-viewer';
  const named = loadOrCreateCredentials({ env: { ...env, MICROTARGET_VIEWER_PASSWORD }, file });
  expect(named.viewer.pass).toBe(MICROTARGET_VIEWER_PASSWORD);
});

test('a file that lost a password says what to do', () => {
  loadOrCreateCredentials({ env: {}, file });
  writeFileSync(file, '# empty\n');
  expect(() => loadOrCreateCredentials({ env: {}, file })).toThrow(/found none.*delete/);
});

test('an external server is used when its address is set, an embedded one otherwise', () => {
  expect(natsTarget({})).toEqual({ kind: 'embedded' });
  expect(natsTarget({ MICROTARGET_NATS_URL: '' })).toEqual({ kind: 'embedded' });
  expect(natsTarget({ MICROTARGET_NATS_URL: 'nats://a:4222, tls://b:4222' })).toEqual({
    kind: 'external',
    servers: ['nats://a:4222', 'tls://b:4222'],
  });
  expect(() => natsTarget({ MICROTARGET_NATS_URL: 'localhost' })).toThrow(/nats:\/\/host:4222/);
});
