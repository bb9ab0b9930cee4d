/**
 * Reads the event log of 5,000 visitors of a shop in the summer of 2015 (RetailRocket).
 *
 * The transaction rows of one order, which come within a second, are one conversion at the time of
 * the first. The data has no prices, so its value is 0; it has no categories and no sessions.
 * Visitors are known by a cookie only, so they count as anonymous. Rows that repeat another stay.
 */
import {
  conversion,
  dataSetFile,
  itemBehavior,
  LogCollector,
  type Moment,
  OrderBook,
  readTable,
  type UserLog,
} from './user-log.ts';

const DATA_SET = 'retailrocket-sample';
const COLUMNS = ['timestamp', 'visitorid', 'event', 'itemid', 'transactionid'] as const;

/**
 * Reads the whole set: 9,076 views, 263 carts and 40 orders.
 *
 * @param folder the folder that holds the data sets.
 * @returns logs by the visitor's first time, then by visitor.
 * @throws FileProblem if the file is not there or a row does not fit.
 */
export function readRetailRocket(folder: string): UserLog[] {
  const logs = new LogCollector(DATA_SET);
  const orders = new OrderBook();
  readTable(dataSetFile(folder, DATA_SET, 'sample_events.csv'), ',', COLUMNS, (row) => {
    const user = row.matching('visitorid', /^\d+$/, 'a visitor id');
    const item = row.matching('itemid', /^\d+$/, 'an item id');
    const moment: Moment = { timestamp: row.timeMs('timestamp'), user_mode: 'anonymous' };
    switch (row.text('event')) {
      case 'view':
        logs.add(user, itemBehavior(moment, 'view_item', item));
        return;
      case 'addtocart':
        logs.add(user, itemBehavior(moment, 'add_to_cart', item));
        return;
      case 'transaction': {
        const id = row.matching('transactionid', /^\d+\.0$/, 'an order id such as 4369.0');
        orders.add(id.slice(0, -'.0'.length), user, moment, 0);
        return;
      }
      default:
        row.refuse('event', 'view, addtocart or transaction');
    }
  });
  for (const order of orders.orders()) logs.add(order.user, conversion(order, 'USD'));
  return logs.logs();
}
