/**
 * Reads the purchases, 1997 to June 1998, of those who first bought at the music shop CDNOW in the
 * first quarter of 1997.
 *
 * Times are days only: what a customer buys on a day is one conversion at 12:00 UTC. The files
 * separate cells by runs of blanks, which no CSV splitter takes, so lines are cut here.
 */
import { readFileSync } from 'node:fs';
import {
  conversion,
  dataSetFile,
  LogCollector,
  OrderBook,
  rowProblem,
  type UserLog,
} from './user-log.ts';

const DATA_SET = 'cdnow';
const NOON = 'T12:00:00Z';
const CUSTOMER = String.raw`(\d{5})`;
const PURCHASE = String.raw`(\d{4})(\d\d)(\d\d) +\d+ +(\d+\.\d\d)`;
const MASTER_HEADER = /^ *customer_id +date +number_of_cds +dollar_value *$/;
const MASTER_ROW = new RegExp(`^ *${CUSTOMER} +${PURCHASE} *$`);
const SAMPLE_ROW = new RegExp(String.raw`^ *${CUSTOMER} +\d{4} +${PURCHASE} *$`);

export interface Cdnow {
  /** All 23,570 customers, by the time of their first purchase, then by customer. */
  readonly master: UserLog[];
  /** The 2,357 customers of the 1/10 sample of the papers, as named in `master`, in order. */
  readonly sampleUsers: readonly string[];
}

/**
 * Reads the whole set: 69,659 rows as 67,591 purchase days.
 *
 * @param folder the folder that holds the data sets.
 * @throws FileProblem if a file is not there or a row does not fit.
 */
export function readCdnow(folder: string): Cdnow {
  const logs = new LogCollector(DATA_SET);
  const days = new OrderBook();
  const [header, ...rows] = linesOf(dataSetFile(folder, DATA_SET, 'CDNOW_master.txt'));
  if (header === undefined || !MASTER_HEADER.test(header.text)) {
    throw malformed(header, 'the header customer_id date number_of_cds dollar_value');
  }
  for (const row of rows) {
    const [customer = '', year, month, day, dollars] = cellsOf(row, MASTER_ROW);
    const timestamp = Date.parse(`${year}-${month}-${day}${NOON}`);
    if (Number.isNaN(timestamp)) throw malformed(row, 'a day of the calendar');
    const id = `${customer}-${year}${month}${day}`;
    days.add(id, customer, { timestamp, user_mode: 'authenticated' }, Number(dollars));
  }
  for (const order of days.orders()) logs.add(order.user, conversion(order, 'USD'));
  const sample = linesOf(dataSetFile(folder, DATA_SET, 'CDNOW_sample.txt'));
  const sampleUsers = new Set(sample.map((row) => cellsOf(row, SAMPLE_ROW)[0] as string));
  return { master: logs.logs(), sampleUsers: [...sampleUsers].sort() };
}

interface Line {
  readonly file: string;
  /** 1-based. */
  readonly number: number;
  readonly text: string;
}

function linesOf(file: string): Line[] {
  const texts = readFileSync(file, 'latin1').trimEnd().split(/\r?\n/);
  return texts.map((text, index) => ({ file, number: index + 1, text }));
}

function cellsOf(line: Line, shape: RegExp): string[] {
  const match = shape.exec(line.text);
  if (match === null) throw malformed(line, 'a customer, a date, a number of CDs and dollars');
  return match.slice(1);
}

function malformed(line: Line | undefined, expected: string): Error {
  const found = JSON.stringify(line?.text ?? '');
  return rowProblem(line?.file ?? DATA_SET, line?.number ?? 1, expected, found);
}
