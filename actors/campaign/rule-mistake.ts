/**
 * What is wrong with a targeting rule: where, what was expected there, and what was found.
 *
 * Owns the words; the library that parses rules has only its own for what it refuses.
 */
import type { TypeError as CelTypeError, ParseError } from '@marcbachmann/cel-js';
import { shortened } from '../../protocols/found.ts';

/** How much of a long line is shown, and how much of it before the place. */
const SHOWN_CHARS = 80;
const SHOWN_BEFORE_CHARS = 50;

/** A rule that cannot be used; the message names and shows the place. */
export class RuleMistake extends Error {
  override readonly name = 'RuleMistake';
  /** Both from 1; columns count characters, not bytes. */
  readonly line: number;
  readonly column: number;
  readonly expected: string;
  readonly found: string;

  /** @param offset where in the source, as an index into the string. */
  constructor(source: string, offset: number, expected: string, found: string, cause?: Error) {
    const before = source.slice(0, offset);
    const lineStart = before.lastIndexOf('\n') + 1;
    const lineEnd = source.indexOf('\n', offset);
    const line = before.split('\n').length;
    const column = [...before.slice(lineStart)].length + 1;
    const text = source.slice(lineStart, lineEnd < 0 ? source.length : lineEnd);
    super(
      `line ${line}, column ${column}: expected ${expected}; found ${found}\n` +
        shown(text, offset - lineStart),
      cause && { cause },
    );
    this.line = line;
    this.column = column;
    this.expected = expected;
    this.found = found;
  }
}

function shown(line: string, offset: number): string {
  const from = Math.max(0, Math.min(offset - SHOWN_BEFORE_CHARS, line.length - SHOWN_CHARS));
  const part = line.slice(from, from + SHOWN_CHARS).replace(/\s/g, ' ');
  const start = from > 0 ? '…' : '';
  const pointer = ' '.repeat([...line.slice(from, offset)].length + start.length);
  return `  ${start}${part}\n  ${pointer}^`;
}

/** Of `names` the one that takes the fewest edits to be `name`; O(length^2) for each of them. */
export function nearestName(name: string, names: readonly string[]): string {
  const ranked = names.map((each) => [edits(name.slice(0, SHOWN_CHARS), each), each] as const);
  return ranked.reduce((best, each) => (each[0] < best[0] ? each : best))[1];
}

/** Letters to insert, delete, replace or swap with the next one to turn `a` into `b`. */
function edits(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          (last[j] as number) + 1,
          (row[j - 1] as number) + 1,
          (last[j - 1] as number) + (isSame ? 0 : 1),
          isSwapped ? (beforeLast[j - 2] as number) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}

const SIGNS: ReadonlyMap<string, string> = new Map([
  ['RPAREN', '")"'],
  ['LPAREN', '"("'],
  ['RBRACKET', '"]"'],
  ['RBRACE', '"}"'],
  ['COLON', '":"'],
  ['IDENTIFIER', 'a name'],
]);
/** What people write who know other languages. */
const CEL_SIGNS: ReadonlyMap<string, string> = new Map([
  ['=', '"=="'],
  ['&', '"&&"'],
  ['|', '"||"'],
  ['and', '"&&"'],
  ['or', '"||"'],
  ['not', '"!"'],
  [')', 'a "(" before this ")"'],
  ['.', 'a digit before the "."'],
]);

/**
 * The mistake that the library has found.
 *
 * @param limits what each of the library's limits means to who writes a rule, by its name.
 */
export function mistakeOf(
  source: string,
  error: ParseError | CelTypeError,
  limits: Readonly<Record<string, string>>,
): RuleMistake {
  const offset = Math.min(error.range?.start ?? 0, source.length);
  const found = source.slice(offset, Math.max(offset + 1, error.range?.end ?? 0));
  const summary = error.summary;
  const mistake = (expected: string, text = found): RuleMistake =>
    new RuleMistake(source, offset, expected, foundText(text), error);
  switch (error.code) {
    case 'limit_exceeded':
      return mistake(limits[/max\w+/.exec(summary)?.[0] ?? ''] ?? 'a shorter rule', 'more');
    case 'unexpected_token':
      return mistake(CEL_SIGNS.get(found) ?? 'a name, a value or "("');
    case 'expected_token':
      return mistake(SIGNS.get(/Expected (\w+)/.exec(summary)?.[1] ?? '') ?? 'another sign');
    case 'unexpected_character':
      return mistake(CEL_SIGNS.get(found) ?? 'a sign such as && or the end of the rule');
    case 'reserved_identifier':
      return mistake('a name that CEL does not keep for itself');
    case 'unterminated_string':
    case 'unterminated_triple_quoted_string':
      return mistake(`${found.startsWith("'") ? "'" : '"'} to end this text`, '');
    case 'newline_in_string':
      return mistake('the text to end before its line', 'a line break');
    default:
      return mistake(`a rule in CEL (${summary})`);
  }
}

/** Part of a source on one line; the end of the rule if there is nothing. */
export function foundText(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line === '' ? 'the end of the rule' : shortened(line);
}
