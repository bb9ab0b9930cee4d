/**
 * Models that take their concepts from an ONNX file: checked against it, and begun from it.
 */
import { readFileSync } from 'node:fs';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { FEATURES } from '../../actors/user/feature-vector.ts';
import type { Model } from '../../protocols/model.ts';
import { CONCEPTS, MODALITIES } from '../../protocols/user-snapshot.ts';
import { loadConfig, modelsFolder } from '../config.ts';
import { type ConceptNetworkOptions, loadConceptNetwork } from '../onnx/concept-network.ts';
import { NetworkFolder, sha256Of, shapeOf } from '../onnx/network-folder.ts';
import { printJson } from './print.ts';
import { CommandFailed } from './session.ts';

type RuntimeOption = Pick<ConceptNetworkOptions, 'importRuntime'>;

/** The networks of this machine. */
export function networksHere(options: RuntimeOption = {}): NetworkFolder {
  return new NetworkFolder(modelsFolder(loadConfig()), options);
}

/** A model that names its network, and how to put the file where workers look for it. */
interface NamedNetwork {
  readonly model: Model;
  keep(): Promise<void>;
}

/**
 * Returns the model with the network in `onnxFile`.
 *
 * @throws CommandFailed if the file is not one that this model can use.
 */
export async function withNetwork(
  model: Model,
  onnxFile: string,
  options: RuntimeOption = {},
): Promise<NamedNetwork> {
  const bytes = readOnnx(onnxFile);
  const sha256 = sha256Of(bytes);
  const named = model.network?.sha256 ?? sha256;
  if (named !== sha256) {
    throw new CommandFailed(
      `${onnxFile}: expected the file with SHA-256 ${named}, which the model names, found ` +
        `${sha256}; name that one in the model, or leave its \`network\` out`,
    );
  }
  await checkFits(onnxFile, bytes, model.features, options);
  return { model: { ...model, network: { sha256 } }, keep: () => networksHere().keep(bytes) };
}

/**
 * Checks that the network which a model names is in this machine's folder and fits it.
 *
 * @throws CommandFailed
 */
export async function checkNetworkHere(model: Model, options: RuntimeOption = {}): Promise<void> {
  if (model.network === undefined) return;
  await using networks = networksHere(options);
  try {
    await networks.load(model);
  } catch (error) {
    const hint = 'or name the file: `microtarget model apply <file.json> --onnx <file.onnx>`';
    throw new CommandFailed(`${(error as Error).message}; ${hint}`, { cause: error });
  }
}

/** Which features a network reads, in its order; all of this release unless told. */
interface TemplateOptions extends RuntimeOption {
  readonly onnx: string;
  readonly features?: readonly string[];
}

/** Prints a model around a network, to be edited: the intents are those of this release's model. */
export async function printModelTemplate(options: TemplateOptions): Promise<void> {
  printJson(await modelTemplate(options));
}

/**
 * A model around a network, its version the next one after this release's.
 *
 * @throws CommandFailed if the file is not a network over these features.
 */
export async function modelTemplate({
  onnx,
  features: names = FEATURES.map(({ name }) => name),
  ...options
}: TemplateOptions): Promise<Model> {
  const unknown = names.find((name) => FEATURES.every((feature) => feature.name !== name));
  if (unknown !== undefined) {
    throw new CommandFailed(`expected features of docs/features.md, found "${unknown}"`);
  }
  const bytes = readOnnx(onnx);
  const own = DEFAULT_REFERENCE.scorer.model;
  const features = names.map((name) => ({ name, knots: [0] }));
  await checkFits(onnx, bytes, features, options);
  const flat = { absent: MODALITIES.map(() => 0), values: features.map(() => [0]) };
  const concepts = CONCEPTS.map((concept) => [
    concept,
    { bias: own.concepts[concept].bias, ...flat },
  ]);
  return {
    ...own,
    version: own.version + 1,
    name: 'my own network',
    features,
    concepts: Object.fromEntries(concepts) as Model['concepts'],
    network: { sha256: sha256Of(bytes) },
    reference: { ...own.reference, features: features.map(() => ({ edges: [], shares: [1] })) },
  };
}

async function checkFits(
  file: string,
  bytes: Uint8Array,
  features: Model['features'],
  options: RuntimeOption,
): Promise<void> {
  try {
    const network = await loadConceptNetwork(bytes, shapeOf({ features }), options);
    await network.close();
  } catch (error) {
    throw new CommandFailed(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

function readOnnx(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CommandFailed(`${file}: ${(error as Error).message}`, { cause: error });
  }
}
