/**
 * What the README and the examples show is run as it stands.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseCampaigns } from '../../runtime/cli/campaign-file.ts';
import type { Engine } from '../../runtime/engine.ts';
import { serverEnvironment } from '../../runtime/nats-server/credentials.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';
import { startTestEngine, until } from '../engine-fixture.ts';
import { startTestServer, type TestServer } from '../nats-fixture.ts';

const README = readFileSync(join(projectRoot(), 'README.md'), 'utf8');
const DIST = join(projectRoot(), 'dist');

let server: TestServer;
let engine: Engine;

beforeAll(async () => {
  server = await startTestServer();
  engine = await startTestEngine(await server.connectAs('engine'));
  const url = engine.gateway?.listeningOrigin;
  await until('the engine to be ready', async () => (await fetch(`${url}/readyz`)).ok);
  await until('a coordinator', () => engine.coordinator?.isLeading === true);
});
afterAll(async () => {
  await engine?.stop();
  await server?.[Symbol.asyncDispose]();
});

/** Runs a compiled program against the test's server, as a person with its passwords would. */
async function run(script: string, ...args: string[]): Promise<string> {
  const env = {
    ...process.env,
    ...serverEnvironment(server.credentials),
    MICROTARGET_NATS_URL: server.url,
  };
  const { stdout } = await promisify(execFile)('node', [join(DIST, script), ...args], { env });
  return stdout;
}

test("the README's curl line gets a decision of the shape it shows", async () => {
  const [, path, body] = /curl -s 'http:\/\/127\.0\.0\.1:8080([^']+)' -d '([^']+)'/.exec(
    README,
  ) as unknown as [string, string, string];
  const shown = JSON.parse(/```json\n(\{.+?\})\n```/s.exec(README)?.[1] ?? '') as object;
  const url = `${engine.gateway?.listeningOrigin}${path}`;
  const response = await fetch(url, { method: 'POST', body });
  expect(response.status).toBe(200);
  const decision = (await response.json()) as { decision_id: string };
  expect(Object.keys(decision).sort()).toEqual(Object.keys(shown).sort());
  expect(decision).toMatchObject({
    decision_id: (shown as { decision_id: string }).decision_id,
    rtme_state: { concept: (shown as { rtme_state: { concept: string } }).rtme_state.concept },
  });
});

test.each([
  ['inspect', 'user', 'ada'],
  ['attribute'],
  ['campaigns', 'list'],
  ['inspect', 'partitions'],
  ['audit'],
])('microtarget %j runs, and prints JSON for programs', async (...args) => {
  expect(README).toContain(`npx microtarget ${args.join(' ')}`);
  expect(await run('runtime/main.js', ...args)).not.toBe('');
  expect(JSON.parse(await run('runtime/main.js', ...args, '--json'))).toBeTypeOf('object');
});

test('every command that the README names exists', async () => {
  const named = [...README.matchAll(/npx microtarget ([a-z ]+?)(?= {2}| #| --| [a-z]+\.|\n)/g)];
  expect(named.length).toBeGreaterThan(8);
  for (const [, line = ''] of named) {
    const command = line.trim().split(' ').slice(0, 2);
    const help = await run('runtime/main.js', ...command, '--help');
    expect(help, line).toContain(`Usage: microtarget ${command[0]}`);
  }
});

test('example 1 publishes an event over plain NATS and prints its decision', async () => {
  const decision = JSON.parse(await run('examples/01-event-to-decision.js', 'grace'));
  expect(decision).toMatchObject({ receipt_id: expect.stringMatching(/^grace\.d_/) });
});

test('example 2 shows a journey from first touch to order, without a server', async () => {
  const story = await run('examples/02-journey.js');
  expect(story).toMatch(/fills a cart\s+considering/);
  expect(story).toMatch(/buys\s+customer/);
  expect(story).toMatch(/ledger \{.*"taken_back":false,"touches":\[\{.*"channel":"paid_search"/);
});

test('example 3 shows what happened to campaigns and why, in seconds of virtual time', async () => {
  const story = await run('examples/03-campaigns.js');
  expect(story).toMatch(/FLASH_SALE +\d+ wins .*hourly_budget \d+/);
  // Seven and a half a minute, also in the spike: pacing holds.
  const paced = [...story.matchAll(/BRAND .* ([\d.]+) spent +pacing/g)].map(([, spent]) => spent);
  const spike = /television spot[\s\S]*?BRAND .* ([\d.]+) spent/.exec(story)?.[1];
  expect(paced).toContain(spike);
  expect(Number(spike)).toBeLessThan(8 * 10);
  expect(story).toMatch(/alert: MISTAKE spent [\d.]+ within its breaker’s time: throttled/);
  const fate = story.slice(story.indexOf('the others go on as before'));
  expect(fate).toMatch(/MISTAKE +0 wins .* throttled/);
  for (const [, spent, cap] of story.matchAll(/spent +([\d.]+) of .*?([\d.]+) an? (?:hour|day)/g)) {
    expect(Number(spent)).toBeLessThanOrEqual(Number(cap));
  }
});

test("the README's campaign is one that the command line takes", () => {
  const yaml = /```yaml\n([\s\S]+?)```/.exec(README)?.[1] ?? '';
  const { campaigns } = parseCampaigns(yaml, 'campaigns.yaml');
  expect(campaigns.map(({ id }) => id)).toEqual(['FLASH_SALE']);
});
