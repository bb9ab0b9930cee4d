/**
 * A decision made again from the log: the proof that it follows from it, and the smallest changes
 * that would have had another winner.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  type BidFlip,
  type ConceptFlip,
  searchConceptFlip,
  smallestBidFlip,
} from '../../actors/campaign/flips.ts';
import { type Receipt, receiptSchema } from '../../protocols/decision.ts';
import type { Partition, StreamSequence, UserToken } from '../../protocols/ids.ts';
import { ACTORS_STREAM, partitionOf, receiptsOfDecision } from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import { natsEventLog } from '../nats/event-log.ts';
import { partitionsOf } from '../nats/streams.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import { travelTo } from './partition-past.ts';

/** What the log gives when the decision is made again. */
export interface Rerun {
  readonly isSame: boolean;
  /** The smallest changes that would have had another winner; undefined where none would. */
  readonly bidFlip: BidFlip | undefined;
  readonly conceptFlip: ConceptFlip | undefined;
  /** The receipt as stored, and as it comes out now. */
  readonly stored: string;
  readonly again: string | undefined;
}

/** There is no such decision, or none that can be made again. */
export class DecisionNotFound extends Error {
  override readonly name = 'DecisionNotFound';
  readonly retryable = false;
}

/**
 * The stored receipt of a decision, as text.
 *
 * @throws DecisionNotFound
 */
export async function readReceipt(nc: NatsConnection, decision: string): Promise<string> {
  const filter = /^d_[0-9a-f]{16}$/.test(decision) ? receiptsOfDecision(decision) : undefined;
  if (filter === undefined) {
    throw new DecisionNotFound(
      `expected a decision id such as d_78291a0b1c2d3e4f, found ${decision}`,
    );
  }
  const jsm = await jetstreamManager(nc);
  const found = await jsm.direct.getLastMessagesFor(ACTORS_STREAM, { multi_last: [filter] });
  for await (const message of found) return message.string();
  throw new DecisionNotFound(
    `no decision ${decision}: its id is in the decision itself, and in \`inspect user\``,
  );
}

/** A stored receipt, of whichever release. */
export function parseReceipt(stored: string): Receipt {
  return receiptSchema.parse(upcast('receipt', JSON.parse(stored)));
}

/** The partition whose log a decision follows from, and where in it. */
export async function placeOf(
  nc: NatsConnection,
  { user, event }: Receipt,
): Promise<{ readonly partition: Partition; readonly sequence: StreamSequence }> {
  const partitions = (await partitionsOf(await jetstreamManager(nc))) ?? 1;
  const partition = partitionOf(user as UserToken, partitions);
  return { partition, sequence: event.sequence as StreamSequence };
}

/**
 * Makes a decision again from the log. Cost: see travelTo.
 *
 * @param stored the receipt's text, to be compared with.
 * @param onProgress called with the sequence reached, now and then.
 * @throws NetworkUnavailable if a model on the way has a network that cannot be run here, and
 *   DecisionNotFound if the event leads to no auction any more.
 */
export async function rerunDecision(
  nc: NatsConnection,
  receipt: Receipt,
  stored: string,
  networks: NetworkFolder,
  onProgress: (sequence: number) => void = () => {},
): Promise<Rerun> {
  const { partition, sequence } = await placeOf(nc, receipt);
  const log = natsEventLog(nc);
  const { past, next } = await travelTo(log, partition, sequence, networks, onProgress);
  const { auction, receipt: made } = await past.watch(next);
  if (auction === undefined) {
    throw new DecisionNotFound(`message ${sequence} of the log asks no one now`);
  }
  const bidFlip = smallestBidFlip(auction);
  const conceptFlip = await inTurns(searchConceptFlip(auction));
  const again = made === undefined ? undefined : JSON.stringify(made);
  return { isSame: again === stored, stored, again, bidFlip, conceptFlip };
}

/** Runs a search with a turn of the event loop after each step: whoever asked has other work. */
async function inTurns<T>(search: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const next = search.next();
    if (next.done === true) return next.value;
    await nextTurn();
  }
}
