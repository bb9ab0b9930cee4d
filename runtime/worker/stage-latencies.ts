/**
 * How long the stages of events take, of the last minute: one in SAMPLE_EVERY events is measured,
 * and its times go into sketches (DDSketch, Masson, Rim & Lee 2019) of some seconds each.
 *
 * Owns STAGES x SLICES sketches; one holds 2,000 bins at most, for times from a nanosecond to
 * years. An event that is not measured costs 10 ns, one that is measured 2 µs.
 *
 * Invariants:
 *   T1 No time is negative: the log's clock is another one than the worker's, and may be ahead.
 *   T2 Nothing older than STAGE_WINDOW_S is told.
 */
import { DDSketch } from '@datadog/sketches-js';
import type { MarkStage, StagePassed } from '../../actors/stage-marks.ts';
import {
  STAGE_WINDOW_S,
  STAGES,
  type Stage,
  type WorkerFrame,
} from '../../protocols/worker-frame.ts';

export const SAMPLE_EVERY = 16;
/** Quantiles are within this part of a time that was measured. */
const RELATIVE_ERROR = 0.01;
const SLICE_MS = 10_000;
const SLICES = (STAGE_WINDOW_S * 1_000) / SLICE_MS;

/** The stage that ends where an event has come through; a journey is no stage of its own. */
const ENDS: Readonly<Record<StagePassed, Stage | undefined>> = {
  features: 'features',
  scoring: 'scoring',
  journey: undefined,
  auction: 'auction',
};

/** Some seconds of times. */
interface Slice {
  readonly number: number;
  readonly sketches: Map<Stage, DDSketch>;
}

export class StageLatencies {
  readonly #nowMs: () => number;
  /** The oldest first, at most SLICES. */
  #slices: Slice[] = [];
  #events = 0;

  /** @param nowMs a clock that never goes back, finer than a millisecond. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Whether the next event is to be measured. */
  isNextSampled(): boolean {
    return this.#events++ % SAMPLE_EVERY === 0;
  }

  /** Measures an event from now on: the function takes the time at each stage it comes through. */
  measure(): MarkStage {
    let sinceMs = this.#nowMs();
    return (passed) => {
      const nowMs = this.#nowMs();
      const stage = ENDS[passed];
      if (stage !== undefined) this.add(stage, nowMs - sinceMs);
      sinceMs = nowMs;
    };
  }

  /** Takes what a stage took, of as many events as it took that long for. */
  add(stage: Stage, ms: number, events = 1): void {
    if (events === 0) return;
    const { sketches } = this.#slice();
    let sketch = sketches.get(stage);
    if (sketch === undefined) {
      sketch = new DDSketch({ relativeAccuracy: RELATIVE_ERROR });
      sketches.set(stage, sketch);
    }
    sketch.accept(Math.max(0, ms), events);
  }

  /** Counts and quantiles of the last STAGE_WINDOW_S seconds, less up to SLICE_MS (T2). */
  summary(): WorkerFrame['stages'] {
    this.#slice();
    const summary: WorkerFrame['stages'] = {};
    for (const stage of STAGES) {
      const whole = new DDSketch({ relativeAccuracy: RELATIVE_ERROR });
      for (const { sketches } of this.#slices) {
        const sketch = sketches.get(stage);
        if (sketch !== undefined) whole.merge(sketch);
      }
      if (whole.count === 0) continue;
      // A sketch's quantile may lie a part beyond the greatest time.
      const quantileMs = (q: number): number => Math.min(whole.getValueAtQuantile(q), whole.max);
      summary[stage] = {
        count: whole.count,
        p50_ms: quantileMs(0.5),
        p99_ms: quantileMs(0.99),
        max_ms: whole.max,
      };
    }
    return summary;
  }

  /** The slice of this moment; those that are too old go. */
  #slice(): Slice {
    const number = Math.floor(this.#nowMs() / SLICE_MS);
    const last = this.#slices.at(-1);
    if (last?.number === number) return last;
    const slice: Slice = { number, sketches: new Map() };
    const oldest = number - SLICES;
    this.#slices = [...this.#slices.filter((each) => each.number > oldest), slice];
    return slice;
  }
}
