/**
 * Rules as CEL says: evaluated by the library that parses them, over the facts of one auction.
 */
import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js';
import { type Campaign, SIGNALS } from '../../protocols/campaign.ts';
import type { Receipt } from '../../protocols/decision.ts';
import { RULE_WORDS } from '../../protocols/rule-facts.ts';

/** What an auction reads of a user and an event. */
export interface Facts {
  readonly signals: Receipt['signals'];
  readonly facts: NonNullable<Receipt['facts']>;
}

/** The interests of the user whose auction is being held: functions see nothing but arguments. */
let interests: Facts['facts']['interests'] = {};

const environment = new Environment();
for (const name of SIGNALS) environment.registerVariable(name, 'double');
for (const name of RULE_WORDS) environment.registerVariable(name, 'string');
environment.registerFunction('interest(string): double', (topic: string) =>
  Object.hasOwn(interests, topic) ? interests[topic] : 0,
);

/** Rules that are kept parsed. */
const MAX_PARSED = 100_000;
const parsed = new Map<string, ParseResult>();

/** Whether a rule holds; one that fails does not. */
export function holds(rule: string, { signals, facts }: Facts): boolean {
  const { interests: weights, ...words } = facts;
  interests = weights;
  try {
    return parsedOf(rule)({ ...signals, ...words }) === true;
  } catch {
    return false;
  }
}

/** The rules of a campaign. */
export function rulesIn({ rule, multipliers }: Campaign): string[] {
  const rules = multipliers.map(({ when }) => when);
  return rule === undefined ? rules : [rule, ...rules];
}

/** The topics whose interest a rule asks for. */
export function topicsIn(rule: string): string[] {
  const topics: string[] = [];
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) part.forEach(visit);
    if (!isNode(part)) return;
    const topic = part.op === 'call' && part.args[0] === 'interest' ? part.args[1][0] : undefined;
    if (topic?.op === 'value' && typeof topic.args === 'string') topics.push(topic.args);
    visit(part.args);
  };
  visit(parsedOf(rule).ast);
  return topics;
}

function isNode(part: unknown): part is ASTNode {
  return typeof part === 'object' && part !== null && 'op' in part && 'args' in part;
}

function parsedOf(rule: string): ParseResult {
  const known = parsed.get(rule);
  if (known !== undefined) return known;
  const fresh = environment.parse(rule);
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(rule, fresh);
  return fresh;
}
