/** The folder of ONNX files: what is loaded from it, and what is said when it cannot be. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ONNX_RUNTIME } from '../../runtime/onnx/concept-network.ts';
import { NetworkFolder, NetworkUnavailable, sha256Of } from '../../runtime/onnx/network-folder.ts';
import { modelAround, networkFile, withoutOnnx } from '../networks.ts';

const isAbsent = await withoutOnnx();
const INSTALL = `npm install --no-save --ignore-scripts onnxruntime-web@${ONNX_RUNTIME.version}`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'microtarget-models-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('keeps a file under its digest, whole', async () => {
  const file = networkFile();
  await using networks = new NetworkFolder(join(folder, 'new'));
  await networks.keep(file);
  await networks.keep(file);
  expect(readdirSync(join(folder, 'new'))).toEqual([`${sha256Of(file)}.onnx`]);
});

test('says which file is missing, and that every worker needs it', async () => {
  const model = modelAround(networkFile(), 7);
  await using networks = new NetworkFolder(folder);
  const loading = networks.load(model);
  await expect(loading).rejects.toThrow(NetworkUnavailable);
  await expect(loading).rejects.toThrow(
    `the network of model 7, ${join(folder, `${model.network?.sha256}.onnx`)}: expected the ONNX ` +
      'file of that name, found none. Copy it there; every machine with a worker needs it',
  );
});

test('does not take another file for the one that is named (C5)', async () => {
  const model = modelAround(networkFile(), 7);
  await using networks = new NetworkFolder(folder);
  const other = networkFile({ seed: 9 });
  writeFileSync(networks.pathOf(model.network?.sha256 ?? ''), other);
  await expect(networks.load(model)).rejects.toThrow(
    `expected the digest of its name, found ${sha256Of(other)}`,
  );
});

test('says how to get the runtime where it is not installed', async () => {
  const file = networkFile();
  const importRuntime = () => import(`${'onnxruntime'}-nowhere`);
  await using networks = new NetworkFolder(folder, { importRuntime });
  await networks.keep(file);
  await expect(networks.load(modelAround(file, 7))).rejects.toThrow(
    `found: it is not installed. Install it in the project's folder (150 MB): ${INSTALL}`,
  );
});

test('waits before it tries again what has just failed, but not when it is to stop', async () => {
  const model = modelAround(networkFile(), 7);
  await using networks = new NetworkFolder(folder);
  await networks.rest(model, new AbortController().signal);
  await expect(networks.load(model)).rejects.toThrow('found none');
  const leaving = new AbortController();
  let isOver = false;
  const resting = networks.rest(model, leaving.signal).finally(() => {
    isOver = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isOver).toBe(false);
  leaving.abort();
  await resting;
});

describe.skipIf(isAbsent)('with the runtime', () => {
  test('loads a network once', async () => {
    const file = networkFile();
    await using networks = new NetworkFolder(folder);
    await networks.keep(file);
    const network = await networks.load(modelAround(file, 7));
    expect(await networks.load(modelAround(file, 8))).toBe(network);
    await networks.discard(modelAround(file, 8));
    expect(await networks.load(modelAround(file, 8))).not.toBe(network);
  });

  test('tells the shape that the model needs from the one that the file has', async () => {
    const file = networkFile({ features: ['app_1h', 'app_1d'] });
    await using networks = new NetworkFolder(folder);
    await networks.keep(file);
    await expect(networks.load(modelAround(file, 7, ['app_1h']))).rejects.toThrow(
      'Expected input "features" of float32 [batch, 1], found float32 [batch, 2]. Export a',
    );
  });
});
