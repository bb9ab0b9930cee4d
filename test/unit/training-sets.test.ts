/**
 * The public data sets as the engine's own events: what each row becomes, and that the figures
 * which the README of every set states come out exactly.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { type Event, eventSchema } from '../../protocols/event.ts';
import { readCdnow } from '../../runtime/train/data/cdnow.ts';
import { readDiginetica } from '../../runtime/train/data/diginetica.ts';
import { readOnlineRetail } from '../../runtime/train/data/online-retail.ts';
import { readOnlineShoppers } from '../../runtime/train/data/online-shoppers.ts';
import { readRees46 } from '../../runtime/train/data/rees46.ts';
import { readRetailRocket } from '../../runtime/train/data/retailrocket.ts';
import type { UserLog } from '../../runtime/train/data/user-log.ts';
import { readYoochoose } from '../../runtime/train/data/yoochoose.ts';
import { readCsv, sharedFile } from '../public-sets.ts';

/** A file of each set; the folder that holds the sets is two above. */
const FILES = {
  rees46: sharedFile('rees46-oct2019/2019-Oct-head.csv.gz'),
  diginetica: sharedFile('diginetica-sample/sample_train-item-views.csv'),
  retailRocket: sharedFile('retailrocket-sample/sample_events.csv'),
  cdnow: sharedFile('cdnow/CDNOW_master.txt'),
  onlineRetail: sharedFile('online-retail/online-retail.csv.gz'),
  yoochoose: sharedFile('yoochoose-100k/yoochoose-clicks-100k_test.txt'),
  shoppers: sharedFile('online-shoppers/online_shoppers_intention.csv'),
};
const DAY_MS = 86_400_000;

const temporary = mkdtempSync(join(tmpdir(), 'training-data-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** A test that needs a file of a set. */
const testWith = (file: string | undefined) => test.skipIf(file === undefined);

/** The folder that holds the sets. */
function folderOf(file: string | undefined): string {
  return dirname(dirname(file as string));
}

/** A set that is read when it is first asked for, and kept. */
function kept<T>(file: string | undefined, read: (folder: string) => T): () => T {
  let found: T | undefined;
  return () => {
    found ??= read(folderOf(file));
    return found;
  };
}

const rees46 = kept(FILES.rees46, readRees46);
const diginetica = kept(FILES.diginetica, readDiginetica);
const retailRocket = kept(FILES.retailRocket, readRetailRocket);
const cdnow = kept(FILES.cdnow, readCdnow);
const onlineRetail = kept(FILES.onlineRetail, readOnlineRetail);
const yoochoose = kept(FILES.yoochoose, readYoochoose);

/** A folder of data sets with the given files, gzipped where the name says so. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(temporary, 'sets-'));
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, name.endsWith('.gz') ? gzipSync(content) : content);
  }
  return folder;
}

function eventsOf(logs: readonly UserLog[]): Event[] {
  return logs.flatMap(({ events }) => events);
}

function namesOf(events: readonly Event[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const event of events) {
    const name = event.type === 'behavior' ? (event.name ?? '') : event.type;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function conversionsOf(log: UserLog) {
  return log.events.filter((event) => event.type === 'conversion');
}

function buyersOf(logs: readonly UserLog[]): UserLog[] {
  return logs.filter((log) => conversionsOf(log).length > 0);
}

function sessionCount(events: readonly Event[]): number {
  return new Set(events.map(({ session_id }) => session_id)).size;
}

/** An event without what its log gave it. */
function bare({ event_id: _, session_index: __, ...rest }: Event) {
  return rest;
}

testWith(FILES.rees46)(
  'REES46 has the views, carts, purchases, users and sessions of its README',
  () => {
    // The last line breaks off within the user's id; the reader leaves it out, whereas the README
    // counts it as a view of a user and a session of its own.
    const CUT = 1;
    const logs = rees46();
    const events = eventsOf(logs);
    const counts = namesOf(events);
    expect(counts).toEqual({ view_item: 17_056 - CUT, add_to_cart: 165, conversion: 214 });
    expect(logs).toHaveLength(4_505 - CUT);
    expect(sessionCount(events)).toBe(5_067 - CUT);
    expect(sessionCount(events.filter(({ type }) => type === 'conversion'))).toBe(200);
    expect(buyersOf(logs)).toHaveLength(193);
  },
);

describe.skipIf(FILES.diginetica === undefined)('Diginetica', () => {
  test('sessions with views and those with a purchase are those of the README', () => {
    const logs = diginetica();
    const events = eventsOf(logs);
    expect(sessionCount(events)).toBe(2_986);
    expect(sessionCount(events.filter(({ type }) => type === 'conversion'))).toBe(138);
    // 256 purchase rows of 156 orders.
    expect(namesOf(events)).toEqual({ view_item: 12_391, conversion: 156 });
    // Two sessions name two users each; their second ones have no log.
    const known = logs.filter(({ user }) => !user.startsWith('session-'));
    expect([logs.length, known.length]).toEqual([2_986, 1_270 - 2]);
  });

  test('768 of the 788 views of sessions with a purchase come before it', () => {
    const buyers = buyersOf(diginetica());
    const before = buyers.map(({ events }) =>
      events.findIndex(({ type }) => type === 'conversion'),
    );
    expect(namesOf(eventsOf(buyers)).view_item).toBe(788);
    expect(before.reduce((sum, count) => sum + count, 0)).toBe(768);
  });
});

testWith(FILES.retailRocket)(
  'RetailRocket has the events of its README, 46 transactions as 40 orders',
  () => {
    const logs = retailRocket();
    const counts = namesOf(eventsOf(logs));
    expect(counts).toEqual({ view_item: 9_076, add_to_cart: 263, conversion: 40 });
    const single = logs.filter(({ events }) => events.length === 1);
    expect([logs.length, single.length, buyersOf(logs).length]).toEqual([5_000, 3_495, 39]);
  },
);

describe.skipIf(FILES.cdnow === undefined)('CDNOW', () => {
  const CALIBRATION_END = Date.parse('1997-10-01T00:00:00Z');
  const HOLDOUT_END = Date.parse('1998-07-01T00:00:00Z');
  const repeats = ({ events }: UserLog) =>
    events.filter(({ timestamp }) => timestamp < CALIBRATION_END).length - 1;
  const isActive = ({ events }: UserLog) =>
    events.some(({ timestamp }) => timestamp >= CALIBRATION_END && timestamp < HOLDOUT_END);

  test('69,659 rows of 23,570 customers are purchase days with the same dollars', () => {
    const { master } = cdnow();
    const days = master.flatMap(conversionsOf);
    expect([master.length, days.length]).toEqual([23_570, 69_659 - 2_068]);
    const dollars = days.reduce((sum, { value }) => sum + value, 0);
    expect(dollars).toBeCloseTo(2_500_315.63, 2);
    expect(days.every(({ timestamp }) => timestamp % DAY_MS === DAY_MS / 2)).toBe(true);
    expect(master.filter(isActive)).toHaveLength(7_058);
  });

  test('the sample has the repeat purchases and the active customers of the papers', () => {
    const { master, sampleUsers } = cdnow();
    const byUser = new Map(master.map((log) => [log.user, log]));
    const sample = sampleUsers.map((user) => byUser.get(user) as UserLog);
    const x = sample.map(repeats);
    expect(sample).toHaveLength(2_357);
    expect(x.reduce((sum, count) => sum + count, 0)).toBe(2_457);
    expect(x.filter((count) => count === 0)).toHaveLength(1_411);
    expect(sample.filter(isActive)).toHaveLength(684);
    const published = sharedFile('cdnow/cdnow_customers_summary_with_transactions.csv') as string;
    // The published summary numbers the customers in another order.
    const inOrder = (counts: number[]) => counts.toSorted((a, b) => a - b);
    expect(inOrder(x)).toEqual(inOrder(readCsv(published).map((row) => Number(row.x))));
  });
});

testWith(FILES.onlineRetail)(
  'Online Retail has the orders and the loyal customers of its README',
  () => {
    const logs = onlineRetail();
    expect(namesOf(eventsOf(logs))).toEqual({ conversion: 18_532, refund: 3_654 });
    const buyers = buyersOf(logs);
    expect([logs.length, buyers.length]).toEqual([4_338 + 33, 4_338]);
    // The day itself belongs to what is seen by it.
    const seenMs = Date.parse('2011-09-10T00:00:00Z');
    const times = buyers.map((log) => conversionsOf(log).map(({ timestamp }) => timestamp));
    const seen = times.filter(([first = seenMs]) => first < seenMs);
    expect(seen).toHaveLength(3_370);
    expect(seen.filter((each) => each.some((ms) => ms >= seenMs))).toHaveLength(1_921);
  },
);

testWith(FILES.yoochoose)('YooChoose has the clicks and sessions of its README', () => {
  const { train, test: later } = yoochoose();
  expect(namesOf(eventsOf(train))).toEqual({ view_item: 70_278 });
  expect(namesOf(eventsOf(later))).toEqual({ view_item: 13_568 });
  expect([train.length, later.length]).toEqual([17_794, 3_416]);
  const longest = (logs: UserLog[]) => Math.max(...logs.map(({ events }) => events.length));
  expect([longest(train), longest(later)]).toEqual([58, 78]);
});

testWith(FILES.shoppers)('Online Shoppers has the sessions and purchases of its README', () => {
  const { columns, rows, labels } = readOnlineShoppers(folderOf(FILES.shoppers));
  expect([rows.length, labels.length, columns.length]).toEqual([12_330, 12_330, 74]);
  const sum = (name: string) => {
    const column = columns.indexOf(name);
    return rows.reduce((total, row) => total + (row[column] as number), 0);
  };
  expect(labels.reduce((total, label) => total + label, 0)).toBe(1_908);
  expect([sum('Weekend'), sum('Month=Nov'), sum('VisitorType=Other')]).toEqual([2868, 2998, 85]);
  const levels = columns.flatMap((name, i) => (name.includes('=') ? [i] : []));
  const setLevels = rows.map((row) => levels.reduce((n, i) => n + (row[i] as number), 0));
  expect(new Set(setLevels)).toEqual(new Set([6]));
  expect(columns.slice(20, 22)).toEqual(['OperatingSystems=1', 'OperatingSystems=2']);
});

const PARTS: [string, string | undefined, () => UserLog[][], (folder: string) => unknown][] = [
  ['REES46', FILES.rees46, () => [rees46()], readRees46],
  ['Diginetica', FILES.diginetica, () => [diginetica()], readDiginetica],
  ['RetailRocket', FILES.retailRocket, () => [retailRocket()], readRetailRocket],
  ['CDNOW', FILES.cdnow, () => [cdnow().master], (folder) => readCdnow(folder).master],
  ['Online Retail', FILES.onlineRetail, () => [onlineRetail()], readOnlineRetail],
  ['YooChoose', FILES.yoochoose, () => Object.values(yoochoose()), readYoochoose],
];

describe.each(PARTS)('the logs of %s', (_, file, parts, readAgain) => {
  testWith(file)('are valid and in order, users, events and orders unique', () => {
    for (const logs of parts()) {
      const events = eventsOf(logs);
      expect(events.filter((event) => !eventSchema.safeParse(event).success)).toEqual([]);
      expect(logs.filter(({ events }) => !isInOrder(events))).toEqual([]);
      expect(logs.filter((log, i) => !comesAfter(log, logs[i - 1]))).toEqual([]);
      const orders = events.flatMap((each) => ('order_id' in each ? [each.order_id] : []));
      for (const ids of [orders, logs.map(({ user }) => user), events.map((e) => e.event_id)]) {
        expect(new Set(ids).size).toBe(ids.length);
      }
    }
  });

  testWith(file)('are the same when read again', () => {
    const again = readAgain(folderOf(file));
    const first = parts().length === 1 ? parts()[0] : yoochoose();
    // As text, because comparing that many objects one by one takes seconds.
    expect(JSON.stringify(again) === JSON.stringify(first)).toBe(true);
  });
});

function isInOrder(events: readonly Event[]): boolean {
  if (events.length === 0) return false;
  return events.every(
    ({ timestamp, session_index }, i) =>
      session_index === i && timestamp >= (events[i - 1]?.timestamp ?? 0),
  );
}

function comesAfter(log: UserLog, earlier: UserLog | undefined): boolean {
  const laterMs = (log.events[0]?.timestamp ?? 0) - (earlier?.events[0]?.timestamp ?? 0);
  return laterMs > 0 || (laterMs === 0 && log.user > (earlier?.user ?? ''));
}

describe('what a row becomes', () => {
  const REES46 = 'rees46-oct2019/2019-Oct-head.csv.gz';
  const REES46_HEADER =
    'event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session';
  const SESSION = '72d76fde-8bb3-4e00-8c23-a032dfed738c';
  const rees46With = (...rows: string[]) =>
    folderWith({ [REES46]: [REES46_HEADER, ...rows].join('\n') });

  test('views have topics and a price only where the shop knows them', () => {
    const folder = rees46With(
      `2019-10-01 00:00:02 UTC,purchase,2,9,,,12.50,7,${SESSION}`,
      `2019-10-01 00:00:00 UTC,view,1,9,a.b.c,brand,33.20,7,${SESSION}`,
      `2019-10-01 00:00:01 UTC,cart,2,9,,,0.00,7,${SESSION}`,
    );
    const [log] = readRees46(folder);
    const at = (second: number) => ({
      timestamp: Date.UTC(2019, 9, 1, 0, 0, second),
      user_mode: 'authenticated',
      session_id: SESSION,
    });
    const viewed = { topics: ['a.b.c', 'a'], vectors: { price: 33.2 } };
    expect(log?.events.map(bare)).toEqual([
      { ...at(0), type: 'behavior', name: 'view_item', item: '1', ...viewed },
      { ...at(1), type: 'behavior', name: 'add_to_cart', item: '2' },
      { ...at(2), type: 'conversion', value: 12.5, currency: 'USD', order_id: 'line-2' },
    ]);
  });

  test('the lines of an invoice are one order, those of a cancellation one refund', () => {
    const folder = folderWith({
      'online-retail/online-retail.csv.gz': [
        'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
        '1,a,"HEART, ""RED""",6,2010-12-01 08:27:00,2.55,17850.0,United Kingdom',
        '1,b,LANTERN,1,2010-12-01 08:26:00,0.10,17850.0,United Kingdom',
        '1,c,FREE,1,2010-12-01 08:26:00,0.0,17850.0,United Kingdom',
        '2,c,NOBODY,1,2010-12-01 08:26:00,1.0,,United Kingdom',
        'C3,a,HEART,-2,2010-12-02 10:00:00,2.55,17850.0,United Kingdom',
        'C3,b,LANTERN,-1,2010-12-02 10:00:00,0.10,17850.0,United Kingdom',
      ].join('\r\n'),
    });
    const logs = readOnlineRetail(folder);
    expect(logs.map(({ user }) => user)).toEqual(['17850']);
    const at = (...[day, hour, minute]: [number, number, number]) => ({
      timestamp: Date.UTC(2010, 11, day, hour, minute),
      user_mode: 'authenticated',
    });
    expect(logs[0]?.events.map(bare)).toEqual([
      { ...at(1, 8, 26), type: 'conversion', value: 15.4, currency: 'GBP', order_id: '1' },
      { ...at(2, 10, 0), type: 'refund', value: 5.2, order_id: 'C3' },
    ]);
  });

  const VIEWS = 'session_id;user_id;item_id;timeframe;eventdate';
  const PURCHASES = 'sessionId;userId;timeframe;eventdate;ordernumber;itemId';
  const digineticaOf = (views: string[], purchases: string[]) =>
    readDiginetica(
      folderWith({
        'diginetica-sample/sample_train-item-views.csv': [VIEWS, ...views].join('\n'),
        'diginetica-sample/train-purchases.csv': [PURCHASES, ...purchases].join('\n'),
      }),
    );

  test('a purchase weeks later is as late as it was, and does not say who the visitor is', () => {
    const later = 20 * DAY_MS;
    const [log] = digineticaOf(
      ['5;NA;10;900;2016-05-08', '5;NA;11;500;2016-05-07'],
      [`5;7;${later};2016-05-27;1;10`, `5;7;${later};2016-05-27;1;11`, '6;8;1;2016-05-27;2;11'],
    );
    const start = Date.parse('2016-05-07');
    expect(log?.user).toBe('session-5');
    expect(log?.events.map(({ type, timestamp }) => [type, timestamp])).toEqual([
      ['behavior', start + 500],
      ['behavior', start + 900],
      ['conversion', start + later],
    ]);
  });

  test('somebody who signs in during a session is one user, anonymous before', () => {
    const views = ['5;9;12;700;2016-05-07', '5;NA;10;100;2016-05-07', '5;8;11;500;2016-05-07'];
    const [log] = digineticaOf(views, []);
    const modes = log?.events.map(({ user_mode }) => user_mode);
    expect([log?.user, modes]).toEqual(['8', ['anonymous', 'authenticated', 'authenticated']]);
  });

  test('a known user with two sessions is refused, not mixed up', () => {
    const views = ['5;8;12;700;2016-05-07', '6;8;10;100;2016-05-07'];
    expect(() => digineticaOf(views, [])).toThrow('user 8: expected one session (D3), found 5');
  });

  const MASTER = 'cdnow/CDNOW_master.txt';
  const MASTER_HEADER = ' customer_id  date number_of_cds  dollar_value\r\n';

  test('purchases of one day are one', () => {
    const folder = folderWith({
      [MASTER]: `${MASTER_HEADER} 00002 19970112  1   12.00\r\n 00002 19970112  5   77.10\r\n`,
      'cdnow/CDNOW_sample.txt': ' 00002 0001 19970112  1   12.00\r\n',
    });
    const { master, sampleUsers } = readCdnow(folder);
    expect(sampleUsers).toEqual(['00002']);
    const moment = { timestamp: Date.UTC(1997, 0, 12, 12), user_mode: 'authenticated' };
    const order = { value: 89.1, currency: 'USD', order_id: '00002-19970112' };
    expect(master[0]?.events.map(bare)).toEqual([{ type: 'conversion', ...moment, ...order }]);
  });

  test('a row that does not fit is named with its file and line', () => {
    const good = `2019-10-01 00:00:00 UTC,view,1,9,,,1.0,7,${SESSION}`;
    const rejected = (row: string) => () => readRees46(rees46With(good, row));
    expect(rejected('2019-10-01')).toThrow(/head\.csv\.gz:3: expected 9 cells, found 1/);
    expect(rejected(good.replace('view', 'look'))).toThrow(/gz:3: expected view, .*"look"/);
    expect(rejected(good.replace(' UTC', ''))).toThrow(/gz:3: expected a time .* as event_time/);
    expect(rejected(good.replace('1.0', 'free'))).toThrow(/gz:3: expected a decimal .*"free"/);
    const read = (content: string) => () => readRees46(folderWith({ [REES46]: content }));
    expect(read('a,b\n')).toThrow(/gz:1: expected the column event_time, found a, b/);
    expect(read('')).toThrow(/gz:1: expected the columns/);
    const files = { [MASTER]: `${MASTER_HEADER} 00002 19971312  1   12.00\n` };
    expect(() => readCdnow(folderWith(files))).toThrow(/master\.txt:2: expected a day of/);
  });

  test.each([
    ['rees46-oct2019', '2019-Oct-head.csv.gz', readRees46],
    ['diginetica-sample', 'sample_train-item-views.csv', readDiginetica],
    ['retailrocket-sample', 'sample_events.csv', readRetailRocket],
    ['cdnow', 'CDNOW_master.txt', readCdnow],
    ['online-retail', 'online-retail.csv.gz', readOnlineRetail],
    ['yoochoose-100k', 'yoochoose-clicks-100k_train_full.txt.gz', readYoochoose],
    ['online-shoppers', 'online_shoppers_intention.csv', readOnlineShoppers],
  ])('a missing folder %s says which file was expected', (dataSet, file, read) => {
    const message = `expected the data set ${dataSet} with the file ${file}, found no`;
    expect(() => read(temporary)).toThrow(message);
  });
});
