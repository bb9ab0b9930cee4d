/**
 * Which events have to be answered, from docs/semantics.md, and whether the stored receipts say
 * what the audit finds when it holds their auctions again.
 */
import { hash64 } from '../../actors/hash.ts';
import { SIGNALS } from '../../protocols/campaign.ts';
import { type Receipt, receiptSchema } from '../../protocols/decision.ts';
import type { Event } from '../../protocols/event.ts';
import type { DecisionId, UserToken } from '../../protocols/ids.ts';
import { receiptSubject } from '../../protocols/subjects.ts';
import { type Differences, isSameNumber } from './differences.ts';
import {
  type AuctionInput,
  type AuctionOutcome,
  anyMayBid,
  expectedAuction,
  type Occasion,
} from './expected-auction.ts';
import type { ExpectedPartition } from './expected-partition.ts';
import { leadingConceptOf } from './expected-scores.ts';
import type { ExpectedUser } from './expected-user.ts';
import { readerOf, type StoredView } from './stored-view.ts';

const readReceipt = readerOf('receipt', receiptSchema);

export class DecisionCheck {
  readonly #stored: StoredView;
  readonly #differences: Differences;
  #count = 0;

  constructor(stored: StoredView, differences: Differences) {
    this.#stored = stored;
    this.#differences = differences;
  }

  /** How many events had to be answered. */
  get count(): number {
    return this.#count;
  }

  /** Holds the auction on an accepted event, charges the winner, and checks the receipt. */
  take(partition: ExpectedPartition, user: ExpectedUser, event: Event, sequence: number): void {
    const occasion = occasionOf(event);
    if (occasion === undefined) return;
    const id = decisionIdOf(user.token, event.event_id);
    const subject = receiptSubject(user.token as UserToken, id);
    const found = this.#stored.peek(subject, readReceipt);
    // A later event with the same id, which the user's memory of ids had lost, wrote over it.
    const isOverwritten = found !== undefined && found.event.sequence > sequence;
    const own = user.signals;
    const input: AuctionInput = {
      occasion,
      campaigns: partition.campaigns,
      delivery: partition.delivery,
      // They agree but for rounding, and with the stored ones every score is the same integer.
      signals: found !== undefined && agree(own, found.signals) ? found.signals : own,
      exposures: user.exposures,
      reserveMicros: partition.settings.reserve_micros,
    };
    const isAsked = occasion.trigger === undefined;
    // A receipt for what must not be answered stays untaken, so it is reported in the end.
    if (!isAsked && !anyMayBid(input)) return;
    this.#count++;
    const outcome = expectedAuction(input);
    const receipt = receiptOf(partition, user, { id, event, sequence, own, input, outcome });
    charge(partition, receipt);
    user.decided(receipt.decision, event.timestamp);
    if (isOverwritten) addReceipted(partition, receipt);
    else this.#check(subject, partition, receipt, found);
  }

  #check(
    subject: string,
    partition: ExpectedPartition,
    expected: Receipt,
    found: Receipt | undefined,
  ): void {
    if (!this.#stored.has(subject)) {
      const { winner_campaign } = expected.decision.orchestration;
      this.#differences.add(subject, { winner_campaign }, undefined);
    }
    this.#stored.drop(subject);
    if (found === undefined) return;
    this.#differences.compare(subject, expected, found);
    addReceipted(partition, found);
  }
}

/** The facts of one decision. */
interface Made {
  readonly id: DecisionId;
  readonly event: Event;
  readonly sequence: number;
  readonly own: Receipt['signals'];
  readonly input: AuctionInput;
  readonly outcome: AuctionOutcome;
}

function receiptOf(
  { settingsVersion, model }: ExpectedPartition,
  user: ExpectedUser,
  { id, event, sequence, own, input, outcome }: Made,
): Receipt {
  const { winner, ...explained } = outcome;
  const { placement } = input.occasion;
  const { token } = user;
  return {
    v: 2,
    decision: {
      v: 1,
      decision_id: id,
      rtme_state: {
        engagement_intent: own.engagement_intent,
        purchase_intent: own.purchase_intent,
        churn_risk: own.churn_risk,
        concept: leadingConceptOf(input.signals, model.model),
      },
      orchestration: {
        winner_campaign: winner?.id ?? null,
        trigger_type: winner?.trigger_type ?? null,
      },
      event_id: event.event_id,
      receipt_id: `${token}.${id}`,
    },
    user: token,
    event: {
      event_id: event.event_id,
      type: event.type,
      sequence,
      timestamp: event.timestamp,
      ...(placement === undefined ? {} : { placement }),
    },
    versions: { model: model.model.version, settings: settingsVersion },
    signals: own,
    explanation: user.explanation(model),
    reserve_micros: input.reserveMicros,
    ...explained,
  };
}

/** Takes the price from the winner's grant. */
function charge(partition: ExpectedPartition, receipt: Receipt): void {
  partition.traffic.decisions++;
  const winner = receipt.decision.orchestration.winner_campaign;
  if (winner === null) return;
  partition.traffic.wins++;
  const delivery = partition.deliveryOf(winner);
  delivery.spent_micros += receipt.price_micros;
  delivery.wins++;
}

function addReceipted(partition: ExpectedPartition, receipt: Receipt): void {
  const winner = receipt.decision.orchestration.winner_campaign;
  if (winner === null) return;
  const spend = partition.receiptedOf(winner);
  spend.micros += receipt.price_micros;
  spend.wins++;
}

function occasionOf(event: Event): Occasion | undefined {
  const t = event.timestamp;
  if (event.type === 'opportunity') {
    return { t, trigger: undefined, placement: event.placement };
  }
  if (event.decide === true) return { t, trigger: undefined, placement: undefined };
  const { type } = event;
  const mayTrigger =
    type === 'behavior' || type === 'impression' || type === 'click' || type === 'conversion';
  return mayTrigger ? { t, trigger: type, placement: undefined } : undefined;
}

function decisionIdOf(token: string, eventId: string): DecisionId {
  return `d_${hash64(`${token}\n${eventId.toLowerCase()}`)}` as DecisionId;
}

function agree(own: Receipt['signals'], found: Receipt['signals']): boolean {
  return SIGNALS.every((signal) => isSameNumber(own[signal], found[signal]));
}
