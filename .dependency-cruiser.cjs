/**
 * Imports point one way: protocols <- actors <- runtime <- examples, bench, test.
 * `test/import-rules.test.ts` plants a violation of each rule and proves that it fires.
 */
const LAYERS = '^(protocols|actors|runtime|test|examples|bench)/';

/** Packages that keep no time, draw no numbers and do no I/O. */
const PURE_PACKAGES = 'xstate|ml-matrix|temporal-[a-z]+|@marcbachmann/cel-js|@datadog/sketches-js';

/** A rule that forbids every import from `path` but those whose resolved file matches `allowed`. */
const only = (name, path, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path },
  to: { pathNot: allowed },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    only(
      'protocols-import-zod-only',
      '^protocols/',
      '^(protocols/|node_modules/zod/)',
      'What travels is described without anything that runs.',
    ),
    only(
      'actors-are-pure',
      '^actors/',
      `^(actors/|protocols/|node_modules/(${PURE_PACKAGES})/)`,
      'Actors see no clock, no chance and no I/O: they must replay to the same bytes.',
    ),
    {
      name: 'runtime-stands-alone',
      comment: 'What runs in production does not know what shows, measures or tests it.',
      severity: 'error',
      from: { path: '^runtime/' },
      to: { path: '^(test|examples|bench)/' },
    },
    only(
      'the-dashboard-is-a-page',
      '^runtime/dashboard/(?!vite\\.config\\.ts$)',
      '^(runtime/dashboard/|protocols/|node_modules/(react|react-dom|echarts|zod)/)',
      'What runs in a browser takes nothing along but what it shows with.',
    ),
    {
      name: 'nothing-imports-the-dashboard',
      comment: 'The engine serves the page as files and knows nothing of what is in them.',
      severity: 'error',
      from: { path: '^(protocols|actors|runtime)/', pathNot: '^runtime/dashboard/' },
      to: { path: '^runtime/dashboard/' },
    },
    {
      name: 'production-does-not-use-dev-dependencies',
      comment: 'A dev dependency is missing where only dependencies are installed.',
      severity: 'error',
      from: { path: '^(protocols|actors|runtime)/', pathNot: '\\.config\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-unlisted-package',
      comment: 'A package that package.json does not list is there by accident.',
      severity: 'error',
      from: { path: LAYERS },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one concept, or need a third.',
      severity: 'error',
      from: { path: LAYERS },
      to: { circular: true },
    },
    {
      name: 'every-import-resolves',
      comment: 'An import that leads nowhere fails only when it is reached.',
      severity: 'error',
      from: { path: LAYERS },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.microtarget)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
