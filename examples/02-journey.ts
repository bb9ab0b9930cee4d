/**
 * A user's journey through the very actors that run in production, without a server: useful in an
 * application's own tests. Prints how the statechart and the intents move.
 *
 *     npm run build && node dist/examples/02-journey.js
 */
import { applyEvent } from '../actors/partition/apply.ts';
import { PartitionState } from '../actors/partition/state.ts';
import { newUserActor, type UserActor } from '../actors/user/actor.ts';
import { parseEventJson } from '../protocols/event.ts';
import type { StreamSequence, UserToken } from '../protocols/ids.ts';

const START_MS = Date.UTC(2026, 0, 5, 12);
const JOURNEY: readonly (readonly [string, object])[] = [
  ['sees a banner', { type: 'impression', channel: 'display', cost: 0.002 }],
  ['comes by search', { type: 'click', channel: 'paid_search', cost: 0.4 }],
  ['looks at a jacket', { name: 'view_item', vectors: { active_duration_s: 40 } }],
  ['fills a cart', { name: 'add_to_cart', vectors: { active_duration_s: 25 } }],
  ['meets an error', { name: 'error', vectors: { rage_taps: 3 } }],
  ['goes to checkout', { name: 'begin_checkout' }],
  ['buys', { type: 'conversion', value: 129.9, currency: 'USD', order_id: 'A-1' }],
];

const partition = new PartitionState();
let actor: UserActor = newUserActor();
JOURNEY.forEach(([what, fields], i) => {
  const timestamp = START_MS + i * 45_000;
  const event_id = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`;
  const json = { event_id, session_index: i, timestamp, user_mode: 'anonymous', ...fields };
  const parsed = parseEventJson(json, timestamp);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.rejection));
  const user = 'ada' as UserToken;
  const logged = { user, sequence: (i + 1) as StreamSequence, event: parsed.event };
  const applied = applyEvent(partition, actor, logged);
  if (applied.verdict === 'accepted') actor = applied.actor;
  const { funnel, risk } = actor.value;
  const { engagement_intent, purchase_intent, churn_risk } = actor.context.intents;
  const intents = [engagement_intent, purchase_intent, churn_risk].map((p) => p.toFixed(2));
  process.stdout.write(
    `${what.padEnd(18)} ${funnel.padEnd(12)} ${risk.padEnd(9)} ` +
      `engagement ${intents[0]}  purchase ${intents[1]}  churn ${intents[2]}\n`,
  );
});
for (const [, entry] of partition.takeLedger().orders) {
  process.stdout.write(`ledger ${JSON.stringify(entry)}\n`);
}
