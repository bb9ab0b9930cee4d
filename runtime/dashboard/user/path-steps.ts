/**
 * A user's path as steps to read from top to bottom: what came when, and how long after the last.
 */
import type { PathItem } from '../../../protocols/user-snapshot.ts';

export interface PathStep {
  readonly id: string;
  readonly kind: 'touch' | 'conversion';
  readonly atMs: number;
  /** Since the step before; undefined for the first. */
  readonly gapMs: number | undefined;
  /** The channel, or the order's id. */
  readonly name: string;
  readonly campaign: string | undefined;
  /** What is left of a conversion's value. */
  readonly micros: number | undefined;
  /** Whether nothing can come before it any more. */
  readonly isSettled: boolean;
}

/** @param settledMs up to when the path has settled; -1 for nothing. */
export function pathSteps(path: readonly PathItem[], settledMs: number): readonly PathStep[] {
  return path.map((item, i) => {
    const before = path[i - 1];
    const common = {
      id: item.id,
      atMs: item.t,
      gapMs: before === undefined ? undefined : item.t - before.t,
      isSettled: item.t <= settledMs,
    };
    return 'order' in item
      ? {
          ...common,
          kind: 'conversion',
          name: item.order,
          campaign: undefined,
          micros: item.micros,
        }
      : {
          ...common,
          kind: 'touch',
          name: item.channel,
          campaign: item.campaign,
          micros: undefined,
        };
  });
}
