/**
 * Networks that users bring as ONNX files, run by the real runtime: what is scored, what is
 * refused and with which words, and that replays get the same bytes (C1 to C4).
 *
 * The runtime is an optional package; without it these tests are skipped and say how to get it.
 */
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ConceptNetwork,
  type ConceptNetworkOptions,
  ConceptNetworkRefused,
  loadConceptNetwork,
  MAX_ONNX_BYTES,
  MAX_SCORE_ROWS,
  ONNX_RUNTIME,
  OnnxRuntimeUnavailable,
} from '../../runtime/onnx/concept-network.ts';
import {
  constant,
  numbers,
  type OnnxConstant,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValue,
  onnxFile,
} from '../onnx-file.ts';

const SHAPE = { features: 48, modalities: 6, concepts: 8 } as const;
const WIDTH = SHAPE.features + SHAPE.modalities;
const HIDDEN = 32;
const INSTALL = `npm install --no-save --ignore-scripts onnxruntime-web@${ONNX_RUNTIME.version}`;

const isAbsent = await loadConceptNetwork(new Uint8Array(0), SHAPE).catch(
  (error: unknown) => error instanceof OnnxRuntimeUnavailable,
);
if (isAbsent) process.stderr.write(`skipped what needs the ONNX runtime; get it: ${INSTALL}\n`);

const opened: ConceptNetwork[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((network) => network.close()));
});

async function load(file: Uint8Array, options?: ConceptNetworkOptions): Promise<ConceptNetwork> {
  const network = await loadConceptNetwork(file, SHAPE, options);
  opened.push(network);
  return network;
}

const WEIGHTS = constant('weights', [HIDDEN, WIDTH], 1);
const BIAS = constant('bias', [HIDDEN], 2);
const OUT_WEIGHTS = constant('outWeights', [HIDDEN, SHAPE.concepts], 3);
const OUT_BIAS = constant('outBias', [SHAPE.concepts], 4);
const CONSTANTS: readonly OnnxConstant[] = [WEIGHTS, BIAS, OUT_WEIGHTS, OUT_BIAS];

const CONCAT = {
  op: 'Concat',
  inputs: ['features', 'present'],
  outputs: ['x'],
  attributes: { axis: 1 },
} as const;
/** The layer as exporters write it: one Gemm over transposed weights. */
const LAYERS: readonly OnnxNode[] = [
  CONCAT,
  {
    op: 'Gemm',
    inputs: ['x', 'weights', 'bias'],
    outputs: ['h'],
    attributes: { transB: 1, alpha: { float: 1 } },
  },
  { op: 'Relu', inputs: ['h'], outputs: ['r'] },
  { op: 'MatMul', inputs: ['r', 'outWeights'], outputs: ['m'] },
  { op: 'Add', inputs: ['m', 'outBias'], outputs: ['z'] },
];
const SIGMOID: OnnxNode = { op: 'Sigmoid', inputs: ['z'], outputs: ['concepts'] };

function declare(name: string, columns: number): OnnxValue {
  return { name, elementType: 'float32', shape: ['batch', columns] };
}

const FEATURES = declare('features', SHAPE.features);
const PRESENT = declare('present', SHAPE.modalities);

/** The right network, 48 + 6 -> 32 -> 8, with parts replaced. */
function networkFile(changes: Partial<OnnxGraph> = {}): Uint8Array {
  return onnxFile({
    inputs: [FEATURES, PRESENT],
    outputs: [declare('concepts', SHAPE.concepts)],
    nodes: [...LAYERS, SIGMOID],
    constants: CONSTANTS,
    ...changes,
  });
}

/** The same network in plain numbers of double precision. */
function conceptsByHand(features: Float32Array, present: Float32Array): readonly number[] {
  const x = [...features, ...present];
  const hidden = Array.from({ length: HIDDEN }, (_, unit) => {
    const products = x.map((value, column) => value * WEIGHTS.values[unit * WIDTH + column]!);
    return Math.max(
      0,
      products.reduce((sum, product) => sum + product, BIAS.values[unit]!),
    );
  });
  return Array.from({ length: SHAPE.concepts }, (_, concept) => {
    const weightOf = (unit: number): number => OUT_WEIGHTS.values[unit * SHAPE.concepts + concept]!;
    const sum = hidden.reduce((total, value, unit) => total + value * weightOf(unit), 0);
    return 1 / (1 + Math.exp(-(sum + OUT_BIAS.values[concept]!)));
  });
}

function someRows(n: number): { readonly features: Float32Array; readonly present: Float32Array } {
  return {
    features: numbers(n * SHAPE.features, 5).map((value) => 2 * value),
    present: numbers(n * SHAPE.modalities, 6).map((value) => (value < 0 ? 0 : 1)),
  };
}

function row(rows: Float32Array, index: number, columns: number): Float32Array {
  return rows.slice(index * columns, (index + 1) * columns);
}

/** Scores the same rows in micro-batches of `size`, the last one smaller. */
async function scoreInBatches(network: ConceptNetwork, n: number, size: number): Promise<Buffer> {
  const { features, present } = someRows(n);
  const scored: Buffer[] = [];
  for (let from = 0; from < n; from += size) {
    const to = Math.min(n, from + size);
    const concepts = await network.score(
      features.slice(from * SHAPE.features, to * SHAPE.features),
      present.slice(from * SHAPE.modalities, to * SHAPE.modalities),
      to - from,
    );
    scored.push(Buffer.from(concepts.buffer));
  }
  return Buffer.concat(scored);
}

describe('without the right package', () => {
  const missing: string = 'package-that-nobody-has-installed';
  test.each<[what: string, importRuntime: () => Promise<unknown>, found: string]>([
    ['is missing', () => import(missing), 'it is not installed'],
    ['fails', () => Promise.reject(new Error('bad CPU')), 'importing it failed: bad CPU'],
    ['may round differently', async () => ({ env: { versions: { web: '1.2' } } }), 'version 1.2'],
  ])('a package that %s is named, with the command that installs it', async (...[, get, found]) => {
    const loading = loadConceptNetwork(networkFile(), SHAPE, { importRuntime: get });
    await expect(loading).rejects.toThrow(OnnxRuntimeUnavailable);
    await expect(loading).rejects.toThrow(`found: ${found}. Install it`);
    await expect(loading).rejects.toThrow(INSTALL);
  });

  test('a file that is too large is refused before anything is imported', async () => {
    const file = new Uint8Array(MAX_ONNX_BYTES + 1);
    await expect(
      loadConceptNetwork(file, SHAPE, { importRuntime: () => Promise.reject(new Error()) }),
    ).rejects.toThrow(`at most ${MAX_ONNX_BYTES} bytes, found ${MAX_ONNX_BYTES + 1} bytes`);
  });
});

describe.skipIf(isAbsent)('a right network', () => {
  test('scores what the same sums by hand give', async () => {
    const network = await load(networkFile());
    const n = 70;
    const { features, present } = someRows(n);
    const concepts = await network.score(features, present, n);
    expect(concepts).toHaveLength(n * SHAPE.concepts);
    for (let index = 0; index < n; index += 1) {
      const expected = conceptsByHand(
        row(features, index, SHAPE.features),
        row(present, index, SHAPE.modalities),
      );
      row(concepts, index, SHAPE.concepts).forEach((value, concept) => {
        expect(Math.abs(value - expected[concept]!)).toBeLessThan(1e-6);
      });
    }
  });

  test('may have names of its own', async () => {
    const names = { features: 'f', present: 'p', concepts: 'c' };
    const file = networkFile({
      inputs: [declare('f', SHAPE.features), declare('p', SHAPE.modalities)],
      outputs: [declare('c', SHAPE.concepts)],
      nodes: [
        { ...CONCAT, inputs: ['f', 'p'] },
        ...LAYERS.slice(1),
        { ...SIGMOID, outputs: ['c'] },
      ],
    });
    const { features, present } = someRows(3);
    const renamed = await (await load(file, { names })).score(features, present, 3);
    expect(renamed).toEqual(await (await load(networkFile())).score(features, present, 3));
  });

  test('gives a row the same bytes in every micro-batch (C1)', async () => {
    const network = await load(networkFile());
    const alone = await scoreInBatches(network, 256, 1);
    for (const size of [2, 3, 31, 32, 33, 256]) {
      expect((await scoreInBatches(network, 256, size)).equals(alone), `size ${size}`).toBe(true);
    }
  });

  test('gives a row the same bytes though the network mixes rows (C1)', async () => {
    // Without axes ReduceMean takes the mean over the batch as well.
    const file = networkFile({
      nodes: [
        ...LAYERS,
        { op: 'ReduceMean', inputs: ['z'], outputs: ['mean'], attributes: { keepdims: 1 } },
        { op: 'Sub', inputs: ['z', 'mean'], outputs: ['y'] },
        { ...SIGMOID, inputs: ['y'] },
      ],
    });
    const network = await load(file);
    const alone = await scoreInBatches(network, 64, 1);
    expect((await scoreInBatches(network, 64, 64)).equals(alone)).toBe(true);
  });

  test('gives the bytes that it gave when this was written, whatever the CPU (C1)', async () => {
    const bytes = await scoreInBatches(await load(networkFile()), 256, 256);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(
      'c551e1ff31c5a74cd59a76fbf40140884d7ea93c5429a30cfc4623b1e83380ff',
    );
  });

  test('serves calls that overlap, and finishes them before it closes', async () => {
    const network = await loadConceptNetwork(networkFile(), SHAPE);
    const [first, second] = [scoreInBatches(network, 200, 200), scoreInBatches(network, 200, 200)];
    await network.close();
    expect((await first).equals(await second)).toBe(true);
    await expect(scoreInBatches(network, 1, 1)).rejects.toThrow('found a closed one');
    await network.close();
  });

  test('gives other work a turn during a large micro-batch (C4)', async () => {
    const network = await load(networkFile());
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 0);
    await scoreInBatches(network, MAX_SCORE_ROWS, MAX_SCORE_ROWS);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  test('refuses rows that are too many or of the wrong length', async () => {
    const network = await load(networkFile());
    const { features, present } = someRows(2);
    await expect(network.score(features, present, MAX_SCORE_ROWS + 1)).rejects.toThrow(
      `Expected 0 to ${MAX_SCORE_ROWS} rows, found ${MAX_SCORE_ROWS + 1}`,
    );
    await expect(network.score(features, present, 3)).rejects.toThrow(
      'Expected 3 x 48 features, found 96 numbers',
    );
    expect(await network.score(new Float32Array(0), new Float32Array(0), 0)).toHaveLength(0);
  });

  test('names the row whose concepts are not numbers in [0,1] (C3)', async () => {
    const network = await load(networkFile());
    const { features, present } = someRows(5);
    features[3 * SHAPE.features] = Number.NaN;
    await expect(network.score(features, present, 5)).rejects.toMatchObject({
      name: 'RowNotScored',
      row: 3,
      message: expect.stringContaining('Row 3: expected concepts in [0,1], found NaN in column 0'),
    });
  });
});

function inDoublePrecision<T extends OnnxValue | OnnxConstant>(value: T): T {
  return { ...value, elementType: 'float64' };
}

const FIVE_WIDE = [constant('outWeights', [HIDDEN, 5], 3), constant('outBias', [5], 4)];
const REFUSED: readonly [what: string, changes: Partial<OnnxGraph>, expected: string][] = [
  [
    'an input has another name',
    {
      inputs: [declare('x1', SHAPE.features), PRESENT],
      nodes: [{ ...CONCAT, inputs: ['x1', 'present'] }, ...LAYERS.slice(1), SIGMOID],
    },
    'Expected the inputs "features", "present", found "x1", "present". Name them so on export',
  ],
  [
    'what is present is not read, so that consent would not count',
    {
      inputs: [declare('features', WIDTH)],
      nodes: [{ op: 'Relu', inputs: ['features'], outputs: ['x'] }, ...LAYERS.slice(1), SIGMOID],
    },
    'Expected the inputs "features", "present", found "features".',
  ],
  [
    'the output has another name',
    {
      outputs: [declare('y', SHAPE.concepts)],
      nodes: [...LAYERS, { ...SIGMOID, outputs: ['y'] }],
    },
    'Expected the output "concepts", found "y".',
  ],
  [
    'an input has another width',
    {
      inputs: [declare('features', 50), PRESENT],
      constants: [constant('weights', [HIDDEN, 56], 1), BIAS, OUT_WEIGHTS, OUT_BIAS],
    },
    'Expected input "features" of float32 [batch, 48], found float32 [batch, 50]. Export a',
  ],
  [
    'an input has another width that only a run can tell',
    {
      inputs: [{ ...FEATURES, shape: ['batch', 'width'] }, PRESENT],
      constants: [constant('weights', [HIDDEN, 56], 1), BIAS, OUT_WEIGHTS, OUT_BIAS],
    },
    'In a trial run: Row 0: expected the network to run, found ',
  ],
  [
    'the output has another width',
    {
      outputs: [declare('concepts', 5)],
      constants: [WEIGHTS, BIAS, ...FIVE_WIDE],
    },
    'Expected output "concepts" of float32 [batch, 8], found float32 [batch, 5]. Export a',
  ],
  [
    'the output has another width that only a run can tell',
    {
      outputs: [{ ...declare('concepts', 8), shape: ['batch', 'width'] }],
      nodes: [
        ...LAYERS,
        { op: 'Shape', inputs: ['present'], outputs: ['ends'] },
        { op: 'Sub', inputs: ['ends', 'ends'], outputs: ['starts'] },
        { op: 'Slice', inputs: ['z', 'starts', 'ends'], outputs: ['y'] },
        { ...SIGMOID, inputs: ['y'] },
      ],
    },
    'In a trial run: Row 0: expected float32 [1, 8] for one row, found float32 [1, 6].',
  ],
  [
    'the batch is fixed',
    {
      inputs: [
        { ...FEATURES, shape: [32, SHAPE.features] },
        { ...PRESENT, shape: [32, SHAPE.modalities] },
      ],
    },
    'found float32 [32, 48]. Export the network with an open first dimension.',
  ],
  [
    'numbers are of double precision',
    {
      inputs: [FEATURES, PRESENT].map(inDoublePrecision),
      outputs: [declare('concepts', SHAPE.concepts)].map(inDoublePrecision),
      constants: CONSTANTS.map(inDoublePrecision),
    },
    'found float64 [batch, 48]. Export the network with float32 inputs and outputs.',
  ],
  [
    'concepts leave [0,1]',
    { nodes: [...LAYERS, { op: 'Exp', inputs: ['z'], outputs: ['concepts'] }] },
    'In a trial run: Row 0: expected concepts in [0,1], found 1.',
  ],
  [
    'concepts are drawn at random',
    {
      nodes: [
        ...LAYERS,
        { op: 'RandomUniformLike', inputs: ['z'], outputs: ['noise'] },
        { op: 'Mul', inputs: ['z', 'noise'], outputs: ['y'] },
        { ...SIGMOID, inputs: ['y'] },
      ],
    },
    'Expected equal concepts for equal rows, found 0.',
  ],
  [
    'an operator is unknown',
    { nodes: [...LAYERS, { ...SIGMOID, op: 'Sigmund' }] },
    'bytes that it cannot: ',
  ],
];

describe.skipIf(isAbsent)('a wrong network', () => {
  test.each(REFUSED)('is refused when %s', async (_, changes, expected) => {
    const loading = load(networkFile(changes));
    await expect(loading).rejects.toThrow(ConceptNetworkRefused);
    await expect(loading).rejects.toThrow(expected);
  });

  test.each([
    ['no bytes', new Uint8Array(0)],
    ['text', Buffer.from('this is not a network')],
    ['half a network', networkFile().subarray(0, 2_000)],
  ])('is refused when the file holds %s', async (_, bytes) => {
    const loading = load(bytes);
    await expect(loading).rejects.toThrow(ConceptNetworkRefused);
    await expect(loading).rejects.toThrow(
      `Expected an ONNX file that the runtime can load, found ${bytes.length} bytes`,
    );
  });
});
