/**
 * What the live actor counts where, what it shows to whom, and how long users take.
 */
import { expect, test } from 'vitest';
import { LiveActor, MAX_OPEN_SECONDS } from '../../../actors/channel/live/live-actor.ts';
import { mergeSketch, newSketch, storedSketch } from '../../../actors/channel/live/moves.ts';
import type { Alert } from '../../../protocols/alert.ts';
import { liveFrameSchema, SMALL_GROUPS } from '../../../protocols/live-figures.ts';
import {
  liveGroupsSchema,
  liveHeadSchema,
  liveMovesSchema,
  liveSeriesSchema,
} from '../../../protocols/live-snapshot.ts';
import { OTHER_NAME, PULSE_FIGURES, type Pulse } from '../../../protocols/pulse.ts';
import { seededRandom } from '../../../runtime/simulate/random.ts';
import { alertOf } from '../../alerts.ts';
import { LiveStore } from '../../live-store.ts';

const T0_S = 1_772_323_200;
const FRAME = { atMs: 0, currency: 'EUR', heldBackBy: [] };
let sequence = 0;

type Counts = Partial<Record<(typeof PULSE_FIGURES)[number], number>>;

function pulse(
  rows: readonly (readonly [second: number, source: string, region: string, counts: Counts])[],
  moves: Pulse['moves'] = [],
): Pulse {
  const names = [...new Set(rows.flatMap(([, source, region]) => [source, region]))];
  sequence++;
  return {
    ...{ v: 1, partition: 0, sequence, log_ms: 0, names, spend: [], moves },
    rows: rows.map(([second, source, region, counts]) => [
      ...([T0_S + second, names.indexOf(source), names.indexOf(region)] as const),
      ...PULSE_FIGURES.map((name) => counts[name] ?? 0),
    ]),
  };
}

function closed(actor: LiveActor, second: number): void {
  actor.advance((T0_S + second) * 1_000, (T0_S + second) * 1_000);
}

/** Whether an alert of this scope is kept from those who see no group with fewer users. */
function isHidden(actor: LiveActor, scope: Alert['scope'], minUsers: number): boolean {
  return actor.shownTo([alertOf({ scope })], minUsers).length === 0;
}

test('a second counts in the minute once the watermark passed it, late ones never do', () => {
  const actor = new LiveActor();
  actor.fold(pulse([[0, 'a', 'x', { events: 3 }]]));
  expect(actor.frame(FRAME)).toMatchObject({ watermark_ms: null, open_events: 3 });
  closed(actor, 1);
  expect(actor.frame(FRAME)).toMatchObject({ open_events: 0, completeness: 1 });
  expect(actor.frame(FRAME).all.minute.events).toBe(3);
  actor.fold(pulse([[0, 'a', 'x', { events: 1 }]]));
  const { all, completeness } = actor.frame(FRAME);
  expect([all.minute.events, all.total.events, completeness]).toEqual([3, 4, 0.75]);
  closed(actor, 60);
  expect(actor.frame(FRAME).all.minute.events).toBe(3);
  closed(actor, 61);
  expect(actor.frame(FRAME).all.minute.events).toBe(0);
  closed(actor, 10);
  expect(actor.frame(FRAME).watermark_ms).toBe((T0_S + 61) * 1_000);
});

test('what is too far ahead is lumped into the last open second, and not judged', () => {
  const actor = new LiveActor();
  closed(actor, 0);
  actor.fold(pulse([[MAX_OPEN_SECONDS + 500, 'a', 'x', { events: 9 }]]));
  expect(actor.head(1).judged_from).toBe(T0_S + MAX_OPEN_SECONDS + 501);
  closed(actor, MAX_OPEN_SECONDS - 1);
  expect(actor.frame(FRAME)).toMatchObject({ open_events: 9 });
  closed(actor, MAX_OPEN_SECONDS);
  expect(actor.frame(FRAME).all.minute.events).toBe(9);
});

test('a watermark that jumps by days closes what is open, and calls nobody', () => {
  const actor = new LiveActor();
  actor.fold(pulse([[0, 'a', 'x', { events: 5 }]]));
  closed(actor, 1);
  actor.fold(pulse([[2, 'a', 'x', { events: 5 }]]));
  closed(actor, 5 * 86_400);
  const { open_events, all } = actor.frame(FRAME);
  expect([open_events, all.minute.events, all.total.events]).toEqual([0, 0, 10]);
  expect(actor.alerts).toEqual([]);
});

test('beyond the bounds names are lumped together, and totals stay exact', () => {
  const actor = new LiveActor();
  for (let i = 0; i < 70; i++) {
    for (let k = 0; k < 5; k++) actor.fold(pulse([[0, `s${i}`, `r${k}`, { events: 1 }]]));
  }
  const { groups, sources, all } = actor.frame(FRAME);
  expect(all.total.events).toBe(350);
  expect(groups.length).toBeLessThanOrEqual(256);
  expect(groups.reduce((sum, { total }) => sum + total.events, 0)).toBe(350);
  expect(sources.length).toBe(65);
  const total = (name: string) => sources.find(({ source }) => source === name)?.total.events;
  expect([total('s63'), total('s64'), total(OTHER_NAME)]).toEqual([5, undefined, 30]);
});

test('marketers see no figure of a few users: small groups are put together', () => {
  const actor = new LiveActor();
  const users = { a: 100, b: 50, c: 3, d: 4 };
  for (const [source, visitors] of Object.entries(users)) {
    actor.fold(pulse([[0, source, 'x', { events: visitors, visitors }]]));
  }
  closed(actor, 1);
  const frame = actor.frame({ ...FRAME, minUsers: 10 });
  expect(frame.small_groups).toEqual({ min_users: 10, count: 3 });
  // Seven users together are still too few: the next smallest group joins them.
  expect(frame.sources.map(({ source, visitors_today }) => [source, visitors_today])).toEqual([
    ['a', 100],
    [SMALL_GROUPS, 57],
  ]);
  expect(actor.frame(FRAME).sources).toHaveLength(4);
});

test('just after midnight groups are as large as yesterday, for a day', () => {
  const actor = new LiveActor();
  const DAY_S = 86_400;
  const shown = (of: LiveActor): string[] =>
    of.frame({ ...FRAME, minUsers: 20 }).sources.map(({ source }) => source);
  const visited = (second: number, users: Record<string, number>): void => {
    for (const [source, visitors] of Object.entries(users)) {
      actor.fold(pulse([[second, source, 'x', { events: visitors, visitors }]]));
    }
    closed(actor, second + 1);
  };
  visited(0, { a: 30, b: 25, c: 20, d: 19 });
  expect(shown(actor)).toEqual(['a', 'b', SMALL_GROUPS]);
  visited(DAY_S, { a: 1, d: 19 });
  const restarted = new LiveStore().restarted(actor);
  for (const each of [actor, restarted]) {
    const { sources, all } = each.frame({ ...FRAME, minUsers: 20 });
    expect(sources.map(({ source }) => source)).toEqual(['a', 'b', SMALL_GROUPS]);
    // What visitors_today says is not changed by it.
    expect(all.visitors_today).toBe(20);
    expect(sources[0]).toMatchObject({ source: 'a', visitors_today: 1 });
    expect(isHidden(each, { source: 'a' }, 20)).toBe(false);
    expect(isHidden(each, { source: 'd' }, 20)).toBe(true);
  }
  visited(2 * DAY_S, { a: 1, b: 20 });
  expect(shown(actor)).toEqual(['b', SMALL_GROUPS]);
});

test('marketers hear no alert about a few users; campaigns and all are never small', () => {
  const actor = new LiveActor();
  const MINUTES = 10;
  for (let second = 0; second < MINUTES * 60; second++) {
    const visitors = second === 0 ? 100 : 0;
    const few = second < MINUTES * 60 - 30 ? { events: 20 } : {};
    actor.fold(
      pulse([
        [second, 'a', 'x', { events: 100, visitors }],
        [second, 'b', 'x', { events: 100, visitors }],
        [second, 'few', 'x', { ...few, visitors: second === 0 ? 5 : 0 }],
      ]),
    );
    closed(actor, second + 1);
  }
  const about = (minUsers?: number): string[] =>
    actor
      .frame(minUsers === undefined ? FRAME : { ...FRAME, minUsers })
      .alerts.map(({ key }) => key);
  expect(about()).toEqual(['few/(all)']);
  expect(about(5)).toEqual(['few/(all)']);
  expect(about(6)).toEqual([]);
  // Five users are too few for a row: the next smallest group joins them, and its alerts.
  const scopes = [{ source: 'few' }, { source: 'few', region: 'x' }, { source: 'nobody' }];
  for (const scope of scopes) expect(isHidden(actor, scope, 6)).toBe(true);
  for (const scope of scopes.slice(0, 2)) expect(isHidden(actor, scope, 5)).toBe(false);
  for (const scope of [{ campaign: 'few/x' }, {}]) expect(isHidden(actor, scope, 6)).toBe(false);
  expect(['a', 'b'].map((source) => isHidden(actor, { source }, 6))).toEqual([true, false]);
});

test('times between funnel states are within 1 % of observed ones, over days added up too', () => {
  const random = seededRandom(5);
  const times = Array.from({ length: 20_000 }, () => Math.round(Math.exp(14 * random())));
  const [even, odd, whole] = [newSketch(), newSketch(), newSketch()];
  times.forEach((time, i) => {
    (i % 2 === 0 ? even : odd).accept(time);
    whole.accept(time);
  });
  const merged = newSketch();
  mergeSketch(merged, storedSketch(even));
  mergeSketch(merged, JSON.parse(JSON.stringify(storedSketch(odd))));
  expect(storedSketch(merged)).toEqual(storedSketch(whole));
  const sorted = [...times].sort((a, b) => a - b);
  for (const quantile of [0, 0.01, 0.5, 0.9, 0.99, 1]) {
    const exact = sorted[Math.floor(quantile * (sorted.length - 1))] as number;
    expect(merged.getValueAtQuantile(quantile)).toBe(whole.getValueAtQuantile(quantile));
    expect(Math.abs(merged.getValueAtQuantile(quantile) - exact)).toBeLessThanOrEqual(
      0.0101 * exact,
    );
  }
});

test('a move of unknown time counts as a move and in no quantile; one of no time is a time', () => {
  const actor = new LiveActor();
  actor.fold(
    pulse(
      [[0, 'a', 'x', { events: 1 }]],
      [
        [T0_S, 0, 1, -1],
        [T0_S, 1, 2, 0],
        [T0_S, 1, 2, 4_000],
      ],
    ),
  );
  closed(actor, 1);
  const [unknown, known] = actor.frame(FRAME).velocity;
  expect(unknown).toMatchObject({ from: 'aware', to: 'exploring', users_today: 1, p50_ms: null });
  expect(known).toMatchObject({ from: 'exploring', users_minute: 2, users_today: 2, p50_ms: 0 });
});

test('frames and what is stored are as their schemas say', () => {
  const actor = new LiveActor();
  actor.fold(pulse([[0, 'a', 'x', { events: 2, visits: 1 }]], [[T0_S, 0, 1, 5]]));
  closed(actor, 7);
  liveFrameSchema.parse(actor.frame(FRAME));
  const { head, groups, series, moves } = new LiveStore().store(actor);
  liveHeadSchema.parse(head);
  for (const part of groups) liveGroupsSchema.parse(part);
  for (const part of series) liveSeriesSchema.parse(part);
  for (const day of Object.values(moves)) liveMovesSchema.parse(day);
  expect(actor.takeChanges()).toEqual({ groups: [], series: [], moves: [], forgottenDays: [] });
});
