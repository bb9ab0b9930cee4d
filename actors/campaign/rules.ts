/**
 * Targeting rules of campaigns, in a part of CEL (Common Expression Language): checked when a
 * campaign is saved, compiled once, evaluated for every campaign of every auction.
 *
 * Invariants:
 *   R1 A rule that compiles is valid CEL with the types of what it reads, and means what CEL says.
 *   R2 Evaluation is pure and never throws; a rule that CEL evaluates to an error (an integer
 *      divided by zero, not absorbed by && or ||) does not hold.
 *   R3 Rules from outside have bounds: MAX_RULE_CHARS, MAX_RULE_NODES, MAX_RULE_DEPTH,
 *      MAX_RULE_LIST. There are no loops and no regular expressions.
 *
 * A library parses and checks the types; rule-closures.ts evaluates, because the library's own
 * evaluation would take longer for ten thousand campaigns than an auction may.
 */
import { TypeError as CelTypeError, Environment, ParseError } from '@marcbachmann/cel-js';
import { MAX_RULE_CHARS, SIGNALS } from '../../protocols/campaign.ts';
import { RULE_WORDS, type RuleFacts } from '../../protocols/rule-facts.ts';
import { type Code, partsOf } from './rule-closures.ts';
import { mistakeOf, RuleMistake } from './rule-mistake.ts';
import type { Range } from './rule-ranges.ts';
import { RuleReader } from './rule-reader.ts';

/** Names, values and operators in one rule, each element of a list being one. */
export const MAX_RULE_NODES = 400;
/** Parentheses, lists and choices inside one another. */
export const MAX_RULE_DEPTH = 16;
/** Values in one list: every country fits. */
export const MAX_RULE_LIST = 300;
/** No function of rules takes more than one; some more make for better messages. */
const MAX_ARGUMENTS = 4;

const LIMITS: Readonly<Record<string, string>> = {
  maxAstNodes: `at most ${MAX_RULE_NODES} names, values and operators`,
  maxDepth: `at most ${MAX_RULE_DEPTH} levels of parentheses, lists and choices`,
  maxListElements: `at most ${MAX_RULE_LIST} values in a list`,
  maxCallArguments: `at most ${MAX_ARGUMENTS} arguments`,
};

/** A rule that can be evaluated. */
export interface CompiledRule {
  readonly source: string;
  /** The topics of `interest()` that it names, sorted. */
  readonly topics: readonly string[];
  /** Whether it holds; pure, never throws (R2). */
  readonly test: (facts: RuleFacts) => boolean;
  /**
   * The same in parts: it holds if all of `ranges` do, and one of `choices` or `rest`, which is
   * undefined if nothing else is asked.
   */
  readonly ranges: readonly Range[];
  readonly choices: readonly Range[];
  readonly rest: ((facts: RuleFacts) => boolean) | undefined;
}

/**
 * Compiles a rule, in some 50 microseconds; O(its length).
 *
 * @throws RuleMistake with the first mistake and its place.
 */
export function compileRule(source: string): CompiledRule {
  if (source.length > MAX_RULE_CHARS) {
    const expected = `at most ${MAX_RULE_CHARS} characters`;
    throw new RuleMistake(source, MAX_RULE_CHARS, expected, `${source.length}`);
  }
  try {
    return compile(source);
  } catch (error) {
    // The library never forgets the name of a function that somebody called, known or not.
    environment = undefined;
    const isTheirs = error instanceof ParseError || error instanceof CelTypeError;
    throw isTheirs ? mistakeOf(source, error, LIMITS) : error;
  }
}

/** The first mistake in a rule, undefined without any; for schemas, which do not throw. */
export function mistakeIn(source: string): RuleMistake | undefined {
  try {
    compileRule(source);
    return undefined;
  } catch (error) {
    if (error instanceof RuleMistake) return error;
    throw error;
  }
}

/** Compiled rules, shared by all campaigns and partitions whose rules have the same source. */
export class SharedRules {
  readonly #sizeMax: number;
  /** The one that was asked for last is the last. */
  readonly #rules = new Map<string, CompiledRule>();

  /** @param sizeMax rules kept; the one not asked for longest is compiled anew when needed. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  get size(): number {
    return this.#rules.size;
  }

  /** As compileRule. */
  compile(source: string): CompiledRule {
    const rule = this.#rules.get(source) ?? compileRule(source);
    this.#rules.delete(source);
    this.#rules.set(source, rule);
    if (this.#rules.size > this.#sizeMax) {
      for (const oldest of this.#rules.keys()) {
        this.#rules.delete(oldest);
        break;
      }
    }
    return rule;
  }
}

/** The declarations; made anew after a mistake, so that nothing but known names is in it. */
let environment: Environment | undefined;

function declarations(): Environment {
  const declared = new Environment({
    limits: {
      maxAstNodes: MAX_RULE_NODES,
      maxDepth: MAX_RULE_DEPTH,
      maxListElements: MAX_RULE_LIST,
      maxCallArguments: MAX_ARGUMENTS,
    },
  });
  for (const name of SIGNALS) declared.registerVariable(name, 'double');
  for (const name of RULE_WORDS) declared.registerVariable(name, 'string');
  return declared.registerFunction('interest(string): double', () => 0);
}

function compile(source: string): CompiledRule {
  environment ??= declarations();
  const parsed = environment.parse(source);
  const reader = new RuleReader(source);
  const code = reader.read(parsed.ast);
  // What we understand the library does too; should the two ever differ, the rule is refused.
  const { valid, error } = parsed.check();
  if (!valid) throw error ?? new Error('a rule that does not check has an error');
  const { ranges, choices, rest } = partsOf(code);
  return {
    ...{ source, topics: [...reader.topics].sort(), test: testOf(code), ranges, choices },
    rest: rest.constant === true ? undefined : testOf(rest),
  };
}

function testOf({ read, fails }: Code): CompiledRule['test'] {
  return fails ? (facts) => read(facts) === true : (read as CompiledRule['test']);
}
