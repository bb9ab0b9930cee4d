/**
 * Sums of figures by event time: since the beginning, of the seconds that are still open, of the
 * last 60 closed seconds, and of the last 60 minutes.
 *
 * Invariants:
 *   E1 What is added is in `total` at once, and in exactly one second, unless it came late.
 *   E2 `minute` and `hour` are the sums of `recent` and `minutes`: running sums of integers.
 *
 * Cost: O(figures) a row and a closed second, amortised.
 */
import type { StoredSums } from '../../../protocols/live-snapshot.ts';

/** Closed seconds that are kept one by one, and minutes that make the last hour. */
export const RECENT_SECONDS = 60;
const HOUR_MINUTES = 60;
const SECONDS_A_MINUTE = 60;

type Row = readonly [at: number, ...figures: number[]];

export class EventTimeSums {
  readonly total: number[];
  /** By second that is not closed. */
  readonly open = new Map<number, number[]>();
  /** Of the last 60 closed seconds; of the minutes of the last hour, the present one included. */
  readonly minute: number[];
  readonly hour: number[];
  #recent: Row[] = [];
  #minutes: [at: number, ...figures: number[]][] = [];

  /** @param figures how many there are in a row. */
  constructor(figures: number) {
    this.total = new Array<number>(figures).fill(0);
    this.minute = [...this.total];
    this.hour = [...this.total];
  }

  /** Adds to the totals, and to a second unless it is closed (`undefined`). */
  add(second: number | undefined, figures: readonly number[]): void {
    addTo(this.total, figures);
    if (second === undefined) return;
    const known = this.open.get(second);
    if (known === undefined) this.open.set(second, [...figures]);
    else addTo(known, figures);
  }

  /** Closes a second, which is later than all closed ones; returns whether it had anything. */
  close(second: number): boolean {
    const figures = this.open.get(second);
    if (figures !== undefined) {
      this.open.delete(second);
      this.#recent.push([second, ...figures]);
      addTo(this.minute, figures);
      addTo(this.hour, figures);
      const minute = Math.floor(second / SECONDS_A_MINUTE);
      const last = this.#minutes.at(-1);
      if (last?.[0] === minute) {
        for (const [i, each] of figures.entries()) (last[i + 1] as number) += each;
      } else this.#minutes.push([minute, ...figures]);
    }
    this.forget(second);
    return figures !== undefined;
  }

  /** Lets go of what is out of the minute and the hour that end with this second. */
  forget(second: number): void {
    while ((this.#recent[0]?.[0] ?? second) <= second - RECENT_SECONDS) {
      takeFrom(this.minute, this.#recent.shift() as Row);
    }
    const minute = Math.floor(second / SECONDS_A_MINUTE);
    while ((this.#minutes[0]?.[0] ?? minute) <= minute - HOUR_MINUTES) {
      takeFrom(this.hour, this.#minutes.shift() as Row);
    }
  }

  /** The sums of closed seconds from one on, of the last 60. O(seconds with anything in them). */
  since(second: number): number[] {
    const sums = new Array<number>(this.total.length).fill(0);
    for (let i = this.#recent.length - 1; i >= 0; i--) {
      const row = this.#recent[i] as Row;
      if (row[0] < second) break;
      for (let k = 0; k < sums.length; k++) (sums[k] as number) += row[k + 1] as number;
    }
    return sums;
  }

  /** Takes in sums of something that is part of this. */
  absorb({ total, open, recent, minutes }: StoredSums): void {
    addTo(this.total, total);
    for (const [second, ...figures] of open) {
      const known = this.open.get(second);
      if (known === undefined) this.open.set(second, figures);
      else addTo(known, figures);
    }
    this.#recent = merged(this.#recent, recent as Row[]) as Row[];
    this.#minutes = merged(this.#minutes, minutes as Row[]);
    for (const [, ...figures] of recent) addTo(this.minute, figures);
    for (const [, ...figures] of minutes) addTo(this.hour, figures);
  }

  stored(): StoredSums {
    const open = [...this.open].sort(([a], [b]) => a - b);
    return {
      total: [...this.total],
      open: open.map(([second, figures]) => [second, ...figures]),
      recent: this.#recent.map((row) => [...row]),
      minutes: this.#minutes.map((row) => [...row]),
    };
  }
}

function addTo(sums: number[], figures: readonly number[]): void {
  for (let i = 0; i < sums.length; i++) (sums[i] as number) += figures[i] as number;
}

function takeFrom(sums: number[], row: Row): void {
  for (let i = 0; i < sums.length; i++) (sums[i] as number) -= row[i + 1] as number;
}

/** Two lists of rows as one, in order, with rows of the same time added. */
function merged(a: readonly Row[], b: readonly Row[]): [at: number, ...figures: number[]][] {
  const byTime = new Map<number, number[]>();
  for (const [at, ...figures] of [...a, ...b]) {
    const known = byTime.get(at);
    if (known === undefined) byTime.set(at, figures);
    else addTo(known, figures);
  }
  return [...byTime].sort(([x], [y]) => x - y).map(([at, figures]) => [at, ...figures]);
}
