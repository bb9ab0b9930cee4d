/**
 * What a concept means, as a question about what the person did next: the programmatic labels that
 * concepts are learnt from. The model card prints these definitions.
 */

import { isPurchaseStep } from '../../actors/user/steps.ts';
import type { Event } from '../../protocols/event.ts';
import type { Concept } from '../../protocols/user-snapshot.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Who is back within this is loyal. */
const RETURN_MS = 28 * DAY_MS;
const URGENT_MS = 10 * MINUTE_MS;
/** How many of the next events of a visit a label looks at. */
const AHEAD = 5;
const STICKY_EVENTS = 5;
const CURIOUS_LOOKS = 3;
/** Taps or errors in one event from which it counts as trouble. */
const TROUBLE = 2;

/** Definitions, as the model card prints them. */
export const CONCEPT_DEFINITIONS: Readonly<Record<Concept, string>> = {
  frustration:
    'Within the next 5 events of the visit: a return to the item before last (A, B, A), ' +
    'something taken out of the cart, an event with 2 or more rage taps or errors, or a dismissal.',
  stickiness: 'At least 5 more events follow in this visit.',
  drop_off: 'At most one more event follows in this visit.',
  hesitation:
    'Within the next 5 events of the visit: a look at an item already seen in it, before any ' +
    'step towards buying.',
  urgency: 'Within 10 minutes: a step towards buying (cart, checkout, payment) or an order.',
  curiosity:
    'Of the next 3 looks of the visit (at least one), most are at items not seen in it before.',
  price_sensitivity: 'The next look of the visit with a price is cheaper than the mean so far.',
  loyalty: 'Another visit (where only orders are known: another order) begins within 28 days.',
};

/** Labels per concept: 1, 0 or NaN where the data cannot tell. */
export type ConceptLabels = Readonly<Record<Concept, number>>;

export const NO_LABELS: ConceptLabels = {
  frustration: Number.NaN,
  stickiness: Number.NaN,
  drop_off: Number.NaN,
  hesitation: Number.NaN,
  urgency: Number.NaN,
  curiosity: Number.NaN,
  price_sensitivity: Number.NaN,
  loyalty: Number.NaN,
};

/** One visit of a person; `orderAt` is the 1-based place of its first order, or Infinity. */
export interface Visit {
  readonly events: Event[];
  orderAt: number;
}

/** What labels need to know of a data set. */
export interface Carried {
  readonly endMs: number;
  readonly hasOrders: boolean;
  readonly hasReturns: boolean;
  readonly hasPrices: boolean;
}

/**
 * The labels of the moment after the `place`-th event of a visit, which is events[i] of the person.
 */
export function conceptLabels(
  visit: Visit,
  place: number,
  events: readonly Event[],
  i: number,
  carried: Carried,
): ConceptLabels {
  const seen = visit.events.slice(0, place);
  const rest = visit.events.slice(place);
  const ahead = rest.slice(0, AHEAD);
  const atMs = (events[i] as Event).timestamp;
  return {
    frustration: flag(isTroubled(seen, ahead)),
    stickiness: flag(rest.length >= STICKY_EVENTS),
    drop_off: flag(rest.length <= 1),
    hesitation: flag(looksAgain(seen, ahead)),
    urgency: carried.hasOrders ? flag(stepsWithin(rest, atMs)) : Number.NaN,
    curiosity: curious(seen, rest),
    price_sensitivity: carried.hasPrices ? cheaper(seen, rest) : Number.NaN,
    loyalty: carried.hasReturns ? returns(visit, events, i, carried.endMs) : Number.NaN,
  };
}

/** 1 if something came within the time of loyalty, 0 if not, NaN if not watched for so long. */
export function backBy(nextInMs: number, watchedMs: number): number {
  // Not even a return counts then: those who come back would be the only ones to be known.
  if (watchedMs < RETURN_MS) return Number.NaN;
  return nextInMs <= RETURN_MS ? 1 : 0;
}

function isTroubled(seen: readonly Event[], ahead: readonly Event[]): boolean {
  let before = lookedAt(seen[seen.length - 2]);
  let last = lookedAt(seen[seen.length - 1]);
  for (const event of ahead) {
    if (isTrouble(event)) return true;
    const item = lookedAt(event);
    if (item === undefined) continue;
    if (item === before && item !== last) return true;
    [before, last] = [last, item];
  }
  return false;
}

function isTrouble(event: Event): boolean {
  if (event.type === 'outcome') return event.outcome === 'dismissed';
  if (event.type !== 'behavior') return false;
  const { name, vectors = {} } = event;
  if (name === 'remove_from_cart' || name === 'rage_tap' || name === 'error') return true;
  return (vectors.rage_taps ?? 0) >= TROUBLE || (vectors.errors ?? 0) >= TROUBLE;
}

function looksAgain(seen: readonly Event[], ahead: readonly Event[]): boolean {
  const known = new Set(seen.map(lookedAt));
  for (const event of ahead) {
    if (isStep(event)) return false;
    const item = lookedAt(event);
    if (item !== undefined && known.has(item)) return true;
    known.add(item);
  }
  return false;
}

function stepsWithin(rest: readonly Event[], atMs: number): boolean {
  return rest.some((event) => isStep(event) && event.timestamp - atMs <= URGENT_MS);
}

function curious(seen: readonly Event[], rest: readonly Event[]): number {
  const known = new Set(seen.map(lookedAt));
  const looks = rest
    .map(lookedAt)
    .filter((item) => item !== undefined)
    .slice(0, CURIOUS_LOOKS);
  if (looks.length === 0) return Number.NaN;
  let news = 0;
  for (const item of looks) {
    if (!known.has(item)) news++;
    known.add(item);
  }
  return flag(news * 2 > looks.length);
}

function cheaper(seen: readonly Event[], rest: readonly Event[]): number {
  const prices = seen.map(priceOf).filter((price) => price > 0);
  const next = rest.map(priceOf).find((price) => price > 0);
  if (prices.length === 0 || next === undefined) return Number.NaN;
  return flag(next < prices.reduce((a, b) => a + b, 0) / prices.length);
}

function returns(visit: Visit, events: readonly Event[], i: number, endMs: number): number {
  const inVisit = new Set(visit.events);
  const atMs = (events[i] as Event).timestamp;
  const next = events.slice(i + 1).find((event) => !inVisit.has(event));
  return backBy((next?.timestamp ?? Number.POSITIVE_INFINITY) - atMs, endMs - atMs);
}

function isStep(event: Event): boolean {
  return event.type === 'conversion' || (event.type === 'behavior' && isPurchaseStep(event.name));
}

function lookedAt(event: Event | undefined): string | undefined {
  if (event?.type !== 'behavior' || isStep(event)) return undefined;
  return event.item;
}

function priceOf(event: Event): number {
  return lookedAt(event) === undefined || event.type !== 'behavior'
    ? 0
    : (event.vectors?.price ?? 0);
}

function flag(is: boolean): number {
  return is ? 1 : 0;
}
