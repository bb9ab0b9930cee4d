/**
 * The audit against the live actor, without a server: what the actors' pulses add up to when they
 * are folded in any order of partitions, with restarts in between, is what the log says.
 */
import { expect, test } from 'vitest';
import { LiveActor } from '../../actors/channel/live/live-actor.ts';
import type {
  LiveGroups,
  LiveHead,
  LiveMoves,
  LiveSeries,
  LiveSnapshot,
} from '../../protocols/live-snapshot.ts';
import type { Pulse } from '../../protocols/pulse.ts';
import { LIVE_HEAD, livePartSubject } from '../../protocols/subjects.ts';
import { ActorsRun, auditReportOf, journeysOf, NOW_MS } from '../actors-run.ts';
import { type JourneyOptions, seededRandom, withLogTimes } from '../journeys.ts';

const RUNS = Number(process.env.AUDIT_RUNS ?? 2);
const FIRST_SEED = Number(process.env.AUDIT_SEED ?? 1);
const SEEDS = Array.from({ length: RUNS }, (_, i) => FIRST_SEED + i);

/** A live actor with a map for a store. */
class LiveRun {
  actor = new LiveActor();
  readonly #stored: Map<string, Uint8Array>;

  constructor(stored: Map<string, Uint8Array>) {
    this.#stored = stored;
  }

  store(): void {
    const { groups, series, moves, forgottenDays } = this.actor.takeChanges();
    for (const day of forgottenDays) this.#stored.delete(livePartSubject('moves', day));
    for (const [part, body] of groups) this.#put(livePartSubject('groups', part), body);
    for (const [part, body] of series) this.#put(livePartSubject('series', part), body);
    for (const [day, body] of moves) this.#put(livePartSubject('moves', day), body);
    this.#put(LIVE_HEAD, this.actor.head(1));
  }

  /** Goes on from what is stored, as after a crash. */
  restart(): void {
    const head = this.#get<LiveHead>(LIVE_HEAD);
    if (head === undefined) {
      this.actor = new LiveActor();
      return;
    }
    const parts = <T>(kind: 'groups' | 'series'): T[] => {
      return Array.from({ length: head.parts[kind] }, (_, part) => {
        return this.#get<T>(livePartSubject(kind, part)) as T;
      });
    };
    const snapshot: LiveSnapshot = {
      head,
      groups: parts<LiveGroups>('groups'),
      series: parts<LiveSeries>('series'),
      moves: Object.fromEntries(
        head.days.map((day) => [day, this.#get<LiveMoves>(livePartSubject('moves', day))]),
      ) as Record<string, LiveMoves>,
    };
    this.actor = new LiveActor(snapshot);
  }

  #put(subject: string, body: object): void {
    this.#stored.set(subject, new TextEncoder().encode(JSON.stringify(body)));
  }

  #get<T>(subject: string): T | undefined {
    const body = this.#stored.get(subject);
    return body === undefined ? undefined : JSON.parse(new TextDecoder().decode(body));
  }
}

/** Pulses of a store, by partition in order, but partitions mixed at random. */
function pulsesOf({ stored }: ActorsRun, random: () => number): [string, Pulse][] {
  const byPartition: [string, Pulse][][] = [];
  for (const [subject, body] of stored) {
    if (!subject.startsWith('pulse.')) continue;
    const pulse = JSON.parse(new TextDecoder().decode(body)) as Pulse;
    byPartition[pulse.partition] ??= [];
    byPartition[pulse.partition]?.push([subject, pulse]);
  }
  for (const pulses of byPartition) pulses.sort(([, a], [, b]) => a.sequence - b.sequence);
  const mixed: [string, Pulse][] = [];
  for (let left = byPartition; left.length > 0; left = left.filter(({ length }) => length > 0)) {
    const next = left[Math.floor(random() * left.length)]?.shift();
    if (next !== undefined) mixed.push(next);
  }
  return mixed;
}

/** Folds some part of a run's pulses, storing and crashing now and then. */
function foldSome(run: ActorsRun, share: number, seed: number): void {
  const random = seededRandom(seed);
  const live = new LiveRun(run.stored);
  const pulses = pulsesOf(run, random);
  const some = pulses.slice(0, Math.ceil(pulses.length * share));
  let storedUpTo = 0;
  for (let i = 0; i < some.length; i++) {
    const [, pulse] = some[i] as [string, Pulse];
    live.actor.fold(pulse);
    // What was delivered is delivered again.
    if (random() < 0.1) live.actor.fold(pulse);
    // Now and then so late that most of what comes is late.
    if (random() < 0.01) live.actor.advance(pulse.log_ms - 5_000 * random(), pulse.log_ms);
    if (random() < 0.1) {
      live.store();
      // Some are purged, the others found folded.
      for (const [subject] of some.slice(0, i + 1)) {
        if (random() < 0.5) run.stored.delete(subject);
      }
      storedUpTo = i + 1;
    } else if (random() < 0.05) {
      live.restart();
      i = storedUpTo - 1;
    }
  }
  live.store();
}

function runOf(seed: number, options: Partial<JourneyOptions> = {}): ActorsRun {
  const journeys = journeysOf(seed, { controlRate: 0.02, ...options });
  return new ActorsRun(withLogTimes(journeys, NOW_MS, seed));
}

test.for([
  ['all', 1],
  ['some', 0.6],
  ['hardly any', 0.02],
] as const)('with %s pulses folded, live figures are what the log says', ([, share]) => {
  for (const seed of SEEDS) {
    const run = runOf(seed);
    foldSome(run, share, seed);
    const { differences } = auditReportOf(run);
    expect(differences, `AUDIT_RUNS=1 AUDIT_SEED=${seed}`).toEqual([]);
  }
});

test('what a page shows is what the audit calculates', () => {
  const run = runOf(FIRST_SEED, { users: 40 });
  const { figures } = auditReportOf(run);
  const live = new LiveActor();
  for (const [, pulse] of pulsesOf(run, seededRandom(FIRST_SEED))) live.fold(pulse);
  const day = figures.velocity.at(-1)?.day ?? '';
  const [, year, month, date] = /^(....)(..)(..)$/.exec(day) ?? [];
  const endOfDayMs = Date.UTC(Number(year), Number(month) - 1, Number(date) + 1) - 1_000;
  live.advance(endOfDayMs, endOfDayMs);
  const shown = live.frame({ atMs: NOW_MS, currency: 'USD', heldBackBy: [] });
  const { total, conversion_rate, fill_rate } = shown.all;
  const spent = shown.campaigns.map(({ spend_micros }) => spend_micros);
  const spend_micros = spent.reduce((sum, micros) => sum + micros, 0);
  const paidMicros = total.cost_micros + spend_micros;
  const { visits, missing, cost_micros, velocity: _, ...rest } = figures;
  expect({ ...rest, visits, missing, cost_micros }).toEqual({
    events: total.events,
    missing: total.missing,
    fill_rate,
    visits: total.visits,
    conversions: total.conversions,
    conversion_rate: conversion_rate?.estimate,
    value_micros: total.value_micros,
    refunded_micros: total.refunded_micros,
    cost_micros: total.cost_micros,
    spend_micros,
    roas: (total.value_micros - total.refunded_micros) / paidMicros,
  });
  for (const each of [visits, missing, cost_micros, spend_micros, total.refunded_micros]) {
    expect(each).toBeGreaterThan(0);
  }
  const today = figures.velocity.filter((each) => each.day === day);
  const moves = shown.velocity.filter(({ users_today }) => users_today > 0);
  expect(moves.map(({ from, to, users_today }) => [from, to, users_today]).sort()).toEqual(
    today.map(({ from, to, users }) => [from, to, users]).sort(),
  );
});
