/**
 * How the budget desk writes: whole commits, fenced by the coordinator's checkpoint.
 *
 * Invariants:
 *   B1 Two coordinators never both write: every write moves the checkpoint's fence.
 */
import type { CoordinatorCheckpoint } from '../../protocols/campaign-actor.ts';
import type { StreamSequence } from '../../protocols/ids.ts';
import { COORDINATOR_CHECKPOINT } from '../../protocols/subjects.ts';
import { MAX_BATCH_MESSAGES } from '../nats/atomic-batch.ts';
import type { ActorStore, StoreMessage } from '../ports.ts';

/** What belongs together: stored in one commit. */
export type Together = readonly StoreMessage[];

/** Another coordinator has taken over, or nobody answered whether a write is stored. */
export class CoordinatorFenced extends Error {
  override readonly name = 'CoordinatorFenced';
  readonly retryable = true;
}

export class DeskStore {
  readonly #store: ActorStore;
  #fence: StreamSequence;
  #checkpoint: CoordinatorCheckpoint;

  constructor(store: ActorStore, checkpoint: CoordinatorCheckpoint, fence: StreamSequence) {
    this.#store = store;
    this.#checkpoint = checkpoint;
    this.#fence = fence;
  }

  get checkpoint(): CoordinatorCheckpoint {
    return this.#checkpoint;
  }

  /**
   * Stores messages and the checkpoint, in as few commits as they fit in.
   *
   * @param grantsVersion the greatest that partitions may hear of from now on.
   * @throws CoordinatorFenced if it is not known that all was stored.
   */
  async commit(
    groups: readonly Together[],
    grantsVersion = this.#checkpoint.grants_version,
  ): Promise<void> {
    const checkpoint = { ...this.#checkpoint, grants_version: grantsVersion };
    let batch: StoreMessage[] = [];
    for (const group of groups) {
      if (batch.length + group.length > MAX_BATCH_MESSAGES - 1) {
        await this.#write(batch, checkpoint);
        batch = [];
      }
      batch.push(...group);
    }
    await this.#write(batch, checkpoint);
  }

  async #write(messages: readonly StoreMessage[], checkpoint: CoordinatorCheckpoint) {
    const body = JSON.stringify(checkpoint);
    const last: StoreMessage = { subject: COORDINATOR_CHECKPOINT, body, fence: this.#fence };
    const outcome = await this.#store.commit([...messages, last]);
    if (outcome.status !== 'stored') {
      throw new CoordinatorFenced(
        `not known whether this was stored (${outcome.status}: ${outcome.reason}); look with ` +
          '`microtarget campaigns list` and try again',
      );
    }
    this.#fence = outcome.lastSequence;
    this.#checkpoint = checkpoint;
  }
}
