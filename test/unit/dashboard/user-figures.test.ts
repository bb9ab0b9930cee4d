/** What the view of a user calculates: lines, parts of logits, the path, deadlines, words. */
import { describe, expect, test } from 'vitest';
import { passDeadlines } from '../../../actors/user/actor.ts';
import type { UserHistory } from '../../../protocols/live-services.ts';
import { CONCEPTS, INTENTS, MODALITIES } from '../../../protocols/user-snapshot.ts';
import { contributions } from '../../../runtime/dashboard/user/contributions.ts';
import { deadlines } from '../../../runtime/dashboard/user/deadlines.ts';
import { lastMoves } from '../../../runtime/dashboard/user/last-moves.ts';
import {
  MAX_LOOKED_AT,
  parseLookedAt,
  withLookedAt,
} from '../../../runtime/dashboard/user/looked-at.ts';
import { pathSteps } from '../../../runtime/dashboard/user/path-steps.ts';
import {
  bidFlipText,
  conceptFlipText,
  priceText,
} from '../../../runtime/dashboard/user/receipt-words.ts';
import {
  CONCEPT_NAMES,
  conceptLines,
  INTENT_NAMES,
  intentLines,
  type LineColours,
  linesOption,
  MODALITY_NAMES,
  modalityLines,
  tooltipOf,
} from '../../../runtime/dashboard/user/time-lines.ts';
import { BASE_MS, behavior, MINUTE_MS } from '../../generators.ts';
import { PartitionLog } from '../../partition-log.ts';

/** A colour is its own name here. */
const COLOURS = new Proxy({}, { get: (_, name) => String(name) }) as LineColours;

/** The history of a user who looks around, a minute apart, as the engine folds it. */
function historyOf(...names: readonly string[]): UserHistory['points'] {
  const log = new PartitionLog();
  return names.map((name, n) => {
    const t = BASE_MS + n * MINUTE_MS;
    const { verdict } = log.apply(behavior(n, t, { name }));
    const { value: chart, context } = log.actor();
    const { fusion, concepts, intents } = context;
    return {
      t,
      sequence: n + 1,
      type: 'behavior',
      name,
      verdict,
      chart,
      fusion,
      concepts,
      intents,
    };
  });
}

describe('lines of the fused state', () => {
  const points = historyOf('view_item', 'add_to_cart', 'rage_tap');

  test('have the names, in the order, of modalities, concepts and intents', () => {
    expect(MODALITY_NAMES).toEqual(MODALITIES);
    expect(CONCEPT_NAMES).toEqual(CONCEPTS);
    expect(INTENT_NAMES).toEqual(INTENTS);
  });

  test('hold what the state was after each event', () => {
    expect(modalityLines(points)[3]).toEqual({
      name: 'purchase',
      values: points.map(({ fusion }) => fusion[3]),
    });
    expect(conceptLines(points)[0]?.values).toEqual(
      points.map((each) => each.concepts.frustration),
    );
    expect(intentLines(points)[2]?.values).toEqual(points.map((each) => each.intents.churn_risk));
  });

  test('run over events or over time, with a mark for each event', () => {
    const lines = intentLines(points);
    const drawn = (scale: 'time' | 'events') => {
      const option = linesOption({ points, lines, scale, meant: undefined, colours: COLOURS });
      return option.series as { name: string; data: (number[] | { value: number[] })[] }[];
    };
    const xs = (scale: 'time' | 'events') =>
      drawn(scale)[0]?.data.map((each) => (each as number[])[0]);
    expect(xs('events')).toEqual([0, 1, 2]);
    expect(xs('time')).toEqual(points.map(({ t }) => t));
    expect(drawn('events').find(({ name }) => name === 'events')?.data).toHaveLength(3);
  });

  test('show names from outside as text, whatever is in them', () => {
    const named = historyOf('<img src=x onerror=alert(1)>');
    const html = tooltipOf(named, intentLines(named), COLOURS, 0);
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(html).not.toContain('<img');
  });
});

describe('since when a region is where it stands', () => {
  const points = historyOf('view_item', 'view_item', 'add_to_cart', 'search');
  const chart = points.at(-1)?.chart ?? { ...points[0]!.chart };

  test('is the event that moved it', () => {
    const moves = lastMoves(points, chart);
    expect(points[1]?.chart.funnel).not.toBe(chart.funnel);
    expect(moves.funnel).toMatchObject({ from: points[1]?.chart.funnel, by: 'add_to_cart' });
    expect(moves.funnel?.atMs).toBe(points[2]?.t);
  });

  test('is not said of a region that did not move, or that a deadline moved since', () => {
    const moves = lastMoves(points, { ...chart, session: 'idle', funnel: 'lapsed' });
    expect(moves).not.toHaveProperty('consent');
    expect(moves).not.toHaveProperty('session');
    expect(moves).not.toHaveProperty('funnel');
  });
});

describe('the parts of a logit', () => {
  test('add up to it, with those that are not listed as one sum', () => {
    const parts = { a: 0.5, b: -2, c: 0.25, d: 0, e: undefined };
    const logit = -1 + 0.5 - 2 + 0.25 + 0.125;
    const found = contributions({ logit, bias: -1 }, parts, 0.125, 2);
    expect(found.listed.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(found.listed.map(({ share }) => share)).toEqual([1, 0.25]);
    const sum = found.listed.reduce((total, { part }) => total + part, found.bias + found.rest);
    expect(sum).toBeCloseTo(found.logit, 12);
    expect(found.restCount).toBe(2);
    expect(found.probability).toBeCloseTo(1 / (1 + Math.exp(-logit)), 12);
  });

  test('are none where nothing has a part', () => {
    expect(contributions({ logit: 0, bias: 0 }, { a: 0 }, 0, 3)).toMatchObject({
      ...{ listed: [], restCount: 0, rest: 0, probability: 0.5 },
    });
  });
});

test('a path reads from top to bottom, with the time since the step before', () => {
  const path = [
    { t: 1_000, id: 'e1', channel: 'email', campaign: 'spring' },
    { t: 61_000, id: 'e2', order: 'o-1', micros: 5_000_000 },
  ];
  expect(pathSteps(path, 1_000)).toMatchObject([
    { kind: 'touch', name: 'email', campaign: 'spring', gapMs: undefined, isSettled: true },
    { kind: 'conversion', name: 'o-1', micros: 5_000_000, gapMs: 60_000, isSettled: false },
  ]);
});

describe('deadlines', () => {
  const log = new PartitionLog().applyAll([behavior(0, BASE_MS)]);
  // The snapshot shows looks as objects; deadlines do not read them.
  const state = { ...log.user(), looks: [] };

  test('pass when the statechart says so, not a moment before', () => {
    const [session, lapse] = deadlines(state, BASE_MS);
    for (const deadline of [session, lapse]) {
      const at = deadline?.atMs ?? 0;
      const isPast = (ms: number) =>
        deadlines(state, ms).find(({ name }) => name === deadline?.name)?.isPast;
      const moved = (ms: number) => passDeadlines(log.actor(), ms).value;
      const reached = deadline === session ? 'session' : 'funnel';
      expect([isPast(at), isPast(at + 1)]).toEqual([false, true]);
      expect(moved(at)[reached]).not.toBe(moved(at + 1)[reached]);
    }
  });

  test('say how long it takes, and how much of the wait is over', () => {
    const { endsAtMs } = state.session;
    const half = (BASE_MS + endsAtMs) / 2;
    expect(deadlines(state, half)[0]).toMatchObject({ share: 0.5, distanceMs: endsAtMs - half });
    expect(deadlines(state, endsAtMs + 9)[0]).toMatchObject({ share: 1, distanceMs: 9 });
    expect(deadlines({ ...state, events: 0 }, half)).toEqual([]);
  });
});

describe('receipts in words', () => {
  test('say who set a price', () => {
    const win = { campaign: 'A', price_micros: 420_000, price_setter: 'reserve' };
    expect(priceText(win, 'USD')).toBe('pays $0.42, set by reserve');
    expect(priceText({ ...win, price_setter: 'house' }, 'USD')).toMatch(/pays nothing/);
  });

  test('say what would flip a decision, to the micro', () => {
    const flip = { campaign: 'A', from_micros: 420_000, to_micros: 420_001, winner: 'A' };
    expect(bidFlipText(flip, 'USD')).toBe(
      'If A raised its bid from $0.42 to 0.420001 USD, A would win.',
    );
    const lower = { ...flip, to_micros: 410_000, winner: null };
    expect(bidFlipText(lower, 'USD')).toMatch(/lowered .* to \$0\.41, nobody would win/);
    expect(bidFlipText(null, 'USD')).toMatch(/No single bid/);
    const concept = { concept: 'urgency', from: 0.1, to: 0.25, winner: 'B' } as const;
    expect(conceptFlipText(concept)).toBe('If urgency were 0.250, not 0.100, B would win.');
    expect(conceptFlipText(null)).toMatch(/No value/);
  });
});

test('of the users looked at, the latest come first, each once, a few at most', () => {
  expect(withLookedAt(['a', 'b', 'c'], 'b')).toEqual(['b', 'a', 'c']);
  const many = Array.from({ length: 20 }, (_, n) => `user-${n}`);
  expect(many.reduce<readonly string[]>(withLookedAt, [])).toHaveLength(MAX_LOOKED_AT);
  expect(parseLookedAt(JSON.stringify(['a', 7, 'b']))).toEqual(['a', 'b']);
  expect([null, '{}', 'not JSON'].map(parseLookedAt)).toEqual([[], [], []]);
});
