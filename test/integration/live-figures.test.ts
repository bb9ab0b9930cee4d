/**
 * Live figures of a whole engine: frames come by themselves and are right, partitions that nobody
 * runs hold them back, and a leader whose live fold fails gives way.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import {
  type LiveFrame,
  liveFrameSchema,
  liveReportSchema,
  type PulseFrame,
  pulseFrameSchema,
} from '../../protocols/live-figures.ts';
import { alertsReportSchema } from '../../protocols/live-services.ts';
import type { LiveHead } from '../../protocols/live-snapshot.ts';
import { refusalSchema } from '../../protocols/refusal.ts';
import {
  ACTORS_STREAM,
  LIVE_HEAD,
  MARKETER_FEED,
  OPERATOR_FEED,
  PULSE_FEED,
  SERVICES,
} from '../../protocols/subjects.ts';
import { LiveFold } from '../../runtime/coordinator/live-fold.ts';
import { natsActorStore } from '../../runtime/nats/actor-store.ts';
import { ingestMessage, publishInBulk } from '../../runtime/simulate/publish.ts';
import { Traffic } from '../../runtime/simulate/traffic.ts';
import { startTestEngine, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

const EVENTS = 1_500;

/** Events of the last half minute. */
async function publish(nc: NatsConnection): Promise<void> {
  const traffic = new Traffic({ seed: 7, visitors: 100, prefix: 'l' });
  const startMs = Date.now() - 30_000;
  await publishInBulk(
    nc,
    Array.from({ length: EVENTS }, (_, i) => ingestMessage(traffic.next(startMs + i * 20))),
  );
}

/** Listens to the feeds; every frame has to be as its schema says. */
function listen(nc: NatsConnection) {
  const heard = {
    pulses: [] as PulseFrame[],
    marketer: [] as LiveFrame[],
    operator: [] as LiveFrame[],
  };
  const on = <T>(feed: string, frames: T[], parse: (json: unknown) => T): void => {
    nc.subscribe(feed, { callback: (_error, message) => void frames.push(parse(message.json())) });
  };
  on(PULSE_FEED, heard.pulses, (json) => pulseFrameSchema.parse(json));
  on(MARKETER_FEED, heard.marketer, (json) => liveFrameSchema.parse(json));
  on(OPERATOR_FEED, heard.operator, (json) => liveFrameSchema.parse(json));
  return heard;
}

async function headOf(nc: NatsConnection): Promise<LiveHead> {
  const jsm = await jetstreamManager(nc);
  const message = await jsm.streams.getMessage(ACTORS_STREAM, { last_by_subj: LIVE_HEAD });
  if (message === null) throw new Error('no live head is stored');
  return message.json<LiveHead>();
}

test('frames come each second with what was published, and hold back what nobody runs', {
  timeout: 90_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const heard = listen(nc);
  const roles = new Set(['coordinator'] as const);
  await using engine = await startTestEngine(nc, roles, { marketer_min_users: 5_000 });
  const own = await server.connectAs('engine');
  const workers = await startTestEngine(own, new Set(['worker']));
  await until('a leader', () => engine.coordinator?.isLeading);
  await publish(nc);
  await until('the pulse frame', () => heard.pulses.at(-1)?.events === EVENTS);
  await until('the live frame', () => heard.operator.at(-1)?.all.total.events === EVENTS);
  await until('the watermark', () => {
    const { watermark_ms = null, held_back_by = [0] } = heard.operator.at(-1) ?? {};
    return watermark_ms !== null && Date.now() - watermark_ms < 5_000 && held_back_by.length === 0;
  });
  const { all, groups, small_groups } = heard.operator.at(-1) as LiveFrame;
  expect(groups.reduce((sum, { total }) => sum + total.events, 0)).toBe(EVENTS);
  expect(all.total.decisions).toBe(heard.pulses.at(-1)?.decisions);
  expect(small_groups).toBeNull();
  expect(heard.marketer.at(-1)?.small_groups?.min_users, 'as configured').toBe(5_000);
  await expectAnswers(nc);

  // Another one takes the fold over: the leader notices by its next commit, and leads anew.
  const { epoch } = await headOf(nc);
  const thief = await LiveFold.open(own, await natsActorStore(own));
  await until('the leader to lead anew', async () => (await headOf(nc)).epoch > epoch + 1);
  await thief[Symbol.asyncDispose]();
  const since = heard.operator.length;
  await until('frames of the next leader', () => heard.operator.length > since + 1);
  expect(heard.operator.at(-1)?.all.total.events, 'nothing counts twice').toBe(EVENTS);

  await workers.stop();
  const all4 = Array.from({ length: TEST_PARTITIONS }, (_, partition) => partition);
  await until('all to be held back', () => {
    return String(heard.operator.at(-1)?.held_back_by) === String(all4);
  });
  const stoodMs = heard.operator.at(-1)?.watermark_ms;
  const later = heard.operator.length + 2;
  await until('more frames', () => heard.operator.length > later);
  expect(heard.operator.at(-1)?.watermark_ms, 'the watermark stands').toBe(stoodMs);
});

/** The services answer what the feeds say. */
async function expectAnswers(nc: NatsConnection): Promise<void> {
  const ask = async (subject: string, body: object = {}): Promise<unknown> => {
    return (await nc.request(subject, JSON.stringify(body), { timeout: 5_000 })).json();
  };
  const marketer = liveReportSchema.parse(await ask(SERVICES.inspectMarketerLive));
  expect(marketer.frame.small_groups?.min_users).toBe(5_000);
  const operator = liveReportSchema.parse(await ask(SERVICES.inspectOperatorLive));
  expect(operator.frame.small_groups).toBeNull();
  expect(operator.frame.all.total.events).toBe(EVENTS);
  expect(alertsReportSchema.parse(await ask(SERVICES.inspectAlerts))).toEqual({ alerts: [] });
  const refusal = await ask(SERVICES.acknowledgeAlert, { id: 'none', by: 'ann' });
  expect(refusalSchema.parse(refusal)).toMatchObject({ kind: 'unknown' });
}
