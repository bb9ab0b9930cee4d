/**
 * Cuts the journeys of cookies into paths and counts these in a path table.
 *
 * A path ends with the touch that converted, else in null. With a lookback it follows
 * docs/semantics.md, "Paths and transition counts": a touch more than the lookback after the one
 * before begins a new path, and of a path the touches at or before its newest touch minus the
 * lookback fall outside.
 *
 * Owns the credits of the time-decay model: the table knows no times, so that they are summed here,
 * from the age of each touch at its conversion.
 */
import type { PathTable } from '../../actors/channel/path-table.ts';
import { type RuleCredit, touchWeights } from '../../actors/channel/rule-models.ts';
import type { Journey } from './touch-store.ts';

/** Touches and conversions that stand in no path. */
export interface Outside {
  touches: number;
  /** Those without any touch left; none, as the touch that converts is always inside. */
  conversions: number;
}

export interface CutOptions {
  /** Greater than 0; Infinity for no lookback. */
  readonly lookbackMs: number;
  readonly halfLifeMs: number;
  /** False: paths that ended in null are not counted. */
  readonly nulls: boolean;
}

/** Code units that String.fromCharCode takes as arguments at once. */
const MAX_ARGUMENTS = 4096;

export class JourneyCutter {
  readonly outside: Outside = { touches: 0, conversions: 0 };
  readonly #table: PathTable;
  readonly #options: CutOptions;
  readonly #decayedConversions: number[] = [];
  readonly #decayedValues: number[] = [];

  constructor(table: PathTable, options: CutOptions) {
    this.#table = table;
    this.#options = options;
    for (const _ of table.channels) {
      this.#decayedConversions.push(0);
      this.#decayedValues.push(0);
    }
  }

  /** Counts the paths of one cookie. O(touches). */
  cut(journey: Journey): void {
    const { timesMs, isConversion, values, count } = journey;
    const { lookbackMs } = this.#options;
    /** The open path is first … i - 1; what is before `first` is outside or in a path already. */
    let first = 0;
    for (let i = 0; i < count; i++) {
      const timeMs = timesMs[i] as number;
      if (i > first && timeMs - (timesMs[i - 1] as number) > lookbackMs) {
        this.#countNull(journey, first, i);
        first = i;
      }
      while ((timesMs[first] as number) <= timeMs - lookbackMs) {
        first++;
        this.outside.touches++;
      }
      if (isConversion[i] === 0) continue;
      this.#countConversion(journey, first, i + 1, values[i] as number);
      first = i + 1;
    }
    if (first < count) this.#countNull(journey, first, count);
  }

  /** What time decay credits each channel with, in the order of the table's. */
  timeDecay(): RuleCredit[] {
    return this.#table.channels.map((channel, i) => ({
      channel,
      conversions: this.#decayedConversions[i] ?? 0,
      value: this.#decayedValues[i] ?? 0,
    }));
  }

  #countNull(journey: Journey, first: number, end: number): void {
    if (this.#options.nulls) this.#table.add(pathOf(journey, first, end), 0, 1, 0);
  }

  #countConversion(journey: Journey, first: number, end: number, value: number): void {
    const { timesMs } = journey;
    const path = pathOf(journey, first, end);
    this.#table.add(path, 1, 0, value);
    const convertedMs = timesMs[end - 1] as number;
    const ageMs = (i: number): number => convertedMs - (timesMs[first + i] as number);
    const touches = { channels: path, ageMs };
    const weights = touchWeights('timeDecay', touches, this.#options.halfLifeMs);
    for (let i = 0; i < weights.length; i++) {
      const channel = path.charCodeAt(i);
      const weight = weights[i] as number;
      this.#decayedConversions[channel] = (this.#decayedConversions[channel] ?? 0) + weight;
      this.#decayedValues[channel] = (this.#decayedValues[channel] ?? 0) + value * weight;
    }
  }
}

/** The key of touches first … end - 1 in a path table: one code unit a touch. */
function pathOf({ channels }: Journey, first: number, end: number): string {
  if (end - first === 1) return String.fromCharCode(channels[first] as number);
  let path = '';
  for (let at = first; at < end; at += MAX_ARGUMENTS) {
    const part = channels.subarray(at, Math.min(end, at + MAX_ARGUMENTS));
    path += String.fromCharCode(...part);
  }
  return path;
}
