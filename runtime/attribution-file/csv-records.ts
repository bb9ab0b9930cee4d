/**
 * Splits CSV bytes into records, as they come in chunks, without making strings of them.
 *
 * A cell is a range of bytes: most cells of a file of events (an id, a known channel, a time) never
 * need to be text. Rows end in LF or CRLF; blanks around a cell are not part of it; a quote at a
 * cell's beginning opens a quoted cell, which may hold delimiters, line ends and doubled quotes
 * (RFC 4180). A general parser makes strings of all cells and gives up at a quote that does not
 * fit; the tests hold this one against csv-parse.
 *
 * Owns the count of lines; the bytes are the caller's.
 *
 * Invariants:
 *   L1 Every row is given to the sink exactly once, whole or as malformed, with the 1-based number
 *      of the line that it begins in; blank lines are rows of nobody.
 *   L2 A row whose quotes do not fit costs its first line only: reading goes on at the next.
 *
 * Hot path: mutation and typed arrays; a record is valid only until the sink returns.
 */

/** Bytes of one row; a longer one is malformed. */
export const MAX_RECORD_BYTES = 1_048_576;
/** Cells of one row that are kept; more are counted only. */
export const MAX_COLUMNS = 256;

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const SPACE = 0x20;
const TAB = 0x09;

/** A row: cell `i` is bytes[starts[i] … ends[i] - 1], for i < min(cellCount, MAX_COLUMNS). */
export interface CsvRecord {
  bytes: Buffer;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  cellCount: number;
  /** 1-based number of the line where the row begins. */
  line: number;
}

/** Where rows go. */
export interface RecordSink {
  record(record: CsvRecord): void;
  malformed(line: number, reason: string): void;
}

/** A cell as text. */
export function cellText({ bytes, starts, ends }: CsvRecord, cell: number): string {
  return bytes.toString('utf8', starts[cell], ends[cell]);
}

/** What scanning a quoted record came to: where its line ends, or why it has no end. */
type QuotedScan = number | 'unfinished' | 'malformed';

export class CsvSplitter {
  readonly #delimiter: number;
  readonly #sink: RecordSink;
  readonly #record: CsvRecord = {
    bytes: Buffer.alloc(0),
    starts: new Int32Array(MAX_COLUMNS),
    ends: new Int32Array(MAX_COLUMNS),
    cellCount: 0,
    line: 1,
  };
  /** Of the quoted record that is being scanned: cells with doubled quotes, line ends in cells. */
  readonly #hasEscapes = new Uint8Array(MAX_COLUMNS);
  #lineEnds = 0;
  /** Inside a row that is too long already. */
  #isSkipping = false;

  /** @param delimiter one ASCII character, neither a quote nor a line end. */
  constructor(delimiter: string, sink: RecordSink) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#sink = sink;
  }

  /**
   * Takes the whole records of bytes[from … to - 1] and says up to where they went; what is left
   * has to come again, with more behind it. O(to - from).
   *
   * @param isLast nothing follows: the rest is a record too.
   */
  take(bytes: Buffer, from: number, to: number, isLast: boolean): number {
    const record = this.#record;
    record.bytes = bytes;
    let at = from;
    while (at < to) {
      if (this.#isSkipping) {
        const end = bytes.subarray(at, to).indexOf(LF);
        if (end < 0) return to;
        at += end + 1;
        record.line++;
        this.#isSkipping = false;
        continue;
      }
      const next = this.#takeOne(bytes, at, to, isLast);
      if (next === undefined) {
        if (to - at < MAX_RECORD_BYTES) return at;
        this.#sink.malformed(record.line, `a row of more than ${MAX_RECORD_BYTES} bytes`);
        this.#isSkipping = true;
        continue;
      }
      at = next;
    }
    return at;
  }

  /** Takes the record at `at`: where the next begins, or undefined if this one has no end yet. */
  #takeOne(bytes: Buffer, at: number, to: number, isLast: boolean): number | undefined {
    const { starts, ends } = this.#record;
    const delimiter = this.#delimiter;
    let cells = 0;
    let cellStart = at;
    let i = at;
    for (; i < to; i++) {
      const byte = bytes[i] as number;
      if (byte === delimiter) {
        if (cells < MAX_COLUMNS) {
          starts[cells] = cellStart;
          ends[cells] = i;
        }
        cells++;
        cellStart = i + 1;
      } else if (byte === LF) {
        break;
      } else if (byte === QUOTE && this.#isBlank(bytes, cellStart, i)) {
        return this.#takeQuoted(bytes, at, to, isLast);
      }
    }
    if (i === to && !isLast) return undefined;
    if (cells < MAX_COLUMNS) {
      starts[cells] = cellStart;
      ends[cells] = i > cellStart && bytes[i - 1] === CR ? i - 1 : i;
    }
    this.#trim(bytes, Math.min(cells + 1, MAX_COLUMNS));
    this.#give(cells + 1);
    this.#record.line++;
    return i + 1;
  }

  #takeQuoted(bytes: Buffer, at: number, to: number, isLast: boolean): number | undefined {
    const end = this.#scanQuoted(bytes, at, to, isLast);
    if (typeof end === 'number') {
      this.#unescape(bytes, Math.min(this.#record.cellCount, MAX_COLUMNS));
      this.#give(this.#record.cellCount);
      this.#record.line += this.#lineEnds + 1;
      return end + 1;
    }
    if (end === 'unfinished' && !isLast && to - at < MAX_RECORD_BYTES) return undefined;
    const isOpen = end === 'unfinished';
    this.#sink.malformed(
      this.#record.line,
      isOpen ? 'a quote that is not closed' : 'text behind a closing quote',
    );
    // The skipping counts the line, whose end may be chunks away.
    this.#isSkipping = true;
    return at;
  }

  /** Finds the cells and the end of a record with quotes; the line end is not part of it. */
  #scanQuoted(bytes: Buffer, at: number, to: number, isLast: boolean): QuotedScan {
    const { starts, ends } = this.#record;
    this.#lineEnds = 0;
    let cells = 0;
    let i = at;
    for (;;) {
      let start = this.#skipBlanks(bytes, i, to);
      let end: number;
      if (cells < MAX_COLUMNS) this.#hasEscapes[cells] = 0;
      if (start < to && bytes[start] === QUOTE) {
        start++;
        end = this.#closingQuote(bytes, start, to, cells);
        // At the last byte the quote may be the first half of a doubled one.
        if (end < 0 || (end + 1 >= to && !isLast)) return 'unfinished';
        i = this.#skipBlanks(bytes, end + 1, to);
        if (i < to && bytes[i] === CR) i++;
        if (i < to && bytes[i] !== this.#delimiter && bytes[i] !== LF) return 'malformed';
      } else {
        i = start;
        while (i < to && bytes[i] !== this.#delimiter && bytes[i] !== LF) i++;
        end = i;
        const isLineEnd = end === to || bytes[end] === LF;
        if (isLineEnd && end > start && bytes[end - 1] === CR) end--;
        while (end > start && this.#isBlankByte(bytes[end - 1])) end--;
      }
      if (cells < MAX_COLUMNS) {
        starts[cells] = start;
        ends[cells] = end;
      }
      cells++;
      if (i < to && bytes[i] === this.#delimiter) {
        i++;
        continue;
      }
      if (i >= to && !isLast) return 'unfinished';
      this.#record.cellCount = cells;
      return i;
    }
  }

  /** The index of the quote that closes a cell, or -1. Notes doubled quotes and line ends. */
  #closingQuote(bytes: Buffer, from: number, to: number, cell: number): number {
    let lineEnds = 0;
    for (let i = from; i < to; i++) {
      const byte = bytes[i];
      if (byte === LF) lineEnds++;
      if (byte !== QUOTE) continue;
      if (i + 1 < to && bytes[i + 1] === QUOTE) {
        if (cell < MAX_COLUMNS) this.#hasEscapes[cell] = 1;
        i++;
        continue;
      }
      this.#lineEnds += lineEnds;
      return i;
    }
    return -1;
  }

  #unescape(bytes: Buffer, cells: number): void {
    const { starts, ends } = this.#record;
    for (let cell = 0; cell < cells; cell++) {
      if (this.#hasEscapes[cell] === 0) continue;
      const end = ends[cell] as number;
      let at = starts[cell] as number;
      for (let i = at; i < end; i++) {
        if (bytes[i] === QUOTE) i++;
        bytes[at++] = bytes[i] as number;
      }
      ends[cell] = at;
    }
  }

  #give(cellCount: number): void {
    const record = this.#record;
    if (cellCount === 1 && record.starts[0] === record.ends[0]) return;
    record.cellCount = cellCount;
    this.#sink.record(record);
  }

  #trim(bytes: Buffer, cells: number): void {
    const { starts, ends } = this.#record;
    for (let cell = 0; cell < cells; cell++) {
      let start = starts[cell] as number;
      let end = ends[cell] as number;
      while (start < end && this.#isBlankByte(bytes[start])) start++;
      while (end > start && this.#isBlankByte(bytes[end - 1])) end--;
      starts[cell] = start;
      ends[cell] = end;
    }
  }

  #skipBlanks(bytes: Buffer, from: number, to: number): number {
    let i = from;
    while (i < to && this.#isBlankByte(bytes[i])) i++;
    return i;
  }

  #isBlank(bytes: Buffer, from: number, to: number): boolean {
    return this.#skipBlanks(bytes, from, to) === to;
  }

  #isBlankByte(byte: number | undefined): boolean {
    return byte === SPACE || (byte === TAB && !this.#isTab());
  }

  #isTab(): boolean {
    return this.#delimiter === TAB;
  }
}
