/**
 * The campaign actors' home: their durable state, their grants, the model in force, and what
 * partitions still have to be told.
 *
 * Invariants:
 *   I5 A grant is stored, fenced, before any partition hears of it; the stored grants never sum to
 *      more than the budget.
 *   B1 Two coordinators never both write: every write moves the checkpoint's fence.
 *   B2 After a failed write the desk is of no more use: what it holds may differ from what is
 *      stored. It says so by `failed`, and its successor reads everything again.
 *   B3 A model comes into force only if it is newer and this release can calculate it, and after
 *      the one before it was sent to every log.
 */

import { planGrants } from '../../actors/campaign/grants.ts';
import { type CampaignEvent, draftCampaign, moveCampaign } from '../../actors/campaign/machine.ts';
import { missingControls } from '../../actors/campaign/reconcile.ts';
import { UnknownFeature } from '../../actors/model/inputs.ts';
import { Scorer } from '../../actors/model/scorer.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import { MAX_CAMPAIGNS } from '../../protocols/campaign.ts';
import type { CampaignActorState, CoordinatorCheckpoint } from '../../protocols/campaign-actor.ts';
import type { Control } from '../../protocols/control.ts';
import type { CampaignId, Partition, StreamSequence } from '../../protocols/ids.ts';
import type { Model } from '../../protocols/model.ts';
import type { CampaignReport, ModelReport } from '../../protocols/services.ts';
import {
  COORDINATOR_CHECKPOINT,
  COORDINATOR_MODEL,
  campaignSubject,
} from '../../protocols/subjects.ts';
import { MAX_BATCH_MESSAGES } from '../nats/atomic-batch.ts';
import type { ActorStore, StoreMessage } from '../ports.ts';
import type { CellView } from './cell-view.ts';

/** A message that was not taken in after this long counts as lost and is sent again. */
const RESEND_AFTER_MS = 2_000;
/** A model is large, and in the log once that has acknowledged it: this is for a log put back. */
const RESEND_MODEL_AFTER_MS = 600_000;

/** Another coordinator has taken over, or nobody answered whether a write is stored. */
export class CoordinatorFenced extends Error {
  override readonly name = 'CoordinatorFenced';
  readonly retryable = true;
}

/** What the desk starts from. */
export interface DeskState {
  readonly checkpoint: CoordinatorCheckpoint;
  readonly fence: StreamSequence;
  readonly model: Model;
  readonly campaigns: readonly CampaignActorState[];
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

export class BudgetDesk {
  readonly #ports: DeskPorts;
  readonly #campaigns = new Map<string, CampaignActorState>();
  /** When each partition was last told something, to leave it time to take it in. */
  readonly #toldAtMs = new Map<number, { readonly key: string; readonly atMs: number }>();
  /** The same for models, which are told one by one. */
  readonly #modelToldAt = new Map<number, { readonly version: number; readonly atMs: number }>();
  #checkpoint: CoordinatorCheckpoint;
  #model: Model;
  #fence: StreamSequence;
  #work: Promise<unknown> = Promise.resolve();

  constructor(state: DeskState, ports: DeskPorts) {
    this.#ports = ports;
    this.#checkpoint = state.checkpoint;
    this.#model = state.model;
    this.#fence = state.fence;
    for (const actor of state.campaigns) this.#campaigns.set(actor.campaign.id, actor);
  }

  get settings(): CoordinatorCheckpoint['settings'] {
    return this.#checkpoint.settings;
  }

  /** Campaigns with what the partitions have reported of them. */
  report(): CampaignReport[] {
    const totals = new Map<
      string,
      Omit<CampaignReport, 'campaign' | 'status' | 'version' | 'granted_micros'>
    >();
    for (const [, id, cell] of this.#ports.view.cells('delivery')) {
      const sum = totals.get(id);
      totals.set(id, {
        spent_micros: (sum?.spent_micros ?? 0) + cell.spent_micros,
        wins: (sum?.wins ?? 0) + cell.wins,
        shown: (sum?.shown ?? 0) + cell.shown,
        clicked: (sum?.clicked ?? 0) + cell.clicked,
        dismissed: (sum?.dismissed ?? 0) + cell.dismissed,
      });
    }
    const none = { spent_micros: 0, wins: 0, shown: 0, clicked: 0, dismissed: 0 };
    return [...this.#campaigns.values()].map(({ campaign, status, version, granted_micros }) => ({
      campaign,
      status,
      version,
      granted_micros: Object.values(granted_micros).reduce((sum, each) => sum + each, 0),
      ...(totals.get(campaign.id) ?? none),
    }));
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
      const body = JSON.stringify(model);
      await this.#commit([{ subject: COORDINATOR_MODEL, body }], this.#checkpoint);
      this.#model = model;
      await this.#tell();
      return undefined;
    });
  }

  /** Defines campaigns and launches the new ones. One commit for all. */
  apply(campaigns: readonly Campaign[]): Promise<string | undefined> {
    return this.#inTurn(async () => {
      const changed: CampaignActorState[] = [];
      for (const campaign of campaigns) {
        const known = this.#campaigns.get(campaign.id);
        if (known?.status === 'ended') return `campaign ${campaign.id} has ended: use a new id`;
        const granted = Object.values(known?.granted_micros ?? {}).reduce((a, b) => a + b, 0);
        if (campaign.budget_micros < granted) {
          return (
            `campaign ${campaign.id}: expected a budget of at least ${granted} micros, which is ` +
            `granted to partitions already, found ${campaign.budget_micros}; pause it instead`
          );
        }
        changed.push(
          known === undefined
            ? moveCampaign(draftCampaign(campaign), 0, { type: 'campaign.launched' })
            : moveCampaign(known, this.#spent(campaign.id), { type: 'campaign.applied', campaign }),
        );
      }
      const added = changed.filter(({ campaign }) => !this.#campaigns.has(campaign.id)).length;
      if (this.#campaigns.size + added > MAX_CAMPAIGNS) {
        return `expected at most ${MAX_CAMPAIGNS} campaigns; end and remove some first`;
      }
      await this.#save(changed);
      await this.#tell();
      return undefined;
    });
  }

  /** Moves one campaign; returns a problem if there is no such campaign or no such move. */
  move(id: string, event: CampaignEvent): Promise<string | undefined> {
    return this.#inTurn(async () => {
      const known = this.#campaigns.get(id);
      if (known === undefined)
        return `no campaign "${id}"; \`microtarget campaigns list\` shows all`;
      const moved = moveCampaign(known, this.#spent(id), event);
      if (moved.status === known.status) {
        return `campaign ${id} is ${known.status}: ${event.type} changes nothing`;
      }
      await this.#save([moved]);
      await this.#tell();
      return undefined;
    });
  }

  /** Takes in what partitions have spent, grants what they need and tells them what they miss. */
  settle(): Promise<void> {
    return this.#inTurn(async () => {
      const changed: CampaignActorState[] = [];
      for (const actor of this.#campaigns.values()) {
        const { id } = actor.campaign;
        const spentMicros = this.#spent(id);
        let moved = moveCampaign(actor, spentMicros, { type: 'spend.reported', spentMicros });
        if (moved.status === 'live') {
          const grants = planGrants(moved.campaign, this.#budgets(moved));
          if (Object.keys(grants).length > 0) {
            moved = moveCampaign(moved, spentMicros, { type: 'grants.raised', grants });
          }
        }
        const isNews =
          moved.version !== actor.version || moved.granted_micros !== actor.granted_micros;
        if (isNews) changed.push(moved);
      }
      await this.#save(changed);
      await this.#tell();
    });
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#work.then(task, task);
    this.#work = turn.catch((error: unknown) => this.#ports.failed(error));
    return turn;
  }

  #spent(id: string): number {
    let spent = 0;
    for (let partition = 0; partition < this.#ports.partitions; partition++) {
      spent += this.#ports.view.known(partition).delivery(id)?.spent_micros ?? 0;
    }
    return spent;
  }

  #budgets({ campaign, granted_micros }: CampaignActorState) {
    return Array.from({ length: this.#ports.partitions }, (_, partition) => ({
      partition,
      grantedMicros: granted_micros[partition] ?? 0,
      spentMicros: this.#ports.view.known(partition).delivery(campaign.id)?.spent_micros ?? 0,
    }));
  }

  /** Stores changed campaign actors, fenced (B1), as many at once as a commit takes. */
  async #save(changed: readonly CampaignActorState[]): Promise<void> {
    for (let from = 0; from < changed.length; from += MAX_BATCH_MESSAGES - 1) {
      const some = changed.slice(from, from + MAX_BATCH_MESSAGES - 1);
      await this.#commit(
        some.map((actor) => ({
          subject: campaignSubject(actor.campaign.id as CampaignId),
          body: JSON.stringify(actor),
        })),
        this.#checkpoint,
      );
      for (const actor of some) this.#campaigns.set(actor.campaign.id, actor);
    }
  }

  async #commit(messages: StoreMessage[], checkpoint: CoordinatorCheckpoint): Promise<void> {
    const outcome = await this.#ports.store.commit([
      ...messages,
      { subject: COORDINATOR_CHECKPOINT, body: JSON.stringify(checkpoint), fence: this.#fence },
    ]);
    if (outcome.status !== 'stored') {
      throw new CoordinatorFenced(
        `not known whether this was stored (${outcome.status}: ${outcome.reason}); look with ` +
          '`microtarget campaigns list` and try again',
      );
    }
    this.#fence = outcome.lastSequence;
    this.#checkpoint = checkpoint;
  }

  /** Sends each partition the controls that its cells show it lacks. */
  async #tell(): Promise<void> {
    const { settings, settings_version: settingsVersion } = this.#checkpoint;
    let grantsVersion = this.#checkpoint.grants_version;
    const messages: { partition: Partition; control: Control }[] = [];
    for (let p = 0; p < this.#ports.partitions; p++) {
      const known = this.#ports.view.known(p);
      const campaigns = this.#campaigns.values();
      const decided = { settings, settingsVersion, model: this.#model, campaigns };
      const missing = missingControls(decided, known, () => ++grantsVersion);
      for (const control of this.#untold(p, missing)) {
        messages.push({ partition: p as Partition, control });
      }
    }
    if (messages.length === 0) return;
    if (grantsVersion !== this.#checkpoint.grants_version) {
      await this.#commit([], { ...this.#checkpoint, grants_version: grantsVersion });
    }
    await Promise.all(messages.map((m) => this.#ports.publishControl(m.partition, m.control)));
  }

  /** Those that are not on their way already. */
  #untold(partition: number, missing: readonly Control[]): Control[] {
    const models = missing.filter(
      ({ type, version }) => type === 'model.put' && !this.#wasToldModel(partition, version),
    );
    const others = missing.filter(({ type }) => type !== 'model.put');
    const isNews = others.length > 0 && !this.#wasJustTold(partition, others);
    return isNews ? [...models, ...others] : models;
  }

  #wasToldModel(partition: number, version: number): boolean {
    const told = this.#modelToldAt.get(partition);
    const atMs = this.#ports.nowMs();
    if (told?.version === version && atMs - told.atMs < RESEND_MODEL_AFTER_MS) return true;
    this.#modelToldAt.set(partition, { version, atMs });
    return false;
  }

  /** Whether the same was sent a moment ago and is only on its way. */
  #wasJustTold(partition: number, controls: readonly Control[]): boolean {
    const key = JSON.stringify(
      controls.map((c) => (c.type === 'grants.put' ? c.granted_micros : c)),
    );
    const told = this.#toldAtMs.get(partition);
    const atMs = this.#ports.nowMs();
    if (told?.key === key && atMs - told.atMs < RESEND_AFTER_MS) return true;
    this.#toldAtMs.set(partition, { key, atMs });
    return false;
  }
}

/** Why a model cannot follow another one (B3). */
function modelProblem(model: Model, inForce: Model): string | undefined {
  if (model.version <= inForce.version) {
    const names = { inForce: JSON.stringify(inForce.name), found: JSON.stringify(model.name) };
    return (
      `model version: expected more than ${inForce.version}, that of ${names.inForce} in force, ` +
      `found ${model.version}, of ${names.found}; give it version ${inForce.version + 1} or more`
    );
  }
  try {
    new Scorer(model);
    return undefined;
  } catch (error) {
    if (error instanceof UnknownFeature) return error.message;
    throw error;
  }
}
