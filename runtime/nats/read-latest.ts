/**
 * The last messages on some subjects, without reading those before: where they begin is found by
 * counting what lies behind positions of the stream.
 *
 * Invariants:
 *   L2 At most twice as many messages are read as are asked for, however many there are; and some
 *      2 log2(sequences) positions are looked at.
 */
import {
  DeliverPolicy,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { countFrom } from './lag.ts';

/** How long reading may take, positions found. */
const READ_TIMEOUT_MS = 5_000;
/** Steps back from the end of the stream grow by this factor. */
const GALLOP = 4;

/** The messages could not be read whole; they may be when asked again. */
export class ReadIncomplete extends Error {
  override readonly name = 'ReadIncomplete';
  readonly retryable = true;
}

export interface LatestQuery {
  readonly stream: string;
  readonly subjects: readonly string[];
  /** Messages to give to `take`, at most. */
  readonly count: number;
}

/**
 * Gives the last messages to `take`, in stream order; the next one after it has settled.
 *
 * @returns how many messages there are on the subjects.
 * @throws ReadIncomplete
 */
export async function readLatest(
  nc: NatsConnection,
  query: LatestQuery,
  take: (message: JsMsg) => void | Promise<void>,
): Promise<number> {
  const jsm = await jetstreamManager(nc);
  const total = await countFrom(jsm, query.stream, query.subjects, 1);
  if (total === 0) return 0;
  const consumer = await jetstream(nc).consumers.get(query.stream, {
    filter_subjects: [...query.subjects],
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: total <= query.count ? 1 : await startOfLatest(jsm, query),
  });
  let left = (await consumer.info(true)).num_pending;
  if (left === 0) return total;
  const messages = await consumer.consume({ expires: 3_000, idle_heartbeat: 750 });
  const timeout = setTimeout(() => messages.stop(), READ_TIMEOUT_MS);
  try {
    for await (const message of messages) {
      left--;
      if (left < query.count) await take(message);
      // What is replaced or purged meanwhile does not come any more.
      if (message.info.pending === 0) left = 0;
      if (left === 0) break;
    }
  } finally {
    clearTimeout(timeout);
  }
  if (left === 0) return total;
  throw new ReadIncomplete(`${query.subjects.join(', ')}: ${left} messages did not come in time`);
}

/** A sequence from which `count` to 2 x `count` messages come; there are more than that. */
async function startOfLatest(
  jsm: JetStreamManager,
  { stream, subjects, count }: LatestQuery,
): Promise<number> {
  const { state } = await jsm.streams.info(stream);
  const countAt = (from: number): Promise<number> => countFrom(jsm, stream, subjects, from);
  // From `low` on there are at least `count` messages, from `high` on fewer.
  let low = state.first_seq;
  let high = state.last_seq + 1;
  let found = Number.POSITIVE_INFINITY;
  for (let step = count; high - step > low; step *= GALLOP) {
    const from = high - step;
    const messages = await countAt(from);
    if (messages >= count) {
      low = from;
      found = messages;
      break;
    }
    high = from;
  }
  while (found > 2 * count && high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const messages = await countAt(middle);
    if (messages >= count) {
      low = middle;
      found = messages;
    } else high = middle;
  }
  return low;
}
