/**
 * Random journeys taken in by the actors, event by event, and what the audit finds in the store
 * that they fill: without a server, with a map for a store and no batches.
 */
import { applyEvent, countRejected } from '../actors/partition/apply.ts';
import { PartitionState } from '../actors/partition/state.ts';
import { newUserActor, restoreUserActor, type UserActor } from '../actors/user/actor.ts';
import { parseEvent, type Rejection } from '../protocols/event.ts';
import {
  type DecisionId,
  decodeUserToken,
  type StreamSequence,
  type UserToken,
} from '../protocols/ids.ts';
import {
  cellSubject,
  deadLetterSubject,
  decisionSubject,
  journalSubject,
  ledgerSubject,
  parseLogSubject,
  partitionOf,
  pulseSubject,
  receiptSubject,
  userSubject,
} from '../protocols/subjects.ts';
import { decodeUser, encodeUser } from '../protocols/user-record.ts';
import { type Difference, Differences } from '../runtime/audit/differences.ts';
import type { AuditRecord } from '../runtime/audit/letter-check.ts';
import { LiveCheck } from '../runtime/audit/live-check.ts';
import type { AuditFigures } from '../runtime/audit/live-figures.ts';
import { PathCheck } from '../runtime/audit/path-check.ts';
import { LogReplay } from '../runtime/audit/replay.ts';
import { StateCheck } from '../runtime/audit/state-check.ts';
import { takeStoredLive } from '../runtime/audit/stored-live.ts';
import { StoredView } from '../runtime/audit/stored-view.ts';
import { applyControl } from '../runtime/worker/control-record.ts';
import type { JourneyOptions, Published } from './journeys.ts';
import { scoredJourneyLog } from './scored-journeys.ts';

/** No event is later than this. */
export const NOW_MS = Date.UTC(2026, 5, 1);
const PARTITIONS = 2;

/** What the worker does with the actors, with a map for a store and no batches. */
export class ActorsRun {
  readonly stored = new Map<string, Uint8Array>();
  readonly records: AuditRecord[] = [];
  readonly #partitions = Array.from({ length: PARTITIONS }, () => new PartitionState());
  readonly #users = new Map<string, UserActor>();

  constructor(log: readonly Published[]) {
    log.forEach((message, i) => {
      this.#take(message, (i + 1) as StreamSequence);
    });
  }

  #take({ subject, body, storedAtMs = NOW_MS }: Published, sequence: StreamSequence): void {
    const control = parseLogSubject(subject);
    const token = subject.slice('ingest.'.length) as UserToken;
    const number = control?.partition ?? partitionOf(token, PARTITIONS);
    const record: AuditRecord = {
      sequence,
      subject: control === undefined ? `events.${number}.${token}` : subject,
      body: new TextEncoder().encode(body),
      storedAtMs,
    };
    this.records.push(record);
    const partition = this.#partitions[number] as PartitionState;
    partition.tick(storedAtMs);
    if (control !== undefined) {
      const rejection = applyControl(partition, record.body);
      if (rejection !== undefined) this.#refuse(partition, number, record, rejection.field);
    } else this.#takeEvent(partition, number, record, token);
    for (const { name, cell } of partition.takeDirty()) {
      this.#store(cellSubject(number as never, name), cell);
    }
    this.#storeNews(partition, number, record.sequence);
  }

  /** Each event is a commit of its own; erasures are carried out at once, or later. */
  #storeNews(partition: PartitionState, number: number, sequence: number): void {
    for (const entry of partition.journal.take(number, sequence)) {
      this.#store(journalSubject(number as never, sequence, entry.part), entry);
    }
    const pulse = partition.pulse.take(number, sequence, partition.clockMs);
    if (pulse !== undefined) this.#store(pulseSubject(number as never, sequence), pulse);
    const { erasures, orders } = partition.takeLedger();
    for (const [user] of erasures) {
      for (const subject of [...this.stored.keys()]) {
        if (subject.startsWith(`ledger.${user}.`)) this.stored.delete(subject);
      }
    }
    for (const [user, entry] of orders) this.#store(ledgerSubject(user, entry.order), entry);
  }

  #takeEvent(
    partition: PartitionState,
    number: number,
    record: AuditRecord,
    token: string,
  ): undefined {
    const decoded = decodeUserToken(token);
    if (!('token' in decoded)) return this.#refuse(partition, number, record, 'user_id');
    const parsed = parseEvent(record.body, record.storedAtMs);
    if (!parsed.ok) return this.#refuse(partition, number, record, parsed.rejection.field);
    const user = decoded.token;
    const sequence = record.sequence as StreamSequence;
    const actor = this.#users.get(user) ?? newUserActor();
    const applied = applyEvent(partition, actor, { user, sequence, event: parsed.event });
    if (applied.verdict === 'rejected') {
      return this.#letter(number, record, applied.rejection.field);
    }
    if (applied.actor === undefined) return undefined;
    const { value, context } = applied.actor;
    const body = encodeUser(sequence, value, context);
    this.stored.set(userSubject(number as never, user), new TextEncoder().encode(body));
    // Every now and then a user is passivated and comes back from the store.
    const isPassivated = sequence % 3 === 0;
    const restored = (): UserActor =>
      restoreUserActor(decodeUser(user, JSON.parse(body)), partition.userReference);
    this.#users.set(user, isPassivated ? restored() : applied.actor);
    if (applied.verdict !== 'accepted' || applied.receipt === undefined) return undefined;
    const { receipt } = applied;
    this.#store(decisionSubject(user), { ...receipt.decision, latency_ms: 1 });
    this.#store(receiptSubject(user, receipt.decision.decision_id as DecisionId), receipt);
    return undefined;
  }

  #refuse(
    partition: PartitionState,
    number: number,
    record: AuditRecord,
    field: string,
  ): undefined {
    countRejected(partition);
    return this.#letter(number, record, field);
  }

  #letter(number: number, { sequence, subject, body }: AuditRecord, field: string): undefined {
    const words: Rejection = { field, expected: '', found: '', hint: '' };
    this.#store(deadLetterSubject(number as never, sequence as StreamSequence), {
      v: 1,
      partition: number,
      sequence,
      subject,
      ...words,
      bytes: body.length,
      excerpt: Buffer.from(body.subarray(0, 1_024)).toString('base64'),
    });
  }

  #store(subject: string, value: object): void {
    this.stored.set(subject, new TextEncoder().encode(JSON.stringify(value)));
  }
}

/** What the audit finds in a store that the actors have filled. */
export function auditOf(run: ActorsRun): readonly Difference[] {
  return auditReportOf(run).differences;
}

/** The same, with the live figures of the log. */
export function auditReportOf({ stored: messages, records }: ActorsRun): {
  readonly differences: readonly Difference[];
  readonly figures: AuditFigures;
} {
  const differences = new Differences(20);
  const stored = new StoredView(new Map(messages), differences);
  const storedLive = takeStoredLive(stored);
  const replay = new LogReplay(stored, differences, storedLive.positions);
  for (const record of records) replay.take(record);
  const live = new LiveCheck(storedLive, differences);
  const check = new StateCheck(stored, differences, live);
  const paths = new PathCheck(stored, differences);
  for (const partition of replay.partitions.values()) {
    partition.finish();
    for (const user of partition.users.values()) {
      if (user.events === 0) continue;
      check.user(partition.partition, user);
      paths.user(user);
    }
    check.cells(partition);
    paths.partition(partition);
    live.partition(partition);
  }
  paths.totals();
  live.totals();
  check.unexplained();
  return { differences: differences.listed, figures: live.figures };
}

/** Journeys of a dozen users. */
export function journeysOf(seed: number, more: Partial<JourneyOptions> = {}): Published[] {
  const shape = { messages: 1_500, users: 12, partitions: PARTITIONS, nowMs: NOW_MS };
  return scoredJourneyLog({ seed, ...shape, ...more });
}
