/**
 * From a user's state and an occasion to a decision with its receipt, and what winning costs.
 */

import type { Candidate, Receipt } from '../../protocols/decision.ts';
import type { Event } from '../../protocols/event.ts';
import { MAX_RECEIPT_FEATURES } from '../../protocols/explanation.ts';
import type { DecisionId, StreamSequence, UserToken } from '../../protocols/ids.ts';
import type { Model } from '../../protocols/model.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import { type AuctionResult, type Bidder, qualityParts, runAuction } from '../campaign/auction.ts';
import { exclusionOf, MAX_EXPOSURES, type Occasion } from '../campaign/eligibility.ts';
import { hash64 } from '../hash.ts';
import { leadingConcept, signalsOf } from '../model/scorer.ts';
import { explanationOf } from '../user/state.ts';
import type { PartitionState } from './state.ts';

export interface DecisionMade {
  readonly receipt: Receipt;
  /** The user's state with the win remembered. */
  readonly state: FusedState;
}

/** The id of the decision that an event leads to: the same at every replay. */
export function decisionIdOf(user: UserToken, eventId: string): DecisionId {
  return `d_${hash64(`${user}\n${eventId.toLowerCase()}`)}` as DecisionId;
}

/** Whether an event asks outright for a decision and is answered even if nobody qualifies. */
export function asksForDecision(event: Event): boolean {
  return event.type === 'opportunity' || event.decide === true;
}

/**
 * Decides on an event that asks for a decision or triggers a campaign, and charges the winner.
 *
 * @returns undefined if the event neither asks for a decision nor makes a campaign win.
 * Cost: O(campaigns).
 */
export function decide(
  partition: PartitionState,
  user: UserToken,
  state: FusedState,
  event: Event,
  sequence: StreamSequence,
): DecisionMade | undefined {
  const occasion = occasionOf(event);
  if (occasion === undefined) return undefined;
  const asked = asksForDecision(event);
  if (!asked && partition.campaigns.size === 0) return undefined;
  const signals = signalsOf(state.concepts, state.intents);
  const bidders: Bidder[] = [];
  for (const { campaign, version, status } of partition.campaigns.values()) {
    const delivery = partition.delivery(campaign.id);
    const { exposures } = state;
    const exclusion = exclusionOf(campaign, status, delivery, occasion, signals, exposures);
    bidders.push({ campaign, version, exclusion });
  }
  const { settings, settings_version } = partition.reference;
  const { model } = partition.userReference.scorer;
  const result = runAuction(bidders, signals, settings.reserve_micros);
  if (!asked && result.winner === undefined) return undefined;
  const versions = { model: model.version, settings: settings_version };
  const receipt: Receipt = {
    v: 2,
    decision: decisionOf(user, state, event, result, model),
    user,
    event: {
      event_id: event.event_id,
      type: event.type,
      sequence,
      timestamp: event.timestamp,
      ...(occasion.placement === undefined ? {} : { placement: occasion.placement }),
    },
    versions,
    signals,
    explanation: explanationOf(state, partition.userReference, MAX_RECEIPT_FEATURES),
    reserve_micros: settings.reserve_micros,
    ...explained(result, partition, signals),
    price_micros: result.priceMicros,
    price_setter: result.priceSetter,
  };
  return { receipt, state: charge(partition, state, event, receipt) };
}

/** What asks for the decision; undefined if the event does not. */
export function occasionOf(event: Event): Occasion | undefined {
  const atMs = event.timestamp;
  if (event.type === 'opportunity') {
    return { atMs, trigger: undefined, placement: event.placement };
  }
  if (event.decide === true) return { atMs, trigger: undefined, placement: undefined };
  switch (event.type) {
    case 'behavior':
    case 'impression':
    case 'click':
    case 'conversion':
      return { atMs, trigger: event.type, placement: undefined };
    default:
      return undefined;
  }
}

function decisionOf(
  user: UserToken,
  state: FusedState,
  event: Event,
  { winner }: AuctionResult,
  model: Model,
): Receipt['decision'] {
  const id = decisionIdOf(user, event.event_id);
  return {
    v: 1,
    decision_id: id,
    rtme_state: {
      engagement_intent: state.intents.engagement_intent,
      purchase_intent: state.intents.purchase_intent,
      churn_risk: state.intents.churn_risk,
      concept: leadingConcept(state.concepts, model),
    },
    orchestration: {
      winner_campaign: winner?.id ?? null,
      trigger_type: winner?.trigger_type ?? null,
    },
    event_id: event.event_id,
    receipt_id: `${user}.${id}`,
  };
}

/** The candidates with what their qualities are made of, and all exclusions counted. */
function explained(
  { candidates, excluded }: AuctionResult,
  partition: PartitionState,
  signals: Receipt['signals'],
): Pick<Receipt, 'candidates' | 'excluded'> {
  const listed = candidates.map((candidate): Candidate => {
    if (candidate.excluded !== undefined) return candidate;
    const entry = partition.campaigns.get(candidate.campaign);
    if (entry === undefined) throw new Error('A1: a candidate is not in the book');
    return { ...candidate, contributions: qualityParts(entry.campaign, signals) };
  });
  return { candidates: listed, excluded };
}

/** Takes the price from the winner's grant (I5) and remembers the win for frequency caps. */
function charge(
  partition: PartitionState,
  state: FusedState,
  event: Event,
  receipt: Receipt,
): FusedState {
  const lastDecision = receipt.decision.decision_id;
  const winner = receipt.decision.orchestration.winner_campaign;
  if (winner === null) return { ...state, lastDecision };
  const delivery = partition.changeDelivery(winner);
  delivery.spent_micros += receipt.price_micros;
  delivery.wins++;
  if (delivery.spent_micros > delivery.granted_micros) {
    throw new Error(`I5: ${winner} spent ${delivery.spent_micros} of ${delivery.granted_micros}`);
  }
  const exposures = state.exposures.concat({
    campaign: winner,
    t: event.timestamp,
    decision: lastDecision,
  });
  if (exposures.length > MAX_EXPOSURES) exposures.shift();
  return { ...state, lastDecision, exposures };
}
