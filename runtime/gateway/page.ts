/**
 * The dashboard's page as it was built, for anybody: it holds no figures, and asks for them as
 * whoever logs in.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Scripts and styles come in files of the page's own; charts style single elements of tooltips. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  // The address may hold a ticket.
  'referrer-policy': 'no-referrer',
} as const;

const YEAR_MS = 365 * 24 * 3_600_000;

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>microtarget</title></head>
<body><h1>The dashboard is not built</h1>
<p>Build it in the project's folder, then reload this page:</p>
<pre>npm run build</pre>
<p>The engine runs, and takes events, without it.</p></body></html>
`;

/**
 * Adds `/` and `/assets/*`.
 *
 * @param folder of the built page; looked for with every request, so it may be built later.
 */
export function addPage(server: FastifyInstance, folder: string): void {
  void server.register(async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => {
      reply.headers(HEADERS);
    });
    await scope.register(fastifyStatic, {
      root: join(folder, 'assets'),
      prefix: '/assets/',
      index: false,
      dotfiles: 'ignore',
      // A name has the digest of what is in the file.
      maxAge: YEAR_MS,
      immutable: true,
      suppressWarning: true,
    });
    scope.get('/', (_request, reply) => {
      if (!existsSync(join(folder, 'index.html'))) {
        reply.code(503).header('cache-control', 'no-store');
        return reply.type('text/html; charset=utf-8').send(NOT_BUILT);
      }
      reply.header('cache-control', 'no-cache');
      return reply.sendFile('index.html', folder, { cacheControl: false });
    });
  });
}
