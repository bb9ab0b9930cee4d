/**
 * Since when a user is where the statechart stands, from the user's latest events.
 */
import type { UserHistory } from '../../../protocols/live-services.ts';
import type { Chart } from '../../../protocols/user-snapshot.ts';
import type { Region } from './statechart.ts';

type Point = UserHistory['points'][number];

export interface LastMove {
  readonly from: string;
  readonly atMs: number;
  /** The event that it came with. */
  readonly by: string;
}

/**
 * The event that brought each region to where it stands. A region is left out if it has not moved
 * within these points, or has moved on since them: then a deadline moved it, not an event.
 *
 * @param points the oldest first.
 */
export function lastMoves(
  points: readonly Point[],
  chart: Chart,
): Readonly<Partial<Record<Region, LastMove>>> {
  const moves: Partial<Record<Region, LastMove>> = {};
  for (const region of Object.keys(chart) as Region[]) {
    if (points.at(-1)?.chart[region] !== chart[region]) continue;
    const at = points.findLastIndex(
      (point, i) => i > 0 && points[i - 1]?.chart[region] !== point.chart[region],
    );
    const [before, point] = [points[at - 1], points[at]];
    if (before === undefined || point === undefined) continue;
    moves[region] = { from: before.chart[region], atMs: point.t, by: point.name };
  }
  return moves;
}
