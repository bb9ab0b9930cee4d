/**
 * What must hold once a crash test has come to rest. Each check returns what it found wrong, in
 * words; nothing here changes anything.
 */
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Campaign } from '../../protocols/campaign.ts';
import { type CampaignReport, campaignsReportSchema } from '../../protocols/campaign-services.ts';
import type { TrafficCell } from '../../protocols/cells.ts';
import type { Partition } from '../../protocols/ids.ts';
import { partitionsReportSchema } from '../../protocols/services.ts';
import { ACTORS_STREAM, cellSubject, RECEIPTS_ALL, SERVICES } from '../../protocols/subjects.ts';
import { type AuditReport, auditEngine } from '../../runtime/audit/audit.ts';
import { ask } from '../../runtime/cli/session.ts';
import { pause } from '../../runtime/timing.ts';
import type { Load } from './load.ts';
import type { Observer } from './observer.ts';

const QUIESCENCE_DEADLINE_MS = 120_000;
const POLL_MS = 250;
/** Positions that stay for this long are final. */
const UNCHANGED_FOR_MS = 1_000;
const OBSERVER_DEADLINE_MS = 20_000;
/** Offences of one kind shown; all are counted. */
const MAX_SHOWN = 5;
const PULL = { max_messages: 1_000, expires: 3_000, idle_heartbeat: 750 } as const;

/**
 * Waits until all partitions have taken in all of their log and move no more.
 *
 * @throws Error if they do not within QUIESCENCE_DEADLINE_MS; the message shows who lags.
 */
export async function waitForQuiescence(ops: NatsConnection): Promise<void> {
  const deadlineMs = performance.now() + QUIESCENCE_DEADLINE_MS;
  let last = '';
  let sinceMs = performance.now();
  let shown = 'nobody answers';
  while (performance.now() < deadlineMs) {
    await pause(POLL_MS);
    try {
      const { partitions } = await ask(ops, SERVICES.inspectPartitions, {}, partitionsReportSchema);
      shown = JSON.stringify(partitions);
      if (shown !== last) sinceMs = performance.now();
      last = shown;
      const isDone = partitions.every(({ lag }) => lag === 0);
      if (isDone && performance.now() - sinceMs >= UNCHANGED_FOR_MS) return;
    } catch (error) {
      shown = String(error);
    }
  }
  throw new Error(`not at rest ${QUIESCENCE_DEADLINE_MS} ms after the end of the load: ${shown}`);
}

/** Everything calculated again from the log must be what is stored. */
export async function checkAudit(
  engine: NatsConnection,
): Promise<{ readonly audit: AuditReport; readonly problems: string[] }> {
  const audit = await auditEngine(engine);
  const { differences, differencesTotal } = audit;
  if (differencesTotal === 0) return { audit, problems: [] };
  const shown = differences.slice(0, MAX_SHOWN).map((each) => JSON.stringify(each));
  return { audit, problems: [`audit: ${differencesTotal} differences: ${shown.join('; ')}`] };
}

/** As many events were accepted as distinct ones acknowledged; none was refused. */
export async function checkTraffic(
  engine: NatsConnection,
  partitions: number,
  load: Load,
): Promise<{ readonly traffic: Readonly<Record<string, number>>; readonly problems: string[] }> {
  const jsm = await jetstreamManager(engine);
  const traffic = { accepted: 0, duplicates: 0, rejected: 0, decisions: 0, wins: 0 };
  for (let partition = 0; partition < partitions; partition++) {
    const last_by_subj = cellSubject(partition as Partition, 'traffic');
    const message = await jsm.streams.getMessage(ACTORS_STREAM, { last_by_subj });
    const cell = message?.json<TrafficCell>();
    if (cell === undefined) continue;
    for (const key of Object.keys(traffic) as (keyof typeof traffic)[]) traffic[key] += cell[key];
  }
  const problems: string[] = [];
  const acknowledged = load.ledger.length;
  if (traffic.accepted !== acknowledged) {
    problems.push(`${traffic.accepted} events accepted, ${acknowledged} distinct acknowledged`);
  }
  if (traffic.rejected > 0) problems.push(`${traffic.rejected} events in the dead letter`);
  const { unacknowledged } = load.figures;
  if (unacknowledged > 0) problems.push(`${unacknowledged} events were never acknowledged`);
  return { traffic, problems };
}

/** Each event that must be answered has one receipt, and no receipt or decision came twice. */
export async function checkReceipts(
  engine: NatsConnection,
  load: Load,
  observer: Observer,
  decisions: number,
): Promise<string[]> {
  const stored = await storedReceipts(engine);
  const deadlineMs = performance.now() + OBSERVER_DEADLINE_MS;
  while (observer.receipts.size < stored.size && performance.now() < deadlineMs) {
    await pause(POLL_MS);
  }
  const expected = load.ledger.flatMap(({ receipt }) => (receipt === undefined ? [] : [receipt]));
  return [
    ...listed('events that must be answered have no receipt', expected, (r) => !stored.has(r)),
    ...listed('receipts were stored more than once', observer.receipts, ([, n]) => n > 1),
    ...listed('decisions were heard more than once', observer.heard, ([, n]) => n > 1),
    ...listed('receipts were not seen by the observer', stored, (r) => !observer.receipts.has(r)),
    ...listed('receipts seen are not stored', observer.receipts, ([r]) => !stored.has(r)),
    ...(stored.size === decisions
      ? []
      : [`${decisions} decisions counted, ${stored.size} receipts stored`]),
  ];
}

/** Whether what is left does not pay for another win, wherever it lies. */
export function isUsedUp({ campaign, spent_micros }: CampaignReport): boolean {
  const { bid_micros, budget_micros, daily_micros, hourly_micros } = campaign;
  const cap = Math.min(budget_micros, daily_micros ?? Infinity, hourly_micros ?? Infinity);
  return cap - spent_micros < bid_micros;
}

/** No campaign spent or granted more than a budget allows; every confirmed one is there. */
export async function checkCampaigns(
  ops: NatsConnection,
  confirmed: readonly Campaign[],
): Promise<{ readonly campaigns: readonly CampaignReport[]; readonly problems: string[] }> {
  const { campaigns } = await ask(ops, SERVICES.inspectCampaigns, {}, campaignsReportSchema);
  const problems: string[] = [];
  for (const { campaign, ...report } of campaigns) {
    const { spent_micros, granted_micros, spent_today_micros, spent_this_hour_micros } = report;
    const { id, budget_micros, daily_micros = Infinity, hourly_micros = Infinity } = campaign;
    const isOver =
      Math.max(spent_micros, granted_micros) > budget_micros ||
      (spent_today_micros ?? 0) > daily_micros ||
      (spent_this_hour_micros ?? 0) > hourly_micros;
    if (isOver) problems.push(`${id} passed a cap: ${JSON.stringify({ campaign, ...report })}`);
  }
  const known = new Set(campaigns.map(({ campaign }) => campaign.id));
  problems.push(...listed('confirmed campaigns are gone', confirmed, ({ id }) => !known.has(id)));
  return { campaigns, problems };
}

async function storedReceipts(nc: NatsConnection): Promise<Set<string>> {
  const consumer = await jetstream(nc).consumers.get(ACTORS_STREAM, {
    filter_subjects: RECEIPTS_ALL,
    deliver_policy: DeliverPolicy.LastPerSubject,
  });
  const subjects = new Set<string>();
  const { num_pending } = await consumer.info(true);
  if (num_pending === 0) return subjects;
  const messages = await consumer.consume(PULL);
  for await (const message of messages) {
    subjects.add(message.subject);
    if (message.info.pending === 0) break;
  }
  return subjects;
}

function listed<T>(what: string, values: Iterable<T>, isWrong: (value: T) => boolean): string[] {
  const wrong = [...values].filter(isWrong);
  if (wrong.length === 0) return [];
  const shown = wrong.slice(0, MAX_SHOWN).map((each) => JSON.stringify(each));
  return [`${wrong.length} ${what}: ${shown.join(', ')}`];
}
