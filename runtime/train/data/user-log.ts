/**
 * Public data sets as the engine's own events, so that training runs the production feature code
 * on them: what the readers of this folder share.
 *
 * Owns how rows are read, how events are made of them, and the ids and the order of these.
 *
 * Invariants:
 *   U1 A log's events are in time order, those of one time in the order in which they were added;
 *      `session_index` is the place in that order.
 *   U2 Reading twice gives the same: nothing here knows the time, chance or the order of a hash.
 *   U3 The files are fixed: a row that is not as expected ends the reading with file and line.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Event } from '../../../protocols/event.ts';
import { type Micros, toMicros, toUnits } from '../../../protocols/money.ts';
import { FileProblem } from '../../attribution-file/csv-file.ts';
import { type CsvRecord, CsvSplitter, cellText } from '../../attribution-file/csv-records.ts';
import { parseTimeMs } from '../../attribution-file/event-time.ts';

/** One person's events of a data set, in time order. */
export interface UserLog {
  readonly user: string;
  readonly events: readonly Event[];
}

/** When something happened, in whose mode, and in which session where the data has sessions. */
export type Moment = Pick<Event, 'timestamp' | 'user_mode' | 'session_id'>;

type WithoutId<E extends Event> = E extends Event ? Omit<E, 'event_id' | 'session_index'> : never;
/** An event before its log gives it an id and a place. */
export type Draft = WithoutId<Event>;

/** What is known of an item beyond its id. */
export interface ItemTraits {
  /** Most special first; none where the data has no category. */
  readonly topics?: readonly string[];
  /** In units; 0 means that it is not known. */
  readonly price?: number;
}

/** A look at an item, or its way into the cart. */
export function itemBehavior(
  moment: Moment,
  name: 'view_item' | 'add_to_cart',
  item: string,
  { topics = [], price = 0 }: ItemTraits = {},
): Draft {
  return {
    type: 'behavior',
    ...moment,
    name,
    item,
    ...(topics.length > 0 && { topics: [...topics] }),
    ...(price > 0 && { vectors: { price } }),
  };
}

/** An order, or an amount given back, as the lines that name its id add up to. */
export interface Order {
  readonly id: string;
  readonly user: string;
  /** Of its earliest line. */
  readonly moment: Moment;
  readonly value: number;
}

/** A purchase. @param currency an ISO 4217 code. */
export function conversion({ id, moment, value }: Order, currency: string): Draft {
  return { type: 'conversion', ...moment, value, currency, order_id: id };
}

/** An amount given back. */
export function refund({ id, moment, value }: Order): Draft {
  return { type: 'refund', ...moment, value, order_id: id };
}

interface OpenOrder {
  readonly user: string;
  moment: Moment;
  micros: Micros;
}

/** Merges the lines of orders: one entry per id, with the sum of its lines at the earliest time. */
export class OrderBook {
  readonly #orders = new Map<string, OpenOrder>();

  /**
   * Adds a line.
   *
   * @param value in units, not negative.
   * @throws Error if the order is another user's.
   */
  add(id: string, user: string, moment: Moment, value: number): void {
    const micros = toMicros(value);
    const order = this.#orders.get(id);
    if (order === undefined) {
      this.#orders.set(id, { user, moment, micros });
      return;
    }
    if (order.user !== user) {
      throw new Error(`order ${id}: expected one user, found ${order.user} and ${user}`);
    }
    if (moment.timestamp < order.moment.timestamp) order.moment = moment;
    order.micros += micros;
  }

  /** The orders, in the order of their first lines. */
  *orders(): Generator<Order> {
    for (const [id, { user, moment, micros }] of this.#orders) {
      yield { id, user, moment, value: toUnits(micros) };
    }
  }
}

/** Collects the events of a data set and gives them back as logs. */
export class LogCollector {
  readonly #dataSet: string;
  readonly #drafts = new Map<string, Draft[]>();

  /** @param dataSet part of every event's id: the same user of two sets has different ids. */
  constructor(dataSet: string) {
    this.#dataSet = dataSet;
  }

  add(user: string, draft: Draft): void {
    const drafts = this.#drafts.get(user);
    if (drafts === undefined) this.#drafts.set(user, [draft]);
    else drafts.push(draft);
  }

  /** One log per user, by the time of its first event, then by user. O(n log n) in events. */
  logs(): UserLog[] {
    const logs = Array.from(this.#drafts, ([user, drafts]) => ({
      user,
      events: drafts
        .toSorted((a, b) => a.timestamp - b.timestamp)
        .map((draft, index) => this.#numbered(user, draft, index)),
    }));
    return logs.sort(byFirstTimeThenUser);
  }

  #numbered(user: string, draft: Draft, index: number): Event {
    const event_id = digestUuid(`${this.#dataSet}\n${user}\n${index}`);
    return { event_id, session_index: index, ...draft };
  }
}

function byFirstTimeThenUser(a: UserLog, b: UserLog): number {
  const apartMs = (a.events[0]?.timestamp ?? 0) - (b.events[0]?.timestamp ?? 0);
  if (apartMs !== 0) return apartMs;
  return a.user < b.user ? -1 : 1;
}

/** A version 8 UUID (RFC 9562) of a text's SHA-256. */
function digestUuid(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) % 4];
  const tail = `${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${tail}`;
}

/**
 * The path of a data set's file.
 *
 * @param folder the folder that holds the data sets, each in a folder of its own.
 * @throws FileProblem if it is not there.
 */
export function dataSetFile(folder: string, dataSet: string, name: string): string {
  const file = join(folder, dataSet, name);
  if (existsSync(file)) return file;
  throw new FileProblem(
    `${folder}: expected the data set ${dataSet} with the file ${name}, ` +
      `found no ${join(dataSet, name)}; name the folder that holds the data sets`,
  );
}

/** A row of a table, valid only until the function that takes it returns. */
export class Row<C extends string> {
  readonly #file: string;
  readonly #cells: ReadonlyMap<string, number>;
  #record: CsvRecord;

  /** @throws FileProblem if the header lacks a column. */
  constructor(file: string, header: CsvRecord, columns: readonly C[]) {
    const names = Array.from({ length: header.cellCount }, (_, cell) => cellText(header, cell));
    const absent = columns.find((column) => !names.includes(column));
    if (absent !== undefined) {
      throw rowProblem(file, header.line, `the column ${absent}`, names.join(', '));
    }
    this.#file = file;
    this.#cells = new Map(names.map((name, cell) => [name, cell]));
    this.#record = header;
  }

  get line(): number {
    return this.#record.line;
  }

  /** Cells of the header, and of every row. */
  get width(): number {
    return this.#cells.size;
  }

  /** Goes on to a row. @throws FileProblem if it has not the cells of the header. */
  moveTo(record: CsvRecord): void {
    this.#record = record;
    if (record.cellCount === this.width) return;
    throw rowProblem(this.#file, record.line, `${this.width} cells`, `${record.cellCount}`);
  }

  text(column: C): string {
    return cellText(this.#record, this.#cells.get(column) as number);
  }

  /** A cell that must fit. @param expected says in words what the pattern takes. */
  matching(column: C, pattern: RegExp, expected: string): string {
    const text = this.text(column);
    return pattern.test(text) ? text : this.refuse(column, expected);
  }

  /** A decimal number, small ones written such as 9.83E-05 too. */
  number(column: C): number {
    return Number(this.matching(column, /^-?\d+(\.\d+)?(E-\d+)?$/, 'a decimal number'));
  }

  integer(column: C): number {
    return Number(this.matching(column, /^-?\d{1,15}$/, 'an integer'));
  }

  /**
   * A time as Unix ms: ISO 8601, without a zone taken as UTC, or Unix time.
   *
   * @param suffix stands behind the time and is no part of it.
   */
  timeMs(column: C, suffix = ''): number {
    const cell = this.#cells.get(column) as number;
    const { bytes, starts, ends } = this.#record;
    const end = (ends[cell] as number) - suffix.length;
    const hasSuffix = suffix === '' || this.text(column).endsWith(suffix);
    const ms = hasSuffix ? parseTimeMs(bytes, starts[cell] as number, end) : Number.NaN;
    return ms >= 0 ? Math.round(ms) : this.refuse(column, `a time since 1970${suffix}`);
  }

  /** @throws FileProblem with the place and what the cell should have been. */
  refuse(column: C, expected: string): never {
    const found = JSON.stringify(this.text(column));
    throw rowProblem(this.#file, this.line, `${expected} as ${column}`, found);
  }
}

/**
 * Reads a CSV file, gzipped or not, and gives every row under the header to `take`. O(bytes).
 *
 * @param delimiter one ASCII character.
 * @param columns those that `take` asks for; the file may have others.
 * @param cutLine a line known to break off, which is left out if it lacks cells.
 * @throws FileProblem if it has no header with these columns, or a row does not fit.
 */
export function readTable<const C extends string>(
  file: string,
  delimiter: string,
  columns: readonly C[],
  take: (row: Row<C>) => void,
  cutLine?: number,
): void {
  const stored = readFileSync(file);
  const bytes = file.endsWith('.gz') ? gunzipSync(stored) : stored;
  let row: Row<C> | undefined;
  const splitter = new CsvSplitter(delimiter, {
    record(record) {
      if (row === undefined) {
        row = new Row(file, record, columns);
        return;
      }
      if (record.line === cutLine && record.cellCount < row.width) return;
      row.moveTo(record);
      take(row);
    },
    malformed(line, reason) {
      throw rowProblem(file, line, 'a CSV row', reason);
    },
  });
  splitter.take(bytes, 0, bytes.length, true);
  if (row === undefined) throw rowProblem(file, 1, `the columns ${columns.join(', ')}`, 'no row');
}

/** What is wrong with a row, with its place. */
export function rowProblem(
  file: string,
  line: number,
  expected: string,
  found: string,
): FileProblem {
  return new FileProblem(
    `${file}:${line}: expected ${expected}, found ${found}; restore the file, which is fixed`,
  );
}
