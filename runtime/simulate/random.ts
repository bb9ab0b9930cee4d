/**
 * Seeded pseudo-random numbers for simulated traffic: the same seed gives the same users.
 */

/** Uniform numbers in [0, 1): mulberry32, 32 bits of state. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A version 4 UUID from seeded numbers. */
export function randomUuid(random: () => number): string {
  const hex = (digits: number): string =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0');
  const variant = (8 + Math.floor(random() * 4)).toString(16);
  return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(8)}${hex(4)}`;
}

/** Picks an entry by its weight; weights are positive and need not sum to 1. */
export function pickWeighted<T>(
  random: () => number,
  entries: readonly (readonly [T, number])[],
): T {
  let total = 0;
  for (const [, weight] of entries) total += weight;
  let rest = random() * total;
  for (const [value, weight] of entries) {
    rest -= weight;
    if (rest < 0) return value;
  }
  return (entries[entries.length - 1] as readonly [T, number])[0];
}
