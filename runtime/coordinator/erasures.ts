/**
 * Carries out erasures: what the ledger holds about a user who took back consent is removed from
 * the stream, then the task itself. Doing one again is harmless.
 */
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { UserToken } from '../../protocols/ids.ts';
import { ACTORS_STREAM, ERASURES_ALL, ledgerOfUser } from '../../protocols/subjects.ts';

/** Carries out every erasure that is stored, and those to come; ends with `stop`. */
export async function carryOutErasures(
  nc: NatsConnection,
  onError: (error: unknown) => void,
): Promise<{ stop(): Promise<unknown> }> {
  const jsm = await jetstreamManager(nc);
  const consumer = await jetstream(nc).consumers.get(ACTORS_STREAM, {
    filter_subjects: ERASURES_ALL,
    deliver_policy: DeliverPolicy.All,
  });
  const messages = await consumer.consume({ max_messages: 100 });
  const done = (async () => {
    for await (const { seq, subject } of messages) {
      const user = subject.slice('erasure.'.length) as UserToken;
      // What was stored after the task is of a later consent, and stays.
      await jsm.streams.purge(ACTORS_STREAM, { filter: ledgerOfUser(user), seq });
      await jsm.streams.purge(ACTORS_STREAM, { filter: subject, seq: seq + 1 });
    }
  })();
  done.catch(onError);
  return { stop: () => messages.close() };
}
