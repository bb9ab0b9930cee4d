/**
 * How much of a partition's log lies behind a position.
 */
import { DeliverPolicy, type JetStreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Partition } from '../../protocols/ids.ts';
import { EVENTS_STREAM, partitionLog } from '../../protocols/subjects.ts';

const PROBE_LIFETIME_MS = 1_000;

/** Counts the records after `sequence`: a consumer knows what it would deliver, unread. */
export async function partitionLag(
  jsm: JetStreamManager,
  partition: Partition,
  sequence: number,
): Promise<number> {
  const probe = await jsm.consumers.add(EVENTS_STREAM, {
    filter_subject: partitionLog(partition),
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: sequence + 1,
    inactive_threshold: nanos(PROBE_LIFETIME_MS),
    mem_storage: true,
  });
  await jsm.consumers.delete(EVENTS_STREAM, probe.name);
  return probe.num_pending;
}
