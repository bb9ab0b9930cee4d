/**
 * A file attributed by every model asked for, and the JSON document that says so; its keys are
 * described in docs/attribute.md.
 *
 * Channels are keys of objects without a prototype: they may be called anything, `__proto__` too.
 */
import {
  type AttributionOptions,
  type AttributionResult,
  attributeTable,
  type MarkovResult,
  type Model,
} from '../../actors/channel/attribute.ts';
import { chooseOrder, type OrderChoice } from '../../actors/channel/choose-order.ts';
import type { RuleCredit } from '../../actors/channel/rule-models.ts';
import { type FileReading, type ReadOptions, readAttributionFile } from './read-file.ts';
import type { RejectedRow } from './rejections.ts';

export interface FileSettings extends ReadOptions, Omit<AttributionOptions, 'order'> {
  /** Of the Markov chain; undefined for the suggested order, or 1 where none is asked for. */
  readonly order: number | undefined;
  /** Scores the orders from 1 to this one. */
  readonly scoredOrders: number | undefined;
}

/** A file with everything that was calculated from it. */
export interface FileAttribution {
  readonly reading: FileReading;
  readonly result: AttributionResult;
  readonly orderChoice: OrderChoice | undefined;
}

/**
 * Reads a file and attributes it.
 *
 * Cost: see readAttributionFile, attributeTable and chooseOrder.
 * @throws FileProblem as readAttributionFile.
 */
export async function attributeFile(
  file: string,
  settings: FileSettings,
): Promise<FileAttribution> {
  const reading = await readAttributionFile(file, settings);
  const { table, events, rejections } = reading;
  const usableRows = events === undefined ? reading.rows - rejections.total : table.size;
  const { scoredOrders } = settings;
  const orderChoice =
    scoredOrders === undefined ? undefined : chooseOrder(table, scoredOrders, usableRows);
  const order = settings.order ?? orderChoice?.suggested ?? 1;
  const { models, repeats, halfLifeMs, intervals } = settings;
  const result = attributeTable(table, { models, repeats, halfLifeMs, intervals, order });
  if (events === undefined || result.rules.timeDecay === undefined) {
    return { reading, result, orderChoice };
  }
  // The table knows no times; the file does.
  const rules = { ...result.rules, timeDecay: events.timeDecay };
  return { reading, result: { ...result, rules }, orderChoice };
}

/** Figures by channel. */
type ByChannel<T> = Record<string, T>;

interface RuleJson {
  readonly conversions: ByChannel<number>;
  readonly value: ByChannel<number>;
}

interface MarkovJson extends RuleJson {
  readonly order: number;
  readonly states: number;
  readonly pConversion: number;
  readonly removalEffect: ByChannel<number>;
  readonly valueRemovalEffect: ByChannel<number>;
  readonly intervals?: ByChannel<{
    readonly low: number;
    readonly high: number;
    readonly standardError: number;
  }>;
}

/** What `--json` prints. */
export interface FileReportJson {
  readonly kind: FileReading['kind'];
  readonly rows: number;
  readonly rejected: readonly RejectedRow[];
  readonly rejectedTotal: number;
  readonly totals: { readonly conversions: number; readonly value: number; readonly nulls: number };
  readonly outside?: { readonly touches: number; readonly conversions: number };
  readonly orderChoice?: {
    readonly scores: OrderChoice['scores'];
    readonly suggested: number | null;
    readonly isAtLimit: boolean;
  };
  readonly models: Partial<Record<Model, RuleJson | MarkovJson>>;
}

/** The document of an attribution; figures with all their digits. */
export function reportJson({ reading, result, orderChoice }: FileAttribution): FileReportJson {
  const { conversions, value, nulls } = result.totals;
  const models: Partial<Record<Model, RuleJson | MarkovJson>> = {};
  if (result.markov !== undefined) models.markov = markovJson(result.markov);
  for (const [model, credits] of Object.entries(result.rules)) {
    models[model as Model] = ruleJson(credits);
  }
  return {
    kind: reading.kind,
    rows: reading.rows,
    rejected: reading.rejections.listed,
    rejectedTotal: reading.rejections.total,
    totals: { conversions, value, nulls },
    ...(reading.events === undefined ? {} : { outside: reading.events.outside }),
    ...(orderChoice === undefined ? {} : { orderChoice: orderChoiceJson(orderChoice) }),
    models,
  };
}

function orderChoiceJson({ scores, suggested, isAtLimit }: OrderChoice) {
  return { scores, suggested: suggested ?? null, isAtLimit };
}

function ruleJson(credits: readonly RuleCredit[]): RuleJson {
  return {
    conversions: byChannel(credits, ({ conversions }) => conversions),
    value: byChannel(credits, ({ value }) => value),
  };
}

function markovJson({ order, states, pConversion, channels }: MarkovResult): MarkovJson {
  const json = {
    order,
    states,
    pConversion,
    removalEffect: byChannel(channels, ({ removalEffect }) => removalEffect),
    valueRemovalEffect: byChannel(channels, ({ valueRemovalEffect }) => valueRemovalEffect),
    ...ruleJson(channels),
  };
  const withInterval = channels.flatMap(({ channel, interval }) =>
    interval === undefined ? [] : [{ channel, interval }],
  );
  if (withInterval.length === 0) return json;
  const intervals = byChannel(withInterval, ({ interval: { low, high, standardError } }) => ({
    low,
    high,
    standardError,
  }));
  return { ...json, intervals };
}

function byChannel<E extends { readonly channel: string }, T>(
  entries: readonly E[],
  figure: (entry: E) => T,
): ByChannel<T> {
  const record: ByChannel<T> = Object.create(null);
  for (const entry of entries) record[entry.channel] = figure(entry);
  return record;
}
