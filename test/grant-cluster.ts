/**
 * A campaign over some partitions as they really are: each reads its own log late, stops and comes
 * back; messages are lost, repeated and late; coordinators crash and disagree about the time. And
 * an auditor that knows all of it, and counts by the calendar what was really spent.
 */
import { dayWindow, hourWindow } from '../actors/calendar.ts';
import { DemandCurve, noDemand } from '../actors/campaign/demand.ts';
import { draftCampaign, moveCampaign } from '../actors/campaign/machine.ts';
import { missingControls } from '../actors/campaign/reconcile.ts';
import { CampaignMemory, settleCampaign } from '../actors/campaign/settle.ts';
import { DEFAULT_REFERENCE } from '../actors/model/default-reference.ts';
import { emptyDelivery } from '../actors/partition/empty-cells.ts';
import { leftMicros, pay, takeGrant } from '../actors/partition/spending.ts';
import type { Campaign } from '../protocols/campaign.ts';
import type { CampaignActorState } from '../protocols/campaign-actor.ts';
import type { DeliveryCell } from '../protocols/cells.ts';
import type { Grant } from '../protocols/grant.ts';
import { DEFAULT_SETTINGS } from '../protocols/settings.ts';

interface GrantMessage {
  readonly partition: number;
  readonly version: number;
  readonly grant: Grant;
}
type LogRecord = { readonly atMs: number } & (
  | { readonly grant: GrantMessage }
  | { readonly price: number }
);

/** One partition: its log, how far it has read, and what it has told about itself. */
export class SimulatedPartition {
  readonly log: LogRecord[] = [];
  cell: DeliveryCell = emptyDelivery();
  reported: DeliveryCell | undefined;
  refusals = 0;
  reportedRefusals = 0;
  #clockMs = 0;
  #version = 0;
  isStopped = false;

  /** The newest message of grants that it has read: older ones change nothing any more. */
  get version(): number {
    return this.#version;
  }

  /** Reads the next records of its log; tells what was paid, and when. */
  read(count: number, bid: number, paid: (atMs: number, micros: number) => void): void {
    if (this.isStopped) return;
    for (const record of this.log.splice(0, count)) {
      this.#clockMs = Math.max(this.#clockMs, record.atMs);
      if ('grant' in record) {
        if (record.grant.version <= this.#version) continue;
        this.#version = record.grant.version;
        takeGrant(this.cell, record.grant.grant, record.grant.version);
      } else {
        const left = leftMicros(this.cell, this.#clockMs);
        if (left === undefined || left < bid) this.refusals++;
        else if (pay(this.cell, this.#clockMs, record.price)) paid(this.#clockMs, record.price);
      }
    }
  }

  report(): void {
    this.reported = structuredClone(this.cell);
    this.reportedRefusals = this.refusals;
  }
}

export class GrantCluster {
  readonly partitions: readonly SimulatedPartition[];
  /** Sent, and not in any log yet. */
  readonly underWay: GrantMessage[] = [];
  actor: CampaignActorState;
  /** The log's clock. */
  nowMs: number;
  /** How far the coordinator's clock is ahead of it. */
  aheadMs = 0;
  /** What was paid in all, on days and in hours, by when they begin. */
  readonly paid = { total: 0, days: new Map<number, number>(), hours: new Map<number, number>() };
  sent = 0;
  curve = new DemandCurve(noDemand());
  #memory = new CampaignMemory();
  #stored: CampaignActorState;
  #grantsVersion = 0;

  constructor(campaign: Campaign, partitions: number, startMs: number) {
    this.partitions = Array.from({ length: partitions }, () => new SimulatedPartition());
    this.actor = moveCampaign(draftCampaign(campaign), 0, { type: 'campaign.launched' });
    this.#stored = this.actor;
    this.nowMs = startMs;
  }

  /** Begins with a state of another release, or of another life. */
  start(actor: CampaignActorState, grantsVersion: number): void {
    this.actor = actor;
    this.#stored = actor;
    this.#grantsVersion = grantsVersion;
  }

  get campaign(): Campaign {
    return this.actor.campaign;
  }

  /** Somebody is shown something in a partition, for a price that is not above the bid. */
  win(partition: number, price: number): void {
    this.partitions[partition]?.log.push({ atMs: this.nowMs, price });
  }

  /** The coordinator's turn, as the budget desk takes it. It may crash once it has stored. */
  settle(crashes = false): void {
    const reports = this.partitions.map(({ reported, reportedRefusals }) => {
      return { cell: reported, refusals: reportedRefusals };
    });
    const version = this.#grantsVersion + 1;
    const turn = { nowMs: this.nowMs + this.aheadMs, curve: this.curve, memory: this.#memory };
    const { actor } = settleCampaign(this.actor, reports, { ...turn, version });
    if (actor !== this.actor) this.#grantsVersion = version;
    this.actor = actor;
    this.#stored = actor;
    if (crashes) this.crash();
    else this.tell();
  }

  /** Sends whatever cells do not show, again and again. */
  tell(): void {
    for (const [partition, { reported }] of this.partitions.entries()) {
      const known = {
        partition,
        reference: undefined,
        model: undefined,
        campaign: () => undefined,
        delivery: () => reported,
      };
      const decided = {
        settings: DEFAULT_SETTINGS,
        settingsVersion: 1,
        model: DEFAULT_REFERENCE.scorer.model,
        campaigns: [this.actor],
      };
      const isDue = (what: string): boolean => what.startsWith('grant.');
      for (const control of missingControls(decided, known, () => ++this.#grantsVersion, isDue)) {
        if (control.type !== 'grants.put') continue;
        const grant = control.grants[this.campaign.id] as Grant;
        this.underWay.push({ partition, version: control.version, grant });
        this.sent++;
      }
    }
  }

  /** The next coordinator knows what was stored, and nothing else. */
  crash(): void {
    this.actor = this.#stored;
    this.#memory = new CampaignMemory();
  }

  /** Something under way gets into its log; or it is lost, or gets there twice. */
  deliver(at: number, how: 'arrives' | 'repeats' | 'lost'): void {
    const index = this.underWay.length === 0 ? -1 : at % this.underWay.length;
    const message = this.underWay[index];
    if (message === undefined) return;
    if (how !== 'repeats') this.underWay.splice(index, 1);
    if (how === 'lost') return;
    this.partitions[message.partition]?.log.push({ atMs: this.nowMs, grant: message });
  }

  read(partition: number, count = Number.POSITIVE_INFINITY): void {
    this.partitions[partition]?.read(count, this.campaign.bid_micros, (atMs, micros) => {
      const { time_zone } = this.campaign;
      this.paid.total += micros;
      add(this.paid.days, dayWindow(time_zone, atMs).fromMs, micros);
      add(this.paid.hours, hourWindow(time_zone, atMs).fromMs, micros);
    });
  }

  define(changes: Partial<Campaign>): void {
    const campaign = { ...this.campaign, ...changes };
    const spent = this.partitions.reduce((sum, p) => sum + (p.reported?.spent_micros ?? 0), 0);
    this.actor = moveCampaign(this.actor, spent, { type: 'campaign.applied', campaign });
    this.#stored = this.actor;
  }

  /** Nothing is lost or late: everything is read, reported, settled and told, `rounds` times. */
  calm(rounds = 1): void {
    for (let round = 0; round < rounds; round++) {
      for (const [index, partition] of this.partitions.entries()) {
        this.read(index);
        if (!partition.isStopped) partition.report();
      }
      this.settle();
      while (this.underWay.length > 0) this.deliver(0, 'arrives');
    }
  }

  /** What partitions may still pay, by all grants that they have or that may yet reach them. */
  *open(): Generator<{ readonly grant: Grant; readonly micros: number }> {
    for (const [index, { cell, log, version }] of this.partitions.entries()) {
      const coming = log.flatMap((record) => ('grant' in record ? [record.grant] : []));
      const sent = this.underWay.filter(({ partition }) => partition === index);
      const newer = [...coming, ...sent].filter((message) => message.version > version);
      const grants = newer.map(({ grant }) => grant);
      const told = this.#stored.grants[index]?.grant;
      if (told !== undefined) grants.push(told);
      if (cell.grant !== null) grants.push(cell.grant);
      const most = new Map<number, Grant>();
      for (const grant of grants) {
        const known = most.get(grant.from_ms);
        if (known === undefined || known.allow_micros < grant.allow_micros) {
          most.set(grant.from_ms, grant);
        }
      }
      for (const grant of most.values()) {
        // A window that is over for this partition does not come back.
        if (cell.grant !== null && grant.from_ms < cell.grant.from_ms) continue;
        const used = cell.grant?.from_ms === grant.from_ms ? cell.window_micros : 0;
        yield { grant, micros: Math.max(0, grant.allow_micros - used) };
      }
    }
  }

  get openMicros(): number {
    let sum = 0;
    for (const { micros } of this.open()) sum += micros;
    return sum;
  }
}

function add(sums: Map<number, number>, key: number, micros: number): void {
  sums.set(key, (sums.get(key) ?? 0) + micros);
}
