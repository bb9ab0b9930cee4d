/**
 * Where a model finds the features that it names: their places in the vector, and their modality.
 */
import { MODALITIES, type Modality } from '../../protocols/user-snapshot.ts';
import { FEATURES } from '../user/feature-vector.ts';

/** A set of modalities as bits, in the order of MODALITIES. */
export type ModalityBits = number;

/** The set of some modalities. */
export function modalityBits(modalities: Iterable<Modality>): ModalityBits {
  let bits = 0;
  for (const modality of modalities) bits |= 1 << MODALITIES.indexOf(modality);
  return bits;
}

/** A feature as a model's input. */
export interface ModelInput {
  /** Its place in the vector of feature-vector.ts. */
  readonly place: number;
  /** Its modality. */
  readonly bit: ModalityBits;
}

/** A model names a feature that this release does not have. */
export class UnknownFeature extends Error {
  override readonly name = 'UnknownFeature';
}

const INPUTS: ReadonlyMap<string, ModelInput> = new Map(
  FEATURES.map(({ name, modality }, place) => [name, { place, bit: modalityBits([modality]) }]),
);

/** @throws UnknownFeature for a feature that this release does not calculate. */
export function inputOf(name: string): ModelInput {
  const input = INPUTS.get(name);
  if (input !== undefined) return input;
  throw new UnknownFeature(
    `the model reads the feature ${JSON.stringify(name)}, which this release does not calculate; ` +
      'docs/features.md lists those that it does',
  );
}
