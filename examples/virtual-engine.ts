/**
 * The engine in one process and in virtual time: partitions, campaign actors and simulated
 * shoppers, by the very functions that run in production, without a server and without waiting.
 */

import { refusalsOf } from '../actors/campaign/activity.ts';
import { DemandCurve, noDemand } from '../actors/campaign/demand.ts';
import { draftCampaign, moveCampaign } from '../actors/campaign/machine.ts';
import { missingControls } from '../actors/campaign/reconcile.ts';
import { CampaignMemory, settleCampaign } from '../actors/campaign/settle.ts';
import { DEFAULT_REFERENCE } from '../actors/model/default-reference.ts';
import { applyEvent } from '../actors/partition/apply.ts';
import { PartitionState } from '../actors/partition/state.ts';
import { newUserActor, type UserActor } from '../actors/user/actor.ts';
import { type Campaign, campaignSchema } from '../protocols/campaign.ts';
import type { CampaignActorState } from '../protocols/campaign-actor.ts';
import type { CampaignCell, Cell, DeliveryCell, SuppressedCell } from '../protocols/cells.ts';
import type { Receipt } from '../protocols/decision.ts';
import { encodeUserId, type StreamSequence, type UserId } from '../protocols/ids.ts';
import { partitionOf } from '../protocols/subjects.ts';
import { type SimulatedEvent, Traffic } from '../runtime/simulate/traffic.ts';

const PARTITIONS = 4;
const VISITORS = 600;
const TICK_MS = 1_000;

/** One partition and what it has shown so far. */
interface VirtualPartition {
  readonly state: PartitionState;
  readonly cells: Map<string, Cell>;
}

export class VirtualEngine {
  nowMs: number;
  /** Decisions since it was last emptied. */
  readonly receipts: Receipt[] = [];
  readonly actors = new Map<string, CampaignActorState>();
  /** Campaigns that the breaker has stopped, with what they spent within its time. */
  readonly runaways = new Map<string, number>();
  readonly #partitions: readonly VirtualPartition[] = Array.from({ length: PARTITIONS }, () => {
    return { state: new PartitionState(), cells: new Map() };
  });
  readonly #memories = new Map<string, CampaignMemory>();
  readonly #users = new Map<string, UserActor>();
  readonly #traffic: Traffic;
  readonly #curve = new DemandCurve(noDemand());
  #grantsVersion = 0;
  #sequence = 0;

  constructor(startMs: number, seed: number) {
    this.nowMs = startMs;
    this.#traffic = new Traffic({ seed, visitors: VISITORS });
  }

  /** Defines a campaign and launches it, as an operator does. */
  launch(definition: object): void {
    const campaign = campaignSchema.parse(definition);
    const launched = moveCampaign(draftCampaign(campaign), 0, { type: 'campaign.launched' });
    this.actors.set(campaign.id, launched);
    this.#memories.set(campaign.id, new CampaignMemory());
  }

  /** Lets time pass, with so many events a second. */
  run(minutes: number, eventsPerSecond: number): void {
    const ends = this.nowMs + minutes * 60_000;
    while (this.nowMs < ends) {
      this.#settle();
      for (let n = 0; n < eventsPerSecond; n++) {
        const atMs = this.nowMs + Math.floor((n * TICK_MS) / eventsPerSecond);
        this.#publish(this.#traffic.next(atMs), atMs);
      }
      this.nowMs += TICK_MS;
    }
  }

  /** A campaign's delivery, added up over the partitions. */
  delivery(id: string): Pick<DeliveryCell, 'spent_micros' | 'wins' | 'clicked'> {
    const sum = { spent_micros: 0, wins: 0, clicked: 0 };
    for (const { state } of this.#partitions) {
      const cell = state.delivery(id);
      for (const key of ['spent_micros', 'wins', 'clicked'] as const) {
        sum[key] += cell[key];
      }
    }
    return sum;
  }

  /** An event arrives, and shoppers answer to what they are shown. */
  #publish({ user, event }: SimulatedEvent, atMs: number): void {
    const token = encodeUserId(user as UserId);
    const partition = this.#partitions[partitionOf(token, PARTITIONS)] as VirtualPartition;
    partition.state.tick(atMs);
    const sequence = ++this.#sequence as StreamSequence;
    const actor = this.#users.get(token) ?? newUserActor();
    const applied = applyEvent(partition.state, actor, { user: token, sequence, event });
    if (applied.verdict !== 'accepted') return;
    this.#users.set(token, applied.actor);
    // Paths and live figures are the channel actors' business.
    partition.state.journal.take(0, sequence);
    partition.state.pulse.take(0, sequence, atMs);
    const { receipt } = applied;
    if (receipt === undefined) return;
    this.receipts.push(receipt);
    if (receipt.wins.length === 0) return;
    const { decision_id } = receipt.decision;
    for (const outcome of this.#traffic.outcomes(user, decision_id, atMs)) {
      this.#publish(outcome, atMs);
    }
  }

  /** What the coordinator does each second: grants, and news for the partitions. */
  #settle(): void {
    for (const { state, cells } of this.#partitions) {
      for (const { name, cell } of state.takeDirty()) cells.set(name, cell);
    }
    const version = this.#grantsVersion + 1;
    for (const [id, actor] of this.actors) {
      const reports = this.#partitions.map(({ cells }) => ({
        cell: cells.get(`delivery.${id}`) as DeliveryCell | undefined,
        refusals: refusalsOf(cells.get('suppressed') as SuppressedCell | undefined, id),
      }));
      const memory = this.#memories.get(id) as CampaignMemory;
      const turn = { nowMs: this.nowMs, curve: this.#curve, memory, version };
      const { actor: settled, runawayMicros } = settleCampaign(actor, reports, turn);
      this.actors.set(id, settled);
      if (runawayMicros !== undefined) this.runaways.set(id, runawayMicros);
    }
    this.#partitions.forEach((_, partition) => {
      this.#tell(partition);
    });
  }

  #tell(partition: number): void {
    const { state, cells } = this.#partitions[partition] as VirtualPartition;
    const { settings, scorer } = DEFAULT_REFERENCE;
    const campaigns = this.actors.values();
    const decided = { settings, settingsVersion: 1, model: scorer.model, campaigns };
    const known = {
      partition,
      reference: state.reference,
      model: { v: 2, version: scorer.model.version, model: scorer.model } as const,
      campaign: (id: string) => cells.get(`campaign.${id}`) as CampaignCell | undefined,
      delivery: (id: string) => cells.get(`delivery.${id}`) as DeliveryCell | undefined,
    };
    const next = (): number => ++this.#grantsVersion;
    for (const control of missingControls(decided, known, next)) {
      state.tick(this.nowMs);
      state.control(control);
    }
  }
}

/** A campaign's definition in few words. */
export type Definition = Partial<Campaign> & Pick<Campaign, 'id' | 'bid_micros'>;
