/**
 * Publishes one event of a user over plain NATS and prints the decision that comes back.
 *
 *     npm start                                          # in another terminal
 *     npm run build && node dist/examples/01-event-to-decision.js grace
 */
import { randomUUID } from 'node:crypto';
import { connect } from '@nats-io/transport-node';
import { natsUrl } from '../runtime/cli/session.ts';
import { loadOrCreateCredentials } from '../runtime/nats-server/credentials.ts';

const ANSWER_WITHIN_MS = 5_000;

const user = process.argv[2] ?? 'grace';
const nc = await connect({ servers: natsUrl(), ...loadOrCreateCredentials().app });
const decisions = nc.subscribe(`decisions.${user}`, { max: 1, timeout: ANSWER_WITHIN_MS });
// Acknowledged once it is on disk; from then on its effects happen exactly once.
await nc.request(
  `ingest.${user}`,
  JSON.stringify({
    type: 'opportunity',
    event_id: randomUUID(),
    session_index: Date.now(),
    timestamp: Date.now(),
    user_mode: 'anonymous',
    placement: 'home_hero',
  }),
);
for await (const decision of decisions) {
  process.stdout.write(`${JSON.stringify(decision.json(), null, 2)}\n`);
}
await nc.close();
