/**
 * The patterns that a channel rule may match with: the part of regular expressions that never
 * needs backtracking, so that matching takes linear time whatever pattern and text say.
 *
 * Owns the syntax; `actors/channel/match-pattern.ts` owns the matching. A pattern is made of
 * characters, `.`, sets such as `[a-z_]` and `[^0-9]`, `\d`, `\w`, `\s`, an escaped sign such as
 * `\.`, groups `( )` and `(?: )`, alternatives `|`, the repetitions `*`, `+` and `?`, and the
 * anchors `^` and `$`. Counts (`{2}`), lazy repetitions, back references and look-around are
 * refused. Upper and lower case are the same.
 */

/** The longest pattern: its length bounds what one character of a text may cost. */
export const MAX_PATTERN_CHARS = 200;

/** Code points, both ends included. */
export type CodeRange = readonly [from: number, to: number];

export type PatternNode =
  | { readonly kind: 'set'; readonly isNegated: boolean; readonly ranges: readonly CodeRange[] }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly branches: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly sign: '*' | '+' | '?' };

export type ParsedPattern =
  | { readonly ok: true; readonly node: PatternNode }
  | { readonly ok: false; readonly expected: string };

const ESCAPED_SETS: ReadonlyMap<string, readonly CodeRange[]> = new Map([
  ['d', [[0x30, 0x39]]],
  ['w', [...['az', 'AZ', '09', '__'].map(([from, to]) => rangeOf(from, to))]],
  ['s', [...['\t\r', '  ', '\u00a0\u00a0', '\u2000\u200a'].map(([a, b]) => rangeOf(a, b))]],
]);
const SIGN = /^[^A-Za-z0-9\s]$/;

/** What stops a parse; it never leaves `parsePattern`. */
class Refused extends Error {}

/**
 * Reads a pattern; O(its length).
 *
 * @returns its tree, or what was expected at which character (counted from 1).
 */
export function parsePattern(pattern: string): ParsedPattern {
  if (pattern.length > MAX_PATTERN_CHARS) {
    return { ok: false, expected: `a pattern of at most ${MAX_PATTERN_CHARS} characters` };
  }
  const reader = new PatternReader([...pattern]);
  try {
    return { ok: true, node: reader.whole() };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, expected: error.message };
    throw error;
  }
}

/** One reading of a pattern, by recursive descent. */
class PatternReader {
  readonly #chars: readonly string[];
  #at = 0;

  constructor(chars: readonly string[]) {
    this.#chars = chars;
  }

  whole(): PatternNode {
    const node = this.#choice();
    if (this.#at < this.#chars.length) this.#refuse('a "(" before this ")"');
    return node;
  }

  #choice(): PatternNode {
    const branches = [this.#sequence()];
    while (this.#takes('|')) branches.push(this.#sequence());
    return branches.length === 1 ? (branches[0] as PatternNode) : { kind: 'choice', branches };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (this.#at < this.#chars.length && !this.#sees('|') && !this.#sees(')')) {
      parts.push(this.#repeated());
    }
    return { kind: 'sequence', parts };
  }

  #repeated(): PatternNode {
    const part = this.#atom();
    const sign = this.#chars[this.#at];
    if (sign !== '*' && sign !== '+' && sign !== '?') return part;
    if (part.kind === 'start' || part.kind === 'end') this.#refuse('something to repeat');
    this.#at++;
    return { kind: 'repeat', part, sign };
  }

  #atom(): PatternNode {
    const char = this.#chars[this.#at] as string;
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return this.#set();
      case '*':
      case '+':
      case '?':
        return this.#refuse('something to repeat (lazy and doubled repetitions are not supported)');
      case '{':
      case '}':
        return this.#refuse('no count: write the repetition out, or escape the brace');
      case ']':
        return this.#refuse('a "[" before this "]", or "\\]"');
      default:
        this.#at++;
    }
    if (char === '^') return { kind: 'start' };
    if (char === '$') return { kind: 'end' };
    if (char === '.') return { kind: 'set', isNegated: true, ranges: [] };
    const ranges = char === '\\' ? this.#escaped() : [rangeOf(char, char)];
    return { kind: 'set', isNegated: false, ranges };
  }

  #group(): PatternNode {
    this.#at++;
    if (this.#takes('?') && !this.#takes(':')) {
      this.#refuse('":" after "(?": look-around and names are not supported');
    }
    const node = this.#choice();
    if (!this.#takes(')')) this.#refuse('a ")" that closes the group');
    return node;
  }

  #set(): PatternNode {
    this.#at++;
    const isNegated = this.#takes('^');
    const ranges: CodeRange[] = [];
    while (!this.#takes(']')) {
      const first = this.#setItem();
      const [low] = first.length === 1 ? first : [];
      // A "-" before the "]" is itself.
      const isRange = this.#sees('-') && this.#chars[this.#at + 1] !== ']';
      if (!isRange) {
        ranges.push(...first);
        continue;
      }
      this.#at++;
      const [high, ...more] = this.#setItem();
      const isOrdered = low !== undefined && high !== undefined && low[0] <= high[0];
      const isPair = isOrdered && low[0] === low[1] && high[0] === high[1] && more.length === 0;
      if (!isPair) this.#refuse('a range from a lower to a higher character');
      else ranges.push([low[0], high[0]]);
    }
    if (ranges.length === 0) this.#refuse('at least one character between "[" and "]"');
    return { kind: 'set', isNegated, ranges };
  }

  #setItem(): readonly CodeRange[] {
    const char = this.#chars[this.#at];
    if (char === undefined) return this.#refuse('a "]" that closes the set');
    this.#at++;
    return char === '\\' ? this.#escaped() : [rangeOf(char, char)];
  }

  #escaped(): readonly CodeRange[] {
    const char = this.#chars[this.#at] ?? '';
    const ranges = ESCAPED_SETS.get(char) ?? (SIGN.test(char) ? [rangeOf(char, char)] : undefined);
    if (ranges === undefined) return this.#refuse('\\d, \\w, \\s or an escaped sign after "\\"');
    this.#at++;
    return ranges;
  }

  #sees(char: string): boolean {
    return this.#chars[this.#at] === char;
  }

  #takes(char: string): boolean {
    if (!this.#sees(char)) return false;
    this.#at++;
    return true;
  }

  #refuse(expected: string): never {
    throw new Refused(`${expected}, at character ${this.#at + 1}`);
  }
}

function rangeOf(from = '', to = ''): CodeRange {
  return [from.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0];
}
