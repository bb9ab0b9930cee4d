/** Configuration: defaults, the file, the environment on top, and errors that name the key. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import { ConfigError, loadConfig } from '../../runtime/config.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'microtarget-config-'));
  file = join(folder, 'config.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Loads a file with this content, and this environment. */
function load(content: unknown, env: NodeJS.ProcessEnv = {}) {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return loadConfig({ MICROTARGET_CONFIG: file, ...env });
}

test('an empty file gives the defaults', () => {
  expect(load({})).toMatchObject({
    partitions: 8,
    replicas: 1,
    http: { host: '127.0.0.1', port: 8080 },
    nats_port: 4222,
    settings: DEFAULT_SETTINGS,
  });
});

test('the file says what differs; the rest keeps its default', () => {
  const config = load({ http: { port: 9_000 }, settings: { currency: 'EUR' } });
  expect(config.http).toEqual({ host: '127.0.0.1', port: 9_000 });
  expect(config.settings).toEqual({ ...DEFAULT_SETTINGS, currency: 'EUR' });
});

test('the environment wins over the file, key by key', () => {
  const content = { partitions: 4, http: { host: 'localhost', port: 9_000 }, log_level: 'info' };
  const config = load(content, {
    MICROTARGET_PARTITIONS: '16',
    MICROTARGET_HTTP_PORT: '0',
    MICROTARGET_REPLICAS: '3',
    MICROTARGET_NATS_PORT: '4333',
    MICROTARGET_MAX_RESIDENTS: '1000',
    MICROTARGET_LOG_LEVEL: 'debug',
  });
  expect(config).toMatchObject({
    ...{ partitions: 16, replicas: 3, nats_port: 4_333, max_residents: 1_000 },
    ...{ http: { host: 'localhost', port: 0 }, log_level: 'debug' },
  });
  expect(load({}, { MICROTARGET_HTTP_HOST: '0.0.0.0' }).http.host).toBe('0.0.0.0');
});

test('alerts are posted nowhere unless told; a secret is text even if all digits', () => {
  expect(load({})).toMatchObject({ alerts: {}, marketer_min_users: 20 });
  const config = load(
    { alerts: { webhook_url: 'https://example.org/old' } },
    {
      MICROTARGET_ALERTS_WEBHOOK_URL: 'http://127.0.0.1:9000/alerts?team=a',
      MICROTARGET_ALERTS_WEBHOOK_SECRET: '0042',
      MICROTARGET_MARKETER_MIN_USERS: '5',
    },
  );
  expect(config.marketer_min_users).toBe(5);
  const alerts = { webhook_url: 'http://127.0.0.1:9000/alerts?team=a', webhook_secret: '0042' };
  expect(config.alerts).toEqual(alerts);
});

test('an empty variable is as good as none', () => {
  expect(load({ partitions: 4 }, { MICROTARGET_PARTITIONS: '' }).partitions).toBe(4);
});

describe('an error names the key', () => {
  test.each<[object, NodeJS.ProcessEnv, string]>([
    [{ partitions: 0 }, {}, 'partitions: '],
    [{ partitions: 1.5 }, {}, 'partitions: '],
    [{ http: { port: 70_000 } }, {}, 'http.port: '],
    [{ http: { port: '8080' } }, {}, 'http.port: '],
    [{ log_level: 'loud' }, {}, 'log_level: '],
    [{ settings: { lookback_ms: 5 } }, {}, 'settings.lookback_ms: '],
    [{ settings: { currency: 'euro' } }, {}, 'settings.currency: '],
    [{ settings: { lookback: 5 } }, {}, '"lookback"'],
    [{ partition: 8 }, {}, '"partition"'],
    [{ marketer_min_users: 0 }, {}, 'marketer_min_users: '],
    [{ alerts: { webhook_url: 'ftp://example.org' } }, {}, 'alerts.webhook_url: '],
    [{ alerts: { webhook_url: 'https://ann:pw@example.org' } }, {}, 'without a login'],
    [{ alerts: { webhook_url: 'example.org' } }, {}, 'alerts.webhook_url: '],
    [{}, { MICROTARGET_PARTITIONS: 'many' }, 'partitions: '],
    [{}, { MICROTARGET_HTTP_PORT: '-1' }, 'http.port: '],
    [{}, { MICROTARGET_LOG_LEVEL: 'loud' }, 'log_level: '],
  ])('%j with %j', (content, env, named) => {
    expect(() => load(content, env)).toThrow(ConfigError);
    expect(() => load(content, env)).toThrow(named);
    expect(() => load(content, env)).toThrow(file);
  });

  test('all of them, when there are several', () => {
    const wrong = () => load({ partitions: 0, log_level: 'loud' });
    expect(wrong).toThrow(/partitions[\s\S]*log_level/);
  });
});

test.each([
  ['{', 'JSON'],
  ['[]', 'expected a JSON object'],
  ['null', 'expected a JSON object'],
])('a file that holds %j is refused by its name', (content, reason) => {
  expect(() => load(content)).toThrow(ConfigError);
  expect(() => load(content)).toThrow(file);
  expect(() => load(content)).toThrow(reason);
});

test('a named file that is not there is refused, not passed over', () => {
  const env = { MICROTARGET_CONFIG: join(folder, 'absent.json') };
  expect(() => loadConfig(env)).toThrow(/absent\.json/);
});

test('the settings that docs/campaigns.md shows are taken as they stand', () => {
  const page = readFileSync(join(projectRoot(), 'docs', 'campaigns.md'), 'utf8');
  const shown = /```json\n(\{\n {2}"settings"[\s\S]+?)```/.exec(page)?.[1] ?? '';
  writeFileSync(file, shown);
  const { settings } = loadConfig({ MICROTARGET_CONFIG: file });
  expect(settings).toMatchObject((JSON.parse(shown) as { settings: object }).settings);
});
