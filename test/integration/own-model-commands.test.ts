/**
 * The commands for networks of one's own: what is wrong with a file is said where it is applied and
 * where a worker starts, and docs/own-model.md is run as it stands.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { FEATURE_COUNT } from '../../actors/user/feature-vector.ts';
import type { UserReport } from '../../protocols/services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { inspectUserCommand } from '../../runtime/cli/inspect.ts';
import { applyModel } from '../../runtime/cli/model.ts';
import { modelTemplate, networksHere } from '../../runtime/cli/onnx-model.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';
import { startTestEngine } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';
import { modelAround, networkFile, withoutOnnx } from '../networks.ts';
import { asOperatorOf } from '../operator.ts';
import {
  accepted,
  everywhere,
  file,
  inFolder,
  models,
  NEXT,
  OWN,
  publish,
  ROLES,
  request,
  startHere,
  useOwnFolder,
} from '../own-model-run.ts';

const isAbsent = await withoutOnnx();
useOwnFolder();

/** Runs the compiled command line in the test's folder; rejects unless it exits with 0. */
async function command(line: string): Promise<string> {
  const main = join(projectRoot(), 'dist', 'runtime', 'main.js');
  const run = promisify(execFile);
  const { stdout } = await run('node', [main, ...line.split(' ')], { cwd: inFolder('.') });
  return stdout;
}

describe.skipIf(isAbsent)('an ONNX file', () => {
  test('of the wrong shape is refused where it is applied and where a worker starts', async () => {
    await using server = await startTestServer();
    const nc = await server.connectAs('engine');
    const engine = await startHere(nc);
    await everywhere(nc, OWN.version);
    const printed = asOperatorOf(server);
    const wrong = networkFile({ concepts: 5 });
    const expected =
      'Expected output "concepts" of float32 [batch, 8], found float32 [batch, 5]. Export a';
    const model = modelAround(wrong, NEXT);
    const onnx = file('wrong.onnx', wrong);
    const named = file('model.json', model);
    await expect(applyModel(named, { onnx, wait: 5 })).rejects.toThrow(`wrong.onnx: ${expected}`);
    await expect(applyModel(named, { wait: 5 })).rejects.toThrow('found none. Copy it there');
    await expect(applyModel(undefined, { onnx, wait: 5 })).rejects.toThrow('a model beside --onnx');
    const right = file('right.onnx', networkFile());
    await expect(applyModel(named, { onnx: right, wait: 5 })).rejects.toThrow(
      'which the model names, found',
    );
    // Whoever goes past the command meets it when a worker starts.
    await networksHere().keep(wrong);
    await publish(nc, 0, 20);
    await accepted(nc, 20);
    await request(nc, SERVICES.applyModel, { model });
    await everywhere(nc, NEXT);
    await engine.stop();
    await expect(startHere(nc)).rejects.toThrow(expected);
    const importRuntime = () => import(`${'onnxruntime'}-nowhere`);
    const here = { ...models() };
    await expect(startTestEngine(nc, ROLES, here, { importRuntime })).rejects.toThrow(
      'found: it is not installed. Install it in the project',
    );
    await expect(command('worker')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(expected),
    });
    // Who does not score anybody does not need it.
    await using _ = await startTestEngine(nc, new Set(['coordinator'] as const), here);
    await everywhere(nc, NEXT);
    const user = await request<UserReport>(nc, SERVICES.inspectUser, { user: 'u1' });
    expect(user).toMatchObject({ explanation: null, snapshot: { state: { events: 1 } } });
    expect(user.unscored).toContain(expected);
    printed();
    await inspectUserCommand('u1', {});
    expect(printed()).toContain(`no scores by model ${NEXT} here: the network of model ${NEXT}`);
  });

  test('comes into force by the commands of docs/own-model.md', async () => {
    await using server = await startTestServer();
    const nc = await server.connectAs('engine');
    await using _ = await startHere(nc);
    await everywhere(nc, OWN.version);
    asOperatorOf(server);
    const text = readFileSync(join(projectRoot(), 'docs', 'own-model.md'), 'utf8');
    const lines = [...text.matchAll(/^npx microtarget (.+)$/gm)].map(([, line]) => line as string);
    expect(lines).toHaveLength(3);
    file('net.onnx', networkFile());
    let printed = '';
    for (const line of lines) {
      const [words, target] = line.split(' > ') as [string, string?];
      printed = await command(words);
      if (target !== undefined) file(target, Buffer.from(printed));
    }
    expect(printed).toContain(`model ${OWN.version + 1}, "my own network", reads`);
    await expect(command('model apply model.json --onnx wrong.onnx')).rejects.toMatchObject({
      stderr: expect.stringContaining('wrong.onnx: ENOENT'),
    });
    file('wrong.onnx', networkFile({ concepts: 5 }));
    const [, shown = ''] = /```text\n(wrong.+)\n```/.exec(text) ?? [];
    await expect(command('model template --onnx wrong.onnx')).rejects.toMatchObject({
      stderr: `${shown}\n`,
    });
  });

  test('is begun from a template, which can be applied as it is', async () => {
    const onnx = file('net.onnx', networkFile());
    const template = await modelTemplate({ onnx });
    expect(template).toMatchObject({ version: OWN.version + 1, intents: OWN.intents });
    expect(template.features).toHaveLength(FEATURE_COUNT);
    const two = networkFile({ features: ['gap', 'app_1h'] });
    const small = await modelTemplate({ onnx: file('two.onnx', two), features: ['gap', 'app_1h'] });
    expect(small.features.map(({ name }) => name)).toEqual(['gap', 'app_1h']);
    await expect(modelTemplate({ onnx, features: ['gap'] })).rejects.toThrow(
      'net.onnx: Expected input "features" of float32 [batch, 1], found float32 [batch,',
    );
    await expect(modelTemplate({ onnx, features: ['shoe_size'] })).rejects.toThrow('"shoe_size"');
  });
});
