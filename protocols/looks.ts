/**
 * The looks of a user, as they are held in memory, shown and stored. Every event reads them all, so
 * in memory they are one array of numbers, LOOK_NUMBERS per look: a third of the memory that
 * objects take, and all in one place.
 */
import { type Look, MAX_LOOKS } from './user-snapshot.ts';

/** Numbers per look: t, item, topic, micros. */
export const LOOK_NUMBERS = 4;

/** Looks in memory, the earliest first. */
export type PackedLooks = readonly number[];

/** Copied, because a literal or a growing array would be larger or change its kind. */
const SIZES = Array.from({ length: MAX_LOOKS + 1 }, (_, count) =>
  Array.from({ length: LOOK_NUMBERS * count }, () => 0.5),
);

/** An array for so many looks, at most MAX_LOOKS, to write all of. */
export function roomForLooks(count: number): number[] {
  return (SIZES[count] as number[]).slice();
}

/** A state as operators see it. */
export type WithLooks<State> = Omit<State, 'looks'> & { looks: Look[] };

/** Spells the looks out. */
export function withLooks<State extends { looks: PackedLooks }>(state: State): WithLooks<State> {
  const looks = Array.from({ length: state.looks.length / LOOK_NUMBERS }, (_, i) => {
    const [t, item, topic, micros] = state.looks.slice(LOOK_NUMBERS * i);
    return { t, item, topic, micros } as Look;
  });
  return { ...state, looks };
}

/** Packs looks that are spelt out. */
export function packLooks(looks: readonly Look[]): PackedLooks {
  return looks.flatMap(({ t, item, topic, micros }) => [t, item, topic, micros]);
}

/**
 * A look as it is stored: ms since the look before (the first: since nowMs, so at most 0), item,
 * topic and micros, the last ones left out if 0. A negative item or topic, -n, is that of n looks
 * before.
 */
export type StoredLook = [sinceMs: number, item: number, ...topicMicros: number[]];

/** For the stored record. */
export function storeLooks(looks: PackedLooks, nowMs: number): StoredLook[] {
  const stored: StoredLook[] = [];
  let fromMs = nowMs;
  for (let at = 0; at < looks.length; at += LOOK_NUMBERS) {
    const t = looks[at] as number;
    const item = sameBefore(looks, at, at + 1);
    const topic = looks[at + 2] === 0 ? 0 : sameBefore(looks, at, at + 2);
    const micros = looks[at + 3] as number;
    if (micros !== 0) stored.push([t - fromMs, item, topic, micros]);
    else stored.push(topic === 0 ? [t - fromMs, item] : [t - fromMs, item, topic]);
    fromMs = t;
  }
  return stored;
}

/** The number at `cell` of the look at `at`, or how many looks before it was the same, below 0. */
function sameBefore(looks: PackedLooks, at: number, cell: number): number {
  const number = looks[cell] as number;
  for (let before = LOOK_NUMBERS; before <= at; before += LOOK_NUMBERS) {
    if (looks[cell - before] === number) return -before / LOOK_NUMBERS;
  }
  return number;
}

/** From the stored record. */
export function readLooks(stored: readonly StoredLook[], nowMs: number): PackedLooks {
  const looks = roomForLooks(stored.length);
  let t = nowMs;
  let at = 0;
  for (const [sinceMs, item, topic = 0, micros = 0] of stored) {
    t += sinceMs;
    looks[at] = t;
    looks[at + 1] = item < 0 ? (looks[at + 1 + LOOK_NUMBERS * item] as number) : item;
    looks[at + 2] = topic < 0 ? (looks[at + 2 + LOOK_NUMBERS * topic] as number) : topic;
    looks[at + 3] = micros;
    at += LOOK_NUMBERS;
  }
  return looks;
}
