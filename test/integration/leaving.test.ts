/** A worker that leaves, on a real nats-server that is slow to take note. */
import { expect, test } from 'vitest';
import type { Partition } from '../../protocols/ids.ts';
import { RENEW_EVERY_MS } from '../../runtime/nats/membership.ts';
import { pause } from '../../runtime/timing.ts';
import { startTestWorker, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

/** Long enough for the membership to be renewed while partitions are given away. */
const SLOW_MS = RENEW_EVERY_MS * 2;

test('a worker that leaves does not take back what it gives away', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  let isSlow = false;
  const worker = await startTestWorker(nc, {
    store: (real) => ({
      ...real,
      async commit(messages) {
        if (isSlow) await pause(SLOW_MS);
        return real.commit(messages);
      },
    }),
  });
  await until('it to own all', () => worker.partitions.every(({ isRunning }) => isRunning));
  isSlow = true;
  const startedMs = performance.now();
  await worker.stop();
  expect(performance.now() - startedMs).toBeLessThan(SLOW_MS * 2);
  for (let partition = 0; partition < TEST_PARTITIONS; partition++) {
    const checkpoint = await worker.store.readCheckpoint(partition as Partition);
    expect(checkpoint?.value).toMatchObject({ owner: '', epoch: 1 });
  }
});
