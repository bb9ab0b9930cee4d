/**
 * Questions to the engine's services, for the command line and whoever asks over HTTP.
 */
import {
  type NatsConnection,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
} from '@nats-io/transport-node';
import type { z } from 'zod';
import { type RefusalKind, refusalSchema } from '../../protocols/refusal.ts';

/** Attribution of a high order with intervals takes seconds. */
const TIMEOUT_MS = 10_000;

/** It was not done; the message is for people, the kind decides the status code. */
export class ServiceProblem extends Error {
  override readonly name = 'ServiceProblem';
  readonly kind: RefusalKind | 'forbidden' | undefined;
  constructor(
    message: string,
    options: ErrorOptions & { readonly kind?: ServiceProblem['kind'] } = {},
  ) {
    super(message, options);
    this.kind = options.kind;
  }
}

/**
 * Asks a service.
 *
 * @param timeoutMs how long an answer may take.
 * @throws ServiceProblem with the service's own problem, or if nobody answers.
 */
export async function askService<S extends z.ZodType>(
  nc: NatsConnection,
  subject: string,
  request: object,
  answer: S,
  timeoutMs = TIMEOUT_MS,
): Promise<z.infer<S>> {
  let json: unknown;
  try {
    const reply = await nc.request(subject, JSON.stringify(request), { timeout: timeoutMs });
    json = reply.json();
  } catch (error) {
    throw problemOf(error, subject);
  }
  const refusal = refusalSchema.safeParse(json);
  if (refusal.success) {
    const { problem, kind } = refusal.data;
    throw new ServiceProblem(problem, { kind });
  }
  return answer.parse(json);
}

function problemOf(error: unknown, subject: string): ServiceProblem {
  const cause = error instanceof RequestError ? error.cause : error;
  if (cause instanceof PermissionViolationError) {
    return new ServiceProblem(`not permitted to ask ${subject}`, {
      kind: 'forbidden',
      cause: error,
    });
  }
  const why =
    cause instanceof NoRespondersError
      ? 'no coordinator leads at the moment'
      : `no answer from ${subject}: ${error instanceof Error ? error.message : String(error)}`;
  return new ServiceProblem(why, { kind: 'unavailable', cause: error });
}
