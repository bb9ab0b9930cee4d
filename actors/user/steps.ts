/**
 * Which funnel step a named behavior shows. Names are those that applications commonly use.
 */
import type { FusedState } from '../../protocols/user-snapshot.ts';

export const BEHAVIOR_STEP: Readonly<Record<string, FusedState['step']>> = {
  search: 'exploring',
  view_item: 'exploring',
  add_to_wishlist: 'considering',
  add_to_cart: 'considering',
  begin_checkout: 'buying',
  add_payment_info: 'buying',
};

/** Whether a behavior leads towards a purchase: something is put aside, in a cart or paid for. */
export function isPurchaseStep(name: string | undefined): boolean {
  const step = name === undefined ? 'none' : behaviorStep(name);
  return step === 'considering' || step === 'buying';
}

/** Names come from outside: "constructor" is a name like any other, not a property of the table. */
export function behaviorStep(name: string): FusedState['step'] {
  return Object.hasOwn(BEHAVIOR_STEP, name) ? (BEHAVIOR_STEP[name] ?? 'none') : 'none';
}
