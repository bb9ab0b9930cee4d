/**
 * Reads the points of a series from a CSV file with the columns `timestamp` and `value`.
 *
 * Invariants:
 *   P1 Every row under the header is given to the sink once, in the file's order, as a point or
 *      with the reason why it is none; a missing value is never a zero.
 */
import { FileProblem, readRecords } from '../attribution-file/csv-file.ts';
import { type CsvRecord, cellText, MAX_COLUMNS } from '../attribution-file/csv-records.ts';
import { parseTimeMs } from '../attribution-file/event-time.ts';
import { found } from '../attribution-file/rejections.ts';

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
/** Squares of greater values would not be finite. */
const MAX_MAGNITUDE = 1e100;

/** A row of the file. */
export interface FilePoint {
  readonly timestamp: string;
  readonly timeMs: number;
  readonly value: number;
}

/** Where rows go. */
export interface PointSink {
  point(point: FilePoint): void;
  /** @param timestamp as it stands in the file; empty where there is none. */
  rejected(line: number, reason: string, timestamp: string): void;
}

/** In which cells the columns stand. */
interface PointColumns {
  readonly count: number;
  readonly timestamp: number;
  readonly value: number;
}

/**
 * Reads a file (P1). O(bytes).
 *
 * @throws FileProblem if it cannot be opened or its header lacks a column.
 */
export async function readPoints(file: string, sink: PointSink): Promise<void> {
  let columns: PointColumns | undefined;
  await readRecords(file, ',', {
    record(record: CsvRecord): void {
      if (columns === undefined) {
        columns = recogniseColumns(record, file);
        return;
      }
      takeRow(record, columns, sink);
    },
    malformed(line: number, reason: string): void {
      if (columns === undefined) throw new FileProblem(`${file}: in the header, ${reason}`);
      sink.rejected(line, reason, '');
    },
  });
  if (columns === undefined) {
    throw new FileProblem(`${file}: expected the columns timestamp, value; found an empty file`);
  }
}

function recogniseColumns(header: CsvRecord, file: string): PointColumns {
  const count = Math.min(header.cellCount, MAX_COLUMNS);
  const names = Array.from({ length: count }, (_, cell) => cellText(header, cell).toLowerCase());
  const [timestamp, value] = ['timestamp', 'value'].map((name) => names.indexOf(name));
  if (timestamp === undefined || value === undefined || timestamp < 0 || value < 0) {
    throw new FileProblem(
      `${file}: expected a header with the columns timestamp, value; found ${names.join(', ')}`,
    );
  }
  return { count: header.cellCount, timestamp, value };
}

function takeRow(record: CsvRecord, columns: PointColumns, sink: PointSink): void {
  const { line, cellCount } = record;
  if (cellCount !== columns.count) {
    sink.rejected(line, `expected ${columns.count} cells, found ${cellCount}`, '');
    return;
  }
  const timestamp = cellText(record, columns.timestamp);
  const [start, end] = [record.starts[columns.timestamp], record.ends[columns.timestamp]];
  const timeMs = parseTimeMs(record.bytes, start as number, end as number);
  if (Number.isNaN(timeMs)) {
    const reason = `timestamp: expected ISO 8601 or Unix seconds or milliseconds, found `;
    sink.rejected(line, reason + found(timestamp), timestamp);
    return;
  }
  const text = cellText(record, columns.value);
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(value) <= MAX_MAGNITUDE)) {
    sink.rejected(line, `value: expected a number, found ${found(text)}`, timestamp);
    return;
  }
  sink.point({ timestamp, timeMs, value });
}
