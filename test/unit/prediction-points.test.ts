/**
 * What concepts and intents are taught, by hand on small visits, and that a point knows nothing of
 * what comes after it.
 */
import { describe, expect, test } from 'vitest';
import type { Event } from '../../protocols/event.ts';
import {
  conversion,
  type Draft,
  itemBehavior,
  LogCollector,
  type UserLog,
} from '../../runtime/train/data/user-log.ts';
import {
  type DataSetTraits,
  type Point,
  visitPoints,
} from '../../runtime/train/prediction-points.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2020, 0, 1);
const TRAITS: DataSetTraits = {
  name: 'by-hand',
  unmeasured: [],
  endMs: START_MS + 400 * DAY_MS,
  hasOrders: true,
  hasReturns: true,
  hasPrices: true,
};

const at = (minute: number, session = 's1') =>
  ({
    timestamp: START_MS + minute * MINUTE_MS,
    user_mode: 'anonymous',
    session_id: session,
  }) as const;
const look = (minute: number, item: string, price = 0, session = 's1'): Draft =>
  itemBehavior(at(minute, session), 'view_item', item, { price });
const cart = (minute: number, item: string): Draft => itemBehavior(at(minute), 'add_to_cart', item);
const order = (minute: number): Draft =>
  conversion({ id: 'o1', user: 'u', moment: at(minute), value: 10 }, 'USD');

function logOf(...drafts: Draft[]): UserLog {
  const collector = new LogCollector('by-hand');
  for (const draft of drafts) collector.add('u', draft);
  return collector.logs()[0] as UserLog;
}

function pointsOf(...drafts: Draft[]): Point[] {
  return visitPoints(logOf(...drafts), TRAITS);
}

/** The first point's concept labels. */
function first(...drafts: Draft[]): Point['concepts'] {
  return (pointsOf(...drafts)[0] as Point).concepts;
}

describe('concept labels', () => {
  test('going back to the item before last is frustration, and a look again is hesitation', () => {
    expect(first(look(0, 'a'), look(1, 'b'), look(2, 'a'))).toMatchObject({
      frustration: 1,
      hesitation: 1,
    });
    expect(first(look(0, 'a'), look(1, 'b'), look(2, 'c'))).toMatchObject({
      frustration: 0,
      hesitation: 0,
    });
    // Looking at the same item twice in a row is no going back.
    expect(first(look(0, 'a'), look(1, 'b'), look(2, 'b'))).toMatchObject({
      frustration: 0,
      hesitation: 1,
    });
  });

  test('a look again after a step towards buying is no hesitation', () => {
    expect(first(look(0, 'a'), cart(1, 'a'), look(2, 'a')).hesitation).toBe(0);
  });

  test('what follows in the visit decides on stickiness and drop-off', () => {
    const visit = ['a', 'b', 'c', 'd', 'e', 'f'].map((item, i) => look(i, item));
    expect(first(...visit)).toMatchObject({ stickiness: 1, drop_off: 0 });
    expect(first(...visit.slice(0, 5))).toMatchObject({ stickiness: 0, drop_off: 0 });
    expect(first(...visit.slice(0, 2))).toMatchObject({ stickiness: 0, drop_off: 1 });
  });

  test('a step towards buying within ten minutes is urgency', () => {
    expect(first(look(0, 'a'), cart(10, 'a')).urgency).toBe(1);
    expect(first(look(0, 'a'), look(5, 'b'), cart(10.1, 'a')).urgency).toBe(0);
  });

  test('mostly new items among the next three looks is curiosity, unknown without looks', () => {
    expect(first(look(0, 'a'), look(1, 'b'), look(2, 'c'), look(3, 'a')).curiosity).toBe(1);
    expect(first(look(0, 'a'), look(1, 'a'), look(2, 'a'), look(3, 'b')).curiosity).toBe(0);
    expect(first(look(0, 'a'), order(1)).curiosity).toBeNaN();
  });

  test('a next look below the mean price so far is price sensitivity', () => {
    const [, second] = pointsOf(look(0, 'a', 10), look(1, 'b', 30), look(2, 'c', 19));
    expect(second?.concepts.price_sensitivity).toBe(1);
    expect(first(look(0, 'a', 10), look(1, 'b', 30)).price_sensitivity).toBe(0);
    expect(first(look(0, 'a', 10), look(1, 'b')).price_sensitivity).toBeNaN();
  });

  test('another visit within 28 days is loyalty, and unknown if nobody watched so long', () => {
    const back = (days: number): Draft => look((days * DAY_MS) / MINUTE_MS, 'b', 0, 's2');
    expect(first(look(0, 'a'), back(28)).loyalty).toBe(1);
    expect(first(look(0, 'a'), back(28.1)).loyalty).toBe(0);
    const short = { ...TRAITS, endMs: START_MS + 20 * DAY_MS };
    const [point] = visitPoints(logOf(look(0, 'a'), back(5)), short);
    expect(point?.concepts.loyalty).toBeNaN();
    expect(point?.churn).toBeNaN();
  });
});

describe('intents', () => {
  test('an order later in the visit is a purchase, and no point comes after it', () => {
    const points = pointsOf(look(0, 'a'), look(1, 'b'), order(2), look(3, 'c'));
    expect(points.map(({ purchase }) => purchase)).toEqual([1, 1]);
    expect(points.map(({ isFinal }) => isFinal)).toEqual([false, true]);
    expect(points.map(({ orderInMs }) => orderInMs)).toEqual([2 * MINUTE_MS, MINUTE_MS]);
  });

  test('the last event of a visit has no engagement, and the ones before it have', () => {
    const points = pointsOf(look(0, 'a'), look(1, 'b'), look(2, 'c'));
    expect(points.map(({ engagement }) => engagement)).toEqual([1, 1, 0]);
  });

  test('nothing for 91 days is churn', () => {
    const minutes = (91 * DAY_MS) / MINUTE_MS;
    expect(pointsOf(look(0, 'a'), look(minutes, 'b', 0, 's2'))[0]?.churn).toBe(0);
    expect(pointsOf(look(0, 'a'), look(minutes + 1, 'b', 0, 's2'))[0]?.churn).toBe(1);
  });

  test('where short visits were taken out, their places are no points', () => {
    const points = visitPoints(logOf(look(0, 'a'), look(1, 'b')), { ...TRAITS, visitEventsMin: 2 });
    expect(points.map(({ engagement }) => engagement)).toEqual([0]);
  });
});

test('a point has the features of a log that ends with it', () => {
  const log = logOf(
    look(0, 'a', 10),
    look(1, 'b', 12),
    cart(2, 'b'),
    look(3, 'a', 10),
    look(4, 'c', 5),
    order(9),
    look(5_000, 'd', 7, 's2'),
    look(5_001, 'a', 10, 's2'),
  );
  const points = visitPoints(log, TRAITS);
  // Points are in the order of events; the third event was no order and is one of the places.
  const places = [1, 2, 3, 5, 7, 8];
  expect(points).toHaveLength(places.length);
  places.forEach((end, i) => {
    const events: Event[] = log.events.slice(0, end);
    const cut = visitPoints({ user: log.user, events }, TRAITS).at(-1);
    expect(cut?.features).toEqual(points[i]?.features);
  });
});
