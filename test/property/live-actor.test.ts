/**
 * What holds for the live actor over any pulses: a restart forgets nothing, nothing counts twice,
 * and totals do not depend on when anything came.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LiveActor } from '../../actors/channel/live/live-actor.ts';
import type { Alert } from '../../protocols/alert.ts';
import { FUNNEL_STATES, PULSE_FIGURES, type Pulse } from '../../protocols/pulse.ts';
import { holds } from '../generators.ts';
import { LiveStore } from '../live-store.ts';
import { pulsesOf, START_S } from '../simulated-days.ts';

const HOUR_S = 3_600;
const figures = fc.array(fc.integer({ min: 0, max: 9 }), {
  minLength: PULSE_FIGURES.length,
  maxLength: PULSE_FIGURES.length,
});
const state = fc.nat(FUNNEL_STATES.length - 1);
const NAMES = ['search', 'email', 'de', 'fr', 'SPRING', 'SUMMER'];

/** Seconds from 30 before the watermark to 700 ahead of it. */
const pulses: fc.Arbitrary<Pulse[]> = fc
  .array(
    fc.record({
      partition: fc.nat(2),
      rows: fc.array(fc.tuple(fc.integer({ min: -30, max: 20 }), fc.nat(1), fc.nat(1), figures), {
        maxLength: 4,
      }),
      isAhead: fc.boolean(),
      spend: fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.nat(1), fc.nat(99), fc.nat(3))),
      moves: fc.array(
        fc.tuple(fc.integer({ min: -9, max: 9 }), state, state, fc.integer({ min: -1, max: 1e7 })),
      ),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((drawn) =>
    drawn.map(({ partition, rows, isAhead, spend, moves }, i): Pulse => {
      const now = START_S + i * 7;
      const ahead = isAhead && i % 20 === 7 ? 690 : 0;
      return {
        ...{ v: 1, partition, sequence: i + 1, log_ms: now * 1_000, names: NAMES },
        rows: rows.map(([at, source, region, all]) => [
          ...([now + at + ahead, source, region + 2] as const),
          ...all,
        ]),
        spend: spend.map(([at, campaign, micros, wins]) => [now + at, campaign + 4, micros, wins]),
        moves: moves.map(([at, from, to, tookMs]) => [now + at, from, to, tookMs]),
      };
    }),
  );

function step(actor: LiveActor, pulse: Pulse): readonly Alert[] {
  actor.fold(pulse);
  return actor.advance(pulse.log_ms, pulse.log_ms + 2_000);
}

const FRAME = { atMs: 0, currency: 'EUR', heldBackBy: [] };

/** All that an actor shows, and what it would store. */
function shown(actor: LiveActor): string {
  const changes = actor.takeChanges();
  const frames = [actor.frame(FRAME), actor.frame({ ...FRAME, minUsers: 5 })];
  return JSON.stringify([frames, actor.history(), actor.head(1), changes]);
}

test('a restart at any point forgets nothing: figures, alerts and what is stored go on', () => {
  holds(
    fc.property(pulses, fc.nat(60), (all, at) => {
      const whole = new LiveActor();
      const store = new LiveStore();
      for (const pulse of all.slice(0, at)) step(whole, pulse);
      const restarted = store.restarted(whole);
      for (const pulse of all.slice(at)) {
        expect(step(restarted, pulse)).toEqual(step(whole, pulse));
      }
      expect(shown(restarted)).toBe(shown(whole));
    }),
  );
});

test('in the middle of an outage too: the same alerts, to the same bits', () => {
  const fromS = 11 * HOUR_S;
  const outage = { source: 'social', fromS: fromS + 1_502, untilS: fromS + 1_802, factor: 0 };
  const surge = { source: 'search', fromS: fromS + 1_850, untilS: fromS + 2_000, factor: 4 };
  const days = { seed: 3, fromS, untilS: fromS + 2_200, incidents: [outage, surge] };
  const whole = new LiveActor();
  let restarted = new LiveActor();
  const store = new LiveStore();
  const said: (readonly Alert[])[] = [];
  let count = 0;
  for (const pulse of pulsesOf(days)) {
    const expected = step(whole, pulse);
    expect(step(restarted, pulse)).toEqual(expected);
    if (expected.length > 0) said.push(expected);
    count++;
    if (count % 97 === 0 || expected.length > 0) restarted = store.restarted(restarted);
  }
  expect(said.length).toBeGreaterThanOrEqual(4);
  expect(JSON.stringify(restarted.head(1))).toBe(JSON.stringify(whole.head(1)));
});

test('what is folded twice counts once, and totals are sums of what came, late or not', () => {
  holds(
    fc.property(pulses, (all) => {
      const actor = new LiveActor();
      const sums = new Array<number>(PULSE_FIGURES.length).fill(0);
      for (const pulse of all) {
        step(actor, pulse);
        expect(actor.fold(pulse)).toBe(false);
        for (const [, , , ...row] of pulse.rows) {
          for (const [i, each] of row.entries()) (sums[i] as number) += each;
        }
      }
      const frame = actor.frame(FRAME);
      PULSE_FIGURES.forEach((name, i) => void expect(frame.all.total[name]).toBe(sums[i]));
      const bySource = frame.sources.reduce((sum, { total }) => sum + total.events, 0);
      const byPair = frame.groups.reduce((sum, { total }) => sum + total.events, 0);
      expect([bySource, byPair]).toEqual([sums[0], sums[0]]);
      const { fill_rate } = frame.all;
      if (fill_rate !== null) expect(fill_rate).toBeLessThanOrEqual(1);
    }),
  );
});

test('open seconds, the last minute and what is late are together all events', () => {
  holds(
    fc.property(pulses, (all) => {
      const actor = new LiveActor();
      for (const pulse of all.slice(0, 4)) step(actor, pulse);
      const { open_events, all: each } = actor.frame(FRAME);
      const late = actor.head(1).late.reduce((sum, [, events]) => sum + events, 0);
      // Four pulses are less than a minute.
      expect(open_events + each.minute.events + late).toBe(each.total.events);
    }),
  );
});
