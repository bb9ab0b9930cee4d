/**
 * Reads the invoice lines of a UK gift shop, December 2010 to December 2011 (UCI Online Retail).
 *
 * The lines of an invoice with quantity and price above 0 are one conversion at its earliest time;
 * those of a cancellation (`C536379`) are one refund, which names itself as the order, because the
 * data does not say which order it takes back. Lines without a customer, and free ones, are left
 * out. Times are the shop's own and taken as UTC. Somebody who only cancels, having bought before
 * the data begins, has a log of refunds.
 */
import {
  conversion,
  dataSetFile,
  LogCollector,
  type Moment,
  OrderBook,
  type Row,
  readTable,
  refund,
  type UserLog,
} from './user-log.ts';

const DATA_SET = 'online-retail';
const COLUMNS = ['InvoiceNo', 'Quantity', 'InvoiceDate', 'UnitPrice', 'CustomerID'] as const;

/**
 * Reads the whole set: 18,532 orders of 4,338 customers and 3,654 refunds; 33 others only cancel.
 *
 * @param folder the folder that holds the data sets.
 * @returns logs by the customer's first time, then by customer.
 * @throws FileProblem if the file is not there or a row does not fit.
 */
export function readOnlineRetail(folder: string): UserLog[] {
  const orders = new OrderBook();
  const refunds = new OrderBook();
  readTable(dataSetFile(folder, DATA_SET, 'online-retail.csv.gz'), ',', COLUMNS, (row) =>
    takeRow(row, orders, refunds),
  );
  const logs = new LogCollector(DATA_SET);
  for (const order of orders.orders()) logs.add(order.user, conversion(order, 'GBP'));
  for (const order of refunds.orders()) logs.add(order.user, refund(order));
  return logs.logs();
}

function takeRow(row: Row<(typeof COLUMNS)[number]>, orders: OrderBook, refunds: OrderBook): void {
  if (row.text('CustomerID') === '') return;
  const user = row.matching('CustomerID', /^\d+\.0$/, 'a customer such as 17850.0').slice(0, -2);
  const invoice = row.matching('InvoiceNo', /^C?\d+$/, 'digits, with or without a C before');
  const quantity = row.integer('Quantity');
  const price = row.number('UnitPrice');
  const moment: Moment = { timestamp: row.timeMs('InvoiceDate'), user_mode: 'authenticated' };
  if (invoice.startsWith('C')) {
    if (quantity >= 0) row.refuse('Quantity', 'a quantity below 0 in a cancellation');
    refunds.add(invoice, user, moment, -quantity * price);
  } else if (quantity > 0 && price > 0) {
    orders.add(invoice, user, moment, quantity * price);
  }
}
