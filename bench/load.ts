/**
 * The load of the benchmarks of latency, as an application of its own: a process that publishes
 * events at fixed moments, whatever the answers do (open loop), and hears the decisions. Either
 * each event asks for a decision, or they are those of a simulated shop.
 *
 * Prints one JSON object: when it began, and latencies from the moment an event was due to the
 * decision's arrival, so that a stall shows in every event that waited for it.
 */
import { connect } from '@nats-io/transport-node';
import { ingestMessage } from '../runtime/simulate/publish.ts';
import { Traffic } from '../runtime/simulate/traffic.ts';
import { pause } from '../runtime/timing.ts';

const [url, user, pass, inboxPrefix, rate, seconds, kind] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
  string,
];
const TICK_MS = 1;
const GRACE_MS = 3_000;
const USERS = 5_000;
const shop = new Traffic({ seed: 1, visitors: USERS });

const nc = await connect({ servers: url, user, pass, inboxPrefix });
const eventsPerMs = Number(rate) / 1_000;
const total = Math.round(Number(rate) * Number(seconds));
const dueAtMs = new Map<string, number>();
const latenciesMs: number[] = [];
nc.subscribe('decisions.*', {
  callback: (_error, message) => {
    const arrivedMs = performance.now();
    const eventId = message.json<{ event_id: string }>().event_id;
    const due = dueAtMs.get(eventId);
    if (due !== undefined) latenciesMs.push(arrivedMs - due);
    dueAtMs.delete(eventId);
  },
});
await nc.flush();
const startedMs = performance.now();
const startedAtMs = Date.now();
for (let sent = 0; sent < total; ) {
  const dueCount = Math.min(total, Math.floor((performance.now() - startedMs) * eventsPerMs));
  for (; sent < dueCount; sent++) publish(sent);
  await pause(TICK_MS);
}
const deadlineMs = performance.now() + GRACE_MS;
while (kind === 'opportunities' && latenciesMs.length < total && performance.now() < deadlineMs)
  await pause(10);
await nc.flush();
process.stdout.write(JSON.stringify({ sent: total, startedAtMs, latenciesMs }));
await nc.close();

function publish(i: number): void {
  if (kind === 'shop') {
    const { subject, body } = ingestMessage(shop.next(Date.now()));
    nc.publish(subject, body);
    return;
  }
  const event_id = `00000000-0000-4000-8000-${i.toString(16).padStart(12, '0')}`;
  dueAtMs.set(event_id, startedMs + i / eventsPerMs);
  const event = {
    type: 'opportunity',
    event_id,
    session_index: Math.floor(i / USERS),
    timestamp: Date.now(),
    user_mode: 'authenticated',
    placement: 'home_hero',
  };
  nc.publish(`ingest.reader-${i % USERS}`, JSON.stringify(event));
}
