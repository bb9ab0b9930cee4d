/** The book of alerts on a real nats-server: what it shows, what it removes, and acknowledging. */
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import type { Alert } from '../../protocols/alert.ts';
import { MAX_ALERTS } from '../../protocols/live-services.ts';
import { ACTORS_STREAM, ALERTS_ALL, alertSubject } from '../../protocols/subjects.ts';
import { AlertBook, type AlertWriters } from '../../runtime/coordinator/alert-book.ts';
import { ensureStreams } from '../../runtime/nats/streams.ts';
import { publishInBulk } from '../../runtime/simulate/publish.ts';
import { alertOf, storeAlerts } from '../alerts.ts';
import { TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

const NOW_MS = 1_790_000_000_000;

async function startStore() {
  const server = await startTestServer();
  const nc = await server.connectAs('engine');
  await ensureStreams(nc, { partitions: TEST_PARTITIONS, replicas: 1 });
  const jsm = await jetstreamManager(nc);
  return {
    nc,
    async subjects(): Promise<string[]> {
      const found = await jsm.streams.info(ACTORS_STREAM, { subjects_filter: ALERTS_ALL });
      return Object.keys(found.state.subjects ?? {});
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Those who raise alerts: what they were asked, and what they answer. */
function writersOf(answer: Alert | undefined) {
  const asked: [who: string, id: string, by: string][] = [];
  const as = (who: string) => async (id: string, by: string) => {
    asked.push([who, id, by]);
    return answer;
  };
  const writers: AlertWriters = { breakers: as('breakers'), detectors: as('detectors') };
  return { asked, writers };
}

test('shows the newest alerts first, each as it was last, and what is stored later', async () => {
  await using store = await startStore();
  const early = alertOf({ since_ms: 1_000 });
  const late = alertOf({ since_ms: 2_000, key: 'app/(all)' });
  await storeAlerts(store.nc, late, early, { ...early, status: 'resolved' });
  await using book = await AlertBook.open(store.nc);
  expect(book.list()).toEqual([late, { ...early, status: 'resolved' }]);
  const latest = alertOf({ since_ms: 3_000 });
  await storeAlerts(store.nc, latest);
  await until('the latest', () => book.list().length === 3);
  expect(book.list()[0]).toEqual(latest);
});

test('an alert of an earlier release is one alert, wherever it stands', async () => {
  await using store = await startStore();
  const alert = alertOf({ kind: 'runaway_spend', key: 'SPRING', scope: { campaign: 'SPRING' } });
  const { acknowledged: _1, cause: _2, direction: _3, scope: _4, z: _5, ...kept } = alert;
  const older = { subject: 'alerts.runaway_spend.SPRING', body: { ...kept, v: 1 } };
  await publishInBulk(store.nc, [{ subject: older.subject, body: JSON.stringify(older.body) }]);
  {
    await using book = await AlertBook.open(store.nc);
    expect(book.list()).toMatchObject([{ v: 2, status: 'open', id: alert.id }]);
  }
  await storeAlerts(store.nc, { ...alert, status: 'resolved' });
  await using book = await AlertBook.open(store.nc);
  expect(book.list()).toMatchObject([{ status: 'resolved', id: alert.id }]);
  // It goes from both places when there are too many.
  await publishMany(store, MAX_ALERTS, 'open', alert.since_ms + 1);
  await until('the old one to go', () => book.list().every(({ id }) => id !== alert.id));
  await until('nothing to be left of it', async () => {
    return (await store.subjects()).length === MAX_ALERTS;
  });
});

async function publishMany(
  { nc }: Awaited<ReturnType<typeof startStore>>,
  count: number,
  status: Alert['status'],
  fromMs: number,
): Promise<void> {
  const alerts = Array.from({ length: count }, (_, i) => alertOf({ status, since_ms: fromMs + i }));
  await publishInBulk(
    nc,
    alerts.map((alert) => ({
      subject: alertSubject(alert.kind, alert.key, alert.since_ms),
      body: JSON.stringify(alert),
    })),
  );
}

test('the oldest resolved alerts are removed for good; none that is not resolved is', async () => {
  await using store = await startStore();
  await publishMany(store, 10, 'open', 1_000);
  await publishMany(store, MAX_ALERTS, 'resolved', 5_000);
  await using book = await AlertBook.open(store.nc);
  await until('the oldest to go', async () => (await store.subjects()).length === MAX_ALERTS);
  const times = book.list().map(({ since_ms }) => since_ms);
  const sinceMs = (count: number, fromMs: number) => {
    return Array.from({ length: count }, (_, i) => fromMs + i);
  };
  expect(times.toReversed()).toEqual([
    ...sinceMs(10, 1_000),
    ...sinceMs(MAX_ALERTS - 10, 5_000 + 10),
  ]);
});

test('who raised an alert notes who looks after it, once', async () => {
  await using store = await startStore();
  const found = alertOf();
  const runaway = alertOf({ kind: 'runaway_spend', key: 'SPRING', since_ms: 1_000 });
  await storeAlerts(store.nc, found, runaway);
  await using book = await AlertBook.open(store.nc);
  const noted: Alert = {
    ...found,
    status: 'acknowledged',
    acknowledged: { by: 'ann', at_ms: NOW_MS },
  };
  const { asked, writers } = writersOf(noted);
  const acknowledge = (id: string, by: string, to = writers) => {
    return book.acknowledge({ id, by }, to, NOW_MS);
  };
  expect(await acknowledge(found.id, 'ann')).toEqual(noted);
  expect(book.list()[0], 'who looks at once sees it').toEqual(noted);
  expect(await acknowledge(found.id, 'bob')).toEqual({
    kind: 'conflict',
    problem: `alert ${found.id}: expected it to be open, it is acknowledged by ann`,
  });
  expect(await acknowledge('none', 'bob')).toMatchObject({ kind: 'unknown' });
  // Its breaker has resolved it, but the stream has not told yet.
  const late = writersOf(undefined);
  expect(await acknowledge(runaway.id, 'bob', late.writers)).toMatchObject({ kind: 'conflict' });
  expect([...asked, ...late.asked]).toEqual([
    ['detectors', found.id, 'ann'],
    ['breakers', runaway.id, 'bob'],
  ]);
  await storeAlerts(store.nc, { ...runaway, status: 'resolved' });
  await until('the end of it', () => book.list().some(({ status }) => status === 'resolved'));
  expect(await acknowledge(runaway.id, 'bob')).toMatchObject({
    kind: 'conflict',
    problem: expect.stringContaining('it is resolved'),
  });
});
