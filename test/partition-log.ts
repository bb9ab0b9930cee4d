/**
 * A partition's log applied in memory, by the very functions that the worker calls: controls and
 * events in, verdicts, receipts, cells and snapshots out.
 */
import { Cohorts } from '../actors/channel/cohorts.ts';
import { type Applied, applyEvent } from '../actors/partition/apply.ts';
import { type NamedCell, PartitionState } from '../actors/partition/state.ts';
import { newUserActor, restoreUserActor, type UserActor } from '../actors/user/actor.ts';
import type { Campaign, CampaignStatus } from '../protocols/campaign.ts';
import type { Cell, DeliveryCell, TrafficCell } from '../protocols/cells.ts';
import type { Receipt } from '../protocols/decision.ts';
import type { Event } from '../protocols/event.ts';
import { FOREVER_MS, type Grant } from '../protocols/grant.ts';
import type { StreamSequence, UserToken } from '../protocols/ids.ts';
import type { Model } from '../protocols/model.ts';
import type { Settings } from '../protocols/settings.ts';
import { decodeUser, encodeUser } from '../protocols/user-record.ts';
import type { FusedState } from '../protocols/user-snapshot.ts';

export const ADA = 'ada' as UserToken;

export class PartitionLog {
  /** The partition's aggregates and reference data; another object after a restart. */
  state = new PartitionState();
  readonly receipts: Receipt[] = [];
  readonly #actors = new Map<UserToken, UserActor>();
  readonly #cells = new Map<string, Cell>();
  readonly #cohorts = new Cohorts();
  #commits = 0;
  #sequence = 0;
  #controlVersion = 0;

  putSettings(settings: Settings): void {
    const version = ++this.#controlVersion;
    this.state.control({ v: 2, type: 'settings.put', version, settings });
  }

  putModel(model: Model): void {
    this.state.control({ v: 2, type: 'model.put', version: model.version, model });
  }

  putCampaign(campaign: Campaign, granted: number, status: CampaignStatus = 'live'): void {
    const version = ++this.#controlVersion;
    this.state.control({ v: 2, type: 'campaign.put', version, campaign, status });
    const always = { from_ms: 0, until_ms: FOREVER_MS, day_from_ms: 0 };
    const grant: Grant = { ...always, allow_micros: granted, limited_by: 'total' };
    this.putGrant(campaign.id, grant);
  }

  putGrant(campaign: string, grant: Grant): void {
    const version = ++this.#controlVersion;
    this.state.control({ v: 2, type: 'grants.put', version, grants: { [campaign]: grant } });
  }

  /** Applies one event, as the next of the log. */
  apply(event: Event, user: UserToken = ADA): Applied {
    const sequence = ++this.#sequence as StreamSequence;
    const applied = applyEvent(this.state, this.actor(user), { user, sequence, event });
    if ('actor' in applied && applied.actor !== undefined) this.#actors.set(user, applied.actor);
    if (applied.verdict === 'accepted' && applied.receipt !== undefined) {
      this.receipts.push(applied.receipt);
    }
    return applied;
  }

  applyAll(events: readonly Event[], user: UserToken = ADA): this {
    for (const event of events) this.apply(event, user);
    return this;
  }

  actor(user: UserToken = ADA): UserActor {
    return this.#actors.get(user) ?? newUserActor();
  }

  user(user: UserToken = ADA): FusedState {
    return this.actor(user).context;
  }

  /** Every cell that was ever changed, by name, as the store would hold it. */
  cells(): Map<string, Cell> {
    for (const { name, cell } of this.state.takeDirty() as NamedCell[]) this.#cells.set(name, cell);
    return this.#cells;
  }

  traffic(): TrafficCell {
    return this.cells().get('traffic') as TrafficCell;
  }

  delivery(campaign: string): DeliveryCell {
    return this.state.delivery(campaign);
  }

  /** The path counts of all commits so far; each look is a commit. */
  get cohorts(): Cohorts {
    const parts = this.state.journal.take(0, ++this.#commits);
    for (const entry of parts) this.#cohorts.fold(JSON.parse(JSON.stringify(entry)));
    return this.#cohorts;
  }

  /** `<day> a > b` -> conversions, nulls, micros. */
  paths(): Record<string, number[]> {
    const { days, index } = this.cohorts;
    const paths: Record<string, number[]> = {};
    for (const [day, { table }] of days) {
      for (const { path, conversions, nulls, value } of table.rows()) {
        const names = [...path].map((touch) => index.names[touch.charCodeAt(0)]);
        paths[`${day} ${names.join(' > ')}`] = [conversions, nulls, value];
      }
    }
    return paths;
  }

  /** Forgets all memory and goes on from what is stored, as after a crash. */
  restart(): void {
    void this.cohorts;
    const stored = [...this.cells()].map(([name, cell]) => ({
      name,
      cell: JSON.parse(JSON.stringify(cell)) as Cell,
    }));
    this.state = new PartitionState(stored);
    for (const [user, { value, context }] of this.#actors) {
      const record = encodeUser(this.#sequence as StreamSequence, value, context);
      const stored = decodeUser(user, JSON.parse(record));
      this.#actors.set(user, restoreUserActor(stored, this.state.userReference));
    }
  }

  /** Everything that follows from the log so far, as text, to compare byte by byte. */
  bytes(): string {
    const users = [...this.#actors].map(([user, { value, context }]) => [user, value, context]);
    const cells = [...this.cells()].sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify({ users, cells, paths: this.paths(), receipts: this.receipts });
  }
}
