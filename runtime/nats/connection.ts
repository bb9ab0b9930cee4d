/**
 * Connections of the engine's processes to NATS: they reconnect for ever, and refuse a server
 * that the engine's guarantees cannot rest on.
 */
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { assertServerFit } from '../nats-server/requirements.ts';

const RECONNECT_WAIT_MS = 250;
/** A dead connection is noticed after two missed pings. */
const PING_EVERY_MS = 2_000;

export interface ConnectionOptions {
  readonly url: string;
  /** Shown to operators in the server's connection list. */
  readonly name: string;
  readonly user?: string;
  readonly pass?: string;
  readonly inboxPrefix?: string;
}

/** Connects, and checks the server's version. */
export async function connectNats(options: ConnectionOptions): Promise<NatsConnection> {
  const { url, ...login } = options;
  const nc = await connect({
    servers: url.split(','),
    ...login,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    pingInterval: PING_EVERY_MS,
    maxPingOut: 2,
  });
  assertServerFit(nc);
  return nc;
}
