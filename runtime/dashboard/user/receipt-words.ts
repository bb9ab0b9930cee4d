/**
 * What a receipt says, in words: prices, reasons for being left out, and what would flip it.
 */
import type { Win } from '../../../protocols/decision.ts';
import type { DecisionExplanation } from '../../../protocols/live-services.ts';
import { formatMoney } from '../components/format.ts';

/** A price and who set it: `pays $0.42, set by reserve`. */
export function priceText({ price_micros, price_setter }: Win, currency: string): string {
  if (price_setter === 'house') return 'pays nothing, as nobody qualified';
  return `pays ${formatMoney(price_micros, currency)}, set by ${price_setter}`;
}

/** A reason as it is named in receipts, readable: `not_triggered` becomes `not triggered`. */
export function reasonText(reason: string): string {
  return reason.replaceAll('_', ' ');
}

type Flips = DecisionExplanation['flips'];

/** The smallest change of one bid with another winner. */
export function bidFlipText(flip: Flips['bid'], currency: string): string {
  if (flip === null) return 'No single bid, however high or low, would change the winner.';
  const { campaign, from_micros, to_micros, winner } = flip;
  const way = to_micros > from_micros ? 'raised' : 'lowered';
  const [from, to] = [from_micros, to_micros].map((each) => exactMoney(each, currency));
  return `If ${campaign} ${way} its bid from ${from} to ${to}, ${winnerText(winner)}.`;
}

/** The smallest change of one concept with another winner. */
export function conceptFlipText(flip: Flips['concept']): string {
  if (flip === null) return 'No value of any single concept would change the winner.';
  const { concept, from, to, winner } = flip;
  return `If ${concept} were ${to.toFixed(3)}, not ${from.toFixed(3)}, ${winnerText(winner)}.`;
}

function winnerText(winner: string | null): string {
  return winner === null ? 'nobody would win' : `${winner} would win`;
}

/** To the micro where cents would hide the change. */
function exactMoney(micros: number, currency: string): string {
  if (micros % 10_000 === 0) return formatMoney(micros, currency);
  return `${(micros / 1_000_000).toFixed(6)} ${currency}`;
}
