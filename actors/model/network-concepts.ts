/**
 * Concepts that a network outside the actors calculates (the `network` of a model): what it is to
 * be fed for a user, and what it gave.
 *
 * Actors neither wait nor run networks, so whoever applies events has the network score beforehand
 * what they will ask for (`NetworkRequests` tells what that is) and puts it here.
 *
 * Invariants:
 *   M2 The network sees nothing of an absent modality: its features are 0, as is its `present`.
 *   M4 Equal inputs, to the bit, have equal concepts: they are known by their bytes alone.
 */
import type { Model } from '../../protocols/model.ts';
import { type Concept, type FusedState, MODALITIES } from '../../protocols/user-snapshot.ts';
import { inputOf, type ModalityBits, type ModelInput } from './inputs.ts';

type Concepts = FusedState['concepts'];

/** What a network is fed for one user. */
export interface NetworkRow {
  /** Equal for equal inputs, to the bit (M4). */
  readonly key: string;
  /** The features in the order of the model. */
  readonly features: Float32Array;
  /** Per modality in the order of MODALITIES, 1 where it is present, else 0. */
  readonly present: Float32Array;
}

/** An event is applied whose concepts nobody had the network calculate. */
export class ConceptsNotScored extends Error {
  override readonly name = 'ConceptsNotScored';
}

export class NetworkConcepts {
  readonly sha256: string;
  readonly #inputs: readonly ModelInput[];
  readonly #known = new Map<string, Concepts>();

  /** @throws UnknownFeature if the model reads what this release does not calculate. */
  constructor(features: Model['features'], sha256: string) {
    this.sha256 = sha256;
    this.#inputs = features.map(({ name }) => inputOf(name));
  }

  /** What the network is fed for the vector of feature-vector.ts from `at` on. O(features). */
  row(features: Float64Array, at: number, absent: ModalityBits): NetworkRow {
    const count = this.#inputs.length;
    const numbers = new Float32Array(count + MODALITIES.length);
    this.#inputs.forEach(({ place, bit }, i) => {
      // Adding 0 makes -0 a plain 0: networks need not tell them apart, and bytes would.
      numbers[i] = (absent & bit) === 0 ? (features[at + place] as number) + 0 : 0;
    });
    for (let m = 0; m < MODALITIES.length; m++) {
      numbers[count + m] = (absent & (1 << m)) === 0 ? 1 : 0;
    }
    const key = String.fromCharCode(...new Uint16Array(numbers.buffer));
    return { key, features: numbers.subarray(0, count), present: numbers.subarray(count) };
  }

  /** The concepts of one user. @throws ConceptsNotScored unless they are known. */
  concepts(features: Float64Array, at: number, absent: ModalityBits): Concepts {
    const concepts = this.find(features, at, absent);
    if (concepts !== undefined) return concepts;
    throw new ConceptsNotScored(
      `M4: network ${this.sha256.slice(0, 12)}… was not asked for what an event needs`,
    );
  }

  /** The concepts of one user, if they are known. */
  find(features: Float64Array, at: number, absent: ModalityBits): Concepts | undefined {
    return this.#known.get(this.row(features, at, absent).key);
  }

  has({ key }: NetworkRow): boolean {
    return this.#known.has(key);
  }

  /** Takes in the concepts of a row: 8 numbers in [0,1] in the order of CONCEPTS, from `at` on. */
  remember({ key }: NetworkRow, scores: Float32Array, at: number): void {
    const score = (c: number): number => scores[at + c] as number;
    this.#known.set(key, {
      frustration: score(0),
      stickiness: score(1),
      drop_off: score(2),
      hesitation: score(3),
      urgency: score(4),
      curiosity: score(5),
      price_sensitivity: score(6),
      loyalty: score(7),
    } satisfies Record<Concept, number>);
  }

  /** Forgets all concepts. */
  forget(): void {
    this.#known.clear();
  }
}

/** Stands for concepts that are asked for and not known yet. */
const ASKED: Concepts = {
  frustration: 0.5,
  stickiness: 0.5,
  drop_off: 0.5,
  hesitation: 0.5,
  urgency: 0.5,
  curiosity: 0.5,
  price_sensitivity: 0.5,
  loyalty: 0.5,
};

/** Takes down what is asked for instead of answering it. */
export class NetworkRequests extends NetworkConcepts {
  /** In the order asked. */
  readonly rows: NetworkRow[] = [];

  override concepts(features: Float64Array, at: number, absent: ModalityBits): Concepts {
    this.rows.push(this.row(features, at, absent));
    return ASKED;
  }

  override find(features: Float64Array, at: number, absent: ModalityBits): undefined {
    this.concepts(features, at, absent);
    return undefined;
  }
}
