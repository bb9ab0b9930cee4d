/**
 * Publishes simulated events: at a fixed rate as live traffic, or as fast as the log takes them.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { encodeUserId, type UserId } from '../../protocols/ids.ts';
import { ingestSubject } from '../../protocols/subjects.ts';
import { publishAtomically } from '../nats/atomic-batch.ts';
import type { Clock, StoreMessage } from '../ports.ts';
import { pause } from '../timing.ts';
import type { SimulatedEvent } from './traffic.ts';

/** Messages in one atomic publish: large enough to be cheap, small enough to stay under a limit. */
export const BULK_MESSAGES = 500;
const TICK_MS = 50;

/** A simulated event as a message of the log. */
export function ingestMessage({ user, event }: SimulatedEvent): StoreMessage {
  return {
    subject: ingestSubject(encodeUserId(user as UserId)),
    body: JSON.stringify(event),
  };
}

/**
 * Publishes events as fast as they are stored, in atomic batches.
 *
 * @returns how many events were stored.
 * @throws Error if a batch is not stored; whether it was is then unknown, its events may be sent
 *   again.
 */
export async function publishInBulk(
  nc: NatsConnection,
  messages: Iterable<StoreMessage>,
  onProgress: (stored: number) => void = () => {},
): Promise<number> {
  let stored = 0;
  let batch: StoreMessage[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const outcome = await publishAtomically(nc, batch);
    if (outcome.status !== 'stored') throw new Error(`not stored: ${outcome.reason}`);
    stored += batch.length;
    batch = [];
    onProgress(stored);
  };
  for (const message of messages) {
    batch.push(message);
    if (batch.length === BULK_MESSAGES) await flush();
  }
  await flush();
  return stored;
}

/** Publishes live traffic at a rate until the signal aborts. Bursts after a stall are dropped. */
export async function publishLive(
  nc: NatsConnection,
  next: (atMs: number) => SimulatedEvent,
  eventsPerSecond: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let owed = 0;
  let lastMs = clock.nowMs();
  while (!signal.aborted) {
    await pause(TICK_MS, signal);
    const nowMs = clock.nowMs();
    owed += ((nowMs - lastMs) / 1_000) * eventsPerSecond;
    lastMs = nowMs;
    owed = Math.min(owed, eventsPerSecond);
    for (; owed >= 1; owed--) {
      const message = ingestMessage(next(nowMs));
      // Nobody waits for the acknowledgement: a lost event of a demo is no loss.
      nc.publish(message.subject, message.body);
    }
  }
}
