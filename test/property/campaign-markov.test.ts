/**
 * The Markov credit of campaigns, live from the actors' journals over random journeys: it is what a
 * calculation from scratch gives, and with the credit of touches without a campaign it sums to that
 * of the channels (K1).
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attributeChain, DEFAULT_ATTRIBUTION } from '../../actors/channel/attribute.ts';
import { PathTable } from '../../actors/channel/path-table.ts';
import type { Event } from '../../protocols/event.ts';
import type { UserToken } from '../../protocols/ids.ts';
import type { AttributionReport } from '../../protocols/services.ts';
import { attributionReport } from '../../runtime/coordinator/attribution.ts';
import {
  BASE_MS,
  click,
  conversion,
  holds,
  MINUTE_MS,
  refund,
  settingsWith,
} from '../generators.ts';
import { PartitionLog } from '../partition-log.ts';

const CHANNELS = ['a', 'b', 'c', 'constructor'];
const CAMPAIGNS = ['SPRING', 'toString', 'x > y'];
/** What touches without a campaign name where all shall name one. */
const NONE = 'NONE';
const MICROS_PER_UNIT = 1_000_000;

interface Touch {
  readonly channel: string;
  readonly campaign: string | undefined;
}

interface Order {
  readonly value: number;
  /** What is given back: nothing, a part of the value, or all of it. */
  readonly refunded: 'nothing' | 'half' | 'all';
}

/** A user's items a minute apart, and in which order they are sent. */
interface Journey {
  readonly items: readonly (Touch | Order)[];
  readonly sent: readonly number[];
}

const touch: fc.Arbitrary<Touch> = fc.record({
  channel: fc.constantFrom(...CHANNELS),
  campaign: fc.option(fc.constantFrom(...CAMPAIGNS), { nil: undefined }),
});
const order: fc.Arbitrary<Order> = fc.record({
  value: fc.integer({ min: 0, max: 10_000 }).map((cents) => cents / 100),
  refunded: fc.constantFrom('nothing', 'nothing', 'nothing', 'half', 'all'),
});
const journey: fc.Arbitrary<Journey> = fc
  .array(fc.oneof({ arbitrary: touch, weight: 3 }, order), { minLength: 1, maxLength: 9 })
  .chain((items) => {
    const inOrder = items.map((_, i) => i);
    const sent = fc.oneof(
      fc.constant(inOrder),
      fc.shuffledSubarray(inOrder, { minLength: inOrder.length }),
    );
    return fc.record({ items: fc.constant(items), sent });
  });
const journeys = fc.array(journey, { minLength: 1, maxLength: 12 });

function isTouch(item: Touch | Order): item is Touch {
  return 'channel' in item;
}

/** What is left of an order; undefined if it was taken back. */
function leftMicros({ value, refunded }: Order): number | undefined {
  if (refunded === 'all') return undefined;
  const micros = Math.round(value * MICROS_PER_UNIT);
  return refunded === 'half' ? micros - Math.round((value / 2) * MICROS_PER_UNIT) : micros;
}

/** The journeys as the actors take them in; late ones as sent, refunds when all is there. */
function logOf(all: readonly Journey[], none?: string, settings = settingsWith({})): PartitionLog {
  const log = new PartitionLog();
  log.putSettings(settings);
  all.forEach(({ items, sent }, u) => {
    const user = `user-${u}` as UserToken;
    const orderId = (i: number): string => `o${u}-${i}`;
    for (const i of sent) {
      const item = items[i] as Touch | Order;
      const t = BASE_MS + i * MINUTE_MS;
      if (isTouch(item)) {
        const campaign = item.campaign ?? none;
        const event = click(i, t, item.channel);
        log.apply({ ...event, ...(campaign !== undefined && { campaign }) } as Event, user);
      } else log.apply(conversion(i, t, orderId(i), item.value), user);
      // In the middle of it all a commit: what it counted is taken back when it changes.
      if (i % 3 === 0) void log.cohorts;
    }
    items.forEach((item, i) => {
      if (isTouch(item) || item.refunded === 'nothing') return;
      const value = item.refunded === 'half' ? item.value / 2 : undefined;
      if (value === 0) return;
      log.apply(refund(100 + i, BASE_MS + 100 * MINUTE_MS, orderId(i), value), user);
    });
  });
  return log;
}

function reportOf({ cohorts }: PartitionLog, order = 1): AttributionReport {
  const sources = {
    fold: { cohorts },
    view: { cells: () => [] },
    settings: settingsWith({}),
    clock: { nowMs: () => BASE_MS },
  };
  return attributionReport(sources as never, { order });
}

/** By campaign, `undefined` for touches without one: conversions and micros, from scratch. */
function fromScratch(all: readonly Journey[], order: number): Map<string | undefined, number[]> {
  const table = new PathTable();
  const byChannel = new Map<string, number[]>();
  const byPair = new Map<string, Map<string | undefined, number[]>>();
  for (const { items } of all) {
    let path: Touch[] = [];
    const end = (micros: number | undefined): void => {
      const key = table.encode(path.map(({ channel }) => channel));
      if (path.length > 0 && micros === undefined) table.add(key, 0, 1, 0);
      if (path.length > 0 && micros !== undefined) table.add(key, 1, 0, micros);
      for (const { channel, campaign } of micros === undefined ? [] : path) {
        const pairs = byPair.get(channel) ?? new Map<string | undefined, number[]>();
        byPair.set(channel, pairs);
        const part = [1 / path.length, (micros ?? 0) / path.length];
        addTo(byChannel, channel, part);
        addTo(pairs, campaign, part);
      }
      path = [];
    };
    for (const item of items) {
      if (isTouch(item)) path.push(item);
      else if (leftMicros(item) !== undefined) end(leftMicros(item));
    }
    end(undefined);
  }
  const credits = new Map<string | undefined, number[]>();
  const markov = attributeChain(table, order, DEFAULT_ATTRIBUTION.repeats, undefined);
  for (const { channel, conversions, value } of markov.channels) {
    const [linear = 0, linearMicros = 0] = byChannel.get(channel) ?? [];
    for (const [campaign, [part = 0, partMicros = 0]] of byPair.get(channel) ?? []) {
      addTo(credits, campaign, [
        (conversions * part) / linear,
        linearMicros === 0 ? 0 : (value * partMicros) / linearMicros,
      ]);
    }
  }
  return credits;
}

function addTo<K>(sums: Map<K, number[]>, name: K, [a = 0, b = 0]: readonly number[]): void {
  const [before = 0, beforeMicros = 0] = sums.get(name) ?? [];
  sums.set(name, [before + a, beforeMicros + b]);
}

function markovOf({ campaigns }: AttributionReport, name: string): number[] {
  const { markov } = campaigns.find(({ campaign }) => campaign === name)?.models ?? {};
  return [markov?.conversions ?? 0, markov?.value_micros ?? 0];
}

const orders = fc.constantFrom(1, 1, 2, 3);

test('credits are those from scratch, whatever came late, was refunded or taken back', () => {
  holds(
    fc.property(journeys, orders, (all, order) => {
      const report = reportOf(logOf(all), order);
      const expected = fromScratch(all, order);
      // The linear parts are in millionths and micros, rounded once per conversion and touch.
      const touches = all.reduce((sum, { items }) => sum + items.length, 0);
      for (const campaign of CAMPAIGNS) {
        const [conversions, micros] = markovOf(report, campaign) as [number, number];
        const [expectedConversions = 0, expectedMicros = 0] = expected.get(campaign) ?? [];
        expect(Math.abs(conversions - expectedConversions)).toBeLessThan(1e-5 * touches);
        expect(Number.isInteger(micros)).toBe(true);
        const tolerance = 20 * touches + 1e-4 * report.value_micros;
        expect(Math.abs(micros - expectedMicros)).toBeLessThan(tolerance);
      }
    }),
    500,
  );
});

test('with those of touches without a campaign they sum to the channels, to the micro (K1)', () => {
  const sample = fc.constantFrom(1_000_000, 1_000_000, 500_000);
  holds(
    fc.property(journeys, orders, sample, (all, order, path_sample_ppm) => {
      const settings = settingsWith({ path_sample_ppm });
      const some = reportOf(logOf(all, undefined, settings), order);
      const each = reportOf(logOf(all, NONE, settings), order);
      // What no conversion has met, the linear model gives nothing to split by.
      const converted = each.channels.filter(({ models }) => models.linear?.conversions !== 0);
      const valuable = each.channels.filter(({ models }) => models.linear?.value_micros !== 0);
      const sum = (figures: readonly number[]): number => figures.reduce((a, b) => a + b, 0);
      expect(sum(each.campaigns.map(({ models }) => models.markov?.value_micros ?? 0))).toBe(
        sum(valuable.map(({ value_micros }) => value_micros)),
      );
      expect(sum(each.campaigns.map(({ models }) => models.markov?.conversions ?? 0))).toBeCloseTo(
        sum(converted.map(({ conversions }) => conversions)),
        9,
      );
      // A campaign has the same whether the others' touches name one or not.
      for (const campaign of CAMPAIGNS) {
        const [conversions = 0, micros = 0] = markovOf(some, campaign);
        const [same = 0, sameMicros = 0] = markovOf(each, campaign);
        expect(conversions).toBeCloseTo(same, 9);
        expect(Math.abs(micros - sameMicros)).toBeLessThanOrEqual(CHANNELS.length);
      }
    }),
    300,
  );
});

test('a touch of a campaign that comes late, and a refund, move credit as from scratch', () => {
  const [first, last]: Touch[] = [
    { channel: 'a', campaign: undefined },
    { channel: 'b', campaign: 'SPRING' },
  ];
  const items = [first as Touch, last as Touch, { value: 10, refunded: 'nothing' } as Order];
  const lost: Journey = { items: [first as Touch], sent: [0] };
  const before = logOf([{ items, sent: [0, 2] }, lost]);
  expect(reportOf(before).campaigns).toEqual([]);
  before.apply({ ...click(1, BASE_MS + MINUTE_MS, 'b'), campaign: 'SPRING' } as Event, USER);
  const whole = logOf([{ items, sent: [0, 1, 2] }, lost]);
  expect(reportOf(before)).toEqual(reportOf(whole));
  // Half of the paths through a convert, and all through b: its removal loses all, as that of a.
  expect(markovOf(reportOf(before), 'SPRING')).toEqual([0.5, 5 * MICROS_PER_UNIT]);
  before.apply(refund(9, BASE_MS + 5 * MINUTE_MS, 'o0-2', 4), USER);
  expect(markovOf(reportOf(before), 'SPRING')).toEqual([0.5, 3 * MICROS_PER_UNIT]);
  before.apply(refund(10, BASE_MS + 6 * MINUTE_MS, 'o0-2'), USER);
  expect(reportOf(before).campaigns).toEqual([]);
});

const USER = 'user-0' as UserToken;
