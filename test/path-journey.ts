/**
 * One user's path as the actors keep it, event by event, with its counts in plain maps, and beside
 * it all that was ever accepted, for a calculation from scratch.
 */
import { shortId } from '../actors/user/duplicates.ts';
import { moveAlongPath } from '../actors/user/journey.ts';
import type { PathTally as Losses } from '../actors/user/path-change.ts';
import { NEW_USER } from '../actors/user/state.ts';
import type { Event } from '../protocols/event.ts';
import { toMicros } from '../protocols/money.ts';
import { DEFAULT_SETTINGS, type Settings } from '../protocols/settings.ts';
import type { FusedState, PathConversion, PathItem } from '../protocols/user-snapshot.ts';
import { ADA } from './partition-log.ts';
import { type Batch, batchOf } from './path-batch.ts';
import { PathTally } from './path-tally.ts';

export class Journey {
  readonly tally = new PathTally();
  state: FusedState = NEW_USER;
  /** The most items that were ever kept. */
  mostItems = 0;
  #settings: Settings;
  /** Every item that was accepted, as refunds have left it. */
  #accepted: PathItem[] = [];
  /** Conversions of it that were taken back after they had settled. */
  readonly #taken = new Set<PathItem>();
  /** Refunds that came before their order. */
  readonly #early = new Map<string, (number | undefined)[]>();

  get losses(): Losses {
    return this.tally.tally;
  }

  constructor(lookback_ms: number, lateness_ms: number) {
    this.#settings = { ...DEFAULT_SETTINGS, lookback_ms, lateness_ms };
  }

  setLookback(lookback_ms: number): void {
    this.#settings = { ...this.#settings, lookback_ms };
  }

  apply(event: Event): void {
    const before = this.state;
    const nowMs = Math.max(before.nowMs, event.timestamp);
    const folded = { ...before, events: before.events + 1, nowMs };
    const lost = this.losses.touchesTooLate + this.losses.conversionsTooLate;
    if (event.type === 'refund') this.#refund(event.order_id, event.value);
    this.state = moveAlongPath(ADA, before, folded, event, this.#settings, this.tally);
    const isTooLate = this.losses.touchesTooLate + this.losses.conversionsTooLate > lost;
    const item = isTooLate ? undefined : itemOf(event);
    if (item !== undefined) this.#accept(item);
    this.mostItems = Math.max(this.mostItems, this.state.path.length);
  }

  applyAll(events: Iterable<Event>): this {
    for (const event of events) this.apply(event);
    return this;
  }

  /** What the actors have counted. */
  counted(): Batch {
    const { touchesOutsideWindow, conversionsWithoutPath } = this.losses;
    return { figures: this.tally.figures(), touchesOutsideWindow, conversionsWithoutPath };
  }

  /** The same from scratch, over everything accepted. */
  batch(): Batch {
    return batchOf(this.#accepted, this.#settings.lookback_ms, this.#taken);
  }

  #accept(item: PathItem): void {
    let micros = 'order' in item ? item.micros : 0;
    const early = 'order' in item ? (this.#early.get(item.order) ?? []) : [];
    for (const value of early) micros -= value === undefined ? micros : toMicros(value);
    if ('order' in item) this.#early.delete(item.order);
    if (early.length === 0) this.#accepted.push(item);
    else if (micros > 0) this.#accepted.push({ ...item, micros } as PathItem);
  }

  /** A refund takes from an order that is kept; one that has settled goes on ending its path. */
  #refund(order: string, value: number | undefined): void {
    const isOrder = (item: PathItem): item is PathConversion =>
      'order' in item && item.order === order;
    const isSettled = this.state.orders.some((settled) => settled.order === order);
    if (!isSettled && !this.state.path.some(isOrder)) {
      this.#early.set(order, [...(this.#early.get(order) ?? []), value]);
      return;
    }
    this.#accepted = this.#accepted.flatMap((item): PathItem[] => {
      if (!isOrder(item) || this.#taken.has(item)) return [item];
      const micros = value === undefined ? 0 : item.micros - toMicros(value);
      const left = { ...item, micros: Math.max(0, micros) };
      if (micros <= 0 && !isSettled) return [];
      if (micros <= 0) this.#taken.add(left);
      return [left];
    });
  }
}

function itemOf(event: Event): PathItem | undefined {
  const { timestamp: t } = event;
  const id = shortId(event.event_id);
  if (event.type === 'conversion') {
    return { t, id, order: event.order_id, micros: toMicros(event.value) };
  }
  const isTouch = event.type === 'impression' || event.type === 'click';
  return isTouch ? { t, id, channel: event.channel ?? '' } : undefined;
}
