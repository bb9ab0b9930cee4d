/**
 * What a worker says of itself each second on `metrics.workers.<id>`: how far its partitions are,
 * and how long the stages of events take. Told once and kept nowhere.
 */
import { z } from 'zod';

/** Stages of an event on its way, with the time in ms that 99 of 100 events may take. */
export const STAGE_BUDGET_MS = {
  /** From the log's storing an event to its turn. */
  ingest: 10,
  /** Duplicates, evidence, fusion, features. */
  features: 15,
  /** Concepts and intents. */
  scoring: 25,
  auction: 50,
  /** Storing the effects. */
  commit: 50,
  /** From the log's storing an event to its effects being stored. */
  decision: 150,
} as const;
export type Stage = keyof typeof STAGE_BUDGET_MS;
export const STAGES = Object.keys(STAGE_BUDGET_MS) as readonly Stage[];

const stageSchema = z.object({
  /** Events measured in the last STAGE_WINDOW_S seconds. */
  count: z.int(),
  p50_ms: z.number(),
  p99_ms: z.number(),
  max_ms: z.number(),
});
/** How far back stage latencies look. */
export const STAGE_WINDOW_S = 60;

export const workerFrameSchema = z.object({
  v: z.literal(1),
  worker: z.string(),
  at_ms: z.int(),
  partitions: z.array(
    z.object({
      partition: z.int(),
      /** Of the partition's lifecycle: vacant, claiming, recovering, running, draining, fenced. */
      status: z.string(),
      epoch: z.int(),
      /** The last message of the log whose effects are stored. */
      sequence: z.int(),
      /** The last commit that left a pulse; 0 before the first. */
      pulse_sequence: z.int(),
      queued: z.int(),
      /**
       * Everything that the log stored up to this time has its effects stored: the time of the
       * frame where nothing waits, else the partition's clock. 0 while the partition is not
       * running.
       */
      caught_up_ms: z.int(),
    }),
  ),
  residents: z.int(),
  /** Users who became active last, the latest first: for operators who look for an example. */
  latest_users: z.array(z.string()),
  /** Since the worker started. */
  events: z.int(),
  commits: z.int(),
  failed_commits: z.int(),
  /** Of one in `sample_every` events; a stage that nothing passed is missing. */
  sample_every: z.int(),
  stages: z.partialRecord(
    z.enum(['ingest', 'features', 'scoring', 'auction', 'commit', 'decision']),
    stageSchema,
  ),
});
export type WorkerFrame = z.infer<typeof workerFrameSchema>;
