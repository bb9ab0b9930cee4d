/**
 * Watches from outside what the engine stores while it is being hurt: receipts, the positions of
 * partitions, who leads, and the decisions that applications hear.
 *
 * Owns its counts.
 * O1 Streams are followed by ordered consumers, resumed behind the last message seen: nothing is
 *    missed and nothing counted twice, whatever happens to the connection.
 * O2 The decision feed is core NATS, at most once: a missing decision says nothing, one heard
 *    twice was stored twice.
 */
import { DeliverPolicy, type JsMsg, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { CoordinatorCheckpoint } from '../../protocols/campaign-actor.ts';
import type { Checkpoint } from '../../protocols/checkpoint.ts';
import type { Decision } from '../../protocols/decision.ts';
import {
  ACTORS_STREAM,
  CHECKPOINTS_ALL,
  COORDINATOR_CHECKPOINT,
  RECEIPTS_ALL,
} from '../../protocols/subjects.ts';
import { pause } from '../../runtime/timing.ts';
import type { Leadership, Position } from './recovery.ts';

const PULL = { max_messages: 1_000, expires: 3_000, idle_heartbeat: 750 } as const;
const RESUME_PAUSE_MS = 250;
const NANOS_PER_MS = 1_000_000;

export class Observer implements AsyncDisposable {
  /** How often each receipt was stored, by subject. */
  readonly receipts = new Map<string, number>();
  /** How often each decision was heard, by id. */
  readonly heard = new Map<string, number>();
  /** By partition, every commit seen that moved its position. */
  readonly positions = new Map<number, Position[]>();
  readonly leaderships: Leadership[] = [];
  /** Partitions that went from one worker to another. */
  takeovers = 0;
  readonly #stopping = new AbortController();
  readonly #owners = new Map<number, string>();
  readonly #following: Promise<void>[];

  /**
   * @param engine a connection of the engine's account.
   * @param app a connection of an application's account.
   */
  constructor(engine: NatsConnection, app: NatsConnection) {
    app.subscribe('decisions.*', {
      callback: (error, message) => {
        if (error !== null) return;
        const { decision_id } = message.json<Decision>();
        this.heard.set(decision_id, (this.heard.get(decision_id) ?? 0) + 1);
      },
    });
    this.#following = [
      this.#follow(engine, RECEIPTS_ALL, ({ subject }) => {
        this.receipts.set(subject, (this.receipts.get(subject) ?? 0) + 1);
      }),
      this.#follow(engine, CHECKPOINTS_ALL, (message) => this.#takeCheckpoint(message)),
      this.#follow(engine, COORDINATOR_CHECKPOINT, (message) => this.#takeLeadership(message)),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#following);
  }

  /** Follows a subject for as long as the observer lives (O1). */
  async #follow(
    nc: NatsConnection,
    subject: string,
    take: (message: JsMsg) => void,
  ): Promise<void> {
    const { signal } = this.#stopping;
    let last = 0;
    while (!signal.aborted) {
      try {
        const consumer = await jetstream(nc).consumers.get(ACTORS_STREAM, {
          filter_subjects: subject,
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: last + 1,
        });
        const messages = await consumer.consume(PULL);
        const stop = (): void => void messages.close();
        signal.addEventListener('abort', stop, { once: true });
        if (signal.aborted) stop();
        for await (const message of messages) {
          if (message.seq <= last) continue;
          last = message.seq;
          take(message);
        }
        signal.removeEventListener('abort', stop);
      } catch {
        // The server is away; what was stored meanwhile is read when it is back.
      }
      await pause(RESUME_PAUSE_MS, signal);
    }
  }

  #takeCheckpoint(message: JsMsg): void {
    const { partition, sequence, owner } = message.json<Checkpoint>();
    const atMs = message.info.timestampNanos / NANOS_PER_MS;
    let positions = this.positions.get(partition);
    if (positions === undefined) {
      positions = [];
      this.positions.set(partition, positions);
    }
    if ((positions.at(-1)?.sequence ?? 0) < sequence) positions.push({ atMs, sequence });
    if (owner === '') return;
    const before = this.#owners.get(partition);
    if (before !== undefined && before !== owner) this.takeovers++;
    this.#owners.set(partition, owner);
  }

  #takeLeadership(message: JsMsg): void {
    const { owner } = message.json<CoordinatorCheckpoint>();
    if (owner === '' || owner === this.leaderships.at(-1)?.owner) return;
    this.leaderships.push({ atMs: message.info.timestampNanos / NANOS_PER_MS, owner });
  }
}
