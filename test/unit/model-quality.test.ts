/** Live calibration and drift: from counts to figures, by hand. */
import { describe, expect, test } from 'vitest';
import { modelQuality, stabilityIndex } from '../../actors/model/quality.ts';
import { CHURN_MS } from '../../actors/user/forecasts.ts';
import type { CalibrationCell, DriftCell } from '../../protocols/cells.ts';
import { modelQualitySchema } from '../../protocols/model-quality.ts';
import { common, DAY_MS } from '../generators.ts';
import { modelWith } from '../models.ts';
import { PartitionLog } from '../partition-log.ts';

const WEEK = '20240408';
const MONDAY_MS = Date.UTC(2024, 3, 8);
const model = modelWith({
  features: [{ name: 'app_1h', knots: [0, 1] }],
  reference: { features: [{ edges: [0.5], shares: [0.5, 0.5] }] },
});

function calibration(bin: number, forecasts: number, ppm: number, settled: number) {
  const none = (): number[] => new Array<number>(10).fill(0);
  const one = () => {
    const counts = { forecasts: none(), forecast_ppm: none(), settled: none() };
    counts.forecasts[bin] = forecasts;
    counts.forecast_ppm[bin] = ppm;
    counts.settled[bin] = settled;
    return counts;
  };
  const intents = { engagement_intent: one(), purchase_intent: one(), churn_risk: one() };
  const cell: CalibrationCell = { v: 2, intents };
  return { week: WEEK, cell };
}

describe('calibration', () => {
  // 40 forecasts of 0.3 of which 16 came, in one partition; 10 of 0.8 of which 8 came, in another.
  const cells = [calibration(5, 40, 12_000_000, 16), calibration(8, 10, 8_000_000, 8)];

  test('compares what was forecast with what came, over all partitions', () => {
    const quality = modelQuality(model, cells, [], MONDAY_MS + 8 * DAY_MS);
    expect(modelQualitySchema.parse(quality)).toEqual(quality);
    const { forecasts, mean_forecast, rate, ece } = quality.intents.purchase_intent;
    expect([forecasts, mean_forecast, rate]).toEqual([50, 20 / 50, 24 / 50]);
    expect(ece).toBeCloseTo((4 + 0) / 50, 12);
  });

  test('knows who has left only when they have been gone for long enough', () => {
    const early = modelQuality(model, cells, [], MONDAY_MS + CHURN_MS);
    expect(early.intents.churn_risk.forecasts).toBe(0);
    expect(early.intents.churn_risk.rate).toBeNull();
    const late = modelQuality(model, cells, [], MONDAY_MS + 7 * DAY_MS + CHURN_MS);
    expect(late.intents.churn_risk.rate).toBe((50 - 24) / 50);
  });
});

describe('drift', () => {
  const drift = (low: number, high: number): { week: string; cell: DriftCell } => {
    return { week: WEEK, cell: { v: 2, features: [[low, high]] } };
  };

  test('is nothing where features are as in training', () => {
    const { features } = modelQuality(model, [], [drift(300, 200), drift(200, 300)], MONDAY_MS);
    expect(features).toEqual([{ name: 'app_1h', readings: 1_000, psi: 0 }]);
  });

  test('grows as they move', () => {
    const psi = (low: number, high: number) => stabilityIndex([0.5, 0.5], [low, high]);
    expect(psi(800, 200)).toBeCloseTo(0.6 * Math.log(4) * 0.5 * 2 - 0.6 * Math.log(4) * 0.5, 2);
    expect(psi(900, 100)).toBeGreaterThan(psi(800, 200));
    expect(Number.isFinite(psi(1_000, 0))).toBe(true);
  });

  test('counts a feature where it is present, and not where its modality is withheld', () => {
    const log = new PartitionLog();
    log.putModel(model);
    const consent = { measurement: true, personalization: true, withheld: ['app' as const] };
    log.apply({ ...common(1, MONDAY_MS), type: 'behavior' });
    log.apply({ ...common(2, MONDAY_MS + 1), type: 'consent', ...consent });
    const cell = log.cells().get(`drift.1.${WEEK}`) as DriftCell;
    expect(cell.features[0]?.reduce((sum, count) => sum + count, 0)).toBe(1);
  });
});
