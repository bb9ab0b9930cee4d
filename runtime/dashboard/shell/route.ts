/**
 * Which view the address's hash names: `#/`, `#/operations`, `#/users`, `#/users/<id>`.
 */

export type Route =
  | { readonly view: 'marketing' | 'operations' }
  | { readonly view: 'users'; readonly user?: string };
export type ViewId = Route['view'];

export const VIEW_NAMES: Readonly<Record<ViewId, string>> = {
  marketing: 'Marketing',
  operations: 'Operations',
  users: 'Users',
};
export const VIEW_HASHES: Readonly<Record<ViewId, string>> = {
  marketing: '#/',
  operations: '#/operations',
  users: '#/users',
};

/** The route of a hash; what names no view leads to the marketers'. */
export function routeOf(hash: string): Route {
  const [view, user] = hash.replace(/^#\/?/, '').split('/');
  if (view === 'operations') return { view };
  if (view !== 'users') return { view: 'marketing' };
  const name = decoded(user ?? '');
  return name === '' ? { view } : { view, user: name };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
