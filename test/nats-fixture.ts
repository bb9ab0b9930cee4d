/**
 * A real nats-server for one test: own port, own store, the project's nats.conf.
 *
 *     await using server = await startTestServer();
 *     const nc = await server.connectAs('engine');
 *
 * Owns the server, its temporary store folder and every connection made through it; the end of
 * the block closes and removes them all.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import type { NatsCredentials, NatsRole } from '../runtime/nats-server/credentials.ts';
import {
  type EmbeddedNatsServer,
  startEmbeddedNatsServer,
} from '../runtime/nats-server/embedded.ts';
import { provisionNatsServer } from '../runtime/nats-server/provision.ts';

/** A running test server and the means to connect to it. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly storeDir: string;
  readonly credentials: NatsCredentials;
  /** To kill, stop or restart it in the middle of a test; the store stays. */
  readonly server: EmbeddedNatsServer;
  /** A new connection as one user of nats.conf; closed with the server. */
  connectAs(role: NatsRole, options?: NodeConnectionOptions): Promise<NatsConnection>;
}

/** Starts a server on a free port with an empty store. */
export async function startTestServer(): Promise<TestServer> {
  const binary = await provisionNatsServer({ report: (line) => process.stderr.write(`${line}\n`) });
  const storeDir = mkdtempSync(join(tmpdir(), 'microtarget-test-'));
  const credentials = randomCredentials();
  const server = await startEmbeddedNatsServer({
    binary: binary.path,
    storeDir,
    port: 0,
    credentials,
  });
  const connections: NatsConnection[] = [];
  return {
    url: server.url,
    port: server.port,
    storeDir,
    credentials,
    server,
    async connectAs(role, options = {}) {
      const login = { servers: server.url, name: `test-${role}`, ...credentials[role] };
      const connection = await connect({ ...login, ...options });
      connections.push(connection);
      return connection;
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(connections.map((each) => each.close()));
      await server.stop();
      rmSync(storeDir, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function randomCredentials(): NatsCredentials {
  const login = (user: NatsRole) => ({
    user,
    pass: `p${randomBytes(12).toString('hex')}`,
    inboxPrefix: `_INBOX_${user}`,
  });
  return {
    ...{ engine: login('engine'), app: login('app'), ops: login('ops') },
    ...{ viewer: login('viewer'), sys: login('sys') },
  };
}
