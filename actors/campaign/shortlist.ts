/**
 * The first few of many, in order: what is offered and does not belong to them leaves no garbage.
 * Hot path: an auction offers up to ten thousand campaigns, so the rows are reused.
 */
import type { Exclusion } from '../../protocols/decision.ts';
import type { CampaignEntry } from './entry.ts';

/** A campaign in an auction; changed only by the list that it is in. */
export interface Row {
  entry: CampaignEntry;
  /** Why it is out, if it is. */
  reason: Exclusion | undefined;
  /** Quality in parts per million, and bid x quality; 0 where the order does not ask for them. */
  ppm: number;
  score: number;
}

/** Negative if the first row comes first; never 0 for two campaigns. */
export type Order = (a: Row, b: Row) => number;

export class Shortlist {
  readonly rows: Row[] = [];
  readonly #order: Order;
  readonly #sizeMax: number;
  /** The row that the next offer fills. */
  #spare: Row | undefined;

  constructor(order: Order, sizeMax: number) {
    this.#order = order;
    this.#sizeMax = sizeMax;
  }

  get isFull(): boolean {
    return this.rows.length >= this.#sizeMax;
  }

  /** O(1) for most, as few of many belong to the first. */
  offer(entry: CampaignEntry, reason: Exclusion | undefined, ppm: number, score: number): void {
    const { rows } = this;
    let row = this.#spare;
    if (row === undefined) {
      row = { entry, reason, ppm, score };
      this.#spare = row;
    } else {
      row.entry = entry;
      row.reason = reason;
      row.ppm = ppm;
      row.score = score;
    }
    const order = this.#order;
    const isFull = rows.length >= this.#sizeMax;
    if (isFull && order(row, rows[rows.length - 1] as Row) > 0) return;
    this.#spare = isFull ? rows.pop() : undefined;
    let place = rows.length;
    rows.push(row);
    while (place > 0 && order(row, rows[place - 1] as Row) < 0) {
      rows[place] = rows[place - 1] as Row;
      place--;
    }
    rows[place] = row;
  }
}
