/**
 * Explains decisions, one at a time: each is made again from the log of its partition.
 *
 * Invariants:
 *   X3 One decision at most is being made again, and MAX_WAITING_EXPLANATIONS wait.
 *   X4 None is begun whose log is longer than MAX_EXPLAINED_MESSAGES up to it.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Receipt } from '../../protocols/decision.ts';
import {
  type DecisionExplanation,
  MAX_EXPLAINED_MESSAGES,
  MAX_WAITING_EXPLANATIONS,
} from '../../protocols/live-services.ts';
import type { Refusal } from '../../protocols/refusal.ts';
import { partitionLag } from '../nats/lag.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import {
  DecisionNotFound,
  parseReceipt,
  placeOf,
  type Rerun,
  readReceipt,
  rerunDecision,
} from '../time-travel/rerun-decision.ts';

export class ExplanationDesk {
  readonly #nc: NatsConnection;
  readonly #networks: NetworkFolder;
  readonly #maxMessages: number;
  /** Settles when the last one that was asked for is done. */
  #last: Promise<unknown> = Promise.resolve();
  /** Being made again, and waiting. */
  #open = 0;

  constructor(
    nc: NatsConnection,
    networks: NetworkFolder,
    maxMessages: number = MAX_EXPLAINED_MESSAGES,
  ) {
    this.#nc = nc;
    this.#networks = networks;
    this.#maxMessages = maxMessages;
  }

  /**
   * Explains a decision, after those that were asked for before.
   *
   * Cost: some 30 microseconds a message of the log up to it, and memory for all users in it.
   * @returns a refusal if there is no such decision, its log is too long, or too many wait.
   * @throws NetworkUnavailable if a model on the way has a network that cannot be run here.
   */
  explain(decision: string): Promise<DecisionExplanation | Refusal> {
    if (this.#open > MAX_WAITING_EXPLANATIONS) {
      const problem = `${this.#open} other decisions are being explained: ask again in a moment`;
      return Promise.resolve({ problem, kind: 'unavailable' });
    }
    this.#open++;
    const explained = this.#last
      .then(() => this.#explain(decision))
      .finally(() => {
        this.#open--;
      });
    this.#last = explained.catch(() => {});
    return explained;
  }

  async #explain(decision: string): Promise<DecisionExplanation | Refusal> {
    try {
      const stored = await readReceipt(this.#nc, decision);
      const receipt = parseReceipt(stored);
      const messages = await this.#messagesUpTo(receipt);
      if (messages > this.#maxMessages) return tooLong(decision, messages, this.#maxMessages);
      const rerun = await rerunDecision(this.#nc, receipt, stored, this.#networks);
      return explanationOf(decision, receipt, rerun);
    } catch (error) {
      if (!(error instanceof DecisionNotFound)) throw error;
      return { problem: error.message, kind: 'unknown' };
    }
  }

  /** How many messages have to be applied again. */
  async #messagesUpTo(receipt: Receipt): Promise<number> {
    const jsm = await jetstreamManager(this.#nc);
    const { partition, sequence } = await placeOf(this.#nc, receipt);
    const behind = await partitionLag(jsm, partition, sequence);
    return (await partitionLag(jsm, partition, 0)) - behind;
  }
}

function tooLong(decision: string, messages: number, most: number): Refusal {
  const problem =
    `expected at most ${most} messages in the partition's log up to the decision, found ` +
    `${messages}: run \`microtarget explain ${decision}\``;
  return { problem, kind: 'conflict' };
}

function explanationOf(
  decision_id: string,
  receipt: Receipt,
  { isSame, bidFlip, conceptFlip }: Rerun,
): DecisionExplanation {
  const bid = bidFlip && {
    campaign: bidFlip.campaign,
    from_micros: bidFlip.fromMicros,
    to_micros: bidFlip.toMicros,
    winner: bidFlip.winner,
  };
  const flips = { bid: bid ?? null, concept: conceptFlip ?? null };
  return { decision_id, receipt, is_same: isSame, flips };
}
