/**
 * Whether the page is narrow, as on phones, for what CSS alone cannot lay out.
 */
import { useSyncExternalStore } from 'react';

const narrow = window.matchMedia('(max-width: 719px)');

/** Kept up to date as the window changes. */
export function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      narrow.addEventListener('change', listener);
      return () => narrow.removeEventListener('change', listener);
    },
    () => narrow.matches,
  );
}
