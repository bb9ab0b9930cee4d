/**
 * Engines that run networks of one's own: events, what the network has to make of their users, and
 * what the engine stored. Each test has a folder of its own for files and networks.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { DEFAULT_REFERENCE } from '../actors/model/default-reference.ts';
import { modalityBits } from '../actors/model/inputs.ts';
import { NetworkConcepts } from '../actors/model/network-concepts.ts';
import { FEATURE_COUNT, fillFeatures } from '../actors/user/feature-vector.ts';
import { foldEvent, NEW_USER } from '../actors/user/state.ts';
import { type Receipt, receiptSchema } from '../protocols/decision.ts';
import { parseEvent } from '../protocols/event.ts';
import type { Model } from '../protocols/model.ts';
import type { ModelReport } from '../protocols/services.ts';
import { ACTORS_STREAM, RECEIPTS_ALL, SERVICES } from '../protocols/subjects.ts';
import { CONCEPTS, type FusedState, type Modality } from '../protocols/user-snapshot.ts';
import { CellView } from '../runtime/coordinator/cell-view.ts';
import type { Engine } from '../runtime/engine.ts';
import { publishAtomically } from '../runtime/nats/atomic-batch.ts';
import { loadConceptNetwork } from '../runtime/onnx/concept-network.ts';
import { shapeOf } from '../runtime/onnx/network-folder.ts';
import { startTestEngine, until } from './engine-fixture.ts';
import { eventId } from './generators.ts';

/** The model that the release brings. */
export const OWN = DEFAULT_REFERENCE.scorer.model;
/** A version that it does not have. */
export const NEXT = OWN.version + 5;
export const ROLES = new Set(['worker', 'coordinator'] as const);
const USERS = 30;
const BATCH = 20;
const START_MS = Date.now() - 3_600_000;

let folder: string;

/** Gives each test of a file a folder of its own. */
export function useOwnFolder(): void {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'microtarget-own-'));
    vi.stubEnv('MICROTARGET_MODELS_FOLDER', join(folder, 'models'));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
}

/** A path in the test's folder. */
export function inFolder(name: string): string {
  return join(folder, name);
}

/** The configuration that keeps networks in the test's folder. */
export const models = (): { models_folder: string } => ({ models_folder: join(folder, 'models') });

/** Starts an engine over the test's folder of networks. */
export function startHere(nc: NatsConnection): Promise<Engine> {
  return startTestEngine(nc, ROLES, models());
}

/** Writes a file into the test's folder. */
export function file(name: string, content: Uint8Array | object): string {
  const path = join(folder, name);
  writeFileSync(path, content instanceof Uint8Array ? content : JSON.stringify(content));
  return path;
}

/** The nth event; every one asks for a decision, so each accepted one has its receipt. */
export function message(n: number, more: object = {}) {
  const event = {
    ...{ event_id: eventId(n), session_index: n, user_mode: 'anonymous' },
    ...{ timestamp: START_MS + n * 100, decide: true, ...more },
  };
  return { subject: `ingest.u${n % USERS}`, body: JSON.stringify(event) };
}

/** Publishes the messages `from` to below `to`, in order. */
export async function publish(nc: NatsConnection, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += BATCH) {
    const count = Math.min(BATCH, to - n);
    await publishAtomically(
      nc,
      Array.from({ length: count }, (_, i) => message(n + i)),
    );
  }
}

/** Asks one of the engine's services. */
export async function request<T>(
  nc: NatsConnection,
  subject: string,
  body: object = {},
): Promise<T> {
  return (await nc.request(subject, JSON.stringify(body), { timeout: 5_000 })).json<T>();
}

/** Waits until a coordinator answers and every partition has the version. */
export async function everywhere(nc: NatsConnection, version: number): Promise<ModelReport> {
  return until(`model ${version} in all partitions`, async () => {
    const report = await request<ModelReport>(nc, SERVICES.inspectModel).catch(() => undefined);
    return report?.partitions.every((each) => each.version === version) && report;
  });
}

/** Waits until exactly that many events are accepted; gives the count of duplicates. */
export async function accepted(nc: NatsConnection, count: number): Promise<number> {
  await using view = await CellView.open(nc);
  const sum = (kind: 'accepted' | 'duplicates'): number =>
    [...view.cells('traffic')].reduce((total, [, , cell]) => total + cell[kind], 0);
  await until(`${count} events to be accepted`, () => sum('accepted') >= count);
  expect(sum('accepted')).toBe(count);
  return sum('duplicates');
}

/** A receipt, and as it is stored. */
export interface StoredReceipt {
  readonly receipt: Receipt;
  readonly text: string;
}

/** The number of the message that a receipt is about. */
export function numberOf({ event }: Receipt): number {
  return (event.timestamp - START_MS) / 100;
}

/** All receipts, in the order of the log. */
export async function receipts(nc: NatsConnection): Promise<StoredReceipt[]> {
  const jsm = await jetstreamManager(nc);
  const all: StoredReceipt[] = [];
  const found = await jsm.direct.getLastMessagesFor(ACTORS_STREAM, { multi_last: [RECEIPTS_ALL] });
  for await (const each of found) {
    const text = each.string();
    all.push({ receipt: receiptSchema.parse(JSON.parse(text)), text });
  }
  return all.sort((a, b) => a.receipt.event.sequence - b.receipt.event.sequence);
}

/** A receipt's concepts in the order of CONCEPTS. */
export function conceptsOf({ signals }: Receipt): number[] {
  return CONCEPTS.map((concept) => signals[concept]);
}

/** What the network gives for the user of every nth message, calculated without the engine. */
export async function expectedConcepts(
  model: Model,
  onnx: Uint8Array,
  count: number,
  absentAt: (n: number) => readonly Modality[] = () => [],
) {
  const network = await loadConceptNetwork(onnx, shapeOf(model));
  const inputs = new NetworkConcepts(model.features, model.network?.sha256 ?? '');
  const users = new Map<string, FusedState>();
  const expected: number[][] = [];
  for (let n = 0; n < count; n++) {
    const { subject, body } = message(n);
    const parsed = parseEvent(new TextEncoder().encode(body), Date.now());
    if (!parsed.ok) throw new Error(JSON.stringify(parsed));
    const before = users.get(subject) ?? NEW_USER;
    const state = foldEvent(before, parsed.event, before.duplicates, DEFAULT_REFERENCE);
    users.set(subject, state);
    const vector = new Float64Array(FEATURE_COUNT);
    fillFeatures(state, state.nowMs, vector);
    const { features, present } = inputs.row(vector, 0, modalityBits(absentAt(n)));
    expected.push([...(await network.score(features, present, 1))]);
  }
  await network.close();
  return expected;
}
