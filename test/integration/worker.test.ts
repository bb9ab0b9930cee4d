/** The partition worker on a real nats-server: from a published event to what is stored. */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import type { Decision } from '../../protocols/decision.ts';
import type { UserToken } from '../../protocols/ids.ts';
import { decodeUser } from '../../protocols/user-record.ts';
import { startTestWorker, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';

const SAMPLE = {
  event_id: '9f8c4b2a-1e3d-4f7c-8a2b-5d6e7f809102',
  session_index: 42,
  user_mode: 'authenticated',
  vectors: { scroll_depth_hz: 72.4, tap_velocity_ms: 120, active_duration_s: 48 },
  timestamp: 1712613245000,
};

test('an event that asks for a decision gets one, and its user is stored', async () => {
  await using server = await startTestServer();
  const nc = await server.connectAs('engine');
  const worker = await startTestWorker(nc);
  const heard: Decision[] = [];
  nc.subscribe('decisions.ada', { callback: (_, m) => void heard.push(m.json<Decision>()) });
  await jetstream(nc).publish('ingest.ada', JSON.stringify({ ...SAMPLE, decide: true }));
  const [decision] = await until('a decision', () => heard.length > 0 && heard);
  const jsm = await jetstreamManager(nc);
  const message = await jsm.streams.getMessage('ACTORS', { last_by_subj: 'state.*.user.ada' });
  const stored = decodeUser('ada' as UserToken, message?.json());
  expect(stored).toMatchObject({ chart: { session: 'active' }, state: { events: 1 } });
  expect(decision?.event_id).toBe(SAMPLE.event_id);
  await worker.stop();
});
