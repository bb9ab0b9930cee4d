/**
 * What a partition knows beside its users: reference data that came through its log, and its
 * cumulative aggregates, as cells. A cell that changed is dirty until the commit takes it.
 *
 * The state is mutated in place: it belongs to one partition worker, it is rebuilt from the store
 * whenever a commit fails, and copying aggregates per event would dominate the cost of one.
 */
import { type Campaign, type CampaignStatus, DEFAULT_SETTINGS } from '../../protocols/campaign.ts';
import type {
  CampaignCell,
  Cell,
  CellByKind,
  CellKind,
  ChannelsCell,
  DeliveryCell,
  PathsCell,
  ReferenceCell,
  TrafficCell,
} from '../../protocols/cells.ts';
import type { Control } from '../../protocols/control.ts';
import type { Micros } from '../../protocols/money.ts';
import type { PathCounts } from '../user/path.ts';

const EMPTY_TRAFFIC: TrafficCell = {
  v: 1,
  accepted: 0,
  duplicates: 0,
  rejected: 0,
  touches: 0,
  touches_too_late: 0,
  conversions_too_late: 0,
  touches_outside_window: 0,
  conversions: 0,
  conversions_without_path: 0,
  value_micros: 0,
  refunded_micros: 0,
  refunds_unmatched: 0,
  decisions: 0,
  wins: 0,
};

/** A stored cell with its name, `<kind>` or `<kind>.<key>`. */
export interface NamedCell {
  readonly name: string;
  readonly cell: Cell;
}

/** A campaign as an auction sees it. */
export interface CampaignEntry {
  readonly campaign: Campaign;
  readonly version: number;
  readonly status: CampaignStatus;
}

export class PartitionState implements PathCounts {
  readonly #cells = new Map<string, Cell>();
  readonly #dirty = new Set<string>();
  /** Campaigns by id; kept beside the cells because every auction walks them. */
  readonly campaigns = new Map<string, CampaignEntry>();

  constructor(stored: Iterable<NamedCell> = []) {
    for (const { name, cell } of stored) {
      this.#cells.set(name, cell);
      if (name.startsWith('campaign.')) this.#enterCampaign(cell as CampaignCell);
    }
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

  /** The traffic counts, to be changed. */
  traffic(): TrafficCell {
    return this.#change('traffic', '', () => ({ ...EMPTY_TRAFFIC }));
  }

  delivery(campaign: string): DeliveryCell {
    return this.read('delivery', campaign, emptyDelivery);
  }

  changeDelivery(campaign: string): DeliveryCell {
    return this.#change('delivery', campaign, emptyDelivery);
  }

  /** Counts one touch of a channel and its cost, on the UTC day of its event time. */
  touch(day: string, channel: string, kind: 'impressions' | 'clicks', cost: Micros): void {
    const { channels } = this.#change('channels', day, emptyChannels);
    const counts = own(channels, channel) ?? { impressions: 0, clicks: 0, cost_micros: 0 };
    counts[kind]++;
    counts.cost_micros += cost;
    channels[channel] = counts;
  }

  transition(day: string, from: string, to: string, by: number): void {
    const { transitions } = this.#change('paths', day, emptyPaths);
    const row = own(transitions, from) ?? {};
    transitions[from] = row;
    addTo(row, to, by);
    if (own(row, to) === undefined && Object.keys(row).length === 0) delete transitions[from];
  }

  path(day: string, by: number): void {
    this.#change('paths', day, emptyPaths).paths += by;
  }

  conversion(day: string, lastChannel: string, micros: Micros, by: number): void {
    const cell = this.#change('paths', day, emptyPaths);
    cell.conversions += by;
    cell.value_micros += by * micros;
    addTo(cell.value_by_last, lastChannel, by * micros);
  }

  /** Takes in reference data from the log; older or equal versions change nothing. */
  control(message: Control): void {
    switch (message.type) {
      case 'settings.put': {
        if (message.version <= this.reference.settings_version) return;
        const reference = this.#change('reference', '', emptyReference);
        reference.settings = message.settings;
        reference.settings_version = message.version;
        return;
      }
      case 'campaign.put': {
        const { campaign, status, version } = message;
        if (version <= (this.campaigns.get(campaign.id)?.version ?? 0)) return;
        const cell: CampaignCell = { v: 1, version, status, campaign };
        this.#cells.set(`campaign.${campaign.id}`, cell);
        this.#dirty.add(`campaign.${campaign.id}`);
        this.#enterCampaign(cell);
        return;
      }
      case 'grants.put': {
        if (message.version <= this.reference.grants_version) return;
        this.#change('reference', '', emptyReference).grants_version = message.version;
        for (const [id, granted] of Object.entries(message.granted_micros)) {
          if (granted <= this.delivery(id).granted_micros) continue;
          this.changeDelivery(id).granted_micros = granted;
        }
        return;
      }
      default:
        message satisfies never;
    }
  }

  #enterCampaign({ campaign, version, status }: CampaignCell): void {
    this.campaigns.set(campaign.id, { campaign, version, status });
  }

  /** The cells changed since the last call, by name. */
  takeDirty(): NamedCell[] {
    const dirty: NamedCell[] = [];
    for (const name of this.#dirty) dirty.push({ name, cell: this.#cells.get(name) as Cell });
    this.#dirty.clear();
    return dirty;
  }

  /** How many cells the next takeDirty() returns: what a commit still has to hold. */
  get dirtyCount(): number {
    return this.#dirty.size;
  }
}

/** Names come from outside: only own properties count, so "__proto__" is a name like any other. */
function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Adds to an entry and drops it at zero, so that what was retracted leaves no trace. */
function addTo(record: Record<string, number>, key: string, by: number): void {
  const sum = (own(record, key) ?? 0) + by;
  if (sum === 0) delete record[key];
  else record[key] = sum;
}

function emptyReference(): ReferenceCell {
  return { v: 1, settings: DEFAULT_SETTINGS, settings_version: 0, grants_version: 0 };
}
function emptyPaths(): PathsCell {
  const transitions = Object.create(null) as PathsCell['transitions'];
  return { v: 1, paths: 0, conversions: 0, value_micros: 0, transitions, value_by_last: {} };
}
function emptyChannels(): ChannelsCell {
  return { v: 1, channels: {} };
}
function emptyDelivery(): DeliveryCell {
  return {
    v: 1,
    granted_micros: 0,
    spent_micros: 0,
    wins: 0,
    shown: 0,
    clicked: 0,
    dismissed: 0,
  };
}
