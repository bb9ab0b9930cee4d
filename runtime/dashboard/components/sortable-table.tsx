/**
 * A table of figures: sortable by keyboard, its head stays, and on phones it scrolls inside its
 * panel instead of widening the page.
 */
import { type ReactNode, useState } from 'react';

export interface Column<Row> {
  readonly key: string;
  readonly header: string;
  cell(row: Row): ReactNode;
  /** What rows are sorted by; without it the column does not sort. Null sorts last. */
  sortBy?(row: Row): number | string | null;
  /** Figures stand at the right. */
  readonly align?: 'left' | 'right';
}

interface DataTableProps<Row> {
  /** Says what the table holds, to those who do not see it. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  rowKey(row: Row): string;
  /** Without it, rows stay in their own order until somebody sorts. */
  readonly sortedBy?: { readonly key: string; readonly direction: 'ascending' | 'descending' };
  /** Height beyond which the table scrolls, in px. */
  readonly maxHeight?: number;
}

type Direction = 'ascending' | 'descending';

/** A table; sorting is stable, so equal rows keep the order in which they came. */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, rows, rowKey, maxHeight } = props;
  const [sorted, setSorted] = useState(props.sortedBy);
  const shown = sortedRows(
    rows,
    columns.find((each) => each.key === sorted?.key),
    sorted,
  );
  const turn = (key: string) => {
    const isSame = sorted?.key === key && sorted.direction === 'descending';
    setSorted({ key, direction: isSame ? 'ascending' : 'descending' });
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-scroll" aria-label={label} tabIndex={0} style={{ maxHeight }}>
      <table>
        <caption className="visually-hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => {
              const direction = sorted?.key === column.key ? sorted.direction : undefined;
              return (
                <th
                  key={column.key}
                  scope="col"
                  className={alignment(column)}
                  aria-sort={column.sortBy === undefined ? undefined : (direction ?? 'none')}
                >
                  {column.sortBy === undefined ? (
                    column.header
                  ) : (
                    <button type="button" className="sort" onClick={() => turn(column.key)}>
                      {column.header}
                      <span aria-hidden="true" className="sort-mark">
                        {direction === undefined ? '' : direction === 'ascending' ? '↑' : '↓'}
                      </span>
                    </button>
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column) => (
                <td key={column.key} className={alignment(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function alignment<Row>(column: Column<Row>): string | undefined {
  return column.align === 'right' ? 'right' : undefined;
}

function sortedRows<Row>(
  rows: readonly Row[],
  column: Column<Row> | undefined,
  sorted: { readonly direction: Direction } | undefined,
): readonly Row[] {
  const sortBy = column?.sortBy;
  if (sortBy === undefined || sorted === undefined) return rows;
  const sign = sorted.direction === 'ascending' ? 1 : -1;
  return rows
    .map((row) => ({ row, value: sortBy(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null)
        return Number(a.value === null) - Number(b.value === null);
      if (typeof a.value === 'string' || typeof b.value === 'string') {
        return sign * String(a.value).localeCompare(String(b.value));
      }
      return sign * (a.value - b.value);
    })
    .map(({ row }) => row);
}
