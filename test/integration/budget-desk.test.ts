/** The campaign actors' home on a real nats-server that does not always answer. */
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { emptyDelivery } from '../../actors/partition/empty-cells.ts';
import { takeGrant } from '../../actors/partition/spending.ts';
import { campaignSchema } from '../../protocols/campaign.ts';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import type { Control } from '../../protocols/control.ts';
import { demandSchema } from '../../protocols/demand.ts';
import type { CampaignId, Partition } from '../../protocols/ids.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import {
  ACTORS_STREAM,
  alertsOf,
  COORDINATOR_DEMAND,
  cellSubject,
  trailOf,
} from '../../protocols/subjects.ts';
import { BudgetDesk } from '../../runtime/coordinator/budget-desk.ts';
import { CellView } from '../../runtime/coordinator/cell-view.ts';
import { claimLeadership } from '../../runtime/coordinator/leadership.ts';
import { natsActorStore } from '../../runtime/nats/actor-store.ts';
import { ensureStreams } from '../../runtime/nats/streams.ts';
import type { ActorStore } from '../../runtime/ports.ts';
import { TEST_PARTITIONS } from '../engine-fixture.ts';
import { BASE_MS, HOUR_MS, SECOND_MS } from '../generators.ts';
import { startTestServer } from '../nats-fixture.ts';

const UNIT = 1_000_000;
const CAMPAIGN = campaignSchema.parse({
  id: 'SPRING',
  name: 'Spring',
  trigger_type: 'in_app_modal',
  bid_micros: 100_000,
  budget_micros: 50 * UNIT,
});
const SPRING = 'SPRING' as CampaignId;

test('a campaign stored without an answer is found again by the next to lead', async () => {
  await using server = await startServer();
  const losing: ActorStore = {
    ...server.store,
    async commit(messages) {
      await server.store.commit(messages);
      return { status: 'unknown', reason: 'the answer was lost' };
    },
  };
  await using before = await openDesk(server, losing);
  await expect(before.desk.apply([CAMPAIGN], {}, 'ann')).rejects.toThrow(
    'not known whether this was stored',
  );
  // It must not go on with what it holds: it does not know of the campaign that is stored.
  expect(before.failures).toHaveLength(1);
  expect([...before.desk.campaigns]).toEqual([]);
  await using after = await openDesk(server);
  expect([...after.desk.campaigns]).toMatchObject([{ campaign: CAMPAIGN, status: 'live' }]);
});

describe('who changed what', () => {
  test('is stored with every change, and a change of something else is refused', async () => {
    await using server = await startServer();
    await using open = await openDesk(server);
    const { desk } = open;
    expect(await desk.apply([CAMPAIGN], {}, 'ann')).toBeUndefined();
    expect(await desk.apply([CAMPAIGN], { SPRING: 1 }, 'bob')).toBeUndefined();
    expect(spring(desk).revision).toBe(1);
    expect(await desk.setStatus('SPRING', 'pause', 1, 'bob')).toBeUndefined();
    expect(await desk.setStatus('SPRING', 'resume', 1, 'ann')).toMatch(
      'expected revision 2, which is in force, found 1',
    );
    expect(await desk.setStatus('SPRING', 'resume', undefined, 'ann')).toBeUndefined();
    const lower = { budget_micros: 10 * UNIT, daily_micros: 5 * UNIT };
    expect(await desk.setBudget('SPRING', lower, 3, 'cyn')).toBeUndefined();
    expect(await desk.setBudget('SPRING', lower, undefined, 'cyn')).toBeUndefined();
    expect(await desk.setBudget('SPRING', { daily_micros: null }, 4, 'cyn')).toBeUndefined();
    const trail = await stored(server.nc, trailOf(SPRING));
    expect(trail.map(({ revision, by, action }) => [revision, by, action])).toEqual([
      [1, 'ann', 'create'],
      [2, 'bob', 'pause'],
      [3, 'ann', 'resume'],
      [4, 'cyn', 'budget'],
      [5, 'cyn', 'budget'],
    ]);
    expect(trail[3]?.changed).toEqual([
      { field: 'budget_micros', from: 50 * UNIT, to: 10 * UNIT },
      { field: 'daily_micros', from: null, to: 5 * UNIT },
    ]);
    expect(trail[1]?.changed).toEqual([{ field: 'status', from: 'live', to: 'paused' }]);
  });

  test('mistakes are named, and nothing of the request is stored', async () => {
    await using server = await startServer();
    await using open = await openDesk(server);
    const { desk } = open;
    const broken = { ...CAMPAIGN, id: 'BROKEN', rule: 'no_such_thing > 1' };
    expect(await desk.apply([CAMPAIGN, broken], {}, 'ann')).toMatch('campaign BROKEN, rule: ');
    expect(await desk.apply([CAMPAIGN], { SPRING: 7 }, 'ann')).toMatch('found no such campaign');
    expect([...desk.campaigns]).toEqual([]);
    const paced = { ...CAMPAIGN, daily_micros: UNIT, pacing: 'even' as const };
    expect(await desk.apply([paced], {}, 'ann')).toBeUndefined();
    expect(await desk.setBudget('SPRING', { daily_micros: null }, 1, 'ann')).toMatch('pacing: ');
    expect(await desk.setBudget('NONE', {}, undefined, 'ann')).toMatch('no campaign "NONE"');
    await desk.setStatus('SPRING', 'end', undefined, 'ann');
    expect(await desk.setBudget('SPRING', { daily_micros: 5 }, 2, 'ann')).toMatch('has ended');
  });
});

test('a runaway campaign is throttled with an alert, which ends when it is resumed', async () => {
  await using server = await startServer();
  await using open = await openDesk(server);
  const { desk, clock } = open;
  const breaker = { spend_micros: 2 * UNIT, within_s: 60 };
  await desk.apply([{ ...CAMPAIGN, breaker }], {}, 'ann');
  let spent = 0;
  for (let round = 0; round < 20 && spring(desk).status === 'live'; round++) {
    spent += await server.takeIn(open.sent, UNIT);
    await open.seen(spent);
    clock.nowMs += SECOND_MS;
    await desk.settle();
  }
  expect(spring(desk)).toMatchObject({ status: 'throttled', revision: 2 });
  const subject = alertsOf('runaway_spend');
  const [alert] = await stored(server.nc, subject);
  expect(alert).toMatchObject({ status: 'open', key: 'SPRING', expected: 2 * UNIT });
  expect(alert?.found).toBe(spent);
  expect(spent).toBeGreaterThan(2 * UNIT);
  const [, throttled] = await stored(server.nc, trailOf(SPRING));
  expect(throttled).toMatchObject({ revision: 2, by: 'microtarget', action: 'throttle' });
  const id = String(alert?.id);
  const noted = await desk.acknowledgeAlert(id, 'eve', clock.nowMs);
  const acknowledged = { by: 'eve', at_ms: clock.nowMs };
  expect(noted).toEqual({
    ...alert,
    ...{ status: 'acknowledged', changed_ms: clock.nowMs, acknowledged },
  });
  expect(await stored(server.nc, subject)).toEqual([noted]);
  expect(await desk.acknowledgeAlert(id, 'bob', clock.nowMs), 'once').toBeUndefined();
  expect(await desk.acknowledgeAlert('none', 'bob', clock.nowMs)).toBeUndefined();
  // Whoever leads next knows of the alert.
  await using next = await openDesk(server);
  expect(await next.desk.setStatus('SPRING', 'resume', 2, 'ann')).toBeUndefined();
  expect(spring(next.desk).status).toBe('live');
  expect(await stored(server.nc, subject)).toMatchObject([
    { status: 'resolved', id, acknowledged },
  ]);
  expect(await next.desk.acknowledgeAlert(id, 'bob', clock.nowMs), 'over').toBeUndefined();
});

test('a lost grant is sent again, less and less often, until it is taken in', async () => {
  await using server = await startServer();
  await using open = await openDesk(server);
  const { desk, clock, sent } = open;
  await desk.apply([CAMPAIGN], {}, 'ann');
  const grants = (): number => sent.filter(({ control }) => control.type === 'grants.put').length;
  expect(grants()).toBe(TEST_PARTITIONS);
  const rounds: number[] = [];
  for (let second = 0; second < 64; second++) {
    clock.nowMs += SECOND_MS;
    const before = grants();
    await desk.settle();
    if (grants() > before) rounds.push(second + 1);
  }
  expect(rounds).toEqual([2, 6, 14, 30, 62]);
  await server.takeIn(sent, 0);
  await open.seen(0);
  const before = grants();
  clock.nowMs += HOUR_MS;
  await desk.settle();
  expect(grants()).toBe(before);
});

test('what hours bring is learnt, and stored at most once a minute', async () => {
  await using server = await startServer();
  await using open = await openDesk(server);
  const { desk, clock } = open;
  const subject = cellSubject(0 as Partition, 'traffic');
  for (let second = 0; second < 150; second++) {
    clock.nowMs += SECOND_MS;
    const body = JSON.stringify({ v: 2, accepted: 10 * second });
    await server.store.commit([{ subject, body }]);
    await open.until(() => open.view.cell(0, 'traffic')?.accepted === 10 * second);
    await desk.settle();
  }
  expect(open.commits.filter((subjects) => subjects.includes(COORDINATOR_DEMAND))).toHaveLength(3);
  const [demand] = await stored(server.nc, COORDINATOR_DEMAND);
  const { accepted: hours } = demandSchema.parse(demand);
  const accepted = hours.reduce((sum, each) => sum + each, 0);
  expect(accepted).toBeGreaterThan(1_000);
  expect(accepted).toBeLessThanOrEqual(1_490);
});

function spring(desk: BudgetDesk): CampaignActorState {
  for (const actor of desk.campaigns) if (actor.campaign.id === 'SPRING') return actor;
  throw new Error('expected SPRING');
}

interface Sent {
  readonly partition: Partition;
  readonly control: Control;
}

/** A server, with workers that take grants in when asked to. */
async function startServer() {
  const server = await startTestServer();
  const nc = await server.connectAs('engine');
  await ensureStreams(nc, { partitions: TEST_PARTITIONS, replicas: 1 });
  const store = await natsActorStore(nc);
  const cells = new Map<number, DeliveryCell>();
  return {
    nc,
    store,
    /** Partitions take in the grants that were sent, and spend up to so much of them in all. */
    async takeIn(sent: readonly Sent[], spendMicros: number): Promise<number> {
      for (const { partition, control } of sent) {
        const grant = control.type === 'grants.put' ? control.grants.SPRING : undefined;
        const cell = cells.get(partition) ?? emptyDelivery();
        if (grant !== undefined && control.version > cell.grant_version) {
          takeGrant(cell, grant, control.version);
        }
        cells.set(partition, cell);
      }
      let left = spendMicros;
      for (const [partition, cell] of cells) {
        const paid = Math.min(left, (cell.grant?.allow_micros ?? 0) - cell.window_micros);
        cell.spent_micros += paid;
        cell.window_micros += paid;
        left -= paid;
        const subject = cellSubject(partition as Partition, 'delivery.SPRING');
        await store.commit([{ subject, body: JSON.stringify(cell) }]);
      }
      return spendMicros - left;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

type Server = Awaited<ReturnType<typeof startServer>>;

/** Takes the lead at BASE_MS, by a clock that stands still until it is moved. */
async function openDesk({ nc, store }: Server, used: ActorStore = store) {
  const own = { settings: DEFAULT_SETTINGS, model: DEFAULT_REFERENCE.scorer.model };
  const state = await claimLeadership(nc, store, 'first', own, () => false);
  if (state === undefined) throw new Error('expected to lead');
  const view = await CellView.open(nc);
  const failures: unknown[] = [];
  const sent: Sent[] = [];
  const commits: string[][] = [];
  const clock = { nowMs: BASE_MS };
  const desk = new BudgetDesk(state, {
    store: {
      ...used,
      commit(messages) {
        commits.push(messages.map(({ subject }) => subject));
        return used.commit(messages);
      },
    },
    view,
    partitions: TEST_PARTITIONS,
    failed: (error) => failures.push(error),
    nowMs: () => clock.nowMs,
    publishControl: async (partition, control) => void sent.push({ partition, control }),
  });
  const until = async (isSo: () => boolean): Promise<void> => {
    const deadlineMs = performance.now() + 5_000;
    while (!isSo()) {
      if (performance.now() > deadlineMs) throw new Error('expected to see it by now');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  /** Waits until the view shows what is spent, and grants taken in. */
  const seen = (atLeastMicros: number): Promise<void> =>
    until(() => {
      let spent = 0;
      let taken = 0;
      for (let p = 0; p < TEST_PARTITIONS; p++) {
        const cell = view.cellOf(p, 'delivery', 'SPRING');
        spent += cell?.spent_micros ?? 0;
        if (cell?.grant) taken++;
      }
      return spent >= atLeastMicros && taken === TEST_PARTITIONS;
    });
  const close = () => view[Symbol.asyncDispose]();
  return { desk, view, clock, sent, commits, failures, until, seen, [Symbol.asyncDispose]: close };
}

/** What stands under a subject, the earliest first. */
async function stored(nc: NatsConnection, subject: string): Promise<Record<string, unknown>[]> {
  const jsm = await jetstreamManager(nc);
  const { subjects = {} } = (await jsm.streams.info(ACTORS_STREAM, { subjects_filter: subject }))
    .state;
  const count = Object.keys(subjects).length;
  const consumer = await jetstream(nc).consumers.get(ACTORS_STREAM, {
    filter_subjects: subject,
    deliver_policy: DeliverPolicy.LastPerSubject,
  });
  const found: Record<string, unknown>[] = [];
  if (count === 0) return found;
  const messages = await consumer.fetch({ max_messages: count, expires: 2_000 });
  for await (const message of messages) found.push(message.json());
  return found;
}
