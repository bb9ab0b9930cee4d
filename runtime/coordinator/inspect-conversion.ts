/**
 * One conversion in the ledger: its path, and what each model credits to whom.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  conversionCredits,
  creditsByName,
  MICRO_CONVERSIONS,
  type TouchCredits,
} from '../../actors/channel/conversion-credits.ts';
import { RULE_MODELS, splitExactly } from '../../actors/channel/rule-models.ts';
import type { LedgerEntry } from '../../protocols/conversion-ledger.ts';
import { decodeUserToken } from '../../protocols/ids.ts';
import type { AttributionReport, ConversionReport, Problem } from '../../protocols/services.ts';
import { ACTORS_STREAM, ledgerOfOrder } from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import type { TouchFact } from '../../protocols/user-snapshot.ts';

type Conversion = ConversionReport['conversions'][number];

/** Reads an order from the ledger, whosever it is. */
export async function inspectConversion(
  nc: NatsConnection,
  order: string,
  live: AttributionReport,
): Promise<ConversionReport | Problem> {
  const jsm = await jetstreamManager(nc);
  const effects = new Map(live.channels.map((each) => [each.channel, each.removal_effect]));
  const conversions: Conversion[] = [];
  const found = await jsm.direct.getLastMessagesFor(ACTORS_STREAM, {
    multi_last: [ledgerOfOrder(order)],
  });
  for await (const message of found) {
    const entry = upcast('ledgerEntry', message.json()) as unknown as LedgerEntry;
    const user = decodeUserToken(message.subject.split('.')[1] ?? '');
    const { v: _, order: __, ...facts } = entry;
    const user_id = 'id' in user ? user.id : '';
    conversions.push({ user_id, ...facts, credits: creditsOf(entry, effects) });
  }
  if (conversions.length === 0) {
    return { problem: `no order "${order}": no conversion with this order_id was accepted so far` };
  }
  return { order, currency: live.currency, conversions };
}

function creditsOf(entry: LedgerEntry, effects: ReadonlyMap<string, number>) {
  const { touches, t, value_micros, taken_back } = entry;
  if (taken_back || touches.length === 0) return {};
  const byModel = conversionCredits(touches, t, value_micros);
  const credits: Conversion['credits'] = {
    markov: rowsOf(touches, markovCredits(entry, effects)),
  };
  for (const model of RULE_MODELS) credits[model] = rowsOf(touches, byModel[model]);
  return credits;
}

/** A conversion divided by the removal effects of its path's channels, over their touches. */
function markovCredits(
  { touches, value_micros }: LedgerEntry,
  effects: ReadonlyMap<string, number>,
): TouchCredits {
  const counts = new Map<string, number>();
  for (const { channel } of touches) counts.set(channel, (counts.get(channel) ?? 0) + 1);
  const weights = touches.map(({ channel }) => {
    return (effects.get(channel) ?? 0) / (counts.get(channel) as number);
  });
  return {
    conversions: splitExactly(MICRO_CONVERSIONS, weights),
    micros: splitExactly(value_micros, weights),
  };
}

function rowsOf(touches: readonly TouchFact[], credits: TouchCredits) {
  const rows = (kind: 'channel' | 'campaign') =>
    creditsByName(touches, credits, kind).map(({ name, conversions, micros }) => {
      return { name, conversions: conversions / MICRO_CONVERSIONS, value_micros: micros };
    });
  return { channels: rows('channel'), campaigns: rows('campaign') };
}
