/**
 * Numbers distinct byte strings 0, 1, 2 … in the order they come: the cookies and channels of a
 * file without one JavaScript string a row.
 *
 * Owns a copy of each key's bytes, in one buffer; a key takes its bytes and 16 to 24 bytes more.
 *
 * Hot path: an open-addressing table with linear probing over typed arrays. A Map of strings took
 * 1.4 times as long over 1,000,000 rows of 240,000 cookies, and ends at 2^24 keys.
 */

const FIRST_SLOTS = 1 << 12;
const FIRST_ARENA_BYTES = 1 << 16;

export class ByteIndex {
  /** Index + 1 of the key in each slot; 0 is free. At most half are taken. */
  #slots = new Int32Array(FIRST_SLOTS);
  #hashes = new Int32Array(FIRST_SLOTS / 2);
  /** Where each key ends in the arena; it begins where the one before ends. */
  #keyEnds = new Uint32Array(FIRST_SLOTS / 2);
  #arena = Buffer.allocUnsafe(FIRST_ARENA_BYTES);
  #size = 0;

  /** Distinct keys so far. */
  get size(): number {
    return this.#size;
  }

  /** The index of bytes[start … end - 1], which is added if it is new. O(bytes) amortised. */
  indexOf(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const index = (this.#slots[slot] as number) - 1;
      if (index < 0) break;
      if (this.#hashes[index] === hash && this.#isKey(index, bytes, start, end)) return index;
      slot = (slot + 1) & mask;
    }
    return this.#add(slot, hash, bytes, start, end);
  }

  #isKey(index: number, bytes: Uint8Array, start: number, end: number): boolean {
    let at = index === 0 ? 0 : (this.#keyEnds[index - 1] as number);
    if ((this.#keyEnds[index] as number) - at !== end - start) return false;
    const arena = this.#arena;
    for (let i = start; i < end; i++, at++) if (bytes[i] !== arena[at]) return false;
    return true;
  }

  #add(slot: number, hash: number, bytes: Uint8Array, start: number, end: number): number {
    const index = this.#size;
    const at = index === 0 ? 0 : (this.#keyEnds[index - 1] as number);
    const needed = at + end - start;
    if (needed > this.#arena.length) {
      const arena = Buffer.allocUnsafe(Math.max(needed, this.#arena.length * 2));
      arena.set(this.#arena.subarray(0, at));
      this.#arena = arena;
    }
    for (let i = start; i < end; i++) this.#arena[at + i - start] = bytes[i] as number;
    this.#keyEnds[index] = needed;
    this.#hashes[index] = hash;
    this.#slots[slot] = index + 1;
    this.#size++;
    if (this.#size === this.#hashes.length) this.#grow();
    return index;
  }

  #grow(): void {
    const count = this.#slots.length * 2;
    const hashes = new Int32Array(count / 2);
    hashes.set(this.#hashes);
    const keyEnds = new Uint32Array(count / 2);
    keyEnds.set(this.#keyEnds);
    const slots = new Int32Array(count);
    const mask = count - 1;
    for (let index = 0; index < this.#size; index++) {
      let slot = (hashes[index] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = index + 1;
    }
    this.#slots = slots;
    this.#hashes = hashes;
    this.#keyEnds = keyEnds;
  }
}

/** FNV-1a, 32 bits, with the last mix of MurmurHash3 so that the low bits tell keys apart. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
