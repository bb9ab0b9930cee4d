/**
 * Matching by the patterns of channel rules, without backtracking: all ways through the pattern
 * advance together, one character at a time (Thompson 1968, "Regular expression search algorithm",
 * CACM 11(6); as a list of instructions after Cox 2009, "Regular expression matching: the virtual
 * machine approach").
 *
 * Invariant:
 *   L1 A match costs in proportion to (characters of the pattern) x (characters of the text).
 *
 * Owns the matching; `protocols/channel-pattern.ts` owns the syntax.
 */
import { type CodeRange, type PatternNode, parsePattern } from '../../protocols/channel-pattern.ts';

type Instruction =
  | { readonly op: 'set'; readonly isNegated: boolean; readonly ranges: readonly CodeRange[] }
  | { op: 'split'; first: number; second: number }
  | { op: 'jump'; to: number }
  | { readonly op: 'start' }
  | { readonly op: 'end' }
  | { readonly op: 'match' };

/**
 * Makes a test of whether a pattern occurs in a text; anchors tie it to the text's ends.
 *
 * @param pattern what `parsePattern` accepts.
 * @returns a pure function, O(pattern x text) (L1).
 * @throws Error if the pattern is none; rule sets are checked before they come here.
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  const parsed = parsePattern(pattern);
  if (!parsed.ok) throw new Error(`the pattern ${pattern} was not checked: ${parsed.expected}`);
  const program: Instruction[] = [];
  emit(parsed.node, program);
  program.push({ op: 'match' });
  return (text) => occursIn(program, text);
}

function emit(node: PatternNode, program: Instruction[]): void {
  switch (node.kind) {
    case 'set':
      program.push({ op: 'set', isNegated: node.isNegated, ranges: node.ranges });
      return;
    case 'start':
    case 'end':
      program.push({ op: node.kind });
      return;
    case 'sequence':
      for (const part of node.parts) emit(part, program);
      return;
    case 'choice':
      emitChoice(node.branches, program);
      return;
    case 'repeat':
      emitRepeat(node.part, node.sign, program);
      return;
    default:
      node satisfies never;
  }
}

function emitChoice(branches: readonly PatternNode[], program: Instruction[]): void {
  const jumps: { op: 'jump'; to: number }[] = [];
  branches.forEach((branch, i) => {
    if (i === branches.length - 1) {
      emit(branch, program);
      return;
    }
    const split = { op: 'split' as const, first: program.length + 1, second: 0 };
    program.push(split);
    emit(branch, program);
    const jump = { op: 'jump' as const, to: 0 };
    jumps.push(jump);
    program.push(jump);
    split.second = program.length;
  });
  for (const jump of jumps) jump.to = program.length;
}

function emitRepeat(part: PatternNode, sign: '*' | '+' | '?', program: Instruction[]): void {
  const start = program.length;
  if (sign === '+') {
    emit(part, program);
    program.push({ op: 'split', first: start, second: program.length + 1 });
    return;
  }
  const split = { op: 'split' as const, first: start + 1, second: 0 };
  program.push(split);
  emit(part, program);
  if (sign === '*') program.push({ op: 'jump', to: start });
  split.second = program.length;
}

/** The two lists of threads change in place: they are this function's own, and it is hot. */
function occursIn(program: readonly Instruction[], text: string): boolean {
  const chars = [...text];
  // The step in which an instruction was last reached; each is followed once a step (L1).
  const reachedAt = new Int32Array(program.length).fill(-1);
  let threads: number[] = [];
  for (let at = 0; at <= chars.length; at++) {
    const waiting: number[] = [];
    const isLast = at === chars.length;
    const follow = (pending: number[]): boolean => {
      for (let pc = pending.pop(); pc !== undefined; pc = pending.pop()) {
        if (reachedAt[pc] === at) continue;
        reachedAt[pc] = at;
        const instruction = program[pc] as Instruction;
        if (instruction.op === 'match') return true;
        if (instruction.op === 'set') waiting.push(pc);
        else if (instruction.op === 'split') pending.push(instruction.second, instruction.first);
        else if (instruction.op === 'jump') pending.push(instruction.to);
        else if (instruction.op === 'start' ? at === 0 : isLast) pending.push(pc + 1);
      }
      return false;
    };
    // Beside those that go on, a new attempt begins at every character.
    if (follow([...threads, 0])) return true;
    if (isLast) return false;
    const codes = casesOf(chars[at] as string);
    threads = waiting
      .filter((pc) => isInSet(program[pc] as Instruction, codes))
      .map((pc) => pc + 1);
  }
  return false;
}

/** A character's code in the case it has, in lower and in upper case. */
function casesOf(char: string): readonly number[] {
  const codes = [char, char.toLowerCase(), char.toUpperCase()].filter(
    (each, i) => i === 0 || each.length === char.length,
  );
  return codes.map((each) => each.codePointAt(0) ?? 0);
}

function isInSet(instruction: Instruction, codes: readonly number[]): boolean {
  if (instruction.op !== 'set') return false;
  const isNamed = instruction.ranges.some(([from, to]) =>
    codes.some((code) => code >= from && code <= to),
  );
  return isNamed !== instruction.isNegated;
}
