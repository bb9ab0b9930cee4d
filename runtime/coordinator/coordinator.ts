/**
 * The coordinator: one process at a time leads; it hosts the campaign and channel actors and
 * answers operators. Others stand by and take over when the leader is gone.
 *
 *   all cells ────── RxJS ──► campaign actors: grants, campaign book ──► each partition's log
 *   path journals ── RxJS ──► channel actors: removal effects, credit, ROAS ──► attribution.markov
 */
import { jetstream } from '@nats-io/jetstream';
import { type NatsConnection, nuid } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { auditTime, filter, interval, merge, type Subscription } from 'rxjs';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import type { CellKind } from '../../protocols/cells.ts';
import type { Settings } from '../../protocols/settings.ts';
import {
  ATTRIBUTION_FEED,
  CAMPAIGNS_FEED,
  controlSubject,
  MODEL_QUALITY_FEED,
} from '../../protocols/subjects.ts';
import { natsActorStore } from '../nats/actor-store.ts';
import { linkOf } from '../nats/link.ts';
import { MEMBER_TTL_S, natsMembership, RENEW_EVERY_MS } from '../nats/membership.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import type { Clock, Membership } from '../ports.ts';
import { pause } from '../timing.ts';
import { type AttributionSources, liveAttribution } from './attribution.ts';
import { BudgetDesk } from './budget-desk.ts';
import { type CampaignSources, liveCampaigns } from './campaign-services.ts';
import { CellView } from './cell-view.ts';
import { carryOutErasures } from './erasures.ts';
import { claimLeadership, releaseLeadership } from './leadership.ts';
import { liveModelQuality, type QualitySources } from './model-quality.ts';
import { PathFold } from './path-fold.ts';
import { serveOperators } from './services.ts';
import { refuseStrayEvents } from './stray-events.ts';

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
    const { partitions, settings, networks, clock, logger } = this.#options;
    const nc = this.#nc;
    const store = await natsActorStore(nc);
    const isAlive = (id: string): boolean => this.#alive.includes(id);
    const { model } = DEFAULT_REFERENCE.scorer;
    const state = await claimLeadership(nc, store, this.id, { settings, model }, isAlive);
    if (state === undefined) return;
    const js = jetstream(nc);
    await using view = await CellView.open(nc);
    await using fold = await PathFold.open(nc, store);
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
    const attribution = { fold, view, settings: desk.settings, clock };
    const quality = { view, clock, model: () => desk.model };
    const campaigns = { view, desk, clock };
    const sources = { attribution, quality, campaigns, networks, partitions };
    const services = await serveOperators(nc, sources);
    this.#isLeading = true;
    logger.info({ epoch: state.checkpoint.epoch }, 'coordinator leads');
    const subscriptions: Subscription[] = [];
    try {
      subscriptions.push(this.#settleBudgets(view, desk));
      subscriptions.push(this.#publishAttribution(attribution));
      subscriptions.push(this.#publishModelQuality(quality));
      subscriptions.push(this.#publishCampaigns(campaigns));
      fold.ended.then(() => fail(new Error('the path fold ended')), fail);
      void view.ended.then(() => fail(new Error('the view of the cells ended')));
      await aborted(AbortSignal.any([signal, failure.signal]));
      failure.signal.throwIfAborted();
    } finally {
      for (const subscription of subscriptions) subscription.unsubscribe();
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

  #publishModelQuality(sources: QualitySources): Subscription {
    const { logger } = this.#options;
    return liveModelQuality(sources).subscribe({
      next: (report) => this.#nc.publish(MODEL_QUALITY_FEED, JSON.stringify(report)),
      error: (error: unknown) => logger.error({ err: error }, 'model quality stopped'),
    });
  }

  #publishCampaigns(sources: CampaignSources): Subscription {
    const { logger } = this.#options;
    return liveCampaigns(sources).subscribe({
      next: (report) => this.#nc.publish(CAMPAIGNS_FEED, JSON.stringify(report)),
      error: (error: unknown) => logger.error({ err: error }, 'the feed of campaigns stopped'),
    });
  }

  #publishAttribution(sources: AttributionSources): Subscription {
    const { logger } = this.#options;
    return liveAttribution(sources).subscribe({
      next: (report) => this.#nc.publish(ATTRIBUTION_FEED, JSON.stringify(report)),
      error: (error: unknown) => logger.error({ err: error }, 'attribution stopped'),
    });
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
