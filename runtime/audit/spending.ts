/**
 * What all partitions together have spent, against what campaigns may spend (I5): in all, on one
 * day and in one hour. An operator may lower a bound when the money is gone, so each is taken as it
 * was at its greatest.
 */
import type { Campaign } from '../../protocols/campaign.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import type { Differences } from './differences.ts';

const HOUR_MS = 3_600_000;

/** What is spent of one bound. */
interface Spent {
  readonly campaign: string;
  readonly bound: 'budget_micros' | 'daily_micros' | 'hourly_micros';
  /** When the day or the hour began; undefined for all time. */
  readonly fromMs: number | undefined;
  micros: number;
}

export class Spending {
  readonly #spent = new Map<string, Spent>();

  /** Takes in what one partition has spent for a campaign. */
  add(campaign: string, { grant, spent_micros, day_micros, window_micros }: DeliveryCell): void {
    this.#add({ campaign, bound: 'budget_micros', fromMs: undefined, micros: spent_micros });
    if (grant === null) return;
    const { from_ms, until_ms, day_from_ms } = grant;
    if (day_from_ms !== 0) {
      this.#add({ campaign, bound: 'daily_micros', fromMs: day_from_ms, micros: day_micros });
    }
    if (until_ms - from_ms > HOUR_MS) return;
    this.#add({ campaign, bound: 'hourly_micros', fromMs: from_ms, micros: window_micros });
  }

  /** @param definitions all that campaigns ever were. */
  check(definitions: readonly Campaign[], differences: Differences): void {
    for (const { campaign, bound, fromMs, micros } of this.#spent.values()) {
      const stated = definitions.flatMap((each) => (each.id === campaign ? each[bound] : []));
      const bounds = stated.filter((each) => each !== undefined);
      if (bound !== 'budget_micros' && bounds.length === 0) continue;
      const most = Math.max(0, ...bounds);
      if (micros <= most) continue;
      const when = fromMs === undefined ? '' : ` from ${fromMs} on`;
      differences.add(`campaign ${campaign} spent of ${bound}${when}`, `at most ${most}`, micros);
    }
  }

  #add(more: Spent): void {
    const key = `${more.campaign} ${more.bound} ${more.fromMs}`;
    const known = this.#spent.get(key);
    if (known === undefined) this.#spent.set(key, more);
    else known.micros += more.micros;
  }
}
