/** A model comes through the log: what a partition takes, refuses and remembers of it. */
import { describe, expect, test } from 'vitest';
import { type Decided, type Known, missingControls } from '../../actors/campaign/reconcile.ts';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { UnknownFeature } from '../../actors/model/inputs.ts';
import { PartitionState } from '../../actors/partition/state.ts';
import type { ModelCell } from '../../protocols/cells.ts';
import { type Control, controlSchema } from '../../protocols/control.ts';
import type { Model } from '../../protocols/model.ts';
import { applicableModelSchema } from '../../protocols/services.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import { applyControl } from '../../runtime/worker/control-record.ts';
import { BASE_MS, behavior, opportunity, settingsWith } from '../generators.ts';
import { modelWith } from '../models.ts';
import { PartitionLog } from '../partition-log.ts';

/** A model that gives everybody the same concepts, those of its version. */
function model(version: number, changes: Partial<Model> = {}): Model {
  const flat = modelWith({ version, name: `flat ${version}`, ...changes });
  const { urgency } = flat.concepts;
  return { ...flat, concepts: { ...flat.concepts, urgency: { ...urgency, bias: version / 10 } } };
}

function put(of: Model, version = of.version): Control {
  return { v: 2, type: 'model.put', version, model: of };
}

const UNKNOWN = model(9, { features: [{ name: 'shoe_size', knots: [0] }] });

function inForce(state: PartitionState): Model {
  return state.userReference.scorer.model;
}

function bytes(message: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

describe('a model in the log', () => {
  test('is taken if it is newer; an older one, or the same again, changes nothing', () => {
    const state = new PartitionState();
    expect(inForce(state)).toBe(DEFAULT_REFERENCE.scorer.model);
    state.control(put(model(3)));
    const taken = state.userReference;
    expect(taken.scorer.model).toEqual(model(3));
    expect(state.takeDirty()).toEqual([
      { name: 'model', cell: { v: 2, version: 3, model: model(3) } },
    ]);
    for (const version of [1, 2, 3]) state.control(put(model(version, { name: 'another' })));
    expect(state.userReference).toBe(taken);
    expect(state.dirtyCount).toBe(0);
    state.control(put(model(4)));
    expect(inForce(state).version).toBe(4);
  });

  test('counts whatever the release brings: a log says by itself what was decided by', () => {
    const state = new PartitionState();
    const own = DEFAULT_REFERENCE.scorer.model;
    state.control(put({ ...own, name: 'of the release that wrote the log' }));
    expect(inForce(state).name).toBe('of the release that wrote the log');
  });

  test('stays when settings change, and settings stay when it does', () => {
    const state = new PartitionState();
    state.control(put(model(2)));
    const settings = settingsWith({ currency: 'EUR' });
    state.control({ v: 2, type: 'settings.put', version: 1, settings });
    expect(inForce(state).version).toBe(2);
    state.control(put(model(3)));
    expect(state.userReference.settings).toEqual(settings);
    expect(state.reference.settings).toEqual(settings);
  });

  test('that reads an unknown feature is refused, and nothing is changed', () => {
    const state = new PartitionState();
    state.control(put(model(3)));
    state.takeDirty();
    const before = state.userReference;
    expect(() => state.control(put(UNKNOWN))).toThrow(UnknownFeature);
    expect(applyControl(state, bytes(put(UNKNOWN)))).toMatchObject({
      field: 'control',
      found: expect.stringContaining('"shoe_size"'),
    });
    expect(state.userReference).toBe(before);
    expect(state.dirtyCount).toBe(0);
  });

  test('is found again in the cells', () => {
    const log = new PartitionLog();
    log.putModel(model(7));
    log.putSettings(settingsWith({ reserve_micros: 5 }));
    log.apply(behavior(0, BASE_MS));
    const concepts = log.user().concepts;
    log.restart();
    expect(inForce(log.state)).toEqual(model(7));
    expect(log.state.userReference.settings.reserve_micros).toBe(5);
    expect(log.user().concepts).toEqual(concepts);
    log.putModel(model(6));
    expect(inForce(log.state).version).toBe(7);
  });

  test('scores everybody from the next event on, and receipts name it', () => {
    const log = new PartitionLog();
    log.putModel(model(1));
    log.apply(opportunity(0, BASE_MS));
    const before = log.user();
    log.putModel(model(2));
    // A resident keeps the old scores till then; nothing reads them.
    expect(log.user()).toBe(before);
    log.apply(opportunity(1, BASE_MS + 1));
    const [first, second] = log.receipts;
    expect([first?.versions.model, second?.versions.model]).toEqual([1, 2]);
    expect(first?.signals.urgency).toBeCloseTo(1 / (1 + Math.exp(-0.1)), 12);
    expect(second?.signals.urgency).toBeCloseTo(1 / (1 + Math.exp(-0.2)), 12);
  });
});

describe('the message', () => {
  test('bears the version of its model', () => {
    expect(controlSchema.safeParse(put(model(3))).success).toBe(true);
    const { error } = controlSchema.safeParse(put(model(3), 4));
    expect(error?.issues).toMatchObject([{ path: ['version'] }]);
    expect(error?.issues[0]?.message).toContain("the model's own version");
  });

  test('holds only a model that is one', () => {
    const { window: _, ...windowless } = model(3);
    const { error } = controlSchema.safeParse(put(windowless as Model));
    expect(error?.issues.map(({ path }) => path)).toEqual([['model', 'window']]);
  });
});

test('a model too large for a message is refused with its size', () => {
  const name = (i: number): string => `feature_${i}`;
  const knots = Array.from({ length: 12 }, (_, i) => i + 0.1234567890123);
  const features = Array.from({ length: 256 }, (_, i) => ({ name: name(i), knots }));
  const large = modelWith({ features });
  for (const concept of Object.values(large.concepts)) {
    concept.values = features.map(() => knots.map((_, i) => -Math.PI * 1e-7 * (i + 1)));
  }
  const { error } = applicableModelSchema.safeParse(large);
  expect(error?.issues.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^expected at most 524288 bytes of JSON, found \d{6}$/),
  ]);
});

describe('what a partition lacks of the model', () => {
  const decided = (version: number): Decided => {
    const of = { settings: DEFAULT_SETTINGS, settingsVersion: 0, campaigns: [] };
    return { ...of, model: model(version) };
  };
  const knows = (cell: ModelCell | undefined): Known => ({
    ...{ partition: 0, reference: undefined, model: cell },
    campaign: () => undefined,
    delivery: () => undefined,
  });
  const missing = (version: number, cell: ModelCell | undefined) =>
    missingControls(decided(version), knows(cell), () => 1);

  test('is all of it where none ever came, even if it is what the release brings', () => {
    expect(missing(1, undefined)).toEqual([put(model(1))]);
  });

  test('is a newer one, until the partition shows it', () => {
    const shown = (version: number): ModelCell => ({ v: 2, version, model: model(version) });
    expect(missing(4, shown(3))).toEqual([put(model(4))]);
    expect(missing(4, shown(4))).toEqual([]);
    expect(missing(4, shown(5))).toEqual([]);
  });
});
