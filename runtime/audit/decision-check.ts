/**
 * Which events have to be answered, from docs/semantics.md, and whether the stored receipts say
 * what the audit finds when it holds their auctions again.
 */
import { hash64 } from '../../actors/hash.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import { ALL_CAMPAIGNS } from '../../protocols/cells.ts';
import { type Receipt, receiptSchema } from '../../protocols/decision.ts';
import type { Event } from '../../protocols/event.ts';
import type { DecisionId, UserToken } from '../../protocols/ids.ts';
import { receiptSubject } from '../../protocols/subjects.ts';
import { type Differences, isSameNumber } from './differences.ts';
import { type AuctionOutcome, expectedAuction } from './expected-auction.ts';
import type { ExpectedWin } from './expected-delivery.ts';
import type { AuctionInput, Occasion } from './expected-eligibility.ts';
import type { ExpectedPartition } from './expected-partition.ts';
import type { Facts } from './expected-rules.ts';
import { leadingConceptOf } from './expected-scores.ts';
import type { Enrolling } from './expected-trials.ts';
import type { ExpectedUser } from './expected-user.ts';
import { readerOf, type StoredView } from './stored-view.ts';

const readReceipt = readerOf('receipt', receiptSchema);
/** What a price waits for, by what a campaign pays for. */
const DUE_ON = { impression: 'shown', click: 'clicked', action: 'converted' } as const;

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

  /** Holds the auction on an accepted event, takes its effects, and checks the receipt. */
  take(partition: ExpectedPartition, user: ExpectedUser, event: Event, sequence: number): void {
    const occasion = occasionOf(event);
    if (occasion === undefined) return;
    const { settings } = partition;
    const id = decisionIdOf(user.token, event.event_id);
    const subject = receiptSubject(user.token as UserToken, id);
    const found = this.#stored.peek(subject, readReceipt);
    // A later event with the same id, which the user's memory of ids had lost, wrote over it.
    const isOverwritten = found !== undefined && found.event.sequence > sequence;
    const own = factsOf(partition, user, event);
    const input: AuctionInput = {
      // They agree but for rounding, and with the stored ones every score is the same integer.
      ...asStored(own, found),
      t: event.timestamp,
      zone: user.zone(settings),
      wins: user.wins,
      user: user.token,
      occasion,
      campaigns: partition.campaigns,
      delivery: partition.delivery,
      settings,
    };
    const outcome = expectedAuction(input);
    partition.delivery.suppress(outcome.suppressed);
    user.trials.enrol(enrollingOf(outcome, partition), input.t, settings.outcome_window_ms);
    // A receipt for what must not be answered stays untaken, so it is reported in the end.
    if (occasion.trigger !== undefined && outcome.wins.length === 0) return;
    this.#count++;
    const receipt = receiptOf(partition, user, { id, event, sequence, own, input, outcome });
    if (!isOverwritten) this.#check(subject, receipt, found);
    const said = isOverwritten ? receipt : found;
    user.decided(receipt.decision, settle(partition, receipt, outcome.winners, said));
  }

  #check(subject: string, expected: Receipt, found: Receipt | undefined): void {
    if (!this.#stored.has(subject)) {
      const { winner_campaign } = expected.decision.orchestration;
      this.#differences.add(subject, { winner_campaign }, undefined);
    }
    this.#stored.drop(subject);
    if (found === undefined) return;
    // A receipt of an older release does not say what else was read.
    const { facts: _, ...known } = expected;
    this.#differences.compare(subject, found.facts === undefined ? known : expected, found);
  }
}

/** The facts of one decision. */
interface Made {
  readonly id: DecisionId;
  readonly event: Event;
  readonly sequence: number;
  readonly own: Facts;
  readonly input: AuctionInput;
  readonly outcome: AuctionOutcome;
}

function receiptOf(
  { settingsVersion, model }: ExpectedPartition,
  user: ExpectedUser,
  { id, event, sequence, own, input, outcome }: Made,
): Receipt {
  const { winners, suppressed: _, ...explained } = outcome;
  const { placement } = input.occasion;
  const { token } = user;
  const [first] = winners;
  const { engagement_intent, purchase_intent, churn_risk } = own.signals;
  const concept = leadingConceptOf(input.signals, model.model);
  const slots = winners.map(({ id: campaign, trigger_type }) => ({ campaign, trigger_type }));
  return {
    v: 3,
    decision: {
      v: 1,
      decision_id: id,
      rtme_state: { engagement_intent, purchase_intent, churn_risk, concept },
      orchestration: {
        winner_campaign: first?.id ?? null,
        trigger_type: first?.trigger_type ?? null,
        ...(slots.length > 1 ? { slots } : {}),
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
    ...own,
    explanation: user.explanation(model),
    ...explained,
  };
}

/**
 * Counts a decision and its wins, and charges what is due at once.
 *
 * @param said the receipt that is stored, or has been.
 * @returns the wins that the user remembers.
 */
function settle(
  { traffic, delivery }: ExpectedPartition,
  { decision, event, wins }: Receipt,
  winners: readonly Campaign[],
  said: Receipt | undefined,
): ExpectedWin[] {
  traffic.decisions++;
  traffic.wins += wins.length;
  for (const { campaign } of said?.wins ?? []) delivery.receiptedOf(campaign).wins++;
  const remembered: ExpectedWin[] = [];
  winners.forEach(({ id, house, pay_per }, i) => {
    const micros = wins[i]?.price_micros ?? 0;
    const win: ExpectedWin = {
      campaign: id,
      t: event.timestamp,
      decision: decision.decision_id,
      seen: new Set(),
      owes: house || pay_per === 'win' ? null : { on: DUE_ON[pay_per], micros },
      conversionMicros: [],
      receiptMicros: said?.wins.find(({ campaign }) => campaign === id)?.price_micros ?? 0,
    };
    delivery.won(win, micros);
    if (!house) remembered.push(win);
  });
  return remembered;
}

/** Who takes part in which trials from now on: those held out first. */
function enrollingOf(
  { held_out, winners }: AuctionOutcome,
  { campaigns, settings }: ExpectedPartition,
): Enrolling[] {
  const ppmOf = (campaign: string): number => {
    if (campaign === ALL_CAMPAIGNS) return settings.holdout_ppm;
    return campaigns.get(campaign)?.campaign.holdout_ppm ?? 0;
  };
  const bidding = winners.flatMap(({ id, house }) => (house ? [] : [id]));
  const treated = bidding.length === 0 ? [] : [...bidding, ALL_CAMPAIGNS];
  const enrolling = [
    ...held_out.map((campaign) => ({ campaign, ppm: ppmOf(campaign), isControl: true })),
    ...treated.map((campaign) => ({ campaign, ppm: ppmOf(campaign), isControl: false })),
  ];
  return enrolling.filter(({ ppm }) => ppm !== 0);
}

/** What an auction may read of a user and an event. */
function factsOf({ model, topics }: ExpectedPartition, user: ExpectedUser, event: Event): Facts {
  const { type, source = '', region = '', device = '', user_mode } = event;
  const { funnel, risk } = user.chart;
  const placement = event.type === 'opportunity' ? event.placement : '';
  const interests = user.interestsIn(topics, model);
  const words = { event: type, placement, source, region, device, user_mode, funnel, risk };
  return { signals: user.signals, facts: { ...words, interests } };
}

function occasionOf(event: Event): Occasion | undefined {
  if (event.type === 'opportunity') return { trigger: undefined, placement: event.placement };
  if (event.decide === true) return { trigger: undefined, placement: undefined };
  const { type } = event;
  const mayTrigger =
    type === 'behavior' || type === 'impression' || type === 'click' || type === 'conversion';
  return mayTrigger ? { trigger: type, placement: undefined } : undefined;
}

function decisionIdOf(token: string, eventId: string): DecisionId {
  return `d_${hash64(`${token}\n${eventId.toLowerCase()}`)}` as DecisionId;
}

/** The facts with the numbers of the stored receipt, if they agree but for rounding. */
function asStored(own: Facts, found: Receipt | undefined): Facts {
  if (found === undefined) return own;
  const interests = found.facts?.interests ?? own.facts.interests;
  const isSame = agree(own.signals, found.signals) && agree(own.facts.interests, interests);
  return isSame ? { signals: found.signals, facts: { ...own.facts, interests } } : own;
}

function agree(own: Readonly<Record<string, number>>, found: typeof own): boolean {
  const names = Object.keys(own);
  if (names.length !== Object.keys(found).length) return false;
  return names.every((name) => {
    const [a, b] = [own[name], Object.hasOwn(found, name) ? found[name] : undefined];
    return a !== undefined && b !== undefined && isSameNumber(a, b);
  });
}
