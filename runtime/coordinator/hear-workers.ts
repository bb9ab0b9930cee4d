/**
 * Listens to what workers say of their partitions each second.
 */
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { WORKERS_ALL } from '../../protocols/subjects.ts';
import { type WorkerFrame, workerFrameSchema } from '../../protocols/worker-frame.ts';

/** Hears every frame until unsubscribed. What is no frame of this release is passed over. */
export function hearWorkers(nc: NatsConnection, hear: (frame: WorkerFrame) => void): Subscription {
  return nc.subscribe(WORKERS_ALL, {
    callback: (error, message) => {
      if (error !== null) return;
      const frame = workerFrameSchema.safeParse(jsonOf(message.data));
      if (frame.success) hear(frame.data);
    },
  });
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
