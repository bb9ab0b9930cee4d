/**
 * Atomic publishes in one round trip: all messages but the last are plain publishes, the last is
 * the request that commits. The client's own batch API is not used: it drops fences and TTLs and
 * costs another round trip.
 */
import { type MsgHdrs, MsgHdrsImpl, type NatsConnection, nuid } from '@nats-io/transport-node';
import type { StreamSequence } from '../../protocols/ids.ts';
import type { CommitOutcome, StoreMessage } from '../ports.ts';

/** The server's own limit on messages in a batch. */
export const MAX_BATCH_MESSAGES = 1_000;
/** How long a commit may take before its fate counts as unknown. */
export const COMMIT_TIMEOUT_MS = 5_000;

const WRONG_LAST_SEQUENCE = new Set([10_071, 10_164]);
/**
 * Errors that lie in the messages themselves: too large (10054, 10199), a header that is not
 * allowed (10165, 10166, 10177), a repeated id (10201). Others lie in the circumstances, first of
 * all 10176, "incomplete": the client drops what it could not send before it reconnects, so a
 * batch may arrive without its beginning.
 */
const REFUSED = new Set([10_054, 10_165, 10_166, 10_177, 10_199, 10_201]);

interface PubAck {
  readonly seq?: number;
  readonly error?: { readonly err_code: number; readonly description: string };
}

/** The server refused a batch for a reason that trying again cannot mend. */
export class CommitRefused extends Error {
  override readonly name = 'CommitRefused';
  readonly retryable = false;
}

/**
 * Publishes messages to one stream, all or none.
 *
 * @param messages 1 to MAX_BATCH_MESSAGES; the outcome's sequence is that of the last one.
 * @throws CommitRefused if the stream does not take such a batch at all.
 */
export async function publishAtomically(
  nc: NatsConnection,
  messages: readonly StoreMessage[],
): Promise<CommitOutcome> {
  const count = messages.length;
  if (count === 0 || count > MAX_BATCH_MESSAGES) {
    throw new CommitRefused(`expected 1 to ${MAX_BATCH_MESSAGES} messages, found ${count}`);
  }
  const batchId = count === 1 ? undefined : nuid.next();
  for (let i = 0; i < count - 1; i++) {
    const message = messages[i] as StoreMessage;
    nc.publish(message.subject, message.body, { headers: headersOf(message, batchId, i + 1) });
  }
  const last = messages[count - 1] as StoreMessage;
  let ack: PubAck;
  try {
    const reply = await nc.request(last.subject, last.body, {
      headers: headersOf(last, batchId, count, true),
      timeout: COMMIT_TIMEOUT_MS,
    });
    ack = reply.json<PubAck>();
  } catch (error) {
    return { status: 'unknown', reason: error instanceof Error ? error.message : String(error) };
  }
  return outcomeOf(ack);
}

function outcomeOf({ seq, error }: PubAck): CommitOutcome {
  if (error !== undefined) {
    if (WRONG_LAST_SEQUENCE.has(error.err_code)) {
      return { status: 'fenced', reason: error.description };
    }
    const reason = `${error.err_code} ${error.description}`;
    if (REFUSED.has(error.err_code)) throw new CommitRefused(`the server refused: ${reason}`);
    return { status: 'unknown', reason };
  }
  if (seq === undefined) return { status: 'unknown', reason: 'an answer without a sequence' };
  return { status: 'stored', lastSequence: seq as StreamSequence };
}

/**
 * Headers made of lines that are known to be sound. The client's own type builds a map of lists
 * for each message, which was a tenth of a commit's cost.
 */
class RawHeaders extends MsgHdrsImpl {
  readonly #bytes: Uint8Array;

  constructor(lines: string) {
    super();
    this.#bytes = Buffer.from(`NATS/1.0\r\n${lines}\r\n`, 'latin1');
  }

  override encode(): Uint8Array {
    return this.#bytes;
  }
}

function headersOf(
  { fence, ttlS }: StoreMessage,
  batchId: string | undefined,
  position: number,
  isCommit = false,
): MsgHdrs {
  let lines = '';
  if (batchId !== undefined) {
    lines += `Nats-Batch-Id: ${batchId}\r\nNats-Batch-Sequence: ${position}\r\n`;
    if (isCommit) lines += 'Nats-Batch-Commit: 1\r\n';
  }
  if (fence !== undefined) lines += `Nats-Expected-Last-Subject-Sequence: ${fence}\r\n`;
  if (ttlS !== undefined) lines += `Nats-TTL: ${ttlS}s\r\n`;
  return new RawHeaders(lines);
}
