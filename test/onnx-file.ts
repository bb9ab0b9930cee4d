/**
 * Writes small ONNX files, so that tests can make right and wrong networks without other tools.
 *
 * Owns the few protobuf fields that such files need: model, graph, node, attribute, tensor, value.
 * The field numbers are those of the ONNX project's `onnx.proto` (ONNX IR version 8).
 */

/** Element types by their number in `TensorProto.DataType`. */
const ELEMENT_TYPES = { float32: 1, float64: 11 } as const;
/** Attribute kinds by their number in `AttributeProto.AttributeType`. */
const ATTRIBUTE_TYPES = { float: 1, int: 2 } as const;
const IR_VERSION = 8;
const OPSET_VERSION = 13;

/** The element types that this writer knows. */
export type ElementType = keyof typeof ELEMENT_TYPES;

/** An input or output of the graph; a name in the shape is a dimension left open. */
export interface OnnxValue {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly (number | string)[];
}

/** One operation; a number attribute is an int, an attribute that is a float says so. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | { readonly float: number }>>;
}

/** A constant of the graph: weights, row-major. */
export interface OnnxConstant {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** What an ONNX file says: values enter, nodes run in the order given, values leave. */
export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
}

/** Returns the bytes of a `ModelProto` over opset 13 that holds the graph. */
export function onnxFile(graph: OnnxGraph): Uint8Array<ArrayBuffer> {
  const opset = bytesOf(text(1, ''), int(2, OPSET_VERSION));
  return Uint8Array.from(
    bytesOf(int(1, IR_VERSION), text(2, 'test'), part(7, graphOf(graph)), part(8, opset)),
  );
}

/** Numbers in [-0.5, 0.5) that are the same for every equal seed: a congruential generator. */
export function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

/** Returns made-up weights of that shape, the same for every equal seed. */
export function constant(name: string, shape: readonly number[], seed: number): OnnxConstant {
  const count = shape.reduce((product, size) => product * size, 1);
  return { name, elementType: 'float32', shape, values: numbers(count, seed) };
}

function graphOf({ inputs, outputs, nodes, constants }: OnnxGraph): Buffer {
  return bytesOf(
    ...nodes.map((node) => part(1, nodeOf(node))),
    text(2, 'graph'),
    ...constants.map((constant) => part(5, tensorOf(constant))),
    ...inputs.map((value) => part(11, valueInfoOf(value))),
    ...outputs.map((value) => part(12, valueInfoOf(value))),
  );
}

function nodeOf({ op, inputs, outputs, attributes = {} }: OnnxNode): Buffer {
  return bytesOf(
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      part(
        5,
        typeof value === 'number'
          ? bytesOf(text(1, name), int(3, value), int(20, ATTRIBUTE_TYPES.int))
          : bytesOf(text(1, name), float(2, value.float), int(20, ATTRIBUTE_TYPES.float)),
      ),
    ),
  );
}

function tensorOf({ name, elementType, shape, values }: OnnxConstant): Buffer {
  const numbers = elementType === 'float32' ? new Float32Array(values) : new Float64Array(values);
  const raw = Buffer.from(numbers.buffer);
  return bytesOf(
    ...shape.map((size) => int(1, size)),
    int(2, ELEMENT_TYPES[elementType]),
    text(8, name),
    part(9, raw),
  );
}

function valueInfoOf({ name, elementType, shape }: OnnxValue): Buffer {
  const dimensions = shape.map((size) =>
    part(1, typeof size === 'number' ? int(1, size) : text(2, size)),
  );
  const tensor = bytesOf(int(1, ELEMENT_TYPES[elementType]), part(2, bytesOf(...dimensions)));
  return bytesOf(text(1, name), part(2, part(1, tensor)));
}

function bytesOf(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}

/** Wire type 0: the number as base 128, low group first; negatives as 64 bit two's complement. */
function int(field: number, value: number): Buffer {
  return bytesOf(varint(BigInt(field) << 3n), varint(BigInt.asUintN(64, BigInt(value))));
}

/** Wire type 2: length, then bytes. */
function part(field: number, bytes: Uint8Array): Buffer {
  return bytesOf(varint((BigInt(field) << 3n) | 2n), varint(BigInt(bytes.length)), bytes);
}

function text(field: number, value: string): Buffer {
  return part(field, Buffer.from(value, 'utf8'));
}

/** Wire type 5: four bytes, low byte first. */
function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytesOf(varint((BigInt(field) << 3n) | 5n), bytes);
}

function varint(value: bigint): Buffer {
  const groups: number[] = [];
  let rest = value;
  do {
    const more = rest > 0x7fn ? 0x80 : 0;
    groups.push(Number(rest & 0x7fn) | more);
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(groups);
}
