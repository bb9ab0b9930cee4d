/**
 * The rows of a file that could not be used: all are counted, the first ones listed.
 */

/** Rejected rows that are listed; beyond, they are only counted. */
export const MAX_REJECTED_LISTED = 10_000;
const MAX_QUOTED_CHARACTERS = 40;

/** A row that could not be used, with the line it begins in. */
export interface RejectedRow {
  readonly line: number;
  readonly reason: string;
}

export class Rejections {
  readonly #listed: RejectedRow[] = [];
  #total = 0;

  add(line: number, reason: string): void {
    this.#total++;
    if (this.#listed.length < MAX_REJECTED_LISTED) this.#listed.push({ line, reason });
  }

  get listed(): readonly RejectedRow[] {
    return this.#listed;
  }

  get total(): number {
    return this.#total;
  }
}

/** What was found in a cell, for a reason: in quotes, short, without control characters. */
export function found(text: string): string {
  const isLong = text.length > MAX_QUOTED_CHARACTERS;
  return JSON.stringify(isLong ? `${text.slice(0, MAX_QUOTED_CHARACTERS)}…` : text);
}
