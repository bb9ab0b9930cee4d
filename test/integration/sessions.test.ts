/**
 * Logging in to the dashboard: by password and by ticket, for how long, and what is kept out.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { dashboardCommand } from '../../runtime/cli/dashboard.ts';
import type { Engine } from '../../runtime/engine.ts';
import { type Credentials, Operators } from '../../runtime/gateway/operators.ts';
import {
  AGE_MAX_MS,
  MAX_ENDED,
  MAX_TICKETS,
  Sessions,
  TICKET_MAX_MS,
} from '../../runtime/gateway/sessions.ts';
import { basic, browserOf, loggedIn } from '../browser-of.ts';
import { startTestEngine, until } from '../engine-fixture.ts';
import { startTestServer, type TestServer } from '../nats-fixture.ts';
import { asOperatorOf } from '../operator.ts';

const SECRET = 'what gateways share';

let server: TestServer;
let engine: Engine;
let url: string;

beforeAll(async () => {
  server = await startTestServer();
  engine = await startTestEngine(await server.connectAs('engine'), new Set(['gateway'] as const));
  url = engine.gateway?.listeningOrigin ?? '';
});
afterAll(async () => {
  await engine?.stop();
  await server?.[Symbol.asyncDispose]();
});

function credentialsOf(role: 'ops' | 'viewer' | 'engine'): Credentials {
  const { user, pass } = server.credentials[role];
  return { name: user, password: pass };
}

describe('over HTTP', () => {
  test.each([
    ['ops', 'operator'],
    ['viewer', 'viewer'],
  ] as const)(
    '%s logs in with a password, is known by the cookie, and logs out',
    async (role, rights) => {
      const browser = browserOf(url);
      expect((await browser('GET', '/v1/session')).status).toBe(401);
      const { status, json, headers } = await browser('POST', '/v1/session', credentialsOf(role));
      expect([status, json]).toEqual([200, { name: role, rights }]);
      const [cookie = ''] = headers.getSetCookie();
      expect(cookie).toMatch(/^microtarget_session=[\w-]{60,}; /);
      for (const attribute of ['HttpOnly', 'SameSite=Strict', 'Path=/']) {
        expect(cookie.split('; ')).toContain(attribute);
      }
      expect(cookie).not.toMatch(/Secure|Domain/);
      expect((await browser('GET', '/v1/session')).json).toEqual({ name: role, rights });

      const gone = await browser('DELETE', '/v1/session');
      expect(gone.status).toBe(204);
      expect(gone.headers.getSetCookie()[0]).toMatch(
        /^microtarget_session=;.*Expires=Thu, 01 Jan 1970/,
      );
      const kept = { cookie: cookie.split(';')[0] ?? '' };
      expect((await browser('GET', '/v1/session', undefined, kept)).status).toBe(401);
    },
  );

  test('what is wrong is refused, and no browser opens a login window of its own', async () => {
    const ops = credentialsOf('ops');
    for (const wrong of [
      { ...ops, password: 'wrong-password' },
      { ...ops, name: 'root' },
      credentialsOf('engine'),
      { ticket: 'no-such-ticket' },
    ]) {
      const { status, json, headers } = await browserOf(url)('POST', '/v1/session', wrong);
      expect(status).toBe(401);
      expect(json).toEqual({ problem: expect.any(String), hint: expect.any(String) });
      expect(headers.get('www-authenticate')).toBeNull();
      expect(headers.getSetCookie()).toEqual([]);
    }
    for (const malformed of [
      {},
      { name: 'ops' },
      { ...ops, ticket: 'x' },
      { ...ops, password: '' },
    ]) {
      expect((await browserOf(url)('POST', '/v1/session', malformed)).status).toBe(422);
    }
    const long = { ...ops, password: 'x'.repeat(5_000) };
    expect((await browserOf(url)('POST', '/v1/session', long)).status).toBe(413);
    const forged = { cookie: `microtarget_session=${'A'.repeat(43)}` };
    expect((await browserOf(url)('GET', '/v1/session', undefined, forged)).status).toBe(401);
  });

  test('many wrong passwords at once do not keep the right one out', async () => {
    const tried = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const wrong = { name: 'ops', password: `wrong-${i}` };
        return (await browserOf(url)('POST', '/v1/session', wrong)).status;
      }),
    );
    expect(tried.filter((status) => status !== 401 && status !== 503)).toEqual([]);
    const browser = await loggedIn(url, server.credentials.ops);
    expect((await browser('GET', '/v1/session')).status).toBe(200);
  });

  test.each([
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ origin: 'https://evil.example' }],
    [{ origin: 'null' }],
  ])('a page of another site, %j, logs nobody in or out', async (headers) => {
    const browser = await loggedIn(url, server.credentials.ops);
    for (const method of ['POST', 'DELETE'] as const) {
      const body = method === 'POST' ? credentialsOf('ops') : undefined;
      expect((await browser(method, '/v1/session', body, headers)).status).toBe(403);
    }
    expect((await browser('GET', '/v1/session')).status).toBe(200);
  });

  test('the page itself is told apart from other sites by its origin', async () => {
    const headers = { origin: url };
    const { status } = await browserOf(url)('POST', '/v1/session', credentialsOf('ops'), headers);
    expect(status).toBe(200);
  });

  test('behind a proxy with TLS the cookie is sent over TLS only', async () => {
    const headers = { 'x-forwarded-proto': 'https' };
    const login = await browserOf(url)('POST', '/v1/session', credentialsOf('ops'), headers);
    expect(login.headers.getSetCookie()[0]?.split('; ')).toContain('Secure');
  });

  test('a ticket logs in once, as whoever asked for it', async () => {
    const headers = { authorization: basic(server.credentials.viewer) };
    const { json } = await browserOf(url)('POST', '/v1/session/ticket', undefined, headers);
    const browsers = [browserOf(url), browserOf(url)];
    const logins = await Promise.all(browsers.map((each) => each('POST', '/v1/session', json)));
    expect(logins.map(({ status }) => status).sort()).toEqual([200, 401]);
    const opened = logins.find(({ status }) => status === 200);
    expect(opened?.json).toEqual({ name: 'viewer', rights: 'viewer' });
  });

  test('nobody gets a ticket without a right password, not even with a session', async () => {
    const browser = await loggedIn(url, server.credentials.ops);
    expect((await browser('POST', '/v1/session/ticket')).status).toBe(401);
    const authorization = basic({ user: 'ops', pass: 'wrong-password' });
    const asked = await browser('POST', '/v1/session/ticket', undefined, { authorization });
    expect(asked.status).toBe(401);
  });

  test('campaigns take the session too, with its rights and only from this site', async () => {
    const ops = await loggedIn(url, server.credentials.ops);
    const nobodyLeads = await ops('GET', '/v1/campaigns');
    expect([nobodyLeads.status, nobodyLeads.json.problem]).toEqual([
      503,
      expect.stringContaining('coordinator'),
    ]);
    const elsewhere = { 'sec-fetch-site': 'same-site' };
    expect((await ops('POST', '/v1/campaigns/c/end', {}, elsewhere)).status).toBe(403);
    const viewer = await loggedIn(url, server.credentials.viewer);
    expect((await viewer('POST', '/v1/campaigns/c/end', {})).status).toBe(403);
  });
});

describe('the command `dashboard`', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  test.each([
    [false, { name: 'ops', rights: 'operator' }],
    [true, { name: 'viewer', rights: 'viewer' }],
  ])('prints a link that logs in (viewer: %s)', async (viewer, login) => {
    const printed = asOperatorOf(server);
    await dashboardCommand({ viewer, url: `${url}/` });
    const [, address = '', ticket] =
      /^Dashboard {2}(\S+)\/\?ticket=(\S+) {2}\(valid for 10 minutes, once\)\n$/.exec(printed()) ??
      [];
    expect(address).toBe(url);
    expect((await browserOf(url)('POST', '/v1/session', { ticket })).json).toEqual(login);
  });

  test('prints the plain address where no password fits', async () => {
    const printed = asOperatorOf(server);
    vi.stubEnv('MICROTARGET_OPS_PASSWORD', 'another-password');
    await dashboardCommand({ viewer: false, url });
    expect(printed()).toBe(
      `Dashboard  ${url}  (log in with a NATS operator's name and password)\n`,
    );
  });

  test('says where it looked when nobody is there', async () => {
    asOperatorOf(server);
    const asked = dashboardCommand({ viewer: false, url: 'http://127.0.0.1:1' });
    await expect(asked).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('http://127.0.0.1:1'),
    });
  });
});

describe('bounds', () => {
  let nowMs = 0;
  async function withSessions(use: (sessions: Sessions) => Promise<void>): Promise<void> {
    nowMs = 1_000_000;
    const now = () => nowMs;
    await using operators = new Operators(() => server.url, now);
    await use(new Sessions(operators, now, SECRET));
  }
  const over = expect.objectContaining({ name: 'NotAuthorized' });

  test('a session ends a week after it began, however it is used', () =>
    withSessions(async (sessions) => {
      const { token } = await sessions.open(credentialsOf('ops'));
      nowMs += AGE_MAX_MS;
      expect((await sessions.operatorOf(token)).name).toBe('ops');
      nowMs += 1;
      await expect(sessions.operatorOf(token)).rejects.toEqual(over);
    }));

  test('a session is known after a restart, and where another gateway began it', () =>
    withSessions(async (sessions) => {
      const { token } = await sessions.open(credentialsOf('viewer'));
      await using operators = new Operators(
        () => server.url,
        () => nowMs,
      );
      const elsewhere = new Sessions(operators, () => nowMs, SECRET);
      expect(await elsewhere.operatorOf(token)).toMatchObject({ name: 'viewer' });
      const stranger = new Sessions(operators, () => nowMs, 'another secret');
      await expect(stranger.operatorOf(token)).rejects.toEqual(over);
    }));

  test('no token shows its password, and a changed one is none', () =>
    withSessions(async (sessions) => {
      const { token } = await sessions.open(credentialsOf('ops'));
      const bytes = Buffer.from(token, 'base64url');
      expect(bytes.toString('latin1')).not.toContain(server.credentials.ops.pass);
      for (const at of [0, 12, 28, bytes.length - 1]) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] as number) ^ 1;
        await expect(sessions.operatorOf(changed.toString('base64url'))).rejects.toEqual(over);
      }
      for (const none of ['', 'x', token.slice(0, 20)]) {
        await expect(sessions.operatorOf(none)).rejects.toEqual(over);
      }
    }));

  test('the last sessions that were logged out of stay ended', () =>
    withSessions(async (sessions) => {
      const { token } = await sessions.open(credentialsOf('ops'));
      for (let other = 1; other < MAX_ENDED; other++) sessions.end(`other-${other}`);
      sessions.end(token);
      await expect(sessions.operatorOf(token)).rejects.toEqual(over);
      for (let other = 1; other < MAX_ENDED; other++) sessions.end(`another-${other}`);
      await expect(sessions.operatorOf(token)).rejects.toEqual(over);
    }));

  test('a ticket is too old after ten minutes, and only so many are out', () =>
    withSessions(async (sessions) => {
      const issue = (): string => sessions.issueTicket(credentialsOf('ops'));
      const inTime = issue();
      nowMs += TICKET_MAX_MS;
      await sessions.redeem(inTime);
      const tooLate = issue();
      nowMs += TICKET_MAX_MS + 1;
      await expect(sessions.redeem(tooLate)).rejects.toEqual(over);
      const [first = '', second = ''] = Array.from({ length: MAX_TICKETS + 1 }, issue);
      await expect(sessions.redeem(first)).rejects.toEqual(over);
      await sessions.redeem(second);
    }));

  test('a ticket that could not be judged may be tried again', async () => {
    let address = 'nats://127.0.0.1:1';
    await using operators = new Operators(() => address, Date.now);
    const sessions = new Sessions(operators, Date.now, SECRET);
    const ticket = sessions.issueTicket(credentialsOf('ops'));
    await expect(sessions.redeem(ticket)).rejects.toMatchObject({ name: 'LoginUnavailable' });
    address = server.url;
    expect((await sessions.redeem(ticket)).operator.name).toBe('ops');
  });

  test('a session ends when its password is wrong, and not while nobody can say', async () => {
    let address = server.url;
    await using operators = new Operators(() => address, Date.now);
    const sessions = new Sessions(operators, Date.now, SECRET);
    const { token, operator } = await sessions.open(credentialsOf('ops'));
    const forgotten = async (nc = operator.nc) => {
      await nc.close();
      await until('the login to be forgotten', () => operators.size === 0);
    };
    await forgotten();
    address = 'nats://127.0.0.1:1';
    await expect(sessions.operatorOf(token)).rejects.toMatchObject({ name: 'LoginUnavailable' });
    address = server.url;
    await forgotten((await sessions.operatorOf(token)).nc);
    // A server that knows another password.
    await using other = await startTestServer();
    address = other.url;
    await expect(sessions.operatorOf(token)).rejects.toEqual(over);
    address = server.url;
    await expect(sessions.operatorOf(token)).rejects.toEqual(over);
  });
});
