/**
 * The simplest place that path counts can go to: plain maps, for tests that compare them with
 * counts made in another way.
 */
import { PathTable } from '../actors/channel/path-table.ts';
import { emptyTally, type JourneyEffects } from '../actors/user/path-change.ts';
import { utcDay } from '../protocols/cells.ts';
import type { LedgerEntry } from '../protocols/conversion-ledger.ts';
import type { Path } from '../protocols/user-snapshot.ts';

export class PathTally implements JourneyEffects {
  readonly tally = emptyTally();
  /** `<day> a > b > <micros or null>` -> how often; what returns to zero is taken out. */
  readonly #figures = new Map<string, number>();
  /** What the ledger holds, by order. */
  readonly ledger = new Map<string, LedgerEntry>();
  /** The least that any figure ever was. */
  least = 0;

  path({ touches, conversion }: Path, by: 1 | -1): void {
    const end = conversion?.micros ?? 'null';
    const names = touches.map(({ channel }) => channel).join(' > ');
    const key = `${utcDay(touches[0]?.t ?? 0)} ${names} > ${end}`;
    const sum = (this.#figures.get(key) ?? 0) + by;
    if (sum === 0) this.#figures.delete(key);
    else this.#figures.set(key, sum);
    this.least = Math.min(this.least, sum);
  }

  order(entry: LedgerEntry): void {
    this.ledger.set(entry.order, entry);
  }

  forgetOrders(): void {
    this.ledger.clear();
  }

  /** All figures that are not zero, by name. */
  figures(): Record<string, number> {
    return Object.fromEntries([...this.#figures].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The paths of all days together, as attribution takes them. */
  table(): PathTable {
    const table = new PathTable();
    for (const [key, count] of this.#figures) {
      const channels = key.slice('yyyymmdd '.length).split(' > ');
      const end = channels.pop();
      const path = table.encode(channels);
      if (end === 'null') table.add(path, 0, count, 0);
      else table.add(path, count, 0, count * Number(end));
    }
    return table;
  }
}

/** A table of journeys such as `a > b > 12`: channels, then the value or `null`. */
export function tableOf(...journeys: readonly string[]): PathTable {
  const table = new PathTable();
  for (const journey of journeys) {
    const channels = journey.split(' > ');
    const end = channels.pop();
    const isNull = end === 'null';
    const value = isNull ? 0 : Number(end);
    table.add(table.encode(channels), isNull ? 0 : 1, isNull ? 1 : 0, value);
  }
  return table;
}
