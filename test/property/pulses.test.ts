/**
 * Pulses against a calculation that knows no journal, no ranges and no actors: sets of indices, the
 * user's clock, deadlines and where the chart stands, event by event. However the log is cut into
 * commits, all pulses together say the same.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Applied } from '../../actors/partition/apply.ts';
import type { Event } from '../../protocols/event.ts';
import type { UserToken } from '../../protocols/ids.ts';
import {
  type Figures,
  FUNNEL_STATES,
  type FunnelState,
  PULSE_FIGURES,
  type Pulse,
  pulseSchema,
} from '../../protocols/pulse.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import { BASE_MS, campaignWith, common, DAY_MS, eventsOfOneUser, holds } from '../generators.ts';
import { PartitionLog } from '../partition-log.ts';

const USERS = ['ada', 'bob', 'cy'] as UserToken[];
const ABSENCE_MS = 30 * DAY_MS;
const GRANT = 900_000;
const often = { frequency: { max_per_day: 32, min_spacing_s: 0 } };
const CAMPAIGNS = [
  campaignWith('by-win', { bid_micros: 90_000, ...often }),
  campaignWith('by-click', { bid_micros: 95_000, pay_per: 'click', ...often }),
  campaignWith('by-order', { bid_micros: 70_000, pay_per: 'action', ...often }),
  campaignWith('our-own', { house: true, placements: ['cart'], ...often }),
];

interface Arrival {
  readonly user: UserToken;
  readonly event: Event;
  /** What the log's clock is ahead of the event by. */
  readonly aheadMs: number;
  /** What follows the event: nothing, a commit, or a commit and a crash. */
  readonly after: 'goes on' | 'commit' | 'crash';
}

/** Numbered as devices number: onward with gaps, back, and now and then from somewhere else. */
const index = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: 900, max: 1_200 }) },
  { weight: 1, arbitrary: fc.integer({ min: 5_000, max: 5_003 }) },
);
const place = fc.record(
  {
    source: fc.constantFrom('web', 'app', 'constructor'),
    region: fc.constantFrom('DE', 'web', '日本'),
    session_id: fc.constantFrom('s1', 's2'),
  },
  { requiredKeys: [] },
);
const circumstances = fc.record({
  place,
  index,
  aheadMs: fc.oneof(fc.constant(DAY_MS), fc.integer({ min: -5_000, max: 5_000 })),
  after: fc.constantFrom('goes on', 'goes on', 'goes on', 'commit', 'crash'),
});

function journeyOf(user: UserToken): fc.Arbitrary<Arrival[]> {
  return eventsOfOneUser(25).chain((events) => {
    const { length } = events;
    return fc.array(circumstances, { minLength: length, maxLength: length }).map((drawn) =>
      drawn.map(({ place, index, aheadMs, after }, n) => {
        const event = { ...(events[n] as Event), ...place, session_index: index };
        return { user, event, aheadMs, after } as Arrival;
      }),
    );
  });
}

/** Users take turns. */
const logs: fc.Arbitrary<Arrival[]> = fc.tuple(...USERS.map(journeyOf)).map((journeys) => {
  const longest = Math.max(...journeys.map(({ length }) => length));
  return Array.from({ length: longest }, (_, n) => journeys.flatMap((j) => j[n] ?? [])).flat();
});

/** All pulses added up: figures by `<second> <source> <region>`, spend by `<second> <campaign>`. */
class Sums {
  readonly figures: Record<string, Figures> = {};
  readonly spend: Record<string, [micros: number, wins: number]> = {};
  readonly moves: string[] = [];

  add(key: string, added: Partial<Figures>): void {
    const zeros = PULSE_FIGURES.map((figure) => [figure, 0]);
    this.figures[key] ??= Object.fromEntries(zeros) as Figures;
    for (const figure of PULSE_FIGURES) this.figures[key][figure] += added[figure] ?? 0;
  }

  pay(key: string, micros: number, wins: number): void {
    if (micros === 0 && wins === 0) return;
    const [knownMicros, knownWins] = this.spend[key] ?? [0, 0];
    this.spend[key] = [knownMicros + micros, knownWins + wins];
  }

  move(second: number, from: FunnelState, to: FunnelState, ms: number): void {
    this.moves.push(`${second} ${from} > ${to} ${ms}`);
  }

  fold({ names, rows, spend, moves }: Pulse): void {
    const keys = rows.map(([second, s, r]) => `${second} ${names[s]} ${names[r]}`);
    expect(new Set(keys).size).toBe(keys.length);
    rows.forEach(([, , , ...added], i) => {
      const figures = PULSE_FIGURES.map((figure, at) => [figure, added[at]]);
      this.add(keys[i] as string, Object.fromEntries(figures));
      expect(added.some((figure) => figure !== 0)).toBe(true);
    });
    for (const [second, at, ...paid] of spend) this.pay(`${second} ${names[at]}`, ...paid);
    for (const [second, from, to, ms] of moves) {
      this.move(second, FUNNEL_STATES[from] as FunnelState, FUNNEL_STATES[to] as FunnelState, ms);
    }
  }
}

/** A user as the straightforward calculation knows one. */
class Seen {
  nowMs = -1;
  visitEndsMs = -1;
  funnel: FunnelState = 'aware';
  sinceMs = -1;
  readonly #indices = new Map<string, number[]>();

  /** Every index that the user will not be taken at again. */
  missing({ session_id = '', session_index }: Event): number {
    const known = this.#indices.get(session_id);
    if (known === undefined) {
      this.#indices.set(session_id, [session_index]);
      return 0;
    }
    const span = Math.max(...known) - Math.min(...known) + 1;
    known.push(session_index);
    const grown = Math.max(...known) - Math.min(...known) + 1 - span;
    return grown > 1_000 ? 0 : grown - 1;
  }
}

const secondOf = (ms: number): number => Math.floor(ms / 1_000);
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const microsOf = (units: number): number => Math.round(units * 1e6);

/** What an accepted event adds, by the table in docs/semantics.md. */
function expectEvent(
  sums: Sums,
  seen: Seen,
  { event, clockMs }: { readonly event: Event; readonly clockMs: number },
  became: { funnel: FunnelState; refunded_micros: number; applied: Applied },
): void {
  const { timestamp: t, source = '(none)', region = '(none)' } = event;
  const second = secondOf(Math.min(t, clockMs));
  const receipt = became.applied.verdict === 'accepted' ? became.applied.receipt : undefined;
  const isFirst = seen.nowMs === -1;
  const opens = t >= seen.nowMs && t > seen.visitEndsMs;
  const after = Math.max(seen.nowMs, t);
  sums.add(`${second} ${source} ${region}`, {
    events: 1,
    missing: seen.missing(event),
    visits: opens ? 1 : 0,
    visitors: isFirst || dayOf(after) !== dayOf(seen.nowMs) ? 1 : 0,
    conversions: event.type === 'conversion' ? 1 : 0,
    value_micros: event.type === 'conversion' ? microsOf(event.value) : 0,
    refunded_micros: became.refunded_micros,
    cost_micros: 'cost' in event ? microsOf(event.cost ?? 0) : 0,
    decisions: receipt === undefined ? 0 : 1,
    wins: receipt?.wins.length ?? 0,
  });
  if (isFirst) seen.sinceMs = t;
  else if (t > seen.nowMs + ABSENCE_MS && seen.funnel !== 'lapsed') {
    seen.funnel = 'lapsed';
    seen.sinceMs = seen.nowMs + ABSENCE_MS;
  }
  if (became.funnel !== seen.funnel) {
    sums.move(second, seen.funnel, became.funnel, Math.max(0, t - seen.sinceMs));
    seen.funnel = became.funnel;
    seen.sinceMs = Math.max(t, seen.sinceMs);
  }
  if (t >= seen.nowMs) seen.visitEndsMs = t + DEFAULT_SETTINGS.session_idle_ms;
  seen.nowMs = after;
}

/** Applies the log, with commits where it says so, beside what is expected of it. */
function run(arrivals: readonly Arrival[]) {
  const log = new PartitionLog();
  for (const campaign of CAMPAIGNS) log.putCampaign(campaign, campaign.house ? 0 : GRANT);
  log.state.tick(BASE_MS - DAY_MS);
  const users = new Map(USERS.map((user) => [user, new Seen()]));
  const [expected, found] = [new Sums(), new Sums()];
  let commits = 0;
  let isAnythingNew = false;
  const commit = (): void => {
    const { clockMs } = log.state;
    const pulse = log.state.pulse.take(1, ++commits, clockMs);
    expect(pulse !== undefined).toBe(isAnythingNew);
    isAnythingNew = false;
    if (pulse === undefined) return;
    const sent = pulseSchema.parse(JSON.parse(JSON.stringify(pulse)));
    expect(sent).toMatchObject({ partition: 1, sequence: commits, log_ms: clockMs });
    found.fold(sent);
  };
  const take = (event: Event, user: UserToken): void => {
    const seen = users.get(user) as Seen;
    const { clockMs } = log.state;
    const paid = () => CAMPAIGNS.map(({ id }) => ({ ...log.delivery(id) }));
    const { refunded_micros } = { ...log.state.traffic() };
    const before = paid();
    const applied = log.apply(event, user);
    paid().forEach(({ spent_micros, wins }, i) => {
      const known = before[i] as (typeof before)[number];
      const key = `${secondOf(clockMs)} ${CAMPAIGNS[i]?.id}`;
      expected.pay(key, spent_micros - known.spent_micros, wins - known.wins);
    });
    if (applied.verdict !== 'accepted') {
      // An order that comes twice leaves its index with the user, though it is not accepted.
      if (applied.verdict === 'duplicate' && applied.actor !== undefined) seen.missing(event);
      return;
    }
    isAnythingNew = true;
    const { funnel } = log.actor(user).value;
    const refunded = log.state.traffic().refunded_micros - refunded_micros;
    expectEvent(expected, seen, { event, clockMs }, { funnel, refunded_micros: refunded, applied });
  };
  arrivals.forEach(({ user, event, aheadMs, after }, i) => {
    log.state.tick(event.timestamp + aheadMs);
    take(event, user);
    const decided = log.receipts.at(-1);
    // Now and then somebody clicks on what was won.
    if (i % 3 === 0 && decided !== undefined && decided.user === user) {
      const { decision_id } = decided.decision;
      const clicked = { type: 'outcome', outcome: 'clicked', decision_id };
      take(
        { ...common(1_000_000 + i, event.timestamp), session_id: 'o', ...clicked } as Event,
        user,
      );
    }
    if (after === 'goes on') return;
    commit();
    if (after === 'crash') log.restart();
  });
  commit();
  return { log, expected, found };
}

test('all pulses together say what the log says, however it is cut into commits', () => {
  holds(
    fc.property(logs, (arrivals) => {
      const { expected, found } = run(arrivals);
      expect(found.figures).toEqual(expected.figures);
      expect(found.spend).toEqual(expected.spend);
      expect(found.moves).toEqual(expected.moves);
    }),
    120,
  );
});

test('all pulses together are the traffic and the deliveries of their partition', () => {
  holds(
    fc.property(logs, (arrivals) => {
      const { log, found } = run(arrivals);
      const sums: Record<string, number> = {};
      for (const figures of Object.values(found.figures)) {
        for (const name of PULSE_FIGURES) sums[name] = (sums[name] ?? 0) + figures[name];
      }
      const { accepted: events, ...traffic } = log.traffic();
      const { conversions, value_micros, refunded_micros, decisions, wins } = traffic;
      const counts = { conversions, value_micros, refunded_micros, decisions, wins };
      expect(sums).toMatchObject({ events, ...counts });
      for (const { id } of CAMPAIGNS) {
        const paid = Object.entries(found.spend).filter(([key]) => key.endsWith(` ${id}`));
        const { spent_micros, wins } = log.delivery(id);
        const total = [0, 1].map((at) =>
          paid.reduce((sum, [, microsAndWins]) => sum + (microsAndWins[at] as number), 0),
        );
        expect(total).toEqual([spent_micros, wins]);
      }
    }),
    60,
  );
});
