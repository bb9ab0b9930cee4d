/**
 * Campaigns over HTTP: who may, what may be asked, and what mistakes are answered with.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { CampaignDetail, CampaignReport } from '../../protocols/campaign-services.ts';
import type { Engine } from '../../runtime/engine.ts';
import { MAX_CAMPAIGN_BYTES } from '../../runtime/gateway/campaign-routes.ts';
import {
  IDLE_MS,
  NotAuthorized,
  Operators,
  SWEEP_EVERY_MS,
} from '../../runtime/gateway/operators.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';
import { startTestEngine, until } from '../engine-fixture.ts';
import { startTestServer, type TestServer } from '../nats-fixture.ts';

let server: TestServer;
let engine: Engine;
let url: string;

beforeAll(async () => {
  server = await startTestServer();
  engine = await startTestEngine(await server.connectAs('engine'));
  url = engine.gateway?.listeningOrigin ?? '';
  await until('the engine to be ready', async () => (await fetch(`${url}/readyz`)).ok);
  await until('a coordinator', () => engine.coordinator?.isLeading === true);
});
afterAll(async () => {
  await engine?.stop();
  await server?.[Symbol.asyncDispose]();
});

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly json: T & { readonly problem: string; readonly hint: string };
}

/** Asks as the operator, unless other headers say otherwise. */
async function ask<T = CampaignReport>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  const { user, pass } = server.credentials.ops;
  const isText = typeof body === 'string' || body === undefined || body instanceof Uint8Array;
  const text = isText ? body : JSON.stringify(body);
  const response = await fetch(`${url}/v1/campaigns${path}`, {
    method,
    headers: { authorization: basic(user, pass), ...headers },
    ...(text !== undefined && { body: text }),
  });
  const json = (await response.json()) as Answer<T>['json'];
  return { status: response.status, headers: response.headers, json };
}

function campaign(changes: object = {}) {
  return {
    ...{ id: `c-${randomUUID()}`, name: 'A campaign', trigger_type: 'modal' },
    ...{ bid_micros: 100_000, budget_micros: 50_000_000 },
    ...changes,
  };
}

/** A campaign that is there. */
async function made(changes: object = {}): Promise<string> {
  const wanted = campaign(changes);
  const { status } = await ask('PUT', `/${wanted.id}`, wanted);
  expect(status).toBe(200);
  return wanted.id;
}

describe('who may', () => {
  const wrong: readonly (readonly [string, (pass: string) => string | undefined])[] = [
    ['no credentials', () => undefined],
    ['a wrong password', () => basic('ops', 'wrong-password')],
    ['a name that nobody has', (pass) => basic('root', pass)],
    ['the name in other letters', (pass) => basic('Ops', pass)],
    ['another way to log in', (pass) => `Bearer ${pass}`],
    ['no colon', () => `Basic ${Buffer.from('ops').toString('base64')}`],
    ['an empty password', () => basic('ops', '')],
    ['what is no base64', () => 'Basic ???'],
  ];
  test.each(wrong)('%s is answered with 401, whatever is asked', async (_what, header) => {
    for (const [method, path] of [
      ...([
        ['GET', ''],
        ['GET', '/x'],
        ['GET', '/x/changes'],
      ] as const),
      ...([
        ['PUT', '/x'],
        ['POST', '/x/pause'],
        ['PATCH', '/x/budget'],
      ] as const),
    ]) {
      const authorization = header(server.credentials.ops.pass);
      const headers = authorization === undefined ? {} : { authorization };
      const body = method === 'GET' ? {} : { body: '{}' };
      const response = await fetch(`${url}/v1/campaigns${path}`, { method, headers, ...body });
      expect(response.status, `${method} ${path}`).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
      expect(await response.json()).toMatchObject({
        problem: expect.any(String),
        hint: expect.any(String),
      });
    }
  });

  test.each(['engine', 'app', 'sys'] as const)(
    'the right password of %s, a program, is none of an operator',
    async (role) => {
      const { user, pass } = server.credentials[role];
      const { status } = await ask('GET', '', undefined, { authorization: basic(user, pass) });
      expect(status).toBe(401);
    },
  );

  test('the operator may, and a wrong password in between changes nothing', async () => {
    expect((await ask('GET', '')).status).toBe(200);
    const authorization = basic('ops', `${server.credentials.ops.pass}x`);
    expect((await ask('GET', '', undefined, { authorization })).status).toBe(401);
    expect((await ask('GET', '')).status).toBe(200);
  });

  test('a page of another site cannot use the credentials that a browser keeps', async () => {
    const id = await made();
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect((await ask('POST', `/${id}/end`, '', headers)).status).toBe(403);
    expect((await ask<CampaignDetail>('GET', `/${id}`)).json.status).toBe('live');
  });

  test('applications go on as before, without credentials', async () => {
    const event = {
      ...{ event_id: randomUUID(), session_index: 1, user_mode: 'authenticated' },
      ...{ vectors: {}, timestamp: 1_712_613_245_000 },
    };
    const body = JSON.stringify(event);
    const response = await fetch(`${url}/v1/events?user=ada`, { method: 'POST', body });
    expect(response.status).toBe(200);
  });
});

describe('logins', () => {
  test('of one operator share a connection, which carries no more rights than theirs', async () => {
    await using operators = new Operators(() => server.url, Date.now);
    const { user, pass } = server.credentials.ops;
    const asked = await Promise.all(
      Array.from({ length: 20 }, () => operators.authorize(basic(user, pass))),
    );
    expect(new Set(asked.map(({ nc }) => nc)).size).toBe(1);
    expect(asked[0]?.name).toBe('ops');
    const nc = asked[0]?.nc;
    for (const subject of ['ingest.u1', '$JS.API.STREAM.LIST', 'state.0.user.u1']) {
      await expect(nc?.request(subject, '{}', { timeout: 1_000 })).rejects.toThrow(/permission/i);
    }
  });

  test('that are wrong are kept nowhere and tried a few at a time', async () => {
    await using operators = new Operators(() => server.url, Date.now);
    const tried = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => operators.authorize(basic('ops', `wrong-${i}`))),
    );
    const reasons = tried.map((each) => (each.status === 'rejected' ? each.reason.name : ''));
    expect(reasons.filter((name) => name === 'NotAuthorized').length).toBeGreaterThan(0);
    expect(reasons.filter((name) => name === 'LoginUnavailable').length).toBeGreaterThan(40);
    expect(operators.size).toBe(0);
  });

  test('end with the connection, and begin again with the next request', async () => {
    await using operators = new Operators(() => server.url, Date.now);
    const { user, pass } = server.credentials.ops;
    const first = await operators.authorize(basic(user, pass));
    await first.nc.close();
    await until('the login to be forgotten', () => operators.size === 0);
    const second = await operators.authorize(basic(user, pass));
    expect(second.nc.isClosed()).toBe(false);
  });

  test('that nobody uses any more are closed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let nowMs = 0;
    await using operators = new Operators(
      () => server.url,
      () => nowMs,
    );
    const { user, pass } = server.credentials.ops;
    const { nc } = await operators.authorize(basic(user, pass));
    nowMs = IDLE_MS;
    vi.advanceTimersByTime(SWEEP_EVERY_MS);
    expect(operators.size).toBe(1);
    nowMs++;
    vi.advanceTimersByTime(SWEEP_EVERY_MS);
    vi.useRealTimers();
    expect(operators.size).toBe(0);
    await until('the connection to be closed', () => nc.isClosed());
  });

  test('that cannot be judged are not refused as wrong', async () => {
    await using operators = new Operators(() => 'nats://127.0.0.1:1', Date.now);
    const { user, pass } = server.credentials.ops;
    const error = await operators.authorize(basic(user, pass)).catch((reason: unknown) => reason);
    expect(error).not.toBeInstanceOf(NotAuthorized);
    expect(error).toMatchObject({ name: 'LoginUnavailable', retryable: true });
  });
});

describe('defining a campaign', () => {
  test('answers with it, and everybody sees it, with its revision as ETag', async () => {
    const wanted = campaign();
    const put = await ask('PUT', `/${wanted.id}`, wanted);
    expect(put.status).toBe(200);
    expect(put.json).toMatchObject({ campaign: wanted, status: 'live', revision: 1 });
    expect(put.headers.get('etag')).toBe('"1"');
    const got = await ask<CampaignDetail>('GET', `/${wanted.id}`);
    expect(got.headers.get('etag')).toBe('"1"');
    expect(got.headers.get('cache-control')).toBe('no-store');
    expect(got.json).toMatchObject({
      campaign: wanted,
      changes: [{ action: 'create', by: 'ops' }],
    });
    const all = await ask<{ campaigns: readonly CampaignReport[] }>('GET', '');
    expect(all.json.campaigns.map((each) => each.campaign.id)).toContain(wanted.id);
  });

  test('takes the id from the path, and no other one', async () => {
    const { id, ...rest } = campaign();
    expect((await ask('PUT', `/${id}`, rest)).json.campaign.id).toBe(id);
    const other = await ask('PUT', `/${id}`, campaign({ id: 'other' }));
    expect(other.status).toBe(422);
    expect(other.json.problem).toContain('id:');
  });

  test.each([
    ['no JSON', '{"name":', /body: expected JSON/],
    ['nothing', '', /an empty body/],
    ['a list', '[]', /expected/],
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), /expected JSON in UTF-8/],
    ['an unknown field', { ...campaign({ id: 'x' }), priorty: 1 }, /priorty/],
    ['a negative budget', campaign({ id: 'x', budget_micros: -1 }), /budget_micros: .*at least 0/],
    ['two mistakes', campaign({ id: 'x', bid_micros: 0, pay_per: 'view' }), /bid_micros.*pay_per/s],
    ['a rule that is none', campaign({ id: 'x', rule: 'risk = 1' }), /rule: line 1, column 6/],
  ])('%s is answered with 422 and what was expected', async (_what, body, problem) => {
    const answer = await ask('PUT', '/x', body);
    expect(answer.status).toBe(422);
    expect(answer.json.problem).toMatch(problem);
    expect(answer.json.hint).not.toBe('');
    expect((await ask('GET', '/x')).status).toBe(404);
  });

  test('a body that is no campaign for its size is answered with 413', async () => {
    const { status, json } = await ask('PUT', '/x', 'x'.repeat(MAX_CAMPAIGN_BYTES + 1));
    expect(status).toBe(413);
    expect(json.problem).toContain(String(MAX_CAMPAIGN_BYTES));
  });
});

describe('changing a campaign', () => {
  test('with the revision of before is answered with 412, and changes nothing', async () => {
    const id = await made();
    const first = await ask('PUT', `/${id}`, campaign({ id, name: 'First' }), {
      'if-match': '"1"',
    });
    expect(first).toMatchObject({ status: 200, json: { revision: 2 } });
    const second = campaign({ id, name: 'Second' });
    for (const [method, path, body] of [
      ['PUT', '', second],
      ['POST', '/pause', ''],
      ['PATCH', '/budget', { budget_micros: 1_000_000 }],
    ] as const) {
      const answer = await ask(method, `/${id}${path}`, body, { 'if-match': '"1"' });
      expect(answer.status, path).toBe(412);
      expect(answer.json.hint).toContain('If-Match');
    }
    const { json } = await ask('GET', `/${id}`);
    expect(json).toMatchObject({ campaign: { name: 'First' }, status: 'live', revision: 2 });
  });

  test.each(['1', 'W/"1"', '*', '"0"', '"1", "2"'])(
    'If-Match: %s is not understood, and nothing is done',
    async (header) => {
      const id = await made();
      const answer = await ask('POST', `/${id}/pause`, '', { 'if-match': header });
      expect(answer.status).toBe(422);
      expect((await ask('GET', `/${id}`)).json.status).toBe('live');
    },
  );

  test('to paused, live and ended is done; what changes nothing is answered with 409', async () => {
    const id = await made();
    expect((await ask('POST', `/${id}/resume`, '')).status).toBe(409);
    expect((await ask('POST', `/${id}/pause`, '')).json.status).toBe('paused');
    expect((await ask('POST', `/${id}/resume`, '')).json.status).toBe('live');
    expect((await ask('POST', `/${id}/end`, '')).json.status).toBe('ended');
    expect((await ask('PUT', `/${id}`, campaign({ id }))).status).toBe(409);
  });

  test('its budgets changes these alone, and null takes a cap away', async () => {
    const id = await made({ daily_micros: 1_000_000, name: 'Kept' });
    const more = await ask('PATCH', `/${id}/budget`, { budget_micros: 60_000_000 });
    expect(more.json.campaign).toMatchObject({
      ...{ budget_micros: 60_000_000, daily_micros: 1_000_000, name: 'Kept' },
    });
    const none = await ask('PATCH', `/${id}/budget`, { daily_micros: null });
    expect(none.status).toBe(200);
    expect(none.json.campaign).not.toHaveProperty('daily_micros');
  });

  test.each([
    ['nothing', {}],
    ['another field', { bid_micros: 5 }],
    ['a budget with another field', { budget_micros: 60_000_000, bid_micros: 5 }],
    ['a text', { budget_micros: '5' }],
    ['no total', { budget_micros: null }],
  ])('%s is no budget', async (_what, body) => {
    const id = await made();
    expect((await ask('PATCH', `/${id}/budget`, body)).status).toBe(422);
  });

  test('that is not there is answered with 404', async () => {
    for (const [method, path, body] of [
      ...([
        ['GET', '/nobody', undefined],
        ['GET', '/nobody/changes', undefined],
      ] as const),
      ...([
        ['POST', '/nobody/pause', ''],
        ['PATCH', '/nobody/budget', '{"budget_micros":1}'],
      ] as const),
    ]) {
      const answer = await ask(method, path, body);
      expect(answer.status, `${method} ${path}`).toBe(404);
      expect(answer.json.problem).toContain('nobody');
    }
  });
});

test('the trail says who changed what, the newest first', async () => {
  const id = await made();
  await ask('POST', `/${id}/pause`, '');
  await ask('PATCH', `/${id}/budget`, { budget_micros: 70_000_000 });
  const { json } = await ask<{ changes: CampaignDetail['changes'] }>('GET', `/${id}/changes`);
  expect(json.changes.map(({ action, by, revision }) => [action, by, revision])).toEqual([
    ['budget', 'ops', 3],
    ['pause', 'ops', 2],
    ['create', 'ops', 1],
  ]);
  expect(json.changes[0]?.changed).toEqual([
    { field: 'budget_micros', from: 50_000_000, to: 70_000_000 },
  ]);
});

test('docs/campaigns.md shows requests that are answered as it says', async () => {
  const text = readFileSync(join(projectRoot(), 'docs', 'campaigns.md'), 'utf8');
  const [, shown = ''] = /```sh\n(.*?)```/s.exec(text) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'microtarget-curl-'));
  mkdirSync(join(folder, '.microtarget'));
  const password = `MICROTARGET_OPS_PASSWORD=${server.credentials.ops.pass}\n`;
  writeFileSync(join(folder, '.microtarget', 'local.env'), password);
  const script = shown.replace('http://127.0.0.1:8080', url).replaceAll('curl -s', 'curl -sS');
  const run = promisify(execFile)('sh', ['-ec', script], { cwd: folder });
  const { stdout } = await run.finally(() => rmSync(folder, { recursive: true }));
  expect(stdout).not.toContain('"problem"');
  for (const part of ['"status":"paused"', '"daily_micros":20000000', '"action":"create"']) {
    expect(stdout).toContain(part);
  }
  expect((await ask('GET', '/SUMMER')).json.status).toBe('ended');
});

test('without a coordinator it is told that nothing was done now', async () => {
  await engine.coordinator?.stop();
  const { status, json, headers } = await ask('GET', '');
  expect(status).toBe(503);
  expect(json.problem).toContain('coordinator');
  expect(headers.get('retry-after')).toBe('1');
});
