/**
 * Runs a network that the user brought as an ONNX file: feature vectors in, concepts in [0,1] out.
 *
 * Owns the session of one network. The ONNX runtime is an optional package, imported on first use.
 * C1 Equal rows give equal bytes, whatever else is in the micro-batch and whatever the CPU. So each
 *    row is a run of its own: in larger batches the runtime multiplies matrices by other routines
 *    that round differently, and a network may mix the rows of a batch. And so the runtime is the
 *    WebAssembly one: the native one picks routines by CPU, and its bytes differ between machines.
 * C2 A network is accepted only after it ran: names, element types and shapes are what was
 *    expected, values are in [0,1], and equal rows gave equal bytes.
 * C3 No concept outside [0,1] and no NaN leaves `score`.
 * C4 File size and rows are bounded, and the event loop gets a turn every `ROWS_PER_TURN` rows.
 *
 * Cost of C1, 48 -> 32 -> 8: 16 to 25 us a row, 8 to 12 ms for 500; as one run 0.1 to 0.2 ms.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** The optional package, and the only version that it may have: others may round differently. */
export const ONNX_RUNTIME = { package: 'onnxruntime-web', version: '1.30.0' } as const;
/** A file may have this many bytes; its weights must be inside. */
export const MAX_ONNX_BYTES = 64 * 1024 * 1024;
/** Rows that one call of `score` takes. */
export const MAX_SCORE_ROWS = 512;
const ROWS_PER_TURN = 64;

/** How many columns each value of the network has. */
export interface ConceptNetworkShape {
  readonly features: number;
  readonly modalities: number;
  readonly concepts: number;
}

/** What the network calls its two inputs and its output. */
const NAMES = { features: 'features', present: 'present', concepts: 'concepts' };

/** Other names than `features`, `present` and `concepts`; another way to get the runtime. */
export interface ConceptNetworkOptions {
  readonly names?: Readonly<typeof NAMES>;
  /** Default: imports the installed package. */
  readonly importRuntime?: () => Promise<unknown>;
}

/** A network that was found fit; `close` it, or the memory of its session stays taken. */
export interface ConceptNetwork {
  /**
   * Returns the concepts of `n` rows, n x C, row-major, each in [0,1].
   * `features`: n x F. `present`: n x M, 1 where the modality is present, else 0. Both are read
   * until the promise settles. Throws `RowNotScored` naming the row, and a `RangeError` for
   * wrong lengths or more than `MAX_SCORE_ROWS` rows. n runs of the network.
   */
  score(features: Float32Array, present: Float32Array, n: number): Promise<Float32Array>;
  /** Lets calls of `score` that are under way finish, then frees the session. */
  close(): Promise<void>;
}

/** The optional package is missing or has another version; the message has the npm command. */
export class OnnxRuntimeUnavailable extends Error {
  override readonly name = 'OnnxRuntimeUnavailable';
  readonly retryable = false;
}

/** The file is not a network of the expected form; the message says what to change. */
export class ConceptNetworkRefused extends Error {
  override readonly name = 'ConceptNetworkRefused';
  readonly retryable = false;
}

/** The network failed on a row, or gave something else than C numbers in [0,1]. */
export class RowNotScored extends Error {
  override readonly name = 'RowNotScored';
  readonly retryable = false;
  /** Index into the micro-batch. */
  readonly row: number;
  constructor(row: number, message: string, options: ErrorOptions) {
    super(message, options);
    this.row = row;
  }
}

/** What goes wrong is thrown and told in our words; the runtime would print it as well. */
const RUN_OPTIONS = { logSeverityLevel: 4 } as const;
/** One thread, one order, one set of rewrites: what the bytes depend on is fixed here (C1). */
const SESSION_OPTIONS = {
  executionProviders: ['wasm'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'basic',
  ...RUN_OPTIONS,
} as const;

/** The part of the package that is used, so that types do not need it installed. */
interface OnnxRuntime {
  readonly env: {
    readonly wasm: { numThreads?: number };
    readonly versions: { readonly web?: string };
  };
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: typeof SESSION_OPTIONS): Promise<OnnxSession>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OnnxTensor;
}

interface OnnxSession {
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
  run(inputs: OnnxValues, options: typeof RUN_OPTIONS): Promise<OnnxValues>;
  release(): Promise<void>;
}

type OnnxValues = Readonly<Record<string, OnnxTensor>>;

interface OnnxTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** Absent for a value that is no tensor; an empty shape is one that the file does not tell. */
interface ValueMetadata {
  readonly name: string;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

/**
 * Returns the network in the ONNX file `bytes` once it is found fit (C2).
 * `expected`: columns F, M and C of `features`, `present` and `concepts`.
 * Throws `OnnxRuntimeUnavailable` and `ConceptNetworkRefused`. Holds the event loop: the first call
 * of a process compiles the runtime, 0.4 s, and its first 500 rows have it optimised, 0.3 s.
 */
export async function loadConceptNetwork(
  bytes: Uint8Array,
  expected: ConceptNetworkShape,
  options: ConceptNetworkOptions = {},
): Promise<ConceptNetwork> {
  if (bytes.length > MAX_ONNX_BYTES) {
    throw refused(
      `an ONNX file of at most ${MAX_ONNX_BYTES} bytes`,
      `${bytes.length} bytes`,
      'Use a smaller network, or store its weights with fewer rows or columns.',
    );
  }
  const runtime = await importOnnxRuntime(options.importRuntime ?? importInstalled);
  const session = await createSession(runtime, bytes);
  const network = new SessionNetwork(runtime, session, { ...NAMES, ...options.names }, expected);
  try {
    network.checkDeclaration();
    await network.probe();
    return network;
  } catch (error) {
    await network.close();
    throw error;
  }
}

/** The specifier is a variable, so that neither compiler nor bundler looks for the package. */
async function importInstalled(): Promise<unknown> {
  const specifier: string = ONNX_RUNTIME.package;
  return import(/* @vite-ignore */ specifier);
}

async function importOnnxRuntime(importRuntime: () => Promise<unknown>): Promise<OnnxRuntime> {
  let runtime: OnnxRuntime;
  try {
    runtime = (await importRuntime()) as OnnxRuntime;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const found = isMissing ? 'it is not installed' : `importing it failed: ${firstLine(error)}`;
    throw new OnnxRuntimeUnavailable(adviseInstall(found), { cause: error });
  }
  const version = runtime.env?.versions?.web;
  if (version !== ONNX_RUNTIME.version) {
    throw new OnnxRuntimeUnavailable(adviseInstall(`version ${version ?? 'unknown'}`));
  }
  runtime.env.wasm.numThreads = 1;
  return runtime;
}

function adviseInstall(found: string): string {
  const wanted = `${ONNX_RUNTIME.package}@${ONNX_RUNTIME.version}`;
  return (
    `Expected the optional package ${wanted}, which runs ONNX files, found: ${found}. Install it ` +
    `in the project's folder (150 MB): npm install --no-save --ignore-scripts ${wanted}`
  );
}

async function createSession(runtime: OnnxRuntime, bytes: Uint8Array): Promise<OnnxSession> {
  try {
    return await runtime.InferenceSession.create(bytes, SESSION_OPTIONS);
  } catch (error) {
    throw refused(
      'an ONNX file that the runtime can load',
      `${bytes.length} bytes that it cannot: ${firstLine(error)}`,
      'Export the network again, with standard operators and its weights inside the file.',
      error,
    );
  }
}

class SessionNetwork implements ConceptNetwork {
  readonly #runtime: OnnxRuntime;
  readonly #session: OnnxSession;
  readonly #names: typeof NAMES;
  readonly #shape: ConceptNetworkShape;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(
    runtime: OnnxRuntime,
    session: OnnxSession,
    names: typeof NAMES,
    shape: ConceptNetworkShape,
  ) {
    this.#runtime = runtime;
    this.#session = session;
    this.#names = names;
    this.#shape = shape;
  }

  /** Throws when what the file declares is not what was expected. */
  checkDeclaration(): void {
    const { features, present, concepts } = this.#names;
    const { inputMetadata, outputMetadata } = this.#session;
    checkNames('inputs', [features, present], inputMetadata);
    checkNames('output', [concepts], outputMetadata);
    const columns = new Map([
      [features, this.#shape.features],
      [present, this.#shape.modalities],
      [concepts, this.#shape.concepts],
    ]);
    for (const value of inputMetadata) checkValue('input', value, columns.get(value.name) ?? 0);
    for (const value of outputMetadata) checkValue('output', value, columns.get(value.name) ?? 0);
  }

  /** Runs two rows of zeros, then two rows of a ramp: equal rows have to give equal bytes (C2). */
  async probe(): Promise<void> {
    const { features, modalities, concepts: columns } = this.#shape;
    for (const step of [0, 1]) {
      const scoring = this.score(equalRows(features, step), equalRows(modalities, step), 2);
      const concepts = await scoring.catch((error: unknown) => {
        throw new ConceptNetworkRefused(`In a trial run: ${firstLine(error)}.`, { cause: error });
      });
      const [first, second] = [concepts.subarray(0, columns), concepts.subarray(columns)];
      const column = first.findIndex((value, index) => !Object.is(value, second[index]));
      if (column < 0) continue;
      throw refused(
        'equal concepts for equal rows',
        `${first[column]} and ${second[column]} in column ${column}`,
        'Remove operators that draw random numbers or are in training mode, then export again.',
      );
    }
  }

  async score(features: Float32Array, present: Float32Array, n: number): Promise<Float32Array> {
    if (this.#closed !== undefined) {
      throw new Error('Expected an open concept network, found a closed one. Load it again.');
    }
    if (!Number.isInteger(n) || n < 0 || n > MAX_SCORE_ROWS) {
      throw new RangeError(
        `Expected 0 to ${MAX_SCORE_ROWS} rows, found ${n}. Score them in smaller micro-batches.`,
      );
    }
    checkLength('features', features, n, this.#shape.features);
    checkLength('present', present, n, this.#shape.modalities);
    const rows = this.#scoreRows(features, present, n);
    this.#underWay.add(rows);
    return rows.finally(() => this.#underWay.delete(rows));
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#underWay).then(() => this.#session.release());
    return this.#closed;
  }

  async #scoreRows(
    features: Float32Array,
    present: Float32Array,
    n: number,
  ): Promise<Float32Array> {
    const concepts = new Float32Array(n * this.#shape.concepts);
    for (let row = 0; row < n; row += 1) {
      if (row > 0 && row % ROWS_PER_TURN === 0) await nextTurn();
      concepts.set(await this.#scoreRow(features, present, row), row * this.#shape.concepts);
    }
    return concepts;
  }

  /** One run of the network with a batch of one (C1), its values checked (C3). */
  async #scoreRow(
    features: Float32Array,
    present: Float32Array,
    row: number,
  ): Promise<Float32Array> {
    const inputs = {
      [this.#names.features]: this.#tensorOf(features, row, this.#shape.features),
      [this.#names.present]: this.#tensorOf(present, row, this.#shape.modalities),
    };
    const outputs = await this.#session.run(inputs, RUN_OPTIONS).catch((error: unknown) => {
      const todo = 'Run the network on this row where it was trained.';
      throw notScored(row, 'the network to run', firstLine(error), todo, error);
    });
    const concepts = outputs[this.#names.concepts];
    const dims = concepts?.dims.join(', ');
    if (!(concepts?.data instanceof Float32Array) || dims !== `1, ${this.#shape.concepts}`) {
      const expected = `float32 [1, ${this.#shape.concepts}] for one row`;
      const todo = 'Export a network whose output has one row an input row, a column a concept.';
      throw notScored(row, expected, `${concepts?.type} [${dims}]`, todo);
    }
    const { data } = concepts;
    // Written so that NaN fails as well.
    const column = data.findIndex((value) => !(value >= 0 && value <= 1));
    if (column < 0) return data;
    const todo = 'End the network in a sigmoid; for a NaN, look for one in its weights and input.';
    throw notScored(row, 'concepts in [0,1]', `${data[column]} in column ${column}`, todo);
  }

  #tensorOf(rows: Float32Array, row: number, columns: number): OnnxTensor {
    const data = rows.subarray(row * columns, (row + 1) * columns);
    return new this.#runtime.Tensor('float32', data, [1, columns]);
  }
}

/** Two rows that rise from column to column up to `step`. */
function equalRows(columns: number, step: number): Float32Array {
  const row = Array.from({ length: columns }, (_, column) => (step * (column + 1)) / columns);
  return Float32Array.of(...row, ...row);
}

function checkNames(
  what: string,
  expected: readonly string[],
  found: readonly ValueMetadata[],
): void {
  const names = found.map(({ name }) => name);
  if (names.length === expected.length && expected.every((name) => names.includes(name))) return;
  throw refused(
    `the ${what} ${quoted(expected)}`,
    names.length > 0 ? quoted(names) : 'none',
    'Name them so on export; an exporter may also have left out an input that is never read.',
  );
}

/** An open dimension is a name, or a number that no tensor can have (the runtime's unsigned -1). */
function checkValue(what: string, { name, type, shape }: ValueMetadata, columns: number): void {
  const dims = (shape ?? []).map((size) =>
    typeof size === 'number' && (size < 0 || size > 0x7fff_ffff) ? 'open' : size,
  );
  const [rows, width] = dims;
  const isOpenOr = (size: unknown, fit: number) => typeof size === 'string' || size === fit;
  // The probe run finds what an untold shape hides.
  const fits = dims.length === 0 || (dims.length === 2 && isOpenOr(width, columns));
  if (type === 'float32' && fits && (dims.length === 0 || isOpenOr(rows, 1))) return;
  const todo =
    type !== 'float32'
      ? 'Export the network with float32 inputs and outputs.'
      : fits
        ? 'Export the network with an open first dimension.'
        : `Export a network whose ${what} "${name}" has ${columns} columns.`;
  const found = `${type ?? 'no tensor'} [${dims.join(', ')}]`;
  throw refused(`${what} "${name}" of float32 [batch, ${columns}]`, found, todo);
}

function checkLength(what: string, rows: Float32Array, n: number, columns: number): void {
  if (rows.length === n * columns) return;
  throw new RangeError(
    `Expected ${n} x ${columns} ${what}, found ${rows.length} numbers. ` +
      'Pass the rows one after the other, each with all its columns.',
  );
}

function notScored(
  row: number,
  expected: string,
  found: string,
  todo: string,
  cause?: unknown,
): RowNotScored {
  const message = `Row ${row}: expected ${expected}, found ${found}. ${todo}`;
  return new RowNotScored(row, message, { cause });
}

function refused(
  expected: string,
  found: string,
  todo: string,
  cause?: unknown,
): ConceptNetworkRefused {
  return new ConceptNetworkRefused(`Expected ${expected}, found ${found}. ${todo}`, { cause });
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n')[0]?.replace(/\.$/, '') ?? text;
}
