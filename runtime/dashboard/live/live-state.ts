/**
 * What the page knows of the engine, as a value, and how each message from the gateway changes it.
 *
 * L1 Feeds are states: a newer message of a feed takes the place of the last one, and an older one
 *    that arrives late is left aside.
 * L2 Pure: no clock, no network. Times come in with the messages.
 */
import type { Alert } from '../../../protocols/alert.ts';
import type { CampaignReport, CampaignsReport } from '../../../protocols/campaign-services.ts';
import type {
  LiveFrame,
  LiveHistory,
  LiveReport,
  PulseFrame,
} from '../../../protocols/live-figures.ts';
import type { ModelQuality } from '../../../protocols/model-quality.ts';
import type { AttributionReport } from '../../../protocols/services.ts';
import type { WorkerFrame } from '../../../protocols/worker-frame.ts';
import { trailWith } from './pulse-rate.ts';
import { appendWindow } from './windows.ts';

/** Alerts that the page keeps; beyond, the oldest resolved ones go. */
export const MAX_KEPT_ALERTS = 500;
/** Silence after which the page says that it has lost the gateway, or that figures stand still. */
export const SILENCE_MS = 5_000;
/** A worker that has said nothing for so long is taken off the page. */
export const WORKER_SILENCE_MS = 10_000;

export interface LiveState {
  readonly connection: 'connecting' | 'live' | 'reconnecting';
  /** Whether the gateway is connected to NATS. */
  readonly isEngineConnected: boolean;
  /** When anything was last heard from the gateway, by this browser's clock; 0 before. */
  readonly heardAtMs: number;
  /** When the last frame was heard, by this browser's clock; 0 before. */
  readonly frameHeardAtMs: number;
  readonly pulse?: PulseFrame;
  /** The pulses of the last seconds, the latest last: what rates per second are made of. */
  readonly pulseTrail: readonly PulseFrame[];
  readonly frame?: LiveFrame;
  /** Closed windows of the last hour, the oldest first. */
  readonly history: LiveHistory['windows'];
  readonly campaigns: ReadonlyMap<string, CampaignReport>;
  readonly attribution?: AttributionReport;
  /** The newest first. */
  readonly alerts: readonly Alert[];
  readonly workers: ReadonlyMap<string, WorkerFrame>;
  readonly model?: ModelQuality;
}

export const FIRST_STATE: LiveState = {
  connection: 'connecting',
  isEngineConnected: true,
  heardAtMs: 0,
  frameHeardAtMs: 0,
  pulseTrail: [],
  history: [],
  campaigns: new Map(),
  alerts: [],
  workers: new Map(),
};

/** One event of the feed `/v1/live`, or an answer to what the page asks as it connects. */
export type LiveMessage =
  | { readonly feed: 'pulse'; readonly value: PulseFrame }
  | { readonly feed: 'frame'; readonly value: LiveFrame }
  | { readonly feed: 'report'; readonly value: LiveReport }
  | { readonly feed: 'campaigns'; readonly value: CampaignsReport }
  | { readonly feed: 'attribution'; readonly value: AttributionReport }
  | { readonly feed: 'alert'; readonly value: Alert }
  | { readonly feed: 'alerts'; readonly value: readonly Alert[] }
  | { readonly feed: 'viewers-alerts'; readonly value: readonly Alert[] }
  | { readonly feed: 'worker'; readonly value: WorkerFrame }
  | { readonly feed: 'model'; readonly value: ModelQuality }
  | { readonly feed: 'engine'; readonly value: { readonly nats: string } }
  | { readonly feed: 'beat'; readonly value: { readonly at_ms: number } };

/**
 * The state after a message that came from the gateway at `heardAtMs` of the browser's clock.
 */
export function withMessage(state: LiveState, message: LiveMessage, heardAtMs: number): LiveState {
  const heard: LiveState = { ...state, connection: 'live', heardAtMs };
  switch (message.feed) {
    case 'pulse':
      return isOlder(message.value, state.pulse)
        ? heard
        : {
            ...heard,
            pulse: message.value,
            pulseTrail: trailWith(state.pulseTrail, message.value),
          };
    case 'frame':
      return withFrame(heard, message.value, heardAtMs);
    case 'report': {
      const { frame, history } = message.value;
      return withFrame({ ...heard, history: history.windows }, frame, heardAtMs);
    }
    case 'campaigns':
      return { ...heard, campaigns: withCampaigns(state.campaigns, message.value.campaigns) };
    case 'attribution':
      return isOlder(message.value, state.attribution)
        ? heard
        : { ...heard, attribution: message.value };
    case 'alert':
      return { ...heard, alerts: withAlerts(state.alerts, [message.value]) };
    case 'alerts':
      return { ...heard, alerts: withAlerts(state.alerts, message.value) };
    case 'viewers-alerts':
      // All that a viewer may know of: what is neither here nor in the frame is forgotten.
      return { ...heard, alerts: withAlerts(message.value, state.frame?.alerts ?? []) };
    case 'worker':
      return { ...heard, workers: withWorker(state.workers, message.value) };
    case 'model':
      return { ...heard, model: message.value };
    case 'engine':
      return { ...heard, isEngineConnected: message.value.nats === 'connected' };
    case 'beat':
      return heard;
  }
}

/** The state at a moment: silence turns `live` into `reconnecting`. */
export function atMoment(state: LiveState, nowMs: number): LiveState {
  if (state.connection !== 'live' || nowMs - state.heardAtMs <= SILENCE_MS) return state;
  return { ...state, connection: 'reconnecting' };
}

/** Alerts by id, each as it was last heard of, the newest first; at most MAX_KEPT_ALERTS. */
export function withAlerts(known: readonly Alert[], news: readonly Alert[]): readonly Alert[] {
  const byId = new Map(known.map((alert) => [alert.id, alert]));
  for (const alert of news) {
    const before = byId.get(alert.id);
    if (before === undefined || isNewerAlert(alert, before)) byId.set(alert.id, alert);
  }
  const newestFirst = [...byId.values()].sort(
    (a, b) => b.since_ms - a.since_ms || a.id.localeCompare(b.id),
  );
  const isResolved = (alert: Alert) => alert.status === 'resolved';
  let surplus = newestFirst.length - MAX_KEPT_ALERTS;
  const kept = newestFirst.reverse().filter((alert) => {
    if (surplus <= 0 || !isResolved(alert)) return true;
    surplus -= 1;
    return false;
  });
  return kept.reverse();
}

/** Whether an alert has gone from the frame: it is over, or its group has become small. */
export function hasLostAlert(before: LiveFrame | undefined, frame: LiveFrame | undefined): boolean {
  const ids = new Set(frame?.alerts.map(({ id }) => id));
  return before?.alerts.some(({ id }) => !ids.has(id)) ?? false;
}

const ALERT_PROGRESS = { open: 0, acknowledged: 1, resolved: 2 } as const;

/** An alert only moves on; of two in one place, the later heard of counts. */
function isNewerAlert(alert: Alert, before: Alert): boolean {
  const steps = ALERT_PROGRESS[alert.status] - ALERT_PROGRESS[before.status];
  return steps !== 0 ? steps > 0 : alert.changed_ms >= before.changed_ms;
}

function withFrame(state: LiveState, frame: LiveFrame, heardAtMs: number): LiveState {
  if (isOlder(frame, state.frame)) return state;
  const history = appendWindow(state.history, frame);
  // A frame repeats open alerts, so that one whose message was lost shows all the same.
  const alerts = frame.alerts.length === 0 ? state.alerts : withAlerts(state.alerts, frame.alerts);
  return { ...state, frame, frameHeardAtMs: heardAtMs, history, alerts };
}

/** A report may come in parts, so campaigns are merged by id; they are never deleted. */
function withCampaigns(
  known: ReadonlyMap<string, CampaignReport>,
  reports: readonly CampaignReport[],
): ReadonlyMap<string, CampaignReport> {
  const merged = new Map(known);
  for (const report of reports) merged.set(report.campaign.id, report);
  return merged;
}

function withWorker(
  known: ReadonlyMap<string, WorkerFrame>,
  frame: WorkerFrame,
): ReadonlyMap<string, WorkerFrame> {
  const alive = [...known].filter(([, each]) => frame.at_ms - each.at_ms < WORKER_SILENCE_MS);
  return new Map(alive).set(frame.worker, frame);
}

function isOlder(
  value: { readonly at_ms: number },
  known: { readonly at_ms: number } | undefined,
): boolean {
  return known !== undefined && value.at_ms < known.at_ms;
}
