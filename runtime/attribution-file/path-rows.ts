/**
 * Rows of a path table: a sequence of channels with how often it converted and ended in null.
 */
import type { Columns } from './columns.ts';
import { type CsvRecord, cellText } from './csv-records.ts';
import { type Figure, parseCount, parseValue } from './figures.ts';
import { found } from './rejections.ts';

/** A path with its figures, as a row states them. */
export interface PathFigures {
  readonly channels: readonly string[];
  readonly conversions: number;
  /** What its conversions are worth together, in the file's unit. */
  readonly value: number;
  readonly nulls: number;
}

/** Reads a row, or says why it cannot be used. O(bytes). */
export type PathRowReader = (record: CsvRecord) => PathFigures | { readonly reason: string };

/**
 * A reader of the rows under a header.
 *
 * @param separator what stands between the channels of a path; blanks around them are dropped.
 */
export function pathRowReader(columns: Columns, separator: string): PathRowReader {
  const figure = (record: CsvRecord, name: string, parse: typeof parseCount): Figure => {
    const cell = columns.cell(name);
    return cell === undefined ? 0 : parse(cellText(record, cell), name);
  };
  const isCounts = columns.kind === 'pathCounts';
  const pathCell = columns.cell('path') as number;
  return (record) => {
    if (record.cellCount !== columns.count) {
      return { reason: `expected ${columns.count} cells, found ${record.cellCount}` };
    }
    const path = cellText(record, pathCell);
    const channels = path.split(separator).map((channel) => channel.trim());
    if (channels.includes(''))
      return { reason: `path: a channel without a name in ${found(path)}` };
    const conversions = figure(record, isCounts ? 'conversion' : 'total_conversions', parseCount);
    if (typeof conversions === 'object') return conversions;
    const value = figure(record, 'total_conversion_value', parseValue);
    if (typeof value === 'object') return value;
    if (value > 0 && conversions === 0) return { reason: `a value of ${value} without conversion` };
    const rest = figure(record, isCounts ? 'path_count' : 'total_null', parseCount);
    if (typeof rest === 'object') return rest;
    if (isCounts && rest < conversions) {
      return { reason: `path_count: expected at least conversion ${conversions}, found ${rest}` };
    }
    return { channels, conversions, value, nulls: isCounts ? rest - conversions : rest };
  };
}
