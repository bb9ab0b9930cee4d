/** Atomic batches on a real nats-server: what becomes of one that arrives in pieces. */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { CommitRefused, publishAtomically } from '../../runtime/nats/atomic-batch.ts';
import { ensureStreams } from '../../runtime/nats/streams.ts';
import { startTestServer } from '../nats-fixture.ts';

const MESSAGES = ['a', 'b', 'c'].map((name) => ({ subject: `receipts.ada.${name}`, body: name }));

/** As when the connection breaks: the client drops what it had not sent before it reconnects. */
function losingTheBeginning(nc: NatsConnection): NatsConnection {
  return new Proxy(nc, {
    get: (target, name) => {
      if (name === 'publish') return () => {};
      const member = Reflect.get(target, name) as unknown;
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

test('a batch without its beginning is not stored, and nobody is to blame', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await ensureStreams(nc, { partitions: 4, replicas: 1 });
  const outcome = await publishAtomically(losingTheBeginning(nc), MESSAGES);
  // Refused for good, it would send its only event to the dead letter.
  expect(outcome).toMatchObject({ status: 'unknown', reason: expect.stringMatching('incomplete') });
  const { state } = await (await jetstreamManager(nc)).streams.info('ACTORS');
  expect(state.messages).toBe(0);
  expect(await publishAtomically(nc, MESSAGES)).toEqual({ status: 'stored', lastSequence: 3 });
});

test('a batch with a message that no server takes is refused for good', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  await ensureStreams(nc, { partitions: 4, replicas: 1 });
  const [first, ...rest] = MESSAGES;
  const tooLong = { subject: 'receipts.ada.x', body: '', ttlS: -5 };
  await expect(
    publishAtomically(nc, [first as (typeof MESSAGES)[number], tooLong, ...rest]),
  ).rejects.toThrow(CommitRefused);
});
