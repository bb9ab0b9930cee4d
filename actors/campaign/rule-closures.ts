/**
 * The parts of a compiled rule: closures that read the facts, composed of smaller ones.
 *
 * Owns the meaning of the operators, which is CEL's:
 *   C1 An evaluation never throws. Where CEL has an error, a closure returns undefined; only parts
 *      whose `fails` is true ever do, and only a division of integers by zero starts one.
 *   C2 `false && error` and `true || error` are false and true, on either side; every other
 *      operator passes an error on.
 *   C3 Integers stay within 2^53, where numbers are exact: `most` bounds each one beforehand.
 *   C4 What does not depend on the facts is calculated once, here.
 *
 * An auction calls thousands of different rules, so calls and the memory they touch are what costs:
 * the usual comparisons, of a signal or word with a constant, are one closure each, the ranges of
 * signals in a conjunction are one together, and auctions ask ranges without a call (`partsOf`).
 * Over 10,000 different rules, three comparisons took some 40 ns, the library's own evaluation
 * 2,100 ns, and a table of rows with one loop to follow them, which touches less memory, two to
 * five times as long as the closures.
 */
import type { RuleFacts } from '../../protocols/rule-facts.ts';
import { type Order, type Range, rangeOf } from './rule-ranges.ts';
import { wordTest } from './rule-words.ts';

export type Kind = 'bool' | 'int' | 'double' | 'string';
export type Value = boolean | number | string;
export type Arithmetic = '+' | '-' | '*' | '/' | '%';
export type TextTest = 'startsWith' | 'endsWith' | 'contains';

type Read<T> = (facts: RuleFacts) => T | undefined;
type Condition = Read<boolean>;

/** A compiled part of a rule. */
export interface Code {
  readonly kind: Kind;
  readonly read: Read<Value>;
  /** Whether `read` may return undefined, which stands for an error of CEL (C1). */
  readonly fails: boolean;
  /** The value, if it is the same for all facts. */
  readonly constant?: Value;
  /** For a plain variable: its column in `signals` (double) or `words` (string). */
  readonly column?: number;
  /** For an integer: the greatest magnitude that it can have (C3). */
  readonly most?: number;
  /** For a condition that is nothing but one of these: what a signal has to be. */
  readonly range?: Range;
  /** For a condition that is several others joined, some of them ranges. */
  readonly split?: Split;
}

/** Ranges and the rest of the operands of one && or ||. */
interface Split {
  readonly isAll: boolean;
  readonly ranges: readonly Range[];
  readonly rest: Code;
}

/** What a condition asks: all of `ranges`, and one of `choices` or `rest`. */
export interface Parts {
  readonly ranges: readonly Range[];
  readonly choices: readonly Range[];
  readonly rest: Code;
}

/** No text of this engine has more characters. */
const MAX_TEXT_CHARS = 2 ** 30;

/** A value that is the same for all facts. */
export function constant(kind: Kind, value: Value): Code {
  const most = kind === 'int' ? { most: Math.abs(value as number) } : {};
  return { kind, read: () => value, fails: false, constant: value, ...most };
}

/** A concept or an intent, by its column. */
export function signal(column: number): Code {
  return { kind: 'double', read: ({ signals }) => signals[column], fails: false, column };
}

/** A word, by its column. */
export function word(column: number): Code {
  return { kind: 'string', read: ({ words }) => words[column], fails: false, column };
}

/** The weight of an interest, 0 without any. */
export function interest(topic: string): Code {
  return { kind: 'double', read: ({ interests }) => interests.get(topic) ?? 0, fails: false };
}

/** How many characters (code points) a text has; O(its length). */
export function size(text: Code): Code {
  return { ...unary('int', text, (value) => codePoints(value as string)), most: MAX_TEXT_CHARS };
}

/** `!a` */
export function not(operand: Code): Code {
  return unary('bool', operand, (value) => !value);
}

/** `-a` */
export function negated({ most = 0, ...operand }: Code): Code {
  return { ...unary(operand.kind, operand, (value) => -(value as number)), most };
}

/** Sum, difference, product, quotient or remainder of two integers or two doubles. */
export function arithmetic(sign: Arithmetic, left: Code, right: Code): Code {
  const { kind } = left;
  if (kind === 'double') return binary(kind, left, right, DOUBLES[sign]);
  const divides = sign === '/' || sign === '%';
  const fails = divides && right.constant === undefined;
  const code = binary(kind, left, right, INTEGERS[sign], fails);
  return { ...code, most: mostOf(sign, left.most ?? 0, right.most ?? 0) };
}

/** `a < b` and the like; integers and doubles compare by value. */
export function ordered(sign: Order, left: Code, right: Code): Code {
  if (left.constant !== undefined && right.constant === undefined) {
    return ordered(MIRRORED[sign], right, left);
  }
  if (right.constant !== undefined && left.column !== undefined) {
    return inRange(rangeOf(sign, left.column, right.constant as number));
  }
  return binary('bool', left, right, ORDERS[sign]);
}

/** `a == b` of two values of one kind. */
export function equal(left: Code, right: Code): Code {
  if (left.constant !== undefined && right.constant === undefined) return equal(right, left);
  const { constant: value } = right;
  if (typeof value === 'string' && left.column !== undefined)
    return wordAmong(left.column, [value]);
  return binary('bool', left, right, (a, b) => a === b);
}

/** `a in [values]`, the values being constants of the kind of `a`. */
export function oneOf(item: Code, values: readonly Value[]): Code {
  // A set finds NaN, which in CEL equals nothing.
  const set = new Set(values.filter((value) => !Number.isNaN(value)));
  if (item.kind === 'string' && item.column !== undefined) {
    return wordAmong(item.column, [...set] as string[]);
  }
  return unary('bool', item, (value) => set.has(value));
}

/** `a.startsWith(b)` and the like. */
export function textTest(test: TextTest, text: Code, part: Code): Code {
  return binary('bool', text, part, TEXT_TESTS[test]);
}

/** `a && b && …`, at least one (C2). */
export function all(operands: readonly Code[]): Code {
  if (operands.some((each) => each.constant === false)) return constant('bool', false);
  const open = operands.filter((each) => each.constant !== true);
  const split = splitOf(open, true);
  if (split === undefined) return joined(open, true);
  const { ranges, rest } = split;
  const first = ranges.length === 1 ? inRange(ranges[0] as Range) : inRanges(ranges);
  return { ...joined(rest.constant === true ? [first] : [first, rest], true), split };
}

/** `a || b || …`, at least one (C2). */
export function any(operands: readonly Code[]): Code {
  if (operands.some((each) => each.constant === true)) return constant('bool', true);
  const open = operands.filter((each) => each.constant !== false);
  const split = splitOf(open, false);
  return split === undefined ? joined(open, false) : { ...joined(open, false), split };
}

/** The operands that are ranges and the others, if there are ranges and more than one operand. */
function splitOf(operands: readonly Code[], isAll: boolean): Split | undefined {
  const ranges = operands.flatMap(({ range }) => range ?? []);
  if (ranges.length === 0 || operands.length === 1) return undefined;
  const others = operands.filter(({ range }) => range === undefined);
  return { isAll, ranges, rest: joined(others, isAll) };
}

/**
 * Takes the ranges out of a condition, which can then often be told without a call: in a
 * conjunction an error decides nothing that a range does not, nor does it in a choice (C2).
 */
export function partsOf(code: Code): Parts {
  if (code.range !== undefined) {
    return { ranges: [code.range], choices: [], rest: constant('bool', true) };
  }
  const { ranges, rest } = code.split?.isAll === true ? code.split : { ranges: [], rest: code };
  // A conjunction in a conjunction is a condition like any other.
  if (rest.split?.isAll !== false) return { ranges, choices: [], rest };
  return { ranges, choices: rest.split.ranges, rest: rest.split.rest };
}

/** `asked ? yes : no`, both of one kind. */
export function choice(asked: Code, yes: Code, no: Code): Code {
  if (asked.constant !== undefined) return asked.constant === true ? yes : no;
  const { read } = asked;
  const [readYes, readNo] = [yes.read, no.read];
  return {
    kind: yes.kind,
    read: (facts) => {
      const answer = read(facts);
      if (answer === undefined) return undefined;
      return answer === true ? readYes(facts) : readNo(facts);
    },
    fails: asked.fails || yes.fails || no.fails,
    most: Math.max(yes.most ?? 0, no.most ?? 0),
  };
}

type Operation<T extends Value> = (a: T, b: T) => Value | undefined;

const DOUBLES: Readonly<Record<Arithmetic, Operation<number>>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': () => undefined,
};
const INTEGERS: Readonly<Record<Arithmetic, Operation<number>>> = {
  ...DOUBLES,
  // Towards zero; taking away the remainder first leaves nothing to round.
  '/': (a, b) => (b === 0 ? undefined : (a - (a % b)) / b),
  '%': (a, b) => (b === 0 ? undefined : a % b),
};
const ORDERS: Readonly<Record<Order, Operation<number>>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};
const MIRRORED: Readonly<Record<Order, Order>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' };
const TEXT_TESTS: Readonly<Record<TextTest, Operation<string>>> = {
  startsWith: (text, part) => text.startsWith(part),
  endsWith: (text, part) => text.endsWith(part),
  contains: (text, part) => text.includes(part),
};

/** Whether a word is one of these, which are all different. */
function wordAmong(column: number, values: readonly string[]): Code {
  return values.length === 0 ? constant('bool', false) : condition(wordTest(column, values));
}

function condition(read: Condition, fails = false): Code {
  return { kind: 'bool', read, fails };
}

/** The conditions joined by && (`isAll`) or ||; none joined by && hold. */
function joined(conditions: readonly Code[], isAll: boolean): Code {
  const [first] = conditions;
  if (first === undefined) return constant('bool', isAll);
  if (conditions.length === 1) return first;
  const reads = conditions.map(({ read }) => read as Condition);
  if (conditions.some(({ fails }) => fails)) return condition(orError(reads, isAll), true);
  const [a, b, c, d] = reads as [Condition, Condition, ...Condition[]];
  if (c === undefined) return condition(isAll ? bothOf(a, b) : eitherOf(a, b));
  if (d === undefined && isAll) return condition(allOfThree(a, b, c));
  return condition(isAll ? allOf(reads) : anyOf(reads));
}

// A closure keeps whatever any closure of the same function reads: one function each keeps them
// small, and with thousands of rules it is memory that takes the time.
function bothOf(a: Condition, b: Condition): Condition {
  return (facts) => a(facts) && b(facts);
}

function eitherOf(a: Condition, b: Condition): Condition {
  return (facts) => a(facts) || b(facts);
}

function allOfThree(a: Condition, b: Condition, c: Condition): Condition {
  return (facts) => a(facts) && b(facts) && c(facts);
}

function allOf(reads: readonly Condition[]): Condition {
  return (facts) => {
    for (let i = 0; i < reads.length; i++) if (!(reads[i] as Condition)(facts)) return false;
    return true;
  };
}

function anyOf(reads: readonly Condition[]): Condition {
  return (facts) => {
    for (let i = 0; i < reads.length; i++) if ((reads[i] as Condition)(facts)) return true;
    return false;
  };
}

/** The answer that decides, whoever gives it; without it an error is one. */
function orError(reads: readonly Condition[], isAll: boolean): Condition {
  return (facts) => {
    let answer: boolean | undefined = isAll;
    for (const read of reads) {
      const each = read(facts);
      if (each === !isAll) return each;
      if (each === undefined) answer = undefined;
    }
    return answer;
  };
}

function unary(kind: Kind, operand: Code, operation: (value: Value) => Value): Code {
  const { read, fails } = operand;
  if (operand.constant !== undefined) return constant(kind, operation(operand.constant));
  if (!fails) return { kind, read: (facts) => operation(read(facts) as Value), fails };
  const checked: Read<Value> = (facts) => {
    const value = read(facts);
    return value === undefined ? undefined : operation(value);
  };
  return { kind, read: checked, fails };
}

/** @param startsError whether the operation itself may return undefined. */
function binary<T extends Value>(
  kind: Kind,
  left: Code,
  right: Code,
  operation: Operation<T>,
  startsError = false,
): Code {
  const [a, b] = [left.read as Read<T>, right.read as Read<T>];
  const [x, y] = [left.constant as T | undefined, right.constant as T | undefined];
  if (x !== undefined && y !== undefined) return constant(kind, operation(x, y) as Value);
  if (left.fails || right.fails) return { kind, read: checked(operation, a, b), fails: true };
  const read = y === undefined ? ofBoth(operation, a, b) : withConstant(operation, a, y);
  return { kind, read, fails: startsError };
}

function ofBoth<T extends Value>(operation: Operation<T>, a: Read<T>, b: Read<T>): Read<Value> {
  return (facts) => operation(a(facts) as T, b(facts) as T);
}

function withConstant<T extends Value>(operation: Operation<T>, a: Read<T>, b: T): Read<Value> {
  return (facts) => operation(a(facts) as T, b);
}

function checked<T extends Value>(operation: Operation<T>, a: Read<T>, b: Read<T>): Read<Value> {
  return (facts) => {
    const [x, y] = [a(facts), b(facts)];
    return x === undefined || y === undefined ? undefined : operation(x, y);
  };
}

function inRange(range: Range): Code {
  const { column, low, high } = range;
  const read: Condition = ({ signals }) => {
    const value = signals[column] as number;
    return value >= low && value <= high;
  };
  return { ...condition(read), range };
}

function inRanges(ranges: readonly Range[]): Code {
  const rows = ranges.flatMap(({ column, low, high }) => [column, low, high]);
  return condition(({ signals }) => {
    for (let i = 0; i < rows.length; i += 3) {
      const value = signals[rows[i] as number] as number;
      if (!(value >= (rows[i + 1] as number) && value <= (rows[i + 2] as number))) return false;
    }
    return true;
  });
}

function mostOf(sign: Arithmetic, left: number, right: number): number {
  switch (sign) {
    case '+':
    case '-':
      return left + right;
    case '*':
      return left * right;
    case '/':
    case '%':
      return left;
    default:
      return sign satisfies never;
  }
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
