/**
 * Reads a file of any known kind into a path table: what `microtarget attribute <file>` attributes.
 */
import { ChannelIndex, PathTable } from '../../actors/channel/path-table.ts';
import type { RuleCredit } from '../../actors/channel/rule-models.ts';
import { type Columns, type FileKind, noHeader, recognise } from './columns.ts';
import { FileProblem, type OnRead, readRecords } from './csv-file.ts';
import type { CsvRecord } from './csv-records.ts';
import { type CutOptions, JourneyCutter, type Outside } from './cut-journeys.ts';
import { EventRowReader } from './event-rows.ts';
import { type PathFigures, pathRowReader } from './path-rows.ts';
import { Rejections } from './rejections.ts';
import { TouchStore } from './touch-store.ts';

export interface ReadOptions extends CutOptions {
  /** Between the channels of a path. */
  readonly separator: string;
  /** Between the columns: one ASCII character. */
  readonly delimiter: string;
  readonly onRead?: OnRead;
}

/** A file, read. */
export interface FileReading {
  readonly kind: FileKind;
  readonly table: PathTable;
  /** Rows under the header, rejected ones too; blank lines are none. */
  readonly rows: number;
  readonly rejections: Rejections;
  /** Of files with times only. */
  readonly events?: {
    readonly timeDecay: readonly RuleCredit[];
    readonly outside: Outside;
  };
}

/** Takes the rows of one kind of file. */
interface RowTaker {
  /** Takes a row, or says why it cannot be used. */
  take(record: CsvRecord): string | undefined;
}

/**
 * Reads a file into a path table.
 *
 * Cost: O(bytes); memory in distinct paths, of events in rows too (see touch-store.ts).
 * @throws FileProblem if it cannot be opened or its header is of no known kind.
 */
export async function readAttributionFile(
  file: string,
  options: ReadOptions,
): Promise<FileReading> {
  const channels = new ChannelIndex();
  const table = new PathTable(channels);
  const store = new TouchStore();
  const { columns, rows, rejections } = await readRows(file, options, (header) =>
    header.kind === 'events'
      ? new EventRowReader(header, channels, store)
      : pathRowTaker(header, table, options),
  );
  const reading = { kind: columns.kind, table, rows, rejections };
  if (columns.kind !== 'events') return reading;
  const cutter = new JourneyCutter(table, options);
  for (const journey of store.journeys()) cutter.cut(journey);
  return { ...reading, events: { timeDecay: cutter.timeDecay(), outside: cutter.outside } };
}

/** Rows of a path table one by one, for those who need them in their order. */
export interface PathTableReading {
  readonly columns: Columns;
  readonly paths: readonly PathFigures[];
  readonly rejections: Rejections;
}

/**
 * Reads the rows of a path table. O(bytes).
 *
 * @throws FileProblem as readAttributionFile, and for a file of events.
 */
export async function readPathRows(file: string, separator: string): Promise<PathTableReading> {
  const paths: PathFigures[] = [];
  const { columns, rejections } = await readRows(file, { delimiter: ',' }, (header) => {
    if (header.kind === 'events') {
      throw new FileProblem(`${file}: expected a path table, found a file of events`);
    }
    const read = pathRowReader(header, separator);
    return {
      take(record) {
        const row = read(record);
        if ('reason' in row) return row.reason;
        paths.push(row);
        return undefined;
      },
    };
  });
  return { columns, paths, rejections };
}

function pathRowTaker(
  columns: Columns,
  table: PathTable,
  { separator, nulls }: ReadOptions,
): RowTaker {
  const read = pathRowReader(columns, separator);
  return {
    take(record) {
      const row = read(record);
      if ('reason' in row) return row.reason;
      // Not even its channels are known from a path that nobody took.
      if (row.conversions + row.nulls === 0) return undefined;
      const path = table.encode(row.channels);
      table.add(path, row.conversions, nulls ? row.nulls : 0, row.value);
      return undefined;
    },
  };
}

async function readRows(
  file: string,
  { delimiter, onRead }: Pick<ReadOptions, 'delimiter' | 'onRead'>,
  takerOf: (columns: Columns) => RowTaker,
): Promise<{ readonly columns: Columns; readonly rows: number; readonly rejections: Rejections }> {
  const rejections = new Rejections();
  let columns: Columns | undefined;
  let taker: RowTaker | undefined;
  let rows = 0;
  const sink = {
    record(record: CsvRecord): void {
      if (taker === undefined) {
        columns = recognise(record, file);
        taker = takerOf(columns);
        return;
      }
      rows++;
      const reason = taker.take(record);
      if (reason !== undefined) rejections.add(record.line, reason);
    },
    malformed(line: number, reason: string): void {
      if (taker === undefined) throw new FileProblem(`${file}: in the header, ${reason}`);
      rows++;
      rejections.add(line, reason);
    },
  };
  await readRecords(file, delimiter, sink, onRead);
  if (columns === undefined) throw noHeader(file);
  return { columns, rows, rejections };
}
