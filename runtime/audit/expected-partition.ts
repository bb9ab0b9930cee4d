/**
 * One partition as docs/semantics.md says it must be: reference data from its log, its users, and
 * its aggregates.
 */

import { channelOf, rulesOf } from '../../actors/channel/derive-channel.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../protocols/campaign.ts';
import {
  type CampaignCell,
  type Cell,
  type ChannelsCell,
  type DeliveryCell,
  type TrafficCell,
  utcDay,
} from '../../protocols/cells.ts';
import type { Control } from '../../protocols/control.ts';
import type { Event } from '../../protocols/event.ts';
import { toMicros } from '../../protocols/money.ts';
import { PathTotals } from './expected-path.ts';
import { ExpectedUser } from './expected-user.ts';

/** Wins and what they cost. */
export interface Spend {
  micros: number;
  wins: number;
}

export class ExpectedPartition {
  readonly partition: number;
  settings: Settings = DEFAULT_SETTINGS;
  settingsVersion = 0;
  readonly users = new Map<string, ExpectedUser>();
  readonly campaigns = new Map<string, CampaignCell>();
  readonly delivery = new Map<string, DeliveryCell>();
  readonly traffic: TrafficCell = emptyTraffic();
  /** What the receipts say was spent, per campaign. */
  readonly receipted = new Map<string, Spend>();
  /** The last message of its log that was replayed. */
  lastSequence = 0;
  readonly paths = new PathTotals();
  readonly #channels = new Map<string, ChannelsCell['channels']>();
  #grantsVersion = 0;

  constructor(partition: number) {
    this.partition = partition;
  }

  user(token: string): ExpectedUser {
    const user = this.users.get(token) ?? new ExpectedUser(token, this.paths);
    this.users.set(token, user);
    return user;
  }

  deliveryOf(campaign: string): DeliveryCell {
    const cell = this.delivery.get(campaign) ?? emptyDelivery();
    this.delivery.set(campaign, cell);
    return cell;
  }

  /** What receipts say of a campaign, to be added to. */
  receiptedOf(campaign: string): Spend {
    const spend = this.receipted.get(campaign) ?? { micros: 0, wins: 0 };
    this.receipted.set(campaign, spend);
    return spend;
  }

  control(message: Control): void {
    const { version } = message;
    if (message.type === 'settings.put' && version > this.settingsVersion) {
      this.settings = message.settings;
      this.settingsVersion = version;
    }
    if (message.type === 'campaign.put') {
      const { campaign, status } = message;
      if (version <= (this.campaigns.get(campaign.id)?.version ?? 0)) return;
      this.campaigns.set(campaign.id, { v: 1, version, status, campaign });
    }
    if (message.type === 'grants.put' && version > this.#grantsVersion) {
      this.#grantsVersion = version;
      for (const [id, granted] of Object.entries(message.granted_micros)) {
        const cell = this.deliveryOf(id);
        cell.granted_micros = Math.max(cell.granted_micros, granted);
      }
    }
  }

  /** Counts an accepted event, whatever becomes of its path. */
  count(event: Event, exposuresBefore: ExpectedUser['exposures']): void {
    this.traffic.accepted++;
    if (event.type === 'impression' || event.type === 'click') {
      this.traffic.touches++;
      const day = this.#channels.get(utcDay(event.timestamp)) ?? {};
      this.#channels.set(utcDay(event.timestamp), day);
      const named = channelOf(event, rulesOf(this.settings));
      const isNew = !Object.hasOwn(day, named);
      const channel = isNew && Object.keys(day).length >= 1_000 ? '(other)' : named;
      const none = { impressions: 0, clicks: 0, cost_micros: 0 };
      const counts = Object.hasOwn(day, channel) ? (day[channel] ?? none) : none;
      if (event.type === 'click') counts.clicks++;
      else counts.impressions++;
      counts.cost_micros += toMicros(event.cost ?? 0);
      day[channel] = counts;
    }
    if (event.type === 'conversion') {
      this.traffic.conversions++;
      this.traffic.value_micros += toMicros(event.value);
    }
    if (event.type === 'outcome') {
      const win = exposuresBefore.find(({ decision }) => decision === event.decision_id);
      if (win !== undefined) this.deliveryOf(win.campaign)[event.outcome]++;
    }
  }

  /** Cuts all paths: nothing is taken in any more. */
  finish(): void {
    for (const user of this.users.values()) if (user.events > 0) user.path.finish();
    this.traffic.touches_outside_window = this.paths.touchesOutsideWindow;
    this.traffic.conversions_without_path += this.paths.conversionsWithoutPath;
  }

  /** All cells by name, after finish(). */
  cells(): Map<string, Cell> {
    const cells = new Map<string, Cell>([['traffic', this.traffic]]);
    cells.set('reference', {
      v: 1,
      settings: this.settings,
      settings_version: this.settingsVersion,
      grants_version: this.#grantsVersion,
    });
    for (const [id, cell] of this.campaigns) cells.set(`campaign.${id}`, cell);
    for (const [id, cell] of this.delivery) cells.set(`delivery.${id}`, cell);
    for (const [day, channels] of this.#channels) cells.set(`channels.${day}`, { v: 1, channels });
    return cells;
  }
}

function emptyDelivery(): DeliveryCell {
  const outcomes = { shown: 0, clicked: 0, dismissed: 0 };
  return { v: 1, granted_micros: 0, spent_micros: 0, wins: 0, ...outcomes };
}

function emptyTraffic(): TrafficCell {
  return {
    v: 1,
    accepted: 0,
    duplicates: 0,
    rejected: 0,
    touches: 0,
    touches_too_late: 0,
    conversions_too_late: 0,
    touches_outside_window: 0,
    touches_sampled_out: 0,
    conversions_sampled_out: 0,
    conversions: 0,
    conversions_without_path: 0,
    value_micros: 0,
    refunded_micros: 0,
    refunds_unmatched: 0,
    decisions: 0,
    wins: 0,
  };
}
