/**
 * Reads the tree of a rule and makes closures of it, or says what is wrong where.
 *
 * The part of CEL that rules may use: the literals of bool, int, double and string; the variables
 * and `interest()`; ! && || ?: == != < <= > >= in + - * / %; startsWith, endsWith, contains, size.
 * Left out is what no rule needs or what has no bound: macros, `matches`, maps, indexing, fields,
 * conversions, joined texts, the order of texts.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { SIGNALS } from '../../protocols/campaign.ts';
import { MAX_NAME_CHARS } from '../../protocols/event.ts';
import { LEGAL_WORDS, RULE_WORDS, type RuleWord } from '../../protocols/rule-facts.ts';
import type { Arithmetic, Code, Kind, TextTest, Value } from './rule-closures.ts';
import * as closures from './rule-closures.ts';
import { foundText, nearestName, RuleMistake } from './rule-mistake.ts';
import type { Order } from './rule-ranges.ts';

const VARIABLES = new Map<string, Code>([
  ...SIGNALS.map((name, column) => [name, closures.signal(column)] as const),
  ...RULE_WORDS.map((name, column) => [name, closures.word(column)] as const),
]);
const FUNCTIONS = 'interest("topic") or size(text)';
const METHODS = 'startsWith, endsWith, contains or size';
const IN_LIST = 'a list of values after "in", such as ["DE", "AT"]';

type NodeOf<O extends ASTNode['op']> = Extract<ASTNode, { op: O }>;
type Pair = readonly [ASTNode, ASTNode];

/** One reading of one rule. */
export class RuleReader {
  /** Those that the rule has named so far. */
  readonly topics = new Set<string>();
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  /** The whole rule as a condition; throws RuleMistake; O(nodes). */
  read(root: ASTNode): Code {
    return this.#want('bool', root, 'a condition');
  }

  #code(node: ASTNode): Code {
    switch (node.op) {
      case 'value':
        return this.#literal(node);
      case 'id':
        return this.#variable(node);
      case 'call':
        return this.#call(node);
      case 'rcall':
        return this.#method(node);
      case '!_':
        return closures.not(this.#want('bool', node.args, 'bool after "!"'));
      case '-_':
        return this.#negative(node);
      case '&&':
      case '||': {
        const operands = chainOf(node).map((each) =>
          this.#want('bool', each, `bool at ${node.op}`),
        );
        return node.op === '&&' ? closures.all(operands) : closures.any(operands);
      }
      case '?:':
        return this.#choice(node);
      case '==':
        return this.#equality(node.args, node.op);
      case '!=':
        return closures.not(this.#equality(node.args, node.op));
      case 'in':
        return this.#membership(node.args);
      case '<':
      case '<=':
      case '>':
      case '>=':
        return this.#order(node.op, node.args);
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
        return this.#arithmetic(node, node.op, node.args);
      case 'list':
        return this.#refuse(node, 'a list only after "in"');
      case '.':
      case '.?':
        return this.#refuse(node, `a name without fields: ${[...VARIABLES.keys()].join(', ')}`);
      case 'map':
      case '[]':
      case '[?]':
        return this.#refuse(node, 'a comparison: rules know no maps and no indexing');
      default:
        return node satisfies never;
    }
  }

  #literal(node: NodeOf<'value'>): Code {
    const { args: value } = node;
    switch (typeof value) {
      case 'boolean':
        return closures.constant('bool', value);
      case 'number':
        return closures.constant('double', value);
      case 'string':
        return closures.constant('string', value);
      case 'bigint':
        return this.#exact(node, closures.constant('int', Number(value)));
      default:
        return this.#refuse(node, 'true, false, a text or a number without "u"');
    }
  }

  #variable(node: NodeOf<'id'>): Code {
    const code = VARIABLES.get(node.args);
    if (code !== undefined) return code;
    if (node.args === 'interest') return this.#refuse(node, 'a topic: interest("topic")');
    const nearest = nearestName(node.args, [...VARIABLES.keys()]);
    return this.#refuse(node, `the name of a variable; the nearest is ${nearest}`);
  }

  #call(node: NodeOf<'call'>): Code {
    const [name, args] = node.args;
    const [argument] = args;
    const isOne = args.length === 1 && argument !== undefined;
    if (name === 'size' && isOne) return closures.size(this.#want('string', argument, 'a text'));
    if (name !== 'interest') return this.#refuse(node, FUNCTIONS);
    const topic = argument?.op === 'value' ? argument.args : undefined;
    if (!isOne || typeof topic !== 'string' || topic === '' || topic.length > MAX_NAME_CHARS) {
      const expected = `interest("topic") with a topic of 1 to ${MAX_NAME_CHARS} characters`;
      return this.#refuse(argument ?? node, expected);
    }
    this.topics.add(topic);
    return closures.interest(topic);
  }

  #method(node: NodeOf<'rcall'>): Code {
    const [name, receiver, args] = node.args;
    const [argument] = args;
    if (name === 'size' && args.length === 0) {
      return closures.size(this.#want('string', receiver, 'a text before .size()'));
    }
    const isTest = name === 'startsWith' || name === 'endsWith' || name === 'contains';
    if (!isTest || args.length !== 1 || argument === undefined) {
      const offset = this.#source.indexOf(name, receiver.end);
      const expected = isTest ? `one text: ${name}("text")` : METHODS;
      throw new RuleMistake(this.#source, Math.max(offset, node.start), expected, `${name}()`);
    }
    const text = this.#want('string', receiver, `a text before .${name}()`);
    return closures.textTest(
      name satisfies TextTest,
      text,
      this.#want('string', argument, 'a text'),
    );
  }

  #negative(node: NodeOf<'-_'>): Code {
    const operand = this.#code(node.args);
    if (isNumber(operand)) return closures.negated(operand);
    return this.#refuse(node.args, 'a number after "-"', operand);
  }

  #choice(node: NodeOf<'?:'>): Code {
    const [asked, yes, no] = node.args;
    const condition = this.#want('bool', asked, 'bool before "?"');
    const first = this.#code(yes);
    return closures.choice(condition, first, this.#want(first.kind, no, `${first.kind} after ":"`));
  }

  #order(sign: Order, operands: Pair): Code {
    const [left, right] = operands.map((each) => {
      const code = this.#code(each);
      return isNumber(code) ? code : this.#refuse(each, `a number at ${sign}`, code);
    }) as [Code, Code];
    return closures.ordered(sign, left, right);
  }

  #equality([left, right]: Pair, sign: string): Code {
    const [a, b] = this.#alike(left, right, sign);
    this.#possible(left, right, b.constant);
    this.#possible(right, left, a.constant);
    return closures.equal(a, b);
  }

  #membership([item, list]: Pair): Code {
    const code = this.#code(item);
    if (list.op !== 'list') return this.#refuse(list, IN_LIST);
    const values = list.args.map((each) => {
      const { constant } = this.#want(code.kind, each, `${code.kind} in this list`);
      if (constant === undefined) return this.#refuse(each, 'a constant in this list');
      this.#possible(item, each, constant);
      return constant;
    });
    return closures.oneOf(code, values);
  }

  #arithmetic(node: ASTNode, sign: Arithmetic, [left, right]: Pair): Code {
    const [a, b] = this.#alike(left, right, sign);
    if (!isNumber(a)) return this.#refuse(left, `numbers at ${sign}`, a);
    if (sign === '%' && a.kind === 'double') return this.#refuse(left, 'int at %', a);
    if ((sign === '/' || sign === '%') && b.kind === 'int' && b.constant === 0) {
      return this.#refuse(right, 'a divisor that is not 0');
    }
    return this.#exact(node, closures.arithmetic(sign, a, b));
  }

  /** Both sides, if they are of one kind; otherwise the constant one is what has to change. */
  #alike(left: ASTNode, right: ASTNode, sign: string): readonly [Code, Code] {
    const [a, b] = [this.#code(left), this.#code(right)];
    if (a.kind === b.kind) return [a, b];
    const isLeftWrong = a.constant !== undefined && b.constant === undefined;
    const expected = isLeftWrong ? b.kind : a.kind;
    const hint = expected === 'double' && isNumber(a) && isNumber(b) ? ' such as 1.0' : '';
    const message = `${expected}${hint} on both sides of ${sign}`;
    return isLeftWrong ? this.#refuse(left, message, a) : this.#refuse(right, message, b);
  }

  /** Refuses a value that a word with so many values never has: a rule that can never hold. */
  #possible(variable: ASTNode, at: ASTNode, value: Value | undefined): void {
    if (variable.op !== 'id' || value === undefined) return;
    const legal = LEGAL_WORDS[variable.args as RuleWord];
    if (legal === undefined || legal.includes(value as string)) return;
    this.#refuse(at, `one of ${legal.join(', ')}`);
  }

  #exact(node: ASTNode, code: Code): Code {
    if (code.kind !== 'int' || (code.most ?? 0) <= Number.MAX_SAFE_INTEGER) return code;
    return this.#refuse(node, `integers that never exceed ${Number.MAX_SAFE_INTEGER}`);
  }

  #want(kind: Kind, node: ASTNode, expected: string): Code {
    const code = this.#code(node);
    return code.kind === kind ? code : this.#refuse(node, expected, code);
  }

  #refuse(node: ASTNode, expected: string, found?: Code): never {
    const text = foundText(this.#source.slice(node.start, node.end));
    const kind = found === undefined ? '' : `${found.kind} `;
    throw new RuleMistake(this.#source, node.pos, expected, `${kind}${text}`);
  }
}

function isNumber({ kind }: Code): boolean {
  return kind === 'int' || kind === 'double';
}

/** The operands of `a && b && c`, which the parser nests. */
function chainOf(node: NodeOf<'&&'> | NodeOf<'||'>): readonly ASTNode[] {
  const operands: ASTNode[] = [];
  let rest: ASTNode = node;
  while (rest.op === node.op) {
    const [left, right] = rest.args as Pair;
    operands.push(right);
    rest = left;
  }
  operands.push(rest);
  return operands.reverse();
}
