/**
 * The campaign actors' home: their durable state, their grants, the model in force, and what
 * partitions still have to be told.
 *
 * Invariants:
 *   I5 A grant is stored, fenced, before any partition hears of it; by all that is stored no more
 *      can be spent than the caps allow.
 *   B2 After a failed write the desk is of no more use: what it holds may differ from what is
 *      stored. It says so by `failed`, and its successor reads everything again.
 *   B3 A model comes into force only if it is newer and this release can calculate it, and after
 *      the one before it was sent to every log.
 *   B4 A change is stored in the same commit as its entry in the campaign's trail.
 */

import { refusalsOf } from '../../actors/campaign/activity.ts';
import { type CampaignEvent, moveCampaign } from '../../actors/campaign/machine.ts';
import { missingControls } from '../../actors/campaign/reconcile.ts';
import {
  CampaignMemory,
  type PartitionReport,
  settleCampaign,
} from '../../actors/campaign/settle.ts';
import type { Alert } from '../../protocols/alert.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import type { CampaignActorState, CoordinatorCheckpoint } from '../../protocols/campaign-actor.ts';
import type { CampaignChange } from '../../protocols/campaign-services.ts';
import type { Control } from '../../protocols/control.ts';
import type { Demand } from '../../protocols/demand.ts';
import type { Partition, StreamSequence } from '../../protocols/ids.ts';
import type { Model } from '../../protocols/model.ts';
import type { ModelReport } from '../../protocols/services.ts';
import { COORDINATOR_MODEL } from '../../protocols/subjects.ts';
import type { ActorStore } from '../ports.ts';
import type { CellView } from './cell-view.ts';
import { LearntDemand } from './desk-demand.ts';
import {
  type Budgets,
  defined,
  missing,
  modelProblem,
  staleProblem,
  withBudgets,
} from './desk-requests.ts';
import { DeskStore } from './desk-store.ts';
import { Outbox, sendAll, type Telling } from './desk-telling.ts';
import {
  acknowledged,
  alertMessage,
  changeOf,
  messagesOf,
  type Recorded,
  resolved,
  runaway,
} from './desk-trail.ts';

/** All campaigns are looked at this often; in between those of which cells told something new. */
const SWEEP_EVERY_MS = 900;

/** What the desk starts from. */
export interface DeskState {
  readonly checkpoint: CoordinatorCheckpoint;
  readonly fence: StreamSequence;
  readonly model: Model;
  readonly campaigns: readonly CampaignActorState[];
  readonly demand: Demand | undefined;
  readonly alerts: readonly Alert[];
}

export interface DeskPorts {
  readonly store: ActorStore;
  readonly view: CellView;
  readonly partitions: number;
  publishControl(partition: Partition, control: Control): Promise<void>;
  /** Something could not be done, whoever asked for it (B2). */
  failed(error: unknown): void;
  nowMs(): number;
}

const STATUS_EVENTS = {
  pause: { type: 'campaign.paused' },
  resume: { type: 'campaign.resumed' },
  end: { type: 'campaign.ended' },
} as const satisfies Record<string, CampaignEvent>;

export class BudgetDesk {
  readonly #ports: DeskPorts;
  readonly #store: DeskStore;
  readonly #campaigns = new Map<string, CampaignActorState>();
  readonly #memories = new Map<string, CampaignMemory>();
  /** The latest of each campaign. */
  readonly #alerts = new Map<string, Alert>();
  readonly #demand: LearntDemand;
  readonly #outbox = new Outbox();
  #model: Model;
  #sweptAtMs = Number.NEGATIVE_INFINITY;
  #work: Promise<unknown> = Promise.resolve();

  constructor(state: DeskState, ports: DeskPorts) {
    this.#ports = ports;
    this.#store = new DeskStore(ports.store, state.checkpoint, state.fence);
    this.#model = state.model;
    this.#demand = new LearntDemand(state.demand);
    for (const actor of state.campaigns) this.#campaigns.set(actor.campaign.id, actor);
    for (const alert of state.alerts) this.#alerts.set(alert.key, alert);
  }

  get settings(): CoordinatorCheckpoint['settings'] {
    return this.#store.checkpoint.settings;
  }

  /** All campaign actors as they are stored. */
  get campaigns(): Iterable<CampaignActorState> {
    return this.#campaigns.values();
  }

  /** The model in force. */
  get model(): Model {
    return this.#model;
  }

  /** The model in force, and which partitions have it. */
  modelReport(): ModelReport {
    const { version, name, features, network } = this.#model;
    const partitions = Array.from({ length: this.#ports.partitions }, (_, partition) => {
      return { partition, version: this.#ports.view.known(partition).model?.version ?? null };
    });
    const from = network === undefined ? {} : { network: network.sha256 };
    return { version, name, features: features.length, ...from, partitions };
  }

  /**
   * Puts a model in force and tells the partitions; returns a problem if it is not newer or reads
   * what this release does not calculate. The same one again changes nothing.
   */
  applyModel(model: Model): Promise<string | undefined> {
    return this.#inTurn(async () => {
      if (JSON.stringify(model) === JSON.stringify(this.#model)) return undefined;
      const problem = modelProblem(model, this.#model);
      if (problem !== undefined) return problem;
      // The log has to say by what was decided until now, before it says what is next.
      await this.#tell();
      await this.#store.commit([[{ subject: COORDINATOR_MODEL, body: JSON.stringify(model) }]]);
      this.#model = model;
      await this.#tell();
      return undefined;
    });
  }

  /**
   * Defines campaigns, all or none, and launches the new ones; returns a problem if one cannot be
   * as it is defined. The same definition again changes nothing. A budget below what is spent, or
   * what partitions hold, stands: they are told to hold less, and may spend what they hold until
   * they have taken that in.
   *
   * @param revisions by campaign: that which its definition is based on.
   */
  apply(
    campaigns: readonly Campaign[],
    revisions: Readonly<Record<string, number>>,
    by: string,
  ): Promise<string | undefined> {
    return this.#inTurn(async () => {
      const moves = defined(campaigns, revisions, this.#campaigns, (id) => this.#spent(id));
      if ('problem' in moves) return moves.problem;
      const atMs = this.#ports.nowMs();
      await this.#record(
        moves.moved.map(({ before, actor }) => {
          const action = before === null ? 'create' : 'change';
          return { actor, change: changeOf(before, actor, { action, by, atMs }) };
        }),
      );
      return undefined;
    });
  }

  /** Pauses, resumes or ends a campaign; returns a problem if there is no such campaign or move. */
  setStatus(
    id: string,
    action: keyof typeof STATUS_EVENTS,
    revision: number | undefined,
    by: string,
  ): Promise<string | undefined> {
    return this.#inTurn(async () => {
      const known = this.#campaigns.get(id);
      if (known === undefined) return missing(id);
      const stale = staleProblem(known, revision);
      if (stale !== undefined) return stale;
      const actor = moveCampaign(known, this.#spent(id), STATUS_EVENTS[action]);
      if (actor.status === known.status) {
        return `campaign ${id} is ${known.status}: to ${action} it changes nothing`;
      }
      await this.#record([this.#moved(known, actor, action, by)]);
      return undefined;
    });
  }

  /** Gives a campaign other budgets; returns a problem if it cannot have them. See `apply`. */
  setBudget(
    id: string,
    budgets: Budgets,
    revision: number | undefined,
    by: string,
  ): Promise<string | undefined> {
    return this.#inTurn(async () => {
      const known = this.#campaigns.get(id);
      if (known === undefined) return missing(id);
      const campaign = withBudgets(known.campaign, budgets);
      if ('problem' in campaign) return campaign.problem;
      const revisions = revision === undefined ? {} : { [id]: revision };
      const moves = defined([campaign], revisions, this.#campaigns, () => this.#spent(id));
      if ('problem' in moves) return moves.problem;
      await this.#record(moves.moved.map(({ actor }) => this.#moved(known, actor, 'budget', by)));
      return undefined;
    });
  }

  /** Notes who looks after a breaker's alert; undefined if it is not open. */
  acknowledgeAlert(id: string, by: string, atMs: number): Promise<Alert | undefined> {
    return this.#inTurn(async () => {
      const alert = [...this.#alerts.values()].find((each) => each.id === id);
      if (alert?.status !== 'open') return undefined;
      const noted = acknowledged(alert, by, atMs);
      await this.#store.commit([[alertMessage(noted)]]);
      this.#alerts.set(noted.key, noted);
      return noted;
    });
  }

  /** Takes in what partitions have spent, grants what they need and tells them what they miss. */
  settle(): Promise<void> {
    return this.#inTurn(async () => {
      const nowMs = this.#ports.nowMs();
      const changed = this.#ports.view.takeChanged();
      const isSweep = Math.abs(nowMs - this.#sweptAtMs) >= SWEEP_EVERY_MS;
      if (!isSweep) {
        await this.#settle([...changed]);
        return;
      }
      this.#sweptAtMs = nowMs;
      this.#demand.look(nowMs, this.#accepted());
      await this.#settle(this.#campaigns.keys());
    });
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#work.then(task, task);
    this.#work = turn.catch((error: unknown) => this.#ports.failed(error));
    return turn;
  }

  /** What an operator did to a campaign; a breaker's alert ends with the throttling. */
  #moved(
    before: CampaignActorState,
    actor: CampaignActorState,
    action: CampaignChange['action'],
    by: string,
  ): Recorded {
    const atMs = this.#ports.nowMs();
    const change = changeOf(before, actor, { action, by, atMs });
    const alert = this.#alerts.get(actor.campaign.id);
    const isOver = before.status === 'throttled' && actor.status !== 'throttled';
    if (alert === undefined || alert.status === 'resolved' || !isOver) return { actor, change };
    return { actor, change, alert: resolved(alert, atMs) };
  }

  /** Stores moves, and at once what follows from them for grants. */
  async #record(moves: readonly Recorded[]): Promise<void> {
    if (moves.length === 0) return;
    await this.#save(moves);
    await this.#settle(moves.map(({ actor }) => actor.campaign.id));
  }

  async #settle(ids: Iterable<string>): Promise<void> {
    const { nowMs } = this.#ports;
    const atMs = nowMs();
    // The first message of a partition that carries these grants has this version.
    const version = this.#store.checkpoint.grants_version + 1;
    const moves: Recorded[] = [];
    const looked: CampaignActorState[] = [];
    for (const id of ids) {
      const actor = this.#campaigns.get(id);
      if (actor === undefined) continue;
      const turn = { nowMs: atMs, curve: this.#demand.curve, memory: this.#memory(id), version };
      const settled = settleCampaign(actor, this.#reports(id), turn);
      looked.push(settled.actor);
      if (settled.actor === actor) continue;
      const { runawayMicros } = settled;
      moves.push(
        runawayMicros === undefined
          ? { actor: settled.actor }
          : runaway(actor, settled.actor, runawayMicros, atMs),
      );
    }
    const learnt = this.#demand.takeStored(atMs);
    if (moves.length > 0) await this.#save(moves, version);
    if (learnt.length > 0) await this.#store.commit([learnt]);
    await this.#tell(looked, moves.length > 0 ? version : undefined);
  }

  /** Stores campaign actors with what is on record of their moves (B4). */
  async #save(moves: readonly Recorded[], grantsVersion?: number): Promise<void> {
    await this.#store.commit(moves.map(messagesOf), grantsVersion);
    for (const { actor, alert } of moves) {
      this.#campaigns.set(actor.campaign.id, actor);
      if (alert !== undefined) this.#alerts.set(alert.key, alert);
    }
  }

  #memory(id: string): CampaignMemory {
    let memory = this.#memories.get(id);
    if (memory === undefined) {
      memory = new CampaignMemory();
      this.#memories.set(id, memory);
    }
    return memory;
  }

  #reports(id: string): PartitionReport[] {
    const { view, partitions } = this.#ports;
    return Array.from({ length: partitions }, (_, partition) => ({
      cell: view.cellOf(partition, 'delivery', id),
      refusals: refusalsOf(view.cell(partition, 'suppressed'), id),
    }));
  }

  #spent(id: string): number {
    return this.#reports(id).reduce((sum, { cell }) => sum + (cell?.spent_micros ?? 0), 0);
  }

  #accepted(): number {
    let accepted = 0;
    for (let partition = 0; partition < this.#ports.partitions; partition++) {
      accepted += this.#ports.view.cell(partition, 'traffic')?.accepted ?? 0;
    }
    return accepted;
  }

  /**
   * Sends each partition the controls that its cells show it lacks.
   *
   * @param fresh a version that is stored and that no message has had yet.
   */
  async #tell(
    campaigns: Iterable<CampaignActorState> = this.#campaigns.values(),
    fresh?: number,
  ): Promise<void> {
    const { settings, settings_version: settingsVersion, grants_version } = this.#store.checkpoint;
    const all = [...campaigns];
    const nowMs = this.#ports.nowMs();
    const tellings: Telling[] = [];
    let greatest = grants_version;
    for (let p = 0; p < this.#ports.partitions; p++) {
      const known = this.#ports.view.known(p);
      const decided = { settings, settingsVersion, model: this.#model, campaigns: all };
      // Versions need to grow within one log only.
      let version = fresh === undefined ? grants_version : fresh - 1;
      const next = (): number => ++version;
      for (const control of missingControls(decided, known, next, this.#outbox.due(p, nowMs))) {
        tellings.push({ partition: p as Partition, control });
      }
      greatest = Math.max(greatest, version);
    }
    if (tellings.length === 0) return;
    if (greatest > grants_version) await this.#store.commit([], greatest);
    await sendAll(tellings, (partition, control) => this.#ports.publishControl(partition, control));
  }
}
