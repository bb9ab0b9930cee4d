/**
 * The house style, checked over every file of the project; see `tidy-rules.ts` for the rules.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../runtime/setup/project-root.ts';
import {
  codeOffences,
  docstringOffences,
  nameOffences,
  placeOffences,
  purityOffences,
  styleSheetOffences,
} from './tidy-rules.ts';

const TOP_LEVEL = new Set([
  ...['protocols', 'actors', 'runtime', 'test', 'examples', 'bench', 'docs'],
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'LICENSE', 'nats.conf'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'biome.json'],
  ...['knip.json', 'vitest.config.ts', '.dependency-cruiser.cjs', '.ci', '.gitignore', '.npmrc'],
  ...['.editorconfig', '.nvmrc', '.gitattributes', '.dockerignore'],
]);
/** What .gitignore names: made here, never committed. */
const NOT_OURS = new Set(['.git', 'node_modules', 'dist', '.microtarget']);
const IGNORED_FILE = /\.(log|cpuprofile)$/;
const BINARY_FILE = /\.(png|jpe?g|gif|ico|woff2?|gz|zip|bin|onnx|parquet)$/;
const CODE_FILE = /\.(ts|tsx|mjs|cjs|js)$/;
const STYLE_SHEET = /\.css$/;

const root = projectRoot();
const files = listFiles('');
const textOf = new Map(
  files.filter((path) => !BINARY_FILE.test(path)).map((path) => [path, readFile(path)]),
);
const codeFiles = [...textOf].filter(([path]) => CODE_FILE.test(path));
const styleSheets = [...textOf].filter(([path]) => STYLE_SHEET.test(path));

function listFiles(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name) || IGNORED_FILE.test(entry.name)) return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? listFiles(path) : [path];
  });
}

function readFile(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

test('the project has only the rooms that a reader expects', () => {
  const found = new Set(files.map((path) => path.split('/')[0] ?? ''));
  expect([...found].filter((name) => !TOP_LEVEL.has(name))).toEqual([]);
});

test('file names are kebab-case and say what is inside', () => {
  expect(files.flatMap(nameOffences)).toEqual([]);
});

test('files, lines and functions are short, with a header and without default exports', () => {
  expect(codeFiles.flatMap(([path, text]) => codeOffences(path, text))).toEqual([]);
});

test('style sheets are short, with a header', () => {
  expect(styleSheets.flatMap(([path, text]) => styleSheetOffences(path, text))).toEqual([]);
});

test('actors know neither clock nor chance nor process', () => {
  const actors = codeFiles.filter(([path]) => path.startsWith('actors/'));
  expect(actors.flatMap(([path, text]) => purityOffences(path, text))).toEqual([]);
});

test('every exported function of protocols and actors has a docstring', () => {
  const explained = codeFiles.filter(([path]) => /^(protocols|actors)\//.test(path));
  expect(explained.flatMap(([path, text]) => docstringOffences(path, text))).toEqual([]);
});

test('no file names a package registry or a place on a machine', () => {
  expect([...textOf].flatMap(([path, text]) => placeOffences(path, text))).toEqual([]);
});

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

test('the lock file records no download address, and every build of an optional package', () => {
  const lock = JSON.parse(readFile('package-lock.json')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  const locked = Object.entries(lock.packages);
  expect(locked.filter(([, each]) => each.resolved !== undefined)).toEqual([]);
  // A registry that lacks the builds for other machines makes npm leave them out of the lock,
  // and then `npm ci` refuses the lock.
  const absent = locked.flatMap(([path, each]) =>
    Object.keys(each.optionalDependencies ?? {}).filter(
      (name) => !lock.packages[`node_modules/${name}`] && !lock.packages[`${path}/${name}`],
    ),
  );
  expect(absent).toEqual([]);
});

test('each rule fires on a planted offence', () => {
  const long = `export function f() {\n${'  g();\n'.repeat(70)}}\n`;
  expect(nameOffences('actors/UserPath.ts')).toHaveLength(1);
  expect(nameOffences('actors/path-utils.ts')).toHaveLength(1);
  expect(codeOffences('actors/a.ts', `/** A. */\n${long}`)).toHaveLength(1);
  expect(codeOffences('actors/a.ts', `/** A. */\n${'//\n'.repeat(400)}`)).toHaveLength(1);
  expect(codeOffences('actors/a.ts', `/** A. */\n// ${'x'.repeat(98)}\n`)).toHaveLength(1);
  expect(codeOffences('actors/a.ts', 'export const a = 1;\n')).toHaveLength(1);
  expect(codeOffences('actors/a.ts', '/** A. */\nexport default 1;\n')).toHaveLength(1);
  expect(codeOffences('actors/a.ts', '/** A. */\nexport default class A {}\n')).toHaveLength(1);
  expect(codeOffences('runtime/a.tsx', `/** A. */\nconst a = <p>{1}</p>;\n${long}`)).toHaveLength(
    1,
  );
  expect(styleSheetOffences('a.css', 'p {\n}\n')).toHaveLength(1);
  expect(styleSheetOffences('a.css', `/* A. */\n${'p {}\n'.repeat(400)}`)).toHaveLength(1);
  expect(styleSheetOffences('a.css', `/* A. */\n/* ${'x'.repeat(98)} */\n`)).toHaveLength(1);
  expect(nameOffences('runtime/page-utils.tsx')).toHaveLength(1);
  expect(docstringOffences('actors/a.ts', 'export function f() {}')).toHaveLength(1);
  expect(docstringOffences('actors/a.ts', 'export const f = () => 1;')).toHaveLength(1);
  expect(docstringOffences('actors/a.ts', '/** Is one. */\nexport const f = () => 1;')).toEqual([]);
  expect(placeOffences('a.md', ['', 'home', 'me'].join('/'))).toHaveLength(1);
  expect(placeOffences('a.md', ['https://registry', 'npmjs', 'org'].join('.'))).toHaveLength(1);
});

test.each([
  'Date.now()',
  'new Date()',
  'Math.random()',
  'performance.now()',
  'setTimeout(f)',
  'process.env.A',
  "import('node:fs')",
])('an actor that uses %s is caught', (expression) => {
  expect(purityOffences('actors/a.ts', `export const a = ${expression};`)).toHaveLength(1);
});

test('an actor may compute with times it was given, and name its members as it likes', () => {
  const text = 'const a = { process: new Date(atMs).getUTCHours() }; b(a.process, a.performance);';
  expect(purityOffences('actors/a.ts', text)).toEqual([]);
});
