/**
 * Paths and transition counts, from docs/semantics.md: all items of a user are kept, sorted, and
 * cut into paths once, at the end. What an order or a refund can still find, and what comes too
 * late, follows the log as it went, by the rules under "Settling".
 */

import type { Settings } from '../../protocols/campaign.ts';
import { CONVERSION, NULL, type PathsCell, START, utcDay } from '../../protocols/cells.ts';
import type { PathConversion, PathItem } from '../../protocols/user-snapshot.ts';

const MAX_PATH_TOUCHES = 128;
const MAX_PATH_ITEMS = 256;

interface CutPath {
  readonly day: string;
  readonly channels: readonly string[];
  readonly conversion: PathConversion | undefined;
}

interface Cut {
  readonly paths: readonly CutPath[];
  readonly touchesOutsideWindow: number;
  readonly conversionsWithoutPath: number;
}

/** A partition's paths by the day they began on, and what they could not show. */
export class PathTotals {
  touchesOutsideWindow = 0;
  conversionsWithoutPath = 0;
  readonly #days = new Map<string, PathsCell>();

  /** Adds a cut's paths and losses, or takes them away with `by` -1. */
  add({ paths, touchesOutsideWindow, conversionsWithoutPath }: Cut, by: 1 | -1): void {
    this.touchesOutsideWindow += by * touchesOutsideWindow;
    this.conversionsWithoutPath += by * conversionsWithoutPath;
    for (const path of paths) this.#addPath(path, by);
  }

  /** The cells by day, without zero entries. */
  cells(): ReadonlyMap<string, PathsCell> {
    return this.#days;
  }

  #addPath({ day, channels, conversion }: CutPath, by: 1 | -1): void {
    let cell = this.#days.get(day);
    if (cell === undefined) {
      cell = {
        v: 1,
        paths: 0,
        conversions: 0,
        value_micros: 0,
        transitions: {},
        value_by_last: {},
      };
      this.#days.set(day, cell);
    }
    cell.paths += by;
    const states = [START, ...channels, conversion === undefined ? NULL : CONVERSION];
    states.slice(1).forEach((to, i) => {
      const from = states[i] as string;
      const row = ownOf(cell.transitions, from) ?? {};
      addTo(row, to, by);
      if (Object.keys(row).length === 0) delete cell.transitions[from];
      else cell.transitions[from] = row;
    });
    if (conversion === undefined) return;
    cell.conversions += by;
    cell.value_micros += by * conversion.micros;
    addTo(cell.value_by_last, channels[channels.length - 1] as string, by * conversion.micros);
  }
}

/** One user's touches and conversions. */
export class ExpectedPath {
  readonly #totals: PathTotals;
  /** Settled items: they count, but no order or refund finds them. */
  #settled: PathItem[] = [];
  /** The retained path, sorted. */
  #retained: PathItem[] = [];
  /** The lookback window under which they were last cut. */
  #lookbackMs = 0;
  settledMs = -1;

  constructor(totals: PathTotals) {
    this.#totals = totals;
  }

  get retained(): readonly PathItem[] {
    return this.#retained;
  }

  /** The window under which the retained path is counted. */
  get lookbackMs(): number {
    return this.#retained.length === 0 ? 0 : this.#lookbackMs;
  }

  conversionOf(order: string): PathConversion | undefined {
    return this.#retained.find((item) => isConversion(item) && item.order === order) as
      | PathConversion
      | undefined;
  }

  place(item: PathItem, nowMs: number, settings: Settings): void {
    this.#setLookback(settings.lookback_ms);
    this.#retained.push(item);
    this.#retained.sort(inOrder);
    this.#settle(nowMs, settings);
  }

  /** Leaves a conversion what a refund left of it: nothing takes it out. */
  refund(conversion: PathConversion, leftMicros: number, nowMs: number, settings: Settings): void {
    this.#setLookback(settings.lookback_ms);
    this.#retained = this.#retained.flatMap((item) => {
      if (item !== conversion) return [item];
      return leftMicros === 0 ? [] : [{ ...conversion, micros: leftMicros }];
    });
    this.#settle(nowMs, settings);
  }

  /** Measurement is not allowed: the open path leaves the counts, what had ended stays in them. */
  forget(nowMs: number): void {
    const all = this.#settled.concat(this.#retained);
    const { paths, ...losses } = cut(all, this.#lookbackMs);
    const last = this.#retained[this.#retained.length - 1];
    const hasOpenPath = last !== undefined && !isConversion(last);
    this.#totals.add({ ...losses, paths: hasOpenPath ? paths.slice(0, -1) : paths }, 1);
    this.#settled = [];
    this.#retained = [];
    this.settledMs = nowMs;
  }

  /** Counts all paths; called once, at the end of the log. */
  finish(): void {
    const all = this.#settled.concat(this.#retained).sort(inOrder);
    this.#totals.add(cut(all, this.#lookbackMs), 1);
  }

  /** A new window does not cut again what has settled under the old one. */
  #setLookback(lookbackMs: number): void {
    if (this.#lookbackMs !== lookbackMs) {
      this.#totals.add(cut(this.#settled.concat(this.#retained), this.#lookbackMs), 1);
      this.#totals.add(cut(this.#retained, this.#lookbackMs), -1);
      this.#settled = [];
    }
    this.#lookbackMs = lookbackMs;
  }

  #settle(nowMs: number, { lookback_ms, lateness_ms }: Settings): void {
    const items = this.#retained;
    const watermarkMs = nowMs - lateness_ms;
    this.settledMs = Math.max(this.settledMs, watermarkMs - 1);
    const starts = newStarts(items, lookback_ms);
    let from = starts.findLast(({ t }) => t < watermarkMs)?.at ?? 0;
    while (items.length - from > MAX_PATH_ITEMS) {
      const next = starts.find(({ at }) => at > from && at < items.length);
      from = next?.at ?? from + 1;
      const lastSettledMs = next?.settledMs ?? items[from + MAX_PATH_TOUCHES - 1]?.t ?? -1;
      this.settledMs = Math.max(this.settledMs, lastSettledMs);
    }
    const end = starts.find(({ at }) => at > from)?.at ?? items.length;
    const touches = items.slice(from, end).filter((item) => !isConversion(item));
    const lastTouchMs = touches[touches.length - 1]?.t ?? 0;
    const outsideMs = Math.min(watermarkMs, lastTouchMs) - lookback_ms;
    from += touches.filter(({ t }) => t <= outsideMs).length;
    this.#settled.push(...items.slice(0, from));
    this.#retained = items.slice(from);
  }
}

interface NewStart {
  /** The index of the first item after it. */
  readonly at: number;
  /** When it lies. */
  readonly t: number;
  /** What settles if all before it does. */
  readonly settledMs: number;
}

/** Where a path has ended, so that the next item starts anew; the end of the list included. */
function newStarts(items: readonly PathItem[], lookbackMs: number): NewStart[] {
  return items.flatMap((item, i) => {
    const at = i + 1;
    const next = items[at];
    if (isConversion(item)) return [{ at, t: item.t, settledMs: item.t }];
    const nextMs = next?.t ?? item.t + lookbackMs;
    if (next !== undefined && nextMs - item.t <= lookbackMs) return [];
    return [{ at, t: nextMs, settledMs: nextMs - 1 }];
  });
}

function cut(items: readonly PathItem[], lookbackMs: number): Cut {
  const paths: CutPath[] = [];
  let touchesOutsideWindow = 0;
  let conversionsWithoutPath = 0;
  let touches: Exclude<PathItem, PathConversion>[] = [];
  const end = (endMs: number, conversion: PathConversion | undefined): void => {
    const inside = touches.filter(({ t }) => t > endMs - lookbackMs).slice(-MAX_PATH_TOUCHES);
    touchesOutsideWindow += touches.length - inside.length;
    const first = inside[0];
    if (first !== undefined) {
      const channels = inside.map(({ channel }) => channel).filter((c, i, all) => c !== all[i - 1]);
      paths.push({ day: utcDay(first.t), channels, conversion });
    } else if (conversion !== undefined) conversionsWithoutPath++;
    touches = [];
  };
  for (const item of items) {
    const last = touches[touches.length - 1];
    if (last !== undefined && item.t - last.t > lookbackMs) end(last.t, undefined);
    if (isConversion(item)) end(item.t, item);
    else touches.push(item);
  }
  const last = touches[touches.length - 1];
  if (last !== undefined) end(last.t, undefined);
  return { paths, touchesOutsideWindow, conversionsWithoutPath };
}

function inOrder(a: PathItem, b: PathItem): number {
  return (
    a.t - b.t ||
    Number(isConversion(a)) - Number(isConversion(b)) ||
    Number(a.id > b.id) - Number(a.id < b.id)
  );
}

function isConversion(item: PathItem): item is PathConversion {
  return 'order' in item;
}

function ownOf<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function addTo(record: Record<string, number>, key: string, by: number): void {
  const sum = (ownOf(record, key) ?? 0) + by;
  if (sum === 0) delete record[key];
  else record[key] = sum;
}
