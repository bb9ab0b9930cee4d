/**
 * A path table: how often each sequence of channels ended in a conversion, how often in null, and
 * what the conversions were worth. It is what every attribution model reads, live and offline.
 *
 * A path is stored as a string with one UTF-16 code unit a touch, the index of its channel: a
 * sub-sequence is a `slice`, and a state of a chain of any order is a key of a Map.
 *
 * Invariants:
 *   T1 Adding and taking away the same figures leaves the table as it was: a path whose figures
 *      are all zero is not there.
 */

import { OTHER_CHANNEL } from '../../protocols/cells.ts';

/** Channels in one table; others count as OTHER_CHANNEL. A code unit has to hold the index. */
export const MAX_CHANNELS = 10_000;
/** What all their names may take as stored, at up to three bytes a character. */
const MAX_NAME_BYTES = 512 * 1024;

/** A path with its figures. */
export interface PathRow {
  /** One code unit a touch, see PathTable. */
  readonly path: string;
  conversions: number;
  nulls: number;
  /** What its conversions are worth together, in the unit of whoever fills the table. */
  value: number;
}

/** Sums over a table. */
export interface TableTotals {
  readonly paths: number;
  readonly conversions: number;
  readonly nulls: number;
  readonly value: number;
}

/** Channels by index; tables that share one can be added to each other row by row. */
export class ChannelIndex {
  readonly #names: string[] = [];
  readonly #indices = new Map<string, number>();
  #bytes = 0;

  /** @param names known channels in their order; others are added as they come. */
  constructor(names: readonly string[] = []) {
    for (const name of names) this.of(name);
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /** The index of a channel, which is added if it is new and there is room. */
  of(name: string): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    const isFull = this.#names.length >= MAX_CHANNELS - 1 || this.#bytes >= MAX_NAME_BYTES;
    if (isFull && name !== OTHER_CHANNEL) return this.of(OTHER_CHANNEL);
    this.#bytes += 3 * name.length + 3;
    const index = this.#names.length;
    this.#names.push(name);
    this.#indices.set(name, index);
    return index;
  }
}

export class PathTable {
  readonly #index: ChannelIndex;
  readonly #rows = new Map<string, PathRow>();

  constructor(index = new ChannelIndex()) {
    this.#index = index;
  }

  /** Channel names by index. */
  get channels(): readonly string[] {
    return this.#index.names;
  }

  /** Distinct paths. */
  get size(): number {
    return this.#rows.size;
  }

  rows(): IterableIterator<PathRow> {
    return this.#rows.values();
  }

  has(path: string): boolean {
    return this.#rows.has(path);
  }

  /** A path from its channels' names. O(touches). */
  encode(channels: readonly string[]): string {
    let path = '';
    for (const channel of channels) path += String.fromCharCode(this.#index.of(channel));
    return path;
  }

  /** Adds figures to a path, or takes them away with negative ones. O(1). */
  add(path: string, conversions: number, nulls: number, value: number): void {
    const row = this.#rows.get(path);
    if (row === undefined) {
      if (conversions === 0 && nulls === 0 && value === 0) return;
      this.#rows.set(path, { path, conversions, nulls, value });
      return;
    }
    row.conversions += conversions;
    row.nulls += nulls;
    row.value += value;
    if (row.conversions === 0 && row.nulls === 0 && row.value === 0) this.#rows.delete(path);
  }

  /** Sums over all paths. O(rows). */
  totals(): TableTotals {
    let conversions = 0;
    let nulls = 0;
    let value = 0;
    for (const row of this.#rows.values()) {
      conversions += row.conversions;
      nulls += row.nulls;
      value += row.value;
    }
    return { paths: conversions + nulls, conversions, nulls, value };
  }
}
