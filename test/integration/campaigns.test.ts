/**
 * Campaigns on the command line, against a whole engine: what is in a file is applied or refused
 * whole, what campaigns bring comes back in reports and in the feed, and every change is on record.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RULE_MODELS } from '../../actors/channel/rule-models.ts';
import { type Alert, alertSchema } from '../../protocols/alert.ts';
import {
  type CampaignDetail,
  type CampaignsReport,
  campaignDetailSchema,
  campaignsReportSchema,
  MAX_SHOWN_CHANGES,
} from '../../protocols/campaign-services.ts';
import type { Decision } from '../../protocols/decision.ts';
import { CAMPAIGNS_FEED } from '../../protocols/subjects.ts';
import { CAMPAIGN_TEMPLATE } from '../../runtime/cli/campaign-template.ts';
import {
  applyCampaigns,
  listCampaigns,
  setCampaignBudget,
  setCampaignStatus,
  showCampaignTrail,
} from '../../runtime/cli/campaigns.ts';
import { inspectCampaignCommand } from '../../runtime/cli/inspect-campaign.ts';
import type { Engine } from '../../runtime/engine.ts';
import { startTestEngine, until } from '../engine-fixture.ts';
import { startTestServer, type TestServer } from '../nats-fixture.ts';
import { asOperatorOf } from '../operator.ts';

const JSON_OUTPUT = { json: true } as const;
const USERS = 60;
const ORDER_VALUE = 20;

let server: TestServer;
let engine: Engine;
let url: string;
let folder: string;
/** What commands have printed since the last call. */
let printed: () => string;

beforeAll(async () => {
  server = await startTestServer();
  engine = await startTestEngine(await server.connectAs('engine'));
  url = engine.gateway?.listeningOrigin ?? '';
  folder = mkdtempSync(join(tmpdir(), 'microtarget-campaigns-'));
  await until('the engine to be ready', async () => (await fetch(`${url}/readyz`)).ok);
  await until('a coordinator', () => engine.coordinator?.isLeading === true);
  printed = asOperatorOf(server);
});
afterAll(async () => {
  await engine?.stop();
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function file(text: string): string {
  const path = join(folder, `${randomUUID()}.yaml`);
  writeFileSync(path, text);
  return path;
}

/** A campaign in YAML; `more` are further lines. */
function yaml(id: string, ...more: readonly string[]): string {
  const lines = [
    ...[`id: ${id}`, 'name: A campaign', 'trigger_type: modal'],
    ...['bid_micros: 100000', 'budget_micros: 50000000'],
  ];
  return `${[...lines, ...more].join('\n')}\n`;
}

async function all(): Promise<CampaignsReport> {
  printed();
  await listCampaigns(JSON_OUTPUT);
  return campaignsReportSchema.parse(JSON.parse(printed()));
}

async function detailOf(id: string): Promise<CampaignDetail> {
  printed();
  await inspectCampaignCommand(id, JSON_OUTPUT);
  return campaignDetailSchema.parse(JSON.parse(printed()));
}

async function publish(user: string, path: 'events' | 'decide', event: object): Promise<unknown> {
  const common = { event_id: randomUUID(), user_mode: 'authenticated', timestamp: Date.now() };
  const body = JSON.stringify({ ...common, ...event });
  const response = await fetch(`${url}/v1/${path}?user=${user}`, { method: 'POST', body });
  expect(response.status).toBe(200);
  return response.json();
}

describe('a file', () => {
  test('is applied whole, and applied again it changes nothing', async () => {
    const both = file(`campaigns: [{${flow('a')}}, {${flow('b')}}]`);
    await applyCampaigns(both, { ...JSON_OUTPUT, by: 'ada' });
    const { campaigns } = campaignsReportSchema.parse(JSON.parse(printed()));
    expect(
      campaigns.map(({ campaign, status, revision }) => [campaign.id, status, revision]),
    ).toEqual([
      ['a', 'live', 1],
      ['b', 'live', 1],
    ]);
    await applyCampaigns(both, { ...JSON_OUTPUT, by: 'ada' });
    const again = campaignsReportSchema.parse(JSON.parse(printed()));
    expect(again.campaigns.map(({ revision }) => revision)).toEqual([1, 1]);
  });

  test('with a revision that is not in force is refused whole', async () => {
    await applyCampaigns(file(`[{${flow('c')}}, {${flow('d')}}]`), JSON_OUTPUT);
    await applyCampaigns(file(`${yaml('c', 'priority: 7')}revision: 1\n`), JSON_OUTPUT);
    printed();
    const stale = file(`[{${flow('d')}, priority: 9}, {${flow('c')}, priority: 8, revision: 1}]`);
    await expect(applyCampaigns(stale, JSON_OUTPUT)).rejects.toThrow(/revision/);
    const { campaigns } = await all();
    const priorities = campaigns.map(({ campaign }) => [campaign.id, campaign.priority]);
    expect(priorities).toContainEqual(['c', 7]);
    expect(priorities).toContainEqual(['d', 5]);
  });

  test('with one mistake changes nothing, and no engine is asked', async () => {
    const wrong = file(`[{${flow('e')}}, {${flow('f')}, priority: 10}]`);
    await expect(applyCampaigns(wrong, {})).rejects.toThrow(
      /priority: expected at most 9; found 10/,
    );
    expect((await all()).campaigns.map(({ campaign }) => campaign.id)).not.toContain('e');
  });

  test('as the template prints it can be applied', async () => {
    await applyCampaigns(file(CAMPAIGN_TEMPLATE), {});
    expect(printed()).toMatch(/spring_sale +live +1 +0\.00\/500\.00/);
  });
});

function flow(id: string): string {
  return yaml(id).trim().replaceAll('\n', ', ');
}

describe('changes', () => {
  test('of status and budgets are made, and stand in the trail with who made them', async () => {
    await applyCampaigns(file(yaml('trail')), { by: 'ada' });
    await setCampaignStatus('pause', 'trail', { by: 'bob', ifRevision: 1 });
    await setCampaignStatus('resume', 'trail', {});
    await setCampaignBudget('trail', { total: 60_000_000, daily: 2_500_000, by: 'eve' });
    await setCampaignBudget('trail', { daily: null, ifRevision: 4 });
    printed();
    await showCampaignTrail('trail', JSON_OUTPUT);
    const { changes } = JSON.parse(printed()) as { changes: CampaignDetail['changes'] };
    const me = userInfo().username;
    expect(changes.map(({ revision, action, by }) => [revision, action, by])).toEqual([
      [5, 'budget', me],
      [4, 'budget', 'eve'],
      [3, 'resume', me],
      [2, 'pause', 'bob'],
      [1, 'create', 'ada'],
    ]);
    await showCampaignTrail('trail', {});
    const text = printed();
    expect(text).toContain('budget_micros: 50.00 → 60.00');
    expect(text).toContain('daily_micros: nothing → 2.50');
    expect(text).toContain('daily_micros: 2.50 → nothing');
  });

  test('that somebody else got in before are refused', async () => {
    await applyCampaigns(file(yaml('raced')), {});
    await setCampaignStatus('pause', 'raced', { ifRevision: 1 });
    await expect(setCampaignStatus('end', 'raced', { ifRevision: 1 })).rejects.toThrow(/revision/);
    await expect(setCampaignBudget('raced', { total: 9, ifRevision: 1 })).rejects.toThrow(
      /revision/,
    );
    printed();
    expect(await detailOf('raced')).toMatchObject({ status: 'paused', revision: 2 });
  });

  test('that change nothing, and of what is not there, are refused', async () => {
    await applyCampaigns(file(yaml('live')), {});
    await expect(setCampaignStatus('resume', 'live', {})).rejects.toThrow(/live/);
    await expect(setCampaignStatus('pause', 'nobody', {})).rejects.toThrow(/no campaign "nobody"/);
    await expect(inspectCampaignCommand('nobody', {})).rejects.toThrow(/no campaign "nobody"/);
    const none = await setCampaignBudget('live', {}).catch((error: unknown) => error);
    expect(none).toMatchObject({ exitCode: 2 });
    printed();
  });

  test('are all kept; the latest are shown', async () => {
    await applyCampaigns(file(yaml('busy')), {});
    for (let i = 1; i <= MAX_SHOWN_CHANGES + 5; i++) {
      await setCampaignBudget('busy', { total: 50_000_000 + i });
    }
    printed();
    const { revision, changes } = await detailOf('busy');
    expect(revision).toBe(MAX_SHOWN_CHANGES + 6);
    expect(changes.map((each) => each.revision)).toEqual(
      Array.from({ length: MAX_SHOWN_CHANGES }, (_, i) => revision - i),
    );
    const { streams } = await jetstreamManager(await server.connectAs('engine'));
    const first = await streams.getMessage('ACTORS', { last_by_subj: 'trail.busy.1' });
    expect(first?.json<object>()).toMatchObject({ action: 'create', revision: 1 });
  });
});

test('what a campaign brings comes back in its report and in the feed', {
  timeout: 60_000,
}, async () => {
  // Alone at its placement, with half of the users held out.
  await applyCampaigns(
    file(yaml('shown', 'placements: [here]', 'triggers: []', 'holdout_ppm: 500000', 'priority: 9')),
    {},
  );
  const feed: CampaignsReport[] = [];
  const ops = await server.connectAs('ops');
  ops.subscribe(CAMPAIGNS_FEED, {
    callback: (_error, message) => void feed.push(campaignsReportSchema.parse(message.json())),
  });
  await ops.flush();
  await until('grants', async () =>
    (await detailOf('shown')).granted_micros > 0 ? true : undefined,
  );
  await until('partitions to know it', async () => {
    const { partitions } = await detailOf('shown');
    return partitions.length === 4 && partitions.every(({ grant }) => grant !== null);
  });
  let wins = 0;
  for (let i = 0; i < USERS; i++) {
    const user = `visitor-${i}`;
    const asked = { type: 'opportunity', placement: 'here', session_index: 1 };
    const { decision_id, orchestration } = (await publish(user, 'decide', asked)) as Decision;
    const order = { type: 'conversion', session_index: 3, value: ORDER_VALUE, currency: 'USD' };
    if (orchestration.winner_campaign === 'shown') {
      wins++;
      const clicked = { type: 'outcome', session_index: 2, decision_id, outcome: 'clicked' };
      await publish(user, 'events', clicked);
    }
    await publish(user, 'events', { ...order, order_id: `order-${i}` });
  }
  expect(wins).toBeGreaterThan(0);
  expect(wins).toBeLessThan(USERS);
  const detail = await until('all to be counted', async () => {
    const found = await detailOf('shown');
    const counted = (found.lift?.treated.converted ?? 0) + (found.lift?.control.converted ?? 0);
    return counted === USERS ? found : undefined;
  });
  expect(detail).toMatchObject({
    ...{ wins, clicked: wins, converted: wins, value_micros: wins * ORDER_VALUE * 1_000_000 },
    suppressed: { holdout: USERS - wins },
    lift: {
      control_ppm: 500_000,
      treated: { users: wins, converted: wins, conversion_rate: 1 },
      control: { users: USERS - wins, revenue_micros: (USERS - wins) * ORDER_VALUE * 1_000_000 },
      is_proven: false,
    },
  });
  expect(detail.roas).toBeCloseTo(detail.value_micros / detail.spent_micros, 9);
  expect(detail.partitions.reduce((sum, each) => sum + each.spent_micros, 0)).toBe(
    detail.spent_micros,
  );
  await until('the feed to say the same', () =>
    feed.at(-1)?.campaigns.some((each) => each.campaign.id === 'shown' && each.wins === wins),
  );
  await inspectCampaignCommand('shown', {});
  const text = printed();
  for (const part of ['budgets', 'delivery', 'holdout', 'treated', 'Credit is association']) {
    expect(text).toContain(part);
  }
  await listCampaigns({});
  expect(printed()).toMatch(/campaign +status +revision +spent\/budget/);
});

test('a campaign’s credit is shown beside its lift, that of the Markov chain first', {
  timeout: 60_000,
}, async () => {
  await applyCampaigns(file(yaml('credited', 'triggers: []')), {});
  const touch = { type: 'impression', session_index: 1, channel: 'email', campaign: 'credited' };
  await publish('buyer', 'events', touch);
  const order = { type: 'conversion', order_id: 'credited', value: ORDER_VALUE, currency: 'USD' };
  await publish('buyer', 'events', { ...order, session_index: 2 });
  const { credit } = await until('the path to be folded', async () => {
    const found = await detailOf('credited');
    return found.credit.markov === undefined ? undefined : found;
  });
  // All of the channel's touches are of the campaign.
  expect(Object.keys(credit)).toEqual(['markov', ...RULE_MODELS]);
  expect(credit.markov).toEqual({ conversions: 1, value_micros: ORDER_VALUE * 1_000_000 });
  expect(credit.last).toEqual(credit.markov);
  await inspectCampaignCommand('credited', {});
  const text = printed();
  expect(text).toMatch(/credit by model +conversions +value\n.+\nmarkov +1\.00 +20\.00\nfirst/);
  expect(text).toContain('no holdout');
});

test('a campaign that runs away is stopped, and operators who listen hear why', async () => {
  const ops = await server.connectAs('ops');
  const heard: Alert[] = [];
  ops.subscribe('alerts.>', { callback: (_error, message) => void heard.push(message.json()) });
  await ops.flush();
  const breaker = 'breaker: { spend_micros: 400000, within_s: 60 }';
  await applyCampaigns(file(yaml('wild', 'priority: 9', breaker)), JSON_OUTPUT);
  let visitor = 0;
  await until('the alert', async () => {
    await publish(`wild-${visitor++}`, 'decide', { session_index: 1, name: 'view_item' });
    return heard.length > 0;
  });
  expect(alertSchema.parse(heard[0])).toMatchObject({
    ...{ kind: 'runaway_spend', key: 'wild', status: 'open', expected: 400_000, unit: 'micros' },
  });
  const { status, spent_micros, changes } = await detailOf('wild');
  expect(status).toBe('throttled');
  // What partitions held when it was stopped is no more than the breaker allows again.
  expect(spent_micros).toBeLessThanOrEqual(2 * 400_000);
  expect(changes[0]).toMatchObject({ action: 'throttle', by: 'microtarget' });
});
