/**
 * What the next batch will ask networks for, scored before the batch is applied: actors do not
 * wait. Partitions whose model has no network are none of its business.
 *
 * Invariants:
 *   F1 Of a partition whose model has a network, a batch applies only events that were foreseen, to
 *      the state that they were foreseen by: what is foreseen ends before a control message.
 *   F2 An event that the network cannot score is a dead letter; where the network itself does not
 *      work, none is: the partition is claimed anew and tries again.
 *   F3 Nothing that was scored for one batch is kept for another.
 */
import { foresee } from '../../actors/partition/foresee.ts';
import type { PartitionState } from '../../actors/partition/state.ts';
import { parseEvent } from '../../protocols/event.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import type { Model } from '../../protocols/model.ts';
import { parseLogSubject } from '../../protocols/subjects.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import { type Recording, recordingOf, scoreRows, type WantedRow } from '../onnx/score-rows.ts';
import { EVENTS_PER_TURN, FULL_BATCH_BYTES } from './batch.ts';
import type { OwnedPartition, QueuedRecord } from './owned-partition.ts';

const HINT =
  'the model in force takes its concepts from an ONNX file: run the network on this user where ' +
  'it was trained (docs/own-model.md)';

export class Foresight {
  readonly #networks: NetworkFolder;
  /** Up to where each partition's log is foreseen for the next batch. */
  readonly #through = new Map<PartitionState, StreamSequence>();
  #rotation = 0;

  constructor(networks: NetworkFolder) {
    this.#networks = networks;
  }

  /**
   * Waits with a partition whose network has just failed. It may run then though the network still
   * does: what comes next in its log may be another model.
   */
  async rest({ userReference }: PartitionState, signal: AbortSignal): Promise<void> {
    const { model, network } = userReference.scorer;
    if (network !== undefined) await this.#networks.rest(model, signal);
  }

  /** Whether a record may be applied now (F1). */
  covers({ state }: OwnedPartition, { record, user }: QueuedRecord): boolean {
    if (state.userReference.scorer.network === undefined || user === undefined) return true;
    return record.sequence <= (this.#through.get(state) ?? 0);
  }

  /** Has networks score the next `maxEvents` records of the partitions that need it. */
  async prepare(partitions: readonly OwnedPartition[], maxEvents: number): Promise<void> {
    for (const { userReference } of this.#through.keys()) userReference.scorer.network?.forget();
    this.#through.clear();
    const foreseen = partitions
      .filter(({ state }) => state.userReference.scorer.network !== undefined)
      .map((owned) => new ForeseenPartition(owned));
    if (foreseen.length === 0) return;
    // Whoever comes after a row that cannot be scored has to wait for the next batch.
    const first = this.#rotation++ % foreseen.length;
    const inTurn = [...foreseen.slice(first), ...foreseen.slice(0, first)];
    lookAhead(inTurn, maxEvents);
    const byModel = new Map<string, ForeseenPartition[]>();
    for (const each of inTurn) {
      const key = `${each.model.network?.sha256} ${each.model.features.length}`;
      byModel.set(key, [...(byModel.get(key) ?? []), each]);
    }
    for (const group of byModel.values()) await this.#score(group);
  }

  async #score(group: readonly ForeseenPartition[]): Promise<void> {
    const { model } = group[0] as ForeseenPartition;
    const wanted = group.flatMap(({ wanted: rows }) => rows);
    let isLoaded = false;
    try {
      const network = wanted.length === 0 ? undefined : await this.#networks.load(model);
      isLoaded = true;
      const refused = network && (await scoreRows(network, wanted));
      let before = 0;
      for (const each of group) {
        const at = refused === undefined ? -1 : refused.index - before;
        before += each.wanted.length;
        if (at < 0 || at >= each.wanted.length) {
          this.#through.set(each.state, each.through);
          continue;
        }
        const sequence = each.wanted[at]?.sequence as StreamSequence;
        each.owned.blame(sequence, refused?.reason ?? '', HINT);
        this.#through.set(each.state, sequence);
        return;
      }
    } catch (error) {
      if (isLoaded) await this.#networks.discard(model).catch(() => {});
      const why = error instanceof Error ? error.message : String(error);
      for (const { owned, state } of group) if (owned.state === state) owned.commitFailed(why);
    }
  }
}

interface WantedByEvent extends WantedRow {
  readonly sequence: StreamSequence;
}

/** A partition on whose next records one looks ahead, without changing it. */
class ForeseenPartition {
  readonly owned: OwnedPartition;
  readonly state: PartitionState;
  readonly wanted: WantedByEvent[] = [];
  /** The last record that was foreseen. */
  through = 0 as StreamSequence;
  bytes = 0;
  readonly #recording: Recording;
  readonly #users = new Map<UserToken, FusedState>();
  #next = 0;

  constructor(owned: OwnedPartition) {
    this.owned = owned;
    this.state = owned.state;
    this.#recording = recordingOf(owned.state.userReference);
  }

  get model(): Model {
    return this.state.userReference.scorer.model;
  }

  /** Foresees the next record; false if none can be before the next batch. */
  advance(): boolean {
    const queued = this.owned.peek(this.#next);
    if (queued === undefined || isControl(queued)) return false;
    const { record, user, resident } = queued;
    // Passivated since it was looked up (R3): the batch stops there as well.
    if (user !== undefined && resident?.isResident !== true) return false;
    this.#next++;
    this.through = record.sequence;
    this.bytes += record.body.length;
    if (user !== undefined && resident !== undefined && !this.owned.poison.has(record.sequence)) {
      const state = this.#users.get(user) ?? resident.actor.context;
      this.#users.set(user, this.#foreseen(user, state, queued));
    }
    return true;
  }

  #foreseen(user: UserToken, state: FusedState, { record }: QueuedRecord): FusedState {
    const parsed = parseEvent(record.body, record.storedAtMs);
    if (!parsed.ok) return state;
    const into = this.state.userReference.scorer.network;
    const { reference, rows } = this.#recording;
    const before = rows.length;
    const { event } = parsed;
    try {
      return foresee(state, { user, event }, reference);
    } catch {
      // A broken invariant, which the batch will come upon and blame on this event.
      return state;
    } finally {
      for (const row of rows.slice(before)) {
        if (into !== undefined) this.wanted.push({ row, into, sequence: record.sequence });
      }
    }
  }
}

/** Foresees some records of each partition in turn, as many as a batch takes. */
function lookAhead(partitions: readonly ForeseenPartition[], maxEvents: number): void {
  let events = 0;
  let bytes = 0;
  let advanced = true;
  while (advanced) {
    advanced = false;
    for (const each of partitions) {
      for (let turn = 0; turn < EVENTS_PER_TURN; turn++) {
        if (events >= maxEvents || bytes >= FULL_BATCH_BYTES) return;
        const before = each.bytes;
        if (!each.advance()) break;
        advanced = true;
        events++;
        bytes += each.bytes - before;
      }
    }
  }
}

function isControl({ record, user }: QueuedRecord): boolean {
  return user === undefined && parseLogSubject(record.subject)?.kind === 'control';
}
