/**
 * Live figures added up by name: what they are of, as JSON, so that no name can be taken for
 * another.
 */
import { utcDay } from '../../protocols/cells.ts';
import { FUNNEL_STATES, type Pulse } from '../../protocols/pulse.ts';
import { addFigures, type NamedFigures } from './stored-paths.ts';

export class LiveTally {
  /** By source and region, in the order of PULSE_FIGURES. */
  readonly groups: NamedFigures = new Map();
  /** By campaign: micros and wins. */
  readonly campaigns: NamedFigures = new Map();
  /** By from and to: how long those took who moved, in ms; -1 where that is not known. */
  readonly moves = new Map<string, number[]>();
  readonly #by: 'second' | 'day';

  /** @param by each second by itself; or all together, but for moves, which are told by UTC day. */
  constructor(by: 'second' | 'day') {
    this.#by = by;
  }

  group(second: number, source: string, region: string, figures: readonly number[]): void {
    addFigures(this.groups, this.#name(second, [source, region]), figures);
  }

  campaign(second: number, campaign: string, micros: number, wins: number): void {
    addFigures(this.campaigns, this.#name(second, [campaign]), [micros, wins]);
  }

  move(second: number, from: string, to: string, ms: number): void {
    const when = this.#by === 'second' ? second : utcDay(second * 1_000);
    const name = JSON.stringify([when, from, to]);
    const times = this.moves.get(name);
    if (times === undefined) this.moves.set(name, [ms]);
    else times.push(ms);
  }

  /** Adds what a stored pulse says. */
  pulse({ names, rows, spend, moves }: Pulse): void {
    const nameOf = (at: number): string => names[at] ?? `name ${at} of none`;
    const stateOf = (at: number): string => FUNNEL_STATES[at] ?? `state ${at} of none`;
    for (const [second, source, region, ...figures] of rows) {
      this.group(second, nameOf(source), nameOf(region), figures);
    }
    for (const [second, campaign, micros, wins] of spend) {
      this.campaign(second, nameOf(campaign), micros, wins);
    }
    for (const [second, from, to, ms] of moves) this.move(second, stateOf(from), stateOf(to), ms);
  }

  /** Adds all of another tally of the same kind. */
  add({ groups, campaigns, moves }: LiveTally): void {
    for (const [name, figures] of groups) addFigures(this.groups, name, figures);
    for (const [name, figures] of campaigns) addFigures(this.campaigns, name, figures);
    for (const [name, times] of moves) {
      this.moves.set(name, (this.moves.get(name) ?? []).concat(times));
    }
  }

  #name(second: number, names: readonly string[]): string {
    return JSON.stringify(this.#by === 'second' ? [second, ...names] : names);
  }
}
