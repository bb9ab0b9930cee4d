/**
 * Every subject of the engine, built and parsed here and nowhere else.
 *
 *   ingest.<user>                     what applications publish            (stream EVENTS)
 *   events.<p>.<user>                 the same event as stored, by partition
 *   events.<p>.control.put            settings, model, campaigns and grants for a partition
 *   state.<p>.checkpoint              a partition's position and fence     (stream ACTORS)
 *   state.<p>.user.<user>             a user actor's snapshot
 *   state.<p>.cell.<kind>[.<key>]     a partition's cumulative aggregates, last value each (I3)
 *   journal.<p>.<sequence>.<part>     what a commit changed about paths, until it is folded
 *   ledger.<user>.<order>             a conversion with its path
 *   erasure.<user>                    a task: forget this user's conversions
 *   out.decisions.<user>              republished to applications as decisions.<user>
 *   receipts.<user>.<decision>        a decision with the full reason why
 *   deadletter.<p>.<sequence>         an event that could not be taken, with field and reason
 *   trail.<campaign>.<revision>       who changed a campaign, when and how
 *   pulse.<p>.<sequence>              what a commit adds to the live figures, until it is folded
 *   live.head|groups.<n>|series.<n>|moves.<day>  the live actor's: pulses, folded
 *   alerts.<kind>.<key>.<since>       an alert, as it last was
 *   stray.<sequence>                  an event published to a wildcard, in nobody's log
 *   coordinator.checkpoint|model|demand|campaign.<id>  the coordinator's own durable state
 *   channels.head|paths.<day>.<chunk>|credits.<day>   the channel actors': the journal, folded
 *   member.<group>-<id>               liveness                             (stream MEMBERS)
 */
import {
  type CampaignId,
  type DecisionId,
  encodeToken,
  type Partition,
  type StreamSequence,
  type UserToken,
} from './ids.ts';

export const EVENTS_STREAM = 'EVENTS';
export const ACTORS_STREAM = 'ACTORS';
export const MEMBERS_STREAM = 'MEMBERS';

export const INGEST_ALL = 'ingest.*';
/** One token more than an event has, so no user's token can ever be taken for it. */
export const CONTROL_ALL = 'events.*.control.put';
/** Everything in the log. */
export const LOG_ALL = 'events.>';
export const CHECKPOINTS_ALL = 'state.*.checkpoint';
export const CELLS_ALL = 'state.*.cell.>';
export const RECEIPTS_ALL = 'receipts.*.*';
export const STRAYS_ALL = 'stray.*';
export const COORDINATOR_ALL = 'coordinator.>';
export const CAMPAIGN_ACTORS_ALL = 'coordinator.campaign.>';
export const JOURNAL_ALL = 'journal.>';
export const ERASURES_ALL = 'erasure.*';
export const CHANNELS_ALL = 'channels.>';
export const PULSES_ALL = 'pulse.>';
export const LIVE_ALL = 'live.>';
export const ALERTS_ALL = 'alerts.>';
export const DEAD_LETTERS_ALL = 'deadletter.>';
export const ACTORS_SUBJECTS: readonly string[] = [
  'state.>',
  'out.>',
  'receipts.>',
  'deadletter.>',
  STRAYS_ALL,
  COORDINATOR_ALL,
  'trail.>',
  ALERTS_ALL,
  JOURNAL_ALL,
  'ledger.>',
  ERASURES_ALL,
  CHANNELS_ALL,
  PULSES_ALL,
  LIVE_ALL,
];
export const MEMBERS_ALL = 'member.*';

/** The subject by which a process of a group, e.g. `worker`, shows that it is alive. */
export function memberSubject(group: string, id: string): string {
  return `member.${group}-${id}`;
}

/** Only what was committed reaches `decisions.<user>`: plain subscribers see failed batches too. */
export const DECISIONS_REPUBLISH = {
  src: 'out.decisions.*',
  dest: 'decisions.{{wildcard(1)}}',
} as const;

/** The stream's own transform, so that users keep their partition whoever publishes. */
export function partitionTransform(partitions: number): { src: string; dest: string } {
  return { src: INGEST_ALL, dest: `events.{{partition(${partitions},1)}}.{{wildcard(1)}}` };
}

/** The subject an application publishes a user's events to. */
export function ingestSubject(user: UserToken): string {
  return `ingest.${user}`;
}

/**
 * What makes up one partition's log, in stream order. It is one filter on purpose: a consumer with
 * two filters was measured 40 times slower (3,000 against 122,000 messages a second).
 */
export function partitionLog(partition: Partition): string {
  return `events.${partition}.>`;
}

/** What stands in a partition's log of one user. */
export function userLog(partition: Partition, user: UserToken): string {
  return `events.${partition}.${user}`;
}

/** The subject of control messages (settings, model, campaigns, grants) for a partition. */
export function controlSubject(partition: Partition): string {
  return `events.${partition}.control.put`;
}

/** The subject of a partition's checkpoint. */
export function checkpointSubject(partition: Partition): string {
  return `state.${partition}.checkpoint`;
}

/** The subject of a user actor's snapshot. */
export function userSubject(partition: Partition, user: UserToken): string {
  return `state.${partition}.user.${user}`;
}

/** The subject of one cumulative aggregate; `name` is `<kind>` or `<kind>.<key>`. */
export function cellSubject(partition: Partition, name: string): string {
  return `state.${partition}.cell.${name}`;
}

/** All cells of one partition. */
export function partitionCells(partition: Partition): string {
  return `state.${partition}.cell.>`;
}

/** Where a user's last decision is stored before the server republishes it. */
export function decisionSubject(user: UserToken): string {
  return `out.decisions.${user}`;
}

/** Where a decision's receipt is stored. */
export function receiptSubject(user: UserToken, decision: DecisionId): string {
  return `receipts.${user}.${decision}`;
}

/** The receipts of one user. */
export function receiptsOfUser(user: UserToken): string {
  return `receipts.${user}.*`;
}

/** A decision's receipt, whosever it is. */
export function receiptsOfDecision(decision: string): string {
  return `receipts.*.${decision}`;
}

/** Where an event that could not be taken is explained. */
export function deadLetterSubject(partition: Partition, sequence: StreamSequence): string {
  return `deadletter.${partition}.${sequence}`;
}

/** Where an event that is in nobody's log is explained. */
export function straySubject(sequence: StreamSequence): string {
  return `stray.${sequence}`;
}

/** One message of a commit's path journal. */
export function journalSubject(partition: Partition, sequence: number, part: number): string {
  return `journal.${partition}.${sequence}.${part}`;
}

/** Where a user's conversion stands in the ledger. */
export function ledgerSubject(user: UserToken, order: string): string {
  return `ledger.${user}.${encodeToken(order)}`;
}

/** An order in the ledger, whosever it is. */
export function ledgerOfOrder(order: string): string {
  return `ledger.*.${encodeToken(order)}`;
}

/** Everything in the ledger about one user. */
export function ledgerOfUser(user: UserToken): string {
  return `ledger.${user}.*`;
}

/** The task to forget a user's conversions. */
export function erasureSubject(user: UserToken): string {
  return `erasure.${user}`;
}

/** The channel actors' checkpoint and fence. */
export const CHANNELS_HEAD = 'channels.head';

/** Some of the paths that began on a day. */
export function pathChunkSubject(day: string, chunk: number): string {
  return `channels.paths.${day}.${chunk}`;
}

/** All of them. */
export function pathChunksSubject(day: string): string {
  return `channels.paths.${day}.*`;
}

/** What rule-based models credit to channels and campaigns for paths that began on a day. */
export function creditsSubject(day: string): string {
  return `channels.credits.${day}`;
}

/** The coordinator's fence. */
export const COORDINATOR_CHECKPOINT = 'coordinator.checkpoint';

/** The model that the coordinator has put in force. */
export const COORDINATOR_MODEL = 'coordinator.model';

/** A campaign actor's snapshot. */
export function campaignSubject(campaign: CampaignId): string {
  return `coordinator.campaign.${campaign}`;
}

/** What each hour of the week brings in traffic, as the coordinator has learnt it. */
export const COORDINATOR_DEMAND = 'coordinator.demand';

/** One change of a campaign. */
export function trailSubject(campaign: CampaignId, revision: number): string {
  return `trail.${campaign}.${revision}`;
}

/** All changes of a campaign. */
export function trailOf(campaign: CampaignId): string {
  return `trail.${campaign}.*`;
}

/** Where an alert is kept and published. */
export function alertSubject(kind: string, key: string, sinceMs: number): string {
  return `alerts.${kind}.${encodeToken(key)}.${sinceMs}`;
}

/** All alerts of a kind; those of earlier releases have one token less. */
export function alertsOf(kind: string): string {
  return `alerts.${kind}.>`;
}

/** What a commit adds to the live figures. */
export function pulseSubject(partition: Partition, sequence: number): string {
  return `pulse.${partition}.${sequence}`;
}

/** The live actor's checkpoint and fence. */
export const LIVE_HEAD = 'live.head';

/** Some of the live actor's groups, some of its series with their detectors, or a day's moves. */
export function livePartSubject(kind: 'groups' | 'series' | 'moves', key: string | number): string {
  return `live.${kind}.${key}`;
}

/** What a subject of a partition's log says. */
export type LogSubject =
  | { readonly kind: 'event'; readonly partition: Partition; readonly token: string }
  | { readonly kind: 'control'; readonly partition: Partition };

/** Parses a stored subject of EVENTS, `events.<p>.<user>` or `events.<p>.control.put`. */
export function parseLogSubject(subject: string): LogSubject | undefined {
  const [head, partition, token, ...rest] = subject.split('.');
  const number = partitionNumber(partition);
  if (head !== 'events' || number === undefined || token === undefined) return undefined;
  if (rest.length === 0) return { kind: 'event', partition: number, token };
  const isControl = subject === controlSubject(number);
  return isControl ? { kind: 'control', partition: number } : undefined;
}

/** What a subject under `state.` says. */
export type StateSubject =
  | { readonly kind: 'checkpoint'; readonly partition: Partition }
  | { readonly kind: 'user'; readonly partition: Partition; readonly user: UserToken }
  | { readonly kind: 'cell'; readonly partition: Partition; readonly name: string };

/** Parses `state.<p>.checkpoint`, `state.<p>.user.<user>` and `state.<p>.cell.<name>`. */
export function parseStateSubject(subject: string): StateSubject | undefined {
  const [head, partition, kind, ...rest] = subject.split('.');
  const number = partitionNumber(partition);
  if (head !== 'state' || number === undefined) return undefined;
  if (kind === 'checkpoint') return { kind, partition: number };
  const name = rest.join('.');
  if (kind === 'user') return { kind, partition: number, user: name as UserToken };
  return kind === 'cell' ? { kind, partition: number, name } : undefined;
}

/** Only plain digits: "" and "1e1" are numbers too, but of no partition. */
function partitionNumber(token: string | undefined): Partition | undefined {
  return token !== undefined && /^\d{1,4}$/.test(token) ? (Number(token) as Partition) : undefined;
}

/**
 * The partition that the server's `{{partition(P,1)}}` gives a token: FNV-1a, 32 bit, over the
 * token's UTF-8 bytes, modulo P (measured equal on 1,000 of 1,000 ids).
 */
export function partitionOf(token: UserToken, partitions: number): Partition {
  let hash = 0x811c9dc5;
  for (let i = 0; i < token.length; i++) {
    // Tokens are ASCII (see ids.ts), so a UTF-16 unit is a UTF-8 byte.
    hash = Math.imul(hash ^ token.charCodeAt(i), 0x01000193);
  }
  return ((hash >>> 0) % partitions) as Partition;
}

/** Header by which a gateway asks for the verdict on an event; holds `<gateway>.<request>`. */
export const REPLY_HEADER = 'Microtarget-Reply';
const REPLY_TOKEN = /^[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,64}$/;

/**
 * The subject a verdict is sent to, or undefined if the header is not a plain reply token. Only
 * `replies.…` can result, so a sender cannot make a worker write to any other subject.
 */
export function replySubject(headerValue: string): string | undefined {
  return REPLY_TOKEN.test(headerValue) ? `replies.${headerValue}` : undefined;
}

/** Subjects of the operators' request/reply services. */
export const SERVICES = {
  inspectUser: 'inspect.user',
  inspectAttribution: 'inspect.attribution',
  inspectConversion: 'inspect.conversion',
  inspectCampaigns: 'inspect.campaigns',
  inspectCampaign: 'inspect.campaign',
  inspectPartitions: 'inspect.partitions',
  inspectModel: 'inspect.model',
  inspectModelQuality: 'inspect.model-quality',
  /** Two subjects each, so that the server can keep viewers from what operators see. */
  inspectMarketerLive: 'inspect.live.marketer',
  inspectOperatorLive: 'inspect.live.operator',
  inspectAlerts: 'inspect.alerts',
  inspectMarketerAlerts: 'inspect.alerts.marketer',
  inspectHistory: 'inspect.history',
  inspectDecisions: 'inspect.decisions',
  inspectExplanation: 'inspect.explanation',
  inspectDeadLetters: 'inspect.dead-letters',
  applyCampaigns: 'campaigns.apply',
  setCampaignStatus: 'campaigns.status',
  setCampaignBudget: 'campaigns.budget',
  applyModel: 'model.apply',
  acknowledgeAlert: 'alert.acknowledge',
} as const;

/** How well the model in force holds, once a second while forecasts come in. */
export const MODEL_QUALITY_FEED = 'metrics.model';

/** All campaigns with their delivery, once a second. */
export const CAMPAIGNS_FEED = 'metrics.campaigns';

/** Sums since the beginning, several times a second while they move. */
export const PULSE_FEED = 'metrics.pulse';

/** Live figures once a second: for marketers, with small groups put together; for operators. */
export const MARKETER_FEED = 'metrics.marketer';
export const OPERATOR_FEED = 'metrics.operator';

/** What each worker says of itself, once a second. */
export const WORKERS_ALL = 'metrics.workers.*';

/** What one worker says of itself. */
export function workerFeed(worker: string): string {
  return `metrics.workers.${worker}`;
}

/** Live attribution figures, once a second. */
export const ATTRIBUTION_FEED = 'attribution.markov';
