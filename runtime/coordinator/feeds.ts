/**
 * What the leader publishes by itself: each feed's pipeline and subject.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { type Observable, Subscription } from 'rxjs';
import {
  ATTRIBUTION_FEED,
  CAMPAIGNS_FEED,
  MARKETER_FEED,
  MODEL_QUALITY_FEED,
  OPERATOR_FEED,
  PULSE_FEED,
} from '../../protocols/subjects.ts';
import { type AttributionSources, liveAttribution } from './attribution.ts';
import { type CampaignSources, liveCampaigns } from './campaign-services.ts';
import { type LiveSources, liveFrames, livePulses, type PulseSources } from './live-figures.ts';
import { liveModelQuality, type QualitySources } from './model-quality.ts';

export interface FeedSources {
  readonly attribution: AttributionSources;
  readonly quality: QualitySources;
  readonly campaigns: CampaignSources;
  readonly pulses: PulseSources;
  readonly live: LiveSources;
}

/**
 * Publishes all feeds until unsubscribed.
 *
 * @param failed the live actor cannot be moved on, so that nobody would hear of alerts any more.
 */
export function publishFeeds(
  nc: NatsConnection,
  sources: FeedSources,
  logger: Logger,
  failed: (error: unknown) => void,
): Subscription {
  const publish = (feed: string, report: object): void => nc.publish(feed, JSON.stringify(report));
  const all = new Subscription();
  const feed = (subject: string, reports: Observable<object>): void => {
    const stopped = (error: unknown): void => {
      logger.error({ err: error, feed: subject }, 'a feed stopped');
    };
    all.add(reports.subscribe({ next: (report) => publish(subject, report), error: stopped }));
  };
  feed(ATTRIBUTION_FEED, liveAttribution(sources.attribution));
  feed(MODEL_QUALITY_FEED, liveModelQuality(sources.quality));
  feed(CAMPAIGNS_FEED, liveCampaigns(sources.campaigns));
  feed(PULSE_FEED, livePulses(sources.pulses));
  const frames = liveFrames(sources.live).subscribe({
    next: ({ marketer, operator }) => {
      publish(MARKETER_FEED, marketer);
      publish(OPERATOR_FEED, operator);
    },
    error: failed,
  });
  all.add(frames);
  return all;
}
