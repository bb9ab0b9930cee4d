/**
 * Reads a CSV file in chunks: its bytes are never in memory as a whole, its rows never as text.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { CsvSplitter, MAX_RECORD_BYTES, type RecordSink } from './csv-records.ts';

const CHUNK_BYTES = 1_048_576;
const UTF8_MARK = [0xef, 0xbb, 0xbf];
const UTF16_MARKS = [
  [0xff, 0xfe],
  [0xfe, 0xff],
];

/** A file that cannot be read as what it was said to be; the message is for the person. */
export class FileProblem extends Error {
  override readonly name = 'FileProblem';
}

/** Called with the bytes read so far, and those of the file. */
export type OnRead = (bytes: number, totalBytes: number) => void;

/**
 * Gives every row of a file to the sink, the header as the first of them. O(bytes).
 *
 * @throws FileProblem if the file cannot be opened or is not UTF-8 text.
 */
export async function readRecords(
  file: string,
  delimiter: string,
  sink: RecordSink,
  onRead: OnRead = () => {},
): Promise<void> {
  const handle = await opened(file);
  try {
    const { size } = await handle.stat();
    const splitter = new CsvSplitter(delimiter, sink);
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES + MAX_RECORD_BYTES);
    let filled = 0;
    let readBytes = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, filled, CHUNK_BYTES, null);
      let from = 0;
      if (readBytes === 0) from = markBytes(buffer.subarray(0, bytesRead), file);
      readBytes += bytesRead;
      filled += bytesRead;
      const taken = splitter.take(buffer, from, filled, bytesRead === 0);
      if (bytesRead === 0) return;
      onRead(readBytes, size);
      // The beginning of a row that the next chunk ends; less than MAX_RECORD_BYTES.
      buffer.copy(buffer, 0, Math.min(taken, filled), filled);
      filled -= Math.min(taken, filled);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') {
      throw new FileProblem(`${file}: expected a file, found a folder`, { cause: error });
    }
    throw error;
  } finally {
    await handle.close();
  }
}

async function opened(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file' : message;
    throw new FileProblem(`${file}: ${why}`, { cause: error });
  }
}

/** The length of the mark at the beginning of a file. */
function markBytes(start: Buffer, file: string): number {
  const isMarked = (mark: readonly number[]): boolean => mark.every((byte, i) => start[i] === byte);
  if (UTF16_MARKS.some(isMarked)) {
    throw new FileProblem(`${file}: expected UTF-8 text, found UTF-16; save it as UTF-8`);
  }
  return isMarked(UTF8_MARK) ? UTF8_MARK.length : 0;
}
