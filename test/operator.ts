/**
 * Lets a test run operator commands against its own server, and read what they print.
 */
import { vi } from 'vitest';
import { serverEnvironment } from '../runtime/nats-server/credentials.ts';
import type { TestServer } from './nats-fixture.ts';

/** Lets commands reach the test's server; gives what they have printed since the last call. */
export function asOperatorOf(server: TestServer): () => string {
  vi.stubEnv('MICROTARGET_NATS_URL', server.url);
  for (const [key, value] of Object.entries(serverEnvironment(server.credentials))) {
    vi.stubEnv(key, value);
  }
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  return () => {
    const printed = text;
    text = '';
    return printed;
  };
}
