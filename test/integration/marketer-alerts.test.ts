/**
 * Which of the alerts that are kept a marketer is told of: none about a group of too few users.
 */
import { jetstream } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import type { Alert } from '../../protocols/alert.ts';
import { encodeUserId, type UserId } from '../../protocols/ids.ts';
import { alertsReportSchema } from '../../protocols/live-services.ts';
import { alertSubject, ingestSubject, SERVICES } from '../../protocols/subjects.ts';
import { startTestEngine, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

const MIN_USERS = 3;
const SINCE_MS = 1_712_606_400_000;

function alertAbout(scope: Alert['scope'], change: Partial<Alert> = {}): Alert {
  const { campaign, source = '(all)', region = '(all)' } = scope;
  const kind = campaign === undefined ? 'event_rate' : 'runaway_spend';
  const key = campaign ?? `${source}/${region}`;
  return {
    ...{ v: 2, id: `${kind}.${key}.${SINCE_MS}`, kind, key, scope, status: 'open' },
    ...{ since_ms: SINCE_MS, changed_ms: SINCE_MS, acknowledged: null, direction: 'low' },
    ...{ expected: 8, found: 0, unit: 'events/s', z: -9, cause: 'unusual', meaning: 'few' },
    ...change,
  };
}

test('a marketer is told of no alert about fewer users than configured, an operator of all', {
  timeout: 60_000,
}, async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const roles = new Set(['worker', 'coordinator'] as const);
  await using engine = await startTestEngine(nc, roles, { marketer_min_users: MIN_USERS });
  await until('a leader', () => engine.coordinator?.isLeading);
  // Two that are small, so that no other one has to join them.
  const users = { web: MIN_USERS, kiosk: MIN_USERS - 1, booth: MIN_USERS - 1 };
  for (const [source, count] of Object.entries(users)) {
    for (let n = 0; n < count; n++) {
      const event = {
        ...{ event_id: crypto.randomUUID(), session_index: 0, timestamp: Date.now() },
        ...{ user_mode: 'authenticated', source, region: 'north', name: 'page_view' },
      };
      const user = encodeUserId(`${source}-${n}` as UserId);
      await nc.request(ingestSubject(user), JSON.stringify(event));
    }
  }
  const shown = [
    ...[alertAbout({}), alertAbout({ campaign: 'SUMMER' }), alertAbout({ source: 'web' })],
    alertAbout({ source: 'web', region: 'north' }, { status: 'resolved' }),
  ];
  const left = [
    ...[alertAbout({ source: 'kiosk' }), alertAbout({ source: 'kiosk', region: 'north' })],
    alertAbout({ source: 'unheard of' }, { status: 'resolved' }),
  ];
  for (const alert of [...shown, ...left]) {
    const { kind, key, since_ms } = alert;
    await jetstream(nc).publish(alertSubject(kind, key, since_ms), JSON.stringify(alert));
  }

  const [ops, viewer] = [await server.connectAs('ops'), await server.connectAs('viewer')];
  const idsOf = async (by: typeof nc, subject: string): Promise<string[]> => {
    const answer = await by.request(subject, '{}', { timeout: 5_000 });
    return alertsReportSchema.parse(answer.json()).alerts.map(({ id }) => id);
  };
  const ids = (alerts: readonly Alert[]): string[] => alerts.map(({ id }) => id).sort();
  await until('all to be known', async () => {
    const heard = await idsOf(ops, SERVICES.inspectAlerts);
    return heard.length === shown.length + left.length;
  });
  await until('visits to be folded', async () => {
    const { length } = await idsOf(viewer, SERVICES.inspectMarketerAlerts);
    return length >= shown.length;
  });
  expect((await idsOf(viewer, SERVICES.inspectMarketerAlerts)).sort()).toEqual(ids(shown));
  expect((await idsOf(ops, SERVICES.inspectAlerts)).sort()).toEqual(ids([...shown, ...left]));
});
