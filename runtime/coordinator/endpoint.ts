/**
 * One endpoint of the coordinator's services: a request parsed once, an answer or a refusal.
 */
import type { Service, ServiceMsg } from '@nats-io/services';
import type { z } from 'zod';
import type { Refusal } from '../../protocols/refusal.ts';
import type { Problem } from '../../protocols/services.ts';

const MAX_REQUEST_BYTES = 1024 * 1024;

/**
 * Adds an endpoint, named as its subject with dots as dashes, that parses its request; without a
 * schema the request's body is ignored.
 *
 * @param answer what it throws is answered as a refusal.
 */
export function endpoint<S extends z.ZodType>(
  service: Service,
  subject: string,
  schema: S | undefined,
  answer: (request: z.infer<S>) => Promise<object | Problem>,
): void {
  const respond = async (message: ServiceMsg): Promise<void> => {
    let reply: object;
    try {
      const request = schema === undefined ? undefined : parseRequest(schema, message.data);
      reply =
        request !== undefined && 'problem' in request
          ? request
          : await answer(request?.value as z.infer<S>);
    } catch (error) {
      reply = refusalFor(error);
    }
    message.respond(JSON.stringify(reply));
  };
  service.addEndpoint(subject.replaceAll('.', '-'), {
    subject,
    handler: (error, message) => {
      if (error === null) void respond(message);
    },
  });
}

function parseRequest<S extends z.ZodType>(
  schema: S,
  body: Uint8Array,
): { readonly value: z.infer<S> } | Refusal {
  if (body.length > MAX_REQUEST_BYTES) {
    const problem = `expected at most ${MAX_REQUEST_BYTES} bytes, found ${body.length}`;
    return { problem, kind: 'invalid' };
  }
  let json: unknown;
  try {
    json = body.length === 0 ? {} : JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    return { problem: `expected JSON: ${String(error)}`, kind: 'invalid' };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { value: parsed.data };
  const issues = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join('.') || 'request'}: ${message}`,
  );
  return { problem: issues.join('; '), kind: 'invalid' };
}

/** What was thrown and may be tried again is nobody's mistake. */
function refusalFor(error: unknown): Refusal {
  if (!(error instanceof Error)) return { problem: String(error) };
  const isRetryable = 'retryable' in error && error.retryable === true;
  return { problem: error.message, ...(isRetryable && { kind: 'unavailable' }) };
}
