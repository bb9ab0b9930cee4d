/**
 * A partition's campaigns as docs/semantics.md says they must be delivered ("Grants and spending"):
 * what may be spent, what comes due, and what becomes of wins. Every win is kept; what cells count
 * is counted from them once, at the end.
 */
import {
  type DeliveryCell,
  MAX_SUPPRESSED_CAMPAIGNS,
  OTHER_CAMPAIGNS,
  type SuppressedCell,
} from '../../protocols/cells.ts';
import type { Exclusion } from '../../protocols/decision.ts';
import type { Event } from '../../protocols/event.ts';
import type { Grant, GrantLimit } from '../../protocols/grant.ts';
import { toMicros } from '../../protocols/money.ts';
import { type Exposure, OUTCOMES } from '../../protocols/user-snapshot.ts';

type Outcome = (typeof OUTCOMES)[number];
type OutcomeEvent = Extract<Event, { type: 'outcome' }>;
type ConversionEvent = Extract<Event, { type: 'conversion' }>;

/** A place that a campaign won, and what became of it. */
export interface ExpectedWin {
  readonly campaign: string;
  readonly t: number;
  readonly decision: string;
  readonly seen: Set<Outcome>;
  /** The price that waits for an outcome. */
  owes: Exposure['owes'];
  /** The values of the conversions that belong to it. */
  readonly conversionMicros: number[];
  /** Its price as the stored receipt has it; 0 if that has none. */
  readonly receiptMicros: number;
}

/** What the stored receipts say of a campaign. */
interface Receipted {
  wins: number;
  /** The prices among these that came due, whether they were charged or not. */
  dueMicros: number;
}

/** Told of what campaigns win and spend, as it happens. */
export interface SpendWatch {
  spent(campaign: string, micros: number, wins: number): void;
}

interface Delivery {
  grant: Grant | null;
  grantVersion: number;
  windowMicros: number;
  dayMicros: number;
  spentMicros: number;
  unbilledMicros: number;
  readonly wins: ExpectedWin[];
  readonly receipted: Receipted;
}

export class ExpectedDelivery {
  /** The latest time at which the log stored a message. */
  clockMs = 0;
  readonly #campaigns = new Map<string, Delivery>();
  readonly #suppressed = new Map<string, Map<Exclusion, number>>();
  readonly #watch: SpendWatch;

  constructor(watch: SpendWatch) {
    this.#watch = watch;
  }

  grant(campaign: string, grant: Grant, version: number): void {
    const delivery = this.#of(campaign);
    if (grant.from_ms !== delivery.grant?.from_ms) delivery.windowMicros = 0;
    if (grant.day_from_ms !== delivery.grant?.day_from_ms) delivery.dayMicros = 0;
    const allow_micros = Math.max(grant.allow_micros, delivery.windowMicros);
    delivery.grant = { ...grant, allow_micros };
    delivery.grantVersion = version;
  }

  /** What a campaign may spend now, and which bound holds it; undefined without a grant for now. */
  leftOf(campaign: string): { readonly micros: number; limitedBy: GrantLimit } | undefined {
    const delivery = this.#campaigns.get(campaign);
    if (delivery === undefined || delivery.grant === null) return undefined;
    const { from_ms, until_ms, allow_micros, limited_by } = delivery.grant;
    if (this.clockMs < from_ms || this.clockMs >= until_ms) return undefined;
    return { micros: allow_micros - delivery.windowMicros, limitedBy: limited_by };
  }

  /** What the stored receipts say of a campaign, to be added to. */
  receiptedOf(campaign: string): Receipted {
    return this.#of(campaign).receipted;
  }

  /** A place was won; the price that is not owed is charged at once. */
  won(win: ExpectedWin, priceMicros: number): void {
    const delivery = this.#of(win.campaign);
    delivery.wins.push(win);
    this.#watch.spent(win.campaign, win.owes === null ? priceMicros : 0, 1);
    if (win.owes !== null) return;
    charge(delivery, priceMicros);
    delivery.receipted.dueMicros += win.receiptMicros;
  }

  /** An outcome of one of a user's wins was reported. */
  outcome(wins: readonly ExpectedWin[], { decision_id, campaign, outcome }: OutcomeEvent): void {
    const named = wins.filter(({ decision }) => decision === decision_id);
    const win =
      campaign === undefined ? named[0] : named.find((each) => each.campaign === campaign);
    if (win === undefined || win.seen.has(outcome)) return;
    win.seen.add(outcome);
    this.#comesDue(win, outcome);
  }

  /** A conversion of a user, which belongs to the last win before it. */
  conversion(
    wins: readonly ExpectedWin[],
    { timestamp, value }: ConversionEvent,
    windowMs: number,
  ): void {
    const before = wins.filter(({ t }) => t <= timestamp && timestamp - t <= windowMs);
    const latestMs = Math.max(...before.map(({ t }) => t));
    const win = before.filter(({ t }) => t === latestMs).at(-1);
    if (win === undefined) return;
    win.conversionMicros.push(toMicros(value));
    this.#comesDue(win, 'converted');
  }

  /** An auction kept campaigns back that would have fitted. */
  suppress(suppressed: readonly (readonly [campaign: string, reason: Exclusion])[]): void {
    for (const [campaign, reason] of suppressed) {
      const counts = this.#suppressed.get(campaign) ?? new Map<Exclusion, number>();
      this.#suppressed.set(campaign, counts);
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
  }

  /** All cells by name. */
  cells(): [string, DeliveryCell | SuppressedCell][] {
    const cells = [...this.#campaigns].map(([id, delivery]): [string, DeliveryCell] => [
      `delivery.${id}`,
      cellOf(delivery),
    ]);
    return [...cells, ['suppressed', this.#suppressedCell()]];
  }

  #suppressedCell(): SuppressedCell {
    const campaigns: SuppressedCell['campaigns'] = {};
    [...this.#suppressed].forEach(([campaign, reasons], i) => {
      const name = i < MAX_SUPPRESSED_CAMPAIGNS ? campaign : OTHER_CAMPAIGNS;
      const counts = Object.hasOwn(campaigns, name) ? (campaigns[name] ?? {}) : {};
      campaigns[name] = counts;
      for (const [reason, count] of reasons) counts[reason] = (counts[reason] ?? 0) + count;
    });
    return { v: 2, campaigns };
  }

  #comesDue(win: ExpectedWin, on: Outcome | 'converted'): void {
    if (win.owes?.on !== on) return;
    const { micros } = win.owes;
    win.owes = null;
    const delivery = this.#of(win.campaign);
    delivery.receipted.dueMicros += win.receiptMicros;
    const left = this.leftOf(win.campaign);
    if (left !== undefined && left.micros >= micros) {
      charge(delivery, micros);
      this.#watch.spent(win.campaign, micros, 0);
    } else delivery.unbilledMicros += micros;
  }

  #of(campaign: string): Delivery {
    const known = this.#campaigns.get(campaign);
    if (known !== undefined) return known;
    const delivery: Delivery = {
      grant: null,
      grantVersion: 0,
      windowMicros: 0,
      dayMicros: 0,
      spentMicros: 0,
      unbilledMicros: 0,
      wins: [],
      receipted: { wins: 0, dueMicros: 0 },
    };
    this.#campaigns.set(campaign, delivery);
    return delivery;
  }
}

function charge(delivery: Delivery, micros: number): void {
  delivery.spentMicros += micros;
  delivery.windowMicros += micros;
  delivery.dayMicros += micros;
}

function cellOf(delivery: Delivery): DeliveryCell {
  const { wins } = delivery;
  const seen = (outcome: Outcome): number => wins.filter((win) => win.seen.has(outcome)).length;
  const conversions = wins.flatMap(({ conversionMicros }) => conversionMicros);
  return {
    v: 2,
    grant: delivery.grant,
    grant_version: delivery.grantVersion,
    window_micros: delivery.windowMicros,
    day_micros: delivery.dayMicros,
    spent_micros: delivery.spentMicros,
    unbilled_micros: delivery.unbilledMicros,
    wins: wins.length,
    shown: seen('shown'),
    clicked: seen('clicked'),
    dismissed: seen('dismissed'),
    converted: conversions.length,
    value_micros: conversions.reduce((sum, micros) => sum + micros, 0),
  };
}

/** A win as a user's snapshot stores it. */
export function exposureOf({ campaign, t, decision, seen, owes }: ExpectedWin): Exposure {
  return { campaign, t, decision, seen: OUTCOMES.filter((outcome) => seen.has(outcome)), owes };
}
