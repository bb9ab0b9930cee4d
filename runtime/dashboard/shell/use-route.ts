/**
 * The route of the address, as it changes.
 */
import { useSyncExternalStore } from 'react';
import { type Route, routeOf } from './route.ts';

/** The view that the address names at this moment. */
export function useRoute(): Route {
  return routeOf(useSyncExternalStore(listen, () => window.location.hash));
}

function listen(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}
