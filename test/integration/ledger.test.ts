/**
 * The ledger of conversions on a running engine: whom each conversion is credited to, what refunds
 * take back of it, and that it forgets who refuses to be measured.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { RULE_MODELS } from '../../actors/channel/rule-models.ts';
import { type Event, parseEventJson } from '../../protocols/event.ts';
import { encodeToken, encodeUserId, type UserId } from '../../protocols/ids.ts';
import { MICROS_PER_UNIT } from '../../protocols/money.ts';
import {
  type AttributionReport,
  attributionReportSchema,
  type ConversionReport,
  conversionReportSchema,
} from '../../protocols/services.ts';
import { ACTORS_STREAM, ERASURES_ALL, ledgerOfUser, SERVICES } from '../../protocols/subjects.ts';
import { auditEngine } from '../../runtime/audit/audit.ts';
import { ask, CommandFailed } from '../../runtime/cli/session.ts';
import { ingestMessage, publishInBulk } from '../../runtime/simulate/publish.ts';
import { startTestEngine, until } from '../engine-fixture.ts';
import { click, consent, conversion, eventId, HOUR_MS, refund } from '../generators.ts';
import { startTestServer } from '../nats-fixture.ts';

const ROLES = new Set(['worker', 'coordinator'] as const);
const MODELS = ['markov', ...RULE_MODELS];

type Conversion = ConversionReport['conversions'][number];

/** A running engine to which users send events, each in time order. */
async function startLedger() {
  const server = await startTestServer();
  const nc = await server.connectAs('engine');
  const engine = await startTestEngine(nc, ROLES);
  const nowMs = Date.now();
  let sent = 0;
  return {
    nc,
    nowMs,
    /** Publishes events of one user, and waits until the worker has stored what follows. */
    async send(user: string, ...events: readonly Event[]): Promise<void> {
      const messages = events.map((event) => {
        return ingestMessage({ user, event: { ...event, event_id: eventId(sent++) } });
      });
      await publishInBulk(nc, messages);
      await until('the events', () => (engine.worker?.figures.events ?? 0) >= sent);
    },
    async [Symbol.asyncDispose]() {
      await engine.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

function inspect(nc: NatsConnection, order: string): Promise<ConversionReport> {
  return ask(nc, SERVICES.inspectConversion, { order }, conversionReportSchema);
}

/** The one conversion of an order, as soon as it is as expected. */
function conversionOf(
  nc: NatsConnection,
  order: string,
  isExpected: (each: Conversion) => boolean = () => true,
): Promise<Conversion> {
  return until(`order ${order}`, async () => {
    const report = await inspect(nc, order).catch(notYet);
    const [only, ...others] = report?.conversions ?? [];
    expect(others).toEqual([]);
    return only !== undefined && isExpected(only) && only;
  });
}

/** Nobody leads for a moment, or the order is not there for a moment: both pass. */
function notYet(error: unknown): undefined {
  if (!(error instanceof CommandFailed)) throw error;
}

function live(
  nc: NatsConnection,
  isExpected: (report: AttributionReport) => boolean,
): Promise<AttributionReport> {
  return until('the live figures', async () => {
    const report = await ask(nc, SERVICES.inspectAttribution, {}, attributionReportSchema).catch(
      notYet,
    );
    return report !== undefined && isExpected(report) && report;
  });
}

async function subjects(nc: NatsConnection, filter: string): Promise<string[]> {
  const jsm = await jetstreamManager(nc);
  const { state } = await jsm.streams.info(ACTORS_STREAM, { subjects_filter: filter });
  return Object.keys(state.subjects ?? {}).sort();
}

const ledgerOf = (user: string): string => ledgerOfUser(encodeUserId(user as UserId));

async function expectNoDifference(nc: NatsConnection): Promise<void> {
  const { differences } = await auditEngine(nc);
  expect(differences).toEqual([]);
}

/** Every model credits the channels with the whole conversion and its value, to the micro. */
function expectWhole({ credits, value_micros }: Conversion): void {
  expect(Object.keys(credits).sort()).toEqual([...MODELS].sort());
  for (const model of MODELS) {
    const { channels = [] } = credits[model] ?? {};
    const micros = channels.reduce((sum, each) => sum + each.value_micros, 0);
    const conversions = channels.reduce((sum, each) => sum + each.conversions, 0);
    expect(micros, model).toBe(value_micros);
    expect(conversions, model).toBeCloseTo(1, 9);
  }
}

function touch(n: number, t: number, channel: string, campaign?: string): Event {
  return { ...click(n, t, channel), ...(campaign === undefined ? {} : { campaign }) } as Event;
}

test('an order shows its path and whom every model credits; refunds lower it and take it back', {
  timeout: 60_000,
}, async () => {
  await using ledger = await startLedger();
  const { nc, nowMs } = ledger;
  const at = (hoursAgo: number): number => nowMs - hoursAgo * HOUR_MS;
  await ledger.send(
    'ada',
    touch(0, at(9), 'email', 'SPRING'),
    touch(1, at(8), 'search'),
    touch(2, at(7), 'email', 'SUMMER'),
    conversion(3, at(6), 'order-1', 100.000001),
  );
  await ledger.send('bob', touch(0, at(5), 'social'), conversion(1, at(4), 'order-2', 7));
  const whole = await live(nc, ({ conversions }) => conversions === 2);
  const first = await conversionOf(nc, 'order-1');
  expect(first).toMatchObject({
    user_id: 'ada',
    t: at(6),
    value_micros: 100_000_001,
    taken_back: false,
    touches: [
      { t: at(9), channel: 'email', campaign: 'SPRING' },
      { t: at(8), channel: 'search' },
      { t: at(7), channel: 'email', campaign: 'SUMMER' },
    ],
  });
  expectWhole(first);
  const { campaigns = [] } = first.credits.position ?? {};
  expect(campaigns).toEqual([
    { name: 'SPRING', conversions: 0.4, value_micros: 40_000_001 },
    { name: 'SUMMER', conversions: 0.4, value_micros: 40_000_000 },
  ]);
  expect(whole.value_micros).toBe(107_000_001);
  for (const model of RULE_MODELS) {
    const email = whole.channels.find(({ channel }) => channel === 'email')?.models[model];
    const own = first.credits[model]?.channels.find(({ name }) => name === 'email');
    expect(email?.value_micros ?? 0, model).toBe(own?.value_micros ?? 0);
  }
  // Linear gives each of the two touches half of what it gives the channel.
  const markov = whole.channels.find(({ channel }) => channel === 'email');
  const ofCampaigns = whole.campaigns.map(({ campaign, models }) => ({
    campaign,
    ...models.markov,
  }));
  const half = (markov?.conversions ?? 0) / 2;
  const micros = ofCampaigns.map(({ value_micros = 0 }) => value_micros);
  expect(ofCampaigns).toEqual([
    expect.objectContaining({ campaign: 'SPRING', conversions: expect.closeTo(half, 5) }),
    expect.objectContaining({ campaign: 'SUMMER', conversions: expect.closeTo(half, 5) }),
  ]);
  expect(half).toBeGreaterThan(0.1);
  expect((micros[0] ?? 0) + (micros[1] ?? 0)).toBe(markov?.value_micros);
  await expectNoDifference(nc);

  await ledger.send('ada', refund(4, at(3), 'order-1', 40));
  const lowered = await conversionOf(nc, 'order-1', (each) => each.value_micros < 100_000_000);
  expect(lowered).toMatchObject({ value_micros: 60_000_001, taken_back: false });
  expectWhole(lowered);
  await live(nc, (report) => report.value_micros === 67_000_001 && report.conversions === 2);

  await ledger.send('ada', refund(5, at(2), 'order-1'));
  const back = await conversionOf(nc, 'order-1', ({ taken_back }) => taken_back);
  expect(back).toMatchObject({ value_micros: 0, touches: [], credits: {} });
  const after = await live(nc, ({ conversions }) => conversions === 1);
  expect(after).toMatchObject({ paths: 2, value_micros: 7 * MICROS_PER_UNIT });
  const email = after.channels.find(({ channel }) => channel === 'email');
  expect(email?.models.linear).toEqual({ conversions: 0, value_micros: 0 });
  expect(after.campaigns).toEqual([]);
  await expectNoDifference(nc);
});

test('an order that nobody has made is answered with what that means', async () => {
  await using ledger = await startLedger();
  const { nc, nowMs } = ledger;
  await ledger.send('ada', touch(0, nowMs - 2, 'email'), conversion(1, nowMs - 1, 'known', 1));
  await conversionOf(nc, 'known');
  await expect(inspect(nc, 'unknown')).rejects.toThrow(
    'no order "unknown": no conversion with this order_id was accepted so far',
  );
  await expect(inspect(nc, '')).rejects.toThrow(/order: /);
  await expect(inspect(nc, 'x'.repeat(129))).rejects.toThrow(/order: /);
});

const ODD_ORDERS = [
  'a.b.c',
  '.',
  'with space',
  '*',
  '>',
  'a.*.>',
  '%2E',
  'naïve ☕ 漢字',
  '😀'.repeat(64),
  '漢'.repeat(128),
  '$JS.API',
  '~"\\{}',
];

test('orders whose ids hold dots, spaces, wildcards or any script are found, each for itself', {
  timeout: 60_000,
}, async () => {
  await using ledger = await startLedger();
  const { nc, nowMs } = ledger;
  for (const [i, order] of ODD_ORDERS.entries()) {
    const user = `user ${i}.é`;
    await ledger.send(user, touch(0, nowMs - 2, 'email'), conversion(1, nowMs - 1, order, 1 + i));
  }
  for (const [i, order] of ODD_ORDERS.entries()) {
    const found = await conversionOf(nc, order);
    const value_micros = (1 + i) * MICROS_PER_UNIT;
    expect(found).toMatchObject({ user_id: `user ${i}.é`, value_micros });
    expectWhole(found);
  }
  await expectNoDifference(nc);
});

test('two order ids never share a place in the ledger', () => {
  // Half of a surrogate pair comes through JSON, but has no form of its own in UTF-8.
  const halves = ['\ud800', '\ud801'].filter((order_id) => {
    return parseEventJson(conversion(0, 1, order_id), 2).ok;
  });
  expect(new Set(halves.map(encodeToken)).size).toBe(halves.length);
});

test('two users with one order id are both shown', async () => {
  await using ledger = await startLedger();
  const { nc, nowMs } = ledger;
  await ledger.send('ada', touch(0, nowMs - 9, 'email'), conversion(1, nowMs - 8, 'same', 3));
  await ledger.send('bob', touch(0, nowMs - 7, 'search'), conversion(1, nowMs - 6, 'same', 4));
  const { conversions } = await until('both', async () => {
    const report = await inspect(nc, 'same').catch(notYet);
    return report?.conversions.length === 2 && report;
  });
  const values = conversions.map(({ user_id, value_micros }) => [user_id, value_micros]);
  expect(values.sort()).toEqual([
    ['ada', 3 * MICROS_PER_UNIT],
    ['bob', 4 * MICROS_PER_UNIT],
  ]);
});

test('who refuses to be measured is forgotten by the ledger; others and later orders stay', {
  timeout: 60_000,
}, async () => {
  await using ledger = await startLedger();
  const { nc, nowMs } = ledger;
  const at = (hoursAgo: number): number => nowMs - hoursAgo * HOUR_MS;
  for (const user of ['ada.l', 'bob']) {
    await ledger.send(
      user,
      ...[touch(0, at(9), 'email', 'SPRING'), conversion(1, at(8), `${user} 1`, 5)],
      ...[touch(2, at(7), 'search'), conversion(3, at(6), `${user} 2`, 6)],
    );
  }
  expect(await subjects(nc, ledgerOf('ada.l'))).toHaveLength(2);
  await live(nc, ({ conversions }) => conversions === 4);
  await expectNoDifference(nc);

  await ledger.send('ada.l', consent(4, at(5), false, true));
  await until('the erasure', async () => {
    const left = [
      ...(await subjects(nc, ledgerOf('ada.l'))),
      ...(await subjects(nc, ERASURES_ALL)),
    ];
    return left.length === 0;
  });
  await expect(inspect(nc, 'ada.l 1')).rejects.toThrow('no order "ada.l 1"');
  expect(await subjects(nc, ledgerOf('bob'))).toHaveLength(2);
  expectWhole(await conversionOf(nc, 'bob 2'));
  // Paths that had ended stay in the totals, without a user.
  await live(nc, ({ conversions }) => conversions === 4);
  await expectNoDifference(nc);

  await ledger.send('ada.l', touch(5, at(4), 'email'), conversion(6, at(3), 'unmeasured', 1));
  expect(await subjects(nc, ledgerOf('ada.l'))).toEqual([]);
  await ledger.send(
    'ada.l',
    ...[
      consent(7, at(2), true, true),
      touch(8, at(1), 'email'),
      conversion(9, at(0), 'measured', 2),
    ],
  );
  expectWhole(await conversionOf(nc, 'measured'));
  expect(await subjects(nc, ledgerOf('ada.l'))).toHaveLength(1);
  await expectNoDifference(nc);
});
