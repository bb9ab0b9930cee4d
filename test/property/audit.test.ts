/**
 * The audit against the actors, without a server: the actors take in a log event by event, the
 * audit calculates the same from the page; on any log they must agree.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { applyEvent, countRejected } from '../../actors/partition/apply.ts';
import { PartitionState } from '../../actors/partition/state.ts';
import { newUserActor, restoreUserActor, type UserActor } from '../../actors/user/actor.ts';
import type { ChannelRules } from '../../protocols/channel-rules.ts';
import { controlSchema } from '../../protocols/control.ts';
import { parseEvent, type Rejection } from '../../protocols/event.ts';
import {
  type DecisionId,
  decodeUserToken,
  type StreamSequence,
  type UserToken,
} from '../../protocols/ids.ts';
import {
  cellSubject,
  deadLetterSubject,
  decisionSubject,
  journalSubject,
  ledgerSubject,
  parseLogSubject,
  partitionOf,
  receiptSubject,
  userSubject,
} from '../../protocols/subjects.ts';
import { decodeUser, encodeUser } from '../../protocols/user-record.ts';
import { type Difference, Differences } from '../../runtime/audit/differences.ts';
import type { AuditRecord } from '../../runtime/audit/letter-check.ts';
import { PathCheck } from '../../runtime/audit/path-check.ts';
import { LogReplay } from '../../runtime/audit/replay.ts';
import { StateCheck } from '../../runtime/audit/state-check.ts';
import { StoredView } from '../../runtime/audit/stored-view.ts';
import { type JourneyOptions, journeyLog, type Published } from '../journeys.ts';

const NOW_MS = Date.UTC(2026, 5, 1);
const PARTITIONS = 2;

/** What the worker does with the actors, with a map for a store and no batches. */
class ActorsRun {
  readonly stored = new Map<string, Uint8Array>();
  readonly records: AuditRecord[] = [];
  readonly #partitions = Array.from({ length: PARTITIONS }, () => new PartitionState());
  readonly #users = new Map<string, UserActor>();

  constructor(log: readonly Published[]) {
    log.forEach((message, i) => {
      this.#take(message, (i + 1) as StreamSequence);
    });
  }

  #take({ subject, body }: Published, sequence: StreamSequence): void {
    const control = parseLogSubject(subject);
    const token = subject.slice('ingest.'.length) as UserToken;
    const number = control?.partition ?? partitionOf(token, PARTITIONS);
    const record: AuditRecord = {
      sequence,
      subject: control === undefined ? `events.${number}.${token}` : subject,
      body: new TextEncoder().encode(body),
      storedAtMs: NOW_MS,
    };
    this.records.push(record);
    const partition = this.#partitions[number] as PartitionState;
    if (control !== undefined) {
      const parsed = controlSchema.safeParse(JSON.parse(body));
      if (parsed.success) partition.control(parsed.data);
      else this.#refuse(partition, number, record, 'control');
    } else this.#takeEvent(partition, number, record, token);
    for (const { name, cell } of partition.takeDirty()) {
      this.#store(cellSubject(number as never, name), cell);
    }
    this.#storePaths(partition, number, record.sequence);
  }

  /** Each event is a commit of its own; erasures are carried out at once, or later. */
  #storePaths(partition: PartitionState, number: number, sequence: number): void {
    for (const entry of partition.journal.take(number, sequence)) {
      this.#store(journalSubject(number as never, sequence, entry.part), entry);
    }
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
    const parsed = parseEvent(record.body, NOW_MS);
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
    const restored = (): UserActor => restoreUserActor(decodeUser(user, JSON.parse(body)));
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

/** Runs a log through both and returns what they disagree on. */
function disagreements(log: readonly Published[]): readonly Difference[] {
  const run = new ActorsRun(log);
  const differences = new Differences(20);
  const stored = new StoredView(run.stored, differences);
  const replay = new LogReplay(stored, differences);
  for (const record of run.records) replay.take(record);
  const check = new StateCheck(stored, differences);
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
  }
  paths.totals();
  check.unexplained();
  return differences.listed;
}

function journeysOf(seed: number, more: Partial<JourneyOptions> = {}): Published[] {
  const shape = { messages: 1_500, users: 12, partitions: PARTITIONS, nowMs: NOW_MS };
  return journeyLog({ seed, ...shape, ...more });
}

const RUNS = Number(process.env.AUDIT_RUNS ?? 3);
const FIRST_SEED = Number(process.env.AUDIT_SEED ?? 1);
const SEEDS = Array.from({ length: RUNS }, (_, i) => FIRST_SEED + i);

const HOUR_MS = 3_600_000;

const OTHER_RULES: ChannelRules = {
  version: 'other-1',
  rules: [{ channel: 'by medium', when: [{ field: 'medium', matches: '.' }] }],
  fallback: 'by something else',
};

const SCENARIOS: readonly (readonly [string, Partial<JourneyOptions>])[] = [
  ['on any journeys', {}],
  ['with three users who never rest', { users: 3, messages: 2_500 }],
  [
    'when nothing is ever too late',
    { users: 3, messages: 2_500, settings: [{ lateness_ms: 400 * 24 * HOUR_MS }] },
  ],
  [
    'with paths too long to be kept',
    { users: 2, touchRate: 0.97, settings: [{ lateness_ms: 400 * 24 * HOUR_MS }] },
  ],
  [
    'with a short window and long lateness',
    { settings: [{ lookback_ms: 10 * HOUR_MS, lateness_ms: 100 * HOUR_MS }] },
  ],
  ['when nothing may be late', { settings: [{ lateness_ms: 0 }] }],
  [
    'while lateness changes',
    { controlRate: 0.02, settings: [{ lateness_ms: 0 }, { lateness_ms: 500 * HOUR_MS }] },
  ],
  [
    'while the lookback window changes',
    {
      controlRate: 0.02,
      settings: [{ lookback_ms: 10 * HOUR_MS }, { lookback_ms: 900 * HOUR_MS }],
    },
  ],
  [
    'while the sample of users changes',
    {
      controlRate: 0.02,
      settings: [{}, { path_sample_ppm: 500_000 }, { path_sample_ppm: 200_000 }],
    },
  ],
  [
    'while channels are derived by other rules',
    { controlRate: 0.02, settings: [{}, { channel_rules: OTHER_RULES }] },
  ],
];

test.for(SCENARIOS)('the actors and the page agree %s', { timeout: 1_000_000 }, ([, options]) => {
  for (const seed of SEEDS) {
    const found = disagreements(journeysOf(seed, options));
    expect(found, `AUDIT_RUNS=1 AUDIT_SEED=${seed}`).toEqual([]);
  }
});

test('the audit shares no code with the actors that it checks', () => {
  const shared = new Set([
    'hash.ts',
    'channel/derive-channel.ts',
    'channel/sampling.ts',
    'user/model.ts',
    'user/steps.ts',
  ]);
  const folder = new URL('../../runtime/audit/', import.meta.url);
  const used = readdirSync(folder).flatMap((file) => {
    const imports = readFileSync(new URL(file, folder), 'utf8').matchAll(/actors\/([\w/-]+\.ts)/g);
    return [...imports].map(([, path = '']) => path);
  });
  expect(used.length).toBeGreaterThan(0);
  expect(used.filter((path) => !shared.has(path))).toEqual([]);
});
