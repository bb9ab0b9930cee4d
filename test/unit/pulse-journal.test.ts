/** Live figures by example: what a commit's pulse says of the events that it holds. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { applyEvent } from '../../actors/partition/apply.ts';
import { restoreUserActor } from '../../actors/user/actor.ts';
import { MAX_COUNTED_GAP, MAX_RANGES } from '../../actors/user/duplicates.ts';
import { LAPSE_MS } from '../../actors/user/state.ts';
import type { Event } from '../../protocols/event.ts';
import type { StreamSequence } from '../../protocols/ids.ts';
import { FUNNEL_STATES, PULSE_FIGURES, type Pulse, pulseSchema } from '../../protocols/pulse.ts';
import { decodeUser } from '../../protocols/user-record.ts';
import {
  BASE_MS,
  behavior,
  campaignWith,
  click,
  common,
  consent,
  conversion,
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  opportunity,
  refund,
} from '../generators.ts';
import { golden } from '../golden/golden.ts';
import { ADA, PartitionLog } from '../partition-log.ts';

const BASE_S = BASE_MS / 1_000;
/** A UTC midnight after BASE_MS. */
const MIDNIGHT_MS = Math.ceil(BASE_MS / DAY_MS) * DAY_MS;
const SALE = campaignWith('sale', { frequency: { max_per_day: 32, min_spacing_s: 0 } });

/** A log whose clock is ahead of all events, unless it is told otherwise. */
function newLog(clockMs = BASE_MS + 1_000 * DAY_MS): PartitionLog {
  const log = new PartitionLog();
  log.state.tick(clockMs);
  return log;
}

type InLog = Pick<PartitionLog, 'state'>;

function takeFrom({ state }: InLog): Pulse | undefined {
  const pulse = state.pulse.take(3, 7, state.clockMs);
  return pulse === undefined ? undefined : pulseSchema.parse(pulse);
}

/** `<second from BASE_MS> <source> <region>` -> the figures that are not 0. */
function rowsOf(log: PartitionLog): Record<string, Record<string, number>> {
  const { rows, names } = takeFrom(log) as Pulse;
  const entries = rows.map(([second, source, region, ...added]) => {
    const figures = PULSE_FIGURES.map((figure, i) => [figure, added[i] as number] as const);
    return [
      `${second - BASE_S} ${names[source]} ${names[region]}`,
      Object.fromEntries(figures.filter(([, count]) => count !== 0)),
    ] as const;
  });
  return Object.fromEntries(entries);
}

/** What a figure sums to in the next pulse. */
function sumOf(log: PartitionLog, figure: (typeof PULSE_FIGURES)[number]): number {
  const at = 3 + PULSE_FIGURES.indexOf(figure);
  return takeFrom(log)?.rows.reduce((sum, row) => sum + (row[at] as number), 0) ?? 0;
}

/** `<from> > <to>` and the time between them. */
function movesOf(log: InLog): (readonly [move: string, ms: number])[] {
  return (takeFrom(log) as Pulse).moves.map(([, from, to, ms]) => {
    return [`${FUNNEL_STATES[from]} > ${FUNNEL_STATES[to]}`, ms] as const;
  });
}

/** `<second> <campaign>` -> micros and wins. */
function spendOf(log: PartitionLog): Record<string, number[]> {
  const { spend, names } = takeFrom(log) as Pulse;
  return Object.fromEntries(spend.map(([s, at, ...sums]) => [`${s} ${names[at]}`, sums]));
}

const placed = (event: Event, source?: string, region?: string): Event =>
  ({ ...event, ...(source && { source }), ...(region && { region }) }) as Event;

describe('rows', () => {
  test('are of a second, a source and a region; what is not named has a name of its own', () => {
    const log = newLog().applyAll([
      placed(behavior(0, BASE_MS), 'web', 'DE'),
      placed(behavior(1, BASE_MS + 999), 'web', 'DE'),
      placed(behavior(2, BASE_MS + 1_000), 'web', 'DE'),
      placed(behavior(3, BASE_MS + 1_001), 'DE', 'web'),
      placed(behavior(4, BASE_MS + 1_002), 'web'),
      behavior(5, BASE_MS + 1_003),
    ]);
    expect(rowsOf(log)).toEqual({
      '0 web DE': { events: 2, visits: 1, visitors: 1 },
      '1 web DE': { events: 1 },
      '1 DE web': { events: 1 },
      '1 web (none)': { events: 1 },
      '1 (none) (none)': { events: 1 },
    });
  });

  test('are of the log’s second where a device’s clock is ahead of it', () => {
    const log = newLog(BASE_MS + 2_500).applyAll([
      behavior(0, BASE_MS + 2_499),
      behavior(1, BASE_MS + 9_000),
      behavior(2, BASE_MS + 1_999),
    ]);
    expect(Object.keys(rowsOf(log))).toEqual(['2 (none) (none)', '1 (none) (none)']);
  });

  test('hold money in and out, decisions and wins', () => {
    const log = newLog();
    log.putCampaign(SALE, 10_000_000);
    log.applyAll([
      { ...click(0, BASE_MS, 'email'), cost: 0.25 } as Event,
      conversion(1, BASE_MS + 1, 'o1', 20),
      refund(2, BASE_MS + 1_000, 'o1', 5),
      opportunity(3, BASE_MS + 1_001, 'cart'),
    ]);
    expect(rowsOf(log)).toEqual({
      '0 (none) (none)': {
        ...{ events: 2, visits: 1, visitors: 1, conversions: 1, value_micros: 20_000_000 },
        ...{ cost_micros: 250_000, decisions: 2, wins: 2 },
      },
      '1 (none) (none)': { events: 2, refunded_micros: 5_000_000, decisions: 1, wins: 1 },
    });
  });

  test('count a decision that nobody won', () => {
    const log = newLog().applyAll([opportunity(0, BASE_MS)]);
    expect(rowsOf(log)['0 (none) (none)']).toMatchObject({ events: 1, decisions: 1 });
  });
});

describe('missing events', () => {
  const at = (index: number, more: Partial<Event> = {}): Event =>
    ({ ...behavior(index, BASE_MS + index), ...more }) as Event;

  test.each([
    ['none, while indices follow one another', [5, 6, 7], 0],
    ['none before a first event, whatever its index', [900], 0],
    ['those of a gap, when the event behind it comes', [1, 5], 3],
    ['those before the first one, when an earlier one comes', [10, 7], 2],
    ['one less for each that comes late', [1, 5, 3, 2], 1],
    ['none, when all have come late', [1, 5, 3, 2, 4], 0],
    ['those of the widest gap that counts', [0, MAX_COUNTED_GAP], MAX_COUNTED_GAP - 1],
    ['none, where numbering starts anew', [0, MAX_COUNTED_GAP + 1, MAX_COUNTED_GAP + 2], 0],
  ])('%s', (_what, indices, missing) => {
    const log = newLog().applyAll(indices.map((index) => at(index)));
    expect(sumOf(log, 'missing')).toBe(missing);
  });

  test('a late one counts -1, in its own second', () => {
    const log = newLog().applyAll([at(0), at(2, { timestamp: BASE_MS + 2_000 })]);
    takeFrom(log);
    log.apply(at(1, { timestamp: BASE_MS + 1_000 }));
    expect(rowsOf(log)).toEqual({ '1 (none) (none)': { events: 1, missing: -1 } });
  });

  test('each series is numbered for itself', () => {
    const log = newLog().applyAll([at(0), at(40, { session_id: 's' }), at(2), at(42)]);
    expect(sumOf(log, 'missing')).toBe(1 + 39);
  });

  test('a gap that closes because there are too many is missed once, as before', () => {
    const indices = Array.from({ length: MAX_RANGES + 3 }, (_, i) => 2 * i);
    const log = newLog().applyAll(indices.map((index) => at(index)));
    expect(log.user().duplicates.series[0]?.ranges).toHaveLength(MAX_RANGES);
    expect(sumOf(log, 'missing')).toBe(MAX_RANGES + 2);
  });
});

describe('visits and visitors', () => {
  test('a visit begins after a pause; a visitor counts once each UTC day', () => {
    const log = newLog().applyAll([
      behavior(0, MIDNIGHT_MS - 2 * HOUR_MS),
      behavior(1, MIDNIGHT_MS - MINUTE_MS),
      behavior(2, MIDNIGHT_MS),
      behavior(3, MIDNIGHT_MS + 2 * HOUR_MS),
      // Late, of the day before: the user's clock stays where it is.
      behavior(4, MIDNIGHT_MS - 1),
    ]);
    const rows = Object.values(rowsOf(log));
    expect(rows.map(({ visits = 0, visitors = 0 }) => [visits, visitors])).toEqual([
      ...[
        [1, 1],
        [1, 0],
        [0, 1],
        [1, 0],
        [0, 0],
      ],
    ]);
  });

  test('a first event makes a visitor, whatever its day', () => {
    const log = newLog().applyAll([behavior(0, 5), behavior(1, 6)]);
    expect(sumOf(log, 'visitors')).toBe(1);
  });

  test('a user who refused everything is counted, and moves nowhere', () => {
    const log = newLog().applyAll([
      consent(0, BASE_MS, false, false),
      behavior(1, BASE_MS + 1, { name: 'add_to_cart' }),
    ]);
    const pulse = takeFrom(log) as Pulse;
    expect(pulse.rows[0]?.slice(3, 7)).toEqual([2, 0, 1, 1]);
    expect(pulse.moves).toEqual([]);
  });
});

describe('what is not accepted', () => {
  test('adds nothing, and a commit without anything has no pulse', () => {
    const log = newLog().applyAll([click(0, BASE_MS, 'a'), conversion(1, BASE_MS, 'o1')]);
    expect(log.state.pulse.messageCount).toBe(1);
    expect(takeFrom(log)).toMatchObject({ partition: 3, sequence: 7, log_ms: log.state.clockMs });
    log.apply(click(0, BASE_MS, 'a'));
    log.apply(behavior(9, BASE_MS, { event_id: common(1, 0).event_id }));
    log.apply(conversion(2, BASE_MS, 'o1'));
    log.apply({ ...conversion(3, BASE_MS, 'o2'), currency: 'EUR' } as Event);
    expect(log.traffic()).toMatchObject({ accepted: 2, duplicates: 3, rejected: 1 });
    expect(log.state.pulse.messageCount).toBe(0);
    expect(takeFrom(log)).toBeUndefined();
  });

  test('a commit has room for its pulse', () => {
    const log = newLog();
    log.cells();
    const before = log.state.dirtyCount;
    log.apply(behavior(0, BASE_MS));
    const pulses = log.state.dirtyCount - before - log.cells().size;
    expect(pulses).toBe(1);
    takeFrom(log);
    expect(log.state.dirtyCount).toBe(0);
  });
});

describe('spending', () => {
  test('is of the second of the log, by campaign, with the wins', () => {
    const log = newLog(BASE_MS);
    log.putCampaign(SALE, 10_000_000);
    log.applyAll([opportunity(0, BASE_MS - HOUR_MS), opportunity(1, BASE_MS - HOUR_MS + 1)]);
    const { spent_micros: first } = { ...log.delivery('sale') };
    log.state.tick(BASE_MS + 1_000);
    log.apply(opportunity(2, BASE_MS - HOUR_MS + 2));
    const second = log.delivery('sale').spent_micros - first;
    expect(second).toBeGreaterThan(0);
    expect(spendOf(log)).toEqual({
      [`${BASE_S} sale`]: [first, 2],
      [`${BASE_S + 1} sale`]: [second, 1],
    });
  });

  test('a price that waits for a click is spent when it comes, if a grant is left', () => {
    const log = newLog(BASE_MS);
    log.putCampaign({ ...SALE, pay_per: 'click' }, 10_000_000);
    log.apply(opportunity(0, BASE_MS));
    expect(spendOf(log)).toEqual({ [`${BASE_S} sale`]: [0, 1] });
    const decision_id = log.receipts[0]?.decision.decision_id;
    const clicked = { type: 'outcome', outcome: 'clicked', decision_id };
    log.state.tick(BASE_MS + 5_000);
    log.apply({ ...common(1, BASE_MS + 1), ...clicked } as Event);
    const { spent_micros } = log.delivery('sale');
    expect(spendOf(log)).toEqual({ [`${BASE_S + 5} sale`]: [spent_micros, 0] });
    expect(spent_micros).toBeGreaterThan(0);
  });

  test('a price that no grant is left for is not spent', () => {
    const log = newLog(BASE_MS);
    log.putCampaign({ ...SALE, pay_per: 'click' }, 10_000_000);
    log.apply(opportunity(0, BASE_MS));
    takeFrom(log);
    const over = { from_ms: 0, until_ms: 1, day_from_ms: 0, allow_micros: 0 };
    log.putGrant('sale', { ...over, limited_by: 'total' });
    const decision_id = log.receipts[0]?.decision.decision_id;
    const clicked = { type: 'outcome', outcome: 'clicked', decision_id };
    log.apply({ ...common(1, BASE_MS + 1), ...clicked } as Event);
    expect(log.delivery('sale').unbilled_micros).toBeGreaterThan(0);
    expect(spendOf(log)).toEqual({});
  });

  test('a house campaign wins for nothing', () => {
    const log = newLog(BASE_MS);
    log.putCampaign(campaignWith('house', { house: true }), 0);
    log.apply(opportunity(0, BASE_MS));
    expect(spendOf(log)).toEqual({ [`${BASE_S} house`]: [0, 1] });
  });
});

describe('moves along the funnel', () => {
  const step = (n: number, afterMs: number, name: string): Event =>
    behavior(n, BASE_MS + afterMs, { name });

  test('say from where, to where and after how long; a first event may move at once', () => {
    const log = newLog().applyAll([
      step(0, 0, 'search'),
      step(1, 5_000, 'share'),
      step(2, 60_000, 'add_to_cart'),
      conversion(3, BASE_MS + 61_500, 'o1'),
    ]);
    expect(movesOf(log)).toEqual([
      ['aware > exploring', 0],
      ['exploring > considering', 60_000],
      ['considering > customer', 1_500],
    ]);
    const later = newLog().applyAll([step(0, 0, 'share'), step(1, 7_000, 'search')]);
    expect(movesOf(later)).toEqual([['aware > exploring', 7_000]]);
  });

  test('carry their event’s second', () => {
    const log = newLog(BASE_MS + 4_000).applyAll([
      step(0, 0, 'share'),
      step(1, 3_000, 'search'),
      step(2, 9_000, 'add_to_cart'),
    ]);
    expect(takeFrom(log)?.moves.map(([second]) => second - BASE_S)).toEqual([3, 4]);
  });

  test('a late event moves after no time, and does not move what follows back', () => {
    const log = newLog().applyAll([
      step(0, 10_000, 'search'),
      step(1, 4_000, 'add_to_cart'),
      step(2, 13_000, 'begin_checkout'),
    ]);
    expect(movesOf(log)).toEqual([
      ['aware > exploring', 0],
      ['exploring > considering', 0],
      ['considering > buying', 3_000],
    ]);
  });

  test('who lapsed has been lapsed since the deadline, moved on or not', () => {
    const log = newLog().applyAll([step(0, 0, 'search'), step(1, LAPSE_MS + 8_000, 'search')]);
    expect(movesOf(log)[1]).toEqual(['lapsed > exploring', 8_000]);
    const stayed = newLog().applyAll([step(0, 0, 'search'), step(1, LAPSE_MS + 8_000, 'share')]);
    expect(stayed.actor().value.funnel).toBe('lapsed');
    expect(stayed.user().funnelSinceMs).toBe(BASE_MS + LAPSE_MS);
    stayed.restart();
    stayed.state.tick(BASE_MS + 1_000 * DAY_MS);
    stayed.apply(step(2, LAPSE_MS + 9_000, 'search'));
    expect(movesOf(stayed)).toEqual([['lapsed > exploring', 9_000]]);
  });

  test('who stays away again has been lapsed since the first time', () => {
    const back = [step(1, 2 * LAPSE_MS, 'share'), step(2, 4 * LAPSE_MS, 'search')];
    const log = newLog().applyAll([step(0, 0, 'search'), ...back]);
    expect(movesOf(log)[1]).toEqual(['lapsed > exploring', 3 * LAPSE_MS]);
  });

  test('of a user of an earlier release, the first takes nobody knows how long', () => {
    const known = decodeUser(ADA, golden('user-v3.json'));
    const { nowMs, lapsesAtMs, funnelSinceMs } = known.state;
    expect([known.chart.funnel, funnelSinceMs]).toEqual(['customer', -1]);
    const movesBy = (...events: Event[]) => {
      const { state } = newLog();
      let actor = restoreUserActor(known, DEFAULT_REFERENCE);
      events.forEach((event, i) => {
        const logged = { user: ADA, sequence: (i + 1) as StreamSequence, event };
        const applied = applyEvent(state, actor, logged);
        if (applied.verdict === 'accepted') actor = applied.actor;
      });
      return movesOf({ state });
    };
    const cart = behavior(20, nowMs + 1_000, { name: 'add_to_cart' });
    const checkout = behavior(21, nowMs + 3_000, { name: 'begin_checkout' });
    expect(movesBy(cart, checkout)).toEqual([
      ['customer > considering', -1],
      ['considering > buying', 2_000],
    ]);
    // Unless absence is what moved the user: that is known to the millisecond.
    const back = behavior(20, lapsesAtMs + 5, { name: 'search' });
    expect(movesBy(back)).toEqual([['lapsed > exploring', 5]]);
  });
});

test('the largest pulse that a commit can have fits one message', () => {
  const log = newLog(BASE_MS);
  const name = (n: number): string => `${n}`.padEnd(64, '語');
  const { pulse } = log.state;
  const value = { ...conversion(0, BASE_MS, 'o', 999_999_999.999999) };
  for (let n = 0; n < 500; n++) {
    const named = placed({ ...value, timestamp: BASE_MS - n } as Event, name(n), name(n + 500));
    const actor = log.actor();
    const next = { ...actor, value: { ...actor.value, funnel: 'customer' as const } };
    const became = { event: named, missing: 999, onTime: actor, next, refundedMicros: 1e15 };
    pulse.count(BASE_MS, { ...became, wins: 8 });
    for (let w = 0; w < 8; w++) pulse.spend(BASE_MS, `${8 * n + w}`.padEnd(64, 'x'), 1e15, 1);
  }
  const taken = takeFrom(log) as Pulse;
  expect([taken.rows.length, taken.moves.length, taken.spend.length]).toEqual([500, 500, 4_000]);
  expect(Buffer.byteLength(JSON.stringify(taken))).toBeLessThan(768 * 1_024);
});
