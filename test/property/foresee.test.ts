/**
 * What is foreseen of a log is what is asked for when it is applied, whatever is in the log (M5).
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NetworkConcepts, NetworkRow } from '../../actors/model/network-concepts.ts';
import { applyEvent, type LoggedEvent } from '../../actors/partition/apply.ts';
import { foresee } from '../../actors/partition/foresee.ts';
import { PartitionState } from '../../actors/partition/state.ts';
import { newUserActor, restoreUserActor, type UserActor } from '../../actors/user/actor.ts';
import { FEATURES } from '../../actors/user/feature-vector.ts';
import { parseEvent } from '../../protocols/event.ts';
import { decodeUserToken, type StreamSequence, type UserToken } from '../../protocols/ids.ts';
import type { Model } from '../../protocols/model.ts';
import { parseLogSubject } from '../../protocols/subjects.ts';
import { decodeUser, encodeUser } from '../../protocols/user-record.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import { recordingOf } from '../../runtime/onnx/score-rows.ts';
import { applyControl } from '../../runtime/worker/control-record.ts';
import { journeysOf, NOW_MS } from '../actors-run.ts';
import { holds } from '../generators.ts';
import { seededRandom } from '../journeys.ts';
import { modelWith } from '../models.ts';

const MODEL: Model = modelWith({
  features: FEATURES.map(({ name }) => ({ name, knots: [0] })),
  network: { sha256: '0'.repeat(64) },
});
const MAX_AHEAD = 60;

/** Concepts that follow from the bytes of a row, so that no two rows are taken for one another. */
function scoresOf({ key }: NetworkRow): Float32Array {
  let hash = 7;
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) >>> 0;
  return Float32Array.from({ length: 8 }, (_, c) => ((hash >>> c) % 997) / 997);
}

type Entry = { readonly control: Uint8Array } | { readonly logged: LoggedEvent };

/** A log of one partition, without models of others. */
function logOf(seed: number): Entry[] {
  const log = journeysOf(seed, { messages: 700, users: 5, partitions: 1 });
  return log.flatMap(({ subject, body }, i): Entry[] => {
    const bytes = new TextEncoder().encode(body);
    if (parseLogSubject(subject) !== undefined) {
      return body.includes('"model.put"') ? [] : [{ control: bytes }];
    }
    const named = decodeUserToken(subject.slice('ingest.'.length));
    const parsed = parseEvent(bytes, NOW_MS);
    if (!('token' in named) || !parsed.ok) return [];
    const sequence = (i + 1) as StreamSequence;
    return [{ logged: { user: named.token, sequence, event: parsed.event } }];
  });
}

test('whatever is foreseen of a log, applying it asks for nothing else (M5)', () => {
  holds(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => {
      const random = seededRandom(seed);
      const partition = new PartitionState();
      partition.control({ v: 2, type: 'model.put', version: 1, model: MODEL });
      const actors = new Map<UserToken, UserActor>();
      const log = logOf(seed);
      let asked = 0;
      while (log.length > 0) {
        const next = log[0] as Entry;
        if ('control' in next) {
          applyControl(partition, next.control);
          log.shift();
          continue;
        }
        const controlAt = log.findIndex((entry) => 'control' in entry);
        const ahead = Math.min(1 + Math.floor(random() * MAX_AHEAD), log.length);
        const batch = log.splice(0, controlAt < 0 ? ahead : Math.min(ahead, controlAt));
        const events = batch.flatMap((entry) => ('logged' in entry ? [entry.logged] : []));
        const { reference, rows } = recordingOf(partition.userReference);
        const users = new Map<UserToken, FusedState>();
        for (const logged of events) {
          const { user } = logged;
          const state = users.get(user) ?? (actors.get(user) ?? newUserActor()).context;
          users.set(user, foresee(state, logged, reference));
        }
        const network = partition.userReference.scorer.network as NetworkConcepts;
        for (const row of rows) network.remember(row, scoresOf(row), 0);
        asked += rows.length;
        for (const logged of events) {
          const { user, sequence } = logged;
          const applied = applyEvent(partition, actors.get(user) ?? newUserActor(), logged);
          if (applied.verdict === 'rejected' || applied.actor === undefined) continue;
          const { value, context } = applied.actor;
          const stored = (): UserActor =>
            restoreUserActor(
              decodeUser(user, JSON.parse(encodeUser(sequence, value, context))),
              partition.userReference,
            );
          actors.set(user, random() < 0.2 ? stored() : applied.actor);
        }
        network.forget();
      }
      expect(asked).toBeGreaterThan(50);
    }),
    10,
  );
});
