/**
 * Waiting, with a way out.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** Waits for a time, or until the signal aborts, whichever comes first. Never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch {
    // Aborted: the caller looks at its signal.
  }
}
