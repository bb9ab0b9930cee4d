/**
 * Telling partitions what they miss: again and again, but ever less often to one that does not
 * take it in, whose log would otherwise fill with repetitions.
 */
import type { IsDue } from '../../actors/campaign/reconcile.ts';
import type { Control } from '../../protocols/control.ts';
import type { Partition } from '../../protocols/ids.ts';

/** A message that was not taken in after this long counts as lost and is sent again. */
const RESEND_AFTER_MS = 2_000;
/** A model is large, and in the log once that has acknowledged it: this is for a log put back. */
const RESEND_MODEL_AFTER_MS = 600_000;
/** Each repetition waits twice as long as the one before, up to this long. */
const RESEND_AFTER_MS_MAX = 64_000;
/** Messages on their way to the server at once. */
const MAX_SENDING = 500;

/** A message for one partition. */
export interface Telling {
  readonly partition: Partition;
  readonly control: Control;
}

interface Told {
  readonly version: number;
  readonly atMs: number;
  readonly waitMs: number;
}

/** What was sent to partitions, and when. */
export class Outbox {
  readonly #told = new Map<number, Map<string, Told>>();

  /** Whether something should be sent now; takes note that it then is. */
  due(partition: number, nowMs: number): IsDue {
    const known = this.#told.get(partition) ?? new Map<string, Told>();
    this.#told.set(partition, known);
    return (what, version) => {
      const last = known.get(what);
      const isNews = last === undefined || last.version < version;
      if (!isNews && Math.abs(nowMs - last.atMs) < last.waitMs) return false;
      const first = what === 'model' ? RESEND_MODEL_AFTER_MS : RESEND_AFTER_MS;
      const most = Math.max(first, RESEND_AFTER_MS_MAX);
      const waitMs = isNews ? first : Math.min(most, last.waitMs * 2);
      known.set(what, { version, atMs: nowMs, waitMs });
      return true;
    };
  }
}

/** Sends all messages, some at a time, each partition's in order of time as far as that goes. */
export async function sendAll(
  tellings: readonly Telling[],
  send: (partition: Partition, control: Control) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < tellings.length; from += MAX_SENDING) {
    const some = tellings.slice(from, from + MAX_SENDING);
    await Promise.all(some.map(({ partition, control }) => send(partition, control)));
  }
}
