/**
 * The coordinator: one process at a time leads; it hosts the campaign and channel actors and
 * answers operators. Others stand by and take over when the leader is gone.
 *
 *   all cells ────── RxJS ──► campaign actors: grants, campaign book ──► each partition's log
 *   path journals ── RxJS ──► channel actors: removal effects, credit, ROAS ──► attribution.markov
 *   pulses, cells ── RxJS ──► live actor: windows, rates, alerts ──► metrics.pulse, .marketer, …
 */
import { jetstream } from '@nats-io/jetstream';
import { type NatsConnection, nuid } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { auditTime, filter, interval, merge, type Subscription } from 'rxjs';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import type { CellKind } from '../../protocols/cells.ts';
import type { Settings } from '../../protocols/settings.ts';
import { controlSubject } from '../../protocols/subjects.ts';
import { natsActorStore } from '../nats/actor-store.ts';
import { linkOf } from '../nats/link.ts';
import { MEMBER_TTL_S, natsMembership, RENEW_EVERY_MS } from '../nats/membership.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import type { Clock, Membership } from '../ports.ts';
import { pause } from '../timing.ts';
import { AlertBook, type AlertWriters } from './alert-book.ts';
import { BudgetDesk } from './budget-desk.ts';
import { CellView } from './cell-view.ts';
import { carryOutErasures } from './erasures.ts';
import { publishFeeds } from './feeds.ts';
import { hearWorkers } from './hear-workers.ts';
import { claimLeadership, releaseLeadership } from './leadership.ts';
import { LiveFold } from './live-fold.ts';
import { PathFold } from './path-fold.ts';
import { serveOperators } from './services.ts';
import { refuseStrayEvents } from './stray-events.ts';
import { Watermark } from './watermark.ts';
import { Webhook, type WebhookOptions } from './webhook.ts';

/** How soon after a change of spend grants are looked at again. */
const SETTLE_AFTER_MS = 50;
/** How often they are looked at when nothing changes: finds lost messages. */
const SETTLE_EVERY_MS = 1_000;

/** Cells that no budget depends on. */
const NO_BUDGET_KINDS: ReadonlySet<CellKind> = new Set([
  ...(['channels', 'traffic', 'calibration', 'drift', 'suppressed', 'trial'] as const),
]);

export interface CoordinatorOptions {
  readonly partitions: number;
  readonly settings: Settings;
  /** The networks of models that have one, to show users as they are scored. */
  readonly networks: NetworkFolder;
  /** Groups with fewer users are put together in what marketers see. */
  readonly marketerMinUsers: number;
  /** Where alerts are posted to; nowhere if absent. */
  readonly webhook?: Pick<WebhookOptions, 'url' | 'secret'> | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Coordinator {
  readonly id = `c${nuid.next()}`;
  readonly #nc: NatsConnection;
  readonly #options: CoordinatorOptions;
  readonly #stopping = new AbortController();
  #run: Promise<void> = Promise.resolve();
  #alive: readonly string[] = [];
  #isLeading = false;
  /** When the others last heard of this one. */
  #renewedAtMs: number;
  /** Ends the leadership of the moment. */
  #failure = new AbortController();

  constructor(nc: NatsConnection, options: CoordinatorOptions) {
    this.#nc = nc;
    this.#options = options;
    this.#renewedAtMs = options.clock.nowMs();
  }

  get isLeading(): boolean {
    return this.#isLeading;
  }

  /** Starts to stand by; leads as soon as nobody else does. */
  async start(): Promise<void> {
    const membership = await natsMembership(this.#nc, 'coordinator', this.id);
    await this.#renew(membership);
    this.#run = Promise.all([this.#keepMembership(membership), this.#standBy()]).then(() => {});
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#run;
  }

  async #keepMembership(membership: Membership): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await pause(RENEW_EVERY_MS, signal);
      if (!signal.aborted) await this.#renew(membership);
    }
    await membership.leave().catch(() => {});
  }

  async #renew(membership: Membership): Promise<void> {
    try {
      this.#alive = await membership.renew();
      const nowMs = this.#options.clock.nowMs();
      const silentMs = nowMs - this.#renewedAtMs;
      this.#renewedAtMs = nowMs;
      if (silentMs <= MEMBER_TTL_S * 1_000) return;
      // Its fence stops what it writes, but a leader with nothing to write would go on answering.
      this.#failure.abort(new Error(`unheard of for ${silentMs} ms: another one may lead`));
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'could not renew membership');
    }
  }

  async #standBy(): Promise<void> {
    const { signal } = this.#stopping;
    const { logger } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#lead(signal);
      } catch (error) {
        if (!signal.aborted) logger.warn({ err: error }, 'leadership ended; standing by');
      }
      this.#isLeading = false;
      if (!signal.aborted) await pause(RENEW_EVERY_MS, signal);
    }
  }

  /** Leads until fenced, stopped or failed. Returns at once if somebody else leads. */
  async #lead(signal: AbortSignal): Promise<void> {
    const { partitions, settings, networks, marketerMinUsers, clock, logger } = this.#options;
    const nc = this.#nc;
    const store = await natsActorStore(nc);
    const isAlive = (id: string): boolean => this.#alive.includes(id);
    const { model } = DEFAULT_REFERENCE.scorer;
    const state = await claimLeadership(nc, store, this.id, { settings, model }, isAlive);
    if (state === undefined) return;
    const js = jetstream(nc);
    await using view = await CellView.open(nc);
    await using fold = await PathFold.open(nc, store);
    await using live = await LiveFold.open(nc, store);
    await using alerts = await AlertBook.open(nc);
    await using _webhook = this.#openWebhook();
    const failure = new AbortController();
    this.#failure = failure;
    const fail = (error: unknown): void => failure.abort(error);
    const desk = new BudgetDesk(state, {
      store,
      view,
      partitions,
      failed: fail,
      nowMs: () => clock.nowMs(),
      async publishControl(partition, control) {
        const body = JSON.stringify(control);
        await linkOf(nc).attempt(() => js.publish(controlSubject(partition), body));
      },
    });
    const strays = await refuseStrayEvents(nc, store, (error) => {
      logger.error({ err: error }, 'stray events are not looked after');
    });
    const erasures = await carryOutErasures(nc, fail);
    const watermark = new Watermark(partitions, live.storedWatermarkMs);
    // Workers know of their own pulses; those of earlier owners have to be folded before.
    const workers = hearWorkers(nc, (frame) => {
      if (live.hasCaughtUp) watermark.hear(frame, clock.nowMs());
    });
    const own = { view, clock, settings: desk.settings };
    const sources = {
      attribution: { ...own, fold },
      quality: { ...own, model: () => desk.model },
      campaigns: { ...own, desk },
      live: { ...own, live, watermark, marketerMinUsers, alerts, writers: writersOf(desk, live) },
      ...{ pulses: own, networks, partitions },
    };
    const services = await serveOperators(nc, sources);
    this.#isLeading = true;
    logger.info({ epoch: state.checkpoint.epoch }, 'coordinator leads');
    const subscriptions: Subscription[] = [];
    try {
      subscriptions.push(this.#settleBudgets(view, desk));
      subscriptions.push(publishFeeds(nc, sources, logger, fail));
      fold.ended.then(() => fail(new Error('the path fold ended')), fail);
      live.ended.then(() => fail(new Error('the live fold ended')), fail);
      alerts.ended.then(() => fail(new Error('the book of alerts ended')), fail);
      void view.ended.then(() => fail(new Error('the view of the cells ended')));
      await aborted(AbortSignal.any([signal, failure.signal]));
      failure.signal.throwIfAborted();
    } finally {
      for (const subscription of subscriptions) subscription.unsubscribe();
      workers.unsubscribe();
      await services.stop();
      await erasures.stop();
      await strays.stop();
    }
    await releaseLeadership(store, this.id, nc);
  }

  /** The desk itself tells when it fails (B2 of budget-desk.ts). */
  #settleBudgets(view: CellView, desk: BudgetDesk): Subscription {
    const settle = (): void => void desk.settle().catch(() => {});
    const changed = view.changes.pipe(
      filter(({ kind }) => !NO_BUDGET_KINDS.has(kind)),
      auditTime(SETTLE_AFTER_MS),
    );
    settle();
    return merge(changed, interval(SETTLE_EVERY_MS)).subscribe(settle);
  }

  #openWebhook(): Webhook | undefined {
    const { webhook, logger } = this.#options;
    return webhook === undefined ? undefined : new Webhook(this.#nc, { ...webhook, logger });
  }
}

/** Whoever raised an alert notes who looks after it. */
function writersOf(desk: BudgetDesk, live: LiveFold): AlertWriters {
  return {
    breakers: (...noted) => desk.acknowledgeAlert(...noted),
    detectors: (...noted) => live.acknowledge(...noted),
  };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
