/**
 * Decides which NATS server this process uses: a running one that was named, or an embedded one.
 *
 * Owns nothing. The one place that reads MICROTARGET_NATS_URL.
 */

/** Where to connect, or that a server has to be provisioned and started first. */
export type NatsTarget =
  | { readonly kind: 'external'; readonly servers: readonly string[] }
  | { readonly kind: 'embedded' };

/**
 * An external target when MICROTARGET_NATS_URL is set (one address, or several of one cluster
 * separated by commas), else the embedded server; NATS_SERVER then only names its binary.
 * Throws when an address is not `nats://`, `tls://`, `ws://` or `wss://`.
 */
export function natsTarget(env: NodeJS.ProcessEnv = process.env): NatsTarget {
  const servers = (env.MICROTARGET_NATS_URL ?? '')
    .split(',')
    .map((address) => address.trim())
    .filter(Boolean);
  for (const address of servers) {
    if (/^(nats|tls|wss?):\/\/[^/\s]+$/.test(address)) continue;
    throw new Error(
      `Expected MICROTARGET_NATS_URL to hold addresses like nats://host:4222, found "${address}". ` +
        'Correct it, or unset it to start an embedded server.',
    );
  }
  return servers.length > 0 ? { kind: 'external', servers } : { kind: 'embedded' };
}
