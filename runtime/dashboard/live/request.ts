/**
 * One question to the gateway: JSON there and back, and what went wrong in words for people.
 */

/** Why a question was not answered. `status` is that of HTTP; 0 where nothing answered at all. */
export interface AskProblem {
  readonly problem: string;
  readonly hint?: string;
  readonly status: number;
}

export type Answer<T> =
  | { readonly isAnswered: true; readonly value: T }
  | { readonly isAnswered: false; readonly problem: AskProblem };

/** A question that takes longer has failed. */
const ANSWER_DEADLINE_MS = 15_000;
/** An explanation replays a log; the gateway itself gives up after 35 s. */
const EXPLANATION_DEADLINE_MS = 40_000;

export const SESSION_PATH = '/v1/session';

let tellRefused: () => void = () => undefined;

/** Has `listener` called whenever the gateway says that nobody is logged in. One listener. */
export function whenRefused(listener: () => void): void {
  tellRefused = listener;
}

/**
 * Sends a request to `path` of the page's own origin. Never throws. An answer 401 is told
 * to the listener of `whenRefused`, unless it says that a login was wrong.
 */
export async function request<T>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<Answer<T>> {
  // A type without a body is an error to the gateway.
  const content =
    body === undefined
      ? { headers: {} }
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const deadlineMs = path.endsWith('/explanation') ? EXPLANATION_DEADLINE_MS : ANSWER_DEADLINE_MS;
  try {
    const response = await fetch(path, {
      method,
      headers: { accept: 'application/json', ...content.headers },
      credentials: 'same-origin',
      signal: AbortSignal.timeout(deadlineMs),
      ...(content.body === undefined ? {} : { body: content.body }),
    });
    const value = await parsed(response);
    if (response.ok) return { isAnswered: true, value: value as T };
    const isLogin = method === 'POST' && path === SESSION_PATH;
    if (response.status === 401 && !isLogin) tellRefused();
    return { isAnswered: false, problem: problemOf(value, response.status) };
  } catch (error) {
    const isLate = error instanceof DOMException && error.name === 'TimeoutError';
    const problem = isLate
      ? `No answer within ${deadlineMs / 1000} s.`
      : 'The gateway does not answer.';
    return { isAnswered: false, problem: { problem, status: 0 } };
  }
}

async function parsed(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problemOf(value: unknown, status: number): AskProblem {
  const { problem, hint } = (value ?? {}) as { problem?: unknown; hint?: unknown };
  return {
    problem: typeof problem === 'string' ? problem : `The gateway answered ${status}.`,
    ...(typeof hint === 'string' ? { hint } : {}),
    status,
  };
}
