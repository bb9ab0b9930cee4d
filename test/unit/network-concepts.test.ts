/** Models that take their concepts from a network: what it is fed, and what actors do with it. */
import { describe, expect, test } from 'vitest';
import { explainScores } from '../../actors/model/explain.ts';
import { modalityBits } from '../../actors/model/inputs.ts';
import {
  ConceptsNotScored,
  NetworkConcepts,
  type NetworkRow,
} from '../../actors/model/network-concepts.ts';
import { Scorer } from '../../actors/model/scorer.ts';
import { PartitionState } from '../../actors/partition/state.ts';
import { newUserActor, receiveEvent, restoreUserActor } from '../../actors/user/actor.ts';
import { FEATURE_COUNT, FEATURES } from '../../actors/user/feature-vector.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import { modelSchema } from '../../protocols/model.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import { decodeUser, encodeUser } from '../../protocols/user-record.ts';
import { CONCEPTS, MODALITIES } from '../../protocols/user-snapshot.ts';
import type { NetworkFolder } from '../../runtime/onnx/network-folder.ts';
import { Foresight } from '../../runtime/worker/foresight.ts';
import type { OwnedPartition } from '../../runtime/worker/owned-partition.ts';
import { BASE_MS, behavior } from '../generators.ts';
import { modelWith } from '../models.ts';

const NAMES = ['order_value', 'app_1h', 'signed_in'];
const SHA256 = 'a'.repeat(64);
const FEATURES_READ = NAMES.map((name) => ({ name, knots: [0] }));
const MODEL = modelWith({ features: FEATURES_READ, network: { sha256: SHA256 } });

/** Feature i has the value i + 0.1. */
const VECTOR = Float64Array.from({ length: FEATURE_COUNT }, (_, i) => i + 0.1);

function inputs(): NetworkConcepts {
  return new NetworkConcepts(MODEL.features, SHA256);
}

function placeOf(name: string): number {
  return FEATURES.findIndex((feature) => feature.name === name);
}

describe('what a network is fed', () => {
  test('the features in the order of the model, in single precision, and what is present', () => {
    const { features, present } = inputs().row(VECTOR, 0, 0);
    expect([...features]).toEqual(NAMES.map((name) => Math.fround(placeOf(name) + 0.1)));
    expect([...present]).toEqual(MODALITIES.map(() => 1));
  });

  test('nothing of a modality that is absent (M2)', () => {
    const { features, present } = inputs().row(VECTOR, 0, modalityBits(['app']));
    expect([...features]).toEqual([Math.fround(placeOf('order_value') + 0.1), 0, 0]);
    expect([...present]).toEqual(MODALITIES.map((modality) => (modality === 'app' ? 0 : 1)));
  });

  test('rows are the same if and only if their bytes are (M4)', () => {
    const of = (x: number, absent = 0): string => {
      const vector = Float64Array.from(VECTOR);
      vector[placeOf('app_1h')] = x;
      return inputs().row(vector, 0, absent).key;
    };
    expect(of(0.3)).toBe(of(0.3));
    expect(of(0.3)).not.toBe(of(0.3 + 1e-7));
    expect(of(-0)).toBe(of(0));
    expect(of(0, modalityBits(['churn']))).not.toBe(of(0));
    expect(of(0, modalityBits(['churn']))).not.toBe(of(0, modalityBits(['zero_party'])));
  });
});

test('a user whom the network has not scored is a broken invariant, not a guess', () => {
  const scorer = new Scorer(MODEL);
  expect(() => scorer.concepts(VECTOR, 0, 0)).toThrow(ConceptsNotScored);
  const network = scorer.network as NetworkConcepts;
  const row: NetworkRow = network.row(VECTOR, 0, 0);
  network.remember(row, Float32Array.of(9, 9, 0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 1), 2);
  expect(Object.values(scorer.concepts(VECTOR, 0, 0))).toEqual([
    ...[0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 1],
  ]);
  network.forget();
  expect(() => scorer.concepts(VECTOR, 0, 0)).toThrow('M4: network aaaaaaaaaaaa… was not asked');
});

test('a stored user comes back unscored, and the next event needs scores', () => {
  const user = 'ada' as UserToken;
  const reference = { settings: DEFAULT_SETTINGS, scorer: new Scorer(modelWith()) };
  const event = behavior(0, BASE_MS);
  const { value, context } = receiveEvent(
    ...([newUserActor(), event, newUserActor().context.duplicates, reference] as const),
  );
  const stored = decodeUser(user, JSON.parse(encodeUser(1 as StreamSequence, value, context)));
  const byNetwork = { ...reference, scorer: new Scorer(MODEL) };
  const restored = restoreUserActor(stored, byNetwork);
  expect(Object.values(restored.context.concepts)).toEqual(CONCEPTS.map(() => 0));
  const again = behavior(1, BASE_MS + 1);
  expect(() => receiveEvent(restored, again, restored.context.duplicates, byNetwork)).toThrow(
    ConceptsNotScored,
  );
});

test('what the network made of a user is one part of the logit, nothing left over (M3)', () => {
  const concepts = Object.fromEntries(CONCEPTS.map((concept, i) => [concept, i / 7])) as never;
  const explanation = explainScores(MODEL, VECTOR, 0, concepts, 5);
  CONCEPTS.forEach((concept, i) => {
    const { logit, bias, features, other } = explanation.concepts[concept];
    expect(features).toEqual({});
    expect(bias + other).toBeCloseTo(logit, 12);
    if (i > 0 && i < 7) expect(1 / (1 + Math.exp(-logit))).toBeCloseTo(i / 7, 12);
    // JSON has no infinity.
    expect(Number.isFinite(logit)).toBe(true);
  });
});

describe('a model with a network', () => {
  const problems = (model: object): string[] =>
    modelSchema
      .safeParse(model)
      .error?.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`) ?? [];

  test('is one, and stays what it was', () => {
    expect(problems(MODEL)).toEqual([]);
    expect(modelSchema.parse(MODEL)).toEqual(MODEL);
  });

  test('has no curves beside it', () => {
    const { urgency, loyalty } = MODEL.concepts;
    const concepts = {
      ...MODEL.concepts,
      urgency: { ...urgency, values: [[0], [0.5], [0]] },
      loyalty: { ...loyalty, absent: [0, 1, 0, 0, 0, 0] },
    };
    const message = 'expected only 0: the concepts are those of the network';
    expect(problems({ ...MODEL, concepts })).toEqual([
      `concepts.urgency.values: ${message}`,
      `concepts.loyalty.absent: ${message}`,
    ]);
    const { network: _, ...curved } = { ...MODEL, concepts };
    expect(problems(curved)).toEqual([]);
  });

  test('names it by a whole digest', () => {
    expect(problems({ ...MODEL, network: { sha256: 'abc' } })).toEqual([
      'network.sha256: expected the SHA-256 of the ONNX file, in hex',
    ]);
  });
});

test('partitions whose model has no network cost nothing', async () => {
  const touched = (): never => {
    throw new Error('nothing was to be asked of this');
  };
  const networks = new Proxy({}, { get: touched }) as NetworkFolder;
  const foresight = new Foresight(networks);
  const state = new PartitionState();
  const owned = { state, peek: touched, blame: touched } as unknown as OwnedPartition;
  await foresight.prepare([owned], 500);
  await foresight.rest(state, new AbortController().signal);
  const queued = { record: {}, user: 'ada', resident: undefined };
  expect(foresight.covers(owned, queued as never)).toBe(true);
});
