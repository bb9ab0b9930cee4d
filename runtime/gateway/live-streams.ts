/**
 * `GET /v1/live`: live figures as server-sent events, for as long as the reader is logged in.
 *
 * Owns the open streams and one feed for each login that has any.
 *
 * Invariants:
 *   L1 At most MAX_STREAMS are open at once.
 *   L2 While a socket is not drained nothing is written to it, and what waits is bounded (Outbox).
 *      A reader that takes nothing for STALL_MAX_MS is cut off.
 *   L3 With every beat it is looked again who reads: a stream ends at most BEAT_EVERY_MS after its
 *      session, and at once with its login's connection. An open stream counts as a use of both.
 */
import type { ServerResponse } from 'node:http';
import type { NatsConnection } from '@nats-io/transport-node';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Access } from './access.ts';
import { frameOf, type Listener, LoginFeed } from './login-feed.ts';
import type { Operator } from './operators.ts';
import { type Frame, Outbox } from './outbox.ts';
import { answerProblem, type ProblemHints, refuseOtherSites } from './problems.ts';

export const MAX_STREAMS = 64;
export const BEAT_EVERY_MS = 2_000;
export const STALL_MAX_MS = 30_000;
const RETRY_AFTER_S = 5;
/** How long a browser waits before it connects again. */
const RECONNECT_MS = 1_000;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // A proxy that gathers an answer before it passes it on would gather this one for ever.
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
} as const;

const HINTS: ProblemHints = {
  notAuthorized: 'log in: POST /v1/session, or HTTP Basic authentication',
  forbidden: 'open the dashboard at its own address',
  unavailable: 'try again in a moment',
};

/** Adds the route. */
export function addLiveRoute(server: FastifyInstance, streams: LiveStreams, by: Access): void {
  void server.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => answerProblem(error, request, reply, HINTS));
    scope.get('/v1/live', { exposeHeadRoute: false }, async (request, reply) => {
      refuseOtherSites(request);
      const operator = await by(request);
      const isStillThere = async (): Promise<boolean> => {
        const now = await by(request).catch(() => undefined);
        return now?.nc === operator.nc;
      };
      return streams.open(operator, isStillThere, reply);
    });
  });
}

/** Whether whoever opened a stream may go on reading it. */
type StillThere = () => Promise<boolean>;

export class LiveStreams {
  readonly #nowMs: () => number;
  readonly #feeds = new Map<NatsConnection, LoginFeed>();
  readonly #streams = new Map<Stream, StillThere>();
  #beats: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Answers with a stream, or with 503 where there are too many (L1). */
  open(operator: Operator, isStillThere: StillThere, reply: FastifyReply): FastifyReply {
    if (this.#isClosed || this.#streams.size >= MAX_STREAMS) {
      const problem = `expected at most ${MAX_STREAMS} open streams`;
      const hint = 'close the dashboard in another window, or try again later';
      return reply.code(503).header('retry-after', RETRY_AFTER_S).send({ problem, hint });
    }
    reply.hijack();
    // Who left while it was looked who they are has been told of for the last time.
    if (reply.raw.closed) return reply;
    const { nc } = operator;
    let feed = this.#feeds.get(nc);
    if (feed === undefined) {
      feed = new LoginFeed(operator);
      this.#feeds.set(nc, feed);
    }
    const stream = new Stream(reply.raw, this.#nowMs);
    this.#streams.set(stream, isStillThere);
    this.#beats ??= setInterval(() => this.#beat(), BEAT_EVERY_MS);
    feed.join(stream);
    reply.raw.once('close', () => this.#forget(stream, nc));
    return reply;
  }

  /** Ends all streams; none is opened any more. */
  close(): void {
    this.#isClosed = true;
    for (const stream of [...this.#streams.keys()]) stream.end();
  }

  #forget(stream: Stream, nc: NatsConnection): void {
    this.#streams.delete(stream);
    const feed = this.#feeds.get(nc);
    feed?.leave(stream);
    if (feed?.isUnheard) {
      feed.close();
      this.#feeds.delete(nc);
    }
    if (this.#streams.size > 0) return;
    clearInterval(this.#beats);
    this.#beats = undefined;
  }

  #beat(): void {
    const beat = frameOf('beat', { at_ms: this.#nowMs() });
    for (const [stream, isStillThere] of this.#streams) {
      stream.hear(beat);
      if (stream.isStalled) stream.cut();
      void isStillThere().then((isThere) => {
        if (!isThere) stream.end();
      });
    }
  }
}

/** One open answer. */
class Stream implements Listener {
  readonly #response: ServerResponse;
  readonly #nowMs: () => number;
  readonly #outbox = new Outbox();
  /** Since when the socket has not been drained; undefined while it is. */
  #fullSinceMs: number | undefined;

  constructor(response: ServerResponse, nowMs: () => number) {
    this.#response = response;
    this.#nowMs = nowMs;
    // Without a listener an error of the socket would end the process; 'close' follows it.
    response.on('error', () => {});
    response.on('drain', () => {
      this.#fullSinceMs = undefined;
      this.#flush();
    });
    response.writeHead(200, HEADERS);
    response.write(`retry: ${RECONNECT_MS}\n\n`);
  }

  get isStalled(): boolean {
    return this.#fullSinceMs !== undefined && this.#nowMs() - this.#fullSinceMs > STALL_MAX_MS;
  }

  hear(frame: Frame): void {
    this.#outbox.put(frame);
    this.#flush();
  }

  /** Lets what was written arrive. */
  end(): void {
    this.#response.end();
    // A reader that does not read would never let it end.
    if (this.#fullSinceMs !== undefined) this.cut();
  }

  cut(): void {
    this.#response.destroy();
  }

  #flush(): void {
    while (this.#fullSinceMs === undefined && !this.#response.writableEnded) {
      const bytes = this.#outbox.take();
      if (bytes === undefined) return;
      if (!this.#response.write(bytes)) this.#fullSinceMs = this.#nowMs();
    }
  }
}
