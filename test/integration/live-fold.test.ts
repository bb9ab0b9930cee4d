/**
 * The live fold on a real nats-server: cut off or taken over at any moment, it counts everything
 * once (F1, F2), and an alert that it tells of is stored, whoever leads next (L1).
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { PULSE_FIGURES, type Pulse } from '../../protocols/pulse.ts';
import {
  ACTORS_STREAM,
  LIVE_HEAD,
  livePartSubject,
  PULSES_ALL,
  pulseSubject,
} from '../../protocols/subjects.ts';
import { AlertBook } from '../../runtime/coordinator/alert-book.ts';
import { LiveFold } from '../../runtime/coordinator/live-fold.ts';
import { natsActorStore } from '../../runtime/nats/actor-store.ts';
import { ensureStreams } from '../../runtime/nats/streams.ts';
import type { ActorStore, StoreMessage } from '../../runtime/ports.ts';
import { publishInBulk } from '../../runtime/simulate/publish.ts';
import { TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

const FROM_S = Date.UTC(2026, 5, 1, 9) / 1_000;
/** Events a second of the one source that there is, give or take a few. */
const RATE = 40;

async function startStore() {
  const server = await startTestServer();
  const nc = await server.connectAs('engine');
  await ensureStreams(nc, { partitions: TEST_PARTITIONS, replicas: 1 });
  return {
    nc,
    connect: () => server.connectAs('engine'),
    store: await natsActorStore(nc),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A pulse of each second from one to before another; the sequence is its second, from 1. */
function* pulsesOf(fromS: number, toS: number): Generator<Pulse> {
  for (let s = fromS; s < toS; s++) {
    const events = RATE + ((s * 7) % 11) - 5;
    const figures = PULSE_FIGURES.map((name) => (name === 'events' ? events : 0));
    yield {
      ...{ v: 1, partition: s % TEST_PARTITIONS, sequence: s + 1, log_ms: (FROM_S + s) * 1_000 },
      ...{ names: ['web', 'north'], rows: [[FROM_S + s, 0, 1, ...figures]], spend: [], moves: [] },
    };
  }
}

function eventsOf(fromS: number, toS: number): number {
  let events = 0;
  for (const { rows } of pulsesOf(fromS, toS)) events += rows[0]?.[3] ?? 0;
  return events;
}

async function publish(nc: NatsConnection, fromS: number, toS: number): Promise<void> {
  await publishInBulk(
    nc,
    [...pulsesOf(fromS, toS)].map((pulse) => ({
      subject: pulseSubject(pulse.partition as never, pulse.sequence),
      body: JSON.stringify(pulse),
    })),
  );
}

/** What all sources together sum to. */
function totalOf({ actor }: LiveFold): number {
  return actor.frame({ atMs: 0, currency: 'USD', heldBackBy: [] }).all.total.events;
}

/** Waits until all pulses before a second are folded. */
async function folded(fold: LiveFold, toS: number): Promise<void> {
  const last = Math.max(...Array.from({ length: TEST_PARTITIONS }, (_, i) => toS - 1 - i));
  await until('the fold', () => fold.folded(last % TEST_PARTITIONS) >= last + 1);
}

async function pulsesLeft(nc: NatsConnection): Promise<number> {
  const jsm = await jetstreamManager(nc);
  const { state } = await jsm.streams.info(ACTORS_STREAM, { subjects_filter: PULSES_ALL });
  return Object.keys(state.subjects ?? {}).length;
}

test('nothing counts twice or not at all, however often a leader dies or closes', async () => {
  await using store = await startStore();
  const { nc } = store;
  let published = 0;
  for (const isCutOff of [true, false, true, true, false]) {
    const own = await store.connect();
    const fold = await LiveFold.open(own, await natsActorStore(own));
    const toS = published + 50;
    await publish(nc, published, toS);
    published = toS;
    await folded(fold, toS);
    expect(totalOf(fold)).toBe(eventsOf(0, toS));
    const before = await pulsesLeft(nc);
    if (isCutOff) await own.close();
    await fold[Symbol.asyncDispose]();
    expect(await pulsesLeft(nc), 'what is stored is cut, and no more').toBe(isCutOff ? before : 0);
  }
  // Stored but not cut, e.g. because the leader died in between.
  await publish(nc, 0, published);
  await using fold = await LiveFold.open(nc, store.store);
  await until('all to be read', () => fold.hasCaughtUp);
  expect(totalOf(fold)).toBe(eventsOf(0, published));
});

test('a fold says that it has caught up once all earlier pulses are folded', async () => {
  await using store = await startStore();
  await publish(store.nc, 0, 500);
  await using fold = await LiveFold.open(store.nc, store.store);
  expect(fold.hasCaughtUp).toBe(false);
  await until('the fold', () => fold.hasCaughtUp);
  expect(totalOf(fold)).toBe(eventsOf(0, 500));
});

test('who was taken over stores nothing any more, and ends', async () => {
  await using store = await startStore();
  const own = await store.connect();
  await using first = await LiveFold.open(own, await natsActorStore(own));
  await using second = await LiveFold.open(store.nc, store.store);
  await publish(store.nc, 0, 10);
  await folded(first, 10);
  await folded(second, 10);
  await expect(first.ended).rejects.toThrow(/F1: not stored/);
  expect(totalOf(second)).toBe(eventsOf(0, 10));
});

/** A store that notes the subjects of each commit. */
function watched(store: ActorStore) {
  const commits: string[][] = [];
  return {
    commits,
    store: {
      ...store,
      commit(messages: readonly StoreMessage[]) {
        commits.push(messages.map(({ subject }) => subject));
        return store.commit(messages);
      },
    },
  };
}

const OUTAGE_S = 900;
const BACK_S = OUTAGE_S + 120;
const END_S = BACK_S + 600;

/** Closes seconds one after another, as the leader does. */
async function advance(fold: LiveFold, fromS: number, toS: number): Promise<void> {
  for (let s = fromS; s <= toS; s++) {
    const atMs = (FROM_S + s) * 1_000;
    await fold.advance(atMs, atMs + 2_500);
  }
}

test('an alert survives new leaders, with who looks after it, and is resolved by a later one', {
  timeout: 60_000,
}, async () => {
  await using store = await startStore();
  const { nc } = store;
  await using book = await AlertBook.open(nc);
  const { commits, store: noting } = watched(store.store);
  await publish(nc, 0, OUTAGE_S);
  const first = await LiveFold.open(nc, noting);
  await folded(first, OUTAGE_S);
  await advance(first, 0, OUTAGE_S);
  expect(first.actor.alerts).toEqual([]);
  await advance(first, OUTAGE_S + 1, BACK_S);
  const [alert] = first.actor.alerts;
  expect(alert).toMatchObject({ kind: 'event_rate', status: 'open', direction: 'low', found: 0 });
  const telling = commits.filter((subjects) => subjects.some((each) => each.startsWith('alerts.')));
  expect(telling.length).toBeGreaterThan(0);
  for (const subjects of telling) {
    expect(subjects, 'with the state that it follows from').toContain(livePartSubject('series', 0));
    expect(subjects.at(-1)).toBe(LIVE_HEAD);
  }
  await until('the book to show it', () => book.list().length === 1);
  await first[Symbol.asyncDispose]();
  const id = alert?.id ?? '';
  {
    await using second = await LiveFold.open(nc, store.store);
    expect(second.actor.alerts).toEqual([alert]);
    const noted = await second.acknowledge(id, 'ann', 5);
    expect(noted).toMatchObject({ status: 'acknowledged', acknowledged: { by: 'ann', at_ms: 5 } });
    expect(await second.acknowledge(id, 'bob', 6), 'once').toBeUndefined();
    expect(await second.acknowledge('none', 'bob', 6)).toBeUndefined();
  }
  await using third = await LiveFold.open(nc, store.store);
  expect(third.storedWatermarkMs).toBe((FROM_S + BACK_S) * 1_000);
  expect(third.actor.alerts).toMatchObject([{ id, acknowledged: { by: 'ann' } }]);
  await publish(nc, BACK_S, END_S);
  await folded(third, END_S);
  await advance(third, BACK_S + 1, END_S);
  expect(third.actor.alerts.filter((each) => each.id === id)).toEqual([]);
  await until('the book to know', () => {
    return book.list().some((each) => each.id === id && each.status === 'resolved');
  });
  const ended = book.list().find((each) => each.id === id);
  expect(ended).toMatchObject({ key: alert?.key, acknowledged: { by: 'ann', at_ms: 5 } });
});
