/**
 * How long the engine stood still because of a fault, from the times at which partitions moved on.
 */
import type { FaultKind } from './fault-plan.ts';

/** A partition's position after a commit. */
export interface Position {
  readonly atMs: number;
  readonly sequence: number;
}

/** A coordinator took the lead. */
export interface Leadership {
  readonly atMs: number;
  readonly owner: string;
}

/** A fault as it happened. */
export interface Fault {
  readonly kind: FaultKind;
  readonly victim: string;
  readonly atMs: number;
  /** When the victim was back; undefined if it never was. */
  backMs?: number;
}

/** A change of leaders that comes later than this has another reason. */
const TAKES_OVER_WITHIN_MS = 15_000;
/** A standstill that begins this long after a fault is another one's. */
const BEGINS_WITHIN_MS = 1_500;

/**
 * The longest time that any partition went without moving on, counted from the fault, of all such
 * times that were going on at the fault or began shortly after it. Where faults overlap each is
 * charged with the whole.
 *
 * @returns ms; 0 if nothing was stored after the fault.
 */
export function standstillMs(
  fault: Fault,
  positions: ReadonlyMap<number, readonly Position[]>,
): number {
  let longestMs = 0;
  for (const partition of positions.values()) {
    for (let i = 1; i < partition.length; i++) {
      const fromMs = (partition[i - 1] as Position).atMs;
      const toMs = (partition[i] as Position).atMs;
      if (toMs < fault.atMs) continue;
      if (fromMs > fault.atMs + BEGINS_WITHIN_MS) break;
      longestMs = Math.max(longestMs, toMs - Math.max(fromMs, fault.atMs));
    }
  }
  return longestMs;
}

/** How long until another coordinator led; null if none took over before the next fault could. */
export function leaderlessMs(fault: Fault, leaderships: readonly Leadership[]): number | null {
  const next = leaderships.find(({ atMs }) => atMs > fault.atMs);
  if (next === undefined) return null;
  const ms = next.atMs - fault.atMs;
  return ms < TAKES_OVER_WITHIN_MS ? ms : null;
}
