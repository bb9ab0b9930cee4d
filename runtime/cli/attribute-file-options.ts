/**
 * The options of `microtarget attribute <file>`: as declared, as typed, and as settings.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { MODELS, type Model } from '../../actors/channel/attribute.ts';
import { DEFAULT_MAX_ORDER } from '../../actors/channel/choose-order.ts';
import { MAX_ORDER, type Repeats } from '../../actors/channel/markov-chain.ts';
import { DEFAULT_HALF_LIFE_MS } from '../../actors/channel/rule-models.ts';
import type { FileSettings } from '../attribution-file/file-report.ts';
import { CommandFailed } from './session.ts';

const EXIT_USAGE = 2;
const DAY_MS = 86_400_000;
const MAX_DAYS = 36_500;
const REPEATS: readonly Repeats[] = ['collapse', 'keep'];

/** What can be typed behind the file; what is not typed is not there. */
export interface AttributeFileOptions {
  readonly order?: number;
  readonly models?: readonly Model[];
  readonly chooseOrder?: boolean;
  readonly maxOrder?: number;
  readonly repeats?: Repeats;
  readonly intervals?: boolean;
  /** False with --no-nulls. */
  readonly nulls?: boolean;
  readonly separator?: string;
  readonly delimiter?: string;
  /** In days. */
  readonly lookback?: number;
  /** In days. */
  readonly halfLife?: number;
  readonly json?: boolean;
  readonly csv?: boolean;
}

const LIVE_ONLY = ['from', 'to', 'transitions'] as const;
type LiveOnly = { readonly [option in (typeof LIVE_ONLY)[number]]?: unknown };

/** Declares the options on a command that has `--json` already. */
export function withFileOptions(command: Command): Command {
  return command
    .option('--order <k>', 'of the Markov chain; 1 to 4 live, to 10 of a file', wholeOrder)
    .option('--models <list>', `some of ${MODELS.join(',')}, or all (file)`, modelList)
    .option('--choose-order', 'score the orders; of a file, use the best')
    .option('--max-order <k>', 'the last order to score (file)', wholeOrder)
    .option('--repeats <how>', 'collapse or keep repeated states (file)', repeatsChoice)
    .option('--intervals', '95 % interval of each removal effect')
    .option('--no-nulls', 'only paths that converted (file)')
    .option('--separator <text>', 'between channels of a path, > unless given (file)')
    .option('--delimiter <character>', 'between columns, a comma unless given (file)')
    .option('--lookback <days>', 'touches older than this are in no path (file)', days)
    .option('--half-life <days>', 'of time decay, 7 unless given (file)', days)
    .option('--csv', 'print CSV, one row a channel (file)');
}

/**
 * The settings that options stand for.
 *
 * @throws CommandFailed with exit code 2 for options that contradict each other.
 */
export function settingsOf(options: AttributeFileOptions): FileSettings {
  const { json, csv, chooseOrder, maxOrder, lookback, halfLife } = options;
  if (json === true && csv === true) throw wrongUsage('expected --json or --csv, found both');
  if (maxOrder !== undefined && chooseOrder !== true) {
    throw wrongUsage('--max-order: expected --choose-order with it');
  }
  return {
    order: options.order,
    models: options.models ?? MODELS,
    scoredOrders: chooseOrder === true ? (maxOrder ?? DEFAULT_MAX_ORDER) : undefined,
    repeats: options.repeats ?? 'collapse',
    intervals: options.intervals === true,
    nulls: options.nulls !== false,
    separator: separatorOf(options.separator ?? '>'),
    delimiter: delimiterOf(options.delimiter ?? ','),
    lookbackMs: lookback === undefined ? Number.POSITIVE_INFINITY : lookback * DAY_MS,
    halfLifeMs: halfLife === undefined ? DEFAULT_HALF_LIFE_MS : halfLife * DAY_MS,
  };
}

/** What only a file can be asked for. */
const FILE_ONLY = [
  ...(['models', 'maxOrder', 'repeats'] as const),
  ...(['separator', 'delimiter', 'lookback', 'halfLife', 'csv'] as const),
] as const;

/**
 * The options for the running engine.
 *
 * @throws CommandFailed with exit code 2 if one was typed that needs a file.
 */
export function withoutFileOptions<T extends AttributeFileOptions>(options: T): Omit<T, 'nulls'> {
  const typed = FILE_ONLY.find((name) => options[name] !== undefined);
  if (typed !== undefined) throw wrongUsage(`--${kebab(typed)}: expected a file with it`);
  if (options.nulls === false) throw wrongUsage('--no-nulls: expected a file with it');
  const { nulls, ...rest } = options;
  return rest;
}

/** @throws CommandFailed with exit code 2 for an option that only the running engine knows. */
export function checkForFile(options: AttributeFileOptions & LiveOnly): void {
  const typed = LIVE_ONLY.find((name) => options[name] !== undefined);
  if (typed !== undefined) throw wrongUsage(`--${typed}: expected no file with it`);
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
}

function separatorOf(typed: string): string {
  // Blanks around it do not count: `> ` and ` > ` part what `>` does. Blanks alone do.
  const separator = typed.trim() === '' ? typed : typed.trim();
  if (separator === '') throw wrongUsage('--separator: expected some text, found nothing');
  return separator;
}

function delimiterOf(typed: string): string {
  const delimiter = typed === '\\t' || typed === 'tab' ? '\t' : typed;
  if (/^[\t !#-~]$/.test(delimiter)) return delimiter;
  throw wrongUsage(
    `--delimiter: expected one ASCII character or "tab", found ${JSON.stringify(typed)}`,
  );
}

function wrongUsage(message: string): CommandFailed {
  return new CommandFailed(`${message} (add --help for help)`, { exitCode: EXIT_USAGE });
}

function wholeOrder(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_ORDER) {
    return Number(text);
  }
  throw new InvalidArgumentError(`expected a whole number from 1 to ${MAX_ORDER}`);
}

function modelList(text: string): readonly Model[] {
  if (text.trim() === 'all') return MODELS;
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(MODELS as readonly string[]).includes(name));
  if (unknown === undefined) return MODELS.filter((model) => names.includes(model));
  throw new InvalidArgumentError(
    `expected all or some of ${MODELS.join(', ')}; found "${unknown}"`,
  );
}

function repeatsChoice(text: string): Repeats {
  const choice = REPEATS.find((each) => each === text);
  if (choice !== undefined) return choice;
  throw new InvalidArgumentError(`expected ${REPEATS.join(' or ')}`);
}

function days(text: string): number {
  const count = Number(text);
  if (text.trim() !== '' && count > 0 && count <= MAX_DAYS) return count;
  throw new InvalidArgumentError(`expected a number of days above 0, at most ${MAX_DAYS}`);
}
