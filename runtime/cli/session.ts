/**
 * How a command finds the running engine: MICROTARGET_NATS_URL, else what `up` wrote down, else the
 * default address; and with which login.
 */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { askService, ServiceProblem } from '../nats/ask-service.ts';
import { connectNats } from '../nats/connection.ts';
import {
  loadOrCreateCredentials,
  type NatsLogin,
  type NatsRole,
} from '../nats-server/credentials.ts';
import { natsTarget } from '../nats-server/target.ts';
import { projectRoot } from '../setup/project-root.ts';

const DEFAULT_URL = 'nats://127.0.0.1:4222';
const DEFAULT_HTTP_URL = 'http://127.0.0.1:8080';

const endpointSchema = z.object({ nats_url: z.string(), http_url: z.string() });
/** Where a running `up` can be reached. */
export type Endpoint = z.infer<typeof endpointSchema>;

/** A command could not do what it was asked; the message is for the person who typed it. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly exitCode: number;
  constructor(message: string, options: ErrorOptions & { readonly exitCode?: number } = {}) {
    super(message, options);
    this.exitCode = options.exitCode ?? 1;
  }
}

/** Exit code when the engine cannot be reached. */
export const EXIT_UNREACHABLE = 3;

const endpointFile = (): string => join(projectRoot(), '.microtarget', 'endpoint.json');

/** Writes down where this engine can be reached, until the returned function is called. */
export function announceEndpoint(endpoint: Endpoint): () => void {
  mkdirSync(join(projectRoot(), '.microtarget'), { recursive: true });
  writeFileSync(endpointFile(), `${JSON.stringify(endpoint)}\n`);
  return () => rmSync(endpointFile(), { force: true });
}

/** The NATS address to use. */
export function natsUrl(): string {
  const target = natsTarget();
  if (target.kind === 'external') return target.servers.join(',');
  return announcedEndpoint()?.nats_url ?? DEFAULT_URL;
}

/** The gateway's address to use: what `up` wrote down, or the default. */
export function gatewayUrl(): string {
  return announcedEndpoint()?.http_url ?? DEFAULT_HTTP_URL;
}

function announcedEndpoint(): Endpoint | undefined {
  if (!existsSync(endpointFile())) return undefined;
  return endpointSchema.parse(JSON.parse(readFileSync(endpointFile(), 'utf8')));
}

/**
 * Connects as a user of nats.conf. A server of one's own, named by MICROTARGET_NATS_URL, is
 * logged into with what its address holds, or with the MICROTARGET_…_PASSWORD that is set.
 *
 * @throws CommandFailed if nobody answers.
 */
export async function connectAs(role: NatsRole, name: string): Promise<NatsConnection> {
  const url = natsUrl();
  try {
    return await connectNats({ url, name: `microtarget ${name}`, ...loginFor(role) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailed(
      `no engine at ${url}: ${why}\nStart one with \`npm start\`, or name its server in ` +
        'MICROTARGET_NATS_URL.',
      { exitCode: EXIT_UNREACHABLE, cause: error },
    );
  }
}

/** What is known here of a role's login; empty where it is a server of one's own without any. */
export function loginFor(role: NatsRole): Partial<NatsLogin> {
  const target = natsTarget();
  if (target.kind === 'embedded') return loadOrCreateCredentials()[role];
  const isSet = process.env[`MICROTARGET_${role.toUpperCase()}_PASSWORD`] !== undefined;
  if (isSet) return loadOrCreateCredentials()[role];
  const [first] = target.servers;
  const { username, password } = new URL(first as string);
  return username === '' ? {} : { user: username, pass: decodeURIComponent(password) };
}

/**
 * Asks one of the engine's services.
 *
 * @throws CommandFailed with the service's own problem, or if nobody answers.
 */
export async function ask<S extends z.ZodType>(
  nc: NatsConnection,
  subject: string,
  request: object,
  answer: S,
): Promise<z.infer<S>> {
  try {
    return await askService(nc, subject, request, answer);
  } catch (error) {
    if (!(error instanceof ServiceProblem)) throw error;
    if (error.kind !== 'unavailable') throw new CommandFailed(error.message, { cause: error });
    const hint = 'Is a coordinator running (`npm start`)?';
    throw new CommandFailed(`${error.message}\n${hint}`, {
      exitCode: EXIT_UNREACHABLE,
      cause: error,
    });
  }
}
