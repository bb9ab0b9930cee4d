/**
 * The channel actors' view: global figures as sums over the partitions' last values (I3).
 */
import type { ChannelsCell, PathsCell } from '../../protocols/cells.ts';
import type { PathTotals } from './removal-effects.ts';

export interface ChannelSpend {
  readonly impressions: number;
  readonly clicks: number;
  readonly costMicros: number;
}

/** Adds up the paths cells of any partitions and cohorts. O(entries). */
export function sumPaths(cells: Iterable<PathsCell>): PathTotals {
  let paths = 0;
  let conversions = 0;
  let valueMicros = 0;
  const transitions = new Map<string, Map<string, number>>();
  const valueByLast = new Map<string, number>();
  for (const cell of cells) {
    paths += cell.paths;
    conversions += cell.conversions;
    valueMicros += cell.value_micros;
    for (const [from, row] of Object.entries(cell.transitions)) {
      let sums = transitions.get(from);
      if (sums === undefined) {
        sums = new Map();
        transitions.set(from, sums);
      }
      for (const [to, count] of Object.entries(row)) sums.set(to, (sums.get(to) ?? 0) + count);
    }
    for (const [channel, micros] of Object.entries(cell.value_by_last)) {
      valueByLast.set(channel, (valueByLast.get(channel) ?? 0) + micros);
    }
  }
  return { paths, conversions, valueMicros, transitions, valueByLast };
}

/** Adds up what channels cost, over any partitions and days. */
export function sumSpend(cells: Iterable<ChannelsCell>): Map<string, ChannelSpend> {
  const spend = new Map<string, ChannelSpend>();
  for (const cell of cells) {
    for (const [channel, counts] of Object.entries(cell.channels)) {
      const sum = spend.get(channel);
      spend.set(channel, {
        impressions: (sum?.impressions ?? 0) + counts.impressions,
        clicks: (sum?.clicks ?? 0) + counts.clicks,
        costMicros: (sum?.costMicros ?? 0) + counts.cost_micros,
      });
    }
  }
  return spend;
}
