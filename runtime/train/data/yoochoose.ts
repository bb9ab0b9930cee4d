/**
 * Reads the clicks of a week of April 2014 (YooChoose, RecSys Challenge 2015, a slice of 100,000),
 * split in time into training and test.
 *
 * Every session is a user of its own, because the data has no other id; sessions have two clicks
 * at least. There are no purchases, prices or categories.
 */
import { dataSetFile, itemBehavior, LogCollector, readTable, type UserLog } from './user-log.ts';

const DATA_SET = 'yoochoose-100k';

export interface Yoochoose {
  /** 2014-04-01 to 2014-04-07: 17,794 sessions, by the time of the first click, then by session. */
  readonly train: UserLog[];
  /** The day after: 3,416 sessions, in the same order. */
  readonly test: UserLog[];
}

/**
 * Reads the whole set.
 *
 * @param folder the folder that holds the data sets.
 * @throws FileProblem if a file is not there or a row does not fit.
 */
export function readYoochoose(folder: string): Yoochoose {
  return {
    train: readClicks(folder, 'yoochoose-clicks-100k_train_full.txt.gz'),
    test: readClicks(folder, 'yoochoose-clicks-100k_test.txt'),
  };
}

function readClicks(folder: string, name: string): UserLog[] {
  const logs = new LogCollector(`${DATA_SET}/${name}`);
  const columns = ['SessionId', 'ItemId', 'Time'] as const;
  readTable(dataSetFile(folder, DATA_SET, name), '\t', columns, (row) => {
    const session = row.matching('SessionId', /^\d+$/, 'a session id');
    const item = row.matching('ItemId', /^\d+$/, 'an item id');
    const timestamp = row.timeMs('Time');
    const moment = { timestamp, user_mode: 'anonymous', session_id: session } as const;
    logs.add(session, itemBehavior(moment, 'view_item', item));
  });
  return logs.logs();
}
