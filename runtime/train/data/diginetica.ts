/**
 * Reads item views of a shop's first sessions of 2016 (Diginetica, CIKM Cup 2016), and their
 * purchases.
 *
 * Invariants:
 *   D1 A time is the midnight (UTC) of the day of the session's first view, plus the row's
 *      `timeframe`. That counts on from the session's start for weeks, across days, so a row's own
 *      date says nothing more: added to it, a purchase 20 days later would be 40 days later.
 *   D2 A session's user is the first one known among its views in time order, or the session
 *      itself. Users whom only a purchase names are not used: they would tell who buys. A view
 *      counts as authenticated if its own row names a user.
 *   D3 No known user has two sessions in these files; one who had would be refused, because
 *      sessions of one day, which lack the hour of their start, would run into each other.
 *
 * Purchases join by session; those without a view are left out. The files have no prices here, so
 * a conversion's value is 0.
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

const DATA_SET = 'diginetica-sample';
const UNKNOWN = 'NA';
const USER = /^(\d+|NA)$/;
const DIGITS = /^\d+$/;

interface View {
  readonly item: string;
  /** Since the session's start. */
  readonly sinceStartMs: number;
  readonly namedUser: string;
}

interface Session {
  readonly id: string;
  firstDayMs: number;
  readonly views: View[];
}

/**
 * Reads the whole set: 2,986 sessions with views, 138 of them with a purchase.
 *
 * @param folder the folder that holds the data sets.
 * @returns logs by the user's first time, then by user; unknown users are `session-<id>`.
 * @throws FileProblem if a file is not there or a row does not fit.
 */
export function readDiginetica(folder: string): UserLog[] {
  const sessions = readSessions(dataSetFile(folder, DATA_SET, 'sample_train-item-views.csv'));
  const users = usersOf(sessions);
  const logs = new LogCollector(DATA_SET);
  for (const session of sessions.values()) {
    const user = users.get(session.id) as string;
    for (const { item, sinceStartMs, namedUser } of session.views) {
      const moment = momentOf(session, sinceStartMs, namedUser);
      logs.add(user, itemBehavior(moment, 'view_item', item));
    }
  }
  const orders = new OrderBook();
  const purchases = dataSetFile(folder, DATA_SET, 'train-purchases.csv');
  const columns = ['sessionId', 'userId', 'timeframe', 'ordernumber'] as const;
  readTable(purchases, ';', columns, (row) => {
    const session = sessions.get(row.text('sessionId'));
    if (session === undefined) return;
    const namedUser = row.matching('userId', USER, 'a user id or NA');
    const moment = momentOf(session, row.integer('timeframe'), namedUser);
    const id = row.matching('ordernumber', DIGITS, 'an order number');
    orders.add(id, users.get(session.id) as string, moment, 0);
  });
  for (const order of orders.orders()) logs.add(order.user, conversion(order, 'USD'));
  return logs.logs();
}

function readSessions(file: string): ReadonlyMap<string, Session> {
  const sessions = new Map<string, Session>();
  const columns = ['session_id', 'user_id', 'item_id', 'timeframe', 'eventdate'] as const;
  readTable(file, ';', columns, (row) => {
    const id = row.matching('session_id', DIGITS, 'a session id');
    const dayMs = row.timeMs('eventdate');
    const session = sessions.get(id) ?? { id, firstDayMs: dayMs, views: [] };
    sessions.set(id, session);
    session.firstDayMs = Math.min(session.firstDayMs, dayMs);
    session.views.push({
      item: row.matching('item_id', DIGITS, 'an item id'),
      sinceStartMs: row.integer('timeframe'),
      namedUser: row.matching('user_id', USER, 'a user id or NA'),
    });
  });
  return sessions;
}

/** The user of each session (D2). @throws Error if a known user has two (D3). */
function usersOf(sessions: ReadonlyMap<string, Session>): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  const sessionOf = new Map<string, string>();
  for (const { id, views } of sessions.values()) {
    const inOrder = views.toSorted((a, b) => a.sinceStartMs - b.sinceStartMs);
    const user = inOrder.find(({ namedUser }) => namedUser !== UNKNOWN)?.namedUser;
    users.set(id, user ?? `session-${id}`);
    if (user === undefined) continue;
    const other = sessionOf.get(user);
    if (other !== undefined) {
      throw new Error(`user ${user}: expected one session (D3), found ${other} and ${id}`);
    }
    sessionOf.set(user, id);
  }
  return users;
}

function momentOf(session: Session, sinceStartMs: number, namedUser: string): Moment {
  return {
    timestamp: session.firstDayMs + sinceStartMs,
    user_mode: namedUser === UNKNOWN ? 'anonymous' : 'authenticated',
    session_id: session.id,
  };
}
