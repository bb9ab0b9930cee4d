/**
 * The touches of an event-level file until they become paths.
 *
 * Rows come in any order, so that the last row may be the first touch of any cookie: no path can
 * end before the file does, and every touch is kept, in 14 bytes (22 where values are), and each
 * cookie in 4 bytes and its name. MAX_EVENT_ROWS take at most 1.1 GB.
 *
 * Owns the touches, in blocks of typed arrays that never have to be copied, chained per cookie from
 * the last row to the first.
 */
import { FileProblem } from './csv-file.ts';

/** Touches of one file. */
export const MAX_EVENT_ROWS = 50_000_000;

const BLOCK_BITS = 16;
const BLOCK_ROWS = 1 << BLOCK_BITS;
const BLOCK_MASK = BLOCK_ROWS - 1;
/** In a block's channels: the touch converted. The indices of a path table are below. */
const CONVERTED = 0x8000;
const NONE = -1;

interface Block {
  readonly timesMs: Float64Array;
  readonly channels: Uint16Array;
  /** The row of the same cookie before, or NONE. */
  readonly previous: Int32Array;
  /** Where conversions have a value at all. */
  values: Float64Array | undefined;
}

/** One cookie's touches by time, at equal times in the order of their rows. */
export interface Journey {
  /** Touches in it; the arrays may be longer. */
  count: number;
  readonly timesMs: Float64Array;
  readonly channels: Uint16Array;
  readonly isConversion: Uint8Array;
  readonly values: Float64Array;
}

export class TouchStore {
  readonly #blocks: Block[] = [];
  readonly #maxRows: number;
  /** The last row of each cookie. */
  #last = new Int32Array(1024).fill(NONE);
  #cookieCount = 0;
  #size = 0;

  constructor(maxRows = MAX_EVENT_ROWS) {
    this.#maxRows = maxRows;
  }

  /**
   * Keeps a touch. O(1) amortised.
   *
   * @param cookie 0, 1, 2 … as cookies first come.
   * @param channel index of the path table, below 0x8000.
   * @throws FileProblem beyond the greatest number of rows.
   */
  add(cookie: number, timeMs: number, channel: number, isConversion: boolean, value: number): void {
    const row = this.#size;
    if (row >= this.#maxRows) {
      throw new FileProblem(
        `expected at most ${this.#maxRows} rows of events; split the file by cookie`,
      );
    }
    const at = row & BLOCK_MASK;
    if (at === 0) this.#blocks.push(emptyBlock());
    const block = this.#blocks[row >>> BLOCK_BITS] as Block;
    if (cookie >= this.#last.length) {
      const last = new Int32Array(this.#last.length * 2).fill(NONE);
      last.set(this.#last);
      this.#last = last;
    }
    if (cookie >= this.#cookieCount) this.#cookieCount = cookie + 1;
    block.timesMs[at] = timeMs;
    block.channels[at] = isConversion ? channel | CONVERTED : channel;
    block.previous[at] = this.#last[cookie] as number;
    if (value !== 0) {
      block.values ??= new Float64Array(BLOCK_ROWS);
      block.values[at] = value;
    }
    this.#last[cookie] = row;
    this.#size++;
  }

  /**
   * The journeys of all cookies, in the order in which these first came. The same object each time:
   * it is valid until the next. O(n), O(n log n) for cookies whose rows are not in order of time.
   */
  *journeys(): Generator<Journey> {
    let rows = new Int32Array(1024);
    let journey = emptyJourney(rows.length);
    for (let cookie = 0; cookie < this.#cookieCount; cookie++) {
      let count = 0;
      for (let row = this.#last[cookie] as number; row !== NONE; row = this.#previousOf(row)) {
        if (count === rows.length) {
          const longer = new Int32Array(rows.length * 2);
          longer.set(rows);
          rows = longer;
        }
        rows[count++] = row;
      }
      if (count > journey.timesMs.length) journey = emptyJourney(rows.length);
      this.#fill(journey, rows.subarray(0, count).reverse());
      yield journey;
    }
  }

  #fill(journey: Journey, rows: Int32Array): void {
    if (!this.#isSorted(rows)) rows.sort((a, b) => this.#timeOf(a) - this.#timeOf(b) || a - b);
    journey.count = rows.length;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number;
      const block = this.#blocks[row >>> BLOCK_BITS] as Block;
      const at = row & BLOCK_MASK;
      const channel = block.channels[at] as number;
      journey.timesMs[i] = block.timesMs[at] as number;
      journey.channels[i] = channel & ~CONVERTED;
      journey.isConversion[i] = channel >>> 15;
      journey.values[i] = block.values === undefined ? 0 : (block.values[at] as number);
    }
  }

  #isSorted(rows: Int32Array): boolean {
    for (let i = 1; i < rows.length; i++) {
      if (this.#timeOf(rows[i] as number) < this.#timeOf(rows[i - 1] as number)) return false;
    }
    return true;
  }

  #timeOf(row: number): number {
    return (this.#blocks[row >>> BLOCK_BITS] as Block).timesMs[row & BLOCK_MASK] as number;
  }

  #previousOf(row: number): number {
    return (this.#blocks[row >>> BLOCK_BITS] as Block).previous[row & BLOCK_MASK] as number;
  }
}

function emptyBlock(): Block {
  return {
    timesMs: new Float64Array(BLOCK_ROWS),
    channels: new Uint16Array(BLOCK_ROWS),
    previous: new Int32Array(BLOCK_ROWS),
    values: undefined,
  };
}

function emptyJourney(length: number): Journey {
  return {
    count: 0,
    timesMs: new Float64Array(length),
    channels: new Uint16Array(length),
    isConversion: new Uint8Array(length),
    values: new Float64Array(length),
  };
}
