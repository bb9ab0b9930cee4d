/**
 * A user actor as an operator sees it: the stored snapshot, seen as of now.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { passDeadlines, restoreUserActor } from '../../actors/user/actor.ts';
import { decisionSchema } from '../../protocols/decision.ts';
import { encodeUserId, type UserId, userIdProblem } from '../../protocols/ids.ts';
import type { Problem, UserReport } from '../../protocols/services.ts';
import { ACTORS_STREAM, decisionSubject, partitionOf } from '../../protocols/subjects.ts';
import { snapshotOf } from '../../protocols/user-record.ts';
import type { ActorStore, Clock } from '../ports.ts';

/** Reads a user by the id that the application knows. */
export async function inspectUser(
  nc: NatsConnection,
  store: ActorStore,
  userId: string,
  partitions: number,
  clock: Clock,
): Promise<UserReport | Problem> {
  const wrong = userIdProblem(userId);
  if (wrong !== undefined) {
    return { problem: `user id: expected ${wrong.expected}, found ${wrong.found}` };
  }
  const user = encodeUserId(userId as UserId);
  const partition = partitionOf(user, partitions);
  const stored = (await store.readUsers(partition, [user])).get(user);
  if (stored === undefined) {
    return { problem: `no user "${userId}": no event of this user was accepted so far` };
  }
  const as_of_ms = clock.nowMs();
  const { value: chart, context } = passDeadlines(restoreUserActor(stored.value), as_of_ms);
  const jsm = await jetstreamManager(nc);
  const message = await jsm.streams.getMessage(ACTORS_STREAM, {
    last_by_subj: decisionSubject(user),
  });
  return {
    user_id: userId,
    partition,
    snapshot: snapshotOf(stored.value, chart, context),
    as_of_ms,
    last_decision: message === null ? null : decisionSchema.parse(message.json()),
  };
}
