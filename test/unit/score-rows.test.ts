/** Rows that a network scores, or cannot: who is to blame, and what was scored before. */
import { expect, test } from 'vitest';
import { NetworkConcepts } from '../../actors/model/network-concepts.ts';
import { FEATURE_COUNT } from '../../actors/user/feature-vector.ts';
import { type ConceptNetwork, RowNotScored } from '../../runtime/onnx/concept-network.ts';
import { scoreRows, type WantedRow } from '../../runtime/onnx/score-rows.ts';

const FEATURES = [{ name: 'app_5min', knots: [0] }];

/** A network that gives each row its feature, cannot score some, and notes the batches. */
function networkWithout(...bad: number[]): ConceptNetwork & { readonly batches: number[][] } {
  const batches: number[][] = [];
  return {
    batches,
    async score(features, _present, n) {
      const values = [...features.subarray(0, n)];
      batches.push(values);
      const row = values.findIndex((value) => bad.includes(value));
      if (row >= 0) throw new RowNotScored(row, `Row ${row}: expected better`, {});
      return Float32Array.from({ length: n * 8 }, (_, i) => values[Math.floor(i / 8)] as number);
    },
    async close() {},
  };
}

function wantedOf(into: NetworkConcepts, values: readonly number[]): WantedRow[] {
  return values.map((value) => ({ into, row: into.row(vectorOf(value), 0, 0) }));
}

function vectorOf(value: number): Float64Array {
  return new Float64Array(FEATURE_COUNT).fill(value);
}

test('equal rows are scored once, known ones not again', async () => {
  const into = new NetworkConcepts(FEATURES, 'a');
  const network = networkWithout();
  expect(await scoreRows(network, wantedOf(into, [0.5, 0.25, 0.5]))).toBeUndefined();
  expect(await scoreRows(network, wantedOf(into, [0.25, 0.125]))).toBeUndefined();
  expect(network.batches).toEqual([[0.5, 0.25], [0.125]]);
  expect(into.concepts(vectorOf(0.25), 0, 0).loyalty).toBe(0.25);
});

test('more rows than a batch takes are scored in several', async () => {
  const into = new NetworkConcepts(FEATURES, 'a');
  const network = networkWithout();
  await scoreRows(
    network,
    wantedOf(
      into,
      Array.from({ length: 1_100 }, (_, i) => i / 2_048),
    ),
  );
  expect(network.batches.map(({ length }) => length)).toEqual([512, 512, 76]);
});

test('a row that cannot be scored is named, and all before it are scored', async () => {
  const into = new NetworkConcepts(FEATURES, 'a');
  const refused = await scoreRows(networkWithout(0.75), wantedOf(into, [0.5, 0.5, 0.75, 0.25]));
  expect(refused).toEqual({ index: 2, reason: 'expected better' });
  expect(into.concepts(vectorOf(0.5), 0, 0).loyalty).toBe(0.5);
  expect(into.find(vectorOf(0.25), 0, 0)).toBeUndefined();
});

test('no row is to blame where the network cannot even score zeros', async () => {
  const into = new NetworkConcepts(FEATURES, 'a');
  const scoring = scoreRows(networkWithout(0.75, 0), wantedOf(into, [0.5, 0.75]));
  await expect(scoring).rejects.toThrow(RowNotScored);
  expect(into.find(vectorOf(0.5), 0, 0)).toBeUndefined();
});
