/**
 * Up to which event time everything is in: the earliest time that partitions are caught up to, less
 * what an event may take from its origin to the log.
 *
 * Invariants:
 *   M1 It never goes back.
 *   M2 It passes what a partition says only once that partition's pulses up to there are folded.
 *   M3 A partition that nobody speaks for keeps it where it is.
 */
import type { WorkerFrame } from '../../protocols/worker-frame.ts';

/** How late an event may be stored and still be in its second's window. */
export const LATENESS_MS = 2_000;
/** A partition that is not heard of for this long, or this far behind, holds the watermark back. */
export const HOLD_BACK_AFTER_MS = 5_000;
/** How long a new leader waits for workers before it takes their silence for a lag. */
export const GRACE_MS = 15_000;
/** Frames of a partition that wait for their pulses; of more the latest but one goes. */
export const MAX_WAITING_FRAMES = 16;

/** A worker's word on a partition: up to this time its log has its effects stored. */
interface Claim {
  readonly pulseSequence: number;
  readonly caughtUpMs: number;
}

interface PartitionProgress {
  epoch: number;
  heardAtMs: number;
  /** The last pulse that any owner told of: a new owner knows of its own only. */
  pulseSequence: number;
  /** In the order in which they came. */
  readonly waiting: Claim[];
  /** What is caught up to and folded; null before it is known. */
  caughtUpMs: number | null;
}

export interface WatermarkState {
  /** Null where it is not known: before every partition was heard of, and while nobody could be. */
  readonly watermarkMs: number | null;
  /** Partitions that hold it back, in rising order. */
  readonly heldBackBy: readonly number[];
}

export class Watermark {
  readonly #partitions: PartitionProgress[];
  #watermarkMs: number | null;
  #startedAtMs: number | undefined;

  /** @param watermarkMs where it stood before this leader; null if it never did. */
  constructor(partitions: number, watermarkMs: number | null = null) {
    this.#watermarkMs = watermarkMs;
    this.#partitions = Array.from({ length: partitions }, () => {
      const never = { heardAtMs: Number.NEGATIVE_INFINITY, caughtUpMs: null };
      return { epoch: 0, pulseSequence: 0, waiting: [], ...never };
    });
  }

  /** Takes in what a worker says; of a partition that others own by now, nothing. */
  hear({ partitions }: WorkerFrame, nowMs: number): void {
    for (const { partition, epoch, pulse_sequence, caught_up_ms } of partitions) {
      const known = this.#partitions[partition];
      if (known === undefined || epoch < known.epoch) continue;
      known.epoch = epoch;
      if (caught_up_ms === 0) continue;
      known.heardAtMs = nowMs;
      known.pulseSequence = Math.max(known.pulseSequence, pulse_sequence);
      if (known.waiting.length === MAX_WAITING_FRAMES) known.waiting.pop();
      known.waiting.push({ pulseSequence: known.pulseSequence, caughtUpMs: caught_up_ms });
    }
  }

  /**
   * Where it stands now.
   *
   * @param folded the last pulse folded of a partition, by its commit's position in the log.
   */
  at(nowMs: number, folded: (partition: number) => number): WatermarkState {
    const heldBackBy: number[] = [];
    let earliestMs = Number.POSITIVE_INFINITY;
    this.#partitions.forEach((progress, partition) => {
      confirm(progress, folded(partition));
      const { caughtUpMs, heardAtMs } = progress;
      earliestMs = Math.min(earliestMs, caughtUpMs ?? Number.NEGATIVE_INFINITY);
      const latestMs = Math.min(caughtUpMs ?? Number.NEGATIVE_INFINITY, heardAtMs);
      if (nowMs - latestMs > HOLD_BACK_AFTER_MS) heldBackBy.push(partition);
    });
    if (Number.isFinite(earliestMs)) {
      const reachedMs = earliestMs - LATENESS_MS;
      this.#watermarkMs = Math.max(reachedMs, this.#watermarkMs ?? reachedMs);
    }
    this.#startedAtMs ??= nowMs;
    const isEarly = !Number.isFinite(earliestMs) && nowMs - this.#startedAtMs <= GRACE_MS;
    return { watermarkMs: isEarly ? null : this.#watermarkMs, heldBackBy };
  }
}

/** Believes what was said of pulses that are folded by now (M2). */
function confirm(progress: PartitionProgress, folded: number): void {
  const { waiting } = progress;
  let claim = waiting[0];
  while (claim !== undefined && claim.pulseSequence <= folded) {
    progress.caughtUpMs = Math.max(progress.caughtUpMs ?? 0, claim.caughtUpMs);
    waiting.shift();
    claim = waiting[0];
  }
}
