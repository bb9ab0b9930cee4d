/**
 * The time as components show it: of the browser, and of the engine as far as the page can tell.
 */
import { useEffect, useState } from 'react';
import { useLive } from '../live/live-store.ts';

/** The browser's time, anew every `everyMs`; it stands still while the tab is hidden. */
export function useNow(everyMs = 1_000): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNowMs(Date.now());
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}

/**
 * The engine's time: that of its last frame and what has passed since, so that a browser whose
 * clock is wrong still says rightly how long an alert has been open.
 */
export function useEngineNow(everyMs = 1_000): number {
  const nowMs = useNow(everyMs);
  const frameAtMs = useLive((state) => state.frame?.at_ms);
  const heardAtMs = useLive((state) => state.frameHeardAtMs);
  return frameAtMs === undefined ? nowMs : frameAtMs + Math.max(0, nowMs - heardAtMs);
}
