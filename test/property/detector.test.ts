/**
 * What holds for detectors over any series: a restart forgets nothing, the window's moments are
 * exact, units do not matter, and scores stay in their range.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DetectorMode, newDetector } from '../../actors/detector/detector.ts';
import type { Point } from '../../actors/detector/point.ts';
import {
  emptyWindow,
  learnWindow,
  windowMean,
  windowVariance,
} from '../../actors/detector/window-moments.ts';
import { holds } from '../generators.ts';
import { judged, normals } from '../simulated-series.ts';

const modes = fc.constantFrom<DetectorMode>('robust', 'plain');

/** Noise with spikes, runs of equal values, shifts and gaps, over a few days. */
const series: fc.Arbitrary<Point[]> = fc
  .record({
    seed: fc.nat(),
    count: fc.integer({ min: 1, max: 700 }),
    spacingMs: fc.constantFrom(1_000, 300_000, 3_600_000),
    decimals: fc.constantFrom(0, 6),
    incidents: fc.array(fc.tuple(fc.nat(700), fc.integer({ min: -40, max: 40 })), { maxLength: 5 }),
    gapAt: fc.nat(700),
  })
  .map(({ seed, count, spacingMs, decimals, incidents, gapAt }) => {
    const normal = normals(seed);
    let level = 10;
    return Array.from({ length: count }, (_, i) => {
      const incident = incidents.find(([at]) => at === i)?.[1] ?? 0;
      if (incident % 2 === 1) level += incident;
      const value = Number((level + normal() + incident).toFixed(decimals));
      return { t: (i + (i > gapAt ? 100 : 0)) * spacingMs, value };
    });
  });

test('a restart at any point forgets nothing: verdicts and state go on to the same bits', () => {
  holds(
    fc.property(series, fc.nat(700), modes, (points, at, mode) => {
      const whole = judged(points, newDetector(mode));
      const before = judged(points.slice(0, at), newDetector(mode));
      const after = judged(points.slice(at), JSON.parse(JSON.stringify(before.state)));
      expect([...before.verdicts, ...after.verdicts]).toEqual(whole.verdicts);
      expect(JSON.stringify(after.state)).toBe(JSON.stringify(whole.state));
    }),
  );
});

test('scores are from 0 to 1 and every figure is finite, whatever the values', () => {
  const wild = fc.array(fc.double({ min: -1e100, max: 1e100, noNaN: true }), { maxLength: 200 });
  holds(
    fc.property(wild, modes, (values, mode) => {
      const points = values.map((value, i) => ({ t: i * 60_000, value }));
      for (const { score, expected, z } of judged(points, newDetector(mode)).verdicts) {
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
        expect(Number.isFinite(expected) && Number.isFinite(z)).toBe(true);
      }
    }),
  );
});

test('another unit changes no score: neither a factor nor an offset matters', () => {
  holds(
    fc.property(
      series,
      fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
      fc.integer({ min: -1_000, max: 1_000 }),
      modes,
      (points, factor, offset, mode) => {
        const moved = points.map(({ t, value }) => ({
          t,
          value: value * factor + offset * factor,
        }));
        const original = judged(points, newDetector(mode)).verdicts;
        judged(moved, newDetector(mode)).verdicts.forEach(({ score, z }, i) => {
          expect(Math.abs(score - (original[i]?.score ?? Number.NaN))).toBeLessThan(1e-6);
          expect(Math.abs(z - (original[i]?.z ?? Number.NaN))).toBeLessThan(
            1e-6 * (1 + Math.abs(z)),
          );
        });
      },
    ),
  );
});

test('the window has the variance of two passes to 1e-9, with large offsets and outliers', () => {
  // Nine decimals: the squares of far smaller numbers have hardly a digit left.
  const nano = fc.integer({ min: -1e9, max: 1e9 }).map((units) => units / 1e9);
  const values = fc.array(
    fc.oneof({ weight: 9, arbitrary: nano }, { weight: 1, arbitrary: nano.map((x) => x * 1e6) }),
    { minLength: 2, maxLength: 400 },
  );
  holds(
    fc.property(
      values,
      fc.constantFrom(0, 1e3, 1e9, -1e12),
      fc.integer({ min: 2, max: 60 }),
      (numbers, offset, points) => {
        let window = emptyWindow(points);
        numbers.forEach((number, i) => {
          window = learnWindow(window, number + offset);
          const last = numbers.slice(Math.max(0, i + 1 - points), i + 1).map((x) => x + offset);
          const { mean, variance } = twoPasses(last);
          expect(Math.abs(windowMean(window) - mean)).toBeLessThan(
            1e-9 * (Math.abs(mean) + Math.sqrt(variance) + 1),
          );
          expect(Math.abs(windowVariance(window) - variance)).toBeLessThanOrEqual(1e-9 * variance);
        });
      },
    ),
  );
});

/** The definition, less a value of the window so that the reference itself is exact. */
function twoPasses(values: readonly number[]): { mean: number; variance: number } {
  const origin = values[0] as number;
  const shifted = values.map((x) => x - origin);
  const mean = shifted.reduce((sum, x) => sum + x, 0) / shifted.length;
  const squares = shifted.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean: origin + mean, variance: values.length < 2 ? 0 : squares / (values.length - 1) };
}
