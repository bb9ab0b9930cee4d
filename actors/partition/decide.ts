/**
 * From a user's state and an occasion to a decision with its receipt, and what winning costs.
 */

import { MAX_EXPOSURES } from '../../protocols/courtesy.ts';
import type { Receipt } from '../../protocols/decision.ts';
import type { Event } from '../../protocols/event.ts';
import { MAX_RECEIPT_FEATURES } from '../../protocols/explanation.ts';
import type { DecisionId, StreamSequence, UserToken } from '../../protocols/ids.ts';
import type { Micros } from '../../protocols/money.ts';
import { type RuleOccasion, ruleFacts } from '../../protocols/rule-facts.ts';
import type { Chart, Exposure, FusedState } from '../../protocols/user-snapshot.ts';
import {
  type AuctionInput,
  type AuctionResult,
  type AuctionWin,
  holdAuction,
  type Occasion,
} from '../campaign/auction.ts';
import { hash64 } from '../hash.ts';
import { leadingConcept, signalsOf } from '../model/scorer.ts';
import { interestWeights } from '../user/interests.ts';
import { explanationOf } from '../user/state.ts';
import type { PartitionState } from './state.ts';
import { enrol } from './trials.ts';

/** A user as an auction sees one. */
export interface Decidable {
  readonly user: UserToken;
  readonly chart: Chart;
  readonly state: FusedState;
}

export interface DecisionMade {
  /** Undefined if nobody asked and nobody won: then only trials may have changed. */
  readonly receipt: Receipt | undefined;
  /** The user's state with wins and trials remembered. */
  readonly state: FusedState;
}

/** Shown each auction before it is held: `input` reads budgets that the auction will change. */
export type WatchAuction = (input: AuctionInput, concepts: FusedState['concepts']) => void;

/** The id of the decision that an event leads to: the same at every replay. */
export function decisionIdOf(user: UserToken, eventId: string): DecisionId {
  return `d_${hash64(`${user}\n${eventId.toLowerCase()}`)}` as DecisionId;
}

/** Whether an event asks outright for a decision and is answered even if nobody qualifies. */
export function asksForDecision(event: Event): boolean {
  return event.type === 'opportunity' || event.decide === true;
}

/**
 * Decides on an event that asks for a decision or triggers a campaign, and charges the winners.
 *
 * @param watch shown the auction before it is held.
 * @returns undefined if there was no auction.
 * Cost: O(campaigns).
 */
export function decide(
  partition: PartitionState,
  decidable: Decidable,
  { event, sequence }: { readonly event: Event; readonly sequence: StreamSequence },
  watch?: WatchAuction,
): DecisionMade | undefined {
  const occasion = occasionOf(event);
  if (occasion === undefined) return undefined;
  const asked = asksForDecision(event);
  if (!asked && partition.campaigns.size === 0) return undefined;
  const read = factsOf(partition, decidable, event);
  const input = auctionInput(partition, decidable, occasion, read);
  watch?.(input, decidable.state.concepts);
  const result = holdAuction(input);
  for (const [campaign, reason] of result.suppressed) partition.suppress(campaign, reason);
  const { state } = decidable;
  const trials = enrol(partition, state.trials, event.timestamp, result);
  if (!asked && result.wins.length === 0) {
    return { receipt: undefined, state: trials === state.trials ? state : { ...state, trials } };
  }
  const receipt = receiptOf(partition, decidable, { event, sequence, occasion, read, result });
  const won = charge(partition, event, receipt.decision.decision_id, result.wins);
  const exposures = won.length === 0 ? state.exposures : remember(state.exposures, won);
  const lastDecision = receipt.decision.decision_id;
  return { receipt, state: { ...state, lastDecision, exposures, trials } };
}

/** All that an auction reads, as it is now. */
function auctionInput(
  partition: PartitionState,
  { user, state }: Decidable,
  occasion: Occasion,
  read: RuleOccasion,
): AuctionInput {
  const { settings } = partition.reference;
  return {
    // A fresh iterator each time: a watcher may walk them before the auction does.
    entries: { [Symbol.iterator]: () => partition.campaigns.values() },
    delivery: (campaign) => partition.delivery(campaign),
    clockMs: partition.clockMs,
    user,
    facts: ruleFacts(read),
    exposures: state.exposures,
    zone: state.timeZone?.name ?? settings.time_zone,
    occasion,
    settings,
  };
}

/** What asks for the decision; undefined if the event does not. */
function occasionOf(event: Event): Occasion | undefined {
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

/** Signals and facts, as rules read them. */
function factsOf(
  partition: PartitionState,
  { chart, state }: Decidable,
  event: Event,
): RuleOccasion {
  const { type, source, region, device, user_mode } = event;
  return {
    signals: signalsOf(state.concepts, state.intents),
    interests: namedInterests(partition, state),
    event: type,
    placement: type === 'opportunity' ? event.placement : undefined,
    source,
    region,
    device,
    user_mode,
    funnel: chart.funnel,
    risk: chart.risk,
  };
}

/** The user's interests in topics that rules name. */
function namedInterests(partition: PartitionState, state: FusedState): RuleOccasion['interests'] {
  const { topics } = partition;
  const named = topics.size === 0 ? [] : Object.keys(state.interests).filter((t) => topics.has(t));
  if (named.length === 0) return {};
  const { model } = partition.userReference.scorer;
  const weights = interestWeights(state.interests, state.nowMs, model.interests.prior);
  return Object.fromEntries(named.sort().map((topic) => [topic, weights[topic] as number]));
}

/** All that a receipt is made of, beside the partition and the user. */
interface Made {
  readonly event: Event;
  readonly sequence: StreamSequence;
  readonly occasion: Occasion;
  readonly read: RuleOccasion;
  readonly result: AuctionResult;
}

function receiptOf(
  partition: PartitionState,
  { user, state }: Decidable,
  { event, sequence, occasion, read, result }: Made,
): Receipt {
  const { model } = partition.userReference.scorer;
  const { signals, interests } = read;
  return {
    v: 3,
    decision: decisionOf(partition, { user, state }, event, result.wins),
    user,
    event: {
      event_id: event.event_id,
      type: event.type,
      sequence,
      timestamp: event.timestamp,
      ...(occasion.placement === undefined ? {} : { placement: occasion.placement }),
    },
    versions: { model: model.version, settings: partition.reference.settings_version },
    signals,
    explanation: explanationOf(state, partition.userReference, MAX_RECEIPT_FEATURES),
    facts: {
      event: read.event,
      placement: read.placement ?? '',
      source: read.source ?? '',
      region: read.region ?? '',
      device: read.device ?? '',
      user_mode: read.user_mode,
      funnel: read.funnel,
      risk: read.risk,
      interests,
    },
    reserve_micros: result.reserveMicros,
    candidates: [...result.candidates],
    excluded: result.excluded,
    wins: result.wins.map(({ campaign, priceMicros, priceSetter }) => {
      return { campaign: campaign.id, price_micros: priceMicros, price_setter: priceSetter };
    }),
    held_out: [...result.heldOut],
  };
}

function decisionOf(
  partition: PartitionState,
  { user, state }: Pick<Decidable, 'user' | 'state'>,
  event: Event,
  wins: readonly AuctionWin[],
): Receipt['decision'] {
  const id = decisionIdOf(user, event.event_id);
  const first = wins[0]?.campaign;
  const slots = wins.map(({ campaign }) => {
    return { campaign: campaign.id, trigger_type: campaign.trigger_type };
  });
  return {
    v: 1,
    decision_id: id,
    rtme_state: {
      engagement_intent: state.intents.engagement_intent,
      purchase_intent: state.intents.purchase_intent,
      churn_risk: state.intents.churn_risk,
      concept: leadingConcept(state.concepts, partition.userReference.scorer.model),
    },
    orchestration: {
      winner_campaign: first?.id ?? null,
      trigger_type: first?.trigger_type ?? null,
      ...(slots.length > 1 ? { slots } : {}),
    },
    event_id: event.event_id,
    receipt_id: `${user}.${id}`,
  };
}

/** What a campaign's price waits for, by what it pays per. */
const PAID_ON = { impression: 'shown', click: 'clicked', action: 'converted' } as const;

/**
 * Takes the prices that are due at once from the winners' grants (I5).
 *
 * @returns the wins to remember: not those of house campaigns.
 */
function charge(
  partition: PartitionState,
  event: Event,
  decision: string,
  wins: readonly AuctionWin[],
): Exposure[] {
  const won: Exposure[] = [];
  for (const { campaign, priceMicros } of wins) {
    const { id, pay_per, house } = campaign;
    partition.win(id);
    if (house) continue;
    const owes = pay_per === 'win' ? null : { on: PAID_ON[pay_per], micros: priceMicros };
    if (owes === null) payNow(partition, id, priceMicros);
    won.push({ campaign: id, t: event.timestamp, decision, seen: [], owes });
  }
  return won;
}

function payNow(partition: PartitionState, campaign: string, micros: Micros): void {
  if (partition.pay(campaign, micros)) return;
  const delivery = JSON.stringify(partition.delivery(campaign));
  throw new Error(`I5: ${campaign} won at ${micros} with ${delivery}`);
}

function remember(exposures: readonly Exposure[], won: readonly Exposure[]): Exposure[] {
  return exposures.concat(won).slice(-MAX_EXPOSURES);
}
