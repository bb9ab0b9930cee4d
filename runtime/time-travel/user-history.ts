/**
 * One user's past: the user's own events folded again by the very actors that the worker runs, with
 * the settings and the model that are in force now, and the state after each.
 *
 * What depends on others, campaigns and budgets, has no part in it: nobody bids, nothing counts.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { channelOf, rulesOf } from '../../actors/channel/derive-channel.ts';
import type { NetworkRow } from '../../actors/model/network-concepts.ts';
import { applyEvent, type LoggedEvent } from '../../actors/partition/apply.ts';
import { foresee } from '../../actors/partition/foresee.ts';
import { type NamedCell, PartitionState } from '../../actors/partition/state.ts';
import { newUserActor, type UserActor } from '../../actors/user/actor.ts';
import type { ModelCell, ReferenceCell } from '../../protocols/cells.ts';
import { type Event, parseEvent } from '../../protocols/event.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import { MAX_HISTORY_EVENTS, type UserHistory } from '../../protocols/live-services.ts';
import type { Settings } from '../../protocols/settings.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import { type Recording, recordingOf, scoreRows } from '../onnx/score-rows.ts';

type Point = UserHistory['points'][number];
type Verdict = Point['verdict'];

/** What an event is called that cannot be parsed. */
const UNREADABLE = 'unreadable';
/** Events between two turns of the event loop, so that other questions are answered meanwhile. */
const EVENTS_PER_TURN = 250;

/** One of the user's messages in the log. */
export interface UserRecord {
  readonly sequence: StreamSequence;
  readonly storedAtMs: number;
  readonly body: Uint8Array;
}

/** The settings and the model that a partition knows. */
export interface ReferenceCells {
  readonly reference: ReferenceCell | undefined;
  readonly model: ModelCell | undefined;
}

export class HistoryFold {
  readonly #user: UserToken;
  readonly #networks: NetworkFolder;
  readonly #state: PartitionState;
  /** Takes down what the model's network is asked for, if it has one. */
  readonly #recording: Recording | undefined;
  #actor: UserActor = newUserActor();
  #points: Point[] = [];
  #events = 0;

  /**
   * @param reference the partition's cells of that name, as far as there are any.
   * @param networks where the model's network is, if it has one.
   */
  constructor(user: UserToken, { reference, model }: ReferenceCells, networks: NetworkFolder) {
    this.#user = user;
    this.#networks = networks;
    const cells: NamedCell[] = [];
    if (reference !== undefined) cells.push({ name: 'reference', cell: reference });
    if (model !== undefined) cells.push({ name: 'model', cell: model });
    this.#state = new PartitionState(cells);
    const { userReference } = this.#state;
    const { network } = userReference.scorer;
    this.#recording = network === undefined ? undefined : recordingOf(userReference);
  }

  get modelVersion(): number {
    return this.#state.userReference.scorer.model.version;
  }

  /** The states after the last MAX_HISTORY_EVENTS events, the oldest first. */
  get points(): readonly Point[] {
    return this.#points.slice(-MAX_HISTORY_EVENTS);
  }

  /**
   * Folds the user's next event. Cost: the worker's own, some 30 microseconds.
   *
   * @throws NetworkUnavailable if the model's network cannot be run here.
   */
  async take({ sequence, storedAtMs, body }: UserRecord): Promise<void> {
    if (++this.#events % EVENTS_PER_TURN === 0) await nextTurn();
    this.#state.tick(storedAtMs);
    const parsed = parseEvent(body, storedAtMs);
    if (!parsed.ok) {
      this.#keep(sequence, Math.floor(storedAtMs), UNREADABLE, '', 'rejected');
      return;
    }
    const { event } = parsed;
    const verdict = await this.#apply({ user: this.#user, sequence, event });
    const name = nameOf(event, this.#state.userReference.settings);
    this.#keep(sequence, event.timestamp, event.type, name, verdict);
  }

  async #apply(logged: LoggedEvent): Promise<Verdict> {
    const { network } = this.#state.userReference.scorer;
    try {
      return (await this.#score(logged)) ? this.#applied(logged) : 'rejected';
    } finally {
      network?.forget();
      this.#state.takeDirty();
      this.#state.takeLedger();
      this.#state.journal.take(0, logged.sequence);
      this.#state.pulse.take(0, logged.sequence, 0);
    }
  }

  /** An event that no actor can take went to the dead letter. */
  #applied(logged: LoggedEvent): Verdict {
    try {
      const applied = applyEvent(this.#state, this.#actor, logged);
      if (applied.verdict !== 'rejected') this.#actor = applied.actor ?? this.#actor;
      return applied.verdict;
    } catch {
      return 'rejected';
    }
  }

  /** Has the model's network score the event; false if it cannot, for which there is a letter. */
  async #score(logged: LoggedEvent): Promise<boolean> {
    const { model, network: into } = this.#state.userReference.scorer;
    if (into === undefined || this.#recording === undefined) return true;
    const { reference, rows } = this.#recording;
    const before = rows.length;
    foresee(this.#actor.context, logged, reference);
    const wanted = rows.slice(before).map((row: NetworkRow) => ({ row, into }));
    const network = await this.#networks.load(model);
    return (await scoreRows(network, wanted)) === undefined;
  }

  #keep(sequence: number, t: number, type: string, name: string, verdict: Verdict): void {
    const { value: chart, context } = this.#actor;
    const { fusion, concepts, intents } = context;
    this.#points.push({ t, sequence, type, name, verdict, chart, fusion, concepts, intents });
    // Cut now and then: each cut costs a copy.
    if (this.#points.length >= 2 * MAX_HISTORY_EVENTS) this.#points = [...this.points];
  }
}

/** What happened, in a word: whatever names it best among what events of its type have. */
function nameOf(event: Event, settings: Settings): string {
  switch (event.type) {
    case 'behavior':
      return event.name ?? '';
    case 'impression':
    case 'click':
      return channelOf(event, rulesOf(settings));
    case 'conversion':
    case 'refund':
      return event.order_id;
    case 'opportunity':
      return event.placement;
    case 'outcome':
      return event.outcome;
    case 'preference':
    case 'consent':
      return '';
    default:
      return event satisfies never;
  }
}
