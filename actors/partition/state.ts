/**
 * What a partition knows beside its users: reference data that came through its log, and its
 * cumulative aggregates, as cells. A cell that changed is dirty until the commit takes it.
 *
 * The state is mutated in place: it belongs to one partition worker, it is rebuilt from the store
 * whenever a commit fails, and copying aggregates per event would dominate the cost of one.
 */
import {
  type CalibrationCell,
  type CampaignCell,
  type Cell,
  type CellByKind,
  type CellKind,
  type DeliveryCell,
  type DriftCell,
  MAX_DAY_CHANNELS,
  MAX_SUPPRESSED_CAMPAIGNS,
  type ModelCell,
  OTHER_CAMPAIGNS,
  OTHER_CHANNEL,
  type ReferenceCell,
  type TrafficCell,
  type TrialCell,
} from '../../protocols/cells.ts';
import type { Control } from '../../protocols/control.ts';
import type { LedgerEntry } from '../../protocols/conversion-ledger.ts';
import type { Exclusion } from '../../protocols/decision.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import type { Micros } from '../../protocols/money.ts';
import { type CampaignEntry, enterCampaign, topicsOf } from '../campaign/entry.ts';
import { DEFAULT_REFERENCE } from '../model/default-reference.ts';
import { Scorer } from '../model/scorer.ts';
import type { UserReference } from '../user/state.ts';
import {
  emptyCalibration,
  emptyChannels,
  emptyDelivery,
  emptyReference,
  emptySuppressed,
  emptyTraffic,
  emptyTrial,
} from './empty-cells.ts';
import { PathJournal } from './path-journal.ts';
import { PulseJournal } from './pulse-journal.ts';
import { pay, takeGrant } from './spending.ts';

/** A stored cell with its name, `<kind>` or `<kind>.<key>`. */
export interface NamedCell {
  readonly name: string;
  readonly cell: Cell;
}

export interface LedgerChanges {
  readonly erasures: readonly (readonly [user: UserToken, sequence: StreamSequence])[];
  readonly orders: readonly (readonly [user: UserToken, entry: LedgerEntry])[];
}

export class PartitionState {
  readonly #cells = new Map<string, Cell>();
  readonly #dirty = new Set<string>();
  /** What changed about paths since the last commit. */
  readonly journal = new PathJournal();
  /** What was added to the live figures since then. */
  readonly pulse = new PulseJournal();
  /** What changed in the ledger of conversions since then, by user and order. */
  readonly #orders = new Map<UserToken, Map<string, LedgerEntry>>();
  /** Users whose older conversions must go, with the event that asked for it. */
  readonly #erasures = new Map<UserToken, StreamSequence>();
  /** Campaigns by id; kept beside the cells because every auction walks them. */
  readonly campaigns = new Map<string, CampaignEntry>();
  /** Their deliveries by id: a cell's name is a text that each auction would build anew. */
  readonly #deliveries = new Map<string, DeliveryCell>();
  /** No further campaign is counted by name in `suppressed`, which never gets fewer names. */
  #isSuppressedFull = false;
  #topics: ReadonlySet<string> | undefined;
  #userReference: UserReference;

  constructor(stored: Iterable<NamedCell> = []) {
    for (const { name, cell } of stored) {
      this.#cells.set(name, cell);
      if (name.startsWith('campaign.')) this.#enterCampaign(cell as CampaignCell);
    }
    this.#userReference = userReferenceOf(this.reference, this.#model);
  }

  /** A cell for reading: its stored value, or the empty one. */
  read<K extends CellKind>(kind: K, key: string, empty: () => CellByKind[K]): CellByKind[K] {
    const name = key === '' ? kind : `${kind}.${key}`;
    let cell = this.#cells.get(name) as CellByKind[K] | undefined;
    if (cell === undefined) {
      cell = empty();
      this.#cells.set(name, cell);
    }
    return cell;
  }

  /** A cell for changing: marks it dirty. */
  #change<K extends CellKind>(kind: K, key: string, empty: () => CellByKind[K]): CellByKind[K] {
    this.#dirty.add(key === '' ? kind : `${kind}.${key}`);
    return this.read(kind, key, empty);
  }

  get reference(): ReferenceCell {
    return this.read('reference', '', emptyReference);
  }

  /** What users are folded and scored by: the settings and the model in force, compiled. */
  get userReference(): UserReference {
    return this.#userReference;
  }

  /** The model that came through the log; none before the first one came. */
  get #model(): ModelCell | undefined {
    return this.#cells.get('model') as ModelCell | undefined;
  }

  /** The traffic counts, to be changed. */
  traffic(): TrafficCell {
    return this.#change('traffic', '', emptyTraffic);
  }

  /** The partition's clock: the latest time that the log stored a message at. */
  get clockMs(): number {
    return this.read('traffic', '', emptyTraffic).log_ms;
  }

  /** Moves the clock; called for every message of the log, before anything else. */
  tick(storedAtMs: number): void {
    const wholeMs = Math.floor(storedAtMs);
    if (wholeMs > this.clockMs) this.traffic().log_ms = wholeMs;
  }

  delivery(campaign: string): DeliveryCell {
    let cell = this.#deliveries.get(campaign);
    if (cell === undefined) {
      cell = this.read('delivery', campaign, emptyDelivery);
      this.#deliveries.set(campaign, cell);
    }
    return cell;
  }

  changeDelivery(campaign: string): DeliveryCell {
    this.#dirty.add(`delivery.${campaign}`);
    return this.delivery(campaign);
  }

  /** Counts a win of a campaign. */
  win(campaign: string): void {
    this.changeDelivery(campaign).wins++;
    this.pulse.spend(this.clockMs, campaign, 0, 1);
  }

  /** Pays a price from a campaign's grant; false, with nothing paid, if none covers it now (I5). */
  pay(campaign: string, micros: Micros): boolean {
    const { clockMs } = this;
    if (!pay(this.changeDelivery(campaign), clockMs, micros)) return false;
    this.pulse.spend(clockMs, campaign, micros, 0);
    return true;
  }

  /** Counts that a campaign which would have fitted was kept back. */
  suppress(campaign: string, reason: Exclusion): void {
    const { campaigns } = this.#change('suppressed', '', emptySuppressed);
    const known = own(campaigns, campaign);
    if (known === undefined && !this.#isSuppressedFull) {
      this.#isSuppressedFull = Object.keys(campaigns).length >= MAX_SUPPRESSED_CAMPAIGNS;
    }
    const isOther = known === undefined && this.#isSuppressedFull;
    const name = isOther ? OTHER_CAMPAIGNS : campaign;
    const counts = known ?? own(campaigns, name) ?? {};
    counts[reason] = (counts[reason] ?? 0) + 1;
    campaigns[name] = counts;
  }

  /** A holdout's sums, to be changed. */
  trial(campaign: string, ppm: number): TrialCell {
    return this.#change('trial', `${campaign}.${ppm}`, emptyTrial);
  }

  /** Counts one touch of a channel and its cost, on the UTC day of its event time. */
  touch(day: string, channel: string, kind: 'impressions' | 'clicks', cost: Micros): void {
    const { channels } = this.#change('channels', day, emptyChannels);
    const known = own(channels, channel);
    const isFull = known === undefined && Object.keys(channels).length >= MAX_DAY_CHANNELS;
    const name = isFull ? OTHER_CHANNEL : channel;
    const counts = own(channels, name) ?? { impressions: 0, clicks: 0, cost_micros: 0 };
    counts[kind]++;
    counts.cost_micros += cost;
    channels[name] = counts;
  }

  /** What a model forecast in visits of a week, to be changed. */
  calibration(model: number, week: string): CalibrationCell {
    return this.#change('calibration', `${model}.${week}`, emptyCalibration);
  }

  /** How the features of the model in force are spread in a week, to be changed. */
  drift(model: number, week: string): DriftCell {
    const { features } = this.#userReference.scorer.model.reference;
    const empty = (): DriftCell => ({
      v: 2,
      features: features.map(({ edges }) => new Array<number>(edges.length + 1).fill(0)),
    });
    const cell = this.#change('drift', `${model}.${week}`, empty);
    // The first model of a log may have the version of the release's own, and other bins.
    const fits =
      cell.features.length === features.length &&
      features.every(({ edges }, i) => cell.features[i]?.length === edges.length + 1);
    if (!fits) cell.features = empty().features;
    return cell;
  }

  /** Puts a user's conversion into the ledger as it now is. */
  order(user: UserToken, entry: LedgerEntry): void {
    const orders = this.#orders.get(user) ?? new Map<string, LedgerEntry>();
    this.#orders.set(user, orders.set(entry.order, entry));
  }

  /** Takes a user's conversions out of the ledger. */
  forgetOrders(user: UserToken, sequence: StreamSequence): void {
    this.#orders.delete(user);
    this.#erasures.set(user, sequence);
  }

  /**
   * Takes in reference data from the log; older or equal versions change nothing.
   *
   * @throws UnknownFeature or RuleMistake, with nothing changed, for a model or a campaign that
   *   this release cannot calculate.
   */
  control(message: Control): void {
    switch (message.type) {
      case 'settings.put': {
        if (message.version <= this.reference.settings_version) return;
        const reference = this.#change('reference', '', emptyReference);
        reference.settings = message.settings;
        reference.settings_version = message.version;
        this.#userReference = { ...this.#userReference, settings: message.settings };
        return;
      }
      case 'model.put': {
        // The log's first model is taken whatever its version: what this release would have put
        // there is no part of the log, and a later release has another one (I2).
        const { model, version } = message;
        if (version <= (this.#model?.version ?? 0)) return;
        this.#userReference = { ...this.#userReference, scorer: new Scorer(model) };
        this.#cells.set('model', { v: 2, version, model });
        this.#dirty.add('model');
        return;
      }
      case 'campaign.put': {
        const { campaign, status, version } = message;
        if (version <= (this.campaigns.get(campaign.id)?.version ?? 0)) return;
        const cell: CampaignCell = { v: 2, version, status, campaign };
        this.#enterCampaign(cell);
        this.#cells.set(`campaign.${campaign.id}`, cell);
        this.#dirty.add(`campaign.${campaign.id}`);
        return;
      }
      case 'grants.put': {
        if (message.version <= this.reference.grants_version) return;
        this.#change('reference', '', emptyReference).grants_version = message.version;
        for (const [id, grant] of Object.entries(message.grants)) {
          takeGrant(this.changeDelivery(id), grant, message.version);
        }
        return;
      }
      default:
        message satisfies never;
    }
  }

  #enterCampaign(cell: CampaignCell): void {
    const entry = enterCampaign(cell);
    this.campaigns.set(cell.campaign.id, entry);
    this.#topics = undefined;
  }

  /** Topics that campaigns' rules name. */
  get topics(): ReadonlySet<string> {
    this.#topics ??= new Set([...this.campaigns.values()].flatMap(topicsOf));
    return this.#topics;
  }

  /** The cells changed since the last call, by name. */
  takeDirty(): NamedCell[] {
    const dirty: NamedCell[] = [];
    for (const name of this.#dirty) dirty.push({ name, cell: this.#cells.get(name) as Cell });
    this.#dirty.clear();
    return dirty;
  }

  /** The ledger's changes since the last call: erasures, which come first, and conversions. */
  takeLedger(): LedgerChanges {
    const erasures = [...this.#erasures];
    const orders = [...this.#orders].flatMap(([user, byOrder]) =>
      [...byOrder.values()].map((entry) => [user, entry] as const),
    );
    this.#erasures.clear();
    this.#orders.clear();
    return { erasures, orders };
  }

  /** How many messages all that has changed takes: what a commit still has to hold. */
  get dirtyCount(): number {
    let count = this.#dirty.size + this.#erasures.size;
    count += this.journal.messageCount + this.pulse.messageCount;
    for (const byOrder of this.#orders.values()) count += byOrder.size;
    return count;
  }
}

/**
 * What users are scored by where a partition has these cells; without them, what this release
 * brings. Compiles the model: O(its knots).
 *
 * @throws UnknownFeature if the model reads what this release does not calculate.
 */
export function userReferenceOf(
  reference: ReferenceCell | undefined,
  model: ModelCell | undefined,
): UserReference {
  return {
    // A cell of an earlier release lacks the settings that have come since.
    settings: { ...DEFAULT_REFERENCE.settings, ...reference?.settings },
    scorer: model === undefined ? DEFAULT_REFERENCE.scorer : new Scorer(model.model),
  };
}

/** Names come from outside: only own properties count, so "__proto__" is a name like any other. */
function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
