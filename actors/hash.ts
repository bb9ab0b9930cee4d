/**
 * Hashes that stand in for chance and shorten ids: pure, seeded, the same on every machine (I2).
 */

/**
 * A 64-bit hash of a string as 16 hexadecimal digits: two 32-bit lanes of multiply-xor mixing
 * (the construction known as cyrb53, here with both lanes kept whole). Not cryptographic.
 */
export function hash64(text: string, seed = 0): string {
  let a = 0xdeadbeef ^ seed;
  let b = 0x41c6ce57 ^ seed;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 2_654_435_761);
    b = Math.imul(b ^ unit, 1_597_334_677);
  }
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909);
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909);
  return hex8(b) + hex8(a);
}

/** A 32-bit hash of a string as an integer, 1 … 2^32 - 1; 0 stands for no string (FNV-1a). */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return hash >>> 0 || 1;
}

function hex8(lane: number): string {
  return (lane >>> 0).toString(16).padStart(8, '0');
}
