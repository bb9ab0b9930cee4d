/**
 * `microtarget attribute <file>`: what each channel of a file causes, without an engine.
 */
import type { AttributionResult, Model } from '../../actors/channel/attribute.ts';
import type { OrderChoice } from '../../actors/channel/choose-order.ts';
import { MAX_CHANNELS } from '../../actors/channel/path-table.ts';
import { OTHER_CHANNEL } from '../../protocols/cells.ts';
import { FileProblem } from '../attribution-file/csv-file.ts';
import {
  attributeFile,
  type FileAttribution,
  type FileSettings,
  reportJson,
} from '../attribution-file/file-report.ts';
import type { Rejections } from '../attribution-file/rejections.ts';
import { type AttributeFileOptions, checkForFile, settingsOf } from './attribute-file-options.ts';
import { integer, printJson, printLine, printTable, progress } from './print.ts';
import { CommandFailed } from './session.ts';

/** Rejected rows that a person is shown. */
const MAX_REJECTED_SHOWN = 20;

/**
 * Attributes a file; the exit code is 1 if a row was rejected.
 *
 * @throws CommandFailed if the file cannot be read, with exit code 2 for wrong usage.
 */
export async function attributeFileCommand(
  file: string,
  options: AttributeFileOptions,
): Promise<void> {
  checkForFile(options);
  const settings = settingsOf(options);
  const attribution = await attributed(file, settings);
  const { rejections } = attribution.reading;
  if (options.json === true) printJson(reportJson(attribution));
  else if (options.csv === true) printCsv(attribution.result);
  else printReport(attribution);
  if (options.json !== true) {
    // A program that reads the CSV must not find these lines in it.
    const print = options.csv === true ? printAside : printLine;
    printRejections(rejections, print);
  }
  if (rejections.total > 0) process.exitCode = 1;
}

async function attributed(file: string, settings: FileSettings): Promise<FileAttribution> {
  const bar = progress('reading', 0);
  try {
    return await attributeFile(file, { ...settings, onRead: (done, all) => bar.update(done, all) });
  } catch (error) {
    if (error instanceof FileProblem || isTooManyStates(error)) {
      throw new CommandFailed((error as Error).message, { cause: error });
    }
    throw error;
  } finally {
    bar.stop();
  }
}

/** A chain that outgrows its bound says itself what helps (MAX_STATES in markov-chain.ts). */
function isTooManyStates(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('lower order');
}

/** A channel with what each model credits it with. */
interface ChannelCredits {
  readonly channel: string;
  /** By model, in the order in which models are shown. */
  readonly conversions: readonly number[];
  readonly values: readonly number[];
  readonly effect: NonNullable<AttributionResult['markov']>['channels'][number] | undefined;
}

function modelsOf({ markov, rules }: AttributionResult): Model[] {
  return [...(markov === undefined ? [] : ['markov' as const]), ...(Object.keys(rules) as Model[])];
}

/** Channels by the conversions of the first model, the greatest first. */
function channelCredits(result: AttributionResult): ChannelCredits[] {
  const { markov, rules } = result;
  const credits = [...(markov === undefined ? [] : [markov.channels]), ...Object.values(rules)];
  const channels = (credits[0] ?? []).map(({ channel }, i) => ({
    channel,
    conversions: credits.map((model) => model[i]?.conversions ?? 0),
    values: credits.map((model) => model[i]?.value ?? 0),
    effect: markov?.channels[i],
  }));
  const first = ({ conversions }: ChannelCredits): number => conversions[0] ?? 0;
  return channels.sort((a, b) => first(b) - first(a));
}

function printReport({ reading, result, orderChoice }: FileAttribution): void {
  const { paths, conversions, nulls, value } = result.totals;
  const rate = paths === 0 ? '' : ` (${((conversions / paths) * 100).toFixed(2)} %)`;
  printLine(
    `rows ${integer(reading.rows)}, paths ${integer(paths)}, conversions ` +
      `${integer(conversions)}${rate}, nulls ${integer(nulls)}, value ${figure(value)}`,
  );
  if (reading.events !== undefined) {
    const { outside } = reading.events;
    printLine(
      `outside the lookback: touches ${integer(outside.touches)}, ` +
        `conversions ${integer(outside.conversions)}`,
    );
  }
  if (reading.table.channels.includes(OTHER_CHANNEL)) {
    printLine(`channels beyond the first ${integer(MAX_CHANNELS)} stand as ${OTHER_CHANNEL}`);
  }
  if (orderChoice !== undefined) printOrderChoice(orderChoice);
  if (result.markov !== undefined) {
    printLine(`Markov order ${result.markov.order}, ${integer(result.markov.states)} states`);
  }
  const channels = channelCredits(result);
  if (channels.length === 0) {
    printLine('no path in the file');
    return;
  }
  printLine();
  printModels('conversions', result, channels);
  if (value === 0) return;
  printLine();
  printModels('value', result, channels);
}

function printOrderChoice({ scores, suggested, isAtLimit }: OrderChoice): void {
  printLine();
  printTable(
    ['order', 'AUC', 'penalised AUC'],
    scores.map(({ order, auc, penalizedAuc }) => [
      String(order),
      auc.toFixed(6),
      penalizedAuc.toFixed(6),
    ]),
  );
  if (suggested === undefined) printLine('no order could be scored');
  else {
    const limit = isAtLimit ? ', the last one tried: a higher one may be better' : '';
    printLine(`suggested order ${suggested}${limit}`);
  }
  printLine();
}

/** One table: channels down, models across, and what the models sum to. */
function printModels(
  of: 'conversions' | 'value',
  result: AttributionResult,
  channels: readonly ChannelCredits[],
): void {
  const figures = (each: ChannelCredits): readonly number[] =>
    of === 'conversions' ? each.conversions : each.values;
  const effectCells = ({ effect }: ChannelCredits): string[] => {
    if (effect === undefined) return [];
    if (of === 'value') return [effect.valueRemovalEffect.toFixed(4)];
    const { interval } = effect;
    const range =
      interval === undefined ? [] : [`${interval.low.toFixed(4)}–${interval.high.toFixed(4)}`];
    return [effect.removalEffect.toFixed(4), ...range];
  };
  const effectHeads = channels[0] === undefined ? [] : effectCells(channels[0]);
  const heads = ['removal effect', '95 % interval'].slice(0, effectHeads.length);
  const models = modelsOf(result);
  const sums = models.map((_, i) =>
    channels.reduce((sum, each) => sum + (figures(each)[i] ?? 0), 0),
  );
  printTable(
    [of, ...heads, ...models],
    [
      ...channels.map((each) => [
        printable(each.channel),
        ...effectCells(each),
        ...figures(each).map(figure),
      ]),
      ['total', ...heads.map(() => ''), ...sums.map(figure)],
    ],
  );
}

function printRejections(rejections: Rejections, print: (line?: string) => void): void {
  if (rejections.total === 0) return;
  print();
  print(`rows rejected: ${integer(rejections.total)}`);
  for (const { line, reason } of rejections.listed.slice(0, MAX_REJECTED_SHOWN)) {
    print(`  line ${line}: ${reason}`);
  }
  const rest = rejections.total - MAX_REJECTED_SHOWN;
  if (rest > 0) print(`  and ${integer(rest)} more; --json lists them`);
}

function printCsv(result: AttributionResult): void {
  const models = modelsOf(result);
  const channels = channelCredits(result);
  const hasIntervals = channels.some(({ effect }) => effect?.interval !== undefined);
  const effectColumns =
    result.markov === undefined ? [] : ['removal_effect', 'removal_effect_value'];
  const intervalColumns = hasIntervals ? ['removal_effect_low', 'removal_effect_high'] : [];
  const modelColumns = models.flatMap((model) => [`${model}_conversions`, `${model}_value`]);
  printLine(['channel', ...modelColumns, ...effectColumns, ...intervalColumns].join(','));
  for (const { channel, conversions, values, effect } of channels) {
    const cells = conversions.flatMap((count, i) => [count, values[i] ?? 0]);
    if (effect !== undefined) cells.push(effect.removalEffect, effect.valueRemovalEffect);
    const interval = effect?.interval;
    if (interval !== undefined) cells.push(interval.low, interval.high);
    printLine([csvCell(channel), ...cells].join(','));
  }
}

/** A cell that reads back as the text: quoted where it has to be. */
function csvCell(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A channel's name on a terminal: what would move the cursor is written out. */
function printable(name: string): string {
  return name.replace(/\p{C}/gu, (each) => `\\u{${each.codePointAt(0)?.toString(16)}}`);
}

function printAside(line = ''): void {
  process.stderr.write(`${line}\n`);
}

function figure(value: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
