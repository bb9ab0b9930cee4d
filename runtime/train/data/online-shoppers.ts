/**
 * Reads the totals of 12,330 shop sessions, each with the answer whether it ended in a purchase
 * (UCI Online Shoppers Purchasing Intention).
 *
 * These are totals without times, so there are no events to make: the table is for comparing
 * models with published figures, not for the feature code.
 */
import { dataSetFile, readTable } from './user-log.ts';

const DATA_SET = 'online-shoppers';
const NUMBERS = [
  ...(['Administrative', 'Administrative_Duration', 'Informational'] as const),
  ...(['Informational_Duration', 'ProductRelated', 'ProductRelated_Duration'] as const),
  ...(['BounceRates', 'ExitRates', 'PageValues', 'SpecialDay'] as const),
];
/** Codes are names too: browser 2 is not twice browser 1. */
const CATEGORIES = [
  ...(['Month', 'OperatingSystems', 'Browser', 'Region', 'TrafficType', 'VisitorType'] as const),
];
const FLAG = /^(TRUE|FALSE)$/;

/** A table of sessions. */
export interface LabelledTable {
  readonly columns: string[];
  /** One session each, `columns.length` long. */
  readonly rows: Float64Array[];
  /** 1 where the session ended in a purchase. */
  readonly labels: Uint8Array;
}

/**
 * Reads the whole set: 10 numbers, 63 columns such as `Month=Feb` of which each category sets one
 * to 1, all levels kept, and `Weekend`.
 *
 * @param folder the folder that holds the data sets.
 * @returns rows in the file's order.
 * @throws FileProblem if the file is not there or a row does not fit.
 */
export function readOnlineShoppers(folder: string): LabelledTable {
  const sessions: { numbers: number[]; levels: string[]; weekend: number }[] = [];
  const labels: number[] = [];
  const file = dataSetFile(folder, DATA_SET, 'online_shoppers_intention.csv');
  const columns = [...NUMBERS, ...CATEGORIES, 'Weekend', 'Revenue'] as const;
  readTable(file, ',', columns, (row) => {
    const isSet = (column: 'Weekend' | 'Revenue') =>
      row.matching(column, FLAG, 'TRUE or FALSE') === 'TRUE' ? 1 : 0;
    sessions.push({
      numbers: NUMBERS.map((column) => row.number(column)),
      levels: CATEGORIES.map((column) => `${column}=${row.matching(column, /./, 'a name')}`),
      weekend: isSet('Weekend'),
    });
    labels.push(isSet('Revenue'));
  });
  const oneHot = CATEGORIES.flatMap((_, i) =>
    [...new Set(sessions.map(({ levels }) => levels[i] as string))].sort(byLengthThenText),
  );
  const places = new Map(oneHot.map((level, i) => [level, NUMBERS.length + i]));
  const width = NUMBERS.length + oneHot.length + 1;
  const rows = sessions.map(({ numbers, levels, weekend }) => {
    const row = new Float64Array(width);
    row.set(numbers);
    for (const level of levels) row[places.get(level) as number] = 1;
    row[width - 1] = weekend;
    return row;
  });
  return { columns: [...NUMBERS, ...oneHot, 'Weekend'], rows, labels: Uint8Array.from(labels) };
}

/** Puts codes in the order of numbers. */
function byLengthThenText(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}
