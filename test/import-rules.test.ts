/**
 * Proves that each import rule of .dependency-cruiser.cjs fires, by planting what it forbids.
 *
 * The plants live in a temporary project that has the real rules, the real tsconfig.json and
 * packages that are nothing but a name.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../runtime/setup/project-root.ts';

const CRUISER = join(projectRoot(), 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const LAYERS = ['protocols', 'actors', 'runtime', 'test', 'examples', 'bench'];
const PACKAGES = [
  ...['zod', 'xstate', 'ml-matrix', 'rxjs', 'pino', '@nats-io/jetstream', 'vitest'],
  'react',
];

/** File, what it imports, and the rules that must object; none for what is allowed. */
const PLANTS: readonly (readonly [file: string, imported: string, rules: readonly string[]])[] = [
  ['protocols/with-zod.ts', 'zod', []],
  ['protocols/with-actor.ts', '../actors/plain.ts', ['protocols-import-zod-only']],
  ['protocols/with-node.ts', 'node:fs', ['protocols-import-zod-only']],
  ['protocols/with-rxjs.ts', 'rxjs', ['protocols-import-zod-only']],
  ['actors/with-xstate.ts', 'xstate', []],
  ['actors/with-matrix.ts', 'ml-matrix', []],
  ['actors/with-protocol.ts', '../protocols/plain.ts', []],
  ['actors/with-node.ts', 'node:fs', ['actors-are-pure']],
  ['actors/with-bare-node.ts', 'fs', ['actors-are-pure']],
  ['actors/with-logger.ts', 'pino', ['actors-are-pure']],
  ['actors/with-rxjs.ts', 'rxjs', ['actors-are-pure']],
  ['actors/with-nats.ts', '@nats-io/jetstream', ['actors-are-pure']],
  ['actors/with-zod.ts', 'zod', ['actors-are-pure']],
  ['actors/with-runtime.ts', '../runtime/plain.ts', ['actors-are-pure']],
  ['runtime/with-actor.ts', '../actors/plain.ts', []],
  ['runtime/with-nats.ts', '@nats-io/jetstream', []],
  ['runtime/with-test.ts', '../test/plain.ts', ['runtime-stands-alone']],
  ['runtime/with-example.ts', '../examples/plain.ts', ['runtime-stands-alone']],
  ['runtime/with-bench.ts', '../bench/plain.ts', ['runtime-stands-alone']],
  ['runtime/with-dev.ts', 'vitest', ['production-does-not-use-dev-dependencies']],
  ['runtime/with-stray.ts', 'stray', ['no-unlisted-package']],
  ['runtime/with-nothing.ts', './absent.ts', ['every-import-resolves']],
  ['runtime/cycle-a.ts', './cycle-b.ts', ['no-cycles']],
  ['runtime/dashboard/with-react.tsx', 'react', []],
  ['runtime/dashboard/with-protocol.ts', '../../protocols/plain.ts', []],
  ['runtime/dashboard/with-actor.ts', '../../actors/plain.ts', ['the-dashboard-is-a-page']],
  ['runtime/dashboard/with-runtime.ts', '../plain.ts', ['the-dashboard-is-a-page']],
  ['runtime/dashboard/with-node.ts', 'node:fs', ['the-dashboard-is-a-page']],
  ['runtime/dashboard/with-rxjs.ts', 'rxjs', ['the-dashboard-is-a-page']],
  ['runtime/with-page.ts', './dashboard/with-react.tsx', ['nothing-imports-the-dashboard']],
  ['test/with-page.ts', '../runtime/dashboard/with-react.tsx', []],
  ['examples/with-runtime.ts', '../runtime/plain.ts', []],
  ['bench/with-runtime.ts', '../runtime/plain.ts', []],
  ['test/with-dev.ts', 'vitest', []],
];

const folder = mkdtempSync(join(tmpdir(), 'microtarget-imports-'));
let found: ReadonlyMap<string, readonly string[]> = new Map();

function plant(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function plantPackage(name: string): void {
  plant(`node_modules/${name}/package.json`, JSON.stringify({ name, main: 'index.js' }));
  plant(`node_modules/${name}/index.js`, '');
}

beforeAll(() => {
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json']) {
    copyFileSync(join(projectRoot(), file), join(folder, file));
  }
  const versions = (names: readonly string[]) => Object.fromEntries(names.map((n) => [n, '1.0.0']));
  const dependencies = versions(PACKAGES.filter((name) => name !== 'vitest'));
  plant('package.json', JSON.stringify({ dependencies, devDependencies: versions(['vitest']) }));
  for (const name of [...PACKAGES, 'stray']) plantPackage(name);
  for (const layer of LAYERS) plant(`${layer}/plain.ts`, 'export const plain = 1;\n');
  for (const [file, imported] of PLANTS) plant(file, `import '${imported}';\n`);
  // The other half of the cycle; a cycle is reported once.
  plant('runtime/cycle-b.ts', "import './cycle-a.ts';\n");

  const options = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
  const cruise = spawnSync(process.execPath, [CRUISER, ...options, ...LAYERS], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const report = JSON.parse(cruise.stdout) as {
    readonly summary: {
      readonly violations: readonly { readonly from: string; readonly rule: { name: string } }[];
    };
  };
  const names = new Map<string, string[]>();
  for (const { from, rule } of report.summary.violations) {
    names.set(from, [...(names.get(from) ?? []), rule.name]);
  }
  found = names;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(PLANTS)('%s importing %s breaks %j', (file, _imported, rules) => {
  expect(found.get(file) ?? []).toEqual(rules);
});
