/**
 * Rows of an event-level file: one touch each, of which some convert.
 *
 * Hot path, 0.6 to 1.2 million rows a second with all that follows (docs/attribute.md): cells are
 * compared as bytes, and only a time in an unusual form, a value other than 0 and a new channel
 * become strings.
 */
import type { ChannelIndex } from '../../actors/channel/path-table.ts';
import { ByteIndex } from './byte-index.ts';
import type { Columns } from './columns.ts';
import { FileProblem } from './csv-file.ts';
import { type CsvRecord, cellText } from './csv-records.ts';
import { parseTimeMs } from './event-time.ts';
import { parseValue } from './figures.ts';
import { found } from './rejections.ts';
import type { TouchStore } from './touch-store.ts';

/** Cookies of one file: bounds the memory for their names. */
export const MAX_COOKIES = 20_000_000;
/** Bytes of one cookie; MAX_COOKIES of them fit in one buffer. */
export const MAX_COOKIE_BYTES = 128;
/** Spellings of channels; of so many the column is hardly one of channels. */
export const MAX_CHANNEL_NAMES = 100_000;

const ZERO = 0x30;
const ONE = 0x31;
const INTERACTIONS = ['impression', 'click', 'conversion'].map((name) => Buffer.from(name));
const ZEROS = ['0.0', '0'].map((text) => Buffer.from(text));
const CONVERSION = INTERACTIONS.length - 1;

export class EventRowReader {
  readonly #cookies = new ByteIndex();
  readonly #spellings = new ByteIndex();
  /** The channel of each spelling; -1 for one without a name. */
  readonly #channelOf: number[] = [];
  readonly #channels: ChannelIndex;
  readonly #store: TouchStore;
  readonly #columnCount: number;
  readonly #cookieCell: number;
  readonly #timeCell: number;
  readonly #conversionCell: number;
  readonly #channelCell: number;
  readonly #interactionCell: number | undefined;
  readonly #valueCell: number | undefined;
  readonly #maxCookies: number;

  constructor(
    columns: Columns,
    channels: ChannelIndex,
    store: TouchStore,
    maxCookies = MAX_COOKIES,
  ) {
    this.#channels = channels;
    this.#store = store;
    this.#columnCount = columns.count;
    this.#cookieCell = columns.cell('cookie') as number;
    this.#timeCell = columns.cell('time') as number;
    this.#conversionCell = columns.cell('conversion') as number;
    this.#channelCell = columns.cell('channel') as number;
    this.#interactionCell = columns.cell('interaction');
    this.#valueCell = columns.cell('conversion_value');
    this.#maxCookies = maxCookies;
  }

  /**
   * Takes a row's touch into the store, or says why it cannot be used. O(bytes).
   *
   * @throws FileProblem beyond MAX_COOKIES or MAX_CHANNEL_NAMES.
   */
  take(record: CsvRecord): string | undefined {
    if (record.cellCount !== this.#columnCount) {
      return `expected ${this.#columnCount} cells, found ${record.cellCount}`;
    }
    const { bytes, starts, ends } = record;
    const cookieStart = starts[this.#cookieCell] as number;
    const cookieEnd = ends[this.#cookieCell] as number;
    if (cookieStart === cookieEnd) return 'cookie: expected a name, found nothing';
    if (cookieEnd - cookieStart > MAX_COOKIE_BYTES) {
      return `cookie: expected at most ${MAX_COOKIE_BYTES} bytes, found ${cookieEnd - cookieStart}`;
    }
    const timeMs = parseTimeMs(
      bytes,
      starts[this.#timeCell] as number,
      ends[this.#timeCell] as number,
    );
    if (Number.isNaN(timeMs)) {
      const text = found(cellText(record, this.#timeCell));
      return `time: expected ISO 8601 or Unix seconds or milliseconds, found ${text}`;
    }
    const conversionStart = starts[this.#conversionCell] as number;
    const flag = bytes[conversionStart];
    const isOneByte = (ends[this.#conversionCell] as number) - conversionStart === 1;
    if (!isOneByte || (flag !== ZERO && flag !== ONE)) {
      return `conversion: expected 0 or 1, found ${found(cellText(record, this.#conversionCell))}`;
    }
    const isConversion = flag === ONE;
    const contradiction = this.#checkInteraction(record, isConversion);
    if (contradiction !== undefined) return contradiction;
    const value = this.#value(record, isConversion);
    if (typeof value !== 'number') return value.reason;
    const channel = this.#channel(record);
    if (channel < 0) return 'channel: expected a name, found nothing';
    const cookie = this.#cookies.indexOf(bytes, cookieStart, cookieEnd);
    if (cookie >= this.#maxCookies) {
      throw new FileProblem(
        `expected at most ${this.#maxCookies} cookies; split the file by cookie`,
      );
    }
    this.#store.add(cookie, timeMs, channel, isConversion, value);
    return undefined;
  }

  #checkInteraction(record: CsvRecord, isConversion: boolean): string | undefined {
    const cell = this.#interactionCell;
    if (cell === undefined) return undefined;
    const start = record.starts[cell] as number;
    const end = record.ends[cell] as number;
    let kind = INTERACTIONS.length - 1;
    while (kind >= 0 && !isText(INTERACTIONS[kind] as Buffer, record.bytes, start, end)) kind--;
    if (kind < 0) {
      const text = found(cellText(record, cell));
      return `interaction: expected impression, click or conversion, found ${text}`;
    }
    if (kind === CONVERSION && !isConversion) {
      return 'interaction: expected conversion 1 on a row of interaction conversion, found 0';
    }
    return undefined;
  }

  #value(record: CsvRecord, isConversion: boolean): number | { readonly reason: string } {
    const cell = this.#valueCell;
    if (cell === undefined) return 0;
    const { bytes, starts, ends } = record;
    const start = starts[cell] as number;
    const end = ends[cell] as number;
    if (start === end && !isConversion) return 0;
    if (ZEROS.some((zero) => isText(zero, bytes, start, end))) return 0;
    const value = parseValue(cellText(record, cell), 'conversion_value');
    if (typeof value === 'number' && value > 0 && !isConversion) {
      return { reason: `a value of ${value} without conversion` };
    }
    return value;
  }

  #channel({ bytes, starts, ends }: CsvRecord): number {
    const start = starts[this.#channelCell] as number;
    const end = ends[this.#channelCell] as number;
    const spelling = this.#spellings.indexOf(bytes, start, end);
    const known = this.#channelOf[spelling];
    if (known !== undefined) return known;
    if (spelling >= MAX_CHANNEL_NAMES) {
      throw new FileProblem(
        `expected at most ${MAX_CHANNEL_NAMES} channels; is "channel" the column of channels?`,
      );
    }
    const name = bytes.toString('utf8', start, end).trim();
    const index = name === '' ? -1 : this.#channels.of(name);
    this.#channelOf.push(index);
    return index;
  }
}

/** Byte by byte: for so few bytes a native comparison takes longer to call. */
function isText(text: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (text[i] !== bytes[start + i]) return false;
  return true;
}
