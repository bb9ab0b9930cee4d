/**
 * What people ask about the moment: how things stand, for marketers and for operators, and which
 * alerts there are; and how they say that they look after one.
 */
import type { Service } from '@nats-io/services';
import { acknowledgeAlertRequest } from '../../protocols/live-services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import type { AlertBook, AlertWriters } from './alert-book.ts';
import { endpoint } from './endpoint.ts';
import { type LiveSources, liveReport } from './live-figures.ts';

export interface LiveServiceSources extends LiveSources {
  readonly alerts: AlertBook;
  readonly writers: AlertWriters;
}

/** Adds the endpoints. */
export function serveLive(service: Service, sources: LiveServiceSources): void {
  const { alerts, writers, clock, live, marketerMinUsers } = sources;
  endpoint(service, SERVICES.inspectMarketerLive, undefined, async () =>
    liveReport(sources, 'marketer'),
  );
  endpoint(service, SERVICES.inspectOperatorLive, undefined, async () =>
    liveReport(sources, 'operator'),
  );
  endpoint(service, SERVICES.inspectAlerts, undefined, async () => ({ alerts: alerts.list() }));
  endpoint(service, SERVICES.inspectMarketerAlerts, undefined, async () => ({
    alerts: live.actor.shownTo(alerts.list(), marketerMinUsers),
  }));
  endpoint(service, SERVICES.acknowledgeAlert, acknowledgeAlertRequest, (request) =>
    alerts.acknowledge(request, writers, clock.nowMs()),
  );
}
