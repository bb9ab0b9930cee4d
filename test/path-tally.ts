/**
 * The simplest place that transition counts can go to: plain maps, summed over all cohorts or by
 * one, for tests that compare them with counts made in another way.
 */
import type { PathTotals } from '../actors/channel/removal-effects.ts';
import type { PathCounts } from '../actors/user/path.ts';

export class PathTally implements PathCounts {
  /** `<day> <from> > <to>`, `<day> paths`, … -> figure; what returns to zero is taken out. */
  readonly #figures = new Map<string, number>();
  /** The least that any figure ever was. */
  least = 0;

  transition(day: string, from: string, to: string, by: number): void {
    this.#add(`${day}\t${from}\t${to}`, by);
  }

  path(day: string, by: number): void {
    this.#add(`${day}\tpaths`, by);
  }

  conversion(day: string, lastChannel: string, micros: number, by: number): void {
    this.#add(`${day}\tconversions`, by);
    this.#add(`${day}\tvalue`, by * micros);
    this.#add(`${day}\tvalue of last\t${lastChannel}\t`, by * micros);
  }

  #add(key: string, by: number): void {
    const sum = (this.#figures.get(key) ?? 0) + by;
    if (sum === 0) this.#figures.delete(key);
    else this.#figures.set(key, sum);
    this.least = Math.min(this.least, sum);
  }

  /** All figures that are not zero, by name. */
  figures(): Record<string, number> {
    return Object.fromEntries([...this.#figures].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The figures of all days together, as attribution takes them. */
  totals(): PathTotals {
    const transitions = new Map<string, Map<string, number>>();
    const valueByLast = new Map<string, number>();
    const sums = { paths: 0, conversions: 0, value: 0 };
    for (const [key, figure] of this.#figures) {
      const [, name = '', to, valued] = key.split('\t');
      if (valued !== undefined)
        valueByLast.set(to ?? '', (valueByLast.get(to ?? '') ?? 0) + figure);
      else if (to === undefined) sums[name as keyof typeof sums] += figure;
      else {
        const row = transitions.get(name) ?? new Map<string, number>();
        transitions.set(name, row.set(to, (row.get(to) ?? 0) + figure));
      }
    }
    const { paths, conversions, value: valueMicros } = sums;
    return { paths, conversions, valueMicros, transitions, valueByLast };
  }
}
