/**
 * The user actors in memory: activated from their snapshots, passivated not recently used first.
 *
 * Invariants:
 *   R1 A user whose changes are not committed yet is never passivated.
 *   R2 The first write after an activation is fenced on the sequence that was read, so that a
 *      stale read can never be built upon.
 *   R3 A user has one actor: who kept a passivated one is told so by `isResident`.
 */
import type { UserActor } from '../../actors/user/actor.ts';
import type { Partition, StreamSequence, UserToken } from '../../protocols/ids.ts';

export interface Resident {
  readonly user: UserToken;
  readonly partition: Partition;
  actor: UserActor;
  /** The last event of the log that the actor holds. */
  sequence: StreamSequence;
  /** What the first write is fenced on; undefined from then on (R2). */
  fence: StreamSequence | undefined;
  /** Commits under way or being prepared that hold this user (R1). */
  pending: number;
  /** Used since the last time passivation came by. */
  isRecent: boolean;
  /** False from passivation on: the next event finds the user in another actor (R3). */
  isResident: boolean;
}

/** Users whom `latest` names. */
const MAX_LATEST = 8;

export class Residents {
  readonly #maxUsers: number;
  /** In the order in which passivation considers them. */
  readonly #users = new Map<UserToken, Resident>();
  readonly #latest: UserToken[] = [];

  constructor(maxUsers: number) {
    this.#maxUsers = maxUsers;
  }

  get size(): number {
    return this.#users.size;
  }

  /** Those who came last, the latest first; they may be gone again. */
  get latest(): readonly UserToken[] {
    return this.#latest.toReversed();
  }

  /** The resident user, now marked as recently used. */
  use(user: UserToken): Resident | undefined {
    const resident = this.#users.get(user);
    if (resident !== undefined) resident.isRecent = true;
    return resident;
  }

  add(resident: Resident): void {
    this.#users.set(resident.user, resident);
    this.#latest.push(resident.user);
    if (this.#latest.length > MAX_LATEST) this.#latest.shift();
  }

  /**
   * Passivates users until the bound holds; there is nothing to write, snapshots are stored. Gives
   * recently used ones a second chance, so that using a user costs no reordering.
   */
  passivate(): void {
    let excess = this.#users.size - this.#maxUsers;
    let visits = this.#users.size * 2;
    for (const [user, resident] of this.#users) {
      if (excess <= 0 || visits-- === 0) return;
      if (resident.pending === 0 && !resident.isRecent) {
        resident.isResident = false;
        this.#users.delete(user);
        excess--;
        continue;
      }
      resident.isRecent = false;
      this.#users.delete(user);
      this.#users.set(user, resident);
    }
  }

  /** Forgets all users of a partition whose memory is void. */
  discard(partition: Partition): void {
    for (const [user, resident] of this.#users) {
      if (resident.partition !== partition) continue;
      resident.isResident = false;
      this.#users.delete(user);
    }
  }
}
