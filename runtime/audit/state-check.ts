/**
 * The end of the audit: users, aggregates and last decisions as the log makes them, against what
 * is stored; and what is stored though nothing in the log explains it.
 */
import {
  type CalibrationCell,
  type Cell,
  type CellKind,
  calibrationCellSchema,
  campaignCellSchema,
  channelsCellSchema,
  type DeliveryCell,
  deliveryCellSchema,
  driftCellSchema,
  modelCellSchema,
  referenceCellSchema,
  suppressedCellSchema,
  trafficCellSchema,
  trialCellSchema,
} from '../../protocols/cells.ts';
import { decisionSchema } from '../../protocols/decision.ts';
import type { Partition, UserToken } from '../../protocols/ids.ts';
import { withLooks } from '../../protocols/looks.ts';
import { cellSubject, decisionSubject, userSubject } from '../../protocols/subjects.ts';
import { decodeUser, userRecordSchema } from '../../protocols/user-record.ts';
import type { Differences } from './differences.ts';
import type { ExpectedPartition } from './expected-partition.ts';
import type { ExpectedUser } from './expected-user.ts';
import type { LiveCheck } from './live-check.ts';
import { Spending } from './spending.ts';
import { type Reader, readerOf, type StoredView } from './stored-view.ts';

const CELL_READERS: Readonly<Record<CellKind, Reader<Cell>>> = {
  channels: readerOf('cell', channelsCellSchema),
  traffic: readerOf('cell', trafficCellSchema),
  campaign: readerOf('cell', campaignCellSchema),
  delivery: readerOf('cell', deliveryCellSchema),
  suppressed: readerOf('cell', suppressedCellSchema),
  trial: readerOf('cell', trialCellSchema),
  reference: readerOf('cell', referenceCellSchema),
  model: readerOf('cell', modelCellSchema),
  calibration: readerOf('cell', calibrationCellSchema),
  drift: readerOf('cell', driftCellSchema),
};
const readDecision = readerOf('decision', decisionSchema);
const readUserRecord = readerOf('user', userRecordSchema);

/** Of the coordinator's: not calculated from the log. */
const OTHER_SUBJECTS = /^(coordinator|trail|alerts)\./;

/** Compares all that follows from the log with the store; what it leaves is unexplained. */
export class StateCheck {
  readonly #stored: StoredView;
  readonly #differences: Differences;
  readonly #spent = new Spending();
  readonly #live: LiveCheck;

  /** @param live told of users of whom an earlier release did not store all. */
  constructor(stored: StoredView, differences: Differences, live: LiveCheck) {
    this.#live = live;
    this.#stored = stored;
    this.#differences = differences;
  }

  /** A user's snapshot and the last decision sent out. */
  user(partition: number, user: ExpectedUser): void {
    const token = user.token as UserToken;
    const subject = userSubject(partition as Partition, token);
    if (!this.#stored.has(subject)) this.#differences.add(subject, 'a snapshot', undefined);
    const read = (json: unknown) => {
      const { state, ...found } = decodeUser(token, readUserRecord(json));
      return { ...found, state: withLooks(state) };
    };
    const found = this.#stored.take(subject, read);
    if (found !== undefined) {
      const expected = user.stored();
      const isUnknown = found.state.funnelSinceMs === -1;
      if (isUnknown) this.#live.unknownSince(subject);
      const { funnelSinceMs } = isUnknown ? found.state : expected.state;
      const state = { ...expected.state, funnelSinceMs };
      this.#differences.compare(subject, { ...expected, state }, found);
    }
    if (user.sentDecision === undefined) return;
    const feed = decisionSubject(token);
    if (!this.#stored.has(feed)) this.#differences.add(feed, user.sentDecision, undefined);
    const decision = this.#stored.take(feed, readDecision);
    if (decision === undefined) return;
    const { latency_ms: _, ...replayable } = decision;
    this.#differences.compare(feed, user.sentDecision, replayable);
  }

  /** A partition's aggregates, and that nothing was overspent in it (I5). */
  cells(partition: ExpectedPartition): void {
    const number = partition.partition as Partition;
    const expected = partition.cells();
    const stored = new Set(expected.keys());
    const prefix = cellSubject(number, '');
    for (const subject of this.#stored.subjects) {
      if (subject.startsWith(prefix)) stored.add(subject.slice(prefix.length));
    }
    for (const name of stored) {
      const subject = cellSubject(number, name);
      const isStored = this.#stored.has(subject);
      const kind = name.split('.', 1)[0] as CellKind;
      if (!Object.hasOwn(CELL_READERS, kind)) continue;
      const found = this.#stored.take(subject, CELL_READERS[kind]);
      if (found === undefined && isStored) continue;
      if (kind === 'calibration' && found !== undefined) {
        partition.forecasts.settleRounding(name, found as CalibrationCell);
      }
      const mine = expected.get(name);
      if (!isBlank(mine) || !isBlank(found)) this.#differences.compare(subject, mine, found);
      if (name.startsWith('delivery.') && found !== undefined) {
        this.#delivery(partition, name.slice('delivery.'.length), found as DeliveryCell);
      }
    }
  }

  /** No campaign spent more than it ever might, in all, on a day or in an hour (I5). */
  budgets(partitions: Iterable<ExpectedPartition>): void {
    const definitions = [...partitions].flatMap((partition) => partition.definitions);
    this.#spent.check(definitions, this.#differences);
  }

  /** Everything left that is not the coordinator's own. */
  unexplained(): void {
    for (const subject of this.#stored.subjects) {
      if (!OTHER_SUBJECTS.test(subject)) this.#differences.add(subject, undefined, 'a message');
    }
  }

  #delivery(partition: ExpectedPartition, campaign: string, cell: DeliveryCell): void {
    const where = cellSubject(partition.partition as Partition, `delivery.${campaign}`);
    this.#spent.add(campaign, cell);
    const { dueMicros, wins } = partition.delivery.receiptedOf(campaign);
    const due = cell.spent_micros + cell.unbilled_micros;
    this.#differences.compare(`${where} spent_micros by receipts`, dueMicros, due);
    this.#differences.compare(`${where} wins by receipts`, wins, cell.wins);
    const allowed = cell.grant?.allow_micros ?? 0;
    if (cell.window_micros <= allowed) return;
    this.#differences.add(`${where} window_micros`, `at most ${allowed}`, cell.window_micros);
  }
}

/** Zeros are nothing: a cell whose counts were all taken back may stay or never have been. */
function isBlank(cell: object | undefined): boolean {
  if (cell === undefined) return true;
  const { v: _, settings: __, ...counts } = cell as Record<string, unknown>;
  return isZero(counts);
}

function isZero(value: unknown): boolean {
  return typeof value === 'object' && value !== null
    ? Object.values(value).every(isZero)
    : value === 0 || value === null;
}
