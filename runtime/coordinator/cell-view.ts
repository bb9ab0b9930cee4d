/**
 * The coordinator's live view of every partition's cells, fed by an ordered consumer over their
 * last values. A cell is parsed when somebody reads it, not when it arrives: under load most
 * versions are overtaken before anybody looks.
 */
import { type ConsumerMessages, DeliverPolicy, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { Subject } from 'rxjs';
import type { Known } from '../../actors/campaign/reconcile.ts';
import type { CellByKind, CellKind } from '../../protocols/cells.ts';
import { ACTORS_STREAM, CELLS_ALL, parseStateSubject } from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';

/** A cell of a kind changed somewhere. */
export interface CellChange {
  readonly partition: number;
  readonly kind: CellKind;
  /** The rest of the cell's name; empty where a partition has one of the kind. */
  readonly key: string;
}

/** Kinds of which each partition has one cell for each campaign, and those of which it has one. */
type CampaignKind = 'campaign' | 'delivery';
type SingleKind = 'traffic' | 'suppressed' | 'reference' | 'model';

interface LazyCell {
  json: (() => unknown) | undefined;
  cell: unknown;
}

export class CellView implements AsyncDisposable {
  /** Emits after each change of the view. */
  readonly changes = new Subject<CellChange>();
  readonly #cells = new Map<number, Map<string, LazyCell>>();
  /** Of the kinds that are about one campaign: by campaign, then by partition. */
  readonly #byCampaign = {
    campaign: new Map<string, LazyCell[]>(),
    delivery: new Map<string, LazyCell[]>(),
  };
  #changed = new Set<string>();
  #messages: ConsumerMessages | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  /** Opens the view; it is complete as of now when the promise settles. */
  static async open(nc: NatsConnection): Promise<CellView> {
    const view = new CellView();
    await view.#follow(nc);
    return view;
  }

  /** Settles when the view is no longer live: disposed of, or cut off by a fault. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  async #follow(nc: NatsConnection): Promise<void> {
    const consumer = await jetstream(nc).consumers.get(ACTORS_STREAM, {
      filter_subjects: CELLS_ALL,
      deliver_policy: DeliverPolicy.LastPerSubject,
    });
    const { num_pending } = await consumer.info(true);
    let caughtUp = (): void => {};
    const complete = new Promise<void>((resolve) => {
      caughtUp = resolve;
    });
    this.#messages = await consumer.consume({
      expires: 3_000,
      idle_heartbeat: 750,
      callback: (message) => {
        this.#take(message.subject, () => message.json());
        if (message.info.pending === 0) caughtUp();
      },
    });
    this.#ended = this.#messages.closed();
    if (num_pending > 0) await Promise.race([complete, this.#ended.then(cutOff)]);
  }

  /** All cells of a kind with the rest of their names, over all partitions. */
  *cells<K extends CellKind>(
    kind: K,
  ): Generator<readonly [partition: number, key: string, CellByKind[K]]> {
    for (const [partition, byName] of this.#cells) {
      for (const [name, lazy] of byName) {
        if (!isOfKind(name, kind)) continue;
        yield [partition, name.slice(kind.length + 1), read(lazy) as CellByKind[K]];
      }
    }
  }

  /** A cell of which a partition has only one; undefined before it has it. */
  cell<K extends SingleKind>(partition: number, kind: K): CellByKind[K] | undefined {
    const lazy = this.#cells.get(partition)?.get(kind);
    return lazy === undefined ? undefined : (read(lazy) as CellByKind[K]);
  }

  /** The cell that a change told of. */
  changedCell<K extends CellKind>({
    partition,
    kind,
    key,
  }: CellChange & { readonly kind: K }): CellByKind[K] | undefined {
    const lazy = this.#cells.get(partition)?.get(key === '' ? kind : `${kind}.${key}`);
    return lazy === undefined ? undefined : (read(lazy) as CellByKind[K]);
  }

  /** A partition's cell about a campaign. */
  cellOf<K extends CampaignKind>(
    partition: number,
    kind: K,
    campaign: string,
  ): CellByKind[K] | undefined {
    const lazy = this.#byCampaign[kind].get(campaign)?.[partition];
    return lazy === undefined ? undefined : (read(lazy) as CellByKind[K]);
  }

  /** What one partition knows of reference data and budgets. */
  known(partition: number): Known {
    return {
      partition,
      reference: this.cell(partition, 'reference'),
      model: this.cell(partition, 'model'),
      campaign: (id) => this.cellOf(partition, 'campaign', id),
      delivery: (id) => this.cellOf(partition, 'delivery', id),
    };
  }

  /** The campaigns that any partition's cells told something new about since the last call. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.changes.complete();
    await this.#messages?.close();
  }

  #take(subject: string, json: () => unknown): void {
    const parsed = parseStateSubject(subject);
    if (parsed?.kind !== 'cell') return;
    const { partition, name } = parsed;
    let byName = this.#cells.get(partition);
    if (byName === undefined) {
      byName = new Map();
      this.#cells.set(partition, byName);
    }
    const lazy: LazyCell = { json, cell: undefined };
    byName.set(name, lazy);
    const kind = name.split('.', 1)[0] as CellKind;
    if (kind === 'campaign' || kind === 'delivery') {
      const campaign = name.slice(kind.length + 1);
      const byPartition = this.#byCampaign[kind].get(campaign) ?? [];
      byPartition[partition] = lazy;
      this.#byCampaign[kind].set(campaign, byPartition);
      this.#changed.add(campaign);
    }
    this.changes.next({ partition, kind, key: name.slice(kind.length + 1) });
  }
}

function cutOff(): never {
  throw new Error('the cells could not be read whole');
}

function isOfKind(name: string, kind: CellKind): boolean {
  return name.startsWith(kind) && (name.length === kind.length || name[kind.length] === '.');
}

function read(lazy: LazyCell): unknown {
  if (lazy.json !== undefined) {
    lazy.cell = upcast('cell', lazy.json());
    lazy.json = undefined;
  }
  return lazy.cell;
}
