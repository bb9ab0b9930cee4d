/**
 * The parts of a live actor as a store keeps them: the last body of each, through JSON.
 */
import { LiveActor } from '../actors/channel/live/live-actor.ts';
import type {
  LiveGroups,
  LiveMoves,
  LiveSeries,
  LiveSnapshot,
} from '../protocols/live-snapshot.ts';

const clone = <T>(body: T): T => JSON.parse(JSON.stringify(body)) as T;

export class LiveStore {
  readonly #groups: LiveGroups[] = [];
  readonly #series: LiveSeries[] = [];
  readonly #moves = new Map<string, LiveMoves>();

  /** Stores what changed, and gives all that is stored. */
  store(actor: LiveActor): LiveSnapshot {
    const { groups, series, moves, forgottenDays } = actor.takeChanges();
    for (const [part, body] of groups) this.#groups[part] = clone(body);
    for (const [part, body] of series) this.#series[part] = clone(body);
    for (const [day, body] of moves) this.#moves.set(day, clone(body));
    for (const day of forgottenDays) this.#moves.delete(day);
    return clone({
      head: actor.head(1),
      groups: this.#groups,
      series: this.#series,
      moves: Object.fromEntries(this.#moves),
    });
  }

  /** The actor as it is after a restart. */
  restarted(actor: LiveActor): LiveActor {
    return new LiveActor(this.store(actor));
  }
}
