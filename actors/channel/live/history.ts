/**
 * The closed windows of the last hour, all groups together, for charts.
 */
import {
  HISTORY_WINDOW_MS,
  type LiveHistory,
  MAX_HISTORY_WINDOWS,
} from '../../../protocols/live-figures.ts';
import type { LiveHead } from '../../../protocols/live-snapshot.ts';
import type { Groups } from './groups.ts';
import { FIGURE, SHORT_WINDOW_S, SPEND } from './metrics.ts';

type Row = LiveHead['history'][number];

export class History {
  readonly #rows: Row[];

  constructor(rows: readonly Row[] = []) {
    this.#rows = [...rows];
  }

  /** Takes in the window that ends before this second. O(campaigns). */
  add(endS: number, groups: Groups, expectedEvents: number | null): void {
    const fromS = endS - SHORT_WINDOW_S;
    const sums = groups.all.sums.since(fromS);
    let spend = 0;
    for (const campaign of groups.campaigns.values()) {
      spend += campaign.since(fromS)[SPEND] as number;
    }
    const of = (figure: keyof typeof FIGURE): number => sums[FIGURE[figure]] as number;
    this.#rows.push([
      endS / SHORT_WINDOW_S - 1,
      of('events'),
      of('visits'),
      of('conversions'),
      of('value_micros'),
      of('cost_micros'),
      spend,
      of('decisions'),
      expectedEvents,
    ]);
    const oldest = endS / SHORT_WINDOW_S - MAX_HISTORY_WINDOWS;
    while ((this.#rows[0]?.[0] ?? oldest) < oldest) this.#rows.shift();
  }

  stored(): Row[] {
    return this.#rows.map((row): Row => [...row]);
  }

  shown(): LiveHistory {
    const windows = this.#rows.map((row) => {
      const [window, events, visits, conversions, value, cost, spend, decisions, expected] = row;
      return {
        from_ms: window * HISTORY_WINDOW_MS,
        events,
        expected_events: expected,
        visits,
        conversions,
        value_micros: value,
        cost_micros: cost,
        spend_micros: spend,
        decisions,
      };
    });
    return { window_ms: HISTORY_WINDOW_MS, windows };
  }
}
