/**
 * Reads the text files of a small .tar.gz in memory: what the public data sets come packed in.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const SIZE_AT = 124;
const SIZE_BYTES = 12;
const TYPE_AT = 156;
const REGULAR = '0';

/** The regular files of an archive by name (POSIX ustar; names of up to 100 bytes). */
export function tarFiles(file: string): ReadonlyMap<string, string> {
  const bytes = gunzipSync(readFileSync(file));
  const texts = new Map<string, string>();
  for (let at = 0; at + BLOCK_BYTES <= bytes.length && bytes[at] !== 0; ) {
    const name = field(bytes, at, NAME_BYTES);
    const size = Number.parseInt(field(bytes, at + SIZE_AT, SIZE_BYTES), 8);
    const from = at + BLOCK_BYTES;
    if (String.fromCharCode(bytes[at + TYPE_AT] as number) === REGULAR) {
      texts.set(name, bytes.toString('utf8', from, from + size));
    }
    at = from + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return texts;
}

function field(bytes: Buffer, at: number, length: number): string {
  return bytes.toString('latin1', at, at + length).split('\0')[0] ?? '';
}
