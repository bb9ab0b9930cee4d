/**
 * The audit's own live figures, on logs made by hand, and what it says of stores made by hand.
 */
import { expect, test } from 'vitest';
import type { Partition } from '../../protocols/ids.ts';
import type { LiveGroups, LiveHead, LiveMoves } from '../../protocols/live-snapshot.ts';
import { FUNNEL_STATES, type Pulse } from '../../protocols/pulse.ts';
import { LIVE_HEAD, livePartSubject, pulseSubject } from '../../protocols/subjects.ts';
import { Differences } from '../../runtime/audit/differences.ts';
import { LiveCheck } from '../../runtime/audit/live-check.ts';
import { LogReplay } from '../../runtime/audit/replay.ts';
import { takeStoredLive } from '../../runtime/audit/stored-live.ts';
import { StoredView } from '../../runtime/audit/stored-view.ts';

/** Noon of a day, on a whole second. */
const NOON_MS = Date.UTC(2026, 5, 1, 12);
const NOON = NOON_MS / 1_000;
const DAY_MS = 86_400_000;
const [AWARE, EXPLORING, CONSIDERING, , CUSTOMER] = FUNNEL_STATES.keys();

type Json = Record<string, unknown>;

/** An event of one user, in order, that a log stored when it happened unless said otherwise. */
interface Sent extends Json {
  readonly at: number;
  readonly index: number;
  readonly storedAt?: number;
  readonly user?: string;
}

function bodyOf({ at, index, storedAt: _, user: __, ...more }: Sent, place: number): Uint8Array {
  const event = {
    event_id: `00000000-0000-4000-8000-${String(place).padStart(12, '0')}`,
    session_index: index,
    timestamp: NOON_MS + at,
    user_mode: 'authenticated',
    type: 'behavior',
    source: 'web',
    region: 'AT',
    ...more,
  };
  return new TextEncoder().encode(JSON.stringify(event));
}

/** What the audit finds between such a log and a store; all in partition 0. */
function auditOf(log: readonly Sent[], messages: Readonly<Record<string, object>> = {}) {
  const differences = new Differences(50);
  const bodies = Object.entries(messages).map(([subject, body]): [string, Uint8Array] => {
    return [subject, new TextEncoder().encode(JSON.stringify(body))];
  });
  const stored = new StoredView(new Map(bodies), differences);
  const storedLive = takeStoredLive(stored);
  const replay = new LogReplay(stored, differences, storedLive.positions);
  log.forEach((sent, i) => {
    const storedAtMs = NOON_MS + (sent.storedAt ?? sent.at);
    const subject = `events.0.${sent.user ?? 'ada'}`;
    replay.take({ sequence: i + 1, subject, body: bodyOf(sent, i + 1), storedAtMs });
  });
  const check = new LiveCheck(storedLive, differences);
  for (const partition of replay.partitions.values()) {
    partition.finish();
    check.partition(partition);
  }
  return { check, differences, replay };
}

const LOG: readonly Sent[] = [
  { at: 0, index: 0, type: 'click', channel: 'email', cost: 0.5 },
  // 1 to 3 are missing, until 2 comes late.
  { at: 4_000, index: 4, name: 'add_to_cart' },
  { at: 2_000, index: 2, region: 'DE' },
  // Twice the same.
  { at: 4_000, index: 4, name: 'add_to_cart' },
  { at: 9_500, index: 5, type: 'conversion', value: 20, currency: 'USD', order_id: 'o-1' },
  { at: 11_000, index: 6, type: 'refund', order_id: 'o-1', value: 5 },
  // Numbered anew from far away.
  { at: 12_000, index: 5_000 },
  // The next day, of a device whose clock is ahead of the log's.
  { at: DAY_MS + 60_000, index: 5_001, storedAt: DAY_MS, source: undefined },
  // Another user, whose first event is not the first of its series.
  { at: DAY_MS, index: 7, user: 'bob', type: 'impression', channel: 'display', cost: 0.002 },
];

/** What such a log's commit leaves. */
const PULSE: Pulse = {
  v: 1,
  partition: 0,
  sequence: LOG.length,
  log_ms: NOON_MS + DAY_MS,
  names: ['web', 'AT', 'DE', '(none)'],
  rows: [
    [NOON, 0, 1, 1, 0, 1, 1, 0, 0, 0, 500_000, 0, 0],
    [NOON + 2, 0, 2, 1, -1, 0, 0, 0, 0, 0, 0, 0, 0],
    [NOON + 4, 0, 1, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0],
    [NOON + 9, 0, 1, 1, 0, 0, 0, 1, 20_000_000, 0, 0, 0, 0],
    [NOON + 11, 0, 1, 1, 0, 0, 0, 0, 0, 5_000_000, 0, 0, 0],
    [NOON + 12, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [NOON + 86_400, 3, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0],
    [NOON + 86_400, 0, 1, 1, 0, 1, 1, 0, 0, 0, 2_000, 0, 0],
  ],
  spend: [],
  moves: [
    [NOON, AWARE as number, EXPLORING as number, 0],
    [NOON + 4, EXPLORING as number, CONSIDERING as number, 4_000],
    [NOON + 9, CONSIDERING as number, CUSTOMER as number, 5_500],
  ],
};
const AT = pulseSubject(0 as Partition, LOG.length);

test('the figures of a log are those that its events add up to by hand', () => {
  const { check } = auditOf(LOG);
  const { velocity, ...sums } = check.figures;
  expect(sums).toEqual({
    events: 8,
    missing: 2,
    fill_rate: 0.8,
    visits: 3,
    conversions: 1,
    conversion_rate: 1 / 3,
    value_micros: 20_000_000,
    refunded_micros: 5_000_000,
    cost_micros: 502_000,
    spend_micros: 0,
    roas: 15_000_000 / 502_000,
  });
  const only = (ms: number) => ({ users: 1, p50_ms: ms, p90_ms: ms, p99_ms: ms });
  expect(velocity).toEqual(
    [
      { day: '20260601', from: 'aware', to: 'exploring', ...only(0) },
      { day: '20260601', from: 'considering', to: 'customer', ...only(5_500) },
      { day: '20260601', from: 'exploring', to: 'considering', ...only(4_000) },
    ].sort((a, b) => Number(a.from > b.from) - 0.5),
  );
});

test('without events, visits or costs there are no rates', () => {
  const { check } = auditOf([]);
  expect(check.figures).toMatchObject({ fill_rate: null, conversion_rate: null, roas: null });
});

test('quantiles of times are those of the nearest rank', () => {
  const users = Array.from({ length: 10 }, (_, i) => `user-${i}`);
  const log = users.flatMap((user, i): Sent[] => [
    { user, at: 0, index: 0, name: 'search' },
    { user, at: 1_000 * (i + 1), index: 1, name: 'add_to_cart' },
  ]);
  const { velocity } = auditOf(log).check.figures;
  const quantiles = { p50_ms: 5_000, p90_ms: 9_000, p99_ms: 10_000 };
  expect(velocity).toContainEqual(
    expect.objectContaining({ from: 'exploring', to: 'considering', users: 10, ...quantiles }),
  );
});

test('who comes back after the deadline of absence has moved from there, since then', () => {
  const { check, replay } = auditOf([
    { at: 0, index: 0, name: 'add_to_cart' },
    { at: 31 * DAY_MS, index: 1 },
    { at: 32 * DAY_MS, index: 2, name: 'search' },
    // Too late to have brought anybody to a state before that.
    { at: 31.5 * DAY_MS, index: 3, name: 'begin_checkout' },
  ]);
  const moves = check.figures.velocity.map(({ from, to, p50_ms }) => [from, to, p50_ms]);
  expect(moves).toContainEqual(['lapsed', 'exploring', 2 * DAY_MS]);
  expect(moves).toContainEqual(['exploring', 'buying', 0]);
  const since = replay.partitions.get(0)?.users.get('ada')?.funnel.sinceMs;
  expect(since).toBe(NOON_MS + 32 * DAY_MS);
});

function differencesOf(messages: Readonly<Record<string, object>>): readonly string[] {
  const { check, differences } = auditOf(LOG, messages);
  expect(check.totals()).toEqual([]);
  return differences.listed.map(({ where }) => where);
}

test('a pulse that says what the log says is right, and none is missing', () => {
  expect(differencesOf({ [AT]: PULSE })).toEqual([]);
});

test.each<readonly [what: string, pulse: Partial<Pulse>, named: RegExp]>([
  ['an event too many', { rows: [...PULSE.rows, [NOON, 0, 1, 1]] }, /^pulses of partition 0/],
  ['an event too few', { rows: PULSE.rows.slice(1) }, /web.*AT/],
  [
    'an event in another second',
    { rows: PULSE.rows.map(([second, ...row]) => [second === NOON ? NOON + 1 : second, ...row]) },
    new RegExp(`${NOON + 1}`),
  ],
  ['another source', { names: ['app', ...PULSE.names.slice(1)] }, /app/],
  ['a spend of nobody', { spend: [[NOON, 0, 1, 0]] }, /spend/],
  ['a move too many', { moves: [...PULSE.moves, [NOON, 0, 1, 0]] }, /aware.*exploring/],
  [
    'a longer move',
    { moves: PULSE.moves.map(([second, from, to, ms]) => [second, from, to, ms + 1]) },
    /considering.*customer/,
  ],
  [
    'a move of unknown time',
    { moves: PULSE.moves.map((move) => [move[0], move[1], move[2], -1]) },
    /since when/,
  ],
])('a pulse with %s is named', (_, change, named) => {
  const where = differencesOf({ [AT]: { ...PULSE, ...change } });
  expect(
    where.some((each) => named.test(each)),
    where.join('; '),
  ).toBe(true);
});

test('a pulse that is not there is named', () => {
  expect(differencesOf({}).length).toBeGreaterThan(5);
});

/** All ways from one state to another. */
const WAYS = FUNNEL_STATES.flatMap((from) => FUNNEL_STATES.map((to) => `${from}>${to}`));

/** What the live actor stores when it has folded such a log. */
function foldedOf(folded: {
  readonly groups?: typeof GROUPS;
  readonly moves?: LiveMoves['moves'];
  readonly campaigns?: readonly (readonly [campaign: string, total: number[]])[];
  readonly days?: string[];
  readonly moveCounts?: number[];
  readonly upTo?: number;
}): Record<string, object> {
  const none = { open: [], recent: [], minutes: [] };
  const moves = folded.moves ?? MOVES;
  const total = folded.moveCounts ?? WAYS.map((way) => moves[way]?.count ?? 0);
  const head: LiveHead = {
    moves: { total, ...none },
    ...{ v: 1, epoch: 1, positions: { 0: folded.upTo ?? LOG.length }, open_second: null },
    ...{ judged_from: 0, parts: { groups: 1, series: 0 }, days: folded.days ?? ['20260601'] },
    ...{ late: [], history: [], alerts: [], opened: [] },
  };
  const groups: LiveGroups = {
    v: 1,
    groups: (folded.groups ?? GROUPS).map(([source, region, total]) => {
      return { source, region, total: [...total], ...none, visitors: [] };
    }),
    campaigns: (folded.campaigns ?? []).map(([campaign, total]) => ({ campaign, total, ...none })),
  };
  return {
    [LIVE_HEAD]: head,
    [livePartSubject('groups', 0)]: groups,
    [livePartSubject('moves', '20260601')]: { v: 1, moves },
  };
}

const GROUPS: readonly (readonly [source: string, region: string, total: readonly number[]])[] = [
  ['web', 'AT', [6, 3, 2, 2, 1, 20_000_000, 5_000_000, 502_000, 0, 0]],
  ['web', 'DE', [1, -1, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['(none)', 'AT', [1, 0, 1, 1, 0, 0, 0, 0, 0, 0]],
];

/** The bin of a time, as sketches of an error of 1 % cut it. */
function binOf(ms: number): number {
  return Math.ceil(Math.log(ms) / Math.log(1.01 / 0.99));
}

const MOVES: LiveMoves['moves'] = {
  'aware>exploring': { count: 1, sketch: { zeros: 1, bins: [] } },
  'exploring>considering': { count: 1, sketch: { zeros: 0, bins: [[binOf(4_000), 1]] } },
  'considering>customer': { count: 1, sketch: { zeros: 0, bins: [[binOf(5_500), 1]] } },
};

test('what the live actor has folded is right if it is what the log says, pulses or not', () => {
  expect(differencesOf(foldedOf({}))).toEqual([]);
  expect(differencesOf({ ...foldedOf({}), [AT]: PULSE })).toEqual([]);
});

test('what is folded counts up to where it goes, and pulses from there', () => {
  const [first, ...rows] = PULSE.rows;
  const [move, ...moves] = PULSE.moves;
  const folded = foldedOf({
    upTo: 1,
    groups: [['web', 'AT', (first as number[]).slice(3)]],
    moves: { 'aware>exploring': MOVES['aware>exploring'] as LiveMoves['moves'][string] },
  });
  expect(move?.[0]).toBe(NOON);
  expect(differencesOf({ ...folded, [AT]: { ...PULSE, rows, moves } })).toEqual([]);
  expect(differencesOf({ ...folded, [AT]: PULSE })).not.toEqual([]);
});

const [WEB, ...OTHERS] = GROUPS as [(typeof GROUPS)[number], ...typeof GROUPS];

test.each<readonly [what: string, folded: Parameters<typeof foldedOf>[0], named: RegExp]>([
  [
    'another total',
    { groups: [['web', 'AT', WEB[2].with(5, 30_000_000)], ...OTHERS] },
    /^live group \["web","AT"\] \[5\]/,
  ],
  ['a group too few', { groups: [...OTHERS] }, /^live group \["web","AT"\]/],
  ['a group too many', { groups: [...GROUPS, ['tv', 'AT', [1]]] }, /^live group \["tv","AT"\]/],
  ['a spend of nobody', { campaigns: [['SALE', [5, 1]]] }, /^live campaign \["SALE"\]/],
  ['other counts of moves', { moveCounts: [] }, /^live moves of all days aware>exploring/],
  ['a day too few', { days: [] }, /^live moves \["20260601"/],
  ['another day', { days: ['20260602'] }, /^live moves \["20260601"/],
  [
    'a move too many',
    { moves: { ...MOVES, 'aware>exploring': { count: 2, sketch: { zeros: 2, bins: [] } } } },
    /^live moves .*aware.* count$/,
  ],
  [
    'a time that is 3 % too long',
    {
      moves: {
        ...MOVES,
        'considering>customer': { count: 1, sketch: { zeros: 0, bins: [[binOf(5_665), 1]] } },
      },
    },
    /^live moves .*customer.* time 1 of 1$/,
  ],
  [
    'a time that is not known',
    { moves: { ...MOVES, 'aware>exploring': { count: 1, sketch: { zeros: 0, bins: [] } } } },
    /aware.* since when/,
  ],
])('a live actor that has stored %s is named', (_, folded, named) => {
  const where = differencesOf(foldedOf(folded));
  expect(
    where.some((each) => named.test(each)),
    where.join('; '),
  ).toBe(true);
});

test('with more sources than have a name, sums are compared', () => {
  const log = Array.from({ length: 70 }, (_, i): Sent => ({ at: 0, index: i, source: `s-${i}` }));
  const one = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  const first = [1, 0, 1, 1, 0, 0, 0, 0, 0, 0];
  const named = Array.from({ length: 64 }, (_, i) => [`s-${i + 6}`, 'AT', one] as const);
  const lump = (events: number) => ['(other)', 'AT', first.with(0, events)] as const;
  const found = (events: number) => {
    const folded = foldedOf({ upTo: 70, moves: {}, groups: [...named, lump(events)] });
    const { check, differences } = auditOf(log, folded);
    check.totals();
    return differences.listed.map(({ where }) => where);
  };
  expect(found(6)).toEqual([]);
  expect(found(7)).toEqual(['live groups together [0]']);
});

test('where an earlier release took in the beginning, figures are left out with a note', () => {
  const { check, differences } = auditOf(LOG, foldedOf({ groups: [], moves: {} }));
  check.unknownSince('state.0.user.ada');
  expect(check.totals()).toEqual([expect.stringContaining('earlier release')]);
  expect(differences.total).toBe(0);
});

test('a move of unknown time is no reason to leave figures out that have all events', () => {
  const moves = { ...MOVES, 'aware>exploring': { count: 2, sketch: { zeros: 1, bins: [] } } };
  const where = differencesOf(foldedOf({ moves }));
  expect(where).toContain('live moves ["20260601","aware","exploring"] count');
  expect(where.some((each) => each.endsWith('since when in the funnel'))).toBe(true);
});

test('a time is not unknown where figures go back to the beginning', () => {
  const { check, differences } = auditOf(LOG, foldedOf({}));
  check.unknownSince('state.0.user.ada');
  expect(check.totals()).toEqual([]);
  expect(differences.listed).toHaveLength(1);
});
