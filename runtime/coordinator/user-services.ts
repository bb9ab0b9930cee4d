/**
 * What the dashboard asks beside the feeds: one user's past and decisions, why a decision was made,
 * and what could not be taken. Each question reads a bounded part of the streams.
 */
import type { Service } from '@nats-io/services';
import type { NatsConnection } from '@nats-io/transport-node';
import { type DeadLetter, deadLetterSchema } from '../../protocols/dead-letter.ts';
import {
  encodeUserId,
  type StreamSequence,
  type UserId,
  type UserToken,
  userIdProblem,
} from '../../protocols/ids.ts';
import {
  type DeadLettersReport,
  type DecisionsReport,
  inspectDecisionsRequest,
  inspectExplanationRequest,
  inspectHistoryRequest,
  MAX_REPLAYED_EVENTS,
  MAX_SHOWN_LETTERS,
  MAX_SHOWN_RECEIPTS,
  type UserHistory,
} from '../../protocols/live-services.ts';
import type { Refusal } from '../../protocols/refusal.ts';
import {
  ACTORS_STREAM,
  DEAD_LETTERS_ALL,
  EVENTS_STREAM,
  partitionOf,
  receiptsOfUser,
  SERVICES,
  STRAYS_ALL,
  userLog,
} from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import { readLatest } from '../nats/read-latest.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import { parseReceipt } from '../time-travel/rerun-decision.ts';
import { HistoryFold } from '../time-travel/user-history.ts';
import type { CellView } from './cell-view.ts';
import { endpoint } from './endpoint.ts';
import { ExplanationDesk } from './explanation-desk.ts';

/** What these questions are answered from. */
export interface InspectionSources {
  /** Settings and model that each partition knows. */
  readonly view: Pick<CellView, 'known'>;
  readonly networks: NetworkFolder;
  readonly partitions: number;
}

/** Adds the endpoints to a service. */
export function serveUserInspections(
  nc: NatsConnection,
  service: Service,
  sources: InspectionSources,
): void {
  const desk = new ExplanationDesk(nc, sources.networks);
  endpoint(service, SERVICES.inspectHistory, inspectHistoryRequest, ({ user }) =>
    withToken(user, (token) => userHistory(nc, user, token, sources)),
  );
  endpoint(service, SERVICES.inspectDecisions, inspectDecisionsRequest, ({ user }) =>
    withToken(user, (token) => latestDecisions(nc, token)),
  );
  endpoint(service, SERVICES.inspectExplanation, inspectExplanationRequest, ({ decision }) =>
    desk.explain(decision),
  );
  endpoint(service, SERVICES.inspectDeadLetters, undefined, () => latestLetters(nc));
}

async function withToken<T>(
  user: string,
  answer: (token: UserToken) => Promise<T | Refusal>,
): Promise<T | Refusal> {
  const wrong = userIdProblem(user);
  if (wrong === undefined) return answer(encodeUserId(user as UserId));
  const problem = `user id: expected ${wrong.expected}, found ${wrong.found}`;
  return { problem, kind: 'invalid' };
}

/**
 * A user's last events folded anew. Cost: up to MAX_REPLAYED_EVENTS events of some 30 microseconds,
 * as many again read where there are more.
 */
async function userHistory(
  nc: NatsConnection,
  user_id: string,
  user: UserToken,
  { view, networks, partitions }: InspectionSources,
): Promise<UserHistory | Refusal> {
  const partition = partitionOf(user, partitions);
  const { reference, model } = view.known(partition);
  const fold = new HistoryFold(user, { reference, model }, networks);
  const query = { stream: EVENTS_STREAM, subjects: [userLog(partition, user)] };
  const total = await readLatest(nc, { ...query, count: MAX_REPLAYED_EVENTS }, (message) => {
    const { streamSequence, timestampNanos } = message.info;
    const storedAtMs = timestampNanos / 1_000_000;
    const sequence = streamSequence as StreamSequence;
    return fold.take({ sequence, storedAtMs, body: message.data });
  });
  if (total === 0) {
    const problem = `no user "${user_id}": no event of this user is in the log`;
    return { problem, kind: 'unknown' };
  }
  return {
    user_id,
    model_version: fold.modelVersion,
    is_partial: total > MAX_REPLAYED_EVENTS,
    points: [...fold.points],
  };
}

async function latestDecisions(nc: NatsConnection, user: UserToken): Promise<DecisionsReport> {
  const receipts: DecisionsReport['receipts'] = [];
  const query = { stream: ACTORS_STREAM, subjects: [receiptsOfUser(user)] };
  await readLatest(nc, { ...query, count: MAX_SHOWN_RECEIPTS }, (message) => {
    receipts.push(parseReceipt(message.string()));
  });
  return { receipts: receipts.reverse() };
}

async function latestLetters(nc: NatsConnection): Promise<DeadLettersReport> {
  const letters: DeadLetter[] = [];
  const query = { stream: ACTORS_STREAM, subjects: [DEAD_LETTERS_ALL, STRAYS_ALL] };
  const total = await readLatest(nc, { ...query, count: MAX_SHOWN_LETTERS }, (message) => {
    letters.push(deadLetterSchema.parse(upcast('deadLetter', message.json())));
  });
  return { total, letters: letters.reverse() };
}
