/** The lift of a trial: cases that another program calculated, edges, and what is refused. */
import { expect, test } from 'vitest';
import {
  type ArmSums,
  type Lift,
  liftOf,
  logEvidenceAgainstRatio,
  unitedSums,
} from '../../actors/campaign/lift.ts';
import { BEST_AT, BEST_Y, clockAt } from '../../actors/campaign/lift-difference.ts';
import { logBeta, logGamma } from '../../actors/campaign/lift-log-gamma.ts';

const HALF_PPM = 500_000;

function arm(users: number, converted: number, cents = 0, squared = 0): ArmSums {
  return { users, converted, revenue_cents: cents, revenue_cents_squared: squared };
}

function lift(treated: ArmSums, control: ArmSums, control_ppm = HALF_PPM): Lift {
  return liftOf({ treated, control, control_ppm });
}

// Calculated with 30 digits by another program (mpmath).
test.each([
  [0.001, 6.907178885383853],
  [0.1, 2.252712651734206],
  [0.5, 0.5723649429247001],
  [1, 0],
  [1.5, -0.12078223763524522],
  [2, 0],
  [2.5, 0.2846828704729192],
  [3.3, 0.9870985778947345],
  [9.999, 12.799575780077413],
  [10, 12.801827480081469],
  [33.3, 82.60372358165495],
  [120.7, 456.3752659466759],
  [1_000, 5905.220423209181],
  [123_456.789, 1323902.018795063],
  [1e7, 151180949.3694739],
  [1e9, 19_723_265_827.503716],
])('ln Γ(%d) is right to 1e-12', (x, known) => {
  expect(Math.abs(logGamma(x) - known)).toBeLessThan(1e-12 * Math.max(1, Math.abs(known)));
});

test.each([
  [0.5, 0.5, 1.1447298858494002],
  [3.1, 58.9, -11.90219916316793],
  [12.1, 109.9, -39.70842222166709],
  [1_000, 2_000, -1911.8746142144516],
  [1e6, 9e6, -3250835.670050886],
])('ln B(%d, %d) is right to 1e-12 of the terms it is made of', (a, b, known) => {
  const size = Math.max(1, Math.abs(logGamma(a + b)));
  expect(Math.abs(logBeta(a, b) - known)).toBeLessThan(1e-12 * size);
});

// Calculated by another program: scipy's betaln, and Brent's method in θ instead of bisection.
test.each([
  [100, 150, 500_000, -0.006609037530565742, 1.2914133101963636],
  [500, 640, 500_000, 0.06059288391754625, 0.5470498056906037],
  [40, 1_100, 50_000, -0.06997077902393878, 1.4161240850919143],
  [3, 9, 500_000, -0.5118315886597891, 36.99918769046883],
])(
  '%d control and %d treated converted at %d ppm: the interval that scipy finds',
  (control, treated, ppm, low, high) => {
    const { relative } = lift(arm(50_000, treated), arm(50_000, control), ppm);
    expect(relative.low).toBeCloseTo(low, 9);
    expect(relative.high).toBeCloseTo(high, 8);
  },
);

test('differences of rates and of revenue are those that another program calculates', () => {
  const treated = arm(9_000, 540, 5_400_000, 60_000_000_000);
  const control = arm(1_000, 50, 400_000, 5_000_000_000);
  const { conversionRate, revenueCents } = lift(treated, control, 100_000);
  expect(conversionRate?.estimate).toBeCloseTo(0.01, 12);
  expect(conversionRate?.low).toBeCloseTo(-0.014003250516852792, 12);
  expect(conversionRate?.high).toBeCloseTo(0.03400325051685278, 12);
  expect(revenueCents?.estimate).toBeCloseTo(200, 9);
  expect(revenueCents?.low).toBeCloseTo(-53.00296311126215, 8);
  expect(revenueCents?.high).toBeCloseTo(453.00296311126215, 8);
});

test('the intervals are narrowest, compared with fixed ones, at the stated clock', () => {
  expect(BEST_Y - Math.log1p(BEST_Y) - 2 * Math.log(20)).toBeCloseTo(0, 12);
  expect(clockAt(21_000, 1_000)).toBe(1_050);
  /** Users in each arm at a rate of 1 %, for a clock of `at`. */
  const factorAt = (at: number): number => {
    const users = (at * 99) / 2;
    const found = lift(arm(users, users / 100), arm(users, users / 100)).conversionRate;
    const variance = (0.01 * 0.99 * users) / (users - 1);
    return (found?.high ?? Number.NaN) / Math.sqrt((2 * variance) / users);
  };
  expect(factorAt(BEST_AT)).toBeCloseTo(3.0351, 3);
  expect(factorAt(BEST_AT / 2)).toBeCloseTo(3.0787, 3);
  expect(factorAt(2 * BEST_AT)).toBeCloseTo(3.064, 3);
  expect(factorAt(10 * BEST_AT)).toBeCloseTo(3.2463, 3);
  expect(factorAt(100 * BEST_AT)).toBeCloseTo(3.5664, 3);
});

// All streams of converted users at once: the probability of each count that was never out.
test.each([
  [500_000, 1],
  [100_000, 1],
  [50_000, 1],
  [1_000, 1],
  [500_000, 1.2],
  [500_000, 0.8],
  [100_000, 1.5],
])(
  'control %d ppm, p1/p0 = %d: the exact probability that it is ever missed is below 0.05',
  (control_ppm, ratio) => {
    const pi = control_ppm / 1_000_000;
    const theta = pi / (pi + (1 - pi) * ratio);
    let covered = Float64Array.of(1);
    let missed = 0;
    for (let n = 1; n <= 2_000; n++) {
      const next = new Float64Array(n + 1);
      for (let k = 0; k <= n; k++) {
        const isControl = k === 0 ? 0 : (covered[k - 1] as number) * theta;
        const isTreated = k === n ? 0 : (covered[k] as number) * (1 - theta);
        const mass = isControl + isTreated;
        // What is that rare does not matter to the sum, and most counts are.
        if (mass < 1e-15) continue;
        const sums = { treated: arm(n, n - k), control: arm(n, k), control_ppm };
        if (logEvidenceAgainstRatio(sums, ratio) >= Math.log(20)) missed += mass;
        else next[k] = mass;
      }
      covered = next;
    }
    process.stdout.write(`control ${control_ppm} ppm, p1/p0 ${ratio}: exact error ${missed}\n`);
    expect(missed).toBeLessThan(0.05);
    expect(missed).toBeGreaterThan(0.001);
  },
);

test('a trial without users says nothing, in numbers that JSON can carry', () => {
  const nothing = lift(arm(0, 0), arm(0, 0));
  expect(nothing).toEqual({
    conversionRate: null,
    revenueCents: null,
    relative: { estimate: null, low: -1, high: null },
    isSplitAsPlanned: true,
    isProven: false,
  });
  expect(JSON.parse(JSON.stringify(nothing))).toEqual(nothing);
});

test('while no control user has converted there is no upper bound, but maybe a proof', () => {
  const early = lift(arm(100, 5), arm(100, 0));
  expect(early.relative).toMatchObject({ estimate: null, high: null });
  expect(early.isProven).toBe(false);
  const clear = lift(arm(100, 40), arm(100, 0));
  expect(clear.relative.low).toBeGreaterThan(0);
  expect(clear.isProven).toBe(true);
});

test('while no treated user has converted a total loss is possible; harm can be proven', () => {
  const harm = lift(arm(100, 0), arm(100, 40));
  expect(harm.relative).toMatchObject({ estimate: -1, low: -1 });
  expect(harm.relative.high).toBeLessThan(0);
  expect(harm.isProven).toBe(true);
});

test('differences are null below each of the minimum sizes, and there from them on', () => {
  const rate = (users: number, converted: number) =>
    lift(arm(1_000, 500), arm(users, converted)).conversionRate;
  expect(rate(199, 100)).toBeNull();
  expect(rate(200, 24)).toBeNull();
  expect(rate(200, 176)).toBeNull();
  expect(rate(200, 25)).not.toBeNull();
  expect(rate(200, 175)).not.toBeNull();
  const revenue = (users: number, converted: number) =>
    lift(arm(1_000, 500, 500_000, 600_000_000), arm(users, converted, 50_000, 60_000_000))
      .revenueCents;
  expect(revenue(199, 100)).toBeNull();
  expect(revenue(200, 49)).toBeNull();
  expect(revenue(200, 50)).not.toBeNull();
});

test('users who all pay the same have no variance: no interval, not one without width', () => {
  const all = arm(1_000, 1_000, 100_000, 10_000_000);
  expect(lift(all, all).revenueCents).toBeNull();
  // Of zeros and one price there is.
  const some = arm(1_000, 100, 10_000, 1_000_000);
  expect(lift(some, some).revenueCents).toMatchObject({ estimate: 0 });
});

test('a refund lowers the revenue of its arm and leaves its conversions', () => {
  const control = arm(5_000, 250, 1_250_000, 7_000_000_000);
  const before = lift(arm(5_000, 250, 1_250_000, 7_000_000_000), control);
  // One user's 9,000 cents fall to 4,000.
  const squared = 7_000_000_000 - 9_000 ** 2 + 4_000 ** 2;
  const after = lift(arm(5_000, 250, 1_245_000, squared), control);
  expect(before.revenueCents?.estimate).toBe(0);
  expect(after.revenueCents?.estimate).toBeCloseTo(-1, 9);
  expect(after.conversionRate).toEqual(before.conversionRate);
  expect(after.relative).toEqual(before.relative);
});

test('a split that is not the planned one proves nothing, whatever the conversions say', () => {
  const fits = lift(arm(5_000, 500), arm(5_000, 250));
  expect(fits).toMatchObject({ isSplitAsPlanned: true, isProven: true });
  const broken = lift(arm(5_000, 500), arm(4_000, 250));
  expect(broken).toMatchObject({ isSplitAsPlanned: false, isProven: false });
});

test('a hundred million converted users are still no trouble', () => {
  const { relative, isProven } = lift(arm(1e9, 1e8), arm(1e9, 1e8));
  expect(relative.low).toBeLessThan(0);
  expect(relative.high).toBeGreaterThan(0);
  expect(relative.high).toBeLessThan(0.001);
  expect(isProven).toBe(false);
});

test.each([
  [0, /control_ppm: expected above 0 and below 1000000, found 0/],
  [1_000_000, /control_ppm/],
  [Number.NaN, /control_ppm/],
])('a share of control of %d ppm is refused', (control_ppm, message) => {
  expect(() => lift(arm(1, 0), arm(1, 0), control_ppm)).toThrow(message);
});

test('more conversions than users, or fewer than none, are refused', () => {
  expect(() => lift(arm(1, 2), arm(1, 0))).toThrow(/converted: expected 0 to 1 users, found 2/);
  expect(() => lift(arm(1, 0), arm(1, -1))).toThrow(/converted: expected 0 to 1 users, found -1/);
});

test('sums of no partitions, and of trials with different shares of control, are refused', () => {
  const sums = { treated: arm(1, 0), control: arm(1, 0), control_ppm: 100_000 };
  expect(() => unitedSums([])).toThrow(/parts: expected at least one/);
  expect(() => unitedSums([sums, { ...sums, control_ppm: 50_000 }])).toThrow(
    /expected one share in all parts, found 100000 and 50000/,
  );
});
