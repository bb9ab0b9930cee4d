/**
 * The path fold on a real nats-server: closed, taken over or cut off at any moment, it neither
 * loses nor doubles anything (F1), and cuts from the journal what is stored and no more (F2).
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { Cohorts } from '../../actors/channel/cohorts.ts';
import type { ChannelsHead } from '../../protocols/channel-actor.ts';
import type { PathJournalEntry } from '../../protocols/path-journal.ts';
import {
  ACTORS_STREAM,
  CHANNELS_ALL,
  CHANNELS_HEAD,
  JOURNAL_ALL,
} from '../../protocols/subjects.ts';
import { auditEngine } from '../../runtime/audit/audit.ts';
import { PathFold } from '../../runtime/coordinator/path-fold.ts';
import { natsActorStore } from '../../runtime/nats/actor-store.ts';
import type { ActorStore } from '../../runtime/ports.ts';
import { publishInBulk } from '../../runtime/simulate/publish.ts';
import type { Worker } from '../../runtime/worker/worker.ts';
import { CohortStore, named } from '../cohort-store.ts';
import { startTestWorker, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { journeyLog, type Published } from '../journeys.ts';
import { startTestServer } from '../nats-fixture.ts';

const SEED = Number(process.env.FOLD_SEED ?? Date.now() % 1_000_000);
const REPLAY = `FOLD_SEED=${SEED} replays it`;
/** Some of these wait for the fold's own timer, on machines that do more than this. */
const TEST_MS_MAX = 90_000;

interface Message {
  readonly subject: string;
  readonly sequence: number;
  readonly body: string;
}

/** The messages of the store under a filter, last per subject, in order, as of one moment. */
async function stored(nc: NatsConnection, filter: string): Promise<Message[]> {
  const jsm = await jetstreamManager(nc);
  const messages: Message[] = [];
  const found = await jsm.direct.getLastMessagesFor(ACTORS_STREAM, { multi_last: [filter] });
  for await (const { subject, seq, data } of found) {
    messages.push({ subject, sequence: seq, body: new TextDecoder().decode(data) });
  }
  return messages.sort((a, b) => a.sequence - b.sequence);
}

const journal = (nc: NatsConnection): Promise<Message[]> => stored(nc, JOURNAL_ALL);

/** What the stored cohorts say, read by the test itself. */
async function storedCohorts(nc: NatsConnection) {
  const store = new CohortStore();
  for (const { subject, body } of await stored(nc, CHANNELS_ALL)) store.messages.set(subject, body);
  return named(store.load());
}

async function positions(nc: NatsConnection): Promise<ChannelsHead['positions']> {
  const jsm = await jetstreamManager(nc);
  const head = await jsm.streams.getMessage(ACTORS_STREAM, { last_by_subj: CHANNELS_HEAD });
  return head?.json<ChannelsHead>().positions ?? {};
}

function isFolded({ subject }: Message, upTo: ChannelsHead['positions']): boolean {
  const [, partition = '', sequence] = subject.split('.');
  return Number(sequence) <= (upTo[partition] ?? 0);
}

/** A worker that takes in journeys bit by bit, and what its journals sum to. */
async function startJourneys(messages: number) {
  const server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc);
  const nowMs = Date.now();
  const options = { seed: SEED, messages, users: 60, nowMs, partitions: TEST_PARTITIONS };
  const log = journeyLog(options);
  const everything = new Cohorts();
  let sent = 0;
  return {
    server,
    nc,
    /** All journals ever, folded at once; those still in the store are added when it is asked. */
    async everything() {
      for (const { body } of await journal(nc)) {
        everything.fold(JSON.parse(body) as PathJournalEntry);
      }
      return named(everything);
    },
    /** Publishes the next part of the journeys, and waits for its journal; no fold may run. */
    async take(share: number): Promise<void> {
      const next = log.slice(sent, sent + Math.ceil(log.length * share));
      await takeIn(nc, worker, next, sent + next.length);
      sent += next.length;
      await this.everything();
    },
    async [Symbol.asyncDispose]() {
      await worker.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function takeIn(
  nc: NatsConnection,
  worker: Worker,
  messages: readonly Published[],
  total: number,
): Promise<void> {
  await publishInBulk(nc, messages);
  await until('all messages taken', () => worker.figures.events >= total, 60_000);
}

/** Waits until a fold has folded everything that is in the journal. */
async function allFolded(nc: NatsConnection, fold: PathFold): Promise<void> {
  const entries = await journal(nc);
  const upTo = () => fold.cohorts.head(0).positions;
  await until('the fold', () => entries.every((entry) => isFolded(entry, upTo())));
}

/** Folds the whole journal and closes, which stores it. */
async function foldAndClose(nc: NatsConnection): Promise<void> {
  await using fold = await PathFold.open(nc, await natsActorStore(nc));
  await allFolded(nc, fold);
}

async function expectNoDifference(nc: NatsConnection): Promise<void> {
  const { differences } = await auditEngine(nc);
  expect(differences, REPLAY).toEqual([]);
}

test('a fold that is closed and opened again has what one fold of everything has', {
  timeout: TEST_MS_MAX,
}, async () => {
  await using journeys = await startJourneys(3_000);
  const { nc } = journeys;
  await journeys.take(0.4);
  await foldAndClose(nc);
  await expectNoDifference(nc);
  await journeys.take(0.3);
  await expectNoDifference(nc);
  // At once after one another, each from what the one before it has stored.
  await foldAndClose(nc);
  await foldAndClose(nc);
  await journeys.take(0.3);
  await using fold = await PathFold.open(nc, await natsActorStore(nc));
  await allFolded(nc, fold);
  const everything = await journeys.everything();
  expect(Object.keys(everything.figures).length).toBeGreaterThan(100);
  expect(named(fold.cohorts), REPLAY).toEqual(everything);
  await expectNoDifference(nc);
});

test('when closing returns, everything that was folded is stored', {
  timeout: TEST_MS_MAX,
}, async () => {
  await using journeys = await startJourneys(800);
  const { nc } = journeys;
  await journeys.take(1);
  const everything = await journeys.everything();
  const store = await natsActorStore(nc);
  const commits = { begun: 0, done: 0 };
  const watched: ActorStore = {
    ...store,
    async commit(messages) {
      commits.begun++;
      const outcome = await store.commit(messages);
      commits.done++;
      return outcome;
    },
  };
  {
    await using fold = await PathFold.open(nc, watched);
    await allFolded(nc, fold);
  }
  expect({ ...commits }, 'closing returned before its commit did').toEqual({ begun: 2, done: 2 });
  expect(await positions(nc)).toEqual(everything.positions);
  expect(await storedCohorts(nc), REPLAY).toEqual(everything);
});

test('who was taken over stores nothing any more and ends; the successor stores all', {
  timeout: TEST_MS_MAX,
}, async () => {
  await using journeys = await startJourneys(1_500);
  const { nc, server } = journeys;
  await journeys.take(0.5);
  const other = await server.connectAs('engine');
  const first = await PathFold.open(other, await natsActorStore(other));
  await allFolded(nc, first);
  {
    await using second = await PathFold.open(nc, await natsActorStore(nc));
    await expect(first.ended).rejects.toThrow(/F1: not stored/);
    await first[Symbol.asyncDispose]();
    await allFolded(nc, second);
    expect(named(second.cohorts), REPLAY).toEqual(await journeys.everything());
  }
  const everything = await journeys.everything();
  await until('all to be stored', async () => {
    const upTo = await positions(nc);
    return JSON.stringify(upTo) === JSON.stringify(everything.positions);
  });
  expect(await storedCohorts(nc), REPLAY).toEqual(everything);
  await expectNoDifference(nc);
});

test('of two that take over at the same time one is told that it did not', {
  timeout: TEST_MS_MAX,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc);
  const store = await natsActorStore(nc);
  const opened = await Promise.allSettled([PathFold.open(nc, store), PathFold.open(nc, store)]);
  const folds = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const refused = opened.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  expect(folds).toHaveLength(1);
  expect(String(refused)).toContain('F1: not taken over');
  for (const fold of folds) await fold[Symbol.asyncDispose]();
  await worker.stop();
});

test('what is stored is cut from the journal, and what is not folded stays in it', {
  timeout: TEST_MS_MAX,
}, async () => {
  await using journeys = await startJourneys(1_500);
  const { nc } = journeys;
  await journeys.take(0.5);
  expect((await journal(nc)).length).toBeGreaterThan(0);
  await foldAndClose(nc);
  await until('the journal to be cut', async () => (await journal(nc)).length === 0);
  await journeys.take(0.5);
  const upTo = await positions(nc);
  const left = await journal(nc);
  expect(left.length).toBeGreaterThan(0);
  expect(left.filter((entry) => isFolded(entry, upTo))).toEqual([]);
  await expectNoDifference(nc);
});

test('a journal that was stored but not cut counts once', { timeout: TEST_MS_MAX }, async () => {
  await using journeys = await startJourneys(800);
  const { nc } = journeys;
  await journeys.take(0.5);
  const uncut = await journal(nc);
  await foldAndClose(nc);
  await until('the journal to be cut', async () => (await journal(nc)).length === 0);
  await publishInBulk(nc, uncut);
  await journeys.take(0.5);
  await expectNoDifference(nc);
  await using fold = await PathFold.open(nc, await natsActorStore(nc));
  await allFolded(nc, fold);
  expect(named(fold.cohorts), REPLAY).toEqual(await journeys.everything());
  await expectNoDifference(nc);
});

test('a fold cut off from the server before it stored leaves all to the next one', {
  timeout: TEST_MS_MAX,
}, async () => {
  await using journeys = await startJourneys(2_000);
  const { nc, server } = journeys;
  for (const isCutOff of [true, false, true, true, false]) {
    await journeys.take(0.2);
    const own = await server.connectAs('engine');
    const fold = await PathFold.open(own, await natsActorStore(own));
    await allFolded(nc, fold);
    expect(named(fold.cohorts), REPLAY).toEqual(await journeys.everything());
    const before = await positions(nc);
    if (isCutOff) await own.close();
    await fold[Symbol.asyncDispose]();
    if (isCutOff) expect(await positions(nc)).toEqual(before);
    await expectNoDifference(nc);
  }
  const everything = await journeys.everything();
  await until('all to be stored', async () => {
    const upTo = await positions(nc);
    return JSON.stringify(upTo) === JSON.stringify(everything.positions);
  });
  expect(await storedCohorts(nc), REPLAY).toEqual(everything);
});
