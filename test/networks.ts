/**
 * Networks of one's own, as ONNX files, and models around them.
 *
 * The ONNX runtime is an optional package: `withoutOnnx` is true where it is missing, and says how
 * to get it.
 */
import { FEATURES } from '../actors/user/feature-vector.ts';
import type { Model } from '../protocols/model.ts';
import { CONCEPTS, MODALITIES } from '../protocols/user-snapshot.ts';
import { loadConceptNetwork, OnnxRuntimeUnavailable } from '../runtime/onnx/concept-network.ts';
import { sha256Of } from '../runtime/onnx/network-folder.ts';
import { modelWith } from './models.ts';
import { constant, type OnnxNode, type OnnxValue, onnxFile } from './onnx-file.ts';

/** Whether tests that run networks have to be skipped. */
export async function withoutOnnx(): Promise<boolean> {
  const shape = { features: 1, modalities: 1, concepts: 1 };
  const problem: unknown = await loadConceptNetwork(new Uint8Array(0), shape).catch((e) => e);
  if (!(problem instanceof OnnxRuntimeUnavailable)) return false;
  process.stderr.write(`skipped what needs the ONNX runtime: ${problem.message}\n`);
  return true;
}

/** ln(1 + value of an order) from which on the network below gives NaN. */
const LAST_GOOD = 12;

/** Concepts that a network has for every feature and modality; the same for every equal seed. */
interface NetworkShape {
  readonly seed?: number;
  readonly features?: readonly string[];
  /** Columns of the output. */
  readonly concepts?: number;
  /** Whether it gives NaN for users whose orders are very large on average. */
  readonly hasGap?: boolean;
}

const ALL = FEATURES.map(({ name }) => name);

/** A layer over features and modalities with a sigmoid, as the bytes of an ONNX file. */
export function networkFile({
  seed = 1,
  features = ALL,
  concepts = CONCEPTS.length,
  hasGap = false,
}: NetworkShape = {}): Uint8Array<ArrayBuffer> {
  const width = features.length + MODALITIES.length;
  const declare = (name: string, columns: number): OnnxValue => {
    return { name, elementType: 'float32', shape: ['batch', columns] };
  };
  const scalar = (name: string, value: number) => {
    return { name, elementType: 'float32', shape: [1], values: [value] } as const;
  };
  const picked = features.map((name) => (name === 'order_value' ? 1 : 0));
  const gap: readonly OnnxNode[] = [
    { op: 'MatMul', inputs: ['features', 'pick'], outputs: ['value'] },
    { op: 'Sub', inputs: ['limit', 'value'], outputs: ['room'] },
    { op: 'Sqrt', inputs: ['room'], outputs: ['root'] },
    { op: 'Mul', inputs: ['root', 'zero'], outputs: ['none'] },
    { op: 'Add', inputs: ['z', 'none'], outputs: ['y'] },
  ];
  return onnxFile({
    inputs: [declare('features', features.length), declare('present', MODALITIES.length)],
    outputs: [declare('concepts', concepts)],
    nodes: [
      {
        ...{ op: 'Concat', inputs: ['features', 'present'], outputs: ['x'] },
        attributes: { axis: 1 },
      },
      { op: 'Gemm', inputs: ['x', 'weights', 'bias'], outputs: ['z'] },
      ...(hasGap ? gap : []),
      { op: 'Sigmoid', inputs: [hasGap ? 'y' : 'z'], outputs: ['concepts'] },
    ],
    constants: [
      constant('weights', [width, concepts], seed),
      constant('bias', [concepts], seed + 1),
      ...(hasGap
        ? [
            scalar('limit', LAST_GOOD),
            scalar('zero', 0),
            { ...scalar('pick', 0), shape: [features.length, 1], values: picked },
          ]
        : []),
    ],
  });
}

/** A model around a network, its intents those of `modelWith`. */
export function modelAround(file: Uint8Array, version: number, names = ALL): Model {
  const features = names.map((name) => ({ name, knots: [0] }));
  const network = { sha256: sha256Of(file) };
  return modelWith({ version, name: 'around a network', features, network });
}
