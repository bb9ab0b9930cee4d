/**
 * The house style as functions from a file's path and text to what is wrong with it.
 *
 * Owns nothing; `tidy.test.ts` applies them to every file, and to planted offences.
 */
import ts from 'typescript';

/** One thing that is wrong, with the place: `actors/user/path.ts:12 …`. */
export type Offence = string;

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const LINE_COLUMNS_MAX = 100;

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/;
const NOT_KEBAB_CASE = new Set(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']);
/** Names that say nothing about what is in the file. */
const EMPTY_NAMES = new Set([
  ...['util', 'utils', 'helper', 'helpers', 'manager', 'misc', 'common', 'data', 'info'],
]);
/** Tools demand a default export of these. */
const DEFAULT_EXPORTERS = /(\.config\.ts|^test\/global-setup\.ts)$/;
/** What an actor must not know: the time, chance, the process, the network. */
const IMPURE_GLOBALS = new Set([
  ...['performance', 'process', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
  ...['crypto', 'fetch', 'console', 'globalThis', 'require'],
]);
const IMPURE_MEMBERS = new Set(['Date.now', 'Math.random']);

// Written in pieces, so that this file does not hold what it looks for.
const REGISTRY_HOSTS = [
  ['registry', 'npmjs', 'org'],
  ['registry', 'yarnpkg', 'com'],
  ['deb', 'debian', 'org'],
  ['security', 'debian', 'org'],
  ['snapshot', 'debian', 'org'],
  ['archive', 'ubuntu', 'com'],
  ['pypi', 'org'],
  ['proxy', 'golang', 'org'],
].map((labels) => labels.join('.'));
const MACHINE_PATHS = ['work', 'root', 'home', 'Users'].map((name) => ['', name, ''].join('/'));

/** Names: kebab-case throughout, and saying what is inside. */
export function nameOffences(path: string): readonly Offence[] {
  const names = path.split('/').filter((name) => !name.startsWith('.'));
  const offences = names
    .filter((name) => !KEBAB_CASE.test(name) && !NOT_KEBAB_CASE.has(name) && name !== 'LICENSE')
    .map((name) => `${path} "${name}" is not kebab-case`);
  const stem = names.at(-1)?.split('.')[0] ?? '';
  const empty = /\.(tsx?|mjs)$/.test(path) && stem.split('-').find((word) => EMPTY_NAMES.has(word));
  return empty ? [...offences, `${path} "${empty}" does not say what is inside`] : offences;
}

/** Any text file: no package registry and no place on somebody's machine. */
export function placeOffences(path: string, text: string): readonly Offence[] {
  return [...REGISTRY_HOSTS, ...MACHINE_PATHS].flatMap((place) => {
    const index = text.search(new RegExp(`(?<![\\w.:/~-])(https?://)?${escaped(place)}`));
    return index < 0 ? [] : [`${path}:${lineAt(text, index)} names ${place}`];
  });
}

/** A code file: lengths of file, lines and functions; a header; no default export. */
export function codeOffences(path: string, text: string): readonly Offence[] {
  const offences = [...sizeOffences(path, text)];
  if (!/^(#!.*\n)?\/\*\*/.test(text)) offences.push(`${path}:1 has no header comment`);
  const source = parse(path, text);
  walk(source, (node) => {
    const length = isLengthBound(node) ? linesOf(source, node) : 0;
    if (length > FUNCTION_LINES_MAX) {
      const line = lineAt(text, node.getStart(source));
      offences.push(`${path}:${line} function of ${length} lines, at most ${FUNCTION_LINES_MAX}`);
    }
    if (isDefaultExport(node) && !DEFAULT_EXPORTERS.test(path)) {
      offences.push(`${path}:${lineAt(text, node.getStart(source))} exports a default`);
    }
  });
  return offences;
}

/** A style sheet: lengths of file and lines; a header. */
export function styleSheetOffences(path: string, text: string): readonly Offence[] {
  const header = text.startsWith('/* ') ? [] : [`${path}:1 has no header comment`];
  return [...sizeOffences(path, text), ...header];
}

function sizeOffences(path: string, text: string): readonly Offence[] {
  const lines = text.trimEnd().split('\n');
  const wide = lines.flatMap((line, index) =>
    line.length > LINE_COLUMNS_MAX && !line.includes('://')
      ? [`${path}:${index + 1} has ${line.length} columns, at most ${LINE_COLUMNS_MAX}`]
      : [],
  );
  if (lines.length <= FILE_LINES_MAX) return wide;
  return [...wide, `${path} has ${lines.length} lines, at most ${FILE_LINES_MAX}`];
}

/** A file of actors/: nothing whose answer differs when the same events are replayed. */
export function purityOffences(path: string, text: string): readonly Offence[] {
  const source = parse(path, text);
  const offences: Offence[] = [];
  walk(source, (node) => {
    const impure = impurityOf(node, source);
    if (impure === undefined) return;
    offences.push(`${path}:${lineAt(text, node.getStart(source))} uses ${impure} in an actor`);
  });
  return offences;
}

/** Every exported function explains itself in a docstring. */
export function docstringOffences(path: string, text: string): readonly Offence[] {
  const source = parse(path, text);
  return source.statements.flatMap((statement) => {
    const name = exportedFunctionName(statement);
    if (name === undefined || ts.getJSDocCommentsAndTags(statement).length > 0) return [];
    const line = lineAt(text, statement.getStart(source));
    return [`${path}:${line} exported function ${name} has no docstring`];
  });
}

function impurityOf(node: ts.Node, source: ts.SourceFile): string | undefined {
  if (ts.isNewExpression(node) && node.expression.getText(source) === 'Date') {
    return (node.arguments?.length ?? 0) === 0 ? 'new Date()' : undefined;
  }
  if (ts.isPropertyAccessExpression(node)) {
    const member = node.getText(source);
    return IMPURE_MEMBERS.has(member) ? member : undefined;
  }
  if (ts.isStringLiteral(node) && node.text.startsWith('node:')) return node.text;
  const isGlobal = ts.isIdentifier(node) && IMPURE_GLOBALS.has(node.text) && !isMemberName(node);
  return isGlobal ? node.text : undefined;
}

/** True for `b` in `a.b` and in `{ b: 1 }`: a member of ours that happens to bear the name. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  return 'name' in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent);
}

/** A `describe` block is a chapter of tests, not a function that one has to grasp at once. */
function isLengthBound(node: ts.Node): boolean {
  if (!ts.isFunctionLike(node)) return false;
  const { parent } = node;
  return !(ts.isCallExpression(parent) && /^describe\b/.test(parent.expression.getText()));
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return !node.isExportEquals;
  const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined;
  return modifiers?.some((each) => each.kind === ts.SyntaxKind.DefaultKeyword) ?? false;
}

function exportedFunctionName(statement: ts.Statement): string | undefined {
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  if (!modifiers.some((each) => each.kind === ts.SyntaxKind.ExportKeyword)) return undefined;
  if (ts.isFunctionDeclaration(statement)) return statement.name?.text;
  if (!ts.isVariableStatement(statement)) return undefined;
  const [declaration] = statement.declarationList.declarations;
  const value = declaration?.initializer;
  const isFunction = value && (ts.isArrowFunction(value) || ts.isFunctionExpression(value));
  return isFunction ? declaration.name.getText() : undefined;
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

function linesOf(source: ts.SourceFile, node: ts.Node): number {
  return lineAt(source.text, node.getEnd()) - lineAt(source.text, node.getStart(source)) + 1;
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
