/**
 * Events whose subject is a wildcard itself, `ingest.*` or `ingest.>`: the server takes them, but
 * its partition transform applies to literal subjects only, so they stand in nobody's log. Each
 * gets a letter of its own that says so, `stray.<sequence>`.
 */
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { type DeadLetter, excerptOf } from '../../protocols/dead-letter.ts';
import type { StreamSequence } from '../../protocols/ids.ts';
import {
  ACTORS_STREAM,
  EVENTS_STREAM,
  STRAYS_ALL,
  straySubject,
} from '../../protocols/subjects.ts';
import type { ActorStore } from '../ports.ts';

/** What no partition transform touched keeps its first token. */
const UNTRANSFORMED = 'ingest.>';

/** Writes a letter for every stray event, from where the last leader stopped; ends with `stop`. */
export async function refuseStrayEvents(
  nc: NatsConnection,
  store: ActorStore,
  onError: (error: unknown) => void,
): Promise<{ stop(): Promise<unknown> }> {
  const jsm = await jetstreamManager(nc);
  const last = await jsm.streams.getMessage(ACTORS_STREAM, { last_by_subj: STRAYS_ALL });
  const after = last === null ? 0 : last.json<DeadLetter>().sequence;
  const consumer = await jetstream(nc).consumers.get(EVENTS_STREAM, {
    filter_subjects: UNTRANSFORMED,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
  });
  const messages = await consumer.consume({ max_messages: 100 });
  const written = (async () => {
    for await (const { seq, subject, data } of messages) {
      const sequence = seq as StreamSequence;
      const letter: DeadLetter = {
        v: 1,
        sequence,
        subject,
        field: 'user_id',
        expected: 'a user id without "*" and ">"',
        found: JSON.stringify(subject.slice('ingest.'.length)),
        hint: 'publish to ingest.<user id>; a wildcard is only for subscribers',
        bytes: data.length,
        excerpt: excerptOf(data),
      };
      await store.commit([{ subject: straySubject(sequence), body: JSON.stringify(letter) }]);
    }
  })();
  written.catch(onError);
  return { stop: () => messages.close() };
}
