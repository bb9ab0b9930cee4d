/**
 * Public data: Hillstrom's e-mail test of 64,000 customers (2008), a third each with the Mens mail,
 * the Womens mail and none, taken one by one. It is one real experiment with a known end, so every
 * interval on the way has to hold the final difference. docs/lift.md shows what is printed here.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import {
  type ArmSums,
  type Lift,
  liftOf,
  logEvidenceAgainstRatio,
  rateDifference,
  revenueDifference,
  type TrialSums,
} from '../../actors/campaign/lift.ts';
import type { Interval } from '../../actors/campaign/lift-difference.ts';
import { seededRandom } from '../../runtime/simulate/random.ts';
import { sharedFile } from '../public-sets.ts';

const FILE = sharedFile('hillstrom-email/hillstrom.csv.gz');
const SHUFFLES = 20;
const LOG_LIMIT = Math.log(20);

interface Customer {
  readonly segment: string;
  readonly visit: number;
  readonly conversion: number;
  readonly spendCents: number;
}

type Sums = { -readonly [K in keyof ArmSums]: ArmSums[K] };
type Outcome = 'visit' | 'conversion';

const [MENS, WOMENS, NONE] = ['Mens E-Mail', 'Womens E-Mail', 'No E-Mail'];
const PAIRS = [
  [MENS, NONE],
  [WOMENS, NONE],
  [MENS, WOMENS],
] as const;

/** As the description of the set has it: users, and rates per user to six digits. */
const PUBLISHED: Readonly<Record<string, readonly number[]>> = {
  'Mens E-Mail': [21_307, 0.182757, 0.012531, 1.422617],
  'Womens E-Mail': [21_387, 0.1514, 0.008837, 1.077202],
  'No E-Mail': [21_306, 0.106167, 0.005726, 0.652789],
};

/** In the file's order. Only the last columns are needed; no later one than a name has a comma. */
function readCustomers(file: string): Customer[] {
  const lines = gunzipSync(readFileSync(file)).toString().trim().split(/\r?\n/);
  return lines.slice(1).map((line) => {
    const [segment = '', visit, conversion, spend] = line.split(',').slice(-4);
    const spendCents = Math.round(100 * Number(spend));
    return { segment, visit: Number(visit), conversion: Number(conversion), spendCents };
  });
}

/** Fisher and Yates, from a seed. */
function shuffled(customers: readonly Customer[], seed: number): Customer[] {
  const random = seededRandom(seed);
  const order = [...customers];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] as Customer, order[i] as Customer];
  }
  return order;
}

function emptyTrial(): { treated: Sums; control: Sums; control_ppm: number } {
  const arm = () => ({ users: 0, converted: 0, revenue_cents: 0, revenue_cents_squared: 0 });
  // Of two segments of equal probability, each has half of their customers.
  return { treated: arm(), control: arm(), control_ppm: 500_000 };
}

function take(sums: Sums, customer: Customer, outcome: Outcome): void {
  sums.users++;
  sums.converted += customer[outcome];
  sums.revenue_cents += customer.spendCents;
  sums.revenue_cents_squared += customer.spendCents ** 2;
}

function trialOf(
  customers: readonly Customer[],
  [treated, control]: readonly (string | undefined)[],
  outcome: Outcome,
  look: (sums: TrialSums) => void = () => undefined,
): TrialSums {
  const sums = emptyTrial();
  for (const customer of customers) {
    if (customer.segment !== treated && customer.segment !== control) continue;
    take(customer.segment === treated ? sums.treated : sums.control, customer, outcome);
    look(sums);
  }
  return sums;
}

function line(...cells: readonly (string | number)[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

function shown(interval: Interval | null, factor: number, digits: number): string {
  if (interval === null) return '-';
  const [estimate, low, high] = [interval.estimate, interval.low, interval.high].map((value) =>
    (factor * value).toFixed(digits),
  );
  return `${estimate} (${low} … ${high})`;
}

function relativeShown({ relative: { estimate, low, high } }: Lift): string {
  return shown({ estimate: estimate ?? Number.NaN, low, high: high ?? Number.NaN }, 100, 1);
}

test.skipIf(FILE === undefined)('Hillstrom: rates per segment are the published ones', () => {
  const customers = readCustomers(FILE as string);
  for (const [segment, figures] of Object.entries(PUBLISHED)) {
    const visits = trialOf(customers, [segment], 'visit').treated;
    const { users, converted, revenue_cents } = trialOf(customers, [segment], 'conversion').treated;
    const found = [users, visits.converted / users, converted / users, revenue_cents / users / 100];
    found.forEach((value, i) => {
      expect(value).toBeCloseTo(figures[i] as number, 5);
    });
  }
});

test.skipIf(FILE === undefined)('Hillstrom: the final intervals hold the plain difference', () => {
  const customers = readCustomers(FILE as string);
  for (const pair of PAIRS) {
    const name = pair.map((segment) => segment?.split(' ')[0]).join(' - ');
    for (const outcome of ['visit', 'conversion'] as const) {
      const sums = trialOf(customers, pair, outcome);
      const { treated, control } = sums;
      const lift = liftOf(sums);
      const plain = treated.converted / treated.users - control.converted / control.users;
      expect(lift.isSplitAsPlanned).toBe(true);
      expect(lift.conversionRate?.low).toBeLessThan(plain);
      expect(lift.conversionRate?.high).toBeGreaterThan(plain);
      expect(lift.relative.low).toBeLessThan(lift.relative.estimate as number);
      expect(lift.relative.high).toBeGreaterThan(lift.relative.estimate as number);
      line(
        name,
        outcome,
        shown(lift.conversionRate, 100, 2),
        relativeShown(lift),
        `${lift.isProven}`,
      );
      if (outcome === 'visit') continue;
      const spend = treated.revenue_cents / treated.users - control.revenue_cents / control.users;
      expect(lift.revenueCents?.low).toBeLessThan(spend);
      expect(lift.revenueCents?.high).toBeGreaterThan(spend);
      line(name, 'spend', shown(lift.revenueCents, 0.01, 2), '', '');
    }
  }
});

/** Looks at each customer; whether an interval was ever wrong, and when zero was first excluded. */
function watched(customers: readonly Customer[], pair: (typeof PAIRS)[number], outcome: Outcome) {
  const end = liftOf(trialOf(customers, pair, outcome));
  const ratio = 1 + (end.relative.estimate as number);
  const isOut = (interval: Interval | null, truth = 0): boolean =>
    interval !== null && (truth < interval.low || truth > interval.high);
  let isWrong = false;
  let provenAt = Number.POSITIVE_INFINITY;
  let converted = 0;
  trialOf(customers, pair, outcome, (sums) => {
    const { treated, control } = sums;
    isWrong ||= isOut(rateDifference(treated, control), end.conversionRate?.estimate);
    isWrong ||= isOut(revenueDifference(treated, control), end.revenueCents?.estimate);
    // Only conversions move what follows.
    if (treated.converted + control.converted === converted) return;
    converted = treated.converted + control.converted;
    isWrong ||= logEvidenceAgainstRatio(sums, ratio) >= LOG_LIMIT;
    if (provenAt < Number.POSITIVE_INFINITY || logEvidenceAgainstRatio(sums) < LOG_LIMIT) return;
    provenAt = treated.users + control.users;
  });
  return { isWrong, provenAt };
}

test.skipIf(FILE === undefined)(
  'Hillstrom, customer by customer: in 95 % of orders the intervals hold the end all the time',
  () => {
    const customers = readCustomers(FILE as string);
    const orders = [customers];
    for (let seed = 1; seed <= SHUFFLES; seed++) orders.push(shuffled(customers, seed));
    for (const pair of PAIRS) {
      for (const outcome of ['visit', 'conversion'] as const) {
        const runs = orders.map((order) => watched(order, pair, outcome));
        const wrong = runs.filter(({ isWrong }) => isWrong).length;
        const [inFile, ...others] = runs.map(({ provenAt }) => provenAt);
        const sorted = others.sort((a, b) => a - b);
        const proven = others.filter((users) => users < Number.POSITIVE_INFINITY).length;
        const [first, median] = [sorted[0], sorted[SHUFFLES / 2]];
        line(pair.join(' - '), outcome, wrong, inFile ?? '', proven, first ?? '', median ?? '');
        expect(wrong).toBeLessThanOrEqual(0.05 * orders.length);
      }
    }
  },
);
