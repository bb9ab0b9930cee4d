/**
 * The store as of one moment, read from a stream that keeps only the last message per subject
 * while it is being written to.
 *
 * The stream is read from its beginning, in order; a message that was overwritten before the
 * reader came to it is skipped by the server. So after message X the view may lack a value that
 * stood at X and was overwritten by a later message Y. It cannot if Y would have to be a message
 * that does not exist:
 *
 *   C1 At X, ask the stream's leader for its last sequence L. Whatever the reader was not given
 *      up to X had been overwritten by then, so by a message up to L.
 *   C2 If no sequence between X and a later position Z is missing, nothing was skipped there.
 *   C3 Then at any such Z >= L (Z = X if L = X) the view holds every subject's last value as of Z.
 *   C4 Messages of one commit are contiguous and its last one carries `Nats-Batch-Commit`, a
 *      single message has no batch id: so a view at the end of a commit holds all of it and
 *      nothing of another, which with one commit for all effects of an event (I1) is a consistent
 *      state of the engine.
 *
 * Under load a cut is found as soon as the reader has once caught up with the writers between two
 * of their commits.
 */
import { DeliverPolicy, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { ACTORS_STREAM } from '../../protocols/subjects.ts';

/** How long to look for a moment that can be seen whole. */
export const MAX_CUT_MS = 120_000;
/** With no message for this long the stream may have ended in deleted ones. */
const IDLE_MS = 1_000;
const PULL = { max_messages: 2_000, expires: 3_000, idle_heartbeat: 750 } as const;

/** The audit cannot be done, and why. */
export class AuditImpossible extends Error {
  override readonly name = 'AuditImpossible';
  readonly retryable: boolean;
  constructor(message: string, options: { readonly retryable: boolean }) {
    super(message);
    this.retryable = options.retryable;
  }
}

/**
 * Reads the last value of every subject of ACTORS as of one moment between two commits.
 *
 * @returns bodies by subject. Memory: the whole stream.
 * @throws AuditImpossible if the stream was written to without a pause for MAX_CUT_MS.
 */
export async function readConsistentCut(nc: NatsConnection): Promise<Map<string, Uint8Array>> {
  const view = new Map<string, Uint8Array>();
  const jsm = await jetstreamManager(nc);
  const { state } = await jsm.streams.info(ACTORS_STREAM);
  if (state.messages === 0) return view;
  const lastSequence = async (): Promise<number> =>
    (await jsm.streams.info(ACTORS_STREAM)).state.last_seq;
  const hasNoneAfter = async (sequence: number): Promise<boolean> => {
    const query = { seq: sequence + 1, next_by_subj: '>' };
    return (await jsm.streams.getMessage(ACTORS_STREAM, query)) === null;
  };
  const consumer = await jetstream(nc).consumers.get(ACTORS_STREAM, {
    deliver_policy: DeliverPolicy.All,
  });
  const messages = await consumer.consume(PULL);
  const deadlineMs = performance.now() + MAX_CUT_MS;
  const reader = messages[Symbol.asyncIterator]();
  try {
    let at = 0;
    /** L of C1, as long as no sequence has been missing since it was asked for (C2). */
    let asked: number | undefined;
    let next = reader.next();
    while (performance.now() < deadlineMs) {
      const message = await orIdle(next);
      if (message === 'idle') {
        if (await hasNoneAfter(at)) return view;
        continue;
      }
      if (message === undefined) break;
      next = reader.next();
      if (message.seq !== at + 1) asked = undefined;
      at = message.seq;
      view.set(message.subject, Uint8Array.from(message.data));
      if (at < state.last_seq || !endsCommit(message)) continue;
      asked ??= await lastSequence();
      if (at >= asked) return view;
    }
  } finally {
    // The client's close waits for somebody to read what has come in already; a return does not.
    void messages.close();
    await reader.return?.();
  }
  throw new AuditImpossible(
    `${ACTORS_STREAM} was written to without a pause for ${MAX_CUT_MS / 1_000} s, so no moment ` +
      'of it could be seen whole; try again with less load or a faster connection',
    { retryable: true },
  );
}

/** The next message, undefined at the end, or 'idle' if none comes for IDLE_MS. */
async function orIdle(next: Promise<IteratorResult<JsMsg>>): Promise<JsMsg | 'idle' | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const idle = new Promise<'idle'>((resolve) => {
    timer = setTimeout(resolve, IDLE_MS, 'idle');
  });
  const first = await Promise.race([next, idle]);
  clearTimeout(timer);
  if (first === 'idle') return first;
  return first.done === true ? undefined : first.value;
}

function endsCommit({ headers }: JsMsg): boolean {
  return headers === undefined || !headers.has('Nats-Batch-Id') || headers.has('Nats-Batch-Commit');
}
