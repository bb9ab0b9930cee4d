/**
 * The channel of a touch: the one it names, else that of the first rule that holds, else the
 * rule set's fallback; and the full reason why, for those who ask.
 *
 * Invariants:
 *   D1 The channel depends on the touch and the rule set alone. The memory of earlier answers
 *      saves work and changes none.
 *   D2 Rules are tried in their order; the first that holds wins.
 */

import {
  type ChannelRules,
  RULE_OPERATORS,
  type RuleCondition,
  type RuleField,
  type RuleOperator,
} from '../../protocols/channel-rules.ts';
import type { TouchEvent } from '../../protocols/event.ts';
import type { Settings } from '../../protocols/settings.ts';
import { DEFAULT_CHANNEL_RULES } from './default-channel-rules.ts';
import { compilePattern } from './match-pattern.ts';
import { compileSources, type SourceLookup } from './source-categories.ts';
import { originOf, signsOf, type TouchOrigin, type TouchSigns } from './touch-origin.ts';

/** Answers remembered per rule set; campaigns are few, and strangers must not fill the memory. */
const MAX_REMEMBERED = 4_096;

interface CompiledCondition {
  /** As a person reads it: `medium equals "email"`. */
  readonly text: string;
  readonly field: RuleField;
  readonly holds: (value: string) => boolean;
}

interface CompiledRule {
  readonly channel: string;
  /** All must hold; of the conditions of one, any. */
  readonly terms: readonly (readonly CompiledCondition[])[];
}

/** A rule set ready for use; made once, by `compileChannelRules`. */
export interface CompiledChannelRules {
  readonly version: string;
  readonly fallback: string;
  readonly rules: readonly CompiledRule[];
  readonly kindOf: SourceLookup;
  /** Signs of a touch to the index of the rule that held, -1 for none (D1). */
  readonly remembered: Map<string, number>;
}

/** A touch's channel and the number of the rule, from 1, that gave it. */
export interface DerivedChannel {
  readonly channel: string;
  /** Null if the event names its channel, and if no rule held. */
  readonly rule: number | null;
}

/** What became of one rule: the term that failed, or all of them if it held. */
export interface RuleTrial {
  readonly rule: number;
  readonly channel: string;
  readonly held: boolean;
  readonly terms: readonly { readonly condition: string; readonly found: string }[];
}

/** A derived channel with everything that led to it. */
export interface ChannelExplanation extends DerivedChannel {
  readonly version: string;
  /** Why there may be no rule: the event names its channel, or none held. */
  readonly by: 'event' | 'rule' | 'fallback';
  readonly origin: TouchOrigin;
  /** The rules up to the first that held; none if the event names its channel. */
  readonly tried: readonly RuleTrial[];
}

/**
 * Prepares a rule set for many touches; O(its size).
 *
 * @param ruleSet one that `parseChannelRules` has accepted.
 */
export function compileChannelRules(ruleSet: ChannelRules): CompiledChannelRules {
  return {
    version: ruleSet.version,
    fallback: ruleSet.fallback,
    rules: ruleSet.rules.map(({ channel, when }) => ({
      channel,
      terms: when.map((term) => ('any' in term ? term.any : [term]).map(compileCondition)),
    })),
    kindOf: compileSources(ruleSet.sources),
    remembered: new Map(),
  };
}

const DEFAULT_COMPILED = compileChannelRules(DEFAULT_CHANNEL_RULES);

/** Rule sets in use, prepared once each. */
const compiled = new WeakMap<ChannelRules, CompiledChannelRules>();

/** The rules that the settings name, or those of the release. */
export function rulesOf({ channel_rules }: Settings): CompiledChannelRules {
  if (channel_rules === undefined) return DEFAULT_COMPILED;
  let rules = compiled.get(channel_rules);
  if (rules === undefined) {
    rules = compileChannelRules(channel_rules);
    compiled.set(channel_rules, rules);
  }
  return rules;
}

/**
 * The channel of a touch; `parseEvent` has made sure that one of its sources is there.
 *
 * Cost: O(the touch) where touches like it came before, else O(the rule set).
 */
export function channelOf(touch: TouchEvent, rules = DEFAULT_COMPILED): string {
  return touch.channel ?? deriveChannel(touch, rules).channel;
}

/** The channel of a touch and the rule that gave it (D2); cost as `channelOf`. */
export function deriveChannel(touch: TouchEvent, rules = DEFAULT_COMPILED): DerivedChannel {
  if (touch.channel !== undefined) return { channel: touch.channel, rule: null };
  const signs = signsOf(touch);
  const key = keyOf(signs);
  let index = rules.remembered.get(key);
  if (index === undefined) {
    const origin = originOf(signs, rules.kindOf);
    index = rules.rules.findIndex(({ terms }) => terms.every((term) => holds(term, origin)));
    if (rules.remembered.size >= MAX_REMEMBERED) rules.remembered.clear();
    rules.remembered.set(key, index);
  }
  const rule = rules.rules[index];
  return rule === undefined
    ? { channel: rules.fallback, rule: null }
    : { channel: rule.channel, rule: index + 1 };
}

/** Derives a channel and says why: what the touch says, and what each rule tried found. */
export function explainChannel(touch: TouchEvent, rules = DEFAULT_COMPILED): ChannelExplanation {
  const origin = originOf(signsOf(touch), rules.kindOf);
  const { version } = rules;
  if (touch.channel !== undefined) {
    return { channel: touch.channel, rule: null, version, by: 'event', origin, tried: [] };
  }
  const tried: RuleTrial[] = [];
  for (const [index, { channel, terms }] of rules.rules.entries()) {
    const failed = terms.find((term) => !holds(term, origin));
    // Of alternatives that held, those that did not say nothing about the channel.
    const shown = failed === undefined ? terms.map((term) => held(term, origin)) : [failed];
    const rule = index + 1;
    const isFirst = failed === undefined;
    const trial = { rule, channel, held: isFirst, terms: shown.map((term) => told(term, origin)) };
    tried.push(trial);
    if (isFirst) return { channel, rule, version, by: 'rule', origin, tried };
  }
  return { channel: rules.fallback, rule: null, version, by: 'fallback', origin, tried };
}

/** One key per combination of signs; lengths first, so that no two can look alike. */
function keyOf({ source, medium, campaign, clickId, host }: TouchSigns): string {
  const lengths = `${source.length},${medium.length},${campaign.length},${clickId.length}`;
  return `${lengths}:${source}${medium}${campaign}${clickId}${host}`;
}

function holds(term: readonly CompiledCondition[], origin: TouchOrigin): boolean {
  return term.some((condition) => condition.holds(origin[condition.field]));
}

function held(term: readonly CompiledCondition[], origin: TouchOrigin) {
  return term.filter((condition) => condition.holds(origin[condition.field]));
}

function told(term: readonly CompiledCondition[], origin: TouchOrigin) {
  const fields = [...new Set(term.map(({ field }) => field))];
  return {
    condition: term.map(({ text }) => text).join(' or '),
    found: fields.map((field) => `${field} "${origin[field]}"`).join(', '),
  };
}

function compileCondition(condition: RuleCondition): CompiledCondition {
  const { field } = condition;
  const operator = RULE_OPERATORS.find((each) => condition[each] !== undefined);
  const operand = operator === undefined ? undefined : condition[operator];
  if (operator === undefined || operand === undefined) {
    throw new Error(`a condition on ${field} has no operator: the rule set was not checked`);
  }
  const shown = Array.isArray(operand) ? operand.map((each) => `"${each}"`).join(', ') : operand;
  const text = Array.isArray(operand) ? `one of ${shown}` : `"${shown}"`;
  const verb = operator === 'one_of' ? 'is' : operator.replace('_', ' ');
  return { text: `${field} ${verb} ${text}`, field, holds: testOf(operator, operand) };
}

/** Fields are in lower case already (O1). */
function testOf(operator: RuleOperator, operand: string | string[]): (value: string) => boolean {
  const operands = [operand].flat().map((each) => each.toLowerCase());
  const [wanted = ''] = operands;
  switch (operator) {
    case 'equals':
    case 'one_of': {
      const all = new Set(operands);
      return (value) => all.has(value);
    }
    case 'contains':
      return (value) => value.includes(wanted);
    case 'starts_with':
      return (value) => value.startsWith(wanted);
    case 'ends_with':
      return (value) => value.endsWith(wanted);
    case 'matches':
      // As it was written: the matcher itself takes upper and lower case for the same.
      return compilePattern([operand].flat()[0] ?? '');
    default:
      return operator satisfies never;
  }
}
