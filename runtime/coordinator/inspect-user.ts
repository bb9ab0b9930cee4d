/**
 * A user actor as an operator sees it: the stored snapshot, seen as of now.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { userReferenceOf } from '../../actors/partition/state.ts';
import { passDeadlines, restoreUserActor } from '../../actors/user/actor.ts';
import { interestWeights } from '../../actors/user/interests.ts';
import { explanationOf } from '../../actors/user/state.ts';
import { decisionSchema } from '../../protocols/decision.ts';
import { encodeUserId, type UserId, userIdProblem } from '../../protocols/ids.ts';
import { MAX_MODEL_FEATURES } from '../../protocols/model.ts';
import type { Refusal } from '../../protocols/refusal.ts';
import type { UserReport } from '../../protocols/services.ts';
import { ACTORS_STREAM, decisionSubject, partitionOf } from '../../protocols/subjects.ts';
import { snapshotOf } from '../../protocols/user-record.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import { scoreAhead } from '../onnx/score-rows.ts';
import type { ActorStore, Clock } from '../ports.ts';
import type { CellView } from './cell-view.ts';

/**
 * Reads a user by the id that the application knows; scored by the model of the user's partition,
 * by the release's own where none came through its log.
 */
export async function inspectUser(
  nc: NatsConnection,
  store: ActorStore,
  userId: string,
  partitions: number,
  {
    clock,
    view,
    networks,
  }: { readonly clock: Clock; readonly view: CellView; readonly networks: NetworkFolder },
): Promise<UserReport | Refusal> {
  const wrong = userIdProblem(userId);
  if (wrong !== undefined) {
    const problem = `user id: expected ${wrong.expected}, found ${wrong.found}`;
    return { problem, kind: 'invalid' };
  }
  const user = encodeUserId(userId as UserId);
  const partition = partitionOf(user, partitions);
  const stored = (await store.readUsers(partition, [user])).get(user);
  if (stored === undefined) {
    const problem = `no user "${userId}": no event of this user was accepted so far`;
    return { problem, kind: 'unknown' };
  }
  const as_of_ms = clock.nowMs();
  const known = view.known(partition);
  const reference = userReferenceOf(known.reference, known.model);
  const unscored = await scoreAhead(networks, reference, (recording) => {
    restoreUserActor(stored.value, recording);
  }).catch((error: Error) => error.message);
  const restored = restoreUserActor(stored.value, reference);
  const { value: chart, context } = passDeadlines(restored, as_of_ms);
  const { model } = reference.scorer;
  const jsm = await jetstreamManager(nc);
  const message = await jsm.streams.getMessage(ACTORS_STREAM, {
    last_by_subj: decisionSubject(user),
  });
  return {
    user_id: userId,
    partition,
    snapshot: snapshotOf(stored.value, chart, context),
    as_of_ms,
    model_version: model.version,
    ...(unscored !== undefined && { unscored }),
    explanation:
      context.counted === 0 || unscored !== undefined
        ? null
        : explanationOf(context, reference, MAX_MODEL_FEATURES),
    interests: interestWeights(context.interests, context.nowMs, model.interests.prior),
    last_decision: message === null ? null : decisionSchema.parse(message.json()),
  };
}
