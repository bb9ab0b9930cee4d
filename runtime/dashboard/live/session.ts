/**
 * Who is logged in. The cookie is the gateway's and scripts cannot read it; the page knows only
 * what the gateway says of it.
 */
import { useSyncExternalStore } from 'react';
import { type AskProblem, request, SESSION_PATH, whenRefused } from './request.ts';

export interface Login {
  readonly name: string;
  readonly rights: 'viewer' | 'operator';
}

export type Session =
  | { readonly status: 'unknown'; readonly problem?: AskProblem }
  | { readonly status: 'out'; readonly reason?: string }
  | { readonly status: 'in'; readonly login: Login };

let session: Session = { status: 'unknown' };
const listeners = new Set<() => void>();
whenRefused(sessionEnded);

function become(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The session, kept up to date. */
export function useSession(): Session {
  return useSyncExternalStore(listen, () => session);
}

/** Whether an operator is logged in: one who may see single users and acknowledge alerts. */
export function useIsOperator(): boolean {
  const current = useSession();
  return current.status === 'in' && current.login.rights === 'operator';
}

/** Says that the gateway no longer knows the cookie. */
export function sessionEnded(): void {
  if (session.status === 'in') become({ status: 'out', reason: 'Your session has ended.' });
}

function loggedOut(reason: string | undefined): Session {
  return reason === undefined ? { status: 'out' } : { status: 'out', reason };
}

/**
 * Finds out who is logged in, first exchanging the ticket of the address, if there is one, which it
 * takes out of the address bar and the history.
 */
export async function resumeSession(): Promise<void> {
  let ticketProblem: string | undefined;
  const address = new URL(window.location.href);
  const ticket = address.searchParams.get('ticket');
  if (ticket !== null) {
    address.searchParams.delete('ticket');
    window.history.replaceState(null, '', address);
    if ((await logIn({ ticket })) === undefined) return;
    ticketProblem = 'That link has been used or is too old. Log in, or print a new one.';
  }
  const answer = await request<Login>('GET', SESSION_PATH);
  if (answer.isAnswered) become({ status: 'in', login: answer.value });
  else if (answer.problem.status === 401) become(loggedOut(ticketProblem));
  else become({ status: 'unknown', problem: answer.problem });
}

/** Logs in; returns why it could not, or undefined. */
export async function logIn(
  credentials: { readonly name: string; readonly password: string } | { readonly ticket: string },
): Promise<AskProblem | undefined> {
  const answer = await request<Login>('POST', SESSION_PATH, credentials);
  if (!answer.isAnswered) return answer.problem;
  become({ status: 'in', login: answer.value });
  return undefined;
}

/** Logs out; the page shows the login form whatever the gateway answers. */
export async function logOut(): Promise<void> {
  await request('DELETE', SESSION_PATH);
  become({ status: 'out' });
}
