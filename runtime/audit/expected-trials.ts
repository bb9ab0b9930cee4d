/**
 * Holdouts, from docs/semantics.md ("Holdouts"): who is in which control group, which trials a user
 * takes part in, and what the arms bought. Every enrolment is kept with all its conversions; cells
 * are summed from them once, at the end.
 */
import { HOLDOUT_SEED } from '../../actors/campaign/holdout.ts';
import { hash64 } from '../../actors/hash.ts';
import type { TrialCell } from '../../protocols/cells.ts';
import { toMicros } from '../../protocols/money.ts';
import { MAX_TRIALS, type TrialEntry } from '../../protocols/user-snapshot.ts';

const MICROS_PER_CENT = 10_000;
const MAX_CENTS = 1_000_000;

/** A user's part in one trial. */
interface Enrolment {
  readonly campaign: string;
  readonly ppm: number;
  readonly isControl: boolean;
  readonly t: number;
  /** The conversions that count in it, each by its value. */
  readonly cents: number[];
}

/** What an auction enrols a user in. */
export type Enrolling = Pick<Enrolment, 'campaign' | 'ppm' | 'isControl'>;

/** Whether a user is in a campaign's control group, or in that of all campaigns. */
export function isHeldOut(user: string, campaign: string, ppm: number): boolean {
  const lane = Number.parseInt(hash64(`${user}\n${campaign}`, HOLDOUT_SEED).slice(0, 8), 16);
  return lane * 1_000_000 < ppm * 2 ** 32;
}

/** All that ever took part in a partition's trials. */
export class TrialTotals {
  readonly enrolments: Enrolment[] = [];

  /** The cells by name. */
  cells(): Map<string, TrialCell> {
    const cells = new Map<string, TrialCell>();
    for (const { campaign, ppm, isControl, cents } of this.enrolments) {
      const name = `trial.${campaign}.${ppm}`;
      const cell = cells.get(name) ?? { v: 2, treated: emptyArm(), control: emptyArm() };
      cells.set(name, cell);
      const arm = isControl ? cell.control : cell.treated;
      const total = totalOf(cents);
      arm.users++;
      if (cents.length > 0) arm.converted++;
      arm.revenue_cents += total;
      arm.revenue_cents_squared += total ** 2;
    }
    return cells;
  }
}

/** The trials that one user takes part in. */
export class ExpectedTrials {
  readonly #totals: TrialTotals;
  #kept: Enrolment[] = [];

  constructor(totals: TrialTotals) {
    this.#totals = totals;
  }

  /** An auction at a time enrols the user, where there is room. */
  enrol(enrolling: readonly Enrolling[], t: number, windowMs: number): void {
    for (const { campaign, ppm, isControl } of enrolling) {
      const isKnown = this.#kept.some((each) => each.campaign === campaign && each.ppm === ppm);
      if (isKnown) continue;
      if (this.#kept.length >= MAX_TRIALS) {
        const over = this.#kept.find((each) => each.t + windowMs < t);
        if (over === undefined) continue;
        this.#kept = this.#kept.filter((each) => each !== over);
      }
      const enrolment = { campaign, ppm, isControl, t, cents: [] };
      this.#kept.push(enrolment);
      this.#totals.enrolments.push(enrolment);
    }
  }

  /** A conversion counts in every trial that it is an outcome of. */
  conversion(t: number, value: number, windowMs: number): void {
    for (const each of this.#kept) {
      if (each.t > t || t - each.t > windowMs) continue;
      each.cents.push(Math.round(toMicros(value) / MICROS_PER_CENT));
    }
  }

  forget(): void {
    this.#kept = [];
  }

  /** As stored. */
  stored(): TrialEntry[] {
    return this.#kept.map(({ cents, ...entry }) => {
      return { ...entry, conversions: cents.length, cents: totalOf(cents) };
    });
  }
}

function totalOf(cents: readonly number[]): number {
  const sum = cents.reduce((all, each) => all + each, 0);
  return Math.min(MAX_CENTS, sum);
}

function emptyArm(): TrialCell['treated'] {
  return { users: 0, converted: 0, revenue_cents: 0, revenue_cents_squared: 0 };
}
