/**
 * `microtarget channel`: which channel a touch would come by, and why; no engine needed.
 *
 * What is derived here is what the engine derives: the same event schema, the same rules.
 */
import { DEFAULT_CHANNEL_RULES } from '../../actors/channel/default-channel-rules.ts';
import {
  type ChannelExplanation,
  compileChannelRules,
  explainChannel,
} from '../../actors/channel/derive-channel.ts';
import { CLICK_ID_NAMES } from '../../actors/channel/touch-origin.ts';
import {
  type ChannelRules,
  parseChannelRules,
  RULE_FIELDS,
} from '../../protocols/channel-rules.ts';
import { eventSchema, type TouchEvent } from '../../protocols/event.ts';
import { readJsonFile } from './json-file.ts';
import { printJson, printLine, printTable } from './print.ts';
import { CommandFailed } from './session.ts';

export interface ChannelOptions {
  readonly source?: string;
  readonly medium?: string;
  readonly campaign?: string;
  readonly referrer?: string;
  /** `name` or `name=value`. */
  readonly clickId?: string;
  /** The landing page as it was opened, with its utm parameters and click ids. */
  readonly url?: string;
  /** A file with a rule set. */
  readonly rules?: string;
  readonly printRules?: boolean;
  readonly explain?: boolean;
  readonly json?: boolean;
}

/** The fields of a touch that a channel is derived from. */
interface TouchFields {
  readonly utm: Readonly<Record<string, string>>;
  readonly referrer?: string;
  readonly click_id?: { readonly name: string; readonly value: string };
}

/** Any event needs these, and no channel depends on them. */
const ANY_EVENT = {
  event_id: '00000000-0000-4000-8000-000000000000',
  session_index: 0,
  timestamp: 0,
  user_mode: 'anonymous',
  type: 'click',
};

/**
 * Prints the channel of a touch, with `--explain` also why; or the rule set itself.
 *
 * @throws CommandFailed if the rule set or the touch is not one, with the place of each mistake.
 */
export async function channelCommand(options: ChannelOptions): Promise<void> {
  const ruleSet = options.rules === undefined ? DEFAULT_CHANNEL_RULES : readRules(options.rules);
  if (options.printRules === true) {
    printJson(ruleSet);
    return;
  }
  const explanation = explainChannel(touchOf(options), compileChannelRules(ruleSet));
  const { channel, rule, version, origin, tried } = explanation;
  const explained = options.explain === true;
  if (options.json === true) {
    printJson({ channel, rule, version, ...(explained ? { origin, tried } : {}) });
  } else if (explained) printExplanation(explanation);
  else printLine(channel);
}

function readRules(file: string): ChannelRules {
  const json = readJsonFile(file);
  const parsed = parseChannelRules(json);
  if (parsed.ok) return parsed.rules;
  const problems = parsed.problems.map((problem) => `  ${problem}`).join('\n');
  throw new CommandFailed(
    `${file}:\n${problems}\nA rule set to start from: microtarget channel --print-rules`,
  );
}

/** What is named on its own goes before what the landing page says. */
function touchOf(options: ChannelOptions): TouchEvent {
  const landed = options.url === undefined ? { utm: {} } : landing(options.url);
  const { source, medium, campaign, referrer, clickId } = options;
  const utm = { ...landed.utm, ...named({ source, medium, campaign }) };
  const click_id = clickId === undefined ? landed.click_id : clickIdOf(clickId);
  const fields = { utm, ...named({ referrer }), ...(click_id === undefined ? {} : { click_id }) };
  const parsed = eventSchema.safeParse({ ...ANY_EVENT, ...fields });
  if (parsed.success) return parsed.data as TouchEvent;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new CommandFailed(`the engine would refuse such a touch: ${problems.join('; ')}`);
}

function landing(text: string): TouchFields {
  if (!URL.canParse(text)) {
    throw new CommandFailed(`--url: expected a whole address such as https://…; found "${text}"`);
  }
  const parameters = new Map<string, string>();
  for (const [name, value] of new URL(text).searchParams) {
    if (value !== '') parameters.set(name.toLowerCase(), value);
  }
  const utm = named({
    source: parameters.get('utm_source'),
    medium: parameters.get('utm_medium'),
    campaign: parameters.get('utm_campaign'),
  });
  const name = CLICK_ID_NAMES.find((each) => parameters.has(each));
  if (name === undefined) return { utm };
  return { utm, click_id: { name, value: parameters.get(name) as string } };
}

function clickIdOf(text: string): TouchFields['click_id'] {
  const [name = '', ...value] = text.split('=');
  return { name, value: value.join('=') || 'any' };
}

/** Without what was not given. */
function named(fields: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(given) as Record<string, string>;
}

const FROM = {
  utm: 'source and medium as the link names them (utm)',
  click_id: 'source and medium from the click id',
  referrer: 'source and medium from the referrer',
  nothing: 'neither utm, nor a known click id, nor a referrer',
} as const;

function printExplanation({ channel, rule, version, origin, tried }: ChannelExplanation): void {
  const by = rule === null ? 'no rule holds: the fallback' : `rule ${rule}`;
  printLine(`${channel} (${by} of ${version})\n`);
  printTable(
    ['field', 'value'],
    RULE_FIELDS.map((field) => [field, origin[field]]),
  );
  printLine(`${FROM[origin.from]}\n`);
  for (const trial of tried) {
    printLine(`${trial.held ? '✓' : '✗'} rule ${trial.rule}, ${trial.channel}`);
    for (const { condition, found } of trial.terms) {
      printLine(`    ${trial.held ? 'holds' : 'fails'}: ${condition}; found ${found}`);
    }
  }
}
