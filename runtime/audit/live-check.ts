/**
 * Live figures: what docs/semantics.md says they must be, against what the live actor has folded
 * and the pulses that it has not.
 *
 * Where pulses began in the middle of the log, because an earlier release took in what was before,
 * nothing says where that was. But then there are fewer events than in the log, and users or moves
 * whose time is not known; figures are left out with a note instead of being called wrong.
 */
import type { StoredSketch } from '../../protocols/live-snapshot.ts';
import { FUNNEL_STATES } from '../../protocols/pulse.ts';
import { Differences } from './differences.ts';
import type { ExpectedPartition } from './expected-partition.ts';
import { type AuditFigures, figuresOf, sumsOf } from './live-figures.ts';
import { LiveTally } from './live-tally.ts';
import type { StoredLive, StoredMoves } from './stored-live.ts';
import type { NamedFigures } from './stored-paths.ts';

/** Names beyond these are lumped together, whichever come last. */
const MAX_SOURCES = 64;
const MAX_REGIONS = 64;
/** Of 256 pairs one for each source, and one more, may be for the rest of its regions. */
const MAX_TOLD_PAIRS = 256 - MAX_SOURCES - 1;
const MAX_CAMPAIGNS = 255;
/** Days of moves that are kept. */
const MAX_DAYS = 32;
/** Sketches give each time within this part of itself; the rest is for rounding. */
const RELATIVE_ERROR = 0.01;
const TOLERANCE = RELATIVE_ERROR * (1 + 1e-9);
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);

export class LiveCheck {
  readonly #stored: StoredLive;
  readonly #differences: Differences;
  /** What differs, until it is clear that pulses go back to the beginning of the log. */
  readonly #suspected = new Differences(Number.POSITIVE_INFINITY);
  readonly #whole = new LiveTally('day');
  readonly #folded = new LiveTally('day');
  readonly #partitions = new Set<number>();
  /** Where a time is stored as not known. */
  readonly #unknown: string[] = [];

  constructor(stored: StoredLive, differences: Differences) {
    this.#stored = stored;
    this.#differences = differences;
  }

  /** A user whose time in the state of the funnel is stored as not known. */
  unknownSince(subject: string): void {
    this.#unknown.push(subject);
  }

  /** Takes in a partition, and compares the pulses that are not folded. */
  partition({ partition, live }: ExpectedPartition): void {
    this.#partitions.add(partition);
    this.#whole.add(live.whole);
    this.#folded.add(live.folded);
    this.#pulses(partition, live.unfolded);
  }

  /** Compares what is folded; called once, at the end. @returns what could not be compared. */
  totals(): string[] {
    for (const partition of this.#stored.unfolded.keys()) {
      if (!this.#partitions.has(partition)) this.#pulses(partition, new LiveTally('second'));
    }
    const { groups, campaigns } = this.#folded;
    const { folded: found } = this.#stored;
    this.#named('live group', groups, found.groups, areToldApart(groups));
    const hasNames = campaigns.size <= MAX_CAMPAIGNS;
    this.#named('live campaign', campaigns, found.campaigns, hasNames);
    this.#moveCounts();
    for (const name of new Set([...this.#folded.moves.keys(), ...this.#stored.moves.keys()])) {
      this.#moves(name);
    }
    if (this.#unknown.length > 0 && this.#storedEvents() < this.figures.events) {
      return [
        `live figures are not compared: ${this.#unknown.length} times are not known, as only of ` +
          'users whom an earlier release has stored; so pulses began in the middle of the log, ' +
          'and where cannot be told',
      ];
    }
    for (const where of this.#unknown) {
      this.#suspected.add(`${where} since when in the funnel`, 'a time', 'not known');
    }
    for (const { where, expected, found } of this.#suspected.listed) {
      this.#differences.add(where, expected, found);
    }
    return [];
  }

  /** What the log says, whatever is stored. */
  get figures(): AuditFigures {
    return figuresOf(this.#whole);
  }

  #storedEvents(): number {
    const tallies = [this.#stored.folded, ...this.#stored.unfolded.values()];
    return sumsOf(tallies.flatMap(({ groups }) => [...groups.values()]))[0] ?? 0;
  }

  #pulses(partition: number, expected: LiveTally): void {
    const found = this.#stored.unfolded.get(partition) ?? new LiveTally('second');
    const where = `pulses of partition ${partition}`;
    this.#compare(where, expected.groups, found.groups);
    this.#compare(`${where} spend`, expected.campaigns, found.campaigns);
    for (const name of new Set([...expected.moves.keys(), ...found.moves.keys()])) {
      const mine = inOrder(expected.moves.get(name) ?? []);
      const theirs = inOrder(found.moves.get(name) ?? []);
      if (theirs.includes(-1)) this.#unknown.push(`${where} move ${name}`);
      // Whose time is not known could be anybody.
      if (theirs.includes(-1) && mine.length === theirs.length) continue;
      this.#suspected.compare(`${where} move ${name}`, mine, theirs);
    }
  }

  /** Which names are lumped together depends on the order in which they came: see sums. */
  #named(what: string, expected: NamedFigures, found: NamedFigures, areToldApart: boolean): void {
    if (areToldApart) this.#compare(what, expected, found);
    else {
      const sums = sumsOf(expected.values());
      this.#suspected.compare(`${what}s together`, sums, sumsOf(found.values()));
    }
  }

  #compare(what: string, expected: NamedFigures, found: NamedFigures): void {
    for (const name of new Set([...expected.keys(), ...found.keys()])) {
      const none = (expected.get(name) ?? found.get(name) ?? []).map(() => 0);
      const theirs = found.get(name) ?? none;
      this.#suspected.compare(`${what} ${name}`, expected.get(name) ?? none, theirs);
    }
  }

  #moveCounts(): void {
    const counts = new Map<string, number>();
    for (const [name, times] of this.#folded.moves) {
      const [, from, to] = JSON.parse(name) as string[];
      counts.set(`${from}>${to}`, (counts.get(`${from}>${to}`) ?? 0) + times.length);
    }
    for (const [i, from] of FUNNEL_STATES.entries()) {
      for (const [j, to] of FUNNEL_STATES.entries()) {
        const expected = counts.get(`${from}>${to}`) ?? 0;
        const found = this.#stored.moveCounts[i * FUNNEL_STATES.length + j] ?? 0;
        this.#suspected.compare(`live moves of all days ${from}>${to}`, expected, found);
      }
    }
  }

  #moves(name: string): void {
    const [day = ''] = JSON.parse(name) as string[];
    // Of days before those that are kept nothing is left.
    const { days } = this.#stored;
    if (days.length >= MAX_DAYS && day < (days[0] ?? '')) return;
    const where = `live moves ${name}`;
    const times = inOrder(this.#folded.moves.get(name) ?? []);
    const found: StoredMoves = this.#stored.moves.get(name) ?? NO_MOVES;
    this.#suspected.compare(`${where} count`, times.length, found.count);
    const known = timesIn(found.sketch);
    if (known.length < found.count) {
      this.#unknown.push(where);
      return;
    }
    this.#suspected.compare(`${where} times`, times.length, known.length);
    const wrong = known.findIndex((ms, i) => !isClose(times[i] ?? ms, ms));
    if (wrong === -1) return;
    this.#suspected.add(
      `${where} time ${wrong + 1} of ${times.length}`,
      times[wrong],
      known[wrong],
    );
  }
}

const NO_MOVES: StoredMoves = { count: 0, sketch: { zeros: 0, bins: [] } };

/** Whether all sources, regions and pairs are surely told apart. */
function areToldApart(groups: NamedFigures): boolean {
  const pairs = [...groups.keys()].map((name) => JSON.parse(name) as [string, string]);
  const sources = new Set(pairs.map(([source]) => source));
  const regions = new Set(pairs.map(([, region]) => region));
  if (sources.size > MAX_SOURCES || regions.size > MAX_REGIONS) return false;
  return pairs.length <= MAX_TOLD_PAIRS;
}

/** The times in a sketch, each as its bin gives it, in rising order. */
function timesIn({ zeros, bins }: StoredSketch): number[] {
  const times = new Array<number>(zeros).fill(0);
  let bin = 0;
  for (const [distance, count] of bins) {
    bin += distance;
    const ms = (2 * GAMMA ** bin) / (GAMMA + 1);
    for (let i = 0; i < count; i++) times.push(ms);
  }
  return times;
}

function isClose(exactMs: number, ms: number): boolean {
  return Math.abs(ms - exactMs) <= TOLERANCE * exactMs;
}

function inOrder(times: readonly number[]): number[] {
  return times.slice().sort((a, b) => a - b);
}
