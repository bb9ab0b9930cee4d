/**
 * A network of one's own, an ONNX file, puts its concepts into decisions while events flow, and no
 * event is lost when it cannot.
 */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { describe, expect, test, vi } from 'vitest';
import type { DeadLetter } from '../../protocols/dead-letter.ts';
import type { Partition } from '../../protocols/ids.ts';
import type { UserReport } from '../../protocols/services.ts';
import { ACTORS_STREAM, controlSubject, SERVICES } from '../../protocols/subjects.ts';
import { CONCEPTS } from '../../protocols/user-snapshot.ts';
import { explainCommand, rerunReceipt } from '../../runtime/cli/explain.ts';
import { applyModel } from '../../runtime/cli/model.ts';
import { publishAtomically } from '../../runtime/nats/atomic-batch.ts';
import { NetworkFolder } from '../../runtime/onnx/network-folder.ts';
import { startTestEngine, startTestWorker, TEST_PARTITIONS, until } from '../engine-fixture.ts';
import { settingsWith } from '../generators.ts';
import { startTestServer } from '../nats-fixture.ts';
import { modelAround, networkFile, withoutOnnx } from '../networks.ts';
import { asOperatorOf } from '../operator.ts';
import {
  accepted,
  conceptsOf,
  everywhere,
  expectedConcepts,
  file,
  inFolder,
  message,
  models,
  NEXT,
  numberOf,
  OWN,
  publish,
  receipts,
  request,
  type StoredReceipt,
  startHere,
  useOwnFolder,
} from '../own-model-run.ts';

const isAbsent = await withoutOnnx();
useOwnFolder();

/** An order so large that the network with a gap gives NaN. */
function hugeOrder(n: number) {
  const order = { type: 'conversion', order_id: `o${n}`, value: 9_000_000, currency: 'USD' };
  return message(n, order);
}

describe.skipIf(isAbsent)('a network of one’s own', () => {
  test('decides from one point of each log on; nothing is lost, and all comes out again', {
    timeout: 120_000,
  }, async () => {
    await using server = await startTestServer();
    const nc = await server.connectAs('engine');
    const engine = await startHere(nc);
    await everywhere(nc, OWN.version);
    const printed = asOperatorOf(server);
    const onnx = networkFile();
    const { network: _, ...bare } = modelAround(onnx, NEXT);
    await publish(nc, 0, 200);
    const flowing = publish(nc, 200, 600);
    const wait = { wait: 30 };
    await applyModel(file('model.json', bare), { onnx: file('net.onnx', onnx), ...wait });
    expect(printed()).toContain(`its concepts come from the network`);
    await flowing;
    await publish(nc, 600, 800);
    await publish(nc, 0, 40);
    await until('everything to be taken in', () => (engine.worker?.figures.events ?? 0) >= 840);
    expect(await accepted(nc, 800)).toBe(40);
    expect(engine.worker?.figures.failedCommits).toBe(0);
    const stored = await receipts(nc);
    expect(stored).toHaveLength(800);
    const expected = await expectedConcepts(modelAround(onnx, NEXT), onnx, 800);
    let scored = 0;
    for (const { receipt } of stored) {
      const n = numberOf(receipt);
      if (receipt.versions.model !== NEXT) continue;
      scored++;
      expect(conceptsOf(receipt)).toEqual(expected[n]);
      expect(receipt.explanation?.concepts.urgency.features).toEqual({});
    }
    expect(scored).toBeGreaterThan(200);
    for (const { receipt, text } of [stored[5], stored[799]] as StoredReceipt[]) {
      expect((await rerunReceipt(nc, receipt, text)).again).toBe(text);
    }
    await engine.stop();
    await using _again = await startHere(nc);
    await publish(nc, 800, 840);
    await accepted(nc, 840);
    const later = await receipts(nc);
    const all = await expectedConcepts(modelAround(onnx, NEXT), onnx, 840);
    for (const { receipt } of later.slice(-40)) {
      const n = numberOf(receipt);
      expect([receipt.versions.model, conceptsOf(receipt)]).toEqual([NEXT, all[n]]);
    }
    const last = later.at(-1) as StoredReceipt;
    expect((await rerunReceipt(nc, last.receipt, last.text)).again).toBe(last.text);
    const user = await request<UserReport>(nc, SERVICES.inspectUser, { user: 'u1' });
    const at = later.findLast(({ receipt }) => receipt.user === 'u1') as StoredReceipt;
    expect(CONCEPTS.map((concept) => user.snapshot.state.concepts[concept])).toEqual(
      conceptsOf(at.receipt),
    );
    expect(user.explanation?.concepts.urgency.features).toEqual({});
  });

  test('sees nothing of a modality from the very event on that it may not be used', async () => {
    await using server = await startTestServer();
    const nc = await server.connectAs('engine');
    const engine = await startHere(nc);
    await everywhere(nc, OWN.version);
    asOperatorOf(server);
    const onnx = networkFile();
    const model = modelAround(onnx, NEXT);
    await applyModel(file('model.json', model), { onnx: file('net.onnx', onnx), wait: 30 });
    await engine.stop();
    // All of this waits in the log, so that one batch comes upon the change in its middle.
    await publish(nc, 0, 60);
    const settings = settingsWith({ unmeasured: ['temporal'] });
    const put = JSON.stringify({ v: 1, type: 'settings.put', version: 1_000, settings });
    for (let p = 0; p < TEST_PARTITIONS; p++) {
      await jetstream(nc).publish(controlSubject(p as Partition), put);
    }
    await publish(nc, 60, 120);
    const networks = new NetworkFolder(inFolder('models'));
    const worker = await startTestWorker(nc, { networks });
    await accepted(nc, 120);
    const expected = await expectedConcepts(model, onnx, 120, (n) => (n < 60 ? [] : ['temporal']));
    const stored = await receipts(nc);
    expect(stored).toHaveLength(120);
    for (const { receipt } of stored) {
      expect(conceptsOf(receipt)).toEqual(expected[numberOf(receipt)]);
    }
    expect(worker.figures.failedCommits).toBe(0);
    await worker.stop();
  });

  test('that cannot score a user makes that event a dead letter, with the reason', async () => {
    await using server = await startTestServer();
    const nc = await server.connectAs('engine');
    await using engine = await startHere(nc);
    await everywhere(nc, OWN.version);
    asOperatorOf(server);
    const onnx = networkFile({ hasGap: true });
    const wait = { wait: 30 };
    const model = file('model.json', modelAround(onnx, NEXT));
    await applyModel(model, { onnx: file('net.onnx', onnx), ...wait });
    const messages = Array.from({ length: 90 }, (_, n) =>
      n === 33 || n === 34 ? hugeOrder(n) : message(n),
    );
    await publishAtomically(nc, messages);
    await accepted(nc, 88);
    const jsm = await jetstreamManager(nc);
    const letters: DeadLetter[] = [];
    const filter = { multi_last: ['deadletter.>'] };
    const found = await jsm.direct.getLastMessagesFor(ACTORS_STREAM, filter);
    for await (const each of found) letters.push(each.json<DeadLetter>());
    expect(letters.map(({ subject }) => subject.split('.')[2]).sort()).toEqual(['u3', 'u4']);
    for (const letter of letters) {
      expect(letter).toMatchObject({
        field: 'event',
        found: expect.stringMatching(/^expected concepts in \[0,1\], found NaN in column 0/),
        hint: expect.stringContaining('run the network on this user where it was trained'),
      });
    }
    expect(await receipts(nc)).toHaveLength(88);
    expect(engine.worker?.figures.failedCommits).toBe(0);
    const { text, receipt } = (await receipts(nc)).at(-1) as StoredReceipt;
    expect((await rerunReceipt(nc, receipt, text)).again).toBe(text);
  });

  test('that is missing where a worker runs stops its partitions till it is there', async () => {
    await using server = await startTestServer();
    const nc = await server.connectAs('engine');
    await using _ = await startTestEngine(nc, new Set(['coordinator'] as const), models());
    const elsewhere = inFolder('elsewhere');
    const worker = await startTestWorker(nc, { networks: new NetworkFolder(elsewhere) });
    await everywhere(nc, OWN.version);
    await publish(nc, 0, 40);
    await accepted(nc, 40);
    const printed = asOperatorOf(server);
    const onnx = networkFile();
    const model = file('model.json', modelAround(onnx, NEXT));
    await applyModel(model, { onnx: file('net.onnx', onnx), wait: 30 });
    await publish(nc, 40, 80);
    await until('partitions to be fenced', () => worker.figures.events >= 44);
    const waiting = (): boolean =>
      worker.partitions.every(({ status }) => status === 'recovering' || status === 'claiming');
    await until('partitions to wait', waiting);
    await new NetworkFolder(elsewhere).keep(onnx);
    expect(await accepted(nc, 80)).toBe(0);
    const stored = await receipts(nc);
    expect(stored).toHaveLength(80);
    printed();
    // Somebody who has not got the file sees what is stored, and why there is no more.
    vi.stubEnv('MICROTARGET_MODELS_FOLDER', inFolder('nowhere'));
    const { receipt } = stored.at(-1) as StoredReceipt;
    await expect(explainCommand(receipt.decision.decision_id, {})).rejects.toThrow(
      /^not calculated again here: the network of model \d+, .+found none/,
    );
    expect(printed()).toContain(`decision ${receipt.decision.decision_id} for user`);
    await worker.stop();
  });

  test('that is gone does not keep partitions from the next model', async () => {
    await using server = await startTestServer();
    const nc = await server.connectAs('engine');
    await using _ = await startTestEngine(nc, new Set(['coordinator'] as const), models());
    const networks = new NetworkFolder(inFolder('elsewhere'));
    const worker = await startTestWorker(nc, { networks });
    await everywhere(nc, OWN.version);
    asOperatorOf(server);
    const onnx = networkFile();
    const model = file('model.json', modelAround(onnx, NEXT));
    await applyModel(model, { onnx: file('net.onnx', onnx), wait: 30 });
    const next = file('next.json', { ...OWN, version: NEXT + 1 });
    await applyModel(next, { wait: 30 });
    await publish(nc, 0, 40);
    expect(await accepted(nc, 40)).toBe(0);
    expect(worker.figures.failedCommits).toBe(0);
    await worker.stop();
  });
});
