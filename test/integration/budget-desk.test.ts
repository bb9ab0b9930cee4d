/** The campaign actors' home on a real nats-server that does not always answer. */
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { campaignSchema, DEFAULT_SETTINGS } from '../../protocols/campaign.ts';
import { BudgetDesk } from '../../runtime/coordinator/budget-desk.ts';
import { CellView } from '../../runtime/coordinator/cell-view.ts';
import { claimLeadership } from '../../runtime/coordinator/leadership.ts';
import { natsActorStore } from '../../runtime/nats/actor-store.ts';
import { ensureStreams } from '../../runtime/nats/streams.ts';
import type { ActorStore } from '../../runtime/ports.ts';
import { TEST_PARTITIONS } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

const CAMPAIGN = campaignSchema.parse({
  id: 'SPRING',
  name: 'Spring',
  trigger_type: 'in_app_modal',
  bid_micros: 100_000,
  budget_micros: 5_000_000,
});

test('a campaign stored without an answer is found again by the next to lead', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await ensureStreams(nc, { partitions: TEST_PARTITIONS, replicas: 1 });
  const store = await natsActorStore(nc);
  const failures: unknown[] = [];
  const losing: ActorStore = {
    ...store,
    async commit(messages) {
      await store.commit(messages);
      return { status: 'unknown', reason: 'the answer was lost' };
    },
  };
  await using before = await openDesk(nc, store, 'first', losing, failures);
  await expect(before.desk.apply([CAMPAIGN])).rejects.toThrow('not known whether this was stored');
  // It must not go on with what it holds: it does not know of the campaign that is stored.
  expect(failures).toHaveLength(1);
  expect(before.desk.report()).toEqual([]);
  await using after = await openDesk(nc, store, 'first', store, failures);
  expect(after.desk.report()).toMatchObject([{ campaign: { id: 'SPRING' }, status: 'live' }]);
});

async function openDesk(
  nc: NatsConnection,
  store: ActorStore,
  id: string,
  used: ActorStore,
  failures: unknown[],
) {
  const own = { settings: DEFAULT_SETTINGS, model: DEFAULT_REFERENCE.scorer.model };
  const state = await claimLeadership(nc, store, id, own, () => false);
  if (state === undefined) throw new Error('expected to lead');
  const view = await CellView.open(nc);
  const desk = new BudgetDesk(state, {
    store: used,
    view,
    partitions: TEST_PARTITIONS,
    failed: (error) => failures.push(error),
    nowMs: () => Date.now(),
    publishControl: async () => {},
  });
  return { desk, [Symbol.asyncDispose]: () => view[Symbol.asyncDispose]() };
}
