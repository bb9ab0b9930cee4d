/**
 * Ways to tamper with what an engine has stored, each of which an audit has to name.
 */

import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { ACTORS_STREAM } from '../protocols/subjects.ts';
import { auditEngine } from '../runtime/audit/audit.ts';

/** A stored message. */
type Json = Record<string, unknown>;

/** One way to tamper with the store, and what the audit has to say. */
export interface Tampering {
  readonly what: string;
  /** Which stored message. */
  readonly subject: RegExp;
  /** Of these the first that is like this. */
  readonly fits?: (message: Json) => boolean;
  /** Its new body; without it the message is deleted. */
  readonly change?: (message: Json) => unknown;
  /** Where a copy is put instead. */
  readonly copyTo?: (subject: string) => string;
  /** What the audit has to name, if not the subject alone. */
  readonly names?: RegExp;
  /** Sums are named by what they count, not by the message. */
  readonly isSum?: boolean;
}

const raised = (key: string) => (message: Json) => ({
  ...message,
  [key]: Number(message[key]) + 1,
});

const PULSES = /^pulses of partition \d/;

/** Bytes of packed numbers that say which of them are there. */
const MASK_BYTES = 6;

/** Packed doubles with 0.001 added to the first. */
function withOneMore(packed: string): string {
  const bytes = Buffer.from(packed, 'base64');
  bytes.writeDoubleLE(bytes.readDoubleLE(MASK_BYTES) + 0.001, MASK_BYTES);
  return bytes.toString('base64');
}

/** Rows of a pulse, or of another list of numbers, with one of the numbers changed everywhere. */
const withAll = (list: string, at: number, by: (figure: number) => number) => (message: Json) => ({
  ...message,
  [list]: (message[list] as number[][]).map((row) => row.with(at, by(row[at] as number))),
});
const hasAny = (list: string) => (message: Json) => (message[list] as unknown[]).length > 0;
const oneMore = (figure: number): number => figure + 1;

/** Each is tried by itself. */
export const TAMPERINGS: readonly Tampering[] = [
  { what: 'an event count of a user', subject: /^state\.\d\.user/, change: raised('events') },
  {
    what: 'the statechart of a user',
    subject: /^state\.\d\.user/,
    change: (user) => ({ ...user, chart: 'limited.idle.lapsed.churned' }),
    names: /chart session/,
  },
  {
    what: 'the evidence about a user',
    subject: /^state\.\d\.user/,
    fits: (user) => user.numbers !== undefined,
    change: (user) => ({ ...user, numbers: withOneMore(String(user.numbers)) }),
    names: /state evidence \[\d+\]/,
  },
  {
    what: 'how many events count of a user',
    subject: /^state\.\d\.user/,
    fits: (user) => user.counted !== undefined,
    change: (user) => ({ ...user, counted: [9_999, ...(user.counted as number[]).slice(1)] }),
    names: /state counted$/,
  },
  {
    what: 'the looks of a user',
    subject: /^state\.\d\.user/,
    fits: (user) => user.looks !== undefined,
    change: ({ looks: _, ...user }) => user,
    names: /state looks$/,
  },
  {
    what: 'the memory of duplicates',
    subject: /^state\.\d\.user/,
    change: (user) => ({ ...user, ids: `${'0'.repeat(12)}${String(user.ids).slice(12)}` }),
    names: /recentIds/,
  },
  { what: 'a user who is not stored', subject: /^state\.\d\.user/ },
  {
    what: 'a user whom nobody has seen',
    subject: /^state\.\d\.user/,
    change: (user) => user,
    copyTo: (subject) => subject.replace(/[^.]+$/, 'phantom'),
  },
  { what: 'a user that cannot be read', subject: /^state\.\d\.user/, change: () => 'nonsense' },
  { what: 'a traffic count', subject: /cell\.traffic$/, change: raised('accepted') },
  {
    what: 'a count of a path',
    subject: /^(journal|channels\.paths)\./,
    change: (stored) => ({
      ...stored,
      [Array.isArray(stored.paths) ? 'paths' : 'rows']: [],
    }),
    names: /^paths \d{8}/,
    isSum: true,
  },
  {
    what: 'a path that nobody took',
    subject: /^journal\./,
    change: (entry) => ({ ...entry, channels: ['rumour'], paths: [[0, [0], 1, 0, 5]] }),
    copyTo: (subject) => subject.replace(/^journal\.(\d+)\.\d+/, 'journal.$1.999999'),
    names: /rumour/,
    isSum: true,
  },
  {
    what: 'what a conversion is worth',
    subject: /^ledger\./,
    change: raised('value_micros'),
    names: /value_micros/,
  },
  { what: 'a conversion that is not in the ledger', subject: /^ledger\./ },
  {
    what: 'what a channel cost',
    subject: /cell\.channels\.\d/,
    change: (cell) => ({ ...cell, channels: {} }),
  },
  { what: 'the version of a campaign', subject: /cell\.campaign\./, change: raised('version') },
  { what: 'what a campaign spent', subject: /cell\.delivery\./, change: raised('spent_micros') },
  {
    what: 'more spent than granted',
    subject: /cell\.delivery\./,
    fits: (cell) => cell.grant !== null,
    change: (cell) => ({ ...cell, window_micros: 1e10 }),
    names: /window_micros$/,
  },
  {
    what: 'more spent than a budget allows',
    subject: /cell\.delivery\./,
    change: (cell) => ({ ...cell, spent_micros: 1e10 }),
    names: /^campaign \w+ spent of budget_micros$/,
    isSum: true,
  },
  {
    what: 'how often a campaign was kept back',
    subject: /cell\.suppressed$/,
    change: (cell) => ({ ...cell, campaigns: {} }),
    names: /campaigns/,
  },
  {
    what: 'who took part in a trial',
    subject: /cell\.trial\./,
    change: (cell) => ({ ...cell, treated: raised('users')(cell.treated as Json) }),
    names: /treated users$/,
  },
  { what: 'the clock of a partition', subject: /cell\.traffic$/, change: raised('log_ms') },
  { what: 'the version of a model', subject: /cell\.model$/, change: raised('version') },
  { what: 'a model that is not stored', subject: /cell\.model$/ },
  { what: 'a version of grants', subject: /cell\.reference$/, change: raised('grants_version') },
  { what: 'a cell that is not stored', subject: /cell\.traffic$/ },
  {
    what: 'a cell of no known kind',
    subject: /cell\.traffic$/,
    change: (cell) => cell,
    copyTo: (subject) => subject.replace('traffic', 'rumours'),
  },
  {
    what: 'a price',
    subject: /^receipts\./,
    fits: ({ wins }) => (wins as Json[]).length > 0,
    change: (receipt) => ({
      ...receipt,
      wins: (receipt.wins as Json[]).map(raised('price_micros')),
    }),
    names: /price_micros$/,
  },
  {
    what: 'the winner on a receipt',
    subject: /^receipts\./,
    change: (receipt) => ({ ...receipt, candidates: [] }),
    names: /candidates/,
  },
  {
    what: 'the signals on a receipt',
    subject: /^receipts\./,
    change: (receipt) => ({
      ...receipt,
      signals: { ...(receipt.signals as Json), urgency: 0.123 },
    }),
    names: /signals urgency/,
  },
  {
    what: 'the model on a receipt',
    subject: /^receipts\./,
    change: (receipt) => ({ ...receipt, versions: { ...(receipt.versions as Json), model: 99 } }),
    names: /versions model$/,
  },
  { what: 'a receipt that is not stored', subject: /^receipts\./ },
  {
    what: 'a receipt for what was never decided',
    subject: /^receipts\./,
    change: (receipt) => receipt,
    copyTo: (subject) => subject.replace(/[^.]+$/, `d_${'0'.repeat(16)}`),
  },
  {
    what: 'a decision sent out',
    subject: /^out\.decisions\./,
    change: (decision) => ({ ...decision, event_id: 'another' }),
  },
  { what: 'a decision not sent out', subject: /^out\.decisions\./ },
  { what: 'a dead letter that is not stored', subject: /^deadletter\./ },
  { what: 'a dead letter about nothing', subject: /^deadletter\./, change: raised('sequence') },
  {
    what: 'a dead letter for an event that was taken',
    subject: /^deadletter\./,
    change: (letter) => letter,
    copyTo: (subject) => subject.replace(/[^.]+$/, '999999'),
  },
  {
    what: 'since when a user is where the user is in the funnel',
    subject: /^state\.\d\.user/,
    fits: (user) => user.funnel !== undefined,
    change: raised('funnel'),
    names: /funnelSinceMs$/,
  },
  {
    what: 'that this is not known',
    subject: /^state\.\d\.user/,
    fits: (user) => user.funnel !== undefined,
    change: ({ funnel: _, ...user }) => user,
    names: /since when/,
  },
  { what: 'a pulse that is not stored', subject: /^pulse\./, names: PULSES, isSum: true },
  {
    what: 'a pulse that counts twice',
    subject: /^pulse\./,
    change: (pulse) => pulse,
    copyTo: (subject) => subject.replace(/[^.]+$/, '999999'),
    names: PULSES,
    isSum: true,
  },
  {
    what: 'the second of events',
    subject: /^pulse\./,
    change: withAll('rows', 0, oneMore),
    names: PULSES,
    isSum: true,
  },
  {
    what: 'how many events are missing',
    subject: /^pulse\./,
    change: withAll('rows', 4, oneMore),
    names: /^pulses .* \[1\]$/,
    isSum: true,
  },
  {
    what: 'what campaigns spent at a second',
    subject: /^pulse\./,
    fits: hasAny('spend'),
    change: withAll('spend', 2, (micros) => 2 * micros + 1),
    names: /^pulses of partition \d spend/,
    isSum: true,
  },
  {
    what: 'how long users took',
    subject: /^pulse\./,
    fits: hasAny('moves'),
    change: withAll('moves', 3, oneMore),
    names: /^pulses of partition \d move/,
    isSum: true,
  },
  { what: 'a checkpoint', subject: /^state\.\d\.checkpoint$/, change: raised('sequence') },
];

/** How one may tamper with live figures that are folded. */
export const LIVE_TAMPERINGS: readonly Tampering[] = [
  {
    what: 'a total of a source and region',
    subject: /^live\.groups\.0$/,
    change: withTotals('groups', (figures) => figures.with(5, (figures[5] as number) + 1)),
    names: /^live group \[.*\] \[5\]$/,
    isSum: true,
  },
  {
    what: 'a source by another name',
    subject: /^live\.groups\.0$/,
    change: ({ groups, ...part }) => ({
      ...part,
      groups: (groups as Json[]).map((group) => ({ ...group, source: 'rumour' })),
    }),
    names: /rumour/,
    isSum: true,
  },
  {
    what: 'what campaigns spent, twice',
    subject: /^live\.groups\.0$/,
    fits: hasAny('campaigns'),
    change: withTotals('campaigns', ([micros = 0, ...more]) => [2 * micros, ...more]),
    names: /^live campaign \[.*\] \[0\]$/,
    isSum: true,
  },
  {
    what: 'a part that is not stored',
    subject: /^live\.groups\.0$/,
    names: /^live group/,
    isSum: true,
  },
  {
    what: 'how many users moved',
    subject: /^live\.moves\./,
    change: withWays((way) => raised('count')(way)),
    names: /^live moves .* count$/,
    isSum: true,
  },
  {
    what: 'how long they took',
    subject: /^live\.moves\./,
    change: withWays(({ sketch, ...way }) => {
      const { zeros, bins } = sketch as { zeros: number; bins: number[][] };
      const moved = bins.map(([distance, count], i) => [
        (distance as number) + (i === 0 ? 5 : 0),
        count,
      ]);
      return { ...way, sketch: { zeros, bins: moved } };
    }),
    names: /^live moves .* time \d+ of \d+$/,
    isSum: true,
  },
  {
    what: 'how many moves there were in all',
    subject: /^live\.head$/,
    change: ({ moves, ...head }) => ({ ...head, moves: { ...(moves as Json), total: [] } }),
    names: /^live moves of all days/,
    isSum: true,
  },
  {
    what: 'how far pulses are folded',
    subject: /^live\.head$/,
    change: (head) => ({ ...head, positions: {} }),
    names: PULSES,
    isSum: true,
  },
  { what: 'a head that is not stored', subject: /^live\.head$/, names: PULSES, isSum: true },
  { what: 'a pulse that is not folded', subject: /^pulse\./, names: PULSES, isSum: true },
];

/** Totals of groups or campaigns, changed. */
function withTotals(list: string, by: (figures: number[]) => number[]) {
  return (part: Json): Json => ({
    ...part,
    [list]: (part[list] as Json[]).map((each) => ({ ...each, total: by(each.total as number[]) })),
  });
}

/** Ways from one state of the funnel to another, changed. */
function withWays(by: (way: Json) => Json) {
  return ({ moves, ...day }: Json): Json => ({
    ...day,
    moves: Object.fromEntries(
      Object.entries(moves as Record<string, Json>).map(([way, each]) => [way, by(each)]),
    ),
  });
}

/** All subjects of the store. */
export async function storedSubjects(nc: NatsConnection): Promise<string[]> {
  const jsm = await jetstreamManager(nc);
  const { state } = await jsm.streams.info(ACTORS_STREAM, { subjects_filter: '>' });
  return Object.keys(state.subjects ?? {}).sort();
}

/** Tampers with the store and undoes it. @returns what is wrong if an audit does not name it. */
export async function unnamed(nc: NatsConnection, by: Tampering): Promise<string | undefined> {
  const jsm = await jetstreamManager(nc);
  const read = async (subject: string) => {
    const stored = await jsm.streams.getMessage(ACTORS_STREAM, { last_by_subj: subject });
    if (stored === null) throw new Error(`${subject} is gone`);
    return stored;
  };
  const { what, subject: pattern, fits, change, copyTo, names = /^/, isSum = false } = by;
  const like = (await storedSubjects(nc)).filter((each) => pattern.test(each));
  let source = like.shift();
  while (source && fits?.((await read(source)).json<Json>()) === false) source = like.shift();
  if (source === undefined) return `no message is stored as ${pattern}`;
  const stored = await read(source);
  const target = copyTo?.(source) ?? source;
  if (change === undefined) await jsm.streams.purge(ACTORS_STREAM, { filter: target });
  else await nc.request(target, JSON.stringify(change(stored.json<Json>())));
  const { differences } = await auditEngine(nc);
  const where = differences.map((difference) => difference.where);
  if (copyTo === undefined) await nc.request(source, stored.data);
  else await jsm.streams.purge(ACTORS_STREAM, { filter: target });
  const isNamed = where.some((each) => (isSum || each.startsWith(target)) && names.test(each));
  if (isNamed) return undefined;
  return `${what}: ${target} in ${where.slice(0, 10).join('; ')}, of ${where.length}`;
}
