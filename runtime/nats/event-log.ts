/**
 * The EVENTS stream as a partitioned log. An ordered consumer leaves no acknowledgement that could
 * disagree with the checkpoint; its iterator pulls only as fast as records are taken.
 */
import {
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { StreamSequence } from '../../protocols/ids.ts';
import {
  EVENTS_STREAM,
  partitionLog,
  REPLY_HEADER,
  replySubject,
} from '../../protocols/subjects.ts';
import type { EventLog, LogFollower, LogRecord } from '../ports.ts';
import { linkOf } from './link.ts';
import { LogHearing } from './log-hearing.ts';

/** Records that a follower may hold unread. */
export const MAX_PREFETCH = 1_000;
/** A dead server is noticed within two missed heartbeats. */
const PULL = { max_messages: MAX_PREFETCH, expires: 3_000, idle_heartbeat: 750 } as const;
const NANOS_PER_MS = 1_000_000;

/** Opens the log over a connection of the engine's account. */
export function natsEventLog(nc: NatsConnection): EventLog {
  const js = jetstream(nc);
  const link = linkOf(nc);
  return {
    async follow(partition, after, deliver): Promise<LogFollower> {
      const consumer = await link.attempt(() =>
        js.consumers.get(EVENTS_STREAM, {
          filter_subjects: partitionLog(partition),
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: after + 1,
        }),
      );
      // As the server answered when it made the consumer.
      const { num_pending } = await consumer.info(true);
      const hearing = new LogHearing(num_pending);
      const messages = await consumer.consume(PULL);
      void listen(messages, hearing);
      const ended = (async () => {
        for await (const message of messages) {
          const { deliverySequence, pending } = message.info;
          hearing.record(deliverySequence, pending);
          const pause = deliver(recordOf(message));
          if (pause !== undefined) await pause;
        }
      })();
      return {
        ended,
        get isCurrent() {
          return hearing.isCurrent;
        },
        async stop() {
          await messages.close();
        },
      };
    },
    lastSequence() {
      return link.attempt(async () => {
        const jsm = await jetstreamManager(nc);
        const { state } = await jsm.streams.info(EVENTS_STREAM);
        return state.last_seq as StreamSequence;
      });
    },
  };
}

/** Passes on what the server says beside records; ends with the messages. */
async function listen(messages: ConsumerMessages, hearing: LogHearing): Promise<void> {
  for await (const notice of messages.status()) {
    if (notice.type === 'heartbeat') hearing.heartbeat(notice.lastConsumerSequence);
    else if (notice.type === 'ordered_consumer_recreated') hearing.recreated();
    // A request for records has run out, which takes the place of a heartbeat.
    else if (notice.type === 'discard') hearing.answered();
  }
}

function recordOf(message: JsMsg): LogRecord {
  const { info } = message;
  const asked = message.headers?.get(REPLY_HEADER);
  return {
    sequence: info.streamSequence as StreamSequence,
    subject: message.subject,
    body: message.data,
    storedAtMs: info.timestampNanos / NANOS_PER_MS,
    replyTo: asked === undefined || asked === '' ? undefined : replySubject(asked),
  };
}
