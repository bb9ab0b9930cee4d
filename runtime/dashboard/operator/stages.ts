/**
 * Latencies of the stages of an event, over all workers, against their budgets.
 *
 * S1 Quantiles of several workers cannot be merged into one: of each figure the slowest worker's is
 *    shown, so that a budget that any worker breaks is seen to be broken.
 */
import type { Stage, WorkerFrame } from '../../../protocols/worker-frame.ts';
import { formatDuration } from '../components/format.ts';

/** As protocols/worker-frame.ts has them, which this page does not bundle; a test compares. */
export const BUDGETS_MS: Readonly<Record<Stage, number>> = {
  ingest: 10,
  features: 15,
  scoring: 25,
  auction: 50,
  commit: 50,
  decision: 150,
};
const STAGES = Object.keys(BUDGETS_MS) as readonly Stage[];

export interface StageLatency {
  readonly stage: Stage;
  readonly budgetMs: number;
  /** Events measured, of all workers; 0 where the stage was not passed. */
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The worker whose p99 is shown. */
  readonly slowest: string;
  /** `over`: 99 of 100 events take longer than the budget; `near`: they take most of it. */
  readonly verdict: 'unknown' | 'within' | 'near' | 'over';
}

/** From this part of the budget on, p99 is near it. */
const NEAR_SHARE = 0.8;

/** What each stage is, for people. */
export const STAGE_MEANINGS: Readonly<Record<Stage, string>> = {
  ingest: 'waiting in the log',
  features: 'duplicates, evidence, fusion',
  scoring: 'concepts and intents',
  auction: 'campaigns ranked and priced',
  commit: 'effects stored',
  decision: 'from log to stored effects',
};

/** Every stage in the order of an event's way. */
export function stageLatencies(workers: Iterable<WorkerFrame>): readonly StageLatency[] {
  const frames = [...workers];
  return STAGES.map((stage) => {
    const budgetMs = BUDGETS_MS[stage];
    const latency: Mutable<StageLatency> = {
      ...{ stage, budgetMs, count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0, slowest: '' },
      verdict: 'unknown',
    };
    for (const { worker, stages } of frames) {
      const measured = stages[stage];
      if (measured === undefined || measured.count === 0) continue;
      if (latency.slowest === '' || measured.p99_ms > latency.p99Ms) latency.slowest = worker;
      latency.count += measured.count;
      latency.p50Ms = Math.max(latency.p50Ms, measured.p50_ms);
      latency.p99Ms = Math.max(latency.p99Ms, measured.p99_ms);
      latency.maxMs = Math.max(latency.maxMs, measured.max_ms);
    }
    if (latency.count > 0) latency.verdict = verdictOf(latency.p99Ms, budgetMs);
    return latency;
  });
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function verdictOf(p99Ms: number, budgetMs: number): StageLatency['verdict'] {
  if (p99Ms > budgetMs) return 'over';
  return p99Ms > NEAR_SHARE * budgetMs ? 'near' : 'within';
}

/** A latency as people read it: microseconds where a millisecond would be too coarse. */
export function formatLatency(ms: number): string {
  return ms < 1 ? `${Math.round(ms * 1_000)} µs` : formatDuration(ms);
}

/** The ends of the scale that all bars share, in ms. */
export const SCALE_MS = { least: 0.01, most: 10_000 } as const;

/** Where a latency lies on a logarithmic scale from SCALE_MS.least (0) to SCALE_MS.most (1). */
export function scaleShare(ms: number): number {
  const { least, most } = SCALE_MS;
  const held = Math.min(most, Math.max(least, ms));
  return Math.log(held / least) / Math.log(most / least);
}
