/**
 * The cells of a partition in which nothing has happened yet.
 */
import {
  type CalibrationCell,
  type ChannelsCell,
  type DeliveryCell,
  PROBABILITY_EDGES,
  type ReferenceCell,
  type SuppressedCell,
  type TrafficCell,
  type TrialCell,
} from '../../protocols/cells.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import type { Intent } from '../../protocols/user-snapshot.ts';

/** The settings of this release, as no message said others. */
export function emptyReference(): ReferenceCell {
  return { v: 2, settings: DEFAULT_SETTINGS, settings_version: 0, grants_version: 0 };
}

/** No touches. */
export function emptyChannels(): ChannelsCell {
  return { v: 2, channels: {} };
}

/** No forecasts. */
export function emptyCalibration(): CalibrationCell {
  const none = (): CalibrationCell['intents'][Intent] => {
    const zeros = (): number[] => new Array<number>(PROBABILITY_EDGES.length + 1).fill(0);
    return { forecasts: zeros(), forecast_ppm: zeros(), settled: zeros() };
  };
  const intents = { engagement_intent: none(), purchase_intent: none(), churn_risk: none() };
  return { v: 2, intents };
}

/** No grant, and nothing spent. */
export function emptyDelivery(): DeliveryCell {
  return {
    v: 2,
    grant: null,
    grant_version: 0,
    window_micros: 0,
    day_micros: 0,
    spent_micros: 0,
    unbilled_micros: 0,
    wins: 0,
    shown: 0,
    clicked: 0,
    dismissed: 0,
    converted: 0,
    value_micros: 0,
  };
}

/** Nobody kept back. */
export function emptySuppressed(): SuppressedCell {
  return { v: 2, campaigns: {} };
}

/** Nobody enrolled. */
export function emptyTrial(): TrialCell {
  const none = (): TrialCell['treated'] => {
    return { users: 0, converted: 0, revenue_cents: 0, revenue_cents_squared: 0 };
  };
  return { v: 2, treated: none(), control: none() };
}

/** Nothing came. */
export function emptyTraffic(): TrafficCell {
  return {
    v: 2,
    log_ms: 0,
    accepted: 0,
    duplicates: 0,
    rejected: 0,
    touches: 0,
    touches_too_late: 0,
    conversions_too_late: 0,
    touches_outside_window: 0,
    touches_sampled_out: 0,
    conversions_sampled_out: 0,
    conversions: 0,
    conversions_without_path: 0,
    value_micros: 0,
    refunded_micros: 0,
    refunds_unmatched: 0,
    decisions: 0,
    wins: 0,
  };
}
