/**
 * What the dashboard asks over HTTP: which service is asked, with whose rights, and what the page
 * itself is served with.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Service, Svcm } from '@nats-io/services';
import type { NatsConnection } from '@nats-io/transport-node';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SERVICES } from '../../protocols/subjects.ts';
import { openGateway } from '../../runtime/gateway/gateway.ts';
import { Ingest } from '../../runtime/gateway/ingest.ts';
import { Operators } from '../../runtime/gateway/operators.ts';
import { systemClock } from '../../runtime/ports.ts';
import { basic, browserOf, loggedIn, type PageAsks } from '../browser-of.ts';
import { startTestServer, type TestServer } from '../nats-fixture.ts';

const ALERT = JSON.parse(readFileSync(new URL('../golden/alert-v2.json', import.meta.url), 'utf8'));
const REFUSED = 'refuse-';

let server: TestServer;
let gateway: FastifyInstance;
let url: string;
let ops: PageAsks;
let viewer: PageAsks;
let engine: NatsConnection;
const pageFolder = mkdtempSync(join(tmpdir(), 'microtarget-page-'));

beforeAll(async () => {
  server = await startTestServer();
  engine = await server.connectAs('engine');
  await answerEverything(await new Svcm(engine).add({ name: 'engine', version: '1.0.0' }));
  await engine.flush();
  gateway = await openGateway({
    ingest: new Ingest(engine, systemClock),
    operators: new Operators(() => server.url, systemClock.nowMs),
    secret: 'what gateways share',
    host: '127.0.0.1',
    port: 0,
    missing: () => [],
    pageFolder,
  });
  url = gateway.listeningOrigin;
  ops = await loggedIn(url, server.credentials.ops);
  viewer = await loggedIn(url, server.credentials.viewer);
});
afterAll(async () => {
  await gateway?.close();
  await server?.[Symbol.asyncDispose]();
  rmSync(pageFolder, { recursive: true });
});

/** Services that answer with what they were asked, where nobody looks at an answer's form. */
async function answerEverything(service: Service): Promise<void> {
  for (const subject of Object.values(SERVICES)) {
    service.addEndpoint(subject.replaceAll('.', '-'), {
      subject,
      handler: (_error, message) => {
        const request = message.json<Record<string, string>>();
        message.respond(JSON.stringify(answerTo(subject, request)));
      },
    });
  }
}

function answerTo(subject: string, request: Record<string, string>): object {
  const kind = request.campaign?.split(REFUSED)[1];
  if (kind !== undefined) return { problem: 'no', ...(kind !== '' && { kind }) };
  if (subject === SERVICES.acknowledgeAlert) {
    const { id = '', by } = request;
    return { ...ALERT, id, status: 'acknowledged', acknowledged: { by, at_ms: 1 } };
  }
  const { inspectCampaigns } = SERVICES;
  return subject === inspectCampaigns ? { campaigns: [], lift: null } : { subject, request };
}

const USER = 'Ada Lovelace/1 % .ü';
const FOR_ALL = [
  ['attribution', SERVICES.inspectAttribution, {}],
  [
    'attribution?from=20260101&to=20260131&order=2&transitions=true&intervals=false',
    SERVICES.inspectAttribution,
    { from: '20260101', to: '20260131', order: 2, transitions: true, intervals: false },
  ],
  ['campaigns/SUMMER', SERVICES.inspectCampaign, { campaign: 'SUMMER' }],
] as const;
const BY_RIGHTS = [
  ['live', SERVICES.inspectMarketerLive, SERVICES.inspectOperatorLive],
  ['alerts', SERVICES.inspectMarketerAlerts, SERVICES.inspectAlerts],
] as const;
const user = encodeURIComponent(USER);
const FOR_OPERATORS = [
  ['partitions', SERVICES.inspectPartitions, {}],
  ['model', SERVICES.inspectModel, {}],
  ['model-quality', SERVICES.inspectModelQuality, {}],
  ['dead-letters', SERVICES.inspectDeadLetters, {}],
  [`users/${user}`, SERVICES.inspectUser, { user: USER }],
  [`users/${encodeURIComponent('ü'.repeat(128))}`, SERVICES.inspectUser, { user: 'ü'.repeat(128) }],
  [`users/${user}/history`, SERVICES.inspectHistory, { user: USER }],
  [`users/${user}/decisions`, SERVICES.inspectDecisions, { user: USER }],
  ['decisions/d_1/explanation', SERVICES.inspectExplanation, { decision: 'd_1' }],
] as const;

describe('questions', () => {
  test.each([...FOR_ALL, ...FOR_OPERATORS])(
    'an operator asks %s',
    async (path, subject, request) => {
      const { status, json, headers } = await ops('GET', `/v1/inspect/${path}`);
      expect([status, json]).toEqual([200, { subject, request }]);
      expect(headers.get('cache-control')).toBe('no-store');
      const authorization = basic(server.credentials.ops);
      const program = await browserOf(url)('GET', `/v1/inspect/${path}`, undefined, {
        authorization,
      });
      expect(program.json).toEqual({ subject, request });
    },
  );

  test.each(FOR_ALL)('a viewer asks %s', async (path, subject, request) => {
    const { status, json } = await viewer('GET', `/v1/inspect/${path}`);
    expect([status, json]).toEqual([200, { subject, request }]);
  });

  test.each(FOR_OPERATORS)('a viewer may not ask %s', async (path) => {
    const { status, json } = await viewer('GET', `/v1/inspect/${path}`);
    expect(status).toBe(403);
    expect(json).toEqual({
      problem: 'viewer may not see or do this',
      hint: expect.stringContaining('operator'),
    });
  });

  test.each(BY_RIGHTS)('%s are those that the login may see', async (path, some, all) => {
    for (const [each, subject] of [
      [viewer, some],
      [ops, all],
    ] as const) {
      const { status, json } = await each('GET', `/v1/inspect/${path}`);
      expect([status, json]).toEqual([200, { subject, request: {} }]);
    }
  });

  test('campaigns are all of them, whoever asks', async () => {
    for (const each of [ops, viewer]) {
      const { json } = await each('GET', '/v1/inspect/campaigns');
      expect(json).toEqual({ campaigns: [], lift: null });
    }
  });

  test.each([...BY_RIGHTS, ...FOR_ALL, ...FOR_OPERATORS].map(([path]) => path))(
    'nobody asks %s without a login, nor from a page of another site',
    async (path) => {
      const { status, headers } = await browserOf(url)('GET', `/v1/inspect/${path}`);
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toBeNull();
      const elsewhere = { 'sec-fetch-site': 'cross-site' };
      expect((await ops('GET', `/v1/inspect/${path}`, undefined, elsewhere)).status).toBe(403);
    },
  );

  test.each([
    ...([
      ['invalid', 422],
      ['unknown', 404],
      ['conflict', 409],
    ] as const),
    ...([
      ['stale', 412],
      ['unavailable', 503],
      ['', 500],
    ] as const),
  ])('a service that answers with a problem, "%s", has status %i', async (kind, status) => {
    const answer = await ops('GET', `/v1/inspect/campaigns/${REFUSED}${kind}`);
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({ problem: 'no', hint: expect.any(String) });
  });

  test.each(['order=9', 'order=x', 'from=yesterday', 'transitions=1', 'of=all'])(
    'attribution?%s is refused by the name of what is wrong',
    async (query) => {
      const { status, json } = await ops('GET', `/v1/inspect/attribution?${query}`);
      expect(status).toBe(422);
      expect(json.problem).toContain(query.split('=')[0]);
    },
  );
});

describe('an alert', () => {
  const path = `/v1/alerts/${encodeURIComponent('lag:x/y.1')}/acknowledge`;
  test('is acknowledged by whoever is logged in, whatever the request says', async () => {
    const { status, json } = await ops('POST', path, { by: 'somebody else' });
    expect(status).toBe(200);
    expect(json).toMatchObject({ id: 'lag:x/y.1', acknowledged: { by: 'ops' } });
  });

  test('is not acknowledged by viewers, strangers and pages of other sites', async () => {
    expect((await viewer('POST', path)).status).toBe(403);
    expect((await browserOf(url)('POST', path)).status).toBe(401);
    expect((await ops('POST', path, {}, { 'sec-fetch-site': 'same-site' })).status).toBe(403);
    expect((await ops('POST', path, {}, { origin: 'https://evil.example' })).status).toBe(403);
  });
});

describe('the page', () => {
  test('says how to build it as long as it is not built', async () => {
    const response = await fetch(url);
    expect(response.status).toBe(503);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(await response.text()).toContain('npm run build');
  });

  test('is there once it is built, without a login, and lets no other origin in', async () => {
    mkdirSync(join(pageFolder, 'assets'));
    writeFileSync(join(pageFolder, 'index.html'), '<!doctype html><title>built</title>');
    writeFileSync(join(pageFolder, 'assets', 'index-a1b2.js'), 'void 0;');
    writeFileSync(join(pageFolder, 'secret.txt'), 'secret');
    const page = await fetch(`${url}/?ticket=x`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('built')]);
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const script = await fetch(`${url}/assets/index-a1b2.js`);
    expect([script.status, await script.text()]).toEqual([200, 'void 0;']);
    expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    for (const { headers } of [page, script]) {
      const policy = headers.get('content-security-policy')?.split('; ');
      expect(policy).toContain("default-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy?.join().match(/script-src|https?:|\*/)).toBeNull();
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
  });

  test.each([
    '/assets/none.js',
    '/assets/..%2fsecret.txt',
    '/secret.txt',
    '/index.html',
    '/assets/',
  ])('%s is answered with JSON that says it is not there', async (path) => {
    const response = await fetch(`${url}${path}`);
    expect([403, 404]).toContain(response.status);
    expect(await response.json()).toHaveProperty('problem');
  });
});
