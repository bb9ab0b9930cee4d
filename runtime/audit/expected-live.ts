/**
 * A partition's live figures as docs/semantics.md says they must be ("Live figures"): what each
 * accepted event, each price and each move adds, and whether the live actor has folded it.
 */
import type { TrafficCell } from '../../protocols/cells.ts';
import type { Event } from '../../protocols/event.ts';
import { toMicros } from '../../protocols/money.ts';
import { type Figures, NO_NAME, PULSE_FIGURES } from '../../protocols/pulse.ts';
import type { UserNews } from './expected-user.ts';
import { LiveTally } from './live-tally.ts';

/** What of the traffic counts is told by source and region too. */
type Counted = Pick<TrafficCell, 'refunded_micros' | 'decisions' | 'wins'>;

export class ExpectedLive {
  /** Pulses up to this place in the log are in what the live actor has stored. */
  readonly foldedUpTo: number;
  /** All that the log says. */
  readonly whole = new LiveTally('day');
  /** What the live actor must have stored of it. */
  readonly folded = new LiveTally('day');
  /** What must still be there as pulses. */
  readonly unfolded = new LiveTally('second');
  #isFolded = false;
  #clockSecond = 0;

  constructor(foldedUpTo: number) {
    this.foldedUpTo = foldedUpTo;
  }

  /** The next message of the log, and the partition's clock with it. */
  next(sequence: number, clockMs: number): void {
    this.#isFolded = sequence <= this.foldedUpTo;
    this.#clockSecond = Math.floor(clockMs / 1_000);
  }

  /**
   * An accepted event.
   *
   * @param before the partition's counts before it.
   * @param after and after all that followed from it.
   */
  event(event: Event, news: UserNews, before: Counted, after: Counted): void {
    const second = Math.min(Math.floor(event.timestamp / 1_000), this.#clockSecond);
    const isTouch = event.type === 'impression' || event.type === 'click';
    const isConversion = event.type === 'conversion';
    const figures: Figures = {
      events: 1,
      missing: news.missing,
      visits: Number(news.opensVisit),
      visitors: Number(news.opensDay),
      conversions: Number(isConversion),
      value_micros: isConversion ? toMicros(event.value) : 0,
      refunded_micros: after.refunded_micros - before.refunded_micros,
      cost_micros: isTouch ? toMicros(event.cost ?? 0) : 0,
      decisions: after.decisions - before.decisions,
      wins: after.wins - before.wins,
    };
    const row = PULSE_FIGURES.map((name) => figures[name]);
    const { source = NO_NAME, region = NO_NAME } = event;
    for (const tally of this.#tallies()) tally.group(second, source, region, row);
    if (news.move === undefined) return;
    const { from, to, ms } = news.move;
    for (const tally of this.#tallies()) tally.move(second, from, to, ms);
  }

  /** A campaign won places, or what it won came due. */
  spent(campaign: string, micros: number, wins: number): void {
    for (const tally of this.#tallies()) {
      tally.campaign(this.#clockSecond, campaign, micros, wins);
    }
  }

  /** Those that the message at hand counts in. */
  #tallies(): readonly LiveTally[] {
    return [this.whole, this.#isFolded ? this.folded : this.unfolded];
  }
}
