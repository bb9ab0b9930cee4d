/**
 * The user actors in memory: activated from their snapshots, passivated least recently used first.
 *
 * Invariants:
 *   R1 A user whose changes are not committed yet is never passivated.
 *   R2 The first write after an activation is fenced on the sequence that was read, so that a
 *      stale read can never be built upon.
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
}

export class Residents {
  readonly #maxUsers: number;
  /** In order of last use. */
  readonly #users = new Map<UserToken, Resident>();

  constructor(maxUsers: number) {
    this.#maxUsers = maxUsers;
  }

  get size(): number {
    return this.#users.size;
  }

  has(user: UserToken): boolean {
    return this.#users.has(user);
  }

  /** The resident user, now the most recently used. */
  use(user: UserToken): Resident | undefined {
    const resident = this.#users.get(user);
    if (resident === undefined) return undefined;
    this.#users.delete(user);
    this.#users.set(user, resident);
    return resident;
  }

  add(resident: Resident): void {
    this.#users.set(resident.user, resident);
  }

  /** Passivates users until the bound holds; there is nothing to write, snapshots are stored. */
  passivate(): void {
    let excess = this.#users.size - this.#maxUsers;
    if (excess <= 0) return;
    for (const [user, { pending }] of this.#users) {
      if (pending > 0) continue;
      this.#users.delete(user);
      if (--excess === 0) return;
    }
  }

  /** Forgets all users of a partition whose memory is void. */
  discard(partition: Partition): void {
    for (const [user, resident] of this.#users) {
      if (resident.partition === partition) this.#users.delete(user);
    }
  }
}
