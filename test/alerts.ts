/**
 * Alerts as the engine stores them.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { type Alert, alertSchema } from '../protocols/alert.ts';
import { alertSubject } from '../protocols/subjects.ts';
import { natsActorStore } from '../runtime/nats/actor-store.ts';

/** An open alert about a source's events, unless told otherwise. */
export function alertOf(changes: Partial<Alert> = {}): Alert {
  const { kind = 'event_rate', key = 'web/(all)', since_ms = 1_780_000_000_000 } = changes;
  return alertSchema.parse({
    ...{ v: 2, id: `${kind}.${key}.${since_ms}`, kind, key, scope: { source: 'web' } },
    ...{ status: 'open', since_ms, changed_ms: since_ms, acknowledged: null },
    ...{ direction: 'low', expected: 40, found: 0, unit: 'events/s', z: -9 },
    ...{ cause: 'source_outage', meaning: 'The source sends nothing.' },
    ...changes,
  });
}

/** Stores alerts, in turn, as those who raise them do. */
export async function storeAlerts(nc: NatsConnection, ...alerts: readonly Alert[]): Promise<void> {
  const store = await natsActorStore(nc);
  for (const alert of alerts) {
    const subject = alertSubject(alert.kind, alert.key, alert.since_ms);
    const outcome = await store.commit([{ subject, body: JSON.stringify(alert) }]);
    if (outcome.status !== 'stored') throw new Error(outcome.reason);
  }
}
