/**
 * The windows of the last hour, carried on from live frames without asking for them again.
 *
 * W1 A frame says the sums of the last 60 closed seconds. Where these end where a window ends, the
 *    window that has just closed is that minute less the eleven windows before it, exactly.
 * W2 Where that cannot be (a frame was missed, a window is missing, the engine began anew), nothing
 *    is added: a gap is filled by asking for the history, never by a guess.
 */
import type { LiveFrame, LiveHistory } from '../../../protocols/live-figures.ts';

type Windows = LiveHistory['windows'];
type Window = Windows[number];

export const WINDOW_MS = 5_000;
export const MAX_WINDOWS = 720;
const WINDOWS_PER_MINUTE = 60_000 / WINDOW_MS;

/** The windows with the one that this frame closes, if it closes one (W1); else the same array. */
export function appendWindow(windows: Windows, frame: LiveFrame): Windows {
  const closed = closedWindow(windows, frame);
  return closed === undefined ? windows : [...windows, closed].slice(-MAX_WINDOWS);
}

/** Whether windows are missing up to the frame, so that the history has to be asked for. */
export function isBehind(windows: Windows, frame: LiveFrame): boolean {
  if (frame.watermark_ms === null) return false;
  const lastEndMs = (windows.at(-1)?.from_ms ?? 0) + WINDOW_MS;
  return frame.watermark_ms - lastEndMs >= 2 * WINDOW_MS;
}

function closedWindow(windows: Windows, frame: LiveFrame): Window | undefined {
  if (frame.watermark_ms === null) return undefined;
  const endMs = Math.floor(frame.watermark_ms / 1000) * 1000;
  const before = windows.slice(1 - WINDOWS_PER_MINUTE);
  const isWhole =
    before.length === WINDOWS_PER_MINUTE - 1 &&
    before[0]?.from_ms === endMs - 60_000 &&
    before.at(-1)?.from_ms === endMs - 2 * WINDOW_MS;
  if (!isWhole) return undefined;
  const rest = (sum: number, figure: (window: Window) => number) =>
    before.reduce((left, window) => left - figure(window), sum);
  const { minute, expected_events_per_s } = frame.all;
  const spend = frame.campaigns.reduce((sum, each) => sum + each.spend_micros_minute, 0);
  const events = rest(minute.events, (window) => window.events);
  if (events < 0) return undefined;
  return {
    from_ms: endMs - WINDOW_MS,
    events,
    expected_events:
      expected_events_per_s === null ? null : (expected_events_per_s * WINDOW_MS) / 1000,
    visits: rest(minute.visits, (window) => window.visits),
    conversions: rest(minute.conversions, (window) => window.conversions),
    value_micros: rest(minute.value_micros, (window) => window.value_micros),
    cost_micros: rest(minute.cost_micros, (window) => window.cost_micros),
    spend_micros: rest(spend, (window) => window.spend_micros),
    decisions: rest(minute.decisions, (window) => window.decisions),
  };
}
