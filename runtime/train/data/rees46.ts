/**
 * Reads the first hours of a general shop's October 2019 (REES46): views, carts and purchases.
 *
 * A purchase row is a conversion of its own; the data has no order ids, so its line makes one.
 * A category such as "electronics.smartphone" is two topics, itself and "electronics". The price
 * is 0 where it is not known; its currency is not stated. Users are the shop's lasting ids, so
 * they count as authenticated. One session id has rows of two users and stands in both logs.
 * The file's last line breaks off within the user's id, before the session, and is left out: its
 * user never existed. Counts of the whole file have one view, user and session more for it.
 */
import {
  conversion,
  dataSetFile,
  itemBehavior,
  LogCollector,
  type Moment,
  type Row,
  readTable,
  type UserLog,
} from './user-log.ts';

const DATA_SET = 'rees46-oct2019';
const COLUMNS = [
  ...(['event_time', 'event_type', 'product_id', 'category_code'] as const),
  ...(['price', 'user_id', 'user_session'] as const),
];
type Column = (typeof COLUMNS)[number];
/** The last line of the file, which is cut. */
const CUT_LINE = 17_436;

/**
 * Reads the whole set: 4,504 users with 17,434 events.
 *
 * @param folder the folder that holds the data sets.
 * @returns logs by the user's first time, then by user.
 * @throws FileProblem if the file is not there or a row does not fit.
 */
export function readRees46(folder: string): UserLog[] {
  const logs = new LogCollector(DATA_SET);
  const file = dataSetFile(folder, DATA_SET, '2019-Oct-head.csv.gz');
  readTable(file, ',', COLUMNS, (row) => takeRow(row, logs), CUT_LINE);
  return logs.logs();
}

function takeRow(row: Row<Column>, logs: LogCollector): void {
  const user = row.matching('user_id', /^\d+$/, 'a user id');
  const item = row.matching('product_id', /^\d+$/, 'a product id');
  const price = row.number('price');
  const moment: Moment = {
    timestamp: row.timeMs('event_time', ' UTC'),
    user_mode: 'authenticated',
    session_id: row.matching('user_session', /^[0-9a-f-]{36}$/, 'a UUID'),
  };
  const traits = { price, topics: topicsOf(row.text('category_code')) };
  switch (row.text('event_type')) {
    case 'view':
      logs.add(user, itemBehavior(moment, 'view_item', item, traits));
      return;
    case 'cart':
      logs.add(user, itemBehavior(moment, 'add_to_cart', item, traits));
      return;
    case 'purchase':
      logs.add(user, conversion({ id: `line-${row.line}`, user, moment, value: price }, 'USD'));
      return;
    default:
      row.refuse('event_type', 'view, cart or purchase');
  }
}

function topicsOf(category: string): readonly string[] {
  const [department = ''] = category.split('.', 1);
  if (category === '') return [];
  return department === category ? [category] : [category, department];
}
