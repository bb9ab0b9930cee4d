/**
 * The channel actors' view: global figures as sums over the partitions' last values (I3).
 */
import type { ChannelsCell } from '../../protocols/cells.ts';

export interface ChannelSpend {
  readonly impressions: number;
  readonly clicks: number;
  readonly costMicros: number;
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
