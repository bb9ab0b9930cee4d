/**
 * Refuses NATS servers on which the engine would lose or double effects.
 *
 * Owns nothing.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { isAtLeast, MIN_NATS_SERVER_VERSION } from './server-version.ts';

/** The connected server cannot keep the engine's promises; the message says what it lacks. */
export class NatsServerUnfit extends Error {
  override readonly name = 'NatsServerUnfit';
  readonly retryable = false;
}

/**
 * Throws `NatsServerUnfit` when the server that `nc` is connected to is older than
 * `MIN_NATS_SERVER_VERSION` or runs without JetStream. Costs no round trip: both are in the
 * server's greeting. A stream's creator still checks that the server echoes `allow_atomic`.
 */
export function assertServerFit(nc: NatsConnection): void {
  const version = nc.info?.version ?? 'unknown';
  const where = nc.getServer();
  if (!isAtLeast(version, MIN_NATS_SERVER_VERSION)) {
    throw new NatsServerUnfit(
      `Expected the NATS server at ${where} to be ${MIN_NATS_SERVER_VERSION} or newer, found ` +
        `${version}. Older servers ignore atomic batches and store parts of them. Upgrade it, or ` +
        'unset MICROTARGET_NATS_URL to use the embedded one.',
    );
  }
  if (nc.info?.jetstream !== true) {
    throw new NatsServerUnfit(
      `Expected JetStream to be enabled on the NATS server at ${where}, found it disabled. ` +
        'Start it with nats.conf of this project, or with -js.',
    );
  }
}
