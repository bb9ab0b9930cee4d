/**
 * What the lift promises, in simulated trials of which we know the truth, watched at every event:
 * without an effect at most one trial in twenty ever shows one, with an effect the intervals hold
 * it all the time. The tables of docs/lift.md are what this file prints.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ArmSums,
  liftOf,
  logEvidenceAgainstRatio,
  rateDifference,
  revenueDifference,
  type TrialSums,
  unitedSums,
} from '../../actors/campaign/lift.ts';
import type { Interval } from '../../actors/campaign/lift-difference.ts';
import { seededRandom } from '../../runtime/simulate/random.ts';
import { holds } from '../generators.ts';

const SEED = 20_240_601;
const RUNS = 1_000;
/** LIFT_LENGTH=5 watches trials of five times as many users. */
const LENGTH = Number(process.env.LIFT_LENGTH ?? 1);
const ERROR_RATE = 0.05;
const LOG_LIMIT = Math.log(1 / ERROR_RATE);
const Z_95 = 1.959963984540054;
const Z_80 = 0.8416212335729143;

interface Scenario {
  readonly users: number;
  /** Probability of control. */
  readonly control: number;
  /** Control users who convert. */
  readonly rate: number;
  /** p1 / p0 - 1; 0 unless given. */
  readonly lift?: number;
  /** Mean delay of an outcome, in users enrolled meanwhile; those beyond five times it are lost. */
  readonly delay?: number;
  /** Deviation of the logarithm of an order's value; 1 unless given. */
  readonly spread?: number;
  /** Shares of buyers who buy again, and of those who send everything back. */
  readonly again?: number;
  readonly back?: number;
  /** Looks after each user enrolled too; otherwise after every outcome only, which is faster. */
  readonly isEveryEvent?: boolean;
}

const MEDIAN_ORDER_CENTS = 5_000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Outcome = 'enrolled' | 'converted' | 'revenue';

/** Trials of a scenario, one after the other from one seed; mutable, so that it is fast. */
class Trials {
  readonly treated: Mutable<ArmSums> = arm(0, 0, 0, 0);
  readonly control: Mutable<ArmSums> = arm(0, 0, 0, 0);
  readonly sums: TrialSums;
  readonly #scenario: Scenario;
  readonly #random: () => number;
  /** Outcomes that are to come, as chains by their time: `first` of a time, then `next`. */
  readonly #first: Int32Array;
  readonly #next: Int32Array;
  readonly #user: Int32Array;
  readonly #cents: Int32Array;
  readonly #revenue: Float64Array;
  readonly #isControl: Uint8Array;
  readonly #isConverted: Uint8Array;
  #outcomes = 0;

  constructor(scenario: Scenario, seed: number) {
    const { users, control, delay = 0 } = scenario;
    this.#scenario = scenario;
    this.#random = seededRandom(seed);
    const control_ppm = Math.round(control * 1_000_000);
    this.sums = { treated: this.treated, control: this.control, control_ppm };
    this.#first = new Int32Array(users + 15 * delay + 1);
    // No user has more than three outcomes; number 0 is none.
    this.#next = new Int32Array(3 * users + 1);
    this.#user = new Int32Array(3 * users + 1);
    this.#cents = new Int32Array(3 * users + 1);
    this.#revenue = new Float64Array(users);
    this.#isControl = new Uint8Array(users);
    this.#isConverted = new Uint8Array(users);
  }

  /** One trial from the first user to the last outcome; `look` is called after every event. */
  run(look: (outcome: Outcome) => void): void {
    const { users, control, rate, lift = 0, isEveryEvent = false } = this.#scenario;
    const { treated: ofTreated, control: ofControl } = this;
    const [random, first, isControls] = [this.#random, this.#first, this.#isControl];
    const rateOfTreated = rate * (1 + lift);
    Object.assign(this.treated, arm(0, 0, 0, 0));
    Object.assign(this.control, arm(0, 0, 0, 0));
    this.#first.fill(0);
    this.#revenue.fill(0);
    this.#isConverted.fill(0);
    this.#outcomes = 0;
    for (let t = 0; t < users; t++) {
      const drawn = random();
      const isControl = drawn < control;
      isControls[t] = isControl ? 1 : 0;
      (isControl ? ofControl : ofTreated).users++;
      if (isEveryEvent) look('enrolled');
      // What is left of the drawn number is uniform again.
      const rest = isControl ? drawn / control : (drawn - control) / (1 - control);
      if (rest < (isControl ? rate : rateOfTreated)) this.#plan(t);
      if (first[t] !== 0) this.#settle(t, look);
    }
    for (let t = users; t < this.#first.length; t++) this.#settle(t, look);
  }

  /** What a user who converts will do, and when. */
  #plan(user: number): void {
    const { again = 0, back = 0 } = this.#scenario;
    const cents = this.#order();
    const at = this.#add(user, user, cents);
    if (at === undefined) return;
    if (again > 0 && this.#random() < again) this.#add(at, user, this.#order());
    if (back > 0 && this.#random() < back) this.#add(at, user, -cents);
  }

  /** A normal number by Box and Muller (1958), as the logarithm of an order's value. */
  #order(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.#random()));
    const normal = radius * Math.cos(2 * Math.PI * this.#random());
    return Math.round(MEDIAN_ORDER_CENTS * Math.exp((this.#scenario.spread ?? 1) * normal));
  }

  /** The time of the outcome; undefined if it falls out of the window. */
  #add(after: number, user: number, cents: number): number | undefined {
    const { delay = 0 } = this.#scenario;
    const waited = delay === 0 ? 0 : Math.floor(-delay * Math.log(1 - this.#random()));
    if (waited > 5 * delay) return undefined;
    const at = after + waited;
    const outcome = ++this.#outcomes;
    this.#next[outcome] = this.#first[at] as number;
    this.#first[at] = outcome;
    this.#user[outcome] = user;
    this.#cents[outcome] = cents;
    return at;
  }

  #settle(t: number, look: (outcome: Outcome) => void): void {
    let outcome = this.#first[t] as number;
    for (; outcome !== 0; outcome = this.#next[outcome] as number) {
      const user = this.#user[outcome] as number;
      const cents = this.#cents[outcome] as number;
      const sums = this.#isControl[user] === 1 ? this.control : this.treated;
      const isFirst = this.#isConverted[user] === 0;
      const was = this.#revenue[user] as number;
      const is = was + cents;
      if (isFirst) sums.converted++;
      this.#isConverted[user] = 1;
      this.#revenue[user] = is;
      sums.revenue_cents += cents;
      sums.revenue_cents_squared += is * is - was * was;
      look(isFirst ? 'converted' : 'revenue');
    }
  }
}

function arm(users: number, converted: number, cents: number, squared: number): ArmSums {
  return { users, converted, revenue_cents: cents, revenue_cents_squared: squared };
}

function isOutside(interval: Interval | null, truth: number): boolean {
  return interval !== null && (truth < interval.low || truth > interval.high);
}

/** What people do who watch a test that was made for one look: |z| > 1.96 of two proportions. */
function isNaivelySignificant(treated: ArmSums, control: ArmSums): boolean {
  const users = treated.users + control.users;
  const rate = (treated.converted + control.converted) / users;
  const variance = rate * (1 - rate) * (1 / treated.users + 1 / control.users);
  const difference = treated.converted / treated.users - control.converted / control.users;
  return Math.abs(difference) > Z_95 * Math.sqrt(variance);
}

/** Trials in which the truth was ever outside; `shown` where there was an interval to be wrong. */
interface Errors {
  conversions: number;
  relative: number;
  revenue: number;
  naive: number;
  conversionsShown: number;
  revenueShown: number;
  /** Users enrolled when each trial was proven, in ascending order; infinite if it never was. */
  readonly provenAt: number[];
}

/** Looks at every event of every trial, for each figure until it is seen to be wrong. */
function watch(scenario: Scenario, runs: number, seed: number): Errors {
  const { rate, lift = 0, spread = 1 } = scenario;
  const trials = new Trials(scenario, seed);
  const { treated, control, sums } = trials;
  const rateTruth = rate * lift;
  const revenueTruth = rateTruth * MEDIAN_ORDER_CENTS * Math.exp((spread * spread) / 2);
  const errors = { conversions: 0, relative: 0, revenue: 0, naive: 0 };
  const shown = { conversionsShown: 0, revenueShown: 0 };
  const provenAt: number[] = [];
  for (let run = 0; run < runs; run++) {
    let [conversions, relative, revenue, naive] = [false, false, false, false];
    let users = Number.POSITIVE_INFINITY;
    trials.run((outcome) => {
      const difference = rateDifference(treated, control);
      conversions ||= isOutside(difference, rateTruth);
      // The naive test starts where ours does, or it would err still more often.
      naive ||= difference !== null && isNaivelySignificant(treated, control);
      revenue ||= isOutside(revenueDifference(treated, control), revenueTruth);
      // Only conversions move it.
      if (outcome !== 'converted') return;
      relative ||= logEvidenceAgainstRatio(sums, 1 + lift) >= LOG_LIMIT;
      if (users < Number.POSITIVE_INFINITY || logEvidenceAgainstRatio(sums) < LOG_LIMIT) return;
      users = treated.users + control.users;
    });
    provenAt.push(users);
    errors.conversions += Number(conversions);
    errors.relative += Number(relative);
    errors.revenue += Number(revenue);
    errors.naive += Number(naive);
    shown.conversionsShown += Number(rateDifference(treated, control) !== null);
    shown.revenueShown += Number(revenueDifference(treated, control) !== null);
  }
  return { ...errors, ...shown, provenAt: provenAt.sort((a, b) => a - b) };
}

function percent(part: number, whole = RUNS): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}

function print(...cells: readonly (string | number)[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

const DELAYED = { again: 0.3, back: 0.1 };
const NULLS: Readonly<Record<string, Scenario>> = {
  'control 50 %, rate 0.5 %': { users: 25_000, control: 0.5, rate: 0.005 },
  'control 10 %, rate 0.5 %': { users: 60_000, control: 0.1, rate: 0.005 },
  'control 5 %, rate 0.5 %': { users: 120_000, control: 0.05, rate: 0.005 },
  'control 50 %, rate 5 %': { users: 8_000, control: 0.5, rate: 0.05, isEveryEvent: true },
  'control 10 %, rate 5 %': { users: 15_000, control: 0.1, rate: 0.05 },
  'control 5 %, rate 5 %': { users: 25_000, control: 0.05, rate: 0.05 },
  'control 50 %, rate 20 %': { users: 5_000, control: 0.5, rate: 0.2 },
  'control 10 %, rate 20 %': { users: 5_000, control: 0.1, rate: 0.2, isEveryEvent: true },
  'control 5 %, rate 20 %': { users: 8_000, control: 0.05, rate: 0.2 },
  'delayed, control 10 %, rate 5 %': {
    ...{ users: 15_000, control: 0.1, rate: 0.05, delay: 2_000, ...DELAYED },
  },
  'delayed, control 10 %, rate 20 %': {
    ...{ users: 5_000, control: 0.1, rate: 0.2, delay: 500, ...DELAYED, isEveryEvent: true },
  },
  'orders of σ = 2, control 5 %, rate 5 %': {
    ...{ users: 25_000, control: 0.05, rate: 0.05, spread: 2 },
  },
};

test.each(Object.keys(NULLS))('no effect, %s: at most one trial in 20 ever shows one', (name) => {
  const drawn = NULLS[name] as Scenario;
  const seed = SEED + Object.keys(NULLS).indexOf(name);
  const scenario = { ...drawn, users: LENGTH * drawn.users };
  const { conversions, relative, revenue, naive, ...shown } = watch(scenario, RUNS, seed);
  const shares = [conversions, relative, revenue, naive, shown.conversionsShown];
  print(name, scenario.users, ...[...shares, shown.revenueShown].map((n) => percent(n)));
  for (const errors of [conversions, relative, revenue]) {
    expect(errors / RUNS).toBeLessThanOrEqual(ERROR_RATE);
  }
});

/** 80 % to find the effect with 5 % error, if one looks once: users in both arms together. */
function fixedUsers({ control, rate, lift = 0 }: Scenario): number {
  const other = rate * (1 + lift);
  const variance = (rate * (1 - rate)) / control + (other * (1 - other)) / (1 - control);
  return Math.ceil(((Z_95 + Z_80) ** 2 * variance) / (rate * lift) ** 2);
}

const EFFECTS: Readonly<Record<string, Scenario>> = {
  'control 50 %, rate 5 %, lift +20 %': { users: 35_000, control: 0.5, rate: 0.05, lift: 0.2 },
  'control 10 %, rate 5 %, lift +50 %': { users: 18_000, control: 0.1, rate: 0.05, lift: 0.5 },
  'control 50 %, rate 20 %, lift +20 %': { users: 8_000, control: 0.5, rate: 0.2, lift: 0.2 },
  'control 50 %, rate 20 %, lift -20 %': { users: 8_000, control: 0.5, rate: 0.2, lift: -0.2 },
};
const EFFECT_RUNS = 1_000;

test.each(Object.keys(EFFECTS))('%s: the intervals hold it all the time, and find it', (name) => {
  const scenario = EFFECTS[name] as Scenario;
  // Of its own, or all scenarios would have the same luck.
  const seed = SEED + 100 + Object.keys(EFFECTS).indexOf(name);
  const { conversions, relative, revenue, provenAt } = watch(scenario, EFFECT_RUNS, seed);
  const [median, most] = [0.5, 0.8].map((share) => provenAt[share * EFFECT_RUNS] as number);
  const covered = [conversions, relative, revenue].map((n) => EFFECT_RUNS - n);
  const proven = provenAt.filter((users) => users < Number.POSITIVE_INFINITY).length;
  const shares = [...covered, proven].map((n) => percent(n, EFFECT_RUNS));
  print(name, scenario.users, ...shares, median ?? '', most ?? '', fixedUsers(scenario));
  for (const n of covered) expect(n / EFFECT_RUNS).toBeGreaterThanOrEqual(1 - ERROR_RATE);
  expect(proven / EFFECT_RUNS).toBeGreaterThan(0.8);
  expect(most).toBeLessThan(3 * fixedUsers(scenario));
});

test('where nine in ten convert, and late, the relative lift still holds', () => {
  const scenario = { users: 4_000, control: 0.5, rate: 0.9, delay: 1_600 };
  const runs = 400;
  const { conversions, relative } = watch(scenario, runs, SEED);
  const shares = [conversions, relative].map((n) => percent(n, runs));
  print('beyond the promise: delayed, rate 90 %', ...shares);
  expect(relative / runs).toBeLessThanOrEqual(ERROR_RATE);
});

test('a delay that both arms share leaves the relative lift where it is', () => {
  const scenario = { users: 4_000, control: 0.5, rate: 0.2, lift: 0.2, delay: 800 };
  expect(watch(scenario, EFFECT_RUNS, SEED).relative / EFFECT_RUNS).toBeLessThanOrEqual(ERROR_RATE);
});

const arms = fc
  .record({ users: fc.nat(5_000), converted: fc.nat(5_000), cents: fc.array(fc.nat(50_000)) })
  .map(({ users, converted, cents }) =>
    arm(
      Math.max(users, converted),
      converted,
      cents.reduce((sum, each) => sum + each, 0),
      cents.reduce((sum, each) => sum + each * each, 0),
    ),
  );
const shares = fc.integer({ min: 1, max: 999_999 });
const trials = fc.record({ treated: arms, control: arms, control_ppm: shares });

test('sums of partitions, in any order and united in any steps, give the lift of all', () => {
  const user = fc.record({
    partition: fc.nat(5),
    isControl: fc.boolean(),
    isConverted: fc.boolean(),
    cents: fc.integer({ min: -5_000, max: 50_000 }),
  });
  const emptySums = (): TrialSums => ({
    ...{ treated: arm(0, 0, 0, 0), control: arm(0, 0, 0, 0), control_ppm: 300_000 },
  });
  holds(
    fc.property(fc.array(user, { minLength: 1, maxLength: 400 }), fc.nat(5), (users, turn) => {
      const partitions = Array.from({ length: 6 }, emptySums);
      const whole = emptySums();
      for (const { partition, isControl, isConverted, cents } of users) {
        for (const sums of [whole, partitions[partition] as TrialSums]) {
          const own = (isControl ? sums.control : sums.treated) as Mutable<ArmSums>;
          own.users++;
          if (!isConverted) continue;
          own.converted++;
          own.revenue_cents += cents;
          own.revenue_cents_squared += cents * cents;
        }
      }
      const turned = [...partitions.slice(turn), ...partitions.slice(0, turn)].reverse();
      expect(unitedSums(partitions)).toEqual(whole);
      expect(liftOf(unitedSums(turned))).toEqual(liftOf(whole));
      const halves = [unitedSums(turned.slice(0, 3)), unitedSums(turned.slice(3))];
      expect(liftOf(unitedSums(halves))).toEqual(liftOf(whole));
    }),
  );
});

test('the interval of the relative lift holds what its evidence does not exclude', () => {
  holds(
    fc.property(trials, (sums) => {
      const { relative, isProven, isSplitAsPlanned } = liftOf(sums);
      const isExcluded = logEvidenceAgainstRatio(sums) >= LOG_LIMIT;
      expect(isProven).toBe(isExcluded && isSplitAsPlanned);
      const [low, high] = [1 + relative.low, 1 + (relative.high ?? Number.POSITIVE_INFINITY)];
      expect(high).toBeGreaterThan(low);
      // Further down, 1 + (ratio - 1) has not enough digits left of the ratio.
      if (low > 1e-4) expect(logEvidenceAgainstRatio(sums, low)).toBeCloseTo(LOG_LIMIT, 5);
      if (high < 1e9) expect(logEvidenceAgainstRatio(sums, high)).toBeCloseTo(LOG_LIMIT, 5);
    }),
  );
});

test('with the arms exchanged the lift is the inverse, and differences change sign', () => {
  holds(
    fc.property(trials, ({ treated, control, control_ppm }) => {
      const here = liftOf({ treated, control, control_ppm });
      const there = liftOf({
        ...{ treated: control, control: treated, control_ppm: 1_000_000 - control_ppm },
      });
      const [low, high] = [1 + here.relative.low, 1 + (here.relative.high ?? 0)];
      const inverse = there.relative;
      if (here.relative.high === null) expect(inverse.low).toBe(-1);
      else if (high < 1e4) expect(high * (1 + inverse.low)).toBeCloseTo(1, 6);
      if (treated.converted === 0) expect(inverse.high).toBeNull();
      else if (low > 1e-4) expect(low * (1 + (inverse.high as number))).toBeCloseTo(1, 6);
      const [rate, other] = [here.conversionRate, there.conversionRate];
      expect(rate === null).toBe(other === null);
      if (rate !== null) expect(rate.low).toBeCloseTo(-(other?.high as number), 12);
      expect(there.isProven).toBe(here.isProven);
    }),
  );
});
