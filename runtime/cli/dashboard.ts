/**
 * `microtarget dashboard`: a link that logs in to the dashboard, for whoever may read passwords.
 */
import { z } from 'zod';
import { printJson, printLine } from './print.ts';
import { CommandFailed, EXIT_UNREACHABLE, gatewayUrl, loginFor } from './session.ts';

const TIMEOUT_MS = 10_000;

const ticketSchema = z.object({ ticket: z.string() });

/** Where the dashboard is. */
export interface DashboardAddress {
  readonly url: string;
  /** What to know about the address, in parentheses. */
  readonly note: string;
}

interface DashboardOptions {
  readonly viewer: boolean;
  readonly url?: string;
  readonly json?: boolean;
}

/** Prints a link; without a password of that login here, the page's address. */
export async function dashboardCommand(options: DashboardOptions): Promise<void> {
  const gateway = (options.url ?? gatewayUrl()).replace(/\/+$/, '');
  const address = await dashboardAddress(gateway, options.viewer ? 'viewer' : 'ops');
  if (options.json) printJson(address);
  else printLine(`Dashboard  ${address.url}  ${address.note}`);
}

/**
 * The address to open: with a ticket, where the role's password is known here and right.
 *
 * @throws CommandFailed if the gateway does not answer, or cannot tell if the password is right.
 */
export async function dashboardAddress(
  gateway: string,
  role: 'ops' | 'viewer',
): Promise<DashboardAddress> {
  const { user, pass } = loginFor(role);
  const plain = plainAddress(gateway);
  if (user === undefined || pass === undefined) return plain;
  const credentials = Buffer.from(`${user}:${pass}`).toString('base64');
  const response = await ticketFrom(gateway, `Basic ${credentials}`);
  if (response.status === 401) return plain;
  const json: unknown = await response.json().catch(() => undefined);
  const { success, data } = ticketSchema.safeParse(json);
  if (!success) {
    const problem = (json as { problem?: unknown } | undefined)?.problem;
    throw new CommandFailed(`no ticket from ${gateway}: ${String(problem ?? response.status)}`);
  }
  const url = `${gateway}/?ticket=${data.ticket}`;
  return { url, note: '(valid for 10 minutes, once)' };
}

/** The address without a ticket. */
export function plainAddress(gateway: string): DashboardAddress {
  return { url: gateway, note: "(log in with a NATS operator's name and password)" };
}

async function ticketFrom(gateway: string, authorization: string): Promise<Response> {
  try {
    return await fetch(`${gateway}/v1/session/ticket`, {
      method: 'POST',
      headers: { authorization },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const hint = 'Start an engine with `npm start`, or name its gateway with --url.';
    throw new CommandFailed(`no gateway at ${gateway}\n${hint}`, {
      exitCode: EXIT_UNREACHABLE,
      cause: error,
    });
  }
}
