/**
 * Ways to tamper with what an engine has stored, each of which an audit has to name.
 */

/** A stored message. */
export type Json = Record<string, unknown>;

/** One way to tamper with the store, and what the audit has to say. */
interface Tampering {
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

/** Bytes of packed numbers that say which of them are there. */
const MASK_BYTES = 6;

/** Packed doubles with 0.001 added to the first. */
function withOneMore(packed: string): string {
  const bytes = Buffer.from(packed, 'base64');
  bytes.writeDoubleLE(bytes.readDoubleLE(MASK_BYTES) + 0.001, MASK_BYTES);
  return bytes.toString('base64');
}

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
  { what: 'a checkpoint', subject: /^state\.\d\.checkpoint$/, change: raised('sequence') },
];
