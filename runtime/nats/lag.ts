/**
 * How many messages lie behind a position of a stream.
 */
import { DeliverPolicy, type JetStreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Partition } from '../../protocols/ids.ts';
import { EVENTS_STREAM, partitionLog } from '../../protocols/subjects.ts';

const PROBE_LIFETIME_MS = 1_000;

/** Counts the records of a partition's log after `sequence`. */
export function partitionLag(
  jsm: JetStreamManager,
  partition: Partition,
  sequence: number,
): Promise<number> {
  return countFrom(jsm, EVENTS_STREAM, [partitionLog(partition)], sequence + 1);
}

/** Counts the messages from `from` on: a consumer knows what it would deliver, unread. */
export async function countFrom(
  jsm: JetStreamManager,
  stream: string,
  filter_subjects: readonly string[],
  from: number,
): Promise<number> {
  const probe = await jsm.consumers.add(stream, {
    filter_subjects: [...filter_subjects],
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: Math.max(1, from),
    inactive_threshold: nanos(PROBE_LIFETIME_MS),
    mem_storage: true,
  });
  // One that is not deleted goes by itself, on a busy machine before it can be deleted.
  await jsm.consumers.delete(stream, probe.name).catch(() => {});
  return probe.num_pending;
}
