/**
 * A micro-batch: records of the worker's partitions applied to actors and aggregates, and all of
 * their effects as the messages of one atomic commit (I1).
 *
 * The hot path. Order of messages: snapshots, decisions and receipts, dead letters, cells,
 * journals, pulses and ledger, and the checkpoints last, because the commit answers with the
 * sequence of its last message and the checkpoints' sequences are the next fences.
 */
import { applyEvent, countRejected } from '../../actors/partition/apply.ts';
import { decisionIdOf } from '../../actors/partition/decide.ts';
import type { PartitionState } from '../../actors/partition/state.ts';
import type { MarkStage } from '../../actors/stage-marks.ts';
import type { Checkpoint } from '../../protocols/checkpoint.ts';
import type { Erasure } from '../../protocols/conversion-ledger.ts';
import { type DeadLetter, excerptOf } from '../../protocols/dead-letter.ts';
import type { Decision, Receipt } from '../../protocols/decision.ts';
import { parseEvent, type Rejection } from '../../protocols/event.ts';
import {
  type DecisionId,
  decodeUserToken,
  type StreamSequence,
  type UserToken,
} from '../../protocols/ids.ts';
import {
  cellSubject,
  checkpointSubject,
  deadLetterSubject,
  decisionSubject,
  erasureSubject,
  journalSubject,
  ledgerSubject,
  parseLogSubject,
  pulseSubject,
  receiptSubject,
  userSubject,
} from '../../protocols/subjects.ts';
import { encodeUser } from '../../protocols/user-record.ts';
import type { Verdict } from '../../protocols/verdict.ts';
import { MAX_BATCH_MESSAGES } from '../nats/atomic-batch.ts';
import type { Clock, LogRecord, StoreMessage } from '../ports.ts';
import { applyControl } from './control-record.ts';
import type { OwnedPartition, Progress, QueuedRecord } from './owned-partition.ts';
import type { Resident } from './residents.ts';
import type { StageLatencies } from './stage-latencies.ts';

/** The most messages that one record can add: a grants message that changes all its campaigns. */
const MAX_MESSAGES_PER_RECORD = 288;
/** Beyond this a batch takes no further record, so that it always fits one commit. */
export const FULL_BATCH_MESSAGES = MAX_BATCH_MESSAGES - MAX_MESSAGES_PER_RECORD;
/** The same for bytes: a commit of some megabytes still takes only milliseconds. */
export const FULL_BATCH_BYTES = 4 * 1024 * 1024;
/** Records of one partition in a batch before the next one's turn. */
export const EVENTS_PER_TURN = 32;

/** A verdict to send once the commit is stored. */
interface Reply {
  readonly subject: string;
  readonly verdict: Verdict;
}

/** How far a batch takes a partition, and the state object it was applied to. */
interface Held extends Progress {
  readonly state: PartitionState;
  sequence: StreamSequence;
  /** These two are known when the batch is complete. */
  clockMs: number;
  hasPulse: boolean;
}

export class Batch {
  readonly #clock: Clock;
  readonly #stages: StageLatencies;
  /** When the log stored the events that are measured, Unix ms. */
  readonly #sampled: number[] = [];
  readonly #outputs: StoreMessage[] = [];
  readonly #touched = new Set<Resident>();
  readonly #replies: Reply[] = [];
  readonly #partitions = new Map<OwnedPartition, Held>();
  #bytes = 0;
  events = 0;

  constructor(clock: Clock, stages: StageLatencies) {
    this.#clock = clock;
    this.#stages = stages;
  }

  get partitions(): Iterable<OwnedPartition> {
    return this.#partitions.keys();
  }

  get replies(): readonly Reply[] {
    return this.#replies;
  }

  /** Whether another record might not fit the commit. */
  get isFull(): boolean {
    let messages = this.#outputs.length + this.#touched.size + this.#partitions.size;
    let bytes = this.#bytes;
    for (const { state } of this.#partitions.keys()) {
      messages += state.dirtyCount;
      bytes += state.journal.bytes;
    }
    return messages >= FULL_BATCH_MESSAGES || bytes >= FULL_BATCH_BYTES;
  }

  /** Whether all it was applied to is still trusted: no partition was fenced since. */
  get isTrusted(): boolean {
    for (const [owned, { state }] of this.#partitions) if (owned.state !== state) return false;
    return true;
  }

  holds(owned: OwnedPartition): boolean {
    return this.#partitions.has(owned);
  }

  /** Applies a record; its user, if it has one, is resident. */
  take(owned: OwnedPartition, { record, user, resident }: QueuedRecord): void {
    const held = this.#partitions.get(owned);
    if (held === undefined) {
      const { state } = owned;
      const { sequence } = record;
      this.#partitions.set(owned, { state, sequence, clockMs: 0, hasPulse: false });
    } else held.sequence = record.sequence;
    owned.state.tick(record.storedAtMs);
    this.#bytes += record.body.length;
    this.events++;
    const poison = owned.poison.get(record.sequence);
    if (poison !== undefined) {
      const { reason: found, hint } = poison;
      const rejection = { field: 'event', expected: 'to be applied', found, hint };
      this.#refuse(owned, record, rejection);
    } else if (user !== undefined) this.#takeEvent(owned, record, resident);
    else this.#takeOther(owned, record);
  }

  #takeOther(owned: OwnedPartition, record: LogRecord): void {
    const subject = parseLogSubject(record.subject);
    if (subject === undefined) throw new Error(`W1: ${record.subject} is no subject of the log`);
    if (subject.kind === 'control') {
      this.#takeControl(owned, record);
      return;
    }
    const problem = decodeUserToken(subject.token);
    if ('token' in problem) throw new Error(`W1: ${record.subject} was queued without its user`);
    const hint = 'percent-encode the id and publish to ingest.<encoded id>';
    this.#refuse(owned, record, { field: 'user_id', ...problem, hint });
  }

  #takeEvent(owned: OwnedPartition, record: LogRecord, resident: Resident | undefined): void {
    if (resident === undefined)
      throw new Error(`R1: the user of ${record.subject} is not resident`);
    const { user } = resident;
    const parsed = parseEvent(record.body, record.storedAtMs);
    if (!parsed.ok) {
      this.#refuse(owned, record, parsed.rejection);
      return;
    }
    const { event } = parsed;
    const { sequence } = record;
    const mark = this.#stages.isNextSampled() ? this.#measure(record) : undefined;
    const logged = { user, sequence, event };
    const applied = applyEvent(owned.state, resident.actor, logged, undefined, mark);
    switch (applied.verdict) {
      case 'accepted': {
        this.#change(resident, applied.actor, sequence);
        const decision =
          applied.receipt === undefined ? undefined : this.#decided(user, applied.receipt, record);
        this.#answer(record, { verdict: 'accepted', ...(decision && { decision }) });
        return;
      }
      case 'duplicate': {
        if (applied.actor !== undefined) this.#change(resident, applied.actor, sequence);
        const decision_id = decisionIdOf(user, event.event_id);
        this.#answer(record, { verdict: 'duplicate', reason: applied.reason, decision_id });
        return;
      }
      case 'rejected':
        this.#deadLetter(owned, record, applied.rejection);
        return;
      default:
        applied satisfies never;
    }
  }

  /** All effects as one commit. Called once, when the batch is complete. */
  seal(owner: string): StoreMessage[] {
    const messages: StoreMessage[] = [];
    for (const resident of this.#touched) messages.push(snapshotMessage(resident));
    for (const output of this.#outputs) messages.push(output);
    for (const owned of this.#partitions.keys()) {
      for (const { name, cell } of owned.state.takeDirty()) {
        messages.push({ subject: cellSubject(owned.partition, name), body: JSON.stringify(cell) });
      }
    }
    for (const [owned, held] of this.#partitions) {
      const pulses = pulseMessages(owned, held.sequence);
      held.hasPulse = pulses.length > 0;
      held.clockMs = owned.state.clockMs;
      messages.push(...journalMessages(owned, held.sequence), ...pulses);
      messages.push(...ledgerMessages(owned.state));
    }
    for (const [{ partition, epoch }, { sequence }] of this.#partitions) {
      const checkpoint: Checkpoint = { v: 1, partition, sequence, owner, epoch };
      messages.push({ subject: checkpointSubject(partition), body: JSON.stringify(checkpoint) });
    }
    return messages;
  }

  /** The commit's checkpoints with the partitions' fences, which are known only when it is sent. */
  fenced(messages: StoreMessage[]): StoreMessage[] {
    let i = messages.length - this.#partitions.size;
    for (const { fence } of this.#partitions.keys()) {
      messages[i] = { ...(messages[i] as StoreMessage), fence };
      i++;
    }
    return messages;
  }

  /**
   * Takes note that the commit is stored: its checkpoints are the next fences.
   *
   * @param tookMs how long storing it took.
   */
  stored(lastSequence: StreamSequence, tookMs: number): void {
    let fence = lastSequence - this.#partitions.size;
    for (const [owned, held] of this.#partitions) {
      owned.fence = ++fence as StreamSequence;
      if (owned.state === held.state) owned.stored(held);
    }
    this.#stages.add('commit', tookMs, this.#sampled.length);
    const nowMs = this.#clock.nowMs();
    for (const storedAtMs of this.#sampled) this.#stages.add('decision', nowMs - storedAtMs);
  }

  /** Marks its events as ones that cannot be stored; they go to the dead letter next time. */
  blame(reason: string): void {
    for (const [owned, { sequence }] of this.#partitions) owned.blame(sequence, reason);
  }

  /** Lets go of the users, whatever became of the commit. */
  release(): void {
    for (const resident of this.#touched) resident.pending--;
  }

  /** Measures an event whose turn it is. */
  #measure({ storedAtMs }: LogRecord): MarkStage {
    this.#sampled.push(storedAtMs);
    this.#stages.add('ingest', this.#clock.nowMs() - storedAtMs);
    return this.#stages.measure();
  }

  #change(resident: Resident, actor: Resident['actor'], sequence: StreamSequence): void {
    resident.actor = actor;
    resident.sequence = sequence;
    if (this.#touched.has(resident)) return;
    this.#touched.add(resident);
    resident.pending++;
  }

  #decided(user: UserToken, receipt: Receipt, record: LogRecord): Decision {
    const waitedMs = Math.max(0, this.#clock.nowMs() - record.storedAtMs);
    const latency_ms = Math.round(waitedMs * 100) / 100;
    const decision: Decision = { ...receipt.decision, latency_ms };
    const id = decision.decision_id as DecisionId;
    this.#outputs.push(
      { subject: decisionSubject(user), body: JSON.stringify(decision) },
      { subject: receiptSubject(user, id), body: JSON.stringify(receipt) },
    );
    return decision;
  }

  #takeControl(owned: OwnedPartition, record: LogRecord): void {
    const rejection = applyControl(owned.state, record.body);
    if (rejection !== undefined) this.#refuse(owned, record, rejection);
  }

  #refuse(owned: OwnedPartition, record: LogRecord, rejection: Rejection): void {
    countRejected(owned.state);
    this.#deadLetter(owned, record, rejection);
  }

  #deadLetter({ partition }: OwnedPartition, record: LogRecord, rejection: Rejection): void {
    const { sequence, subject, body } = record;
    const letter: DeadLetter = {
      v: 1,
      partition,
      sequence,
      subject,
      ...rejection,
      bytes: body.length,
      excerpt: excerptOf(body),
    };
    this.#outputs.push({
      subject: deadLetterSubject(partition, sequence),
      body: JSON.stringify(letter),
    });
    this.#answer(record, { verdict: 'rejected', ...rejection });
  }

  #answer({ replyTo }: LogRecord, verdict: Verdict): void {
    if (replyTo !== undefined) this.#replies.push({ subject: replyTo, verdict });
  }
}

function journalMessages({ partition, state }: OwnedPartition, sequence: number): StoreMessage[] {
  return state.journal.take(partition, sequence).map((entry) => ({
    subject: journalSubject(partition, sequence, entry.part),
    body: JSON.stringify(entry),
  }));
}

/** One at most; the largest that a commit's 500 events can make is below 768 kB. */
function pulseMessages({ partition, state }: OwnedPartition, sequence: number): StoreMessage[] {
  const pulse = state.pulse.take(partition, sequence, state.clockMs);
  if (pulse === undefined) return [];
  return [{ subject: pulseSubject(partition, sequence), body: JSON.stringify(pulse) }];
}

/** Erasures first: they concern what was stored before them. */
function ledgerMessages(state: PartitionState): StoreMessage[] {
  const { erasures, orders } = state.takeLedger();
  return [
    ...erasures.map(([user, sequence]): StoreMessage => {
      const task: Erasure = { v: 1, sequence };
      return { subject: erasureSubject(user), body: JSON.stringify(task) };
    }),
    ...orders.map(([user, entry]): StoreMessage => {
      return { subject: ledgerSubject(user, entry.order), body: JSON.stringify(entry) };
    }),
  ];
}

function snapshotMessage(resident: Resident): StoreMessage {
  const { user, partition, actor, sequence, fence } = resident;
  // The next commit comes after this one or not at all: only the first write is fenced (R2).
  resident.fence = undefined;
  const body = encodeUser(sequence, actor.value, actor.context);
  const message = { subject: userSubject(partition, user), body };
  return fence === undefined ? message : { ...message, fence };
}
