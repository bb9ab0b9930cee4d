/**
 * Throughput from what workers count: differences of successive frames, over the last few seconds.
 *
 * R1 A rate is what came between two frames of one worker, by the worker's own clock.
 * R2 Where a worker's counts fall, it was started anew: its rate begins anew too, and is never
 *    negative.
 */
import type { WorkerFrame } from '../../../protocols/worker-frame.ts';

/** Frames of a worker that a rate looks back at: one a second, so some five seconds. */
const MAX_SAMPLES = 6;

type Sample = Pick<WorkerFrame, 'at_ms' | 'events' | 'commits' | 'failed_commits'>;
/** Per worker its last frames, the oldest first. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

export interface Rates {
  readonly eventsPerS: number;
  readonly commitsPerS: number;
}

export const NO_SAMPLES: Samples = new Map();

/** The samples with the workers' newest frames; workers that are gone are left out. */
export function withFrames(samples: Samples, workers: ReadonlyMap<string, WorkerFrame>): Samples {
  return new Map(
    [...workers].map(([id, frame]): [string, readonly Sample[]] => {
      const before = samples.get(id) ?? [];
      const last = before.at(-1);
      if (last === undefined || frame.events < last.events) return [id, [sampleOf(frame)]];
      if (frame.at_ms <= last.at_ms) return [id, before];
      return [id, [...before, sampleOf(frame)].slice(-MAX_SAMPLES)];
    }),
  );
}

function sampleOf({ at_ms, events, commits, failed_commits }: WorkerFrame): Sample {
  return { at_ms, events, commits, failed_commits };
}

/** The rates of one worker; undefined before its second frame. */
export function ratesOf(samples: readonly Sample[] | undefined): Rates | undefined {
  const [first, last] = [samples?.[0], samples?.at(-1)];
  if (first === undefined || last === undefined || last.at_ms === first.at_ms) return undefined;
  const seconds = (last.at_ms - first.at_ms) / 1_000;
  return {
    eventsPerS: (last.events - first.events) / seconds,
    commitsPerS: (last.commits - first.commits) / seconds,
  };
}

/** The rates of all workers together; undefined while none is known. */
export function ratesOfAll(samples: Samples): Rates | undefined {
  const known = [...samples.values()].flatMap((each) => ratesOf(each) ?? []);
  if (known.length === 0) return undefined;
  return {
    eventsPerS: known.reduce((sum, { eventsPerS }) => sum + eventsPerS, 0),
    commitsPerS: known.reduce((sum, { commitsPerS }) => sum + commitsPerS, 0),
  };
}
