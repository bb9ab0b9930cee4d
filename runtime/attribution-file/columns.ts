/**
 * What kind of file a header announces, and in which cell each of its columns stands.
 *
 *   paths       path, total_conversions [, total_conversion_value, total_null]
 *   pathCounts  path, conversion, path_count: nulls are what is left of path_count
 *   events      cookie, time, conversion, channel [, interaction, conversion_value]
 *
 * Columns come in any order and in capitals or not; others are ignored.
 */
import { FileProblem } from './csv-file.ts';
import { type CsvRecord, cellText, MAX_COLUMNS } from './csv-records.ts';

const KINDS = {
  paths: {
    required: ['path', 'total_conversions'],
    optional: ['total_conversion_value', 'total_null'],
  },
  pathCounts: { required: ['path', 'conversion', 'path_count'], optional: [] },
  events: {
    required: ['cookie', 'time', 'conversion', 'channel'],
    optional: ['interaction', 'conversion_value'],
  },
} as const;

export type FileKind = keyof typeof KINDS;

/** The columns of a file. */
export interface Columns {
  readonly kind: FileKind;
  /** Cells that each row has to have. */
  readonly count: number;
  /** The cell of a column; undefined for an optional one that is not there. */
  cell(name: string): number | undefined;
}

/**
 * Recognises a header.
 *
 * @throws FileProblem if it fits no kind, or fits with a column twice.
 */
export function recognise(header: CsvRecord, file: string): Columns {
  if (header.cellCount > MAX_COLUMNS) {
    throw new FileProblem(
      `${file}: expected at most ${MAX_COLUMNS} columns, found ${header.cellCount}`,
    );
  }
  const names = Array.from({ length: header.cellCount }, (_, cell) => cellText(header, cell));
  const columns = names.map((name) => name.trim().toLowerCase());
  const kinds = Object.keys(KINDS) as FileKind[];
  const kind = kinds.find((each) => KINDS[each].required.every((name) => columns.includes(name)));
  if (kind === undefined) {
    const expected = kinds.map(describe).join('\n  or ');
    throw new FileProblem(
      `${file}: expected a header with the columns\n     ${expected}\n  found ${names.join(', ')}`,
    );
  }
  const known: readonly string[] = [...KINDS[kind].required, ...KINDS[kind].optional];
  const twice = known.find((name) => columns.indexOf(name) !== columns.lastIndexOf(name));
  if (twice !== undefined) throw new FileProblem(`${file}: the column ${twice} stands twice`);
  const cells = new Map(columns.map((name, cell) => [name, cell]));
  return { kind, count: names.length, cell: (name) => cells.get(name) };
}

/** What a file without any row should have had. */
export function noHeader(file: string): FileProblem {
  const kinds = (Object.keys(KINDS) as FileKind[]).map(describe).join('\n  or ');
  return new FileProblem(
    `${file}: expected a header with the columns\n     ${kinds}\n  found an empty file`,
  );
}

function describe(kind: FileKind): string {
  const { required, optional } = KINDS[kind];
  const rest = optional.length === 0 ? '' : ` (and, if there, ${optional.join(', ')})`;
  return `${required.join(', ')}${rest}`;
}
