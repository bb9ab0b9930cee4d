/**
 * Questions about a TCP port on this machine: is it free, which one is, which NATS server answers.
 *
 * Owns nothing; every socket is closed before the answer is given.
 */
import { randomInt } from 'node:crypto';
import { connect, createServer } from 'node:net';

// Below the ranges from which systems pick ports for outgoing connections, so that a server that
// restarts finds its port still free.
const FREE_PORT_MIN = 20_000;
const FREE_PORT_MAX = 30_000;
const FREE_PORT_ATTEMPTS_MAX = 50;
const INFO_TIMEOUT_MS = 1_000;

/** True when a server could listen on `host:port` now. */
export function isPortFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** A random port in [20000, 30000) that is free now. Throws after 50 taken ones. */
export async function randomFreePort(host: string): Promise<number> {
  for (let attempt = 0; attempt < FREE_PORT_ATTEMPTS_MAX; attempt += 1) {
    const port = randomInt(FREE_PORT_MIN, FREE_PORT_MAX);
    if (await isPortFree(host, port)) return port;
  }
  throw new Error(
    `Expected a free port between ${FREE_PORT_MIN} and ${FREE_PORT_MAX} on ${host}, ` +
      `found ${FREE_PORT_ATTEMPTS_MAX} taken. Name one with --nats-port.`,
  );
}

/**
 * The `server_name` that a NATS server sends first to whoever connects; undefined when nothing
 * answers within a second or it is not a NATS server.
 */
export function readServerName(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect({ host, port, timeout: INFO_TIMEOUT_MS });
    const finish = (name?: string): void => {
      socket.destroy();
      resolve(name);
    };
    socket.setEncoding('utf8');
    socket.on('error', () => finish());
    socket.on('timeout', () => finish());
    socket.on('close', () => finish());
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (received.includes('\r\n')) finish(/"server_name":"([^"]*)"/.exec(received)?.[1]);
    });
  });
}
