/**
 * Provisions nats-server once before all tests, so that none of them waits for a download and all
 * of them use the same binary.
 */
import { provisionNatsServer } from '../runtime/nats-server/provision.ts';

/** Called by vitest; NATS_SERVER reaches the test processes through the environment. */
export default async function provision(): Promise<void> {
  const report = (line: string): void => void process.stderr.write(`${line}\n`);
  process.env.NATS_SERVER = (await provisionNatsServer({ report })).path;
}
