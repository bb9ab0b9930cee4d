/**
 * Paths and transition counts, from docs/semantics.md: all items of a user are kept, sorted, and
 * cut into paths once, at the end. What an order or a refund can still find, and what comes too
 * late, follows the log as it went, by the rules under "Settling".
 */
import type { LedgerEntry } from '../../protocols/conversion-ledger.ts';
import type { Settings } from '../../protocols/settings.ts';
import {
  type PathConversion,
  type PathItem,
  type PendingRefund,
  type SettledOrder,
  type TouchFact,
  touchFact,
} from '../../protocols/user-snapshot.ts';

const MAX_PATH_TOUCHES = 128;
const MAX_PATH_ITEMS = 256;

/** Settled orders that a refund still finds, and refunds that wait for their order. */
const MAX_SETTLED_ORDERS = 8;
const MAX_PENDING_REFUNDS = 8;

/** A path: what is counted of it, and whose it is. */
export interface CutPath {
  readonly touches: readonly TouchFact[];
  /** What converted, with what is left of it. */
  readonly conversion: { readonly t: number; readonly micros: number } | undefined;
  /** Users per million in the sample that it is counted in. */
  readonly samplePpm: number;
}

interface Cut {
  readonly paths: readonly CutPath[];
  readonly touchesOutsideWindow: number;
  readonly withoutPath: readonly PathConversion[];
}

/** A partition's paths, as many times as they count, and what they could not show. */
export class PathTotals {
  touchesOutsideWindow = 0;
  conversionsWithoutPath = 0;
  readonly paths = new Map<CutPath, number>();

  /** Adds a cut's paths and losses, or takes them away with `by` -1. */
  add({ paths, touchesOutsideWindow, withoutPath }: Cut, by: 1 | -1): void {
    this.touchesOutsideWindow += by * touchesOutsideWindow;
    this.conversionsWithoutPath += by * withoutPath.length;
    for (const path of paths) this.addPath(path, by);
  }

  addPath(path: CutPath, by: 1 | -1): void {
    this.paths.set(path, (this.paths.get(path) ?? 0) + by);
  }
}

/** What the ledger must hold of an order. */
export type LedgerFact = Omit<LedgerEntry, 'v' | 'order'>;

/** One user's touches and conversions. */
export class ExpectedPath {
  readonly #totals: PathTotals;
  /** Settled items: they count, but no order finds its way to them. */
  #settled: PathItem[] = [];
  /** The retained path, sorted. */
  #retained: PathItem[] = [];
  /** The lookback window and the sample under which they were last cut. */
  #lookbackMs = 0;
  #samplePpm = 0;
  settledMs = -1;
  /** What refunds still find of what has settled. */
  orders: SettledOrder[] = [];
  /** Refunds that wait for their order. */
  refunds: PendingRefund[] = [];
  /** By order; complete after finish(). */
  readonly ledger = new Map<string, LedgerFact>();

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

  /** The sample in which it is counted. */
  get samplePpm(): number {
    return this.#retained.length === 0 ? 0 : this.#samplePpm;
  }

  conversionOf(order: string): PathConversion | undefined {
    return this.#retained.find((item) => isConversion(item) && item.order === order) as
      | PathConversion
      | undefined;
  }

  settledOrderOf(order: string): SettledOrder | undefined {
    return this.orders.find((each) => each.order === order);
  }

  /** Refunds that came before their order, and are used up by it. */
  takeRefunds(order: string): PendingRefund | undefined {
    const found = this.refunds.find((refund) => refund.order === order);
    this.refunds = this.refunds.filter((refund) => refund !== found);
    return found;
  }

  place(item: PathItem, nowMs: number, settings: Settings): void {
    this.#setBounds(settings);
    this.#retained.push(item);
    this.#retained.sort(inOrder);
    this.#settle(nowMs, settings);
  }

  /** Nothing is placed, but the path is looked at as if something were. */
  touch(nowMs: number, settings: Settings): void {
    this.#setBounds(settings);
    this.#settle(nowMs, settings);
  }

  /** Leaves a conversion what a refund left of it: nothing takes it out. */
  refund(
    conversion: PathConversion,
    leftMicros: number | undefined,
    nowMs: number,
    settings: Settings,
  ): void {
    this.#setBounds(settings);
    this.#retained = this.#retained.flatMap((item) => {
      if (item !== conversion) return [item];
      return leftMicros === undefined ? [] : [{ ...conversion, micros: leftMicros }];
    });
    if (leftMicros === undefined) this.takeBack(conversion.order, conversion.t);
    this.#settle(nowMs, settings);
  }

  /** The same for one that has settled: its path, if there is one, ends in null. */
  refundSettled(settled: SettledOrder, leftMicros: number | undefined): void {
    const { order, t, micros, touches, samplePpm } = settled;
    this.orders = this.orders.flatMap((each) => {
      if (each !== settled) return [each];
      return leftMicros === undefined ? [] : [{ ...settled, micros: leftMicros }];
    });
    if (leftMicros === undefined) this.takeBack(order, t);
    else {
      this.ledger.set(order, { t, value_micros: leftMicros, taken_back: false, touches });
    }
    if (touches.length > 0) {
      const after = leftMicros === undefined ? undefined : { t, micros: leftMicros };
      this.#totals.addPath({ touches, samplePpm, conversion: { t, micros } }, -1);
      this.#totals.addPath({ touches, samplePpm, conversion: after }, 1);
    } else if (leftMicros === undefined) this.#totals.conversionsWithoutPath--;
    // The end of the log must not record it anew.
    this.#settled = this.#settled.map((item) => {
      return isConversion(item) && item.order === order ? { ...item, isRecorded: true } : item;
    });
  }

  takeBack(order: string, t: number): void {
    this.ledger.set(order, { t, value_micros: 0, taken_back: true, touches: [] });
  }

  /** Keeps a refund whose order is unknown, while that may still come. */
  wait(refund: PendingRefund, nowMs: number, { lateness_ms }: Settings): void {
    if (refund.t < nowMs - lateness_ms) return;
    const earlier = this.takeRefunds(refund.order);
    this.refunds.push({
      order: refund.order,
      t: Math.max(refund.t, earlier?.t ?? 0),
      count: refund.count + (earlier?.count ?? 0),
      micros: refund.micros + (earlier?.micros ?? 0),
      isWhole: refund.isWhole || earlier?.isWhole === true,
    });
    this.refunds.sort((a, b) => a.t - b.t || Number(a.order > b.order) - 0.5);
    this.refunds = this.refunds.slice(-MAX_PENDING_REFUNDS);
  }

  /** Measurement is not allowed: the open path leaves the counts, what had ended stays in them. */
  forget(nowMs: number): void {
    const hadOrders = this.orders.length > 0 || this.#retained.some(isConversion);
    this.#end(nowMs);
    if (hadOrders) this.ledger.clear();
    this.orders = [];
    this.refunds = [];
  }

  /** The user is not in the sample any more: as forget(), but what has converted stays known. */
  leaveSample(nowMs: number): void {
    this.#settleOrders(this.#retained.filter(isConversion));
    this.#end(nowMs);
  }

  /** Nothing is kept to count on: the open path never was, the others count as they are. */
  #end(nowMs: number): void {
    const all = this.#settled.concat(this.#retained);
    const { paths, ...losses } = this.#cut(all);
    const last = this.#retained[this.#retained.length - 1];
    const hasOpenPath = last !== undefined && !isConversion(last);
    this.#record(all);
    this.#totals.add({ ...losses, paths: hasOpenPath ? paths.slice(0, -1) : paths }, 1);
    this.#settled = [];
    this.#retained = [];
    this.settledMs = nowMs;
  }

  #cut(items: readonly PathItem[]): Cut {
    return cut(items, this.#lookbackMs, this.#samplePpm);
  }

  /** Counts all paths; called once, at the end of the log. */
  finish(): void {
    const all = this.#settled.concat(this.#retained).sort(inOrder);
    this.#record(all);
    this.#totals.add(this.#cut(all), 1);
  }

  /** Writes the conversions of items down as the ledger must have them; the last of an order. */
  #record(items: readonly PathItem[]): void {
    const { paths } = this.#cut(items);
    const touchesBefore = new Map(paths.map(({ conversion, touches }) => [conversion, touches]));
    for (const conversion of items.filter(isConversion)) {
      this.#recordOne(conversion, touchesBefore.get(conversion) ?? []);
    }
  }

  #recordOne(conversion: RecordedConversion, touches: readonly TouchFact[]): void {
    if (conversion.isRecorded === true) return;
    const { order, t, micros } = conversion;
    const facts = touches.map(touchFact);
    this.ledger.set(order, { t, value_micros: micros, taken_back: false, touches: facts });
  }

  /** A new window or sample does not count again what has settled under the old one. */
  #setBounds({ lookback_ms: lookbackMs, path_sample_ppm: samplePpm }: Settings): void {
    if (this.#lookbackMs !== lookbackMs || this.#samplePpm !== samplePpm) {
      const all = this.#settled.concat(this.#retained);
      this.#record(all);
      this.#totals.add(this.#cut(all), 1);
      this.#totals.add(this.#cut(this.#retained), -1);
      this.#settled = [];
    }
    this.#lookbackMs = lookbackMs;
    this.#samplePpm = samplePpm;
  }

  #settle(nowMs: number, { lookback_ms, lateness_ms }: Settings): void {
    const items = this.#retained;
    const watermarkMs = nowMs - lateness_ms;
    this.settledMs = Math.max(this.settledMs, watermarkMs - 1);
    this.refunds = this.refunds.filter(({ t }) => t >= watermarkMs);
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
    this.#settleOrders(items.slice(0, from).filter(isConversion));
    this.#settled.push(...items.slice(0, from));
    this.#retained = items.slice(from);
  }

  /** Remembers the paths of conversions that settle. */
  #settleOrders(conversions: readonly PathConversion[]): void {
    if (conversions.length === 0) return;
    const { paths } = this.#cut(this.#settled.concat(this.#retained));
    for (const conversion of conversions) {
      const { order, t, micros } = conversion;
      const path = paths.find((each) => each.conversion === conversion);
      const touches = (path?.touches ?? []).map(touchFact);
      this.orders.push({ order, t, micros, touches, samplePpm: this.#samplePpm });
    }
    this.orders = this.orders.slice(-MAX_SETTLED_ORDERS);
  }
}

/** A conversion, perhaps one that the ledger has already in a later form. */
type RecordedConversion = PathConversion & { readonly isRecorded?: boolean };

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

function cut(items: readonly PathItem[], lookbackMs: number, samplePpm: number): Cut {
  const paths: CutPath[] = [];
  const withoutPath: PathConversion[] = [];
  let touchesOutsideWindow = 0;
  let touches: Exclude<PathItem, PathConversion>[] = [];
  const end = (endMs: number, conversion: PathConversion | undefined): void => {
    const inside = touches.filter(({ t }) => t > endMs - lookbackMs).slice(-MAX_PATH_TOUCHES);
    touchesOutsideWindow += touches.length - inside.length;
    if (inside.length > 0) paths.push({ touches: inside, conversion, samplePpm });
    else if (conversion !== undefined) withoutPath.push(conversion);
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
  return { paths, touchesOutsideWindow, withoutPath };
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
