/**
 * Asks a gateway as the dashboard's page does: JSON, and the session's cookie once there is one.
 */

/** What came back; `json` is undefined where there was none. */
export interface PageAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at whatever came.
  readonly json: any;
}

/** Asks with a method and a path; a body is sent as JSON. */
export type PageAsks = (
  method: string,
  path: string,
  body?: object,
  headers?: Record<string, string>,
) => Promise<PageAnswer>;

/** A browser without a cookie; it keeps the one that it gets. */
export function browserOf(url: string): PageAsks {
  let cookie: string | undefined;
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(cookie !== undefined && { cookie }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const [set] = response.headers.getSetCookie();
    if (set !== undefined) cookie = set.split(';')[0];
    const text = await response.text();
    const json = text.startsWith('{') ? JSON.parse(text) : undefined;
    return { status: response.status, headers: response.headers, json };
  };
}

/** A browser that is logged in. */
export async function loggedIn(
  url: string,
  { user, pass }: { readonly user: string; readonly pass: string },
): Promise<PageAsks> {
  const browser = browserOf(url);
  const { status } = await browser('POST', '/v1/session', { name: user, password: pass });
  if (status !== 200) throw new Error(`expected ${user} to be logged in, found ${status}`);
  return browser;
}

/** The header that programs log in with. */
export function basic({ user, pass }: { readonly user: string; readonly pass: string }): string {
  return `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}`;
}
