/**
 * The live state of the page: listens to `/v1/live`, and tells components what they selected of it.
 *
 * S1 However fast messages come, components are told at most once per animation frame.
 * S2 One feed for the whole page, open while somebody is logged in.
 * S3 After every (re)connection what a feed does not repeat is asked for once: history, alerts,
 *    campaigns, attribution.
 * S4 A viewer's feed has no alerts but those open in frames, so all are asked for now and then, and
 *    at once when one has gone from the frame.
 */
import { useSyncExternalStore } from 'react';
import type { AlertsReport } from '../../../protocols/live-services.ts';
import {
  atMoment,
  FIRST_STATE,
  hasLostAlert,
  type LiveMessage,
  type LiveState,
  SILENCE_MS,
  withMessage,
} from './live-state.ts';
import { request, SESSION_PATH } from './request.ts';
import type { Login } from './session.ts';
import { isBehind } from './windows.ts';

const FEEDS = [
  ...(['pulse', 'frame', 'campaigns', 'attribution', 'alert', 'worker', 'model'] as const),
  ...(['engine', 'beat'] as const),
];
const LIVE_PATH = '/v1/live';
const HISTORY_PATH = '/v1/inspect/live';
const ALERTS_PATH = '/v1/inspect/alerts';

const CHECK_EVERY_MS = 1_000;
/** A feed that has been silent for so long is opened anew, at most this often. */
const REOPEN_AFTER_MS = 2 * SILENCE_MS;
/** The history is asked for this often at most while windows are missing. */
const CATCH_UP_EVERY_MS = 15_000;
/** How often a viewer's page asks for alerts (S4). */
const ALERTS_EVERY_MS = 15_000;

let state: LiveState = FIRST_STATE;
const listeners = new Set<() => void>();
let isTellingDue = false;

let source: EventSource | undefined;
let openedAtMs = 0;
let caughtUpAtMs = 0;
let rights: Login['rights'] = 'viewer';
let alertsAskedAtMs = 0;
/** How often alerts were asked for: only the answer to the last question counts. */
let alertsAsked = 0;
let checking: ReturnType<typeof setInterval> | undefined;

/** What `select` picks of the live state; the component renders anew when that changes. */
export function useLive<T>(select: (state: LiveState) => T): T {
  return useSyncExternalStore(listen, () => select(state));
}

/** Opens the feed of who has these rights; does nothing if it is open. */
export function startListening(loginRights: Login['rights']): void {
  if (checking !== undefined) return;
  rights = loginRights;
  open();
  checking = setInterval(check, CHECK_EVERY_MS);
}

/** Closes the feed and forgets what it said. */
export function stopListening(): void {
  clearInterval(checking);
  checking = undefined;
  source?.close();
  source = undefined;
  alertsAsked++;
  become(FIRST_STATE);
}

/** Takes in what a command answered, before the feed says it too. */
export function tell(message: LiveMessage): void {
  become(withMessage(state, message, Date.now()));
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function become(next: LiveState): void {
  if (next === state) return;
  state = next;
  if (isTellingDue) return;
  isTellingDue = true;
  requestAnimationFrame(() => {
    isTellingDue = false;
    for (const listener of listeners) listener();
  });
}

function open(): void {
  source?.close();
  openedAtMs = Date.now();
  const opened = new EventSource(LIVE_PATH);
  source = opened;
  opened.addEventListener('open', () => {
    if (opened === source) void catchUp();
  });
  for (const feed of FEEDS) {
    opened.addEventListener(feed, (event) => {
      if (opened !== source) return;
      const { frame } = state;
      tell({ feed, value: JSON.parse(event.data) } as LiveMessage);
      if (rights === 'viewer' && hasLostAlert(frame, state.frame)) void askAlerts();
    });
  }
}

/** Asks for what the feed does not repeat (S3). What fails is asked again by `check`. */
async function catchUp(): Promise<void> {
  caughtUpAtMs = Date.now();
  const load = async (path: string, messageOf: (value: never) => LiveMessage) => {
    const answer = await request('GET', path);
    if (answer.isAnswered) tell(messageOf(answer.value as never));
  };
  await Promise.all([
    load(HISTORY_PATH, (value) => ({ feed: 'report', value })),
    askAlerts(),
    load('/v1/inspect/campaigns', (value) => ({ feed: 'campaigns', value })),
    load('/v1/inspect/attribution', (value) => ({ feed: 'attribution', value })),
  ]);
}

async function askAlerts(): Promise<void> {
  alertsAskedAtMs = Date.now();
  const asked = ++alertsAsked;
  const answer = await request<AlertsReport>('GET', ALERTS_PATH);
  if (!answer.isAnswered || asked !== alertsAsked) return;
  tell({ feed: rights === 'viewer' ? 'viewers-alerts' : 'alerts', value: answer.value.alerts });
}

/** Each second: notices silence, opens a dead feed anew, asks for what is missing. */
function check(): void {
  const nowMs = Date.now();
  become(atMoment(state, nowMs));
  const silentMs = nowMs - Math.max(openedAtMs, state.heardAtMs);
  const isDead = source?.readyState === EventSource.CLOSED || silentMs > REOPEN_AFTER_MS;
  if (isDead && nowMs - openedAtMs > SILENCE_MS) void reopen();
  const isStale = state.frame !== undefined && isBehind(state.history, state.frame);
  if (document.hidden) return;
  if (isStale && nowMs - caughtUpAtMs > CATCH_UP_EVERY_MS) void catchUp();
  if (rights === 'viewer' && nowMs - alertsAskedAtMs > ALERTS_EVERY_MS) void askAlerts();
}

/** A feed does not say why it was refused: asking who is logged in tells whether that is why. */
async function reopen(): Promise<void> {
  openedAtMs = Date.now();
  source?.close();
  const answer = await request('GET', SESSION_PATH);
  if (answer.isAnswered && checking !== undefined) open();
}
