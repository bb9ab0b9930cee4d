/**
 * One partition as docs/semantics.md says it must be: reference data from its log, its users, and
 * its aggregates.
 */
import { mistakeIn } from '../../actors/campaign/rules.ts';
import { channelOf, rulesOf } from '../../actors/channel/derive-channel.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import {
  type CampaignCell,
  type Cell,
  type ChannelsCell,
  type TrafficCell,
  utcDay,
} from '../../protocols/cells.ts';
import type { Control } from '../../protocols/control.ts';
import type { Event } from '../../protocols/event.ts';
import { toMicros } from '../../protocols/money.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../protocols/settings.ts';
import { AuditImpossible } from './consistent-cut.ts';
import { ExpectedDelivery } from './expected-delivery.ts';
import { ForecastTotals } from './expected-forecasts.ts';
import { ExpectedLive } from './expected-live.ts';
import { PathTotals } from './expected-path.ts';
import { rulesIn, topicsIn } from './expected-rules.ts';
import { ExpectedModel, RELEASED_MODEL, readsKnownFeatures } from './expected-scores.ts';
import { TrialTotals } from './expected-trials.ts';
import { ExpectedUser } from './expected-user.ts';

export class ExpectedPartition {
  readonly partition: number;
  settings: Settings = DEFAULT_SETTINGS;
  settingsVersion = 0;
  /** What users are scored by: the release's own until one comes through the log. */
  model = RELEASED_MODEL;
  readonly users = new Map<string, ExpectedUser>();
  readonly campaigns = new Map<string, CampaignCell>();
  /** All that campaigns ever were. */
  readonly definitions: Campaign[] = [];
  readonly live: ExpectedLive;
  readonly delivery: ExpectedDelivery;
  readonly traffic: TrafficCell = emptyTraffic();
  /** The last message of its log that was replayed. */
  lastSequence = 0;
  readonly paths = new PathTotals();
  readonly forecasts = new ForecastTotals();
  readonly trials = new TrialTotals();
  /** The topics that rules of campaigns name. */
  topics: ReadonlySet<string> = new Set();
  readonly #channels = new Map<string, ChannelsCell['channels']>();
  #grantsVersion = 0;
  /** Of the last model that came; 0 before the first. */
  #modelVersion = 0;

  /** @param foldedUpTo the last place in its log whose pulse the live actor has folded. */
  constructor(partition: number, foldedUpTo = 0) {
    this.partition = partition;
    this.live = new ExpectedLive(foldedUpTo);
    this.delivery = new ExpectedDelivery(this.live);
  }

  user(token: string): ExpectedUser {
    const user = this.users.get(token) ?? new ExpectedUser(token, this);
    this.users.set(token, user);
    return user;
  }

  /** Moves the partition's clock: the log has stored a message. */
  tick(sequence: number, storedAtMs: number): void {
    this.lastSequence = sequence;
    this.delivery.clockMs = Math.max(this.delivery.clockMs, Math.floor(storedAtMs));
    this.live.next(sequence, this.delivery.clockMs);
  }

  /**
   * Takes in reference data; false for a model or a campaign that cannot be calculated.
   *
   * @throws AuditImpossible for a model with a network, which the audit does not run.
   */
  control(message: Control): boolean {
    const { version } = message;
    if (message.type === 'model.put' && version > this.#modelVersion) {
      if (!readsKnownFeatures(message.model)) return false;
      if (message.model.network !== undefined) throw withNetwork(this.partition, version);
      this.model = new ExpectedModel(message.model);
      this.#modelVersion = version;
    }
    if (message.type === 'settings.put' && version > this.settingsVersion) {
      this.settings = message.settings;
      this.settingsVersion = version;
    }
    if (message.type === 'campaign.put') {
      const { campaign, status } = message;
      if (version <= (this.campaigns.get(campaign.id)?.version ?? 0)) return true;
      if (rulesIn(campaign).some((rule) => mistakeIn(rule) !== undefined)) return false;
      this.definitions.push(campaign);
      this.campaigns.set(campaign.id, { v: 2, version, status, campaign });
      const rules = [...this.campaigns.values()].flatMap((cell) => rulesIn(cell.campaign));
      this.topics = new Set(rules.flatMap(topicsIn));
    }
    if (message.type === 'grants.put' && version > this.#grantsVersion) {
      this.#grantsVersion = version;
      for (const [id, grant] of Object.entries(message.grants)) {
        this.delivery.grant(id, grant, version);
      }
    }
    return true;
  }

  /** Counts an accepted event, whatever becomes of its path. */
  count(event: Event): void {
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
  }

  /** Cuts all paths and counts all forecasts: nothing is taken in any more. */
  finish(): void {
    for (const user of this.users.values()) {
      if (user.events > 0) user.path.finish();
      this.forecasts.count(user.forecasts);
    }
    this.traffic.touches_outside_window = this.paths.touchesOutsideWindow;
    this.traffic.conversions_without_path += this.paths.conversionsWithoutPath;
    this.traffic.log_ms = this.delivery.clockMs;
  }

  /** All cells by name, after finish(). */
  cells(): Map<string, Cell> {
    const cells = new Map<string, Cell>([['traffic', this.traffic]]);
    cells.set('reference', {
      v: 2,
      settings: this.settings,
      settings_version: this.settingsVersion,
      grants_version: this.#grantsVersion,
    });
    const { model } = this.model;
    if (this.#modelVersion > 0) cells.set('model', { v: 2, version: this.#modelVersion, model });
    for (const [name, cell] of this.forecasts.cells()) cells.set(name, cell);
    for (const [id, cell] of this.campaigns) cells.set(`campaign.${id}`, cell);
    for (const [name, cell] of this.delivery.cells()) cells.set(name, cell);
    for (const [name, cell] of this.trials.cells()) cells.set(name, cell);
    for (const [day, channels] of this.#channels) cells.set(`channels.${day}`, { v: 2, channels });
    return cells;
  }
}

function withNetwork(partition: number, version: number): AuditImpossible {
  return new AuditImpossible(
    `partition ${partition}: expected models whose concepts follow from curves, found version ` +
      `${version}, which takes them from a network; what followed from its scores cannot be ` +
      'calculated again without running it',
    { retryable: false },
  );
}

function emptyTraffic(): TrafficCell {
  return {
    v: 2,
    log_ms: 0,
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
