/**
 * Three hours of a shop in virtual time: a flash sale, a spike of traffic after a television
 * spot, and an operator's mistake that runs away. Prints what happened and why.
 *
 *     npm run build && node dist/examples/03-campaigns.js
 */
import { type Definition, VirtualEngine } from './virtual-engine.ts';

const UNIT = 1_000_000;
const SEED = 7;
const START_MS = Date.UTC(2026, 10, 27, 10);
const MINUTE_MS = 60_000;
const CALM = 2;

const FREELY = { max_per_day: 20, min_spacing_s: 30 };

function defined({ id, ...rest }: Definition): object {
  const budget_micros = 100_000 * UNIT;
  return { id, name: id, trigger_type: 'banner', budget_micros, frequency: FREELY, ...rest };
}

const BRAND = defined({
  id: 'BRAND',
  bid_micros: 0.4 * UNIT,
  daily_micros: 6_300 * UNIT,
  pacing: 'even',
  schedule: { starts_at_ms: START_MS, ends_at_ms: START_MS + 14 * 60 * MINUTE_MS },
});
const PARTNER = defined({ id: 'PARTNER', bid_micros: 0.3 * UNIT });
const CART = defined({
  id: 'CART_REMINDER',
  bid_micros: 2.5 * UNIT,
  pay_per: 'click',
  rule: 'purchase_intent > 0.15 && funnel in ["considering", "buying"]',
});
const FLASH = defined({
  id: 'FLASH_SALE',
  bid_micros: 0.9 * UNIT,
  priority: 7,
  hourly_micros: 15 * UNIT,
  multipliers: [{ when: 'interest("jackets") > 0.1', factor: 2 }],
  schedule: { starts_at_ms: START_MS + 30 * MINUTE_MS, ends_at_ms: START_MS + 60 * MINUTE_MS },
});
/** Somebody typed 40.00 for 0.40, and nearly everybody qualifies. */
const MISTAKE = defined({
  id: 'MISTAKE',
  bid_micros: 40 * UNIT,
  quality: { base: 0.9, weights: {} },
  breaker: { spend_micros: 100 * UNIT, within_s: 300 },
});

const engine = new VirtualEngine(START_MS, SEED);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const money = (micros: number): string => (micros / UNIT).toFixed(2);

/** Lets time pass and tells who won, what it cost, and what kept the others back. */
function phase(title: string, minutes: number, eventsPerSecond: number): void {
  const fromMs = engine.nowMs;
  const before = new Map([...engine.actors.keys()].map((id) => [id, engine.delivery(id)]));
  engine.receipts.length = 0;
  engine.run(minutes, eventsPerSecond);
  const times = [fromMs, engine.nowMs].map((ms) => new Date(ms).toISOString().slice(11, 16));
  say(`\n${times[0]} to ${times[1]}  ${title}`);
  for (const [id, actor] of engine.actors) {
    const now = engine.delivery(id);
    const was = before.get(id) ?? { spent_micros: 0, wins: 0, clicked: 0 };
    const spent = money(now.spent_micros - was.spent_micros).padStart(8);
    const wins = String(now.wins - was.wins).padStart(5);
    const clicks = String(now.clicked - was.clicked).padStart(4);
    const why = actor.status === 'live' ? reasons(id) : actor.status;
    say(`  ${id.padEnd(14)} ${wins} wins ${clicks} clicks ${spent} spent   ${why}`);
  }
}

/** What kept a campaign back in the decisions of this phase, most frequent first. */
function reasons(id: string): string {
  const counts = new Map<string, number>();
  for (const { candidates } of engine.receipts) {
    const reason = candidates.find(({ campaign }) => campaign === id)?.excluded;
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a).slice(0, 3);
  return sorted.map(([reason, count]) => `${reason} ${count}`).join(', ');
}

/** One decision in which a campaign won, as its receipt explains it. */
function explain(id: string): void {
  const receipt = engine.receipts.find(({ wins }) => wins[0]?.campaign === id);
  const [win] = receipt?.wins ?? [];
  if (receipt === undefined || win === undefined) return;
  const others = receipt.candidates.filter(({ campaign }) => campaign !== id);
  const told = others.map(({ campaign, excluded }) => `${campaign} ${excluded ?? 'ranked lower'}`);
  say(`  e.g. ${receipt.decision.decision_id}: ${id} pays ${money(win.price_micros)}, set by`);
  say(`       ${win.price_setter}; ${told.join(', ')}`);
}

for (const campaign of [BRAND, PARTNER, CART]) engine.launch(campaign);
phase('a quiet half hour: BRAND is paced, 7.50 a minute until midnight', 30, CALM);

engine.launch(FLASH);
phase(
  'flash sale: its tier ranks first and pays the reserve, until the hour’s budget is spent',
  30,
  CALM,
);
explain('FLASH_SALE');
phase('the sale is over', 15, CALM);

phase('a television spot: ten times the traffic; pacing keeps BRAND’s day', 10, 10 * CALM);
explain('CART_REMINDER');
phase('calm again: BRAND goes on at its pace', 20, CALM);

engine.launch(MISTAKE);
phase('an operator types 40.00 for 0.40', 10, CALM);
for (const [id, micros] of engine.runaways) {
  say(`  alert: ${id} spent ${money(micros)} within its breaker’s time: throttled, bids no more`);
}
phase('the others go on as before', 30, CALM);

say('\nno cap was passed:');
for (const [id, { campaign }] of engine.actors) {
  const { spent_micros } = engine.delivery(id);
  const caps = [
    `${money(campaign.budget_micros)} in all`,
    ...(campaign.daily_micros ? [`${money(campaign.daily_micros)} a day`] : []),
    ...(campaign.hourly_micros ? [`${money(campaign.hourly_micros)} an hour`] : []),
  ];
  say(`  ${id.padEnd(14)} spent ${money(spent_micros).padStart(7)} of ${caps.join(', ')}`);
}
