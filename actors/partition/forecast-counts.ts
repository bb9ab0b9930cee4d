/**
 * Counts forecasts and their outcomes in a partition's cells, and how the features were spread
 * that the forecasts were made from.
 */
import type { FusedState, Intent } from '../../protocols/user-snapshot.ts';
import type { ModelInput } from '../model/inputs.ts';
import { FEATURE_COUNT, fillFeatures } from '../user/feature-vector.ts';
import { binOf, type ForecastEffects, type ForecastWeek } from '../user/forecasts.ts';
import { absentModalities } from '../user/state.ts';
import type { PartitionState } from './state.ts';

const PPM = 1_000_000;
const vector = new Float64Array(FEATURE_COUNT);

/** Where the forecasts of one event are counted. */
export class ForecastCounts implements ForecastEffects {
  readonly #partition: PartitionState;
  readonly #state: FusedState;

  /** @param state the user after the event. */
  constructor(partition: PartitionState, state: FusedState) {
    this.#partition = partition;
    this.#state = state;
  }

  forecast({ model, week }: ForecastWeek, intent: Intent, bin: number, probability: number): void {
    const { forecasts, forecast_ppm } = this.#partition.calibration(model, week).intents[intent];
    increase(forecasts, bin, 1);
    increase(forecast_ppm, bin, Math.round(probability * PPM));
  }

  settled({ model, week }: ForecastWeek, intent: Intent, bin: number, count: number): void {
    increase(this.#partition.calibration(model, week).intents[intent].settled, bin, count);
  }

  read({ model, week }: ForecastWeek): void {
    const { settings, scorer } = this.#partition.userReference;
    fillFeatures(this.#state, this.#state.nowMs, vector);
    const counts = this.#partition.drift(model, week).features;
    const absent = absentModalities(this.#state.consent, settings);
    scorer.model.reference.features.forEach(({ edges }, i) => {
      const { place, bit } = scorer.inputs[i] as ModelInput;
      if ((absent & bit) !== 0) return;
      increase(counts[i] as number[], binOf(vector[place] as number, edges), 1);
    });
  }
}

function increase(counts: number[], bin: number, by: number): void {
  counts[bin] = (counts[bin] as number) + by;
}
