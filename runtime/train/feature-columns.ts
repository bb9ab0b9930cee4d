/**
 * Rows of features as models are fitted to them: checked, and cut into bins column by column.
 */

/** The bin of a missing value; values have bins from 1. */
export const MISSING = 0;

/** A feature of all rows, cut into bins. */
export interface BinnedColumn {
  /** By row. */
  readonly bins: Uint8Array;
  /** The last value of each bin but the last: bin b holds (edges[b - 2], edges[b - 1]]. */
  readonly edges: readonly number[];
}

/**
 * Cuts a column into bins.
 *
 * @param binsMax 2 to 255
 *
 * Cost: O(rows log rows).
 */
export function binnedColumn(
  rows: readonly Float64Array[],
  feature: number,
  binsMax: number,
): BinnedColumn {
  const values = Float64Array.from(rows, (row) => row[feature] as number);
  const edges = binEdges(values.filter((value) => !Number.isNaN(value)).sort(), binsMax);
  const bins = Uint8Array.from(values, (value) => {
    if (Number.isNaN(value)) return MISSING;
    let [low, high] = [0, edges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((edges[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  });
  return { bins, edges };
}

/** A bin for each value where they fit, else bins of equal count; a frequent value has its own. */
function binEdges(sorted: Float64Array, binsMax: number): number[] {
  const values = sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
  if (values.length <= binsMax) return Array.from(values.subarray(1), (_, i) => edgeAt(i));
  const edges: number[] = [];
  let rowsLeft = sorted.length;
  let inBin = 0;
  let first = 0;
  let count = countFrom(first, 0);
  for (let i = 0; i + 1 < values.length && edges.length + 1 < binsMax; i++) {
    inBin += count;
    first += count;
    count = countFrom(first, i + 1);
    const binsLeft = binsMax - edges.length;
    if (Math.max(inBin, count) * binsLeft < rowsLeft) continue;
    edges.push(edgeAt(i));
    rowsLeft -= inBin;
    inBin = 0;
  }
  return edges;

  function countFrom(start: number, i: number): number {
    let end = start;
    while (end < sorted.length && sorted[end] === values[i]) end++;
    return end - start;
  }

  /** Half-way to the next value; the value itself where there is no number in between. */
  function edgeAt(i: number): number {
    const [value, next] = [values[i] as number, values[i + 1] as number];
    const middle = value + (next - value) / 2;
    return middle > value && middle < next ? middle : value;
  }
}

/**
 * Checks rows and labels to fit a model to.
 *
 * @throws RangeError where there are none, lengths differ or a label is neither 0 nor 1
 */
export function checkRows(rows: readonly ArrayLike<number>[], labels: ArrayLike<number>): void {
  if (rows.length === 0 || labels.length !== rows.length) {
    throw new RangeError(
      `expected rows and a label for each, found ${rows.length} and ${labels.length}`,
    );
  }
  const columns = rows[0]?.length as number;
  for (const [i, row] of rows.entries()) {
    if (row.length !== columns) {
      throw new RangeError(`expected ${columns} columns in row ${i}, found ${row.length}`);
    }
    if (labels[i] !== 0 && labels[i] !== 1) {
      throw new RangeError(`expected a label of 0 or 1 in row ${i}, found ${labels[i]}`);
    }
  }
}
