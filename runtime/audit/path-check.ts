/**
 * Path counts, credits and the ledger of conversions: what docs/semantics.md says they must be,
 * against what is stored.
 */
import { utcDay } from '../../protocols/cells.ts';
import { cohortName } from '../../protocols/cohort.ts';
import { ledgerEntrySchema } from '../../protocols/conversion-ledger.ts';
import type { UserToken } from '../../protocols/ids.ts';
import { erasureSubject, ledgerSubject } from '../../protocols/subjects.ts';
import type { Differences } from './differences.ts';
import { expectedShares, LINEAR_AT, MODELS } from './expected-credits.ts';
import type { ExpectedPartition } from './expected-partition.ts';
import type { CutPath } from './expected-path.ts';
import type { ExpectedUser } from './expected-user.ts';
import { addFigures, noFigures, type PathFigures, takeStoredPaths } from './stored-paths.ts';
import { readerOf, type StoredView } from './stored-view.ts';

const readEntry = readerOf('ledgerEntry', ledgerEntrySchema);
const MICRO_CONVERSIONS = 1_000_000;

export class PathCheck {
  readonly #stored: StoredView;
  readonly #differences: Differences;
  readonly #expected: PathFigures = noFigures();
  /** By name of credits, how many conversions have a part in them. */
  readonly #credited = new Map<string, number>();

  constructor(stored: StoredView, differences: Differences) {
    this.#stored = stored;
    this.#differences = differences;
  }

  /** Takes in a partition's paths, after its finish(). */
  partition({ paths }: ExpectedPartition): void {
    for (const [path, count] of paths.paths) if (count !== 0) this.#add(path, count);
  }

  /** A user's conversions in the ledger. */
  user({ token, path }: ExpectedUser): void {
    const user = token as UserToken;
    const task = erasureSubject(user);
    const isErasing = this.#stored.has(task);
    this.#stored.drop(task);
    for (const [order, fact] of path.ledger) {
      const subject = ledgerSubject(user, order);
      if (!this.#stored.has(subject)) this.#differences.add(subject, fact, undefined);
      const entry = this.#stored.take(subject, readEntry);
      if (entry === undefined) continue;
      this.#differences.compare(subject, { v: 1, order, ...fact }, entry);
    }
    if (!isErasing) return;
    // What the task is there to remove.
    const prefix = `ledger.${user}.`;
    for (const subject of [...this.#stored.subjects]) {
      if (subject.startsWith(prefix)) this.#stored.drop(subject);
    }
  }

  /** Compares all paths and credits; called once, at the end. */
  totals(): void {
    const found = takeStoredPaths(this.#stored);
    const expected = this.#expected;
    for (const name of new Set([...expected.paths.keys(), ...found.paths.keys()])) {
      const mine = expected.paths.get(name) ?? [0, 0, 0];
      this.#differences.compare(`paths ${name}`, mine, found.paths.get(name) ?? [0, 0, 0]);
    }
    this.#conserves(found);
    for (const name of new Set([...expected.credits.keys(), ...found.credits.keys()])) {
      const [day = '', kind] = name.split(' ', 2);
      if (kind === 'pair' && found.daysWithoutPairs.has(day)) continue;
      const mine = expected.credits.get(name) ?? [];
      const theirs = found.credits.get(name) ?? [];
      // Whom the last unit of a division falls to is rounding's choice, once per conversion.
      const tolerance = this.#credited.get(name) ?? 0;
      const longer = mine.length < theirs.length ? theirs : mine;
      const isClose = longer.every((_, i) => {
        return Math.abs((mine[i] ?? 0) - (theirs[i] ?? 0)) <= tolerance;
      });
      if (!isClose) this.#differences.add(`credits ${name}`, mine, theirs);
    }
  }

  /**
   * Every model credits exactly what was converted on paths, day by day (I4); and pairs have
   * exactly what the linear model credits campaigns with.
   */
  #conserves(found: PathFigures): void {
    const totals = new Map<string, number[]>();
    for (const [name, [conversions = 0, , micros = 0]] of found.paths) {
      const [day = ''] = name.split(' ', 1);
      const figures = MODELS.flatMap(() => [MICRO_CONVERSIONS * conversions, micros]);
      addFigures(totals, day, figures);
    }
    const credited = new Map<string, number[]>();
    const ofCampaigns = new Map<string, number[]>();
    const ofPairs = new Map<string, number[]>();
    for (const [name, figures] of found.credits) {
      const [day = '', kind] = name.split(' ', 2);
      if (kind === 'channel') addFigures(credited, day, figures);
      else if (found.daysWithoutPairs.has(day)) continue;
      else if (kind === 'pair') addFigures(ofPairs, day, figures);
      else addFigures(ofCampaigns, day, figures.slice(LINEAR_AT, LINEAR_AT + 2));
    }
    for (const day of new Set([...totals.keys(), ...credited.keys()])) {
      const sum = credited.get(day);
      this.#differences.compare(`credits of all channels ${day}`, totals.get(day), sum);
    }
    for (const day of new Set([...ofCampaigns.keys(), ...ofPairs.keys()])) {
      const sum = ofPairs.get(day);
      this.#differences.compare(`credits of all pairs ${day}`, ofCampaigns.get(day), sum);
    }
  }

  #add(path: CutPath, count: number): void {
    const { touches, conversion, samplePpm } = path;
    const day = cohortName(utcDay(touches[0]?.t ?? 0), samplePpm);
    const name = `${day} ${touches.map(({ channel }) => channel).join(' > ')}`;
    const converts = conversion === undefined ? 0 : count;
    const micros = converts === 0 ? 0 : converts * (conversion?.micros ?? 0);
    addFigures(this.#expected.paths, name, [converts, count - converts, micros]);
    if (conversion === undefined) return;
    for (const [key, shares] of expectedShares(touches, conversion.t, conversion.micros)) {
      const credited = `${day} ${key}`;
      this.#credited.set(credited, (this.#credited.get(credited) ?? 0) + touches.length);
      addFigures(
        this.#expected.credits,
        credited,
        shares.map((share) => share * count),
      );
    }
  }
}
